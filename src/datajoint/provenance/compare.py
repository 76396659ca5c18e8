"""Recorded reads against the present, one query for all keys that asked alike (provenance §4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.algebra import nodes
from datajoint.algebra.canonical import canonical_text
from datajoint.algebra.expressions import Call, Expression, Literal, Name, Operator
from datajoint.algebra.fragment import Fragment
from datajoint.algebra.fragment_types import BOOL, INT64
from datajoint.algebra.lift import Lifted, column, lift
from datajoint.algebra.nodes import Plan, Query
from datajoint.algebra.pinned import is_pinned
from datajoint.algebra.watch import SUMS, Mark, Watched, summary, watch
from datajoint.engine.connection import Connection
from datajoint.engine.rows import RowDecoder
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.journal.read import COUNT, FETCHED, Read, reread, signed
from datajoint.journal.shapes import Shape
from datajoint.journal.signature import Signature, signatures
from datajoint.provenance.finding import Finding, Recorded
from datajoint.provenance.refine import refine
from datajoint.sql.reads import READS
from datajoint.sql.select import select_rows

__all__ = ["compare", "recorded"]

_COLUMNS = (
    "n", "parameters", "attributes", "row_count", "present", "unknown", "low", "high", "total", "q1", "q2",
    "more", "digest",
)  # fmt: skip
_COMPARED = (("present", "n"), ("total", "total"), ("q1", "q1"), ("q2", "q2"))
_GROUPS = 100
"""Queries of one shape that differ in other values than those of the key, asked set by set."""


class _Selected(Value):
    """Recorded reads of one shape, each with the key of its row."""

    query: Query
    key: tuple[str, ...]


def compare(
    connection: Connection, schema: str, rows: Query, shape: Shape, budget: list[int], exact: bool = False,
    refined: bool = True,
) -> Iterator[Finding]:  # fmt: skip
    """Yield the reads of a shape whose answers have changed, or may have.

    Parameters
    ----------
    rows
        The computed rows: their key, and as `event` the event under which their reads are recorded.
    budget
        How many reads may be asked one by one; taken from. Findings of the rest are not looked up.
    exact
        Ask all again and compare the values, where their digests were kept.
    refined
        Look into history for what has changed.
    """
    selected = _selected(connection, schema, rows, shape)
    lifted = None if exact else lift(shape.plan, shape.lifted)
    changed = list(_changed(connection, selected, shape, lifted, budget, exact))
    found = changed if exact or not refined or not changed else refine(connection, changed, lifted, budget)
    for finding in found:
        if finding.now is None or finding.same is not None:
            yield finding
        elif (judged := _judged(connection, finding, budget)) is not None:
            yield judged


def _changed(
    connection: Connection, selected: _Selected, shape: Shape, lifted: Lifted | None, budget: list[int],
    exact: bool,
) -> Iterator[Finding]:  # fmt: skip
    """Yield the reads whose signatures differ, or cannot tell."""
    watched = watch(shape.plan)
    if lifted is not None and not lifted.kept and not watched.identified and is_pinned(
        shape.plan, {n for n, _ in shape.lifted}
    ):  # fmt: skip
        yield from _of_one_row(connection, selected, lifted, shape)
        return
    if lifted is not None and not lifted.kept:
        total = summary(lifted.plan, lifted.names, watched.identified)
        for read, now in _joined(connection, selected, lifted, total, shape, ()):
            if read.signatures != now or _is_unknown(read.signatures):
                yield Finding(read, now, None)
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


def _selected(connection: Connection, schema: str, rows: Query, shape: Shape) -> _Selected:
    source = connection.catalog.source(TableName(schema, READS))
    one = nodes.Restrict(source, nodes.Equals("shape"))
    columns = (("event", "event"), *((f"~r {name}", name) for name in _COLUMNS))
    reads = _projection(one, columns)
    key = rows.heading.key
    left = _projection(
        rows.plan, (*((n, n) for n in key), *((column(n), n) for n in key), ("event", "event"))
    )
    return _Selected(Query(_join(left, reads, ("event",), "inner"), (*rows.values, shape.id)), key)


def _joined(
    connection: Connection, selected: _Selected, lifted: Lifted, total: Watched, shape: Shape,
    values: Sequence[Any],
) -> Iterator[tuple[Recorded, tuple[Signature, ...]]]:  # fmt: skip
    """Yield the reads whose signatures may differ, with the present ones."""
    plan = _join(selected.query.plan, total.plan, lifted.names, "left")
    plan = nodes.Restrict(plan, nodes.Text(_differs(total)))
    numbers = [name for mark in total.marks for name in mark.sums]
    names = (*selected.key, "event", *(f"~r {name}" for name in _COLUMNS), *numbers)
    for row in _fetched(connection, Query(plan, (*selected.query.values, *values)), names):
        now = signatures(total.marks, numbers, [row[-len(numbers) :]])
        yield _joined_read(dict(zip(names, row, strict=True)), selected.key, shape), now


def _of_one_row(
    connection: Connection, selected: _Selected, lifted: Lifted, shape: Shape
) -> Iterator[Finding]:
    """Yield the reads of at most one row whose event is not the one recorded, or cannot tell."""
    (mark,) = watch(lifted.plan).marks
    row = _projection(
        watch(lifted.plan).plan, [(name, name) for name in (*lifted.names, mark.event, mark.present)]
    )
    plan = _join(selected.query.plan, row, lifted.names, "left")
    plan = nodes.Restrict(plan, nodes.Text(_other(mark)))
    names = (*selected.key, "event", *(f"~r {name}" for name in _COLUMNS), mark.event, mark.present)
    for told in _fetched(connection, Query(plan, selected.query.values), names):
        now = Signature.of([] if told[-1] is None else [told[-2]])
        yield Finding(_recorded(dict(zip(names, told, strict=True)), selected.key, shape), (now,), None)


def _other(mark: Mark) -> Fragment:
    """Return the condition that another version is there than the only one recorded, or cannot tell."""
    zero = Literal(0, INT64)
    old, new = (Call("coalesce", (Name(name), zero), INT64) for name in ("~r low", mark.event))
    unknown = (
        Operator("is_null", (Name(mark.present),), BOOL),
        Operator("is_null", (Name(mark.event),), BOOL),
    )
    terms = (
        Operator("<>", (old, new), BOOL),
        Operator(">", (Name("~r unknown"), zero), BOOL),
        Operator("and", (Operator("not", unknown[:1], BOOL), unknown[1]), BOOL),
    )
    names = ("~r low", "~r unknown", mark.event, mark.present)
    return Fragment(Operator("or", terms, BOOL), (), names, BOOL, True, False, f"~other {names}")


def _all(connection: Connection, selected: _Selected, shape: Shape, marks: int) -> Iterator[Recorded]:
    names = (*selected.key, "event", *(f"~r {name}" for name in _COLUMNS))
    for row in _fetched(connection, selected.query, names):
        yield _joined_read(dict(zip(names, row, strict=True)), selected.key, shape)


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
        found = _fetched(connection, Query(total.plan, tuple(values)), (*lifted.names, *numbers))
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


def _projection(operand: Plan, columns: Sequence[tuple[str, str]]) -> nodes.Project:
    node = nodes.Project(operand, tuple(columns))
    heading = operand.heading
    node.heading = Heading([replace(heading[old], name=new) for new, old in columns])
    return node


def _join(left: Plan, right: Plan, on: tuple[str, ...], kind: str) -> nodes.Join:
    more = [a for a in right.heading.values() if a.name not in left.heading]
    return nodes.Join(left, right, on, kind, Heading([*left.heading.values(), *more]))


def _fetched(connection: Connection, query: Query, names: Sequence[str]) -> Iterator[Sequence[Any]]:
    statement = select_rows(query.plan, connection.dialect, tuple(names))
    attributes = [query.plan.heading[name] for name in names]
    decoder = RowDecoder(attributes, connection.dialect, connection.config)
    rows = connection.fetch_all(statement.text, statement.bind(query.values), decoder.core)
    yield from decoder.tuples(rows)


def _joined_read(row: Mapping[str, Any], key: tuple[str, ...], shape: Shape) -> Recorded:
    r = {name: row[f"~r {name}"] for name in _COLUMNS}
    return recorded({**r, "event": row["event"]}, {name: row[name] for name in key}, shape)


def recorded(r: Mapping[str, Any], key: Mapping[str, Any], shape: Shape) -> Recorded:
    """Return a read as a row of the table of reads tells it, of a make for a key."""
    known = r["present"] - r["unknown"]
    first = Signature(r["present"], known, r["low"], r["high"], r["total"], r["q1"], r["q2"])
    more = tuple(Signature(*numbers) for numbers in _read(r["more"]) or ())
    return Recorded(
        key, r["event"], r["n"], shape, _read(r["parameters"]), _read(r["attributes"]), r["row_count"],
        (first, *more), r["digest"],
    )  # fmt: skip


def _read(value: Any) -> Any:
    return json.loads(value) if isinstance(value, (bytes, bytearray)) else value


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
    budget[0] -= 1
    again = reread(Read(read.query, read.kind, read.names, (), 0), connection)
    if read.kind == FETCHED:
        same = again.digest == read.digest
    else:
        same = again.count == read.count if read.kind == COUNT else bool(again.count) == bool(read.count)
    return replace(finding, now=again.signatures, same=same)
