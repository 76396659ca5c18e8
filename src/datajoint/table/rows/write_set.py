"""Writes of a make, collected until it ends and written in one short transaction."""

from __future__ import annotations

import re
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from datajoint.engine.blocks import Block, Owner
from datajoint.engine.connection import Connection
from datajoint.engine.observe import observing
from datajoint.errors import DataJointError, LostConnectionError, TransactionError
from datajoint.heading.names import TableName
from datajoint.journal.events.change import change, took_place
from datajoint.journal.events.event import EventRecord, Origin, enabled, is_clash, new_id
from datajoint.journal.events.packet import Statement, send, undivided
from datajoint.journal.events.scope import Scope, enter
from datajoint.journal.events.write_event import event_statement, store
from datajoint.journal.reads.recording import CONNECTION, SQL, THREADS, ReadLog
from datajoint.table.rows.collected import Insert, Part, explain_inserts, step_events
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.layout import layout_of
from datajoint.table.rows.metadata import Run, job_statements
from datajoint.table.rows.mode import Mode
from datajoint.table.rows.row_sources import caller_depth
from datajoint.table.rows.write_rows import is_small, statements_for, write_batches, write_many

if TYPE_CHECKING:
    from datajoint.table.rows.check import Check

__all__ = ["WriteSet"]

_READS = re.compile(r"\s*(select|show|describe|explain)\b", re.IGNORECASE)
_FEW = 50
"""Up to so many rows a set is sent as one packet."""

_SMALL = 1 << 16
"""Up to so many bytes they are sent as one statement."""

_RENEWALS = 10
"""So often the same values may come in new versions between confirmation and COMMIT."""


class _Collecting(Block):
    """Collects what a context inserts; an exception discards everything."""

    def __init__(self, writes: WriteSet) -> None:
        self._writes, self._observing = writes, observing(writes)

    def enter(self, owner: Owner) -> WriteSet:
        """Begin."""
        self._writes._collecting = owner
        self._writes.connection.observers[id(self._writes)] = self._writes
        self._observing.__enter__()
        return self._writes

    def leave(self, error: BaseException | None) -> None:
        """End."""
        try:
            if error is not None:
                self._writes.abort()
        finally:
            self._observing.__exit__(None, None, None)
            self._writes.connection.observers.pop(id(self._writes), None)


