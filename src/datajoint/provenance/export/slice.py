"""Rows of a table, their source rows and the events that wrote them: the content of every export."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from datajoint._value import Value
from datajoint.algebra.plans.hidden import named
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.errors import MissingTableError
from datajoint.heading.names import TableName
from datajoint.provenance.history.events import code_of, environments_of, events_of
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables.images import EVENT
from datajoint.table.delete.cascade import trace_rows
from datajoint.table.table import Table

__all__ = ["Event", "Row", "Slice", "slice_of", "written_by"]

_CHUNK = 1000


class Row(Value):
    """A row.

    Attributes
    ----------
    name
        A name of it that is the same in every export: table and key.
    table, key
        Where it is.
    event
        Number of the event that wrote it, None where its origin is unknown.
    parents
        Names of the rows that it refers to.
    """

    name: str
    table: str
    key: Mapping[str, str]
    event: int | None
    parents: tuple[str, ...]


class Event(Value):
    """An event, with the commit and the repository of the code that ran."""

    number: int
    schema: str
    kind: str
    table: str | None
    started: str
    ended: str
    user: str
    host: str
    client: str
    code: str | None
    commit: str | None
    remote: str | None

    @property
    def is_make(self) -> bool:
        """Whether its rows were computed from those that they derive from, now or before."""
        return self.kind in ("make", "reuse")


class Slice(Value):
    """What is exported.

    Attributes
    ----------
    rows
        All rows, ancestors first; the last `asked` of them are those that were asked for.
    events
        The events that wrote them, by number.
    """

    schema: str
    rows: tuple[Row, ...]
    events: Mapping[int, Event]


def written_by(exported: Slice) -> dict[int, list[Row]]:
    """Return the rows that each event wrote.

    Examples
    --------
    >>> written_by(Slice("lab", (), {}))
    {}
    """
    found: dict[int, list[Row]] = {number: [] for number in exported.events}
    for row in exported.rows:
        if row.event in found:
            found[row.event].append(row)
    return found


def slice_of(table: Table) -> Slice:
    """Return the rows of a table with all that they derive from by references, and their events.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.insert1({"subject_id": 1})
    >>> slice_of(Subject()).rows[0].name
    'lab.subject/subject_id=1'
    """
    connection = table.connection
    found = trace_rows(connection, table.name, table.query)
    rows = [row for name, query in found.items() for row in _rows(connection, name, query)]
    known = {row.name for row in rows}
    kept = tuple(
        Row(row.name, row.table, row.key, row.event, tuple(p for p in row.parents if p in known))
        for row in rows
    )
    events: dict[int, Event] = {}
    for schema in dict.fromkeys(name.schema for name in found):
        events |= _events(connection, schema, {row.event for row in kept if row.event is not None})
    return Slice(table.database, kept, events)


def _rows(connection: Connection, name: TableName, query: Query) -> Iterator[Row]:
    spec, heading = connection.catalog.spec(name), connection.catalog.source(name).heading
    expression = QueryExpression._of(query, connection)
    if EVENT in heading.hidden:
        expression = QueryExpression._of(named(query, {"dj_event": EVENT}), connection)
    wanted = {c for key in spec.foreign_keys for c in key.columns} - set(heading.key)
    shown = expression.proj(*wanted, *(["dj_event"] if EVENT in heading.hidden else []))
    for row in shown.to_dicts(order_by="KEY") if heading.key else shown.to_dicts():
        parents = [
            _name(key.parent, {p: row[c] for c, p in zip(key.columns, key.parent_columns, strict=True)})
            for key in spec.foreign_keys
            if all(row[c] is not None for c in key.columns)
        ]
        own = {n: _text(row[n]) for n in heading.key}
        yield Row(_name(name, own), str(name), own, row.get("dj_event"), tuple(parents))


def _name(table: TableName, key: Mapping[str, Any]) -> str:
    told = ";".join(f"{n}={quote(_text(v), safe='')}" for n, v in sorted(key.items()))
    return f"{quote(str(table), safe='.')}/{told}"


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


def _events(connection: Connection, schema: str, numbers: set[int]) -> dict[int, Event]:
    try:
        events = events_of(connection, schema)
    except MissingTableError:
        return {}
    code, environments = _digests(connection, schema)
    listed = sorted(numbers)
    found: dict[int, Event] = {}
    for start in range(0, len(listed), _CHUNK):
        some: Sequence[int] = listed[start : start + _CHUNK]
        for row in (events & [{"event": n} for n in some]).to_dicts():
            environment = environments.get(row["environment"], {})
            found[row["event"]] = Event(
                row["event"], schema, row["kind"], row["table_name"], _time(row["started"]),
                _time(row["finished"]), row["user"] or row["db_user"], row["host"], row["client"],
                row["code"] if row["code"] in code else None,
                environment.get("commit"), environment.get("remote"),
            )  # fmt: skip
    return found


def _digests(connection: Connection, schema: str) -> tuple[set[str], dict[str, dict[str, Any]]]:
    try:
        code = set(code_of(connection, schema).to_arrays("code").tolist())
        environments = environments_of(connection, schema).proj("commit", "remote").to_dicts()
    except MissingTableError:
        return set(), {}
    return code, {row["environment"]: row for row in environments}


def _time(value: dt.datetime) -> str:
    return value.replace(tzinfo=dt.UTC).isoformat()
