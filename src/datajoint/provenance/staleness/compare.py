"""Comparison of recorded reads with present data: one query for all keys with the same shape of read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint._value import replace
from datajoint.algebra.analysis.canonical import canonical_text
from datajoint.algebra.analysis.lift import Lifted, column, lift
from datajoint.algebra.analysis.watch import SUMS, Watched, summary, watch
from datajoint.algebra.expr.expressions import Call, Expression, Literal, Name, Operator
from datajoint.algebra.expr.types import BOOL, INT64
from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.algebra.plans.nodes import Query
from datajoint.algebra.text.fragment import Fragment
from datajoint.engine.connection import Connection
from datajoint.journal.reads.read import COUNT, FETCHED, Read, lacking, reread, signed
from datajoint.journal.reads.shapes import Shape
from datajoint.journal.reads.signature import Signature, signatures
from datajoint.provenance.staleness.compare_single_row import changed_row, is_single, only_changed_row
from datajoint.provenance.staleness.finding import Finding, Recorded
from datajoint.provenance.staleness.recorded_reads import (
    COLUMNS,
    LONGEST,
    Selected,
    fetched,
    has_parameters,
    join,
    joined_read,
    kept_values,
    selected_reads,
    told_parameters,
)
from datajoint.provenance.staleness.which_attribute import refine

__all__ = ["compare", "compare_only"]

_COMPARED = (("present", "n"), ("total", "total"), ("q1", "q1"), ("q2", "q2"))
_GROUPS = 100
"""Queries of one shape that differ in other values than those of the key, asked set by set."""


def compare(
    connection: Connection, schema: str, rows: Query, shape: Shape, budget: list[int], exact: bool = False,
    refined: bool = True,
) -> Iterator[Finding]:  # fmt: skip
    """Yield the reads of a shape whose answers have changed, or may have.

    Parameters
    ----------
    rows
        The computed rows: their key, and as `WRITTEN` the event under which their reads are recorded.
    budget
        How many reads may be asked one by one; taken from. Findings of the rest are not looked up.
    exact
        Ask all again and compare the values, where their digests were kept.
    refined
        Look into history for what has changed.
    """
    selected = selected_reads(connection, schema, rows, shape)
    lifted = None if exact else lift(shape.plan, shape.lifted)
    changed = list(_changed(connection, selected, shape, lifted, budget, exact))
    yield from _told(connection, changed, lifted, budget, refined and not exact)


def compare_only(
    connection: Connection, schema: str, rows: Query, shape: Shape, event: int, budget: list[int]
) -> Iterator[Finding] | None:
    """As `compare`, where all that the rows have read is one row each by one shape; None where it is not.

    Parameters
    ----------
    event
        That of one of the rows.
    """
    changed = only_changed_row(connection, schema, rows, shape, event)
    if changed is None:
        return None
    return _told(connection, changed, lift(shape.plan, shape.lifted), budget)


def _told(
    connection: Connection, changed: Sequence[Finding], lifted: Lifted | None, budget: list[int],
    refined: bool = True,
) -> Iterator[Finding]:  # fmt: skip
    """Yield what has changed with what history and values tell of it."""
    for finding in refine(connection, changed, lifted, budget) if refined else changed:
        if finding.now is None or finding.same is not None:
            yield finding
        elif (judged := _judged(connection, finding, budget)) is not None:
            yield judged


def _changed(
    connection: Connection, selected: Selected, shape: Shape, lifted: Lifted | None, budget: list[int],
    exact: bool,
) -> Iterator[Finding]:  # fmt: skip
    """Yield the reads whose signatures differ, or cannot tell."""
    watched = watch(shape.plan)
    groups = None if lifted is None else [""] if not lifted.kept else _parameters(connection, selected)
    if lifted is not None and groups is not None:
        yield from _set_by_set(connection, selected, lifted, shape, groups)
        return
    reads = list(_all(connection, selected, shape, len(watched.marks)))
    if lifted is None:
        for read in reads:
            yield from _one_by_one(connection, read, budget, exact)
        return
    total = summary(lifted.plan, lifted.names, watched.identified)
    yield from _by_values(connection, reads, lifted, total, budget)


def _is_unknown(found: Sequence[Signature]) -> bool:
    return any(signature.unknown for signature in found)


# ------------------------------------------------------------------------------------ set by set


def _parameters(connection: Connection, selected: Selected) -> list[str] | None:
    """Return the different values, as text, that the queries of a shape have; None where they are many."""
    found = told_parameters(connection, selected.query, _GROUPS + 1)
    return None if len(found) > _GROUPS or any(len(text) > LONGEST for text in found) else found


def _set_by_set(
    connection: Connection, selected: Selected, lifted: Lifted, shape: Shape, groups: Sequence[str]
) -> Iterator[Finding]:
    """Yield the reads that differ, those whose queries have the same values together."""
    single = is_single(shape, lifted)
    total = None if single else summary(lifted.plan, lifted.names, watch(shape.plan).identified)
    for text in groups:
        values, some = kept_values(shape, lifted, text) if text else (), selected
        if len(groups) > 1:
            plan = nodes.Restrict(selected.query.plan, nodes.Text(has_parameters(text)))
            some = Selected(Query(plan, selected.query.values), selected.key)
        if total is None:
            yield from changed_row(connection, some, lifted, shape, values)
            continue
        for read, now in _joined(connection, some, lifted, total, shape, values):
            if read.signatures != now or _is_unknown(read.signatures):
                yield Finding(read, now, None)


def _joined(
    connection: Connection, selected: Selected, lifted: Lifted, total: Watched, shape: Shape,
    values: Sequence[Any],
) -> Iterator[tuple[Recorded, tuple[Signature, ...]]]:  # fmt: skip
    """Yield the reads whose signatures may differ, with the present ones."""
    plan = join(selected.query.plan, total.plan, lifted.names, "left")
    plan = nodes.Restrict(plan, nodes.Text(_differs(total)))
    numbers = [name for mark in total.marks for name in mark.sums]
    names = (*selected.key, WRITTEN, *(f"~r {name}" for name in COLUMNS), *numbers)
    for row in fetched(connection, Query(plan, (*selected.query.values, *values)), names):
        now = signatures(total.marks, numbers, [row[-len(numbers) :]])
        yield joined_read(dict(zip(names, row, strict=True)), selected.key, shape), now


def _all(connection: Connection, selected: Selected, shape: Shape, marks: int) -> Iterator[Recorded]:
    names = (*selected.key, WRITTEN, *(f"~r {name}" for name in COLUMNS))
    for row in fetched(connection, selected.query, names):
        yield joined_read(dict(zip(names, row, strict=True)), selected.key, shape)


def _by_values(
    connection: Connection, reads: Sequence[Recorded], lifted: Lifted, total: Watched, budget: list[int]
) -> Iterator[Finding]:
    """Compare reads whose queries differ in other values than the key's: those of equal values together."""
    groups: dict[str, list[Recorded]] = {}
    for read in reads:
        groups.setdefault(canonical_text(read.parameters), []).append(read)
    keys = [name.removeprefix(column("")) for name in lifted.names]
    nothing = tuple(Signature.of([]) for _ in total.marks)
    for number, group in enumerate(sorted(groups.values(), key=len, reverse=True)):
        if number >= _GROUPS or len(group) == 1:
            for read in group:
                yield from _one_by_one(connection, read, budget, False)
            continue
        values = [group[0].query.values[n] for n in lifted.kept]
        numbers = [name for mark in total.marks for name in mark.sums]
        found = fetched(connection, Query(total.plan, tuple(values)), (*lifted.names, *numbers))
        width = len(lifted.names)
        present = {tuple(row[:width]): signatures(total.marks, numbers, [row[width:]]) for row in found}
        for read in group:
            now = present.get(tuple(read.key[name] for name in keys), nothing)
            if now != read.signatures or _is_unknown(now):
                yield Finding(read, now, None)


