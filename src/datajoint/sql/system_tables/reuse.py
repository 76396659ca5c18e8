"""Statements that put old versions of rows back under a new event (provenance §6)."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.backends.base import Dialect
from datajoint.declare.spec import TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.dml import Column
from datajoint.sql.system_tables.images import EVENT, shadow_name, shadow_table
from datajoint.sql.writers import enum_home

__all__ = ["count_written", "fits", "guard_written", "put_back"]

_ID = parse_type("int64")


def fits(spec: TableSpec, kept: TableSpec) -> bool:
    """Whether a table has the columns that its old versions have, of the same types.

    Examples
    --------
    >>> key = Attribute("a", _ID, in_key=True)
    >>> spec = TableSpec(TableName("lab", "a"), (key,), ("a",), hidden=(Attribute(EVENT, _ID),))
    >>> fits(spec, shadow_table(spec))
    True
    """
    wanted = {column.name: column.dtype.text for column in shadow_table(spec).columns}
    there = {column.name: column.dtype.text for column in kept.columns}
    labels = {column.name: "" for column in spec.columns if column.dtype.kind == "enum"}
    return {**wanted, **labels} == {**there, **{name: "" for name in labels if name in there}}


def put_back(spec: TableSpec, key: Sequence[Column], events: int, dialect: Dialect) -> str:
    """Return the INSERT of the versions that some events wrote, under a new event.

    Parameters are the new event, the events, and the values of the key, which tell where to look.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> column = Attribute("a", _ID, in_key=True)
    >>> spec = TableSpec(TableName("lab", "a"), (column,), ("a",), hidden=(Attribute(EVENT, _ID),))
    >>> put_back(spec, [("a", _ID)], 1, get_backend("sqlite").dialect)
    'INSERT INTO "lab.a" ("a", "_event") SELECT "a", ? FROM "lab.~h_a" WHERE "_event" IN (?) AND "a" = ?'
    """
    quote = dialect.quote
    columns = [column for column in spec.columns if column.name != EVENT]
    names = ", ".join(quote(name) for name in (*(column.name for column in columns), EVENT))
    values = "".join(f"{_stored(spec, column, dialect)}, " for column in columns)
    start = dialect.escape(f"INSERT INTO {dialect.table(spec.name)} ({names}) SELECT {values}")
    new = dialect.write(_ID, dialect.parameter(1, _ID))
    return f"{start}{new}{_from(shadow_name(spec.name), key, 2, events, dialect)}"


def _stored(spec: TableSpec, column: Attribute, dialect: Dialect) -> str:
    """Return a column as the table has it: its history has labels as text."""
    name = dialect.quote(column.name)
    if column.dtype.kind == "enum" and dialect.name == "postgresql":
        return f"{name}::{dialect.column_type(column.dtype, enum_home(spec, column))}"
    return name


def count_written(
    name: TableName, key: Sequence[Column], first: int, dialect: Dialect, events: int = 1
) -> str:
    """Return the SELECT of how many rows of a key carry some events; parameters: events, key."""
    return f"SELECT count(*){_from(name, key, first, events, dialect)}"


def guard_written(name: TableName, key: Sequence[Column], dialect: Dialect, events: int = 1) -> str:
    """Return a SELECT that fails unless so many rows of a key carry some events (servers).

    Parameters are the events, the key, and the number.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> guard_written(TableName("lab", "a"), [], get_backend("mysql").dialect)[:73]
    'SELECT CASE WHEN (SELECT count(*) FROM `lab`.`a` WHERE `_event` IN (%s)) '
    """
    counted = count_written(name, key, 1, dialect, events)
    number = dialect.write(_ID, dialect.parameter(1 + events + len(key), _ID))
    return f"SELECT CASE WHEN ({counted}) = {number} THEN 1 ELSE (SELECT 1 UNION ALL SELECT 2) END"


def _from(name: TableName, key: Sequence[Column], first: int, events: int, dialect: Dialect) -> str:
    marks = ", ".join(dialect.write(_ID, dialect.parameter(n, _ID)) for n in range(first, first + events))
    text = dialect.escape(f" FROM {dialect.table(name)} WHERE {dialect.quote(EVENT)} IN (") + f"{marks})"
    for n, (column, dtype) in enumerate(key, first + events):
        text += dialect.escape(f" AND {dialect.quote(column)} = ")
        text += dialect.write(dtype, dialect.parameter(n, dtype))
    return text