class WriteSet(Block):
    """The writes of one make.

    Inserts into the table and its parts are collected; whatever must see them, or writes elsewhere, *pins*
    the set: it is written into a transaction that stays open until `finish` or `abort`, or the set is left.

    Parameters
    ----------
    connection, name
        The table that is made, and where.
    origin
        The code and the environment that make it.
    run
        What is made for which key, since when.
    kind
        Kind of its event.

    Attributes
    ----------
    event
        Id of the event of the make: the rows of the table carry it.
    pinned
        Whether the set is in an open transaction.
    own_rows
        Number of rows inserted into the table itself.
    checks
        Checks of the tables that rows were inserted into, to be run at the end.
    reads
        What takes down the reads of the make, None where they are not recorded.
    beside
        What the rows depend on beside code and reads, in words for the event; `_details` adds what it did.
    written, ran_sql, went_elsewhere
        Tables written to beside what is collected; whether it ran SQL of its own, or used another connection.
    also
        Other tables whose inserts are collected, too; parts go with their master.
    must_not_pin
        Whether nothing may be written before the end: rows of the key are there already.
    watching
        Whether it does so; it does not while we look at what the make has done.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> write_set = WriteSet(connection, TableName("lab", "__fit"))
    >>> with write_set.running():
    ...     pass  # the user's make
    >>> write_set.finish()
    """

    def __init__(
        self, connection: Connection, name: TableName, origin: Origin | None = None, run: Run | None = None,
        kind: str = "make",
    ) -> None:  # fmt: skip
        self.connection = connection
        self.run = run
        self.name = name
        self.pinned = False
        self.own_rows = 0
        self.checks: dict[TableName, tuple[Check, ...]] = {}
        self.reads: ReadLog | None = None
        self.also: frozenset[TableName] = frozenset()
        self.must_not_pin = False
        self.watching = True
        self._on = False
        self.beside: list[str] = []
        self.written: set[TableName] = set()
        self.ran_sql = self.went_elsewhere = False
        self._scope = Scope(connection, kind, name, origin=origin)
        self._inserts: list[Insert] = []
        self._blocks: list[Part] = []
        self._collecting: Owner | None = None
        self._transaction: Any = None
        self._failure: DataJointError | None = None
        self._limit: int = connection.config.jobs.write_set_bytes

    @property
    def event(self) -> int:
        """Id of the event of the make."""
        return self._scope.id

    @property
    def size(self) -> int:
        """About how many bytes are collected."""
        return sum(insert.size for insert in self._inserts)

    @property
    def origin(self) -> Origin | None:
        """Code and environment of the make."""
        return self._scope.origin

    @origin.setter
    def origin(self, origin: Origin) -> None:
        self._scope.origin = origin

    @property
    def has_writes(self) -> bool:
        """Whether there is anything to be stored."""
        return self.pinned or bool(self._inserts)

    def covers(self, connection: Connection, name: TableName) -> bool:
        """Return whether inserts into a table are collected: the table itself, its parts, those of `also`."""
        return connection is self.connection and (self.is_own(name) or self._is_declared(name))

    def is_own(self, name: TableName) -> bool:
        """Return whether a table is the one that is made, or a part of it."""
        return self.name in (name, name.master)

    def _is_declared(self, name: TableName) -> bool:
        return name in self.also or name.master in self.also

    def batches_of(self, name: TableName) -> list[Batch]:
        """Return what is collected for a table."""
        return [batch for insert in self._inserts if insert.name == name for batch in insert.batches]

    # ------------------------------------------------------------------------------ while make runs

    def leave(self, error: BaseException | None) -> None:
        """Undo what is not finished."""
        self.abort()

    def running(self) -> AbstractContextManager[WriteSet]:
        """Collect what this context inserts; an exception discards everything."""
        return _Collecting(self)

    @property
    def is_left(self) -> bool:
        """Whether nothing is collected any more, though an exception may have kept us from saying so."""
        return self._collecting is not None and self._collecting() is None

    def add(self, name: TableName, batches: Sequence[Batch], mode: Mode) -> None:
        """Collect the rows of an insert."""
        frame = sys._getframe(caller_depth() - 1)
        insert = Insert(name, batches, mode, f"{frame.f_code.co_filename}:{frame.f_lineno}")
        self._inserts.append(insert)
        self.written.add(name)
        if self.size > self._limit and not self.must_not_pin:
            self.pin()

    def count(self, name: TableName, batches: Sequence[Batch]) -> None:
        """Count the rows of an insert that is written at once, because the set is pinned."""
        if name == self.name:
            self.own_rows += sum(batch.size for batch in batches)

    def before_read(self, connection: Connection, tables: frozenset[TableName]) -> ReadLog | None:
        """Pin the set when a table with collected rows is read; let reads be taken down."""
        if connection is not self.connection:
            if self.reads and self.watching:
                self.reads.blind(CONNECTION)
            self.went_elsewhere = True
            return None
        if any(insert.name in tables for insert in self._inserts):
            self.pin()
        return self.reads if self.watching else None

    def before_write(self, connection: Connection, table: TableName) -> None:
        """Pin the set when something else is written."""
        if connection is self.connection:
            self.written.add(table)
            self.pin()
        else:
            self.went_elsewhere = True

    def before_sql(self, connection: Connection, text: str) -> None:
        """Pin the set when SQL of the user's own writes, or names a table with collected rows."""
        if self.reads and self.watching:
            self.reads.blind(SQL if connection is self.connection else CONNECTION)
        self.ran_sql = True
        names = (insert.name.name for insert in self._inserts)
        if connection is self.connection and (not _READS.match(text) or any(name in text for name in names)):
            self.pin()

    def missed_read(self, connection: Connection) -> None:
        """Note that a thread may have read for this make."""
        if self.reads and self.watching:
            self.reads.blind(THREADS)
        self.beside = list(dict.fromkeys([*self.beside, THREADS]))

    def block(self, connection: Connection) -> Block | None:
        """Return what stands for a transaction block: at failure what was collected in it is dropped."""
        if connection is self.connection and self._transaction is not None:
            self.pin()  # in an open transaction whatever fails in a block is undone by a savepoint only
        if connection is not self.connection or self.pinned:
            return None
        return Part(self._blocks, self._inserts)

    # --------------------------------------------------------------------------------------- pinned

    def hold(self) -> None:
        """Open the transaction of the make, in which it goes on; what it inserts is still collected."""
        if self._transaction is None and not self.must_not_pin:
            self._open()
            self.pinned = False

    def _open(self) -> None:
        self.pinned = True  # so that this is no block of the make
        if self.reads is not None:
            self.reads.prepare()  # once: what a transaction writes is not known before it ends
        self._transaction = self.connection.transaction
        self._transaction.enter(self.owner or weakref.ref(self))
        transaction = self.connection.current
        assert transaction is not None  # noqa: S101 - the block has just begun it
        enter(transaction, self._scope)

    def pin(self) -> None:
        """Write what is collected into a transaction that stays open; from now on writes go there at once."""
        if self.pinned:
            return
        if self._transaction is None:
            self._open()
        self.pinned = True
        inserts, self._inserts[:] = list(self._inserts), []
        done = 0
        for block in self._blocks:
            self._write_pinned(inserts[done : block.before])
            done = block.before
            block.savepoint = self.connection.savepoint()
            block.savepoint.__enter__()
        self._write_pinned(inserts[done:])

    def renew(self) -> None:
        """Forget what was collected and open the transaction of the make, in which others write instead."""
        self._inserts.clear()
        self.written = {self.name}
        WriteSet.pin(self)

    def _write_pinned(self, inserts: Sequence[Insert]) -> None:
        for insert in inserts:
            try:
                write_batches(layout_of(self.connection, insert.name), insert.batches, insert.mode)
            except DataJointError as error:
                self._failure = error.suggest(f"The rows were inserted at {insert.where}.")
                raise
            self.count(insert.name, insert.batches)

    # -------------------------------------------------------------------------------------- the end

    def finish(self, statements: Sequence[Statement] = ()) -> None:
        """Write the set and the event of the make, and commit.

        Parameters
        ----------
        statements
            Further statements of the same transaction, run first.

        Raises
        ------
        DataJointError
            When a row is refused; then nothing of the make is stored.
        ReadsChanged
            When a read of the make would give something else now; then nothing of it is stored.
        """
        if self._blocks:
            self._failure = TransactionError(f"A block inside the make of `{self.name}` was interrupted.")
        if self._failure is not None:  # told already, and caught by the make
            self.abort()
            raise self._failure
        self._on = enabled(self.connection, self.name.schema)
        if self._on and self.reads is not None:
            self.reads.prepare()
        if self.pinned:
            self._finish_pinned(statements)
        elif self._transaction is not None:
            self._finish_held(statements)
        elif self.reads is not None and self.connection.dialect.features.server:
            self._finish_guarded(statements)
        else:
            self._finish_collected(statements)

    def record_reads(self) -> None:
        """Record what a make read that has nothing to store."""
        if self.reads is not None and enabled(self.connection, self.name.schema):
            self.reads.prepare()
            send(self.connection, undivided(self.connection, self.reads.statements(self.event)))

    def confirm(self, unknown_only: bool = False) -> bool:
        """See that what the make read is still what it was; return whether in other versions.

        Raises
        ------
        ReadsChanged
            When it is not.
        """
        return self.reads is not None and self.reads.confirm(frozenset(self.written), unknown_only)

    def _finish_guarded(self, statements: Sequence[Statement]) -> None:
        """Let the database confirm the reads, in the packet that writes."""
        self.confirm(unknown_only=True)
        for _ in range(_RENEWALS):
            try:
                self._finish_collected(statements)
            except DataJointError:
                if not self._renewed():
                    raise
            else:
                return
        raise TransactionError(
            f"What the make of `{self.name.class_name}` read is being written all the time.",
            reason="serialize",
        )

    def _renewed(self) -> bool:
        """Return, after a refusal, whether guards have refused new versions of the same values."""
        try:
            return self.confirm()
        except DataJointError:  # there is no connection to ask any more
            return False

    def _finish_collected(self, statements: Sequence[Statement]) -> None:
        self.own_rows = self._count(self.name)
        try:
            self._store(statements)
        except DataJointError as error:
            if self._is_stored():
                return
            if is_clash(error):
                self._scope.id = new_id()
            elif not _is_undone(error):
                raise
            self._store_again(statements)

    def _store_again(self, statements: Sequence[Statement]) -> None:
        try:
            self._store(statements)
        except DataJointError:
            if not self._is_stored():
                raise

    def _store(self, statements: Sequence[Statement]) -> None:
        """Write everything in one short transaction, in which the reads are confirmed."""
        if self.reads is None or self.connection.dialect.features.server:  # where guards do so
            self._flush(statements)
            return
        with self.connection.whole():  # nobody else writes from the confirmation on
            self.confirm()
            self._flush(statements)

    def _is_stored(self) -> bool:
        """Whether all was stored, though the connection was lost before the server could say so."""
        if not self.connection.dialect.features.server:
            return False
        with suppress(DataJointError):  # it cannot be looked up: the first error stands
            return took_place(self.connection, self._made(self.name))
        return False

    def _finish_held(self, statements: Sequence[Statement]) -> None:
        """Write what is collected into the open transaction, and commit."""
        block, self._transaction = self._transaction, None
        self.own_rows = self._count(self.name)
        try:
            self._check_open()
            self.confirm(unknown_only=self.connection.dialect.features.server)
            self._write(statements)
        except BaseException as error:
            block.leave(error)
            if not isinstance(error, DataJointError):
                raise
            if not self._renewed():
                explain_inserts(error, self.connection, self._inserts)
                raise
        else:
            self._commit(block)
            return
        self._finish_guarded(statements)  # other versions of the same values: all is collected still

    def _finish_pinned(self, statements: Sequence[Statement]) -> None:
        block, self._transaction = self._transaction, None
        try:
            self._check_open()
            self.confirm()
            self.connection.execute_batch([*statements, *self._made_events(), *self._recorded()])
        except BaseException as error:
            block.leave(error)
            raise
        self._commit(block)

    def _commit(self, block: Any) -> None:
        try:
            block.leave(None)
        except LostConnectionError:
            if not self._is_stored():
                raise

    def _made_events(self) -> Iterator[Statement]:
        """Yield what writes the event of the make, into each schema that it has written to."""
        self._scope.schemas[self.name.schema] = None
        for schema in self._scope.schemas:
            own = self.name.name if schema == self.name.schema else ""
            if enabled(self.connection, schema):
                event = self._made(TableName(schema, own))
                yield event_statement(self.connection, event, self.own_rows or None)

    def _made(self, name: TableName) -> EventRecord:
        """Return the event of the make."""
        return EventRecord(
            self.event, self._scope.kind, name, details=self._details(), origin=self._scope.origin
        )

    def _details(self) -> dict[str, Any] | None:
        """Return why the rows are not all that comes of code and reads: then nobody may use them again."""
        others = any(
            not self.is_own(name) and not (self._is_declared(name) and name.schema == self.name.schema)
            for name in self.written
        )
        told = (("sql", self.ran_sql), ("connection", self.went_elsewhere), ("writes", others))
        beside = [*self.beside, *(word for word, is_so in told if is_so)]
        return {"beside": beside} if beside else None

    def _check_open(self) -> None:
        if not self.connection.in_transaction:
            raise TransactionError(
                f"The transaction of the make of `{self.name.class_name}` was ended inside it.",
                hint="A make neither commits nor cancels transactions.",
            )

    def abort(self) -> None:
        """Forget what was collected, and undo what was written."""
        self._inserts.clear()
        block, self._transaction = self._transaction, None
        if block is not None:
            block.leave(DataJointError("The make was given up."))

    def _recorded(self) -> list[Statement]:
        """Return the statements that record the reads, and how long it all took."""
        recorded = self.reads.statements(self.event) if self.reads and self._on else []
        return [*recorded, *(job_statements(self.connection, self.run) if self.run else [])]

    def _flush(self, statements: Sequence[Statement]) -> None:
        try:
            self._write(statements)
        except DataJointError as error:
            explain_inserts(error, self.connection, self._inserts)
            raise

    def _write(self, statements: Sequence[Statement]) -> None:
        """Write everything."""
        if not self._inserts and not statements:
            return
        recorded = self._recorded() if self._inserts else []
        if self.reads and self.connection.dialect.features.server:
            statements = [*self.reads.guards(frozenset(self.written)), *statements]
        events = {self.name: self._made(self.name)} if self._on else {}
        for name in dict.fromkeys(insert.name for insert in self._inserts):
            if name not in events and (self._on or name.schema != self.name.schema):
                events |= step_events(
                    self.connection, name, self._made(TableName(name.schema, "")), self.name.schema
                )
        few = sum(insert.rows for insert in self._inserts) <= _FEW
        few = few and all(is_small(batch) for insert in self._inserts for batch in insert.batches)
        (self._send_few if few else self._send_many)(statements, events, recorded)

    def _send_few(
        self, statements: Sequence[Statement], events: dict[TableName, EventRecord], recorded: list[Statement]
    ) -> None:
        writes: list[Statement] = []
        for insert, batch, again in self._batches():
            layout = layout_of(self.connection, insert.name)
            writes += statements_for(layout, batch, insert.mode, events.get(insert.name), again)
        if len(writes) == 1 and not statements and not recorded and self._inserts[0].name == self.name:
            change(self.connection, events.get(self.name), *writes[0], self.own_rows)
            return
        written = [
            event_statement(self.connection, event, self._count(event.table)) for event in events.values()
        ]
        batch = [*statements, *writes, *written, *recorded]
        send(self.connection, undivided(self.connection, batch, combine=self._is_one(writes)))

    def _is_one(self, writes: Sequence[Statement]) -> bool:
        """Whether what is written may be one statement."""
        return self.size <= _SMALL and self._refers_back(writes)

    def _refers_back(self, writes: Sequence[Statement]) -> bool:
        """Whether rows refer to none that is inserted later, which one statement would not notice."""
        if len(writes) == 1:
            return True
        names = [insert.name for insert in self._inserts for _ in insert.batches]
        specs = map(self.connection.catalog.spec, names)
        return not any(
            key.parent in names[n + 1 :] for n, spec in enumerate(specs) for key in spec.foreign_keys
        )

    def _send_many(
        self, statements: Sequence[Statement], events: dict[TableName, EventRecord], recorded: list[Statement]
    ) -> None:
        connection = self.connection
        with connection.whole():
            if statements:
                connection.execute_batch(statements)
            for insert, batch, again in self._batches():
                layout = layout_of(connection, insert.name)
                write_many(layout, batch, insert.mode, events.get(insert.name), again)
            for event in events.values():
                store(connection, event, self._count(event.table))
            if recorded:
                connection.execute_batch(recorded)

    def _batches(self) -> Iterator[tuple[Insert, Batch, bool]]:
        """Yield what is collected, and whether it may replace rows that were collected before."""
        seen: set[TableName] = set()
        for insert in self._inserts:
            for batch in insert.batches:
                yield insert, batch, insert.mode.replace and insert.name in seen
                seen.add(insert.name)

    def _count(self, name: TableName) -> int:
        return sum(insert.rows for insert in self._inserts if insert.name == name)


def _is_undone(error: DataJointError) -> bool:
    """Whether a transaction was lost with its connection, so that it may be run again."""
    return isinstance(error, LostConnectionError) and error.context.get("reason") in (
        "rolled_back",
        "unknown",
    )
