"""Short makes that are done: what they have collected is written a little later, together (ADR 17)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from datajoint.backends.base import Parameters
from datajoint.compute.calling import raised_by
from datajoint.compute.task import MakeOutcome, MakeTask
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.journal.change import send_all
from datajoint.journal.reads import ReadsChanged
from datajoint.table.write_set import WriteSet

__all__ = ["Group", "Waiting"]

Statement = tuple[str, Parameters]

_SHORT_SECONDS = 0.01
"""A make that has taken longer is written at once."""
_LONGEST_SECONDS = 0.1
"""So long the first of them may wait."""
_MOST = 50


class Waiting:
    """A make whose results are to be written.

    Parameters
    ----------
    writes, statements
        What it has collected, and what is to be run in the same transaction.
    outcome
        What becomes of it when that is written.
    again
        Tells what becomes of it when that fails; it may make the key again.
    """

    def __init__(
        self, writes: WriteSet, statements: Sequence[Statement], outcome: MakeOutcome,
        again: Callable[[Callable[[], None]], MakeOutcome],
    ) -> None:  # fmt: skip
        self.connection, self.writes = writes.connection, writes
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

    def settle(self) -> MakeOutcome:
        """Write it, if it is not written, and return what became of it."""
        self.write()
        return self.outcome if self._error is None else self._again(self._fail)

    def _fail(self) -> None:
        assert self._error is not None  # noqa: S101 - else it is not called
        raise self._error


class Group:
    """Makes that are done and wait to be written in one transaction; an observer of those after them.

    It is written before anything reads what is in it. Where it is refused, each of its makes is written by
    itself, and no group follows: somebody else makes the same keys, perhaps, or rows are refused.

    Examples
    --------
    >>> group = Group()
    >>> group.is_due, list(group.outcomes())
    (False, [])
    """

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._tables: frozenset[TableName] = frozenset()
        self._since = 0.0
        self._is_refused = False
        self._process = os.getpid()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def is_due(self) -> bool:
        """Whether it is to be written now."""
        if not self._waiting:
            return False
        return len(self._waiting) >= _MOST or time.monotonic() - self._since > _LONGEST_SECONDS

    def takes(self, writes: WriteSet, seconds: float) -> bool:
        """Return whether what a make has collected may wait.

        Parameters
        ----------
        seconds
            How long the make has taken.
        """
        return not self._is_refused and seconds < _SHORT_SECONDS and writes.may_wait()

    def add(self, one: Waiting) -> None:
        """Let a make wait."""
        if not self._waiting:
            self._since, self._tables = time.monotonic(), frozenset()
        self._waiting.append(one)
        if not one.writes.tables <= self._tables:
            self._tables |= one.writes.tables

    def forget(self, task: MakeTask) -> None:
        """Drop the make of a task that was cancelled when it was done."""
        self._waiting = [
            one
            for one in self._waiting
            if (one.outcome.table, one.outcome.key) != (task.table, task.key) or one.is_written
        ]

    def outcomes(self) -> Iterator[MakeOutcome]:
        """Write what waits, and yield what became of each make.

        An interruption of the common transaction is raised when each of them has been written by itself.
        """
        interruption: BaseException | None = None
        try:
            self._write()
        except (KeyboardInterrupt, SystemExit) as error:
            interruption = error
        while self._waiting:
            outcome = self._waiting[0].settle()
            del self._waiting[0]
            yield outcome
        if interruption is not None:
            raise interruption

    def _write(self) -> None:
        """Write what waits in one transaction; where that is refused, nothing is written."""
        waiting = [one for one in self._waiting if not one.is_written]
        if len(waiting) < 2:
            return
        connection = waiting[0].connection
        try:
            if connection.dialect.features.server:
                send_all(connection, [statement for one in waiting for statement in one.statements])
            else:
                with connection.transaction:
                    for one in waiting:
                        one.writes.write_inside(one.statements)
        except (DataJointError, ReadsChanged):
            self._is_refused = True
            return
        for one in waiting:
            one.is_written = True

    # ---------------------------------------------------------------------- what a later make does

    def _write_now(self) -> None:
        if self._waiting and os.getpid() == self._process:  # a make may fork
            self._write()
            for one in self._waiting:
                one.write()

    def before_read(self, connection: Connection, tables: frozenset[TableName]) -> None:
        """Write what waits before it is read, or anything on another connection."""
        if self._waiting and (connection is not self._waiting[0].connection or self._tables & tables):
            self._write_now()

    def before_write(self, connection: Connection, table: TableName) -> None:
        """Write what waits before what is written at once."""
        self._write_now()

    def before_sql(self, connection: Connection, text: str) -> None:
        """Write what waits before SQL of the user's own."""
        self._write_now()

    def block(self, connection: Connection) -> AbstractContextManager[None] | None:
        """Leave blocks alone."""
        return None
