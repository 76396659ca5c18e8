"""Blocks of `with` whose end is noticed even if an interruption skips `__exit__`, and cleanups after them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Generator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from datajoint._edge import edge
from datajoint.backends.base import Parameters
from datajoint.errors import DataJointError, LostConnectionError

__all__ = ["Block", "Cleanup", "Cleanups", "OnFailure", "Owner", "Statements", "hold", "let_go"]

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
    """A context manager whose end is visible from outside, even if an interruption skips ``__exit__``.

    Invariants: `owner` is alive from before `enter` until the `with` statement is left, and dead afterwards,
    whatever was raised and where. Only the interpreter refers to what `owner` refers to: no variable,
    traceback or cycle keeps it alive. A block acquires no lock; `hold` ties one to its owner.

    Subclasses define `enter` and `leave`. An exception such as Ctrl-C may arrive after `enter` and before the
    body, or before the first line of `leave`; neither `leave` nor the body runs then.

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

    @edge
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

    @edge
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


Statements = Sequence[tuple[str, Parameters]]


class Cleanup:
    """What is to be done when a block ended and has not cancelled this; it may be done more than once.

    Parameters
    ----------
    prepare
        Called first; it must not use the connection.

    Attributes
    ----------
    statements
        Run in one transaction; a block adds the statement before it acquires what this releases.

    Examples
    --------
    >>> cleanup = Cleanup()
    >>> cleanup.statements.append(("UPDATE job SET status = 'pending'", ()))
    >>> cleanup.is_due
    False
    """

    __slots__ = ("owner", "prepare", "statements")

    def __init__(self, prepare: Callable[[], None] | None = None) -> None:
        self.prepare = prepare
        self.statements: list[tuple[str, Parameters]] = []
        self.owner: Owner | None = None

    @property
    def is_due(self) -> bool:
        """Whether the block has ended."""
        return self.owner is not None and self.owner() is None


class Cleanups:
    """The cleanups of a connection.

    Invariants: a cleanup is added before its block acquires anything, and cancelled after the block has
    released everything. `due` grows by a callback of weak references only, which is C code and needs no lock;
    `run` is called under the lock of the link. A cleanup is removed after it has run, so that an interrupted
    one runs again.

    Attributes
    ----------
    due
        Weak references to blocks that have ended. Only C code appends to it, so that no exception can be
        raised in between.
    """

    __slots__ = ("_watched", "due")

    def __init__(self) -> None:
        self.due: list[Owner] = []
        self._watched: dict[int, Cleanup] = {}  # by the id of the weak reference, which a dead one has, too

    def add(self, owner: Owner, cleanup: Cleanup) -> None:
        """Let a cleanup be due as soon as the owner of a block is dead."""
        watched = weakref.ref(owner(), self.due.append)
        cleanup.owner = watched
        self._watched[id(watched)] = cleanup

    def cancel(self, cleanup: Cleanup) -> None:
        """Forget a cleanup: its block has released all it held."""
        self._watched.pop(id(cleanup.owner), None)  # in one step, which is done or not

    def clear(self) -> None:
        """Forget all cleanups, which belong to the parent of a fork."""
        self._watched.clear()
        self.due.clear()

    def run(self, execute: Callable[[Statements], None]) -> None:
        """Do what is due.

        Parameters
        ----------
        execute
            Runs statements as a transaction.

        Raises
        ------
        LostConnectionError
            When the connection was lost; the cleanup stays due.
        """
        while self.due:
            cleanup = self._watched.get(id(self.due[0]))
            if cleanup is not None and cleanup.owner is self.due[0]:
                self._do(cleanup, execute)
                self.cancel(cleanup)
            del self.due[0]

    def _do(self, cleanup: Cleanup, execute: Callable[[Statements], None]) -> None:
        if cleanup.prepare is not None:
            cleanup.prepare()
        try:
            if cleanup.statements:
                execute(cleanup.statements)
        except LostConnectionError:
            raise
        except DataJointError:
            pass  # another worker releases the same when the lease has ended


class _Cleaned(Protocol):
    """Connection, as far as cleanups need it."""

    def clean_up_after(self, owner: Owner, cleanup: Cleanup) -> None: ...

    def cancel_cleanup(self, cleanup: Cleanup) -> None: ...


class OnFailure(Block):
    """Lets a statement run, at the next use of the connection, if the block fails or is interrupted.

    Parameters
    ----------
    connection
        Where it runs.
    statement
        Its text and parameters.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> with OnFailure(connection, ("DROP TABLE t", ())):
    ...     connection.query("CREATE TABLE t (x INTEGER)") and None
    """

    def __init__(self, connection: _Cleaned, statement: tuple[str, Parameters]) -> None:
        self._connection, self._cleanup = connection, Cleanup()
        self._cleanup.statements.append(statement)

    def enter(self, owner: Owner) -> None:
        """Begin."""
        self._connection.clean_up_after(owner, self._cleanup)

    def leave(self, error: BaseException | None) -> None:
        """End."""
        if error is None:
            self._connection.cancel_cleanup(self._cleanup)
