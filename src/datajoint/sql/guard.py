"""Triggers that notice changes in place by other programs: such rows name no event any more."""

from __future__ import annotations

from collections.abc import Callable

from datajoint.backends.base import Dialect
from datajoint.declare.spec import TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.core_types import KINDS
from datajoint.heading.names import TableName
from datajoint.sql.ddl import Statement
from datajoint.sql.system_tables.images import EVENT
from datajoint.sql.writers import shortened, tolerating

__all__ = ["create_guard", "drop_function", "drop_guard", "find_guards", "is_current"]

_NAME = "~guard"
_REDUNDANT = "duplicate_function OR unique_violation"
_PLAIN = frozenset(kind for kind, record in KINDS.items() if record.exact)
"""Kinds of values that are the same where the database takes them for equal."""


def create_guard(spec: TableSpec, dialect: Dialect) -> list[Statement]:
    """Return the statements that let a table forget the event of a row that an UPDATE changes without one.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.types import parse_type
    >>> key = Attribute("a", parse_type("int8"), in_key=True)
    >>> spec = TableSpec(TableName("lab", "a"), (key,), ("a",))
    >>> print(create_guard(spec, get_backend("sqlite").dialect)[0][0])
    CREATE TRIGGER IF NOT EXISTS "lab.~guard_a" AFTER UPDATE ON "lab.a" WHEN NEW."_event" = OLD."_event" BEGIN
    UPDATE "lab.a" SET "_event" = NULL WHERE "a" = NEW."a"; END
    """
    return [(dialect.escape(text), ()) for text in _CREATE[dialect.name](spec, dialect)]


def drop_guard(name: TableName, dialect: Dialect) -> Statement:
    """Return the statement that takes it away, harmless where there is none.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> drop_guard(TableName("lab", "a"), get_backend("postgresql").dialect)
    ('DROP TRIGGER IF EXISTS "~guard" ON "lab"."a"', ())
    """
    if dialect.name == "postgresql":
        return f"DROP TRIGGER IF EXISTS {dialect.quote(_NAME)} ON {dialect.table(name)}", ()
    return dialect.escape(f"DROP TRIGGER IF EXISTS {_trigger(name, dialect)}"), ()


def drop_function(schema: str, dialect: Dialect) -> list[Statement]:
    """Return the statements that take away what the guards of a schema share (PostgreSQL)."""
    if dialect.name != "postgresql":
        return []
    return [(f"DROP FUNCTION IF EXISTS {dialect.table(TableName(schema, _NAME))}()", ())]


def find_guards(schema: str, dialect: Dialect) -> Statement:
    """Return the SELECT of the tables of a schema that have one, each with its text."""
    if dialect.name == "sqlite":
        start = f"{schema}.{_NAME}"
        chosen = "type = 'trigger' AND substr(name, 1, ?) = ?"
        text = f"SELECT substr(tbl_name, ?), sql FROM sqlite_master WHERE {chosen}"
        return text, (len(schema) + 2, len(start), start)
    if dialect.name == "postgresql":
        text = (
            "SELECT c.relname, '' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname = '{_NAME}' AND n.nspname = $1"
        )
        return text, (schema,)
    text = (
        "SELECT event_object_table, action_statement FROM information_schema.triggers "
        f"WHERE trigger_schema = %s AND left(trigger_name, {len(_NAME)}) = '{_NAME}'"
    )
    return text, (schema,)


def is_current(found: str, spec: TableSpec, dialect: Dialect) -> bool:
    """Whether the guard found on a table is the one that would be made now.

    On MySQL it names the columns, which others may have added to or dropped.
    """
    return dialect.name != "mysql" or _mysql(spec, dialect)[0].endswith(found)


def _trigger(name: TableName, dialect: Dialect) -> str:
    """Return the quoted name of the trigger, which is one of the whole schema."""
    own = shortened(f"{_NAME}_{name.name}", dialect.max_identifier)
    return dialect.table(TableName(name.schema, own))


def _sqlite(spec: TableSpec, dialect: Dialect) -> list[str]:
    quote, table = dialect.quote, dialect.table(spec.name)
    event = quote(EVENT)
    same = " AND ".join(f"{quote(name)} = NEW.{quote(name)}" for name in spec.primary_key)
    when = f"AFTER UPDATE ON {table} WHEN NEW.{event} = OLD.{event}"
    change = f"UPDATE {table} SET {event} = NULL{' WHERE ' if same else ''}{same}"
    return [f"CREATE TRIGGER IF NOT EXISTS {_trigger(spec.name, dialect)} {when} BEGIN\n{change}; END"]


def _postgresql(spec: TableSpec, dialect: Dialect) -> list[str]:
    quote, function = dialect.quote, dialect.table(TableName(spec.name.schema, _NAME))
    event = quote(EVENT)
    body = dialect.literal(f"BEGIN NEW.{event} := NULL; RETURN NEW; END")
    make = f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}"
    when = f"BEFORE UPDATE ON {dialect.table(spec.name)} FOR EACH ROW WHEN (NEW.{event} = OLD.{event})"
    trigger = f"CREATE TRIGGER {quote(_NAME)} {when} EXECUTE FUNCTION {function}()"
    return [tolerating(make, _REDUNDANT), trigger]


def _mysql(spec: TableSpec, dialect: Dialect) -> list[str]:
    """Compare the columns, as INSERT … ON DUPLICATE KEY leaves rows as they are by an update of nothing.

    A column that is gone must not make updates fail: then any of them counts.
    """
    event = dialect.quote(EVENT)
    columns = [column for column in spec.columns if column.name != EVENT]
    same = " AND ".join(_same(column, dialect) for column in columns) or "TRUE"
    forget = f"SET NEW.{event} = NULL;"
    when = f"BEFORE UPDATE ON {dialect.table(spec.name)} FOR EACH ROW"
    change = f"IF NEW.{event} = OLD.{event} THEN IF NOT ({same}) THEN {forget} END IF; END IF;"
    body = f"BEGIN DECLARE CONTINUE HANDLER FOR 1054 {forget} {change} END"
    return [f"CREATE TRIGGER {_trigger(spec.name, dialect)} {when} {body}"]


def _same(column: Attribute, dialect: Dialect) -> str:
    """Return the condition that a value is as it was; texts are the same if their bytes are."""
    new, old = (f"{row}.{dialect.quote(column.name)}" for row in ("NEW", "OLD"))
    plain = f"{new} <=> {old}"
    return plain if column.dtype.kind in _PLAIN else f"CAST({new} AS BINARY) <=> CAST({old} AS BINARY)"


_CREATE: dict[str, Callable[[TableSpec, Dialect], list[str]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
}
