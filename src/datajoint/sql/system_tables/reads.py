"""The tables of what makes read, and the statements that fill them (provenance §2, §3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from datajoint.algebra.plans.nodes import Plan
from datajoint.backends.base import Dialect
from datajoint.declare.spec import TableSpec
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.dml import insert_once, insert_rows
from datajoint.sql.select import select_equal
from datajoint.sql.statement import Slot, Statement, assemble
from datajoint.sql.system import column
from datajoint.sql.together import CHECK

__all__ = [
    "READS",
    "SHAPES",
    "add_reads",
    "add_shape",
    "copy_reads",
    "forget_reads",
    "guard",
    "read_columns",
    "reads_table",
    "shapes_table",
]

SHAPES = "~shapes"
READS = "~reads"

_SHAPE_COLUMNS = (("version", "int16", False), ("plan", "json", False))
_READ_COLUMNS = (
    ("shape", "char(26)", False),
    ("parameters", "json", False),
    ("attributes", "json", False),
    ("row_count", "int64", False),
    ("present", "int64", False),
    ("unknown", "int64", False),
    ("low", "int64", True),
    ("high", "int64", True),
    ("total", "int64", False),
    ("q1", "int64", False),
    ("q2", "int64", False),
    ("more", "json", True),
    ("digest", "char(26)", True),
)


@cache
def shapes_table(schema: str) -> TableSpec:
    """Return the table of the queries that makes ask, without their values.

    Examples
    --------
    >>> shapes_table("lab").primary_key
    ('shape',)
    """
    columns = (column(*told) for told in _SHAPE_COLUMNS)
    return TableSpec(TableName(schema, SHAPES), (column("shape", "char(26)", key=True), *columns), ("shape",))


@cache
def reads_table(schema: str) -> TableSpec:
    """Return the table of what each make read: values of the query, versions of the rows that took part.

    Examples
    --------
    >>> reads_table("lab").primary_key
    ('event', 'n')
    """
    columns = (column(*told) for told in _READ_COLUMNS)
    key = (column("event", "int64", key=True), column("n", "int16", key=True))
    return TableSpec(TableName(schema, READS), (*key, *columns), ("event", "n"))


def read_columns() -> tuple[str, ...]:
    """Return the names of the columns of `reads_table`, in order.

    Examples
    --------
    >>> read_columns()[:3]
    ('event', 'n', 'shape')
    """
    return ("event", "n", *(name for name, _, _ in _READ_COLUMNS))


def guard(plan: Plan, columns: Sequence[str], dialect: Dialect) -> Statement:
    """Return a SELECT that fails unless the one row of a plan has the numbers given, NULL being 0 (servers).

    Its values are those of the plan, then the numbers of the columns. It stands before the statements of a
    transaction in the same packet: what it forbids is not run, and costs no trip of its own.

    Examples
    --------
    >>> from datajoint.algebra.analysis.watch import summary
    >>> from datajoint.algebra.plans.nodes import Source
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.heading import Heading
    >>> plan = summary(Source(TableName("lab", "a"), Heading([]))).plan
    >>> guard(plan, ["~rows"], get_backend("postgresql").dialect).text[:66]
    'SELECT CASE WHEN (SELECT coalesce(count(*), 0) = $1 FROM "lab"."a"'
    """
    number = (parse_type("int64"),)
    numbers = [(name, Slot(plan.arity + n, number)) for n, name in enumerate(columns)]
    return assemble([f"{CHECK[0]}(", *select_equal(plan, numbers, dialect), f"){CHECK[1]}"], dialect)


def add_reads(schema: str, count: int, dialect: Dialect) -> str:
    """Return the INSERT of some reads; parameters: their columns, read by read.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> add_reads("lab", 1, get_backend("sqlite").dialect)[:34]
    'INSERT INTO "lab.~reads" ("event",'
    """
    spec = reads_table(schema)
    return insert_rows(spec.name, [(a.name, a.dtype) for a in spec.columns], count, dialect)


def forget_reads(schema: str, dialect: Dialect) -> str:
    """Return the DELETE of the reads of one event; parameter: the event.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> forget_reads("lab", get_backend("sqlite").dialect)
    'DELETE FROM "lab.~reads" WHERE "event" = ?'
    """
    spec = reads_table(schema)
    event = spec.columns[0]
    start = dialect.escape(f"DELETE FROM {dialect.table(spec.name)} WHERE {dialect.quote(event.name)} = ")
    return start + dialect.write(event.dtype, dialect.parameter(1, event.dtype))


def copy_reads(schema: str, dialect: Dialect) -> str:
    """Return the INSERT of the reads of one event under another one; parameters: the new event, the old one.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> copy_reads("lab", get_backend("sqlite").dialect)[-36:]
    ' FROM "lab.~reads" WHERE "event" = ?'
    """
    spec = reads_table(schema)
    event, *others = (dialect.quote(column.name) for column in spec.columns)
    table, names = dialect.table(spec.name), ", ".join(others)
    start = dialect.escape(f"INSERT INTO {table} ({event}, {names}) SELECT ")
    middle = dialect.escape(f", {names} FROM {table} WHERE {event} = ")
    dtype = spec.columns[0].dtype
    new, old = (dialect.write(dtype, dialect.parameter(n, dtype)) for n in (1, 2))
    return f"{start}{new}{middle}{old}"


def add_shape(schema: str, dialect: Dialect) -> str:
    """Return the INSERT of a shape unless it is there; parameters: its columns.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> add_shape("lab", get_backend("sqlite").dialect)[-33:]
    ' ON CONFLICT ("shape") DO NOTHING'
    """
    spec = shapes_table(schema)
    return insert_once(spec.name, [(a.name, a.dtype) for a in spec.columns], ["shape"], dialect)
