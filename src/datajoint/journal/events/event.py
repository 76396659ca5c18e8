"""Events, which every write leaves behind: who, when, what; one per statement and table (provenance §2)."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from datajoint import logging
from datajoint._value import Value
from datajoint.engine.connection import Connection
from datajoint.engine.define import run
from datajoint.errors import AccessError, DuplicateError, QueryError
from datajoint.heading.names import TableName
from datajoint.heading.values import json_text
from datajoint.sql.ddl import create_table
from datajoint.sql.dml import EventText
from datajoint.sql.system import EVENTS, events_table
from datajoint.version import __version__

__all__ = ["EventRecord", "Origin", "enabled", "event_text", "is_clash", "new_id", "parameters", "prepare",
           "time_of"]  # fmt: skip

_EPOCH = 1_577_836_800_000
"""Milliseconds of 2020-01-01 UTC since 1970."""

_RANDOM_BITS = 21
_LONGEST = {"db_user": 128, "user": 128, "host": 255, "client": 64, "table": 64}


class Origin(Value):
    """Digests of the code and the environment of a make.

    Attributes
    ----------
    complete
        Whether all code that it reaches is known.
    """

    code: str
    environment: str
    complete: bool = True


class EventRecord(Value):
    """An event on its way to the database.

    Attributes
    ----------
    id
        42 bits of milliseconds since 2020, 21 random ones: made here, so that it never comes again, stays the
        same in copies, and tells after a lost COMMIT whether it took place.
    table
        The table written to; its schema is where the event goes.
    parent
        Event of the block, cascade or make that this is a part of.
    written
        Whether somebody else writes it: rows of a make's own table carry the event of the make.
    schemas
        Where its parent notes that a step was written; a step that is refused leaves the parent without it.
    origin
        Of a make: what it ran as.
    """

    id: int
    kind: str
    table: TableName
    parent: int | None = None
    details: Mapping[str, Any] | None = None
    written: bool = False
    schemas: dict[str, None] | None = None
    origin: Origin | None = None

    def note(self) -> None:
        """Tell the parent that it was written."""
        if self.schemas is not None:
            self.schemas[self.table.schema] = None


def new_id() -> int:
    """Return an event id.

    Examples
    --------
    >>> 0 < new_id() < 1 << 63
    True
    """
    low = next(_numbers(os.getpid())) & ((1 << _RANDOM_BITS) - 1)
    return (int(time.time() * 1000) - _EPOCH << _RANDOM_BITS) | low


def time_of(event: int) -> dt.datetime:
    """Return when an event id was made, in UTC.

    Examples
    --------
    >>> abs(time_of(new_id()) - dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)).total_seconds() < 60
    True
    """
    milliseconds = (event >> _RANDOM_BITS) + _EPOCH
    return dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)  # noqa: DTZ001 - naive, as in the database


@cache
def _numbers(pid: int) -> Iterator[int]:
    """Count from a random number on: one process never makes an id twice, two hardly ever the same."""
    return itertools.count(secrets.randbits(_RANDOM_BITS))


def is_clash(error: BaseException) -> bool:
    """Whether a write was refused because another process has made the same event id in the same millisecond.

    Examples
    --------
    >>> is_clash(DuplicateError("…", table="lab.~events"))
    True
    """
    return isinstance(error, DuplicateError) and str(error.context.get("table", "")).endswith(f".{EVENTS}")


def prepare(connection: Connection, schema: str) -> bool:
    """Make the table of events of a schema where it is missing, and return whether events are on.

    Examples
    --------
    >>> import datajoint as dj
    >>> instance = dj.Instance(backend="sqlite", database__name=":memory:")
    >>> prepare(instance.connection, instance.Schema("lab").database)
    True
    """
    if not connection.config.provenance.events:
        return False
    catalog, spec = connection.catalog, events_table(schema)
    if catalog.find(spec.name) is not None:
        return True
    if not connection.config.database.create_tables:
        _tell(f"schema `{schema}` has no table of events and none may be made: writes are not recorded")
        return False
    try:
        run(connection, create_table(spec, {}, connection.dialect))
    except AccessError:
        _tell(f"no right to make a table of events in schema `{schema}`: writes are not recorded")
        return False
    except QueryError:  # another process has just made it
        catalog.forget(schema)
        if catalog.find(spec.name) is None:
            raise
        return True
    catalog.add(spec)
    return True


@cache  # so that it is said once a process
def _tell(text: str) -> None:
    logging.logger.info(text)


def enabled(connection: Connection, schema: str) -> bool:
    """Return whether writes to a schema leave events.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> enabled(connection, "lab")
    False
    """
    found = _events_of(schema) in connection.catalog.tables(schema)
    return found and bool(connection.config["provenance.events"])


@cache
def _events_of(schema: str) -> TableName:
    return TableName(schema, EVENTS)


class _Agent(Value):
    """Who writes, as this side says."""

    user: str
    host: str
    pid: int
    client: str


@cache
def _agent(pid: int) -> _Agent:
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in this container
        user = ""
    program = "python" if not sys.argv or not sys.argv[0] else os.path.basename(sys.argv[0])
    client = f"datajoint-python {__version__} {program}"
    return _Agent(
        user[: _LONGEST["user"]],
        platform.node()[: _LONGEST["host"]],
        pid,
        client[: _LONGEST["client"]].strip(),
    )


def event_text(
    connection: Connection, schema: str, kind: str, table: str | None, origin: Origin | None = None
) -> EventText:
    """Return what is the same in all events of this kind, table and process.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> event_text(connection, "lab", "insert", "subject").kind
    'insert'
    """
    agent = _agent(os.getpid())
    db_user = connection.get_user()[: _LONGEST["db_user"]]
    short = table[: _LONGEST["table"]] if table else None
    code, environment = (None, None) if origin is None else (origin.code, origin.environment)
    return EventText(
        schema, kind, short, db_user, agent.user, agent.host, agent.pid, agent.client, code, environment
    )


def parameters(connection: Connection, event: EventRecord, count: int | None = None) -> list[Any]:
    """Return the parameters of an event as `sql.dml.write_event` takes them; without `count` it is left out.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> parameters(connection, EventRecord(7, "insert", TableName("lab", "subject")), 2)
    [7, 2, None, None]
    """
    details = None if event.details is None else json_text(dict(event.details))
    counted = [] if count is None else [count]
    return [event.id, *counted, event.parent, details]
