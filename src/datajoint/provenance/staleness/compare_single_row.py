"""Comparison of reads of at most one row, identified by its key: by event, without sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint.algebra.analysis.lift import Lifted, lift
from datajoint.algebra.analysis.pinned import is_pinned
from datajoint.algebra.analysis.watch import Mark, watch
from datajoint.algebra.expr.expressions import Call, Literal, Name, Operator
from datajoint.algebra.expr.types import BOOL, INT64
from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.algebra.plans.nodes import Plan, Query
from datajoint.algebra.text.fragment import Fragment
from datajoint.engine.connection import Connection
from datajoint.journal.reads.shapes import Shape
from datajoint.journal.reads.signature import Signature
from datajoint.provenance.staleness.finding import Finding
from datajoint.provenance.staleness.recorded_reads import (
    COLUMNS,
    LONGEST,
    Selected,
    fetched,
    has_parameters,
    join,
    joined_read,
    kept_values,
    parsed,
    projection,
    selected_reads,
    told_parameters,
)

__all__ = ["changed_row", "is_single", "only_changed_row"]

_MOST = 50_000
"""Rows of makes that may have read something else; of more it is not asked by one question."""


def is_single(shape: Shape, lifted: Lifted | None) -> bool:
    """Whether all reads of a shape are of one row at most, told by the key and perhaps by a condition."""
    if lifted is None or watch(shape.plan).identified:
        return False
    return is_pinned(shape.plan, {n for n, _ in shape.lifted})


def only_changed_row(
    connection: Connection, schema: str, rows: Query, shape: Shape, event: int
) -> list[Finding] | None:
    """Return the reads that have changed, where all rows have one, alike but for the key; None else.

    Parameters
    ----------
    event
        That of a row, whose read the others are compared with.
    """
    lifted = lift(shape.plan, shape.lifted)
    if lifted is None or not is_single(shape, lifted):
        return None
    selected = selected_reads(connection, schema, rows, None)
    (mark,), plan, names = _with_row(selected, lifted)
    strange = [nodes.IsNull("~r shape"), nodes.Not(nodes.Equals("~r shape")), nodes.Text(_other(mark))]
    values: tuple[Any, ...] = ()
    text = ""
    if lifted.kept:
        one = nodes.Restrict(selected.query.plan, nodes.Equals(WRITTEN))
        texts = told_parameters(connection, Query(one, (*selected.query.values, event)), 2)
        text = texts[0] if len(texts) == 1 else ""  # none where the row has just gone
        if not 0 < len(text) <= LONGEST:
            return None
        values = kept_values(shape, lifted, text)
        strange.append(nodes.Not(nodes.Text(has_parameters(text))))
    plan = nodes.Top(nodes.Restrict(plan, nodes.Any_(tuple(strange))), (), True, False)
    query = Query(plan, (*selected.query.values, *values, shape.id, _MOST))
    found = list(fetched(connection, query, ("~r shape", *names)))
    if len(found) == _MOST or any(row[0] != shape.id for row in found):
        return None
    findings = [_finding(row[1:], names, selected, shape) for row in found]
    alike = not text or all(finding.read.parameters == parsed(text.encode()) for finding in findings)
    return findings if alike else None


def changed_row(
    connection: Connection, selected: Selected, lifted: Lifted, shape: Shape, values: Sequence[Any]
) -> Iterator[Finding]:
    """Yield the reads whose row has another event than the one recorded, or cannot tell.

    Parameters
    ----------
    values
        Those of the query that are not the key's.
    """
    (mark,), plan, names = _with_row(selected, lifted)
    plan = nodes.Restrict(plan, nodes.Text(_other(mark)))
    for row in fetched(connection, Query(plan, (*selected.query.values, *values)), names):
        yield _finding(row, names, selected, shape)


def _with_row(selected: Selected, lifted: Lifted) -> tuple[tuple[Mark, ...], Plan, tuple[str, ...]]:
    """Return the reads with the rows of today beside them, and the columns that are asked for."""
    watched = watch(lifted.plan)
    (mark,) = watched.marks
    shown = (*lifted.names, mark.event, mark.present)
    row = projection(watched.plan, [(name, name) for name in shown])
    names = (*selected.key, WRITTEN, *(f"~r {name}" for name in COLUMNS), mark.event, mark.present)
    return watched.marks, join(selected.query.plan, row, lifted.names, "left"), names


def _finding(row: Sequence[Any], names: Sequence[str], selected: Selected, shape: Shape) -> Finding:
    event, present = row[-2:]
    now = Signature.of([] if present is None else [event])
    return Finding(joined_read(dict(zip(names, row, strict=True)), selected.key, shape), (now,), None)


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