def _differs(total: Watched) -> Fragment:
    """Return the condition that the first signature differs, or cannot tell."""
    by: dict[str, str] = dict(zip(SUMS, total.marks[0].sums, strict=True))
    zero = Literal(0, INT64)
    terms: list[Expression] = [
        Operator("<>", (Name(f"~r {old}"), Call("coalesce", (Name(by[new]), zero), INT64)), BOOL)
        for old, new in _COMPARED
    ]
    terms.append(Operator(">", (Name("~r unknown"), zero), BOOL))
    terms.append(Operator("<>", (Call("coalesce", (Name(by["n"]), zero), INT64),
                                 Call("coalesce", (Name(by["known"]), zero), INT64)), BOOL))  # fmt: skip
    if len(total.marks) > 1:
        terms.append(Operator("not", (Operator("is_null", (Name("~r more"),), BOOL),), BOOL))
    names = (*(f"~r {old}" for old, _ in _COMPARED), "~r unknown", "~r more", *by.values())
    return Fragment(Operator("or", tuple(terms), BOOL), (), names, BOOL, True, False, f"~differs {names}")


# ------------------------------------------------------------------------------------- one by one


def _one_by_one(connection: Connection, read: Recorded, budget: list[int], exact: bool) -> Iterator[Finding]:
    if budget[0] <= 0:
        yield Finding(read, None, None)
        return
    budget[0] -= 1
    _, now = signed(read.query, connection)
    if exact or now != read.signatures or _is_unknown(now):
        yield Finding(read, now, None)


def _judged(connection: Connection, finding: Finding, budget: list[int]) -> Finding | None:
    """Ask again what can be compared by its values: numbers of rows, and what has a digest."""
    read = finding.read
    if read.digest is None and read.kind == FETCHED:
        same = finding.now == read.signatures and not _is_unknown(read.signatures)  # was asked all the same
        return None if same else finding
    if budget[0] <= 0:
        return Finding(read, None, None)
    if lacking(read.query.plan, read.names):
        return finding  # what was read cannot be asked again
    budget[0] -= 1
    again = reread(Read(read.query, read.kind, read.names, (), 0), connection)
    if read.kind == FETCHED:
        same = again.digest == read.digest
    else:
        same = again.count == read.count if read.kind == COUNT else bool(again.count) == bool(read.count)
    return replace(finding, now=again.signatures, same=same)
