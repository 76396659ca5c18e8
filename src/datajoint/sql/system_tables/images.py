"""Old versions of rows: the shadow table of a table, and what copies rows into it (provenance §6)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import blake2b

from datajoint._value import Value, replace
from datajoint.algebra.plans.nodes import Plan
from datajoint.backends.base import Dialect
from datajoint.declare.default import NULL
from datajoint.declare.spec import TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.sql.dml import Column, Moved
from datajoint.sql.select import write_condition, write_tail
from datajoint.sql.statement import Statement, assemble
from datajoint.sql.system import EVENTS

__all__ = [
    "EVENT",
    "PREFIX",
    "UNTIL",
    "Copy",
    "copy_keys",
    "copy_rows",
    "finished",
    "shadow_name",
    "shadow_table",
]

PREFIX = "~h_"
EVENT = "_event"
UNTIL = "_until"

_ID = parse_type("int64")
_LONGEST = 63
_KEPT = 40


def shadow_name(name: TableName) -> TableName:
    """Return the name of the table that keeps the old versions of the rows of another.

    Examples
    --------
    >>> shadow_name(TableName("lab", "__fit")).name
    '~h___fit'
    >>> len(shadow_name(TableName("lab", "x" * 62)).name)
    51
    """
    full = PREFIX + name.name
    if len(full.encode()) > _LONGEST:
        digest = base64.b32encode(blake2b(full.encode(), digest_size=16).digest()).decode().lower()[:10]
        full = f"{full[:_KEPT]}_{digest}"
    return TableName(name.schema, full)


def shadow_table(spec: TableSpec) -> TableSpec:
    """Return the table that keeps the old versions of the rows of another.

    It has the columns of that, without checks, references and unique keys, and the event that ended the
    version: `_until`.

    Examples
    --------
    >>> key = Attribute("a", parse_type("int32"), in_key=True)
    >>> kept = shadow_table(
    ...     TableSpec(TableName("lab", "a"), (key,), ("a",), hidden=(Attribute("_event", _ID),))
    ... )
    >>> kept.primary_key, [column.name for column in kept.columns]
    (('a', '_until'), ['a', '_event', '_until'])
    """
    until = Attribute(UNTIL, _ID, comment="event that ended this version")
    keyed = set(spec.primary_key)
    return TableSpec(
        shadow_name(spec.name),
        tuple(_column(attribute, attribute.name in keyed) for attribute in spec.attributes),
        (*spec.primary_key, UNTIL),
        comment=f"old versions of {spec.name.name}",
        hidden=(*(_column(attribute, attribute.name in keyed) for attribute in spec.hidden), until),
    )


def _column(attribute: Attribute, in_key: bool) -> Attribute:
    dtype = attribute.dtype
    if dtype.kind == "enum":
        dtype = parse_type(f"varchar({max(map(len, dtype.labels))})")
    elif attribute.autoincrement:
        dtype = parse_type("int64")
    bare = Attribute(attribute.name, dtype, in_key, not in_key, None if in_key else NULL)
    return replace(bare, comment=attribute.comment)


# ------------------------------------------------------------------------------------------------- copying


class Copy(Value):
    """A statement that copies rows, but for its end.

    Attributes
    ----------
    statement
        Its parameters are the event that ends the versions, then those that `bind` gives.
    has_condition
        Whether it ends in a condition.
    """

    statement: Statement
    has_condition: bool


def copy_rows(plan: Plan, spec: TableSpec, dialect: Dialect) -> Copy:
    """Return what copies the rows that a DELETE or UPDATE of `plan` is about to change.

    Parameters
    ----------
    spec
        The table itself.
    """
    first = dialect.quote(spec.name.name) if dialect.name == "mysql" else dialect.table(spec.name)
    tail = assemble(write_tail(plan, dialect, first), dialect, 1)
    condition = bool(write_condition(plan, dialect, first))
    return Copy(Statement(_head(spec, dialect, f"{first}.") + tail.text, tail.bind), condition)


def copy_keys(spec: TableSpec, key: Sequence[Column], count: int, dialect: Dialect) -> Copy:
    """Return what copies `count` rows told by their keys, whose values are the parameters after the first."""
    names = ", ".join(dialect.quote(name) for name, _ in key)
    rows: list[str] = []
    for n in range(count):
        marks = enumerate((dtype for _, dtype in key), 2 + n * len(key))
        rows.append(f"({', '.join(dialect.write(dtype, dialect.parameter(i, dtype)) for i, dtype in marks)})")
    values = f"VALUES {', '.join(rows)}" if dialect.name == "sqlite" else ", ".join(rows)
    found = dialect.escape(f" FROM {dialect.table(spec.name)} WHERE ({names}) IN (")
    return Copy(Statement(f"{_head(spec, dialect, '')}{found}{values})", list), has_condition=True)


def finished(copy: Copy, spec: TableSpec, dialect: Dialect, block: tuple[int, int] | None) -> str:
    """Return the whole text of a statement that copies rows.

    Parameters
    ----------
    block
        Events of the open block: its own and the one that it belongs to. A version that was written in the
        same block was never seen by anybody else, and is not copied.
    """
    if block is None:
        return copy.statement.text + dialect.escape(_lock(spec, dialect))
    unseen = _unseen(spec, dialect, f"{dialect.table(spec.name)}.{dialect.quote(EVENT)}", block)
    word = "AND" if copy.has_condition else "WHERE"
    return copy.statement.text + dialect.escape(f" {word} {unseen}{_lock(spec, dialect)}")


def moved(
    spec: TableSpec, dialect: Dialect, block: tuple[int, int] | None, source: str | None = None
) -> Moved:
    """Return how rows go into the shadow as one statement deletes or updates them (PostgreSQL).

    Parameters
    ----------
    source
        What the rows as they were are called, if not as the table.
    """
    quote, shadow = dialect.quote, dialect.table(shadow_name(spec.name))
    names = ", ".join(quote(column.name) for column in spec.columns)
    prefix = f"{source or dialect.table(spec.name)}."
    columns = [f"{_read(column, dialect, prefix)} AS {quote(column.name)}" for column in spec.columns]
    where = f" WHERE {_unseen(spec, dialect, f'changed.{quote(EVENT)}', block)}" if block else ""
    insert = f"INSERT INTO {shadow} ({names}, {quote(UNTIL)}) SELECT {names}, ", f" FROM changed{where}"
    return Moved(dialect.escape(", ".join(columns)), (dialect.escape(insert[0]), dialect.escape(insert[1])))


def _unseen(spec: TableSpec, dialect: Dialect, event: str, block: tuple[int, int]) -> str:
    """Return the condition that a version was there before a block."""
    quote, own = dialect.quote, ", ".join(map(str, block))
    events = dialect.table(TableName(spec.name.schema, EVENTS))
    steps = f"SELECT {quote('event')} FROM {events} WHERE {quote('parent')} IN ({own})"
    return f"({event} IS NULL OR NOT ({event} IN ({own}) OR {event} IN ({steps})))"


def _head(spec: TableSpec, dialect: Dialect, prefix: str) -> str:
    """Return INSERT and the select list; the event that ends the versions is its parameter."""
    quote, shadow = dialect.quote, dialect.table(shadow_name(spec.name))
    names = ", ".join(quote(column.name) for column in spec.columns)
    columns = ", ".join(_read(column, dialect, prefix) for column in spec.columns)
    start = dialect.escape(f"INSERT INTO {shadow} ({names}, {quote(UNTIL)}) SELECT {columns}, ")
    return start + dialect.write(_ID, dialect.parameter(1, _ID))


def _read(column: Attribute, dialect: Dialect, prefix: str) -> str:
    text = f"{prefix}{dialect.quote(column.name)}"
    is_label = column.dtype.kind == "enum" and dialect.name == "postgresql"
    return f"{text}::text" if is_label else text


def _lock(spec: TableSpec, dialect: Dialect) -> str:
    """Return what makes the versions copied those that are changed, whatever others do at the moment."""
    if dialect.name == "sqlite":
        return ""
    of = f" OF {dialect.quote(spec.name.name)}" if dialect.name == "postgresql" else ""
    return f" FOR UPDATE{of}"
