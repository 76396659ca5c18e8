"""Reasons why rows are stale, possibly stale or fresh: changed rows and changed lines of code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datajoint._printed import printable
from datajoint._value import Value
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED
from datajoint.heading.values import key_text
from datajoint.journal.code import fingerprint
from datajoint.provenance.staleness.classes import has_code, table_of
from datajoint.provenance.staleness.codes import code_as_it_is, recorded_code
from datajoint.provenance.staleness.search import stale_here
from datajoint.provenance.staleness.states import (
    FRESH,
    PARTLY,
    POSSIBLY,
    STALE,
    UNKNOWN,
    StaleReason,
    StaleRow,
    worst,
)
from datajoint.provenance.staleness.written_rows import makers, rows_made_by
from datajoint.provenance.tracing.changes import changes_of
from datajoint.provenance.tracing.codediff import code_diff
from datajoint.provenance.tracing.reading import reads_of
from datajoint.provenance.tracing.tree import Style, plain
from datajoint.provenance.tracing.writers import Writer, newest_confirmation, writers_of
from datajoint.query.expression import QueryExpression
from datajoint.table.delete.cascade import trace_rows
from datajoint.table.table import Table
from datajoint.table.written import makers_of

__all__ = ["MOST_ROWS", "Cause", "RowState", "Why", "why", "why_written"]

MOST_ROWS = 20
"""Rows that are told of at a time."""

_MOST_ABOVE = 5
"""Stale rows of one table that are told as the cause of others."""


class Cause(Value):
    """One reason for the state of a row, with what there is to say of it.

    Attributes
    ----------
    reason
        As `stale` gives it.
    lines
        What has changed, in words.
    diff
        How the code differs.
    """

    reason: StaleReason
    lines: tuple[str, ...] = ()
    diff: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON has of it."""
        reason = {name: getattr(self.reason, name) for name in self.reason.__match_args__}
        return {**reason, "text": str(self.reason), "lines": list(self.lines), "diff": self.diff}


