"""Which generation of DataJoint wrote a schema, and what in it is wrong or will not work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.backends.assembly import RawColumn, RawTable, Reader
from datajoint.codecs.registry import list_codecs
from datajoint.errors import DataJointError, UnknownTypeError
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.system_tables.external import EXTERNAL

__all__ = ["GENERATIONS", "Finding", "SchemaReport", "examine", "generation_of", "raw_tables"]

OLD, TWO, THREE, NATIVE = "0.14", "2.x", "3.0", "native"
GENERATIONS = {
    OLD: "release 0.14 or earlier",
    TWO: "release 2.x",
    THREE: "this release",
    NATIVE: "not known: only native types, which all releases write",
}
"""What tables can be of."""

_OLD_TABLES = ("~jobs", "~log")
_STORED = ("blob@", "attach@", "filepath@")
_JOB_COLUMNS = frozenset(("table_name", "key_hash", "status", "key", "error_message"))
_QUEUE_COLUMNS = frozenset(("status", "priority", "scheduled_time", "reserved_time", "error_message"))


class Finding(Value):
    """Something that does not work, or not as it seems.

    Attributes
    ----------
    where
        Table, and column if one is meant.
    text
        What is found, and what follows from it.
    """

    where: str
    text: str


class SchemaReport(Value):
    """What `dj doctor` knows of a schema.

    Attributes
    ----------
    schema
        Its name.
    tables
        Generation → number of tables.
    left
        Tables of 0.14 that later releases do not use: ``~jobs``, ``~log``, ``~external_…``.
    findings
        What does not work, or not as it seems.
    """

    schema: str
    tables: dict[str, int]
    left: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def generation(self) -> str:
        """The generations of its tables, joined by ``+``; empty for an empty schema."""
        return " + ".join(sorted(name for name, count in self.tables.items() if count))


def raw_tables(schema: Any) -> list[RawTable]:
    """Return the tables of a schema as the database has them, its system tables among them."""
    reader = schema.connection.catalog.reader
    if not isinstance(reader, Reader):
        raise DataJointError("This database keeps no tables of other releases.")
    return [table for table in reader.gather([schema.database]) if table.name.schema == schema.database]


def generation_of(table: RawTable, schema: Sequence[RawTable] = ()) -> str:
    """Return which generation wrote a table, by its columns and by the system tables beside it.

    Examples
    --------
    >>> generation_of(RawTable(TableName("lab", "scan"), (), ()))
    'native'
    """
    if any(column.name == "_event" for column in table.columns):
        return THREE
    marks = [mark for column in table.columns if (mark := column.mark[0])]
    if any(mark == "attach" or mark.startswith(_STORED) for mark in marks):
        return OLD
    if any(mark != "uuid" for mark in marks):
        return TWO
    names = {other.name.name for other in schema}
    return OLD if names.intersection(_OLD_TABLES) and "~lineage" not in names else NATIVE


def examine(schema: Any) -> SchemaReport:
    """Say which generation wrote a schema, and what in it is wrong; nothing is changed.

    Parameters
    ----------
    schema
        An activated schema.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> examine(schema).generation
    '3.0'
    """
    tables = raw_tables(schema)
    own = [table for table in tables if not table.name.name.startswith("~")]
    counts: dict[str, int] = {}
    for table in own:
        generation = generation_of(table, tables)
        counts[generation] = counts.get(generation, 0) + 1
    left = tuple(
        sorted(t.name.name for t in tables if t.name.name in _OLD_TABLES or t.name.name.startswith(EXTERNAL))
    )
    found = [
        *_columns(own, schema.connection.config["stores"]),
        *_queues(tables),
        *_lineage(schema, tables, own),
    ]
    return SchemaReport(schema.database, counts, left, tuple(found))


def _columns(tables: Sequence[RawTable], stores: Any) -> Iterator[Finding]:
    codecs = set(list_codecs())
    for table in tables:
        names = {column.name for column in table.columns}
        for column in table.columns:
            for text in _column(column, codecs, stores or {}, names):
                yield Finding(f"{table.name}.{column.name}", text)


def _column(column: RawColumn, codecs: set[str], stores: Any, names: set[str]) -> Iterator[str]:
    mark, comment = column.mark
    if mark is None:
        if comment.startswith(":"):
            yield f"its comment {comment[:40]!r} begins like a type and is none: the native type counts"
        return
    if mark.startswith("external"):
        yield f"`{mark}` is a type of 0.11, which is not read"
    elif mark == "attach" or mark.startswith(_STORED):
        yield from _store(mark.partition("@")[2], stores)
    else:
        yield from _marked(column, mark, codecs, stores)
    if f"{column.name}_v1" in names:
        yield f"is half migrated: `{column.name}_v1` holds its former values"


def _marked(column: RawColumn, mark: str, codecs: set[str], stores: Any) -> Iterator[str]:
    try:
        dtype = parse_type(mark)
    except UnknownTypeError:
        yield f"`{mark}` is no type of this release: the native type `{column.native.text}` counts"
        return
    if dtype.codec is None:
        return
    if dtype.codec not in codecs:
        yield f"the codec <{dtype.codec}> is not installed: the other attributes can be fetched by name"
    elif dtype.store is not None:
        yield from _store(dtype.store, stores)


def _store(name: str, stores: Any) -> Iterator[str]:
    name = name or stores.get("default") or ""
    if name and name not in stores:
        yield f"its store `{name}` is not configured in `stores`"


def _queues(tables: Sequence[RawTable]) -> Iterator[Finding]:
    for table in tables:
        name = table.name.name
        wanted: frozenset[str] = _JOB_COLUMNS if name == "~jobs" else frozenset()
        wanted = _QUEUE_COLUMNS if name.startswith("~~") else wanted
        missing = sorted(wanted - {column.name for column in table.columns})
        if missing:
            yield Finding(str(table.name), f"is no queue of a known layout: it lacks {', '.join(missing)}")


def _lineage(schema: Any, tables: Sequence[RawTable], own: Sequence[RawTable]) -> Iterator[Finding]:
    name = TableName(schema.database, "~lineage")
    if not own:
        return
    reader: Any = schema.connection.catalog.reader
    if name not in {table.name for table in tables}:
        yield Finding(str(name), "does not exist: attributes are matched by name; rebuild_lineage() makes it")
        return
    rows = reader.lineage([schema.database])
    by_name = {table.name: table for table in own}
    for table in own:
        for reference in table.references:
            if reference.parent.name.startswith(EXTERNAL):
                continue
            for column, parent in zip(reference.columns, reference.parent_columns, strict=True):
                said = rows.get((table.name, column))
                where = f"{table.name}.{column}"
                if said is None:
                    yield Finding(where, "has no row in `~lineage`: it is matched by name")
                elif reference.parent in by_name:
                    wanted = rows.get((reference.parent, parent), f"{reference.parent}.{parent}")
                    if said != wanted:
                        yield Finding(
                            where, f"`~lineage` says {said}, but it refers to `{reference.parent}`: {wanted}"
                        )
