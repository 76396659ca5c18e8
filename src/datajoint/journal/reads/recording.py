"""What a make reads: watched, kept to its end, confirmed, written with its results (provenance §3, §5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from datajoint._value import Value
from datajoint.algebra.analysis.canonical import VERSION, canonical_text
from datajoint.algebra.plans.nodes import Query
from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.engine.observe import tables_of
from datajoint.engine.rows import RowDecoder
from datajoint.heading.names import TableName
from datajoint.journal.events.event import enabled
from datajoint.journal.reads.read import (
    COUNT,
    EXISTS,
    FETCHED,
    Read,
    answer_rows,
    digest_of,
    guarded,
    is_same,
    reader_of,
    reread,
    signed,
    told,
)
from datajoint.journal.reads.shapes import Shape, shape_of
from datajoint.journal.reads.signature import Signature
from datajoint.journal.system import prepare
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.reads import READS, SHAPES, add_reads, add_shape, reads_table, shapes_table

__all__ = [
    "BLIND",
    "CONNECTION",
    "NOTHING",
    "SQL",
    "THREADS",
    "Changed",
    "ReadLog",
    "ReadsChanged",
    "keeps_reads",
]

NOTHING = "0" * 26
"""Shape of the record that says that a make has read nothing."""

SQL, CONNECTION, THREADS = "sql", "connection", "threads"
"""What makes reads that are not taken down: SQL of the user's own, other connections, and threads of which
nothing tells for which of several makes they read."""

BLIND = {reason.ljust(26, "0"): reason for reason in (SQL, CONNECTION, THREADS)}
"""Shapes of the records that say so."""

_KNOWN = "known shapes"
_FEW = 100
"""Of so many rows the digest costs next to nothing, and tells whether a new version says something else."""
_SLOW_SECONDS, _SHARE = 1.0, 20
"""Digests of more rows are for makes that took so long, and may take one part in so many of that."""


class Changed(Value):
    """A read whose answer is no longer what it was.

    Attributes
    ----------
    table
        A table that was read.
    row
        Key of a row that differs, if one can be told.
    attribute, old, new
        What differs in it; without an attribute the row came or went.
    """

    table: TableName
    row: Mapping[str, Any] | None
    attribute: str | None
    old: Any
    new: Any

    def __str__(self) -> str:
        where = f"`{self.table.class_name}`" + (f" {dict(self.row)}" if self.row else "")
        if self.attribute is None:
            return f"{where}: {self.old} → {self.new}"
        return f"{where}: `{self.attribute}` {self.old!r} → {self.new!r}"


class ReadsChanged(Exception):  # noqa: N818 - no error until it has happened too often
    """What a make read has changed before its results were stored."""

    def __init__(self, changed: Changed) -> None:
        super().__init__(str(changed))
        self.changed = changed


def keeps_reads(connection: Connection, schema: str) -> bool:
    """Make the tables of reads where they are missing; return whether reads of makes are recorded.

    Examples
    --------
    >>> import datajoint as dj
    >>> keeps_reads(dj.Instance(backend="sqlite", database__name=":memory:").connection, "lab")
    False
    """
    if not enabled(connection, schema):
        return False
    events = connection.catalog.source(TableName(schema, EVENTS))
    if events.child(READS):
        return True
    kept = prepare(connection, shapes_table(schema)) and prepare(connection, reads_table(schema))
    return kept and bool(events.keep(READS, kept))


class ReadLog:
    """The reads of one make.

    Parameters
    ----------
    connection, table
        What is made.
    key
        The key that it is made for.

    Attributes
    ----------
    reads
        What was read, each question once.
    on_read
        Called with each of them.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> ReadLog(connection, TableName("lab", "__fit"), {"subject": 1}).reads
    []
    """

    def __init__(self, connection: Connection, table: TableName, key: Mapping[str, Any]) -> None:
        self.connection = connection
        self.table = table
        self.key = key
        self.reads: list[Read] = []
        self.on_read: Callable[[Read], None] | None = None
        self._blind: set[str] = set()
        self._began = time.monotonic()
        self._left: float | None = None

    # ------------------------------------------------------------------------------- what is asked

    def rows(
        self, query: Query, connection: Connection, names: tuple[str, ...] = ()
    ) -> tuple[list[Any], RowDecoder]:
        """Return all rows as the driver gives them, without marks, and what decodes them."""
        reader = reader_of(query.plan, names, connection)
        statement, width = reader.statement, len(reader.decoder.names)
        rows = connection.fetch_all(statement.text, statement.bind(query.values), reader.decoder.core)
        found = reader.signer.signatures(rows)
        self._note(Read(query, FETCHED, names, found, len(rows), rows, plain=reader.plain))
        return [row[:width] for row in rows], reader.decoder

    def count(self, query: Query, connection: Connection) -> int:
        """Return the number of rows."""
        count, found = signed(query, connection)
        self._note(Read(query, COUNT, (), found, count, [(count,)]))
        return count

    def exists(self, query: Query, connection: Connection) -> bool:
        """Return whether there is any row."""
        count, found = signed(query, connection)
        self._note(Read(query, EXISTS, (), found, count, [(count > 0,)]))
        return count > 0

    def copied(self, query: Query, connection: Connection) -> None:
        """Take down rows that the database copies by itself: nobody here sees their values."""
        count, found = signed(query, connection)
        self._note(Read(query, FETCHED, (), found, count))

    def stream(self, query: Query, connection: Connection) -> Iterator[dict[str, Any]]:
        """Yield rows as dicts; the rest is read and signed, too, when the user stops early."""
        reader = reader_of(query.plan, (), connection)
        statement, width = reader.statement, len(reader.decoder.names)
        part, core = reader.decoder.part, reader.decoder.core
        chunks = connection.stream(statement.text, statement.bind(query.values), part, core)
        read = Read(query, FETCHED, (), (), 0)
        digest = digest_of(read)
        try:
            for chunk in chunks:
                self._add(read, reader.signer.signatures(chunk), len(chunk))
                digest.add(told(chunk, reader.plain))
                yield from reader.decoder.few_dicts([row[:width] for row in chunk])
        finally:
            for chunk in chunks:
                self._add(read, reader.signer.signatures(chunk), len(chunk))
                digest.add(told(chunk, reader.plain))
            nothing = reader.signer.signatures([])
            found = read.signatures or nothing
            self._note(Read(query, FETCHED, (), found, read.count, None, digest.text))

    @staticmethod
    def _add(read: Read, found: tuple[Signature, ...], count: int) -> None:
        before = read.signatures or tuple(Signature.of([]) for _ in found)
        read.signatures = tuple(one + other for one, other in zip(before, found, strict=True))
        read.count += count

    def _note(self, read: Read) -> None:
        for earlier in self.reads:
            if earlier.same_question(read) and earlier.signatures == read.signatures and not read.is_unknown:
                return
        self.reads.append(read)
        if self.on_read is not None:
            self.on_read(read)

    def blind(self, reason: str) -> None:
        """Note that something was read that is not taken down: then nothing is known of what was."""
        self._blind.add(reason)

    # ------------------------------------------------------------------------------------- the end

    def confirm(self, written: frozenset[TableName] = frozenset(), unknown_only: bool = False) -> bool:
        """Compare all reads with the present.

        Where versions differ and values do not, the new versions are recorded.

        Parameters
        ----------
        written
            Tables that the make has written to: reads of them have changed by itself.
        unknown_only
            Leave out those that guards will confirm.

        Returns
        -------
        bool
            Whether there were other versions of the same values.

        Raises
        ------
        ReadsChanged
            When a read would give something else.
        """
        renewed = False
        for n, read in enumerate(self.reads):
            if written & tables_of(read.query.plan) or (unknown_only and not read.is_unknown):
                continue
            if not read.is_unknown and is_same(read, self.connection):
                continue
            again = reread(read, self.connection)
            if again.signatures != read.signatures or read.is_unknown:
                if again.digest != read.digest:
                    raise ReadsChanged(_difference(read, again, self.connection))
                renewed = renewed or again.signatures != read.signatures
                self.reads[n] = again
        return renewed

    def guards(self, written: frozenset[TableName] = frozenset()) -> list[tuple[str, Parameters]]:
        """Return statements that fail when the versions of what was read have changed (servers).

        Parameters
        ----------
        written
            As for `confirm`.
        """
        return [
            guarded(read, self.connection)
            for read in self.reads
            if not read.is_unknown and not written & tables_of(read.query.plan)
        ]

    def prepare(self) -> None:
        """Write the shapes that are not known yet."""
        dialect, schema = self.connection.dialect, self.table.schema
        source = self.connection.catalog.source(TableName(schema, SHAPES))
        known: set[str] = source.child(_KNOWN) or source.keep(_KNOWN, set[str]())
        for read in self.reads:
            shape = self._shape(read)
            if shape.id not in known:
                self.connection.execute(add_shape(schema, dialect), [shape.id, VERSION, shape.text])
                if not self.connection.in_transaction:
                    known.add(shape.id)

    def statements(self, event: int) -> list[tuple[str, Parameters]]:
        """Return the statement that writes all reads under the event of the make."""
        others = [shape for shape, reason in BLIND.items() if reason in self._blind]
        others = others if others or self.reads else [NOTHING]
        count = len(self.reads) + len(others)
        key = ("add reads", count, self.connection.dialect.name)
        source = self.connection.catalog.source(TableName(self.table.schema, READS))
        text = source.child(key)
        if text is None:
            text = source.keep(key, add_reads(self.table.schema, count, self.connection.dialect))
        values: list[Any] = []
        for n, read in enumerate(self.reads):
            values += (event, n, *self._columns(read))
        for n, shape in enumerate(others, len(self.reads)):
            values += [event, n, shape, "[]", "[]", 0, 0, 0, None, None, 0, 0, 0, None, None]
        return [(text, values)]

    def _shape(self, read: Read) -> Shape:
        if read.shape is None:
            target = self.connection.catalog.source(self.table).heading
            read.shape = shape_of(read.query, target, self.key)
        return read.shape

    def _columns(self, read: Read) -> tuple[Any, ...]:
        shape = self._shape(read)
        first, *more = read.signatures
        asked = tuple(read.names or read.query.heading.order) if read.kind == FETCHED else read.kind
        return (
            shape.id, shape.parameters_text(read.query.values), _asked_text(asked), read.count,
            first.n, first.unknown, first.low, first.high, first.total, first.q1, first.q2,
            canonical_text([one.numbers for one in more]) if more else None,
            read.digest if self._is_worth(read) else None,
        )  # fmt: skip

    def _is_worth(self, read: Read) -> bool:
        """Whether the digest of a read is recorded; of many rows it must take little beside the make.

        A make that has taken long is what nobody wants to run again for inputs that came back.
        """
        if read.is_unknown or read.count <= _FEW or self.connection.config.provenance.digests:
            return True
        if read.is_digested:
            return True
        if self._left is None:
            seconds = time.monotonic() - self._began
            self._left = seconds / _SHARE if seconds >= _SLOW_SECONDS else 0.0
        seconds = read.digest_seconds
        if seconds > self._left:
            return False
        self._left -= seconds
        return True


@lru_cache(1000)
def _asked_text(asked: tuple[str, ...] | str) -> str:
    return canonical_text(asked)


def _difference(old: Read, new: Read, connection: Connection) -> Changed:
    """Tell one thing that differs between two answers."""
    table = min(tables_of(old.query.plan), key=str)
    if old.kind != FETCHED or old.rows is None:
        return Changed(table, None, None, f"{old.count} rows", f"{new.count} rows")
    key = [name for name in old.query.heading.key if name in (old.names or old.query.heading.order)]
    before, after = (
        {tuple(str(row[name]) for name in key): row for row in answer_rows(read, connection)}
        for read in (old, new)
    )
    for place, row in before.items():
        shown = {name: row[name] for name in key}
        if place not in after:
            return Changed(table, shown, None, "there", "gone")
        for name, value in row.items():
            if str(value) != str(after[place][name]):
                return Changed(table, shown, name, value, after[place][name])
    for place, row in after.items():
        if place not in before:
            return Changed(table, {name: row[name] for name in key}, None, "absent", "there")
    return Changed(table, None, None, "what it was", "something else")
