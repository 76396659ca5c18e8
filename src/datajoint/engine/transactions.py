"""The transactions of a connection: begun, nested by savepoints, committed, undone, ended by the database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from datajoint.engine.link import Link
from datajoint.errors import DataJointError, LostConnectionError, TransactionError

__all__ = ["Transaction", "Transactions"]

T = TypeVar("T")


class Transaction:
    """The open transaction of a connection.

    Attributes
    ----------
    before_commit
        Called, in order, as the last statements before COMMIT; this is where a block writes its event.
    depth
        Number of savepoints that are open.
    explicit
        Whether it was begun by ``start_transaction``.
    """

    __slots__ = ("before_commit", "depth", "explicit", "state", "thread")

    def __init__(self, explicit: bool) -> None:
        self.before_commit: list[Callable[[], None]] = []
        self.depth = 0
        self.explicit = explicit
        self.state: dict[str, Any] = {}
        self.thread = threading.get_ident()


class Transactions:
    """What a connection knows of its transactions; it has one open, or none.

    Parameters
    ----------
    link
        Its sessions.
    reopened
        Called when a lost session has been replaced.

    Attributes
    ----------
    current
        The open transaction, or None.
    """

    __slots__ = ("_ended", "_link", "_reopened", "current")

    def __init__(self, link: Link, reopened: Callable[[], None]) -> None:
        self._link, self._reopened = link, reopened
        self.current: Transaction | None = None
        self._ended: dict[int, Transaction] = {}  # by thread: those of blocks which have not been left yet

    def check(self) -> None:
        """Refuse what would run in a transaction of others, or outside the one it was meant for.

        Raises
        ------
        TransactionError
            When another thread is in a transaction, or the database has ended that of the present block.
        """
        if self.current is None and not self._ended:
            return
        self._check_thread()
        if threading.get_ident() in self._ended and not self.is_open:
            raise TransactionError(
                "The database has rolled back the transaction of this block; nothing more can be done in it.",
                hint="Leave the block, and run it again.",
            )

    def _check_thread(self) -> None:
        current = self.current
        if current is not None and current.thread != threading.get_ident():
            raise TransactionError(
                "This connection is in a transaction of another thread.",
                hint="Give each thread its own dj.Instance.",
            )

    @property
    def is_open(self) -> bool:
        """Whether this thread is in a transaction: one of another thread may end at any moment."""
        current = self.current
        if current is None or current.thread != threading.get_ident():
            return False
        if not self._link.session.in_transaction:
            self.end()  # the server ended it by itself
        return self.current is not None

    def end(self) -> None:
        """Note that the transaction was ended from outside; what is left of its block must not run alone."""
        if self.current is not None and not self.current.explicit:
            self._ended[self.current.thread] = self.current
        self.current = None

    def reopen(self, error: LostConnectionError) -> None:
        """Open the session again after it was lost, where that cannot lose anything."""
        if self.current is not None:
            self.end()
            raise _rolled_back() from error
        self._link.reopen(error)
        self._reopened()

    def forget(self) -> None:
        """Know of none any more: the session was left to the parent of a fork."""
        self.current = None
        self._ended.clear()

    def begin(self, explicit: bool) -> None:
        """Begin a transaction."""
        with self._link.lock:
            self.check()
            try:
                self._link.session.begin()
            except LostConnectionError as error:
                self.reopen(error)
                self._link.session.begin()
            self.current = Transaction(explicit)

    def commit(self) -> None:
        """Commit the open transaction."""
        self._check_thread()
        transaction = self.current
        if transaction is None or not self.is_open:
            raise TransactionError(
                "There is no transaction to commit.", hint="It may have been rolled back by an error."
            )
        self.check()
        try:
            for finish in transaction.before_commit:
                finish()
            with self._link.lock:
                self._commit()
                self.current = None
        except BaseException:
            self._give_up(transaction)
            raise

    def _commit(self) -> None:
        try:
            self._link.session.commit()
        except LostConnectionError as error:
            raise LostConnectionError(
                "The connection was lost during COMMIT; whether the transaction is stored is not known.",
                hint="Look for its rows before you run it again.",
                reason="unknown",
            ) from error

    def cancel(self) -> None:
        """Roll back the open transaction."""
        with self._link.lock, suppress(LostConnectionError):  # which rolls back, too
            self._check_thread()
            self.current = None
            if self._link.session.alive:
                self._link.session.rollback()

    def _give_up(self, transaction: Transaction | None) -> None:
        """Roll back a transaction of this thread; where the database has, another thread may be in one."""
        with self._link.lock:
            if self.current in (None, transaction):
                self.cancel()

    @contextmanager
    def block(self, inside: T) -> Generator[T]:
        """Commit at exit, roll back on any exception; nested, a savepoint. The block is given `inside`."""
        if self.is_open:
            with self.savepoint():
                yield inside
            return
        self.begin(explicit=False)
        transaction = self.current
        try:
            yield inside
            self.check()
            self.commit()
        except BaseException as error:
            self._ended.pop(threading.get_ident(), None)
            self._give_up(transaction)
            if isinstance(error, LostConnectionError) and error.context.get("reason") == "lost":
                raise _rolled_back() from error
            raise

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo only what is inside when it fails (TXN-2, TXN-6)."""
        transaction = self.current
        if transaction is None:
            raise TransactionError("A savepoint needs a transaction.")
        self.check()
        name = f"dj{transaction.depth}"
        finishers = len(transaction.before_commit)
        try:
            self._link.session.savepoint(name)
        except LostConnectionError as error:
            self.reopen(error)
        transaction.depth += 1
        try:
            yield
        except BaseException as error:
            del transaction.before_commit[finishers:]
            self._undo(name, error)
            raise
        finally:
            transaction.depth -= 1
        self._link.session.release(name)

    def _undo(self, name: str, error: BaseException) -> None:
        """Return to a savepoint, or note that the database has ended the transaction."""
        if not self.is_open:
            if isinstance(error, LostConnectionError) and error.context.get("reason") == "lost":
                raise _rolled_back() from error
            return
        session = self._link.session
        try:
            session.rollback_to(name)
            session.release(name)
        except DataJointError as failed:
            self.cancel()
            raise failed from error


def _rolled_back() -> LostConnectionError:
    return LostConnectionError(
        "The connection was lost inside a transaction; everything of it was rolled back.",
        hint="Run the transaction again.",
        reason="rolled_back",
    )
