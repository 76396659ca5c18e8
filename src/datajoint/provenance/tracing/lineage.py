"""Lineage of rows: the events that wrote them and their recorded sources, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from datajoint._printed import printable
from datajoint._value import Value, replace
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.hidden import named
from datajoint.algebra.plans.nodes import Any_, Condition, Query, Restrict
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.graph.restrict import down, up
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.provenance.history.restore_makes import MADE
from datajoint.provenance.tracing.reading import RowRead, reads_of, rows_read
from datajoint.provenance.tracing.rows import Rows
from datajoint.provenance.tracing.tree import as_html, as_text
from datajoint.provenance.tracing.writers import Writer, newest_confirmation, writers_of
from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
from datajoint.sql.system_tables.images import EVENT
from datajoint.table.table import Table

__all__ = ["MOST_ROWS", "Lineage", "lineage"]

MOST_ROWS = 20
"""Rows that are told of at a time."""

_MOST_NODES = 100
_KEYS_SHOWN = 3
_MOST_EVENTS = 100
_EVENT = "dj_event"
_MADE = (COMPUTED, IMPORTED)


class Lineage(Value):
    """Where rows come from, as a tree for each; `str` shows it.

    Attributes
    ----------
    rows
        Those that were asked for, each with its sources.
    downstream
        What was made from them, where that was asked for.
    """

    rows: tuple[Rows, ...]
    downstream: tuple[Rows, ...] = ()

    def __iter__(self) -> Iterator[Rows]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return printable(as_text(self.rows, self.downstream))

    def _repr_html_(self) -> str:
        return as_html(self.rows, self.downstream)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON has of it."""
        return {
            "rows": [rows.as_dict() for rows in self.rows],
            "downstream": [rows.as_dict() for rows in self.downstream],
        }


def lineage(table: Table, depth: int | None = None, downstream: bool = False) -> Lineage:
    """Return where the rows of a table come from; see `Traceable.lineage`."""
    source = table.connection.catalog.source(table.name)
    if table.query.plan.heading.key != source.heading.key:
        raise DataJointError("Rows of a table have a lineage, not those of a projection or join.")
    if depth is not None and depth < 0:
        raise DataJointError(f"depth must not be negative, not {depth}.")
    walk = _Walk(table.connection, _MOST_NODES if depth is None else depth)
    keys = list(_single_rows(table))
    rows = tuple(walk.up(table.name, (table & key).query if key else table.query) for key in keys)
    below = tuple(walk.down(table.name, table.query)) if downstream and keys else ()
    return Lineage(rows, below)


def _single_rows(table: Table) -> Iterator[dict[str, Any]]:
    keys: list[dict[str, Any]] = [{}] * bool(table)
    if table.heading.key:
        keys = table.keys(order_by="KEY", limit=MOST_ROWS + 1)
    if len(keys) > MOST_ROWS:
        raise DataJointError(
            f"`{table.class_name}` has {len(table)} such rows; up to {MOST_ROWS} can be told of at a time.",
            hint="Restrict the table: (Table & key).",
        )
    yield from keys


class _Origin(Value):
    """Where some rows come from: the table, its rows if known, and the reference that leads there."""

    table: TableName
    rows: Query | None
    by: tuple[str, ...] = ()
    link: str = "referenced"


