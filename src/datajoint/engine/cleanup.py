"""Statements that release what an interrupted block holds in the database."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from datajoint.backends.base import Parameters
from datajoint.engine.blocks import Block, Owner
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.logging import logger

if TYPE_CHECKING:
    from datajoint.engine.connection import Connection

__all__ = ["Cleanup", "Cleanups", "OnFailure"]

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
            When the connection was lost; the cleanup stays due. Other errors are logged: another worker
            releases the same when the lease has ended.
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
        except DataJointError as error:
            logger.info("not released after an interruption: %s", error)


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

    def __init__(self, connection: Connection, statement: tuple[str, Parameters]) -> None:
        self._connection, self._cleanup = connection, Cleanup()
        self._cleanup.statements.append(statement)

    def enter(self, owner: Owner) -> None:
        """Begin."""
        self._connection.clean_up_after(owner, self._cleanup)

    def leave(self, error: BaseException | None) -> None:
        """End."""
        if error is None:
            self._connection.cancel_cleanup(self._cleanup)
