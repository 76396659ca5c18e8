"""How many bytes old versions of rows take, and forgetting them."""

from __future__ import annotations

from collections.abc import Iterable

from datajoint.algebra.plans.nodes import Plan
from datajoint.backends.base import Dialect
from datajoint.declare.spec import TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.core_types import KINDS
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.select import write_tail
from datajoint.sql.statement import Statement, assemble
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.images import UNTIL, shadow_name

__all__ = ["TIME", "bytes_of_rows", "forget_versions", "measure_versions"]

TIME = parse_type("datetime(6)")
_ROW = 24
"""Bytes of a row beside its values."""
_WIDTHS = {kind: record.width for kind, record in KINDS.items() if record.width is not None}
_LENGTHS = {
    "sqlite": "length(CAST({} AS BLOB))",
    "postgresql": "pg_column_size({})",
    "mysql": "octet_length({})",
}
_SUMS = {"sqlite": "{}", "postgresql": "({})::bigint", "mysql": "CAST({} AS SIGNED)"}


def measure_versions(spec: TableSpec, dialect: Dialect) -> str:
    """Return the SELECT of time, number and bytes of the versions that ended at one time.

    Parameters
    ----------
    spec
        The table that keeps them.
    """
    quote, finished = dialect.quote, f"e.{dialect.quote('finished')}"
    events = dialect.table(TableName(spec.name.schema, EVENTS))
    numbers = f"count(*), {_bytes(spec.columns, dialect, 'h.')}"
    joined = f"{dialect.table(spec.name)} AS h JOIN {events} AS e ON h.{quote(UNTIL)} = e.{quote('event')}"
    told = dialect.read(TIME, f"min({finished})")
    return dialect.escape(f"SELECT {told}, {numbers} FROM {joined} GROUP BY {finished}")


def bytes_of_rows(plan: Plan, spec: TableSpec, most: int, dialect: Dialect) -> Statement:
    """Return the SELECT of number and bytes of some rows of a table, not more than so many."""
    first = dialect.quote(spec.name.name) if dialect.name == "mysql" else dialect.table(spec.name)
    columns = ", ".join(f"{first}.{dialect.quote(column.name)}" for column in spec.columns)
    head = dialect.escape(f"SELECT count(*), {_bytes(spec.columns, dialect, 's.')} FROM (SELECT {columns}")
    return assemble([head, *write_tail(plan, dialect, first), f" LIMIT {most}) AS s"], dialect)


def forget_versions(name: TableName, dialect: Dialect) -> str:
    """Return the DELETE of the versions of a table that ended before a time, its parameter.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> print(forget_versions(TableName("lab", "a"), get_backend("sqlite").dialect))
    DELETE FROM "lab.~h_a" WHERE "_until" IN (SELECT "event" FROM "lab.~events" WHERE "finished" < ?)
    """
    quote, events = dialect.quote, dialect.table(TableName(name.schema, EVENTS))
    ended = f"SELECT {quote('event')} FROM {events} WHERE {quote('finished')} < "
    start = f"DELETE FROM {dialect.table(shadow_name(name))} WHERE {quote(UNTIL)} IN ({ended}"
    return f"{dialect.escape(start)}{dialect.write(TIME, dialect.parameter(1, TIME))})"


def _bytes(columns: Iterable[Attribute], dialect: Dialect, prefix: str) -> str:
    """Return the sum of the bytes of rows, as they are stored."""
    lengths = [str(_ROW + sum(_WIDTHS.get(column.dtype.kind, 0) for column in columns))]
    for column in columns:
        if column.dtype.kind not in _WIDTHS:
            length = _LENGTHS[dialect.name].format(f"{prefix}{dialect.quote(column.name)}")
            lengths.append(f"coalesce({length}, 0)")
    return _SUMS[dialect.name].format(f"coalesce(sum({' + '.join(lengths)}), 0)")
