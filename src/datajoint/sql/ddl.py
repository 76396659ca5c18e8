"""Statements that make and drop tables and schemas, in the formats of each database (interop §1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datajoint._value import replace
from datajoint.backends.base import Dialect
from datajoint.declare.spec import ForeignKey, TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.sql.writers import Statement, Storage, enum_home, tolerating, writer

__all__ = [
    "Statement", "add_lineage", "addition", "alterations", "create_schema", "create_table", "delete_lineage",
    "drop_schema", "drop_table", "forget_lineage", "write_lineage",
]  # fmt: skip

LINEAGE = "~lineage"


def create_schema(name: str, dialect: Dialect, collation: str | None = None) -> list[Statement]:
    """Return the statements that make a schema, harmless where it exists.

    Parameters
    ----------
    collation
        Of a new MySQL database (TYP-20); None is the server's.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> create_schema("lab", get_backend("postgresql").dialect)
    [('CREATE SCHEMA IF NOT EXISTS "lab"', ())]
    """
    if dialect.name == "sqlite":
        target = '"~catalog" (schema, table_name, column_name)'
        return [(f"INSERT INTO {target} VALUES (?, '', '') ON CONFLICT DO NOTHING", (name,))]
    if dialect.name == "postgresql":
        return [(f"CREATE SCHEMA IF NOT EXISTS {dialect.quote(name)}", ())]
    suffix = f" CHARACTER SET utf8mb4 COLLATE {collation}" if collation else ""
    return [(dialect.escape(f"CREATE DATABASE IF NOT EXISTS {dialect.quote(name)}{suffix}"), ())]


def drop_schema(name: str, dialect: Dialect) -> list[Statement]:
    """Return the statements that drop a schema whose tables are gone.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> drop_schema("lab", get_backend("postgresql").dialect)
    [('DROP SCHEMA IF EXISTS "lab"', ())]
    """
    if dialect.name == "sqlite":
        return [('DELETE FROM "~catalog" WHERE schema = ?', (name,))]
    word = "SCHEMA" if dialect.name == "postgresql" else "DATABASE"
    return [(dialect.escape(f"DROP {word} IF EXISTS {dialect.quote(name)}"), ())]


def create_table(
    spec: TableSpec, storage: Storage, dialect: Dialect, collations: Mapping[str, str] | None = None
) -> list[Statement]:
    """Return the statements that make a table.

    Parameters
    ----------
    storage
        Storage types of the attributes that a codec encodes.
    collations
        ``"CHARACTER SET … COLLATE …"`` of foreign-key columns, which must be that of the column they refer to
        (MySQL, interop §7.1.11).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.types import parse_type
    >>> spec = TableSpec(TableName("lab", "a"), (Attribute("x", parse_type("int8"), True),), ("x",))
    >>> print(create_table(spec, {}, get_backend("sqlite").dialect)[0][0])
    CREATE TABLE IF NOT EXISTS "lab.a" (
      "x" INTEGER NOT NULL CHECK ("x" BETWEEN -128 AND 127),
      PRIMARY KEY ("x")
    ) STRICT, WITHOUT ROWID
    """
    statements = writer(spec, storage, dialect, collations).statements()
    return [(text if parameters else dialect.escape(text), parameters) for text, parameters in statements]


def addition(spec: TableSpec, attributes: Sequence[Attribute], dialect: Dialect) -> list[Statement]:
    """Return the statements that add columns at the end of a table; `spec` is the table without them.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.types import parse_type
    >>> spec = TableSpec(TableName("lab", "a"), (Attribute("x", parse_type("int8"), True),), ("x",))
    >>> event = Attribute("_event", parse_type("int64"), nullable=True, comment="who")
    >>> addition(spec, [event], get_backend("mysql").dialect)[0][0]
    "ALTER TABLE `lab`.`a` ADD COLUMN `_event` bigint COMMENT ':int64:who'"
    """
    whole = replace(spec, hidden=(*spec.hidden, *attributes))
    statements = writer(whole, {}, dialect).addition(attributes)
    return [(text if values else dialect.escape(text), values) for text, values in statements]


def alterations(spec: TableSpec, attributes: Sequence[Attribute], dialect: Dialect) -> list[str]:
    """Return the texts that `addition` alters the table by, without what it notes beside."""
    return [text for text, _ in addition(spec, attributes, dialect) if text.startswith("ALTER TABLE")]


def as_one(statements: Sequence[Statement], dialect: Dialect, lasting: bool = False) -> list[Statement]:
    """Return statements with begin and end of a transaction; not `lasting`, the disk may have it later.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> as_one([("DROP TABLE t", ())], get_backend("postgresql").dialect)[:2]
    [('BEGIN', ()), ('SET LOCAL synchronous_commit TO off', ())]
    """
    lenient = [(dialect.unhurried, ())] if dialect.unhurried and not lasting else []
    return [("BEGIN", ()), *lenient, *statements, ("COMMIT", ())]


def drop_table(spec: TableSpec, dialect: Dialect) -> list[Statement]:
    """Return the statements that drop a table, and the enum types that no other column uses.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> spec = TableSpec(TableName("lab", "a"), (), ())
    >>> drop_table(spec, get_backend("mysql").dialect)
    [('DROP TABLE `lab`.`a`', ())]
    """
    name = spec.name
    statements: list[Statement] = [(dialect.escape(f"DROP TABLE {dialect.table(name)}"), ())]
    if dialect.name == "sqlite":
        own = [key for key in spec.foreign_keys if key.parent == name]
        statements[:0] = [(_loosen(spec, key, dialect), ()) for key in own]
        schema, table = dialect.literal(name.schema), dialect.literal(name.name)
        statements.append((f'DELETE FROM "~catalog" WHERE schema = {schema} AND table_name = {table}', ()))
    if dialect.name == "postgresql":
        types = {
            dialect.column_type(a.dtype, enum_home(spec, a)): 0
            for a in spec.columns
            if a.dtype.kind == "enum"
        }
        harmless = "dependent_objects_still_exist OR undefined_object"
        statements += [(tolerating(f"DROP TYPE {name}", harmless), ()) for name in types]
    return statements


def _loosen(spec: TableSpec, key: ForeignKey, dialect: Dialect) -> str:
    """Return the statement that lets rows refer to no other: SQLite deletes them one by one as it drops."""
    pairs = [(c, p) for c, p in zip(key.columns, key.parent_columns, strict=True) if c != p]
    values = ", ".join(
        f"{dialect.quote(c)} = {'NULL' if spec.attribute(c).nullable else dialect.quote(p)}" for c, p in pairs
    )
    return f"UPDATE {dialect.table(spec.name)} SET {values}"


def write_lineage(spec: TableSpec, dialect: Dialect) -> list[Statement]:
    """Return the statements that record where the attributes of a table come from (interop §2.1).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.types import parse_type
    >>> x = Attribute("x", parse_type("int8"), True, lineage="lab.a.x")
    >>> spec = TableSpec(TableName("lab", "a"), (x,), ("x",))
    >>> print(write_lineage(spec, get_backend("sqlite").dialect)[1][0])
    INSERT INTO "lab.~lineage" ("table_name", "attribute_name", "lineage") VALUES ('a', 'x', 'lab.a.x')
    ON CONFLICT DO NOTHING
    """
    lineage = {a.name: a.lineage for a in spec.columns if a.lineage}
    forget = delete_lineage(spec.name, dialect)
    return [*forget, add_lineage(spec.name, lineage, dialect)] if lineage else forget


def add_lineage(name: TableName, lineage: Mapping[str, str | None], dialect: Dialect) -> Statement:
    """Return the statement that records the lineage of some attributes, unless it is recorded already.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> print(add_lineage(TableName("lab", "a"), {"x": "lab.a.x"}, get_backend("sqlite").dialect)[0])
    INSERT INTO "lab.~lineage" ("table_name", "attribute_name", "lineage") VALUES ('a', 'x', 'lab.a.x')
    ON CONFLICT DO NOTHING
    """
    table, literal = dialect.table(TableName(name.schema, LINEAGE)), dialect.literal
    own, quiet = literal(name.name), dialect.quote("lineage")
    names = f"{dialect.quote('table_name')}, {dialect.quote('attribute_name')}, {quiet}"
    rows = ", ".join([f"({own}, {literal(named)}, {literal(of)})" for named, of in lineage.items()])
    ending = "ON CONFLICT DO NOTHING"
    if dialect.name == "mysql":
        ending = f"ON DUPLICATE KEY UPDATE {quiet} = {quiet}"
    return dialect.escape(f"INSERT INTO {table} ({names}) VALUES {rows} {ending}"), ()


def forget_lineage(schema: str, tables: Sequence[str], dialect: Dialect) -> Statement:
    r"""Return the statement that forgets the lineage of all but some tables and those of the platform.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> forget_lineage("lab", ["a"], get_backend("sqlite").dialect)
    ('DELETE FROM "lab.~lineage" WHERE "table_name" NOT LIKE \'~%\' AND "table_name" NOT IN (?)', ('a',))
    """
    table, name = dialect.table(TableName(schema, LINEAGE)), dialect.quote("table_name")
    text = dialect.escape(f"DELETE FROM {table} WHERE {name} NOT LIKE '~%'")
    if tables:
        places = ", ".join(dialect.parameter(n) for n in range(1, len(tables) + 1))
        text += f" AND {dialect.escape(name)} NOT IN ({places})"
    return text, tuple(tables)


def delete_lineage(name: TableName, dialect: Dialect) -> list[Statement]:
    r"""Return the statement that forgets the lineage of a table.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> delete_lineage(TableName("lab", "a"), get_backend("sqlite").dialect)
    [('DELETE FROM "lab.~lineage" WHERE "table_name" = \'a\'', ())]
    """
    table = dialect.table(TableName(name.schema, LINEAGE))
    text = f"DELETE FROM {table} WHERE {dialect.quote('table_name')} = {dialect.literal(name.name)}"
    return [(dialect.escape(text), ())]
