"""Reads of the make of a row: recorded queries, the rows they match now, and the changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from datajoint._value import Value
from datajoint.algebra.analysis.watch import watch
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.graph.restrict import carried
from datajoint.heading.names import TableName
from datajoint.journal.reads.read import FETCHED, Read, lacking, reread, signed
from datajoint.journal.reads.recording import BLIND, NOTHING
from datajoint.journal.reads.shapes import fill, read_shape
from datajoint.journal.reads.signature import Signature
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables.reads import READS, SHAPES

__all__ = ["RowRead", "reads_of", "rows_read"]

_NOTES = {
    "sql": "SQL of its own, which is not taken down",
    "connection": "through another connection, which is not taken down",
    "threads": "in a thread while several makes ran, so that it is not known for which of them",
}


class RowRead(Value):
    """One recorded read of the make of a row.

    Attributes
    ----------
    tables
        Tables whose rows took part.
    what
        Attributes that were read; () where only rows were counted.
    kind
        ``rows``, ``count``, ``exists``, or ``unknown``.
    count
        Number of rows of the answer.
    signatures
        What took part of each table.
    query
        What was asked, None where it cannot be told any more.
    digest
        Of the values that were read, where it was kept.
    note
        What else there is to say.
    """

    tables: tuple[TableName, ...]
    what: tuple[str, ...]
    kind: str
    count: int
    signatures: tuple[Signature, ...]
    query: Query | None
    digest: str | None = None
    note: str = ""

    @property
    def words(self) -> str:
        """What was read, without the tables."""
        if self.kind == "count":
            return "number of rows"
        if self.kind == "exists":
            return "whether there are rows"
        return ", ".join(self.what) or self.note

    def has_changed(self, connection: Connection, name: TableName) -> bool | None:
        """Whether other versions of rows of a table take part now; None where that cannot be told."""
        mine = self.of(name)
        if self.query is None or mine.unknown:
            return None
        try:
            found = signed(self.query, connection)[1]
        except DataJointError:  # a table or an attribute is gone
            return None
        return found[self.tables.index(name)] != mine and not self._says_the_same(connection)

    def _says_the_same(self, connection: Connection) -> bool:
        """Whether other versions are known to have the same values."""
        if self.digest is None or self.query is None or lacking(self.query.plan, self.what):
            return False
        kind = FETCHED if self.kind == "rows" else self.kind
        return reread(Read(self.query, kind, self.what, (), 0), connection).digest == self.digest

    def of(self, name: TableName) -> Signature:
        """Return what took part of a table."""
        return self.signatures[self.tables.index(name)]


def reads_of(connection: Connection, schema: str, key: Mapping[str, Any], event: int) -> list[RowRead]:
    """Return what is recorded of the reads under an event, in the order in which they happened.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> reads_of(schema.connection, "lab", {"subject_id": 1}, 7)
    []
    """
    if any(connection.catalog.look(TableName(schema, name)) is None for name in (READS, SHAPES)):
        return []
    rows = (_table(connection, schema, READS) & {"event": event}).to_dicts(order_by="n")
    wanted = [{"shape": row["shape"]} for row in rows]
    shapes = {row["shape"]: row for row in (_table(connection, schema, SHAPES) & wanted).to_dicts()}
    return [_read(connection, row, shapes.get(row["shape"]), key) for row in rows if row["shape"] != NOTHING]


def _table(connection: Connection, schema: str, name: str) -> QueryExpression:
    return QueryExpression._of(Query(connection.catalog.source(TableName(schema, name))), connection)


def _read(
    connection: Connection, row: Mapping[str, Any], recorded: Mapping[str, Any] | None, key: Mapping[str, Any]
) -> RowRead:
    told: Any = row["attributes"]
    kind: str = "rows" if isinstance(told, list) else str(told)
    what: tuple[str, ...] = tuple(cast("list[str]", told)) if kind == "rows" else ()
    count, found = row["row_count"], tuple(_signatures(row))
    if row["shape"] in BLIND:
        return RowRead((), (), "unknown", 0, (), None, note=_NOTES[BLIND[row["shape"]]])
    try:
        shape = read_shape(connection, recorded["version"], recorded["plan"]) if recorded else None
        query = fill(shape, row["parameters"], key) if shape else None
    except (DataJointError, KeyError) as error:
        return RowRead((), what, "unknown", count, found, None, note=f"what cannot be read any more: {error}")
    if shape is None or query is None:
        return RowRead((), what, "unknown", count, found, None, note="what another version has recorded")
    tables = tuple(mark.table for mark in watch(shape.plan).marks)
    return RowRead(tables, what, kind, count, found, query, row["digest"])


def _signatures(row: Mapping[str, Any]) -> Iterator[Signature]:
    known = row["present"] - row["unknown"]
    yield Signature(row["present"], known, row["low"], row["high"], row["total"], row["q1"], row["q2"])
    for numbers in row["more"] or ():
        yield Signature(*numbers)


def rows_read(connection: Connection, read: RowRead, name: TableName) -> Query | None:
    """Return the rows of a table that a read meets now; None where it does not show which they are.

    A query that sums rows up, as an aggregation does, shows none of them.
    """
    if read.query is None:
        return None
    source, query = connection.catalog.source(name), read.query
    chosen: dict[str, str] = {}
    for own in source.heading.key:
        lineage = source.heading[own].lineage
        same = [a.name for a in query.heading.values() if a.lineage == lineage and a.name not in chosen]
        if lineage is None or not same:
            return None
        chosen[own if own in same else same[0]] = own
    condition = nodes.Matches(carried(query.plan, chosen), tuple(chosen.values()))
    return build.restrict(Query(source), condition, query.values)
