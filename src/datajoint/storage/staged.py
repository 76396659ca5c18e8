"""Objects that a call has written for rows which may yet be refused (INS-16)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar

from datajoint.errors import StorageError

__all__ = ["note", "taken_back", "taken_back_if"]

_written: ContextVar[list[Callable[[], object]] | None] = ContextVar("written", default=None)


def note(undo: Callable[[], object]) -> None:
    """Remember how to take back an object that did not exist before.

    Examples
    --------
    >>> note(lambda: None)  # outside of an insert: garbage collection will find it
    """
    steps = _written.get()
    if steps is not None:
        steps.append(undo)


@contextmanager
def taken_back() -> Generator[None]:
    """Take back the objects that were written inside, if the block ends with an error.

    Within another such block they are handed to it, which may fail yet: a make whose rows were collected.

    Examples
    --------
    >>> undone = []
    >>> try:
    ...     with taken_back():
    ...         note(lambda: undone.append("a"))
    ...         raise ValueError
    ... except ValueError:
    ...     undone
    ['a']
    """
    steps: list[Callable[[], object]] = []
    outer = _written.get()
    token = _written.set(steps)
    try:
        yield
    except BaseException:
        for undo in reversed(steps):
            with suppress(StorageError):  # what cannot be taken back is garbage; the first error counts
                undo()
        raise
    finally:
        _written.reset(token)
    if outer is not None:
        outer.extend(steps)


_NOTHING = nullcontext()


def taken_back_if(writes_objects: bool) -> AbstractContextManager[None]:
    """Return `taken_back` where objects are written, else a block that does nothing.

    Examples
    --------
    >>> with taken_back_if(False):
    ...     note(lambda: None)
    """
    return taken_back() if writes_objects else _NOTHING
