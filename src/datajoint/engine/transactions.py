"""The transactions of a connection: begun, nested by savepoints, committed, undone, ended by the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from datajoint.backends.base import Session
from datajoint.engine import unanswered
from datajoint.engine.blocks import Block, Owner, hold, let_go
from datajoint.engine.guard import Guard, Transaction, rolled_back
from datajoint.errors import DataJointError, LostConnectionError, TransactionError

__all__ = ["Inside", "Savepoint", "TransactionBlock", "Transactions", "Whole"]

Before = tuple[int, tuple[str, int] | None]
"""The number of things to do before COMMIT, and the event of the transaction, at a savepoint."""


class Transactions:
    """What a connection does with its transactions; it has one open, or none.

    Parameters
    ----------
    guard
        Where its statements go.
    """

    __slots__ = ("guard",)

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def start(self) -> None:
        """Begin a transaction that lasts until it is committed or cancelled."""
        guard = self.guard
        with guard.link.lock:
            guard.check()
            transaction = Transaction()
            try:
                guard.current = transaction
                guard.call(_nothing)
            except DataJointError:
                guard.current = None
                raise
            except BaseException:
                guard.link.doubt = True
                raise

    def begin(self, owner: Owner) -> Transaction:
        """Note that a transaction begins with the next statement."""
        guard = self.guard
        with guard.link.lock:
            guard.check()
            transaction = guard.current = Transaction(owner)
        return transaction

    def commit(self) -> None:
        """Commit the open transaction."""
        guard = self.guard
        with guard.link.lock:
            guard.check()
            transaction = guard.current
            if transaction is None or not guard.is_open:
                raise TransactionError(
                    "There is no transaction to commit.", hint="It may have been rolled back by an error."
                )
        try:
            for finish in transaction.before_commit:
                finish()
            with guard.link.lock:
                try:
                    guard.commit(transaction)
                except LostConnectionError as error:
                    guard.current = None
                    if not self._was_stored(transaction, error):
                        raise unanswered.not_stored(transaction.event) from error
        except BaseException:
            self._give_up(transaction)
            raise

    def _was_stored(self, transaction: Transaction, error: LostConnectionError) -> bool:
        """Look up on another session whether a transaction was stored whose COMMIT was not answered.

        Raises
        ------
        LostConnectionError
            When that cannot be known.
        """
        guard, event = self.guard, transaction.event
        if event is not None:
            with suppress(DataJointError):
                guard.reopen(error)
                found = unanswered.is_stored(guard, *event)
                if found or guard.link.is_alone:
                    return found
        raise unanswered.commit(event) from error

    def cancel(self) -> None:
        """Roll back the open transaction."""
        guard = self.guard
        with guard.link.lock, suppress(LostConnectionError):  # which rolls back, too
            current = guard.current
            if current is not None and not current.is_abandoned and current.thread != threading.get_ident():
                guard.check()
            guard.rollback()

    def _give_up(self, transaction: Transaction | None) -> None:
        """Roll back a transaction of this thread; where the database has, another thread may be in one."""
        with self.guard.link.lock:
            if self.guard.current in (None, transaction):
                self.cancel()

    def finish(self, transaction: Transaction, error: BaseException | None) -> None:
        """End the transaction of a block: commit it, or roll it back after an error."""
        if error is None:
            try:
                with self.guard.link.lock:
                    self.guard.check()
                self.commit()
            except BaseException as failed:
                self._abort(transaction, failed)
                raise
        else:
            self._abort(transaction, error)

    def _abort(self, transaction: Transaction, error: BaseException) -> None:
        if isinstance(error, GeneratorExit):
            # The garbage collector may have thrown it, in the midst of anything: nothing is sent. The owner
            # of the block is gone in a moment, so that the next statement undoes the transaction.
            if not self.guard.link.session.dialect.features.server and not self.guard.link.doubt:
                self.guard.drop()  # which sends nothing, and lets other processes write
            return
        self._give_up(transaction)
        self.guard.ended.pop(threading.get_ident(), None)
        if isinstance(error, LostConnectionError) and error.context.get("reason") == "lost":
            raise rolled_back() from error

    # ------------------------------------------------------------------------------------- savepoints

    def set_savepoint(self, owner: Owner) -> tuple[Transaction, Before]:
        """Set a savepoint; return its transaction, and what a return to it restores."""
        guard = self.guard
        with guard.link.lock:
            guard.check()
            transaction = guard.current
            if transaction is None:
                raise TransactionError("A savepoint needs a transaction.")

            def set_it(session: Session) -> None:
                session.savepoint(_name(transaction))
                transaction.owners.append(owner)

            try:
                guard.call(set_it)
            except LostConnectionError as error:
                guard.reopen(error)
                raise
            return transaction, (len(transaction.before_commit), transaction.event)

    def leave_savepoint(
        self, transaction: Transaction, owner: Owner, before: Before, error: BaseException | None
    ) -> None:
        """Release a savepoint, or return to it after an error."""
        guard = self.guard
        with guard.link.lock:
            if error is None:
                guard.call(_release, transaction, owner)
                return
            finishers, transaction.event = before
            del transaction.before_commit[finishers:]
            if not guard.is_open or guard.current is not transaction:  # the database has ended it, or we have
                if isinstance(error, LostConnectionError) and error.context.get("reason") == "lost":
                    raise rolled_back() from error
                return
            try:
                guard.call(_undo, transaction, owner)
            except DataJointError as failed:
                self.cancel()
                raise failed from error


def _nothing(session: Session) -> None:
    """Send what is to be sent before a statement."""


def _name(transaction: Transaction, owner: Owner | None = None) -> str:
    owners = transaction.owners
    return f"dj{len(owners) if owner is None else owners.index(owner)}"


def _release(session: Session, transaction: Transaction, owner: Owner) -> None:
    session.release(_name(transaction, owner))
    del transaction.owners[transaction.owners.index(owner) :]


def _undo(session: Session, transaction: Transaction, owner: Owner) -> None:
    session.rollback_to(_name(transaction, owner))
    _release(session, transaction, owner)


class Savepoint(Block):
    """Undoes only what is inside when it fails (TXN-2, TXN-6)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def enter(self, owner: Owner) -> None:
        """Set the savepoint."""
        self._set = owner
        self._transaction, self._before = self._transactions.set_savepoint(owner)

    def leave(self, error: BaseException | None) -> None:
        """Release the savepoint, or return to it."""
        self._transactions.leave_savepoint(self._transaction, self._set, self._before, error)


