"""Short makes that are done: what they have collected is written a little later, together (ADR 17)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from datajoint.backends.base import Parameters
from datajoint.compute.calling import raised_by
from datajoint.compute.task import MakeOutcome, MakeTask
from datajoint.engine.connection import Connection
from datajoint.engine.observe import unobserved
from datajoint.errors import DataJointError, TransactionError
from datajoint.heading.names import TableName
from datajoint.journal.change import send_all
from datajoint.journal.reads import ReadsChanged
from datajoint.table.write_set import WriteSet

__all__ = ["Group", "Waiting"]

Statement = tuple[str, Parameters]
Rerun = Callable[[MakeTask, Callable[[], MakeOutcome]], MakeOutcome]

_SHORT_SECONDS = 0.01
"""A make that has taken longer is written at once."""
_LONGEST_SECONDS = 0.1
"""So long the first of them may wait."""
_MOST = 50
_LARGEST, _MOST_BYTES = 1 << 16, 1 << 20
"""Of the rows of one make, and of all together."""


class Waiting:
    """A make whose results are to be written.

    Parameters
    ----------
    task
        What was made.
    writes, statements
        What it has collected, and what is to be run in the same transaction.
    outcome
        What becomes of it when that is written.
    again
        Tells what becomes of it when that fails, given what raises why; it may make the key again.
    """

    def __init__(
        self, task: MakeTask, writes: WriteSet, statements: Sequence[Statement], outcome: MakeOutcome,
        again: Callable[[Callable[[], None]], MakeOutcome],
    ) -> None:  # fmt: skip
        self.task, self.writes = task, writes
        self._closing = statements
        self.statements = writes.statements(statements)
        self.outcome, self._again = outcome, again
        self.is_written = False
        self._error: BaseException | None = None

    def write(self) -> None:
        """Write it alone, if it is not written; an error is kept for its outcome."""
        if self.is_written or self._error is not None:
            return
        self._error = raised_by(self.writes.finish, self._closing)
        self.is_written = self._error is None

    def told(self, rerun: Rerun) -> MakeOutcome:
        """Return what became of it, after `write`."""
        if self._error is None:
            return self.outcome
        return rerun(self.task, lambda: self._again(self._fail))

    def _fail(self) -> None:
        assert self._error is not None  # noqa: S101 - else it is not called
        raise self._error


class Group:
    """Makes that are done and wait to be written in one transaction; an observer of those after them.

    It is written before anything is done that might notice, and by a thread of its own when a later make
    takes long. Where it is refused, each of its makes is written by itself, and no group follows: somebody
    else makes the same keys, perhaps, or rows are refused.

    Parameters
    ----------
    rerun
        Makes the key of a task again, in its way.

    Examples
    --------
    >>> group = Group(lambda task, make: make())
    >>> group.is_due, list(group.outcomes())
    (False, [])
    """

    def __init__(self, rerun: Rerun) -> None:
        self._rerun = rerun
        self._waiting: list[Waiting] = []
        self._tables: frozenset[TableName] = frozenset()
        self._bytes = 0
        self._since = 0.0
        self._is_refused = False
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def is_due(self) -> bool:
        """Whether it is to be written now."""
        if not self._waiting:
            return False
        is_full = len(self._waiting) >= _MOST or self._bytes >= _MOST_BYTES
        return is_full or time.monotonic() - self._since > _LONGEST_SECONDS

    def takes(self, writes: WriteSet, seconds: float) -> bool:
        """Return whether what a make has collected may wait.

        Parameters
        ----------
        seconds
            How long the make has taken.
        """
        if self._is_refused or seconds >= _SHORT_SECONDS or writes.size > _LARGEST:
            return False
        return writes.may_wait()

    def add(self, one: Waiting) -> None:
        """Let a make wait."""
        with self._lock:
            if not self._waiting:
                self._since, self._bytes, self._tables = time.monotonic(), 0, frozenset()
                self._start_timer()
            self._waiting.append(one)
            self._bytes += one.writes.size
            if not one.writes.tables <= self._tables:
                self._tables |= one.writes.tables

    def forget(self, task: MakeTask) -> None:
        """Drop the make of a task that was cancelled when it was done."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one.task is not task or one.is_written]

    def outcomes(self) -> Iterator[MakeOutcome]:
        """Write what waits, and yield what became of each make, in order.

        After the first that fails nothing is written before that is told: who is told may want no more. But
        an interruption is raised when all of them are written.
        """
        with self._lock:
            self._stop_timer()
        try:
            self._write_together()
            while self._waiting:
                one = self._waiting[0]
                self._write_alone(one)
                outcome = one.told(self._rerun)
                del self._waiting[0]
                yield outcome
        except (KeyboardInterrupt, SystemExit):
            self.write()
            raise

    def written(self) -> Iterator[MakeOutcome]:
        """Yield the outcomes of those that are written; the others are dropped."""
        with self._lock:
            self._stop_timer()
            waiting, self._waiting = self._waiting, []
        for one in waiting:
            if one.is_written:
                yield one.outcome

    def write(self) -> None:
        """Write what waits: together, or else each by itself."""
        if not self._waiting or os.getpid() != self._process:  # a make may fork
            return
        with self._lock:
            self._write_together()
            for one in self._waiting:
                self._write_alone(one)

    def _write_alone(self, one: Waiting) -> None:
        with self._lock, unobserved(), one.writes.connection.held():
            one.write()

    def _write_together(self) -> None:
        """Write what waits in one transaction; where that is refused, nothing is written."""
        with self._lock:
            waiting = [one for one in self._waiting if not one.is_written]
            if len(waiting) < 2 or self._is_refused:
                return
            connection = waiting[0].writes.connection
            try:
                with unobserved(), connection.held():
                    self._send(connection, waiting)
            except (DataJointError, ReadsChanged):
                self._is_refused = True
                return
            for one in waiting:
                one.is_written = True

    @staticmethod
    def _send(connection: Connection, waiting: Sequence[Waiting]) -> None:
        if connection.dialect.features.server:
            send_all(connection, [statement for one in waiting for statement in one.statements])
            return
        with connection.transaction:
            for one in waiting:
                one.writes.write_inside(one.statements)

    def _start_timer(self) -> None:
        self._timer = threading.Timer(_LONGEST_SECONDS, self._write_late)
        self._timer.daemon = True
        self._timer.start()

    def _write_late(self) -> None:
        """Write what waits while a later make runs; wait on where the connection is in a transaction."""
        with self._lock:
            if not self._waiting or self._timer is not threading.current_thread():
                return
            connection = self._waiting[0].writes.connection
            with connection.held():
                try:
                    connection.check()
                except TransactionError:
                    self._start_timer()
                else:
                    self.write()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---------------------------------------------------------------------- what a later make does

    def before_read(self, connection: Connection, tables: frozenset[TableName]) -> None:
        """Write what waits before it is read, or its events are, or anything on another connection."""
        if not self._waiting:
            return
        ours = connection is self._waiting[0].writes.connection
        if not ours or self._tables & tables or any(table.name.startswith("~") for table in tables):
            self.write()

    def before_write(self, connection: Connection, table: TableName) -> None:
        """Write what waits before what is written at once."""
        self.write()

    def before_sql(self, connection: Connection, text: str) -> None:
        """Write what waits before SQL of the user's own."""
        self.write()

    def block(self, connection: Connection) -> AbstractContextManager[None] | None:
        """Write what waits before another connection begins a transaction, which may keep us from writing."""
        if self._waiting and connection is not self._waiting[0].writes.connection:
            self.write()
        return None
