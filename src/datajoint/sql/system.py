"""The tables that a schema has beside those of its user: origin of attributes, events (interop §2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint._value import replace
from datajoint.backends.base import Dialect
from datajoint.declare.default import NULL
from datajoint.declare.spec import Index, TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type

__all__ = [
    "CODE", "ENVIRONMENTS", "EVENTS", "LINEAGE", "column", "count_unstamped", "events_table", "find_columns",
    "find_tables", "lineage_table", "newest_events", "stamp_rows", "traced",
]  # fmt: skip

LINEAGE = "~lineage"
EVENTS = "~events"
EVENT = "_event"
CODE = "~code"
ENVIRONMENTS = "~environments"

_ORIGINS = {
    "event": (EVENTS, "event"),
    "parent": (EVENTS, "event"),
    "confirms": (EVENTS, "event"),
    "code": (CODE, "code"),
    "environment": (ENVIRONMENTS, "environment"),
    "shape": ("~shapes", "shape"),
}
"""Where the attributes of our tables come from, so that these join with each other and with rows."""

_EVENT_COLUMNS: Sequence[tuple[str, str, bool]] = (
    ("kind", "varchar(16)", False),
    ("table_name", "varchar(64)", True),
    ("row_count", "int64", True),
    ("started", "datetime(6)", False),
    ("finished", "datetime(6)", False),
    ("db_user", "varchar(128)", False),
    ("user", "varchar(128)", False),
    ("host", "varchar(255)", False),
    ("pid", "int64", False),
    ("client", "varchar(64)", False),
    ("parent", "int64", True),
    ("confirms", "int64", True),
    ("code", "char(26)", True),
    ("environment", "char(26)", True),
    ("details", "json", True),
)


def column(name: str, dtype: str, nullable: bool = False, key: bool = False, comment: str = "") -> Attribute:
    """Return a column of a table of ours.

    Examples
    --------
    >>> column("event", "int64", key=True).in_key
    True
    """
    return Attribute(name, parse_type(dtype), key, nullable, NULL if nullable else None, comment)


def lineage_table(schema: str) -> TableSpec:
    """Return the table that keeps where attributes were first introduced.

    Examples
    --------
    >>> lineage_table("lab").primary_key
    ('table_name', 'attribute_name')
    """
    return TableSpec(
        TableName(schema, LINEAGE),
        (
            column("table_name", "varchar(64)", key=True, comment="table name within the schema"),
            column("attribute_name", "varchar(64)", key=True, comment="attribute name"),
            column("lineage", "varchar(255)", comment="origin: schema.table.attribute"),
        ),
        ("table_name", "attribute_name"),
    )


def events_table(schema: str) -> TableSpec:
    """Return the table that keeps an event for every write (provenance §2).

    Examples
    --------
    >>> events_table("lab").attribute("kind").type
    'varchar(16)'
    """
    return TableSpec(
        TableName(schema, EVENTS),
        (column("event", "int64", key=True), *(column(*told) for told in _EVENT_COLUMNS)),
        ("event",),
        indexes=(
            Index(("table_name", "finished")),
            Index(("parent",), sparse=True),  # most events have none, and none to confirm
            Index(("confirms",), sparse=True),
        ),
    )


def newest_events(schema: str, most: int, dialect: Dialect) -> str:
    """Return the SELECT of id and table of the newest events of a schema.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> newest_events("lab", 9, get_backend("sqlite").dialect)
    'SELECT "event", "table_name" FROM "lab.~events" ORDER BY "event" DESC LIMIT 9'
    """
    event, name = dialect.quote("event"), dialect.quote("table_name")
    table = dialect.table(TableName(schema, EVENTS))
    return dialect.escape(f"SELECT {event}, {name} FROM {table} ORDER BY {event} DESC LIMIT {most}")


def traced(spec: TableSpec) -> TableSpec:
    """Return a table of ours with the lineage of what it says about events, code and environments.

    No foreign keys say it, as other clients would take these for a part of the pipeline.

    Examples
    --------
    >>> traced(events_table("lab")).attribute("parent").lineage
    'lab.~events.event'
    """
    schema, name = spec.name.schema, spec.name.name
    if not name.startswith("~") or name.startswith("~~"):
        return spec

    def origin(attribute: Attribute) -> Attribute:
        found = _ORIGINS.get(attribute.name)
        if found is None or attribute.lineage:
            return attribute
        return replace(attribute, lineage=f"{schema}.{found[0]}.{found[1]}")

    return replace(spec, attributes=tuple(map(origin, spec.attributes)))


def count_unstamped(name: TableName, dialect: Dialect) -> str:
    """Return the SELECT of how many rows of a table name no event."""
    return dialect.escape(f"SELECT count(*) FROM {dialect.table(name)} WHERE {dialect.quote(EVENT)} IS NULL")


def stamp_rows(name: TableName, dialect: Dialect) -> str:
    """Return the UPDATE that gives the rows of a table that name no event the one of its parameter."""
    column, number = dialect.quote(EVENT), parse_type("int64")
    text = dialect.escape(f"UPDATE {dialect.table(name)} SET {column} = ")
    return f"{text}{dialect.parameter(1, number)}{dialect.escape(f' WHERE {column} IS NULL')}"


def find_columns(names: Sequence[str], dialect: Dialect) -> str:
    """Return the SELECT of those names that are names of columns in any schema of the users.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> find_columns(["age"], get_backend("postgresql").dialect)  # doctest: +ELLIPSIS
    "SELECT DISTINCT a.attname FROM pg_attribute a ... WHERE a.attname IN ('age') AND ..."
    """
    wanted = ", ".join(map(dialect.literal, names))
    if dialect.name == "sqlite":
        return (
            "SELECT DISTINCT c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
            f"WHERE m.type IN ('table', 'view') AND c.name IN ({wanted})"
        )
    if dialect.name == "postgresql":
        return dialect.escape(
            "SELECT DISTINCT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            f"JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attname IN ({wanted}) AND a.attnum > 0 "
            "AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )
    return dialect.escape(
        f"SELECT DISTINCT column_name FROM information_schema.columns WHERE column_name IN ({wanted}) "
        "AND table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
    )


def find_tables(names: Sequence[TableName], dialect: Dialect) -> str:
    """Return the SELECT that gives a row for each table, of some in one schema, that exists.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> find_tables([TableName("lab", "~~fit")], get_backend("sqlite").dialect)
    "SELECT 1 FROM sqlite_master WHERE name IN ('lab.~~fit')"
    """
    if dialect.name == "sqlite":
        wanted = ", ".join(dialect.literal(str(name)) for name in names)
        return f"SELECT 1 FROM sqlite_master WHERE name IN ({wanted})"
    schema = dialect.literal(names[0].schema)
    wanted = ", ".join(dialect.literal(name.name) for name in names)
    if dialect.name == "postgresql":  # whose information_schema takes a millisecond to plan
        return (
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = {schema} AND c.relname IN ({wanted})"
        )
    return dialect.escape(
        f"SELECT 1 FROM information_schema.tables WHERE table_schema = {schema} AND table_name IN ({wanted})"
    )
