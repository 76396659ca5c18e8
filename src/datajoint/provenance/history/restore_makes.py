"""Restored rows of makes, together with their recorded reads and code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datajoint.engine.connection import Connection
from datajoint.heading.heading import Heading
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.journal.events.event import EventRecord, Origin
from datajoint.journal.events.scope import Scope, current_scope, enter
from datajoint.journal.events.write_event import store
from datajoint.provenance.history.events import events_of
from datajoint.sql.system_tables.reads import READS, copy_reads
from datajoint.table.free import FreeTable

__all__ = ["MADE", "insert_made", "known_values"]

MADE = ("make", "reuse", "restore")
"""Kinds of the events of makes."""

Row = Mapping[str, Any]


def insert_made(
    table: FreeTable, rows: Sequence[Row], written: str, makes: Mapping[int, int]
) -> list[Row]:  # fmt: skip
    """Insert, in the open transaction, the rows that makes had written, and return the others.

    Each make becomes an event of kind ``restore`` with its code, under which its reads are recorded again:
    so it can be told whether what was read is what it was.

    Parameters
    ----------
    written
        Name of the value of a row that is the event which wrote it.
    makes
        The new events of all makes whose rows are restored, by their old ones: what they wrote into other
        tables goes with them.
    """
    connection, name = table.connection, table.name
    known = connection.catalog.look(TableName(name.schema, READS)) is not None
    if not known:
        return list(rows)
    groups: dict[int | None, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[written], []).append(row)
    events = [event for event in groups if event is not None]
    computed = name.tier in (COMPUTED, IMPORTED)
    latest = _latest(connection, name, events) if computed else {}
    parents = {} if computed else _parents(connection, name.schema, events)
    left: list[Row] = []
    for event, some in groups.items():
        if event in latest:
            _insert(table, some, latest[event], makes[event])
        elif parents.get(event) in makes:
            _insert_step(table, some, makes[parents[event]])
        else:
            left += some
    return left


def known_values(row: Row, heading: Heading) -> dict[str, Any]:
    """Return the attributes of a version; what was added later has no value there and gets its default."""
    required = {a.name for a in heading.values() if not a.nullable}
    return {n: row[n] for n in heading.order if row[n] is not None or n not in required}


def _parents(connection: Connection, schema: str, events: Sequence[int]) -> dict[int | None, int]:
    """Return the events that some are steps of."""
    told = events_of(connection, schema).proj("parent") & [{"event": event} for event in events]
    return {row["event"]: row["parent"] for row in told.to_dicts() if row["parent"] is not None}


def _insert_step(table: FreeTable, rows: Sequence[Row], make: int) -> None:
    """Insert what a make had written into a table beside its own."""
    connection = table.connection
    outer, transaction = current_scope(connection), connection.current
    assert outer is not None and transaction is not None  # noqa: PT018, S101 - asked by the caller
    scope = Scope(connection, "restore", None, outer.id)
    scope.id, scope.schemas = make, outer.schemas
    enter(transaction, scope)
    try:
        table.insert([known_values(row, table.heading) for row in rows], allow_direct_insert=True)
    finally:
        enter(transaction, outer)


def _latest(connection: Connection, name: TableName, events: Sequence[int]) -> dict[int, Row]:
    """Return, by the events of makes, the newest event that confirms each, or it."""
    found: dict[int, Row] = {}
    told = events_of(connection, name.schema).proj("kind", "code", "environment", "confirms")
    asked = [{"event": event} for event in events] + [{"confirms": event} for event in events]
    for row in (told & asked).to_dicts(order_by="event"):
        if row["code"] is not None and row["kind"] in (*MADE, "confirm"):
            found[row["confirms"] or row["event"]] = row
    return found


def _insert(table: FreeTable, rows: Sequence[Row], made: Row, event_id: int) -> None:
    connection, name = table.connection, table.name
    outer, transaction = current_scope(connection), connection.current
    assert outer is not None and transaction is not None  # noqa: PT018, S101 - asked by the caller
    origin = Origin(made["code"], made["environment"])
    scope = Scope(connection, "restore", name, outer.id, origin)
    scope.id = event_id
    enter(transaction, scope)
    try:
        table.insert([known_values(row, table.heading) for row in rows], allow_direct_insert=True)
    finally:
        enter(transaction, outer)
    details = {"restores": made["event"]}
    event = EventRecord(scope.id, "restore", name, outer.id, details, schemas=outer.schemas, origin=origin)
    store(connection, event, len(rows))
    connection.execute(copy_reads(name.schema, connection.dialect), [scope.id, made["event"]])
