"""What an upgrade of a schema would change: read only; steps with rows, bytes, and what old clients lose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.backends.assembly import RawColumn, RawTable
from datajoint.errors import MissingTableError
from datajoint.heading.names import TableName
from datajoint.heading.types import FLOATS, INTEGERS
from datajoint.migrate.generations import raw_tables
from datajoint.sql.system_tables import sizes
from datajoint.sql.system_tables.external import EXTERNAL

__all__ = ["Step", "plan"]

_CORE = INTEGERS | FLOATS
_LOSES_LABEL = "0.14 opens no table that has a core type"
_LOSES_CODEC = "0.14 reads an adapter of this name, or nothing"
_LOSES_STORE = "0.14 and 2.x do not see the new column; the old one stays until you drop it"


class Step(Value):
    """One change that an upgrade would make.

    Attributes
    ----------
    kind
        ``label``, ``blob``, ``attach``, ``store``, ``lineage`` or ``jobs``.
    where
        Table, and column if one is meant.
    change
        What would be changed.
    rows, size
        Values that are concerned, and their bytes; rows of the table where only a comment changes.
    loses
        What clients of older releases lose by it; empty for nothing.
    note
        What stands against it; empty for nothing.
    """

    kind: str
    where: str
    change: str
    rows: int
    size: int
    loses: str = ""
    note: str = ""


def plan(schema: Any) -> list[Step]:
    """Return the steps of an upgrade of a schema to the types of this release; nothing is changed.

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
    >>> plan(schema)
    []
    """
    tables = raw_tables(schema)
    names = {table.name.name for table in tables}
    found: list[Step] = []
    for table in tables:
        if not table.name.name.startswith("~"):
            found += _table(schema.connection, table)
    if found and "~lineage" not in names:
        found.append(
            Step("lineage", f"{schema.database}.~lineage", "make it from the foreign keys",
                 sum(len(table.primary_key) for table in tables), 0)
        )  # fmt: skip
    if "~jobs" in names:
        found += _jobs(schema)
    return found


def _table(connection: Any, table: RawTable) -> Iterator[Step]:
    references = {name for reference in table.references for name in reference.columns}
    labels = [column for column in table.columns if _wants_label(column, references)]
    if labels:
        rows = _one(connection, sizes.row_count(table.name, connection.dialect))[0]
        change = ", ".join(f"{column.name}: {column.native.kind}" for column in labels)
        yield Step("label", str(table.name), f"write types into comments: {change}", rows, 0, _LOSES_LABEL)
    for column in table.columns:
        step = _column(connection, table.name, column)
        if step is not None:
            yield step


def _wants_label(column: RawColumn, references: set[str]) -> bool:
    native = column.native
    plain = native.native and not native.autoincrement and native.length is None
    return column.mark[0] is None and plain and native.kind in _CORE and column.name not in references


def _column(connection: Any, table: TableName, column: RawColumn) -> Step | None:
    mark, where = column.mark[0], f"{table}.{column.name}"
    codec, at, store = (mark or "").partition("@")
    if mark is None and column.native.kind == "blob":
        count, size, packed = _one(connection, sizes.blob_sizes(table, column.name, connection.dialect))
        raw = int(count) - int(packed)
        note = f"{raw:,} values are no packed blobs: keep it, or declare it as bytes" if raw else ""
        return Step("blob", where, "label as <blob>", int(count), int(size), _LOSES_CODEC, note)
    if mark == "attach":
        count, size, _ = _one(connection, sizes.blob_sizes(table, column.name, connection.dialect))
        return Step("attach", where, "label as <attach>", int(count), int(size), _LOSES_CODEC)
    if at and codec in ("blob", "attach", "filepath") and column.native.kind == "bytes":
        return _stored(connection, table, column.name, codec, store)
    return None


def _stored(connection: Any, table: TableName, name: str, codec: str, store: str) -> Step:
    change = f"add a column <{codec}@{store}> of JSON records"
    change += "; objects are written again" if codec == "attach" else "; objects stay where they are"
    where, note = f"{table}.{name}", ""
    try:
        count, size = _one(connection, sizes.object_sizes(table, name, store, connection.dialect))
    except MissingTableError:
        count, size, note = 0, 0, f"`{EXTERNAL}{store}` does not exist: its values cannot be read"
    return Step("store", where, change, int(count), int(size), _LOSES_STORE, note)


def _jobs(schema: Any) -> Iterator[Step]:
    connection, table = schema.connection, TableName(schema.database, "~jobs")
    counts = connection.fetch_all(sizes.job_counts(table, connection.dialect), ())
    total = sum(int(count) for _, count in counts)
    listed = ", ".join(f"{int(count):,} {status}" for status, count in counts) or "no jobs"
    yield Step(
        "jobs", str(table), f"errors and ignored keys go to the queues `~~…`: {listed}", total, 0,
        "workers of 0.14 and of this release do not see each other's reservations",
    )  # fmt: skip


def _one(connection: Any, text: str) -> Sequence[Any]:
    return connection.fetch_all(text, ())[0]
