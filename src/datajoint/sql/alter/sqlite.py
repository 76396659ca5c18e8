"""Changes of a SQLite table: in place where ALTER TABLE can, else by a new table in place of the old one.

The steps are those of the documentation of SQLite, "Making Other Kinds Of Table Schema Changes"
(sqlite.org/lang_altertable.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datajoint.declare.alteration import Alteration
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.sql.alter.native import Native
from datajoint.sql.ddl import Statement
from datajoint.sql.writers import SqliteWriter

__all__ = ["CONVERT", "alter_sqlite", "find_broken", "find_triggers", "is_rebuilt", "settings_of_rebuild"]

CONVERT = "alter_convert_"
"""Begin of the names of functions that convert values; a number follows."""

_NEW = "~new_"


def is_rebuilt(change: Alteration) -> bool:
    """Whether ALTER TABLE cannot do it, so that all rows are copied.

    Examples
    --------
    >>> from datajoint.declare.alteration import between
    >>> from datajoint.declare.spec import TableSpec
    >>> from datajoint.heading.types import parse_type
    >>> one = TableSpec(TableName("lab", "a"), (Attribute("x", parse_type("int8"), True),), ("x",))
    >>> is_rebuilt(between(one, one, {}))
    False
    """
    kinds = {c.kind for c in change.changes}
    rewritten = {"attribute_dropped", "attribute_nullable", "attribute_default"}
    if change.dropped or change.retyped or any(change.check_changes()) or kinds & rewritten:
        return True
    return any(_is_computed(a) for a in change.added)


def _is_computed(a: Attribute) -> bool:
    """Whether the values of a new attribute are no constant."""
    return not a.nullable and (a.default is None or a.default.kind not in ("literal", "null"))


def settings_of_rebuild(on: bool) -> list[str]:
    """Return the statements that let other tables refer to one that is replaced, or not any more."""
    return [f"PRAGMA foreign_keys = {'OFF' if on else 'ON'}", f"PRAGMA legacy_alter_table = {int(on)}"]


def find_triggers(name: TableName) -> Statement:
    """Return the SELECT of the texts of the triggers of a table, which go with it."""
    text = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    return text, (f"{name.schema}.{name.name}",)


def find_broken(name: TableName) -> str:
    """Return the statement that lists the rows of a table whose references lead nowhere."""
    return f"""PRAGMA foreign_key_check("{name.schema}.{name.name}")"""


def alter_sqlite(
    change: Alteration, writer: SqliteWriter, native: Native, triggers: Sequence[str] = (), first: int = 0
) -> list[Statement]:
    """Return the statements of a change, to be run as one transaction."""
    schema, name = (writer.dialect.literal(text) for text in (writer.spec.name.schema, writer.spec.name.name))
    forget = f'DELETE FROM "~catalog" WHERE schema = {schema} AND table_name = {name}'
    texts = _rebuilt(change, writer, first) if is_rebuilt(change) else _in_place(change, writer, native)
    prefix = f"{writer.spec.name.schema}."
    if is_rebuilt(change):
        indexes = [*writer.create_indexes(prefix), *((text, ()) for text in triggers)]
    else:
        indexes = writer.create_indexes(prefix, change.index_changes()[1], native.indexes.values())
    return [*((text, ()) for text in texts), *indexes, (forget, ()), writer.catalog()]


def _in_place(change: Alteration, writer: SqliteWriter, native: Native) -> list[str]:
    quote, table = writer.dialect.quote, writer.table
    former = {new: old for old, new in change.renamed.items()}
    names = [native.index(index, former) for index in change.index_changes()[0]]
    texts = [f"DROP INDEX IF EXISTS {quote(name)}" for name in names if name]
    texts += [
        f"ALTER TABLE {table} RENAME COLUMN {quote(old)} TO {quote(new)}"
        for old, new in change.renamed.items()
    ]
    return [*texts, *(f"ALTER TABLE {table} ADD COLUMN {writer.column(a)}" for a in change.added)]


def _rebuilt(change: Alteration, writer: SqliteWriter, first: int) -> list[str]:
    dialect, name = writer.dialect, writer.spec.name
    new = TableName(name.schema, _NEW + name.name)
    table, temporary = writer.table, dialect.table(new)
    former = {new: old for old, new in change.renamed.items()}
    create = writer.statements()[0][0].replace(f"IF NOT EXISTS {table}", temporary, 1)
    names = ", ".join(dialect.quote(column.name) for _, column in change.kept)
    numbers = {retyped.new.name: n for n, retyped in enumerate(change.retyped, first)}
    values = ", ".join(_value(column, former, numbers, writer) for _, column in change.kept)
    copy = [f"INSERT INTO {temporary} ({names}) SELECT {values} FROM {table}"] if names else []
    if any(a.dtype.autoincrement for a in writer.spec.columns):
        copy += _numbers(f"{new.schema}.{new.name}", f"{name.schema}.{name.name}", writer)
    return [create, *copy, f"DROP TABLE {table}", f"ALTER TABLE {temporary} RENAME TO {table}"]


def _value(
    column: Attribute, former: Mapping[str, str], numbers: Mapping[str, int], writer: SqliteWriter
) -> str:
    name = writer.dialect.quote(former.get(column.name, column.name))
    return f"{CONVERT}{numbers[column.name]}({name})" if column.name in numbers else name


def _numbers(new: str, old: str, writer: SqliteWriter) -> list[str]:
    """Return what goes on numbering rows where it was, also where the last ones are gone."""
    one, other = writer.dialect.literal(new), writer.dialect.literal(old)
    return [
        f"DELETE FROM sqlite_sequence WHERE name = {one}",
        f"INSERT INTO sqlite_sequence SELECT {one}, seq FROM sqlite_sequence WHERE name = {other}",
    ]
