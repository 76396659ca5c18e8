"""Calls to a session, which leave the connection in a known state whatever exception interrupts them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, TypeVar

from datajoint.backends.base import Cursor, Dialect, Parameters, Session
from datajoint.engine.blocks import Cleanups, Owner, Statements
from datajoint.engine.link import Link
from datajoint.errors import DataJointError, LostConnectionError, TransactionError

__all__ = ["Guard", "Stream", "Transaction"]

T = TypeVar("T")

STATEMENT_TIMEOUT = "database.statement_timeout"
_TRIES = 5


class Transaction:
    """The open transaction of a connection.

    It lives exactly as long as its block: `owners` refers weakly to the block and its savepoints, so that a
    dead reference means that one of them ended without its ``__exit__``. It changes under ``link.lock`` only.

    Parameters
    ----------
    owner
        Lives as long as the block of the transaction is not left; None if it was begun by
        ``start_transaction``.

    Attributes
    ----------
    before_commit
        Called, in order, as the last statements before COMMIT; this is where a block writes its event.
    begun
        Whether BEGIN was sent: it goes out with the first statement.
    event
        Schema and number of an event that is stored if and only if the transaction is; None if there is none.
    explicit
        Whether it was begun by ``start_transaction``.
    owners
        Those of the block and of its savepoints.
    """

    __slots__ = ("before_commit", "begun", "event", "explicit", "owners", "state", "thread")

    def __init__(self, owner: Owner | None = None) -> None:
        self.before_commit: list[Callable[[], None]] = []
        self.begun = False
        self.event: tuple[str, int] | None = None
        self.explicit = owner is None
        self.owners: list[Owner] = [] if owner is None else [owner]
        self.state: dict[str, Any] = {}
        self.thread = threading.get_ident()

    @property
    def is_abandoned(self) -> bool:
        """Whether an exception has kept its block, or a savepoint in it, from being left in order."""
        # Asked before each statement; a generator expression takes several times as long.
        for owner in self.owners:  # noqa: SIM110
            if owner() is None:
                return True
        return False

    @property
    def is_inside(self) -> bool:
        """Whether its block is not left."""
        return not self.explicit and self.owners[0]() is not None


class Stream:
    """The rows of a SELECT in chunks; dropped, it is closed before the next statement."""

    __slots__ = ("__weakref__", "_chunks", "_guard")

    def __init__(self, guard: Guard, chunks: Generator[list[Any]]) -> None:
        self._guard, self._chunks = guard, chunks

    def read(self) -> list[Any] | None:
        """Return the next rows, None at the end."""
        guard = self._guard
        with guard.link.lock:
            guard.settle()
            rows: list[Any] | None = guard.act(next, self._chunks, None)  # type: ignore[arg-type]
            if rows is None:
                guard.forget_stream(self)
            return rows


class Guard:
    """The only way to the session of a connection.

    Invariants, after any exception between any two bytecodes or inside the driver (Ctrl-C, the exception of a
    timeout, one set from another thread):

    - ``link.doubt`` is true from before a call to the session until `current` and `Transaction.begun` agree
      with what the call did. A `DataJointError` reports what happened and ends the doubt; any other exception
      leaves it.
    - While ``link.doubt`` is true, or the block of `current` has ended without its ``__exit__``, nothing is
      sent. The next use calls `settle`, which drops the session without speaking to the server, because the
      answer to an interrupted statement may still arrive.
    - At most one transaction is open, and one thread owns it. Its block is held by weak references only.
    - `cleanups` run outside transactions, before the next statement.

    Lock order: ``link.lock``, a reentrant lock, is the only lock of a connection. Callers of all methods hold
    it; `is_open` acquires it only where another thread may be in a call. Under it, SQLite acquires the
    lock of its file, and nothing acquires another one. `Whole` holds it for the length of a transaction.

    Parameters
    ----------
    link
        Its sessions.
    reopened
        A method that is called when a session has been replaced.

    Attributes
    ----------
    cleanups
        What interrupted blocks left in the database; the next statement outside a transaction releases it.
    current
        The open transaction, or None.
    ended
        Transactions that the database has ended, or an interruption, by thread: their blocks are not left.
    number
        Grows whenever what a session was doing may have been lost.
    """

    __slots__ = ("_reopened", "_streams", "cleanups", "current", "ended", "link", "number")

    def __init__(self, link: Link, reopened: Callable[[], None]) -> None:
        self.link = link
        self._reopened = weakref.WeakMethod(reopened)
        self._streams: dict[weakref.ref[Stream], Generator[list[Any]]] = {}
        self.current: Transaction | None = None
        self.ended: dict[int, Transaction] = {}
        self.number = 0
        self.cleanups = Cleanups()

    @property
    def dialect(self) -> Dialect:
        """How SQL is written for the present session."""
        return self.link.session.dialect

    # ------------------------------------------------------------------------------------------- calls

    def execute(self, text: str, parameters: Parameters = (), core: bool = False) -> Cursor:
        """Run one statement; see `Session.execute`."""
        link = self.link
        # The fast path of a query outside a transaction: all that `_prepare` looks at is as it should be.
        if link.doubt or self.current is not None or self.ended or self._streams or self.cleanups.due:
            self._prepare()
        session = link.session
        limit = link.config.setting(STATEMENT_TIMEOUT)
        if limit is not session.limit:
            session.limit = limit or None
        link.doubt = True
        try:
            cursor = session.execute(text, parameters, core)
        except DataJointError:
            link.doubt = False
            raise
        link.doubt = False
        return cursor

    def call(self, act: Callable[..., T], *arguments: Any) -> T:
        """Call ``act(session, *arguments)``, and what it does to the state of this side is part of it."""
        self._prepare()
        link = self.link
        link.doubt = True
        try:
            result = act(link.session, *arguments)
        except DataJointError:
            link.doubt = False
            raise
        link.doubt = False
        return result

    def act(self, act: Callable[..., T], *arguments: Any) -> T:
        """Call what speaks to the database."""
        link = self.link
        link.doubt = True
        try:
            result = act(*arguments)
        except DataJointError:
            link.doubt = False
            raise
        link.doubt = False
        return result

    def ping(self) -> None:
        """Ask for a sign of life; see `Session.ping`."""
        self.settle()
        self.act(self.link.session.ping)

    def stream(self, text: str, parameters: Parameters, size: int, core: bool) -> Stream:
        """Return what reads the rows of a SELECT."""
        self._prepare()
        chunks = self.link.session.stream(text, parameters, size, core)
        stream = Stream(self, chunks)
        self._streams[weakref.ref(stream)] = chunks
        return stream

    def forget_stream(self, stream: Stream) -> None:
        """Note that a stream was read to its end."""
        self._streams.pop(weakref.ref(stream), None)

    def _prepare(self) -> None:
        """See that a statement may run, in the transaction that it is meant for."""
        self.check()
        if self._streams:
            self._close_dropped()
        current = self.current
        if current is None or not current.begun:
            if self.cleanups.due:
                self._clean_up()
            if current is not None:
                self._begin(current)
        self.link.session.limit = self.link.config.setting(STATEMENT_TIMEOUT) or None

    def _clean_up(self) -> None:
        try:
            self.cleanups.run(self._execute_whole)
        except LostConnectionError as error:
            self.reopen(error)
            self.cleanups.run(self._execute_whole)

    def _execute_whole(self, statements: Statements) -> None:
        """Run statements as a transaction, again where the database gives it up in favour of others."""
        for _ in range(_TRIES):
            try:
                self.act(_execute_whole, self.link.session, statements)
            except TransactionError as error:
                if error.context.get("reason") != "serialize":
                    raise
            else:
                return

    def _close_dropped(self) -> None:
        for stream in [stream for stream in self._streams if stream() is None]:
            self.act(self._streams.pop(stream).close)

    # ---------------------------------------------------------------------------------- interruptions

    @property
    def _is_doubtful(self) -> bool:
        return self.link.doubt or (self.current is not None and self.current.is_abandoned)

    def settle(self) -> None:
        """Bring the session into a known state after an interruption; may be repeated.

        Raises
        ------
        LostConnectionError
            When another session cannot be opened, or is not wanted (``database.reconnect``).
        """
        if not self._is_doubtful:
            return
        self.drop()
        if self.link.doubt:
            try:
                self.link.renew()
            except LostConnectionError as error:
                error.context["sent"] = False
                raise
            self._told_of_renewal()
            self.link.doubt = False

    def drop(self) -> None:
        """Undo whatever an interruption has left, without a word to the server."""
        self.link.doubt = True
        self.number += 1
        self.end()
        if self.link.session.recover():
            self.link.doubt = False

    def check(self) -> None:
        """Refuse what would run in a transaction of others, or outside the one it was meant for.

        Raises
        ------
        TransactionError
            When another thread is in a transaction, or that of the present block has been ended.
        """
        current = self.current
        if self.link.doubt or (current is not None and current.is_abandoned):
            self.settle()
            current = self.current
        here = threading.get_ident()
        if current is not None and current.thread != here:
            raise TransactionError(
                "This connection is in a transaction of another thread.",
                hint="Give each thread its own dj.Instance.",
            )
        ended = self.ended.get(here) if self.ended else None
        if ended is None or self.is_open:
            return
        if ended.is_inside:
            raise TransactionError(
                "The database has rolled back the transaction of this block, or an interruption has; nothing "
                "more can be done in it.",
                hint="Leave the block, and run it again.",
            )
        del self.ended[here]

    def reopen(self, error: LostConnectionError) -> None:
        """Open the session again after it was lost, where that cannot lose anything."""
        if self.current is not None and self.current.begun:
            self.end()
            raise rolled_back() from error
        self.link.doubt = True
        self.number += 1
        self.link.reopen(error)
        self._told_of_renewal()
        self.link.doubt = False

    def _told_of_renewal(self) -> None:
        reopened = self._reopened()
        if reopened is not None:
            reopened()

    def after_fork(self) -> None:
        """Know of nothing any more: the session was left to the parent of a fork."""
        self.current = None
        self.ended.clear()
        self.cleanups.clear()
        self.link.inherited.extend(self._streams.values())
        self._streams.clear()

    # ----------------------------------------------------------------------------------- transactions

    @property
    def is_open(self) -> bool:
        """Whether this thread is in a transaction: one of another thread may end at any moment."""
        current = self.current
        if current is None or current.thread != threading.get_ident():
            return False
        if self._is_doubtful:
            with self.link.lock:  # another thread may be in the midst of a call
                if self._is_doubtful:
                    return False
        if current.begun and not self.link.session.in_transaction:
            self.end()  # the server ended it by itself
        return self.current is not None

    def end(self) -> None:
        """Note that the transaction was ended from outside; what is left of its block must not run alone."""
        current = self.current
        if current is not None and current.is_inside:
            self.ended[current.thread] = current
        self.current = None

    def _begin(self, transaction: Transaction) -> None:
        try:
            self._send_begin(transaction)
        except LostConnectionError as error:
            self.reopen(error)
            self._send_begin(transaction)

    def _send_begin(self, transaction: Transaction) -> None:
        link = self.link
        link.doubt = True
        try:
            link.session.begin()
            transaction.begun = True
        except DataJointError:
            link.doubt = False
            raise
        link.doubt = False

    def commit(self, transaction: Transaction) -> None:
        """Send COMMIT, unless nothing was sent before.

        Raises
        ------
        TransactionError
            When it is not the open transaction any more.
        """
        self.check()
        if self.current is not transaction:
            raise TransactionError("The transaction was rolled back, because it was interrupted.")

        link = self.link
        link.doubt = True
        try:
            if transaction.begun:
                link.session.commit()
            self.current = None
        except DataJointError:
            link.doubt = False
            raise
        link.doubt = False

    def rollback(self) -> None:
        """Undo the open transaction, and whatever the session may be in."""
        if self._is_doubtful:
            self.drop()
            return
        current = self.current

        def rollback() -> None:
            self.current = None
            session = self.link.session
            if session.alive and (current is None or current.begun):
                session.rollback()

        self.act(rollback)

    def close(self) -> None:
        """Close the session; an open transaction is rolled back."""
        self.end()
        if self.cleanups.due and self.link.session.alive:
            with suppress(DataJointError), self.link.lock:
                self._prepare()
        self.link.close()


def _execute_whole(session: Session, statements: Statements) -> None:
    session.begin()
    try:
        for text, parameters in statements:
            session.execute(text, parameters)
        session.commit()
    except DataJointError:
        if session.alive:
            session.rollback()
        raise


def rolled_back() -> LostConnectionError:
    """Return the error that says that all of a transaction was lost with its connection.

    Examples
    --------
    >>> rolled_back().context["reason"]
    'rolled_back'
    """
    return LostConnectionError(
        "The connection was lost inside a transaction; everything of it was rolled back.",
        hint="Run the transaction again.",
        reason="rolled_back",
    )
