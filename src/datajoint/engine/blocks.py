"""Blocks of `with` whose end can be noticed even if an exception kept their `__exit__` from running."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Generator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

__all__ = ["Block", "Owner", "hold", "let_go"]

Owner = weakref.ref[Any]
"""Refers weakly to what lives exactly as long as a block is not left."""


class _Exit:
    """Gives `with` an ``__exit__`` that nothing but the `with` statement holds.

    The interpreter keeps it on the stack of the frame, whose unwinding cannot be interrupted. A traceback
    keeps frames and their variables, the block among them, but not this.
    """

    def __get__(self, block: Block | None, cls: type[Block]) -> Any:
        if block is None:  # of an ExitStack
            return cls.left
        leave = partial(cls.left, block)
        if block.owner is None or block.owner() is None:
            block.owner = weakref.ref(leave)
        return leave


class Block:
    """A context manager that others can see to be left: `owner` is dead then, whatever was raised where.

    Subclasses define `enter` and `leave`. Python may raise an exception (Ctrl-C, an exception set from
    another thread) after `enter` and before the body, or before the first line of `leave`; neither runs then.

    Attributes
    ----------
    owner
        Refers to what lives as long as the block is not left.

    Examples
    --------
    >>> block = Block()
    >>> with block:
    ...     block.owner() is None
    False
    >>> block.owner() is None
    True
    """

    owner: Owner | None = None

    def __enter__(self) -> Any:
        if self.owner is None:  # called by hand: the block is left when it is dropped
            self.owner = weakref.ref(self)
        return self.enter(self.owner)

    if TYPE_CHECKING:

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None: ...

    else:
        __exit__ = _Exit()

    def enter(self, owner: Owner) -> Any:
        """Begin; what is begun lasts as long as the owner lives."""
        return self

    def leave(self, error: BaseException | None) -> None:
        """End, after an exception or without one, which goes its way."""

    def left(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, as ``__exit__``."""
        self.leave(error)


def hold(lock: threading.RLock, owner: Owner) -> None:
    """Acquire a lock for an owner; it is released by `let_go`, or with the owner.

    Examples
    --------
    >>> lock, block = threading.RLock(), Block()
    >>> with block:
    ...     hold(lock, block.owner)
    >>> lock._is_owned()
    False
    """
    # No moment is left at which the lock is held and nobody would release it: the generator belongs to the
    # owner, and to no variable, before it acquires anything, and `with` is not interrupted before its body.
    owner().held = _holding(lock)  # type: ignore[union-attr]
    next(owner().held)  # type: ignore[union-attr]


def let_go(owner: Owner) -> None:
    """Release what `hold` has acquired.

    Examples
    --------
    >>> lock, block = threading.RLock(), Block()
    >>> with block:
    ...     hold(lock, block.owner)
    ...     let_go(block.owner)
    ...     lock._is_owned()
    False
    """
    owner().held.close()  # type: ignore[union-attr]


def _holding(lock: threading.RLock) -> Generator[None]:
    with lock:
        yield