class TransactionBlock(Block):
    """A transaction, committed at exit, rolled back on any exception; in another one, a savepoint.

    Parameters
    ----------
    transactions
        Of the connection.
    inside
        What the block is given.
    """

    def __init__(self, transactions: Transactions, inside: Any) -> None:
        self._transactions, self._inside = transactions, inside
        self._part: Savepoint | None = None

    def enter(self, owner: Owner) -> Any:
        """Begin."""
        self._part = Savepoint(self._transactions) if self._transactions.guard.is_open else None
        if self._part is None:
            self._transaction = self._transactions.begin(owner)
        else:
            self._part.enter(owner)
        return self._inside

    def leave(self, error: BaseException | None) -> None:
        """End."""
        if self._part is None:
            self._transactions.finish(self._transaction, error)
        else:
            self._part.leave(error)


class Inside(Block):
    """The block of an observer in place of a transaction, inside a make.

    Parameters
    ----------
    instead
        The block.
    inside
        What the `with` statement is given.
    """

    def __init__(self, instead: Block, inside: Any) -> None:
        self._instead, self._inside = instead, inside

    def enter(self, owner: Owner) -> Any:
        """Begin."""
        self._instead.enter(owner)
        return self._inside

    def leave(self, error: BaseException | None) -> None:
        """End."""
        self._instead.leave(error)


class Whole(Block):
    """Internal transaction: other threads wait for its end; those of users last as long as they like.

    Invariants: ``link.lock`` is acquired before the transaction begins and released after it has ended. The
    lock belongs to the owner of the block (`hold`), so that it is released with the block even if an
    interruption keeps ``__exit__`` from running.

    Lock order: ``link.lock`` first, then the lock of the file (SQLite). ``link.lock`` is reentrant: a `Whole`
    inside another one acquires it again.

    Parameters
    ----------
    transactions
        The transactions of the connection.
    block
        Makes the transaction.
    """

    def __init__(self, transactions: Transactions, block: Callable[[], Block]) -> None:
        self._transactions, self._make = transactions, block

    def enter(self, owner: Owner) -> Any:
        """Begin."""
        self._holder = owner
        hold(self._transactions.guard.link.lock, owner)
        self._block = self._make()
        return self._block.enter(owner)

    def leave(self, error: BaseException | None) -> None:
        """End, inside another block."""
        self.left(None, error, None)

    def left(  # no edge: internal code uses this block, and no user
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, as ``__exit__``."""
        try:
            self._block.leave(error)
        finally:
            let_go(self._holder)
