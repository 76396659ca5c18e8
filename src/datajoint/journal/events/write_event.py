"""Statements that write events, and the texts of them that are kept."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from typing import Any

from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.journal.events.event import EventRecord, event_text, parameters
from datajoint.journal.events.scope import open_event
from datajoint.sql.dml import Moved, with_event, write_event
from datajoint.sql.system import EVENTS

__all__ = ["event_statement", "record", "store", "text_of_event", "text_with_event"]


def event_statement(connection: Connection, event: EventRecord, rows: int | None) -> tuple[str, Parameters]:
    """Return the statement that writes an event.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> event = EventRecord(7, "insert", TableName("lab", "subject"))
    >>> event_statement(schema.connection, event, 3)[1]
    [7, 3, None, None]
    """
    values = parameters(connection, event)
    return text_of_event(connection, event), [values[0], rows, *values[1:]]


def store(connection: Connection, event: EventRecord | None, rows: int | None) -> None:
    """Write an event as a statement of its own, inside the transaction of its rows; none for 0 rows.

    Examples
    --------
    >>> import datajoint as dj
    >>> store(dj.Instance(backend="sqlite", database__name=":memory:").connection, None, 3)
    """
    if event is None or rows == 0:
        return
    if not event.written:
        connection.execute(*event_statement(connection, event, rows))
        if connection.current is not None:
            connection.current.event = event.table.schema, event.id
    event.note()


def record(
    connection: Connection, kind: str, table: TableName, rows: int, details: Mapping[str, Any] | None = None
) -> int | None:
    """Write an event for rows that the caller changes in the open transaction; return its id.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> record(connection, "delete", TableName("lab", "subject"), 3) is None
    True
    """
    event = open_event(connection, table, kind, details)
    store(connection, event, rows)
    return event.id if event else None


def text_of_event(connection: Connection, event: EventRecord, count: str = "", condition: str = "") -> str:
    """Return the INSERT of an event; `count` and `condition` as for `sql.dml.write_event`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> text_of_event(schema.connection, EventRecord(7, "insert", TableName("lab", "subject")))[:30]
    'INSERT INTO "lab.~events" ("ev'
    """

    def write() -> str:
        return write_event(_constant(connection, event), connection.dialect, 1, count, condition)

    return _kept(connection, event, (count,), write)


def text_with_event(
    connection: Connection, event: EventRecord, text: str, n: int, counted: bool, moved: Moved | None
) -> str:
    """Return a change of `n` parameters and its event as one statement; see `sql.dml.with_event`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> event = EventRecord(7, "delete", TableName("lab", "subject"))
    >>> text_with_event(schema.connection, event, "DELETE FROM t", 0, True, None)[:29]
    'WITH changed AS (DELETE FROM '
    """

    def write() -> str:
        return with_event(text, _constant(connection, event), n, connection.dialect, counted, moved)

    return _kept(connection, event, (text, counted, moved), write)


def _constant(connection: Connection, event: EventRecord) -> Any:
    return event_text(connection, event.table.schema, event.kind, event.table.name, event.origin)


def _kept(connection: Connection, event: EventRecord, key: tuple[Hashable, ...], write: Any) -> str:
    """Return a text that is written once a table of events and process."""
    source = connection.catalog.source(TableName(event.table.schema, EVENTS))
    full = (event.kind, event.table, event.origin, os.getpid(), *key)
    found = source.child(full)
    return source.keep(full, write()) if found is None else found