class _Walk:
    """Follows rows to those that they come from, each group once."""

    def __init__(self, connection: Connection, depth: int) -> None:
        self.connection = connection
        self.graph = connection.graph
        self.depth = depth
        self.left = _MOST_NODES
        self._seen: dict[Any, Rows] = {}

    # ---------------------------------------------------------------------------------------- upwards

    def up(self, name: TableName, query: Query, depth: int = 0) -> Rows:
        """Return rows with their sources."""
        rows = self._rows(name, query)
        mark = (name, rows.count, str(rows.keys), "up")
        if mark in self._seen:
            return replace(self._seen[mark], above=bool(self._seen[mark].sources), sources=())
        self._seen[mark] = rows
        reads = self._reads(name, rows)
        sources = list(self._sources(name, query, rows, reads))
        if sources and (depth >= self.depth or self.left <= 0):
            rows = replace(rows, cut=True)
        else:
            self.left -= len(sources)
            rows = replace(rows, sources=tuple(
                self._source(name, origin, reads, depth) for origin in sources
            ))  # fmt: skip
        rows = self._seen[mark] = replace(rows, notes=tuple(read.words for read in reads if not read.tables))
        return rows

    def _source(self, child: TableName, origin: _Origin, reads: Sequence[RowRead], depth: int) -> Rows:
        name, where = origin.table, origin.rows
        mine = [read for read in reads if name in read.tables and not origin.by]
        if where is None:
            count = max(read.of(name).n for read in mine)
            rows = Rows(str(name), name.class_name, name.tier or "unknown", count)
        else:
            rows = self.up(name, where, depth + 1)
        what = tuple(dict.fromkeys(word for read in mine for word in _words(self.connection, read, name)))
        changed = [read.has_changed(self.connection, name) for read in mine]
        now = True if True in changed else None if None in changed or not mine else False
        link = "read" if mine else "master" if name == child.master else origin.link
        return replace(rows, link=link, by=origin.by, what=what, changed=now)

    def _reads(self, name: TableName, rows: Rows) -> list[RowRead]:
        """Return the reads of the make of a single row."""
        if name.tier not in _MADE or rows.count != 1 or not rows.writers:
            return []
        writer = rows.confirmed or rows.writers[0]
        return reads_of(self.connection, name.schema, rows.keys[0], writer.event)

    def _sources(
        self, name: TableName, query: Query, rows: Rows, reads: Sequence[RowRead]
    ) -> Iterator[_Origin]:
        """Yield what rows come from: what was read, then what each foreign key refers to."""
        yield from self._makers(name, rows)
        tables = dict.fromkeys(other for read in reads for other in read.tables if other != name)
        for other in tables:
            found = [rows_read(self.connection, read, other) for read in reads if other in read.tables]
            known = [one for one in found if one is not None]
            yield _Origin(other, _either(self.connection, other, known) if known else None)
        edges = [edge for edge in self.graph.to_parents(name) if edge.parent != name]
        parents = [edge.parent for edge in edges]
        for edge in edges:
            several = parents.count(edge.parent) > 1
            if several or edge.parent not in tables:
                source = Query(self.connection.catalog.source(edge.parent))
                renamed = edge.key.columns != edge.key.parent_columns
                by = edge.key.columns if several or (renamed and name.master != edge.parent) else ()
                yield _Origin(edge.parent, build.restrict(source, *up(edge, query)), by)

    def _makers(self, name: TableName, rows: Rows) -> Iterator[_Origin]:
        """Yield the rows of other tables whose makes wrote a row of a table that has no make of its own."""
        if name.tier in _MADE or (name.master or name).tier in _MADE or rows.count != 1:
            return
        for writer in rows.writers:
            maker = TableName(name.schema, writer.table or "")
            if writer.kind in MADE and maker.tier in _MADE and maker in self.graph.specs:
                made = named(Query(self.connection.catalog.source(maker)), {_EVENT: EVENT})
                found = QueryExpression._of(made, self.connection) & {_EVENT: writer.event}
                source = Query(self.connection.catalog.source(maker))
                keys = nodes.Matches(found.proj().query.plan, source.plan.heading.key)
                yield _Origin(maker, build.restrict(source, keys, found.query.values), link="written by")

    # -------------------------------------------------------------------------------------- downwards

    def down(self, name: TableName, query: Query, depth: int = 0) -> Iterator[Rows]:
        """Yield the rows that refer to some."""
        for edge in self.graph.to_children(name):
            if edge.child == name or edge.child.name.startswith("~"):
                continue
            found = build.restrict(
                Query(self.connection.catalog.source(edge.child)), *down(edge, query, self.graph)
            )
            rows = self._rows(edge.child, found)
            mark = (edge.child, rows.count, str(rows.keys), "down")
            if not rows.count or mark in self._seen:
                continue
            self._seen[mark] = rows
            self.left -= 1
            if depth >= self.depth or self.left <= 0:
                yield replace(rows, link="used by", cut=True)
                continue
            yield replace(rows, link="used by", sources=tuple(self.down(edge.child, found, depth + 1)))

    # ------------------------------------------------------------------------------------ some rows

    def _rows(self, name: TableName, query: Query) -> Rows:
        heading = self.connection.catalog.source(name).heading
        has_event = EVENT in heading.hidden
        shown = named(query, {_EVENT: EVENT}) if has_event else query
        expression = QueryExpression._of(shown, self.connection)
        count = len(expression)
        keys: list[dict[str, Any]] = [{}] * min(count, _KEYS_SHOWN)
        if heading.key:
            keys = expression.proj().to_dicts(order_by="KEY", limit=_KEYS_SHOWN)
        rows = Rows(str(name), name.class_name, name.tier or "unknown", count, tuple(keys))
        if not has_event:
            return replace(rows, unknown=count)
        events = (U(_EVENT) & (expression & f"{_EVENT} IS NOT NULL")).to_arrays(
            _EVENT, order_by=_EVENT, limit=_MOST_EVENTS
        )
        writers = writers_of(self.connection, name.schema, [int(event) for event in events])
        lacking = len(expression & f"{_EVENT} IS NULL") if len(events) != count or not writers else 0
        told = tuple(dict.fromkeys(writers.values()))
        return replace(rows, writers=told, unknown=lacking, confirmed=self._confirmed(name, count, told))

    def _confirmed(self, name: TableName, count: int, writers: Sequence[Writer]) -> Writer | None:
        if name.tier not in _MADE or count != 1 or not writers:
            return None
        newest = newest_confirmation(self.connection, name.schema, writers[0].event)
        return writers_of(self.connection, name.schema, [newest]).get(newest) if newest else None


def _either(connection: Connection, name: TableName, queries: Sequence[Query]) -> Query:
    """Return the rows that any of some queries gives; all are restrictions of the same table."""
    if len(set(queries)) == 1:
        return queries[0]
    conditions: list[Condition] = [cast("Restrict", query.plan).condition for query in queries]
    values = tuple(value for query in queries for value in query.values)
    return build.restrict(Query(connection.catalog.source(name)), Any_(tuple(conditions)), values)


def _words(connection: Connection, read: RowRead, name: TableName) -> Iterator[str]:
    """Yield what a read has taken of one of its tables."""
    if read.kind != "rows":
        yield read.words
        return
    heading = connection.catalog.source(name).heading
    own = [
        word for word in read.what if word in heading and (word not in heading.key or len(read.tables) == 1)
    ]
    yield from (word for word in own if word not in heading.key) if set(own) - set(heading.key) else ["key"]
