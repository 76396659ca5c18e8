"""Statements about what sensors, schedules and the like have noticed: `~sensors`."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.backends.base import Dialect
from datajoint.declare.spec import TableSpec
from datajoint.heading.names import TableName
from datajoint.sql.system import column

__all__ = ["FAILED", "SENSORS", "add_mark", "forget_failure", "forget_mark", "forget_others", "sensors_table"]

SENSORS = "~sensors"
FAILED = "error"
"""Outcome of what is to be tried again."""

_GIVEN = ("sensor", "item", "label", "outcome", "attempts", "event", "error")


def sensors_table(schema: str) -> TableSpec:
    """Return the table of what has been noticed: files seen, times at which something was done.

    Examples
    --------
    >>> sensors_table("lab").primary_key
    ('sensor', 'item')
    """
    return TableSpec(
        TableName(schema, SENSORS),
        (
            column("sensor", "varchar(64)", key=True),
            column("item", "char(26)", key=True),
            column("label", "varchar(1024)"),
            column("outcome", "varchar(16)"),
            column("at", "datetime(6)"),
            column("attempts", "int16"),
            column("event", "int64", nullable=True),
            column("error", "varchar(2047)", nullable=True),
        ),
        ("sensor", "item"),
    )


def add_mark(schema: str, dialect: Dialect) -> str:
    """Return the INSERT of a mark; parameters: sensor, item, label, outcome, attempts, event, error.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> add_mark("lab", get_backend("sqlite").dialect).partition("(")[0]
    'INSERT INTO "lab.~sensors" '
    """
    names = ", ".join(map(dialect.quote, (*_GIVEN, "at")))
    start = dialect.escape(f"INSERT INTO {_table(schema, dialect)} ({names}) SELECT ")
    return start + _parameters(schema, _GIVEN, dialect) + dialect.escape(f", {dialect.now_utc(6)}")


def forget_mark(schema: str, dialect: Dialect) -> str:
    """Return the DELETE of a mark; parameters: sensor, item."""
    return _delete(schema, dialect, "=")


def forget_failure(schema: str, dialect: Dialect) -> str:
    """Return the DELETE of a mark of what has failed; parameters: sensor, item."""
    return _delete(schema, dialect, "=") + dialect.escape(f" AND {dialect.quote('outcome')} = '{FAILED}'")


def forget_others(schema: str, dialect: Dialect) -> str:
    """Return the DELETE of all marks of a sensor but one; parameters: sensor, item."""
    return _delete(schema, dialect, "<>")


def _delete(schema: str, dialect: Dialect, comparison: str) -> str:
    q = dialect.quote
    sensor, item = (_parameters(schema, [name], dialect, n) for n, name in enumerate(("sensor", "item"), 1))
    start = dialect.escape(f"DELETE FROM {_table(schema, dialect)} WHERE {q('sensor')} = ")
    return start + sensor + dialect.escape(f" AND {q('item')} {comparison} ") + item


def _table(schema: str, dialect: Dialect) -> str:
    return dialect.table(TableName(schema, SENSORS))


def _parameters(schema: str, names: Sequence[str], dialect: Dialect, first: int = 1) -> str:
    spec = sensors_table(schema)
    dtypes = [spec.attribute(name).dtype for name in names]
    return ", ".join(dialect.write(d, dialect.parameter(n, d)) for n, d in enumerate(dtypes, first))
