"""Marks in the database, by which one worker handles each occurrence once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from datajoint._value import Value
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, DuplicateError
from datajoint.heading.names import TableName
from datajoint.journal.digest import text_digest
from datajoint.journal.events.write_event import record
from datajoint.journal.system import prepare
from datajoint.sql.system_tables import sensors as sql
from datajoint.table.free import FreeTable

__all__ = ["DONE", "FAILED", "Mark", "Marks", "Place", "place_of"]

DONE, FAILED = "done", sql.FAILED
_LONGEST_NAME = 64


class Place(Value):
    """Observed schema of a connection, or one table of it."""

    connection: Connection
    schema: str
    table: TableName | None = None


def place_of(where: Any) -> Place:
    """Return the place of a schema, a module with a schema, or a table.

    Raises
    ------
    DataJointError
        If the object is none of these.

    Examples
    --------
    >>> import datajoint as dj
    >>> place_of(dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")).schema
    'lab'
    """
    found: Any = where() if isinstance(where, type) else where
    if hasattr(found, "table_name"):
        return Place(found.connection, found.database, found.name)
    schema: Any = found if hasattr(found, "list_tables") else getattr(found, "schema", None)
    if not hasattr(schema, "list_tables"):
        raise DataJointError(
            f"{where!r:.80} is neither a schema nor a table.", hint="Name a schema or a table class."
        )
    return Place(schema.connection, schema.database)


class Mark(Value):
    """Stored occurrence."""

    label: str
    outcome: str
    at: dt.datetime
    attempts: int
    error: str | None


class Marks:
    """Stored occurrences of one sensor, schedule, rule or hook.

    The primary key of ``~sensors`` decides between workers: `add` returns True to one of them.

    Parameters
    ----------
    place
        Schema that stores the marks.
    name
        Name that identifies the marks after a restart.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> marks = Marks(place_of(schema), "nightly")
    >>> marks.add("2026-01-02"), marks.add("2026-01-02")
    (True, False)
    >>> list(marks.all())
    ['2026-01-02']
    """

    def __init__(self, place: Place, name: str) -> None:
        if not name or len(name) > _LONGEST_NAME:
            raise DataJointError(f"A name has 1 to {_LONGEST_NAME} characters, `{name}` has {len(name)}.")
        self._place, self._name = place, name
        spec = sql.sensors_table(place.schema)
        if not prepare(place.connection, spec):
            raise DataJointError(
                f"`{name}` cannot remember what it has noticed: schema `{place.schema}` has no table "
                f"`{sql.SENSORS}` and none may be made.",
                hint="Start the worker once as a user who may create tables.",
            )

    def all(self) -> dict[str, Mark]:
        """Return all marks by label."""
        table = FreeTable(self._place.connection, TableName(self._place.schema, sql.SENSORS))
        rows = (table & {"sensor": self._name}).to_dicts(order_by="label")
        return {
            row["label"]: Mark(row["label"], row["outcome"], row["at"], row["attempts"], row["error"])
            for row in rows
        }

    def add(
        self, label: str, outcome: str = DONE, *, event: int | None = None, attempts: int = 1,
        error: str | None = None,
    ) -> bool:  # fmt: skip
        """Store a mark in place of an earlier failure; return False if it exists already."""
        connection, schema = self._place.connection, self._place.schema
        item = text_digest(label)
        values = [self._name, item, label[:1024], outcome, attempts, event, error[:2047] if error else None]
        try:
            with connection.whole():
                connection.execute(sql.forget_failure(schema, connection.dialect), [self._name, item])
                connection.execute(sql.add_mark(schema, connection.dialect), values)
        except DuplicateError:
            return False
        return True

    def forget(self, label: str) -> None:
        """Delete a mark."""
        self._run(sql.forget_mark, label)

    def keep_only(self, label: str) -> None:
        """Delete all marks but one."""
        self._run(sql.forget_others, label)

    def _run(self, statement: Any, label: str) -> None:
        connection = self._place.connection
        with connection.whole():
            text = statement(self._place.schema, connection.dialect)
            connection.execute(text, [self._name, text_digest(label)])

    def fired(self, details: Mapping[str, Any]) -> int | None:
        """Record the event of an occurrence; return its id, or None if events are off."""
        place = self._place
        table = place.table or TableName(place.schema, sql.SENSORS)
        with place.connection.whole():
            return record(place.connection, "sensor", table, 1, {"sensor": self._name, **details})
