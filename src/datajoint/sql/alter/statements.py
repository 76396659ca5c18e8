"""Statements that change a table in place, for whatever database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datajoint.backends.base import Dialect
from datajoint.declare.alteration import Alteration
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType, parse_type
from datajoint.sql.alter.mysql import alter_mysql
from datajoint.sql.alter.native import Native
from datajoint.sql.alter.postgresql import alter_postgresql
from datajoint.sql.alter.sqlite import alter_sqlite
from datajoint.sql.ddl import Statement
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.images import UNTIL, shadow_name
from datajoint.sql.writers import MysqlWriter, PostgresqlWriter, SqliteWriter, writer

__all__ = ["alter_table", "finish_event", "forget_alteration", "lock_table"]

_ID, _DETAILS = parse_type("int64"), parse_type("json")


def alter_table(
    change: Alteration, storage: Mapping[str, AttributeType], dialect: Dialect, native: Native,
    triggers: Sequence[str] = (), collations: Mapping[str, str] | None = None, first: int = 0,
) -> list[Statement]:  # fmt: skip
    """Return the statements that change a table.

    Parameters
    ----------
    storage, collations
        As for `create_table`.
    native
        Names that the database has for indexes and constraints.
    triggers
        Texts of triggers that go with the table where it is replaced (SQLite).
    first
        Number of the first function that converts values (SQLite).

    Examples
    --------
    >>> from datajoint._value import replace
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.declare.alteration import between
    >>> from datajoint.declare.spec import TableSpec
    >>> from datajoint.heading.attribute import Attribute
    >>> old = TableSpec(TableName("lab", "a"), (Attribute("x", _ID, True), Attribute("y", _ID)), ("x",))
    >>> new = replace(old, attributes=(old.attributes[0], replace(old.attributes[1], name="z")))
    >>> change, native = between(old, new, {"y": "z"}), Native({}, {})
    >>> alter_table(change, {}, get_backend("mysql").dialect, native)[0][0]
    "ALTER TABLE `lab`.`a` CHANGE COLUMN `y` `z` bigint NOT NULL COMMENT ':int64:'"
    """
    write = writer(change.wanted, storage, dialect, collations)
    if isinstance(write, SqliteWriter):
        return alter_sqlite(change, write, native, triggers, first)
    if isinstance(write, PostgresqlWriter):
        return alter_postgresql(change, write, native)
    assert isinstance(write, MysqlWriter)  # noqa: S101 - there is no other
    return [(dialect.escape(text), values) for text, values in alter_mysql(change, write, native)]


def lock_table(name: TableName, dialect: Dialect) -> str | None:
    """Return the statement that keeps others from a table to the end of the transaction, where there is one.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> lock_table(TableName("lab", "a"), get_backend("postgresql").dialect)
    'LOCK TABLE "lab"."a" IN ACCESS EXCLUSIVE MODE'
    """
    if dialect.name != "postgresql":
        return None
    return f"LOCK TABLE {dialect.table(name)} IN ACCESS EXCLUSIVE MODE"


def finish_event(schema: str, dialect: Dialect) -> str:
    """Return the UPDATE of the details of an event, at its end; parameters are its details and its id.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> finish_event("lab", get_backend("mysql").dialect)
    'UPDATE `lab`.`~events` SET `details` = %s, `finished` = UTC_TIMESTAMP(6) WHERE `event` = %s'
    """
    quote, table = dialect.quote, dialect.table(TableName(schema, EVENTS))
    start = dialect.escape(f"UPDATE {table} SET {quote('details')} = ")
    told = dialect.write(_DETAILS, dialect.parameter(1, _DETAILS))
    middle = dialect.escape(f", {quote('finished')} = {dialect.now_utc(6)} WHERE {quote('event')} = ")
    return f"{start}{told}{middle}{dialect.parameter(2, _ID)}"


def forget_alteration(name: TableName, has_history: bool, dialect: Dialect) -> list[str]:
    """Return what takes away the event, and the versions that it ended, of an alter that did not take place.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> len(forget_alteration(TableName("lab", "a"), True, get_backend("mysql").dialect))
    2
    """
    places = [(shadow_name(name), UNTIL)] if has_history else []
    places.append((TableName(name.schema, EVENTS), "event"))
    return [
        dialect.escape(f"DELETE FROM {dialect.table(table)} WHERE {dialect.quote(column)} = ")
        + dialect.parameter(1, _ID)
        for table, column in places
    ]
