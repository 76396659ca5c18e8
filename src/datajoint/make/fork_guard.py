"""A make that forks: its child ends where the make ends, and never does its parent's work a second time."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress

__all__ = ["alone"]


@contextmanager
def alone() -> Generator[None]:
    """End a fork that was made inside when it gets to the end, whether it returns or raises.

    It has the connection of its parent, and all that follows: it would store the results, and go on with the
    next key.

    Examples
    --------
    >>> with alone():
    ...     pass  # the user's make
    """
    process = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != process:
            _end(error)
        raise
    if os.getpid() != process:
        _end(None)


def _end(error: BaseException | None) -> None:
    code: object = 0
    if isinstance(error, SystemExit):
        code = error.code or 0
    elif error is not None:
        said = f"a process that a make had forked ended with {type(error).__name__}: {error}\n"
        with suppress(OSError):
            os.write(2, said.encode(errors="replace"))  # other threads may have held the locks of any stream
        code = 1
    os._exit(code if isinstance(code, int) else 1)