class RowState(Value):
    """The state of one row, and why.

    Attributes
    ----------
    table, key
        Class name of the table, and the row.
    state
        ``fresh``, ``fresh, known in part``, ``stale``, ``possibly stale`` or ``unknown``.
    writer, confirmed
        What made it, and what has given the same since; None where that is not known.
    causes
        What it is itself that has changed for the row.
    has_code
        Whether the code that makes it is known here, to be compared with what ran.
    above
        The rows that it depends on and that are not fresh themselves, parents first.
    """

    table: str
    key: Mapping[str, Any]
    state: str
    writer: Writer | None
    confirmed: Writer | None
    causes: tuple[Cause, ...]
    has_code: bool = True
    above: tuple[RowState, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON has of it."""
        return {
            "table": self.table, "key": dict(self.key), "state": self.state,
            "writer": self.writer.as_dict() if self.writer else None,
            "confirmed": self.confirmed.as_dict() if self.confirmed else None,
            "has_code": self.has_code,
            "causes": [cause.as_dict() for cause in self.causes],
            "above": [row.as_dict() for row in self.above],
        }  # fmt: skip


class Why(Value):
    """Why rows are what they are; `str` says it.

    Attributes
    ----------
    rows
        One for each row, in key order.
    """

    rows: tuple[RowState, ...]

    def __iter__(self) -> Iterator[RowState]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return printable(as_text(self))


def why(table: Table, exact: bool = False) -> Why:
    """Return why rows are stale or not; see `AutoPopulate.why`."""
    return Why(tuple(_row(table, key, exact) for key in _keys(table)))


def _keys(table: Table) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = [{}] * bool(table)
    if table.heading.key:
        keys = table.keys(order_by="KEY", limit=MOST_ROWS + 1)
    if len(keys) > MOST_ROWS:
        raise DataJointError(
            f"`{table.class_name}` has {len(table)} such rows; up to {MOST_ROWS} can be told of at a time.",
            hint="Restrict the table: (Table & key).",
        )
    return keys


def why_written(table: Table, exact: bool = False) -> Why:
    """Return whether what wrote the rows is stale; see `Traceable.why`."""
    return Why(tuple(_written_row(table, key, exact) for key in _keys(table)))


def _written_row(table: Table, key: dict[str, Any], exact: bool) -> RowState:
    """Return the state of a row that another table's make wrote: that of what it made."""
    one = table & key if key else table
    above: list[RowState] = []
    for maker in makers(table, "stale"):
        above += [_row(maker, place, exact) for place in _makers_keys(maker, one)]
    event = one._dated().fetch1(WRITTEN) if _has_event(table) else None
    writer = writers_of(table.connection, table.database, [event]).get(event) if event is not None else None
    causes = (
        () if above else (Cause(StaleReason(UNKNOWN, "origin", note="no make that is known here wrote it")),)
    )
    state = worst(tuple(StaleReason(row.state, "upstream") for row in above)) if above else UNKNOWN
    shown = tuple(row for row in above if row.state not in (FRESH, PARTLY))
    return RowState(table.class_name, key, state, writer, None, causes, True, shown)


def _makers_keys(maker: Table, row: Table) -> list[dict[str, Any]]:
    """Return the keys of the rows of a computed table whose make wrote a row."""
    if row.name.master == maker.name:
        return maker.restrict(row, semantic_check=False).keys()
    event = row._dated().fetch1(WRITTEN) if _has_event(row) else None
    if event is None:
        return []
    writer = writers_of(row.connection, row.database, [event]).get(event)
    if writer is None or writer.table != maker.table_name[:64] or maker.database != row.database:
        return []
    return (maker._dated() & {WRITTEN: writer.event}).keys()


def _row(table: Table, key: dict[str, Any], exact: bool) -> RowState:
    one = table & key if key else table
    own = _own(one, key, exact)
    above = tuple(_above(one, exact))
    states = tuple(StaleReason(row.state, "upstream") for row in above)
    state = worst((*(cause.reason for cause in own.causes), *states))
    return RowState(own.table, own.key, state, own.writer, own.confirmed, own.causes, own.has_code, above)


def _above(table: Table, exact: bool) -> Iterator[RowState]:
    """Yield the rows that some depend on and that are stale for themselves, parents first."""
    for name, query in trace_rows(table.connection, table.name, table.query).items():
        if name == table.name:
            continue
        ancestor = table_of(table, name)
        rows = ancestor & QueryExpression._of(query, table.connection)
        if name.tier in (COMPUTED, IMPORTED):
            yield from _stale_among(ancestor, stale_here(rows, exact), exact)
            continue
        for maker in makers_of(table.connection, name):
            if maker.name != table.name:
                found = [row for row in stale_here(maker, exact) if rows_made_by(rows, maker & dict(row.key))]
                yield from _stale_among(maker, found, exact)


def _stale_among(table: Table, found: Sequence[StaleRow], exact: bool) -> Iterator[RowState]:
    for row in found[:_MOST_ABOVE]:
        if row.state in (STALE, POSSIBLY):
            yield _own(table & dict(row.key), dict(row.key), exact)


def _own(table: Table, key: dict[str, Any], exact: bool) -> RowState:
    """Return the state of one row as far as it is its own."""
    found = stale_here(table, exact)
    reasons = found[0].reasons if found else ()
    connection, schema = table.connection, table.database
    event = table._dated().fetch1(WRITTEN) if _has_event(table) else None
    writer = writers_of(connection, schema, [event]).get(event) if event is not None else None
    newest = newest_confirmation(connection, schema, event) if writer and event is not None else None
    confirmed = writers_of(connection, schema, [newest]).get(newest) if newest is not None else None
    holds = confirmed or writer
    causes = tuple(_cause(table, key, reason, holds) for reason in reasons)
    known = has_code(type(table))
    return RowState(table.class_name, key, worst(reasons), writer, confirmed, causes, known)


def _has_event(table: Table) -> bool:
    return "_event" in table.connection.catalog.source(table.name).heading.hidden


def _cause(table: Table, key: Mapping[str, Any], reason: StaleReason, made: Writer | None) -> Cause:
    if reason.kind == "code" and reason.state == STALE:
        old = recorded_code(table.connection, table.database, str(reason.old))
        if old is None or not old.source:
            return Cause(reason, ("the code that ran is not kept",))
        diff = code_diff(old.source, code_as_it_is(old, fingerprint(type(table))))
        return Cause(reason, () if diff else (_NO_TEXT,), diff)
    if reason.kind == "input" and made is not None:
        reads = reads_of(table.connection, table.database, key, made.event)
        mine = [read for read in reads if reason.table in {name.class_name for name in read.tables}]
        lines: list[str] = []
        for name in dict.fromkeys(n for read in mine for n in read.tables if n.class_name == reason.table):
            some = [read for read in mine if name in read.tables]
            lines += changes_of(table.connection, name, some, key, made)
        return Cause(reason, tuple(dict.fromkeys(lines)))
    return Cause(reason)


_NO_TEXT = "its text is the same: make_version has changed, or what its names stand for"


# ------------------------------------------------------------------------------------------------- in words


def as_text(told: Why, style: Style = plain) -> str:
    """Return the states of rows, and why, in words."""
    if not told.rows:
        return "no such rows"
    return "\n\n".join("\n".join(_lines(row, "", style)) for row in told.rows)


def _lines(row: RowState, indent: str, style: Style) -> Iterator[str]:
    kind = {FRESH: "good", STALE: "bad"}.get(row.state, "warning")
    name = f"{style(row.table, 'table')}  {style(key_text(row.key), 'key')}".rstrip()
    yield f"{indent}{name}  {style(row.state, kind)}"
    for writer in (row.writer, row.confirmed):
        if writer is not None:
            ran = f", {writer.ran}" if writer.ran else ""
            yield f"{indent}  {style(f'{writer.done}{ran}', 'detail')}"
    if row.state in (FRESH, PARTLY):
        also = ", and its code, are" if row.has_code else " is"
        yield f"{indent}  What it was made from{also} what {'they were' if row.has_code else 'it was'}."
    if not row.has_code:
        yield f"{indent}  Its code is not known here: name the module that defines the table."
    for cause in row.causes:
        yield from _cause_lines(cause, indent, style)
    if row.above:
        yield f"{indent}  • It depends on {_count(row.above)}:"
        for other in row.above:
            yield from _lines(other, f"{indent}      ", style)


def _count(rows: Sequence[RowState]) -> str:
    states = sorted({row.state for row in rows})
    which = "a row that is" if len(rows) == 1 else "rows that are"
    return f"{which} {' or '.join(states)}"


def _cause_lines(cause: Cause, indent: str, style: Style) -> Iterator[str]:
    told = cause.reason.kind == "input" and cause.reason.attribute and cause.lines
    text = f"what was read of `{cause.reason.table}` has changed" if told else str(cause.reason).rstrip(".")
    yield f"{indent}  • {text[:1].upper()}{text[1:]}{':' if cause.diff or cause.lines else '.'}"
    for line in cause.lines:
        yield f"{indent}      {printable(line)}"
    for line in cause.diff.splitlines():
        kind = "good" if line.startswith("+") else "bad" if line.startswith("-") else "detail"
        yield f"{indent}      {style(line, kind)}"
