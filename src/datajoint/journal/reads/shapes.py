"""Shapes: what the queries of a make have in common whatever its key (provenance §4).

A value of a query that equals the key's value of a homologous attribute is *lifted*: the shape says which
attribute of the key it is, and the record of the read leaves it out. So all makes of a table that ask the
same share a shape, and one query can compare all their reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from datajoint._value import Value
from datajoint.algebra.analysis.canonical import (
    VERSION,
    canonical_text,
    read_plan,
    read_value,
    write_plan,
    write_value,
)
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.nodes import Condition, Plan, Query
from datajoint.engine.connection import Connection
from datajoint.heading.heading import Heading
from datajoint.journal.digest import text_digest

__all__ = ["Shape", "fill", "read_shape", "shape_of"]


class Shape(Value):
    """A plan, and which of its values are those of the key.

    Attributes
    ----------
    id
        Digest of `text`.
    text
        Plan and lifted values as canonical JSON.
    plan
        The plan.
    lifted
        ``(number of the value, attribute of the key)``.
    """

    id: str
    text: str
    plan: Plan
    lifted: tuple[tuple[int, str], ...]

    def parameters(self, values: Sequence[Any]) -> list[Any]:
        """Return the values of a query as JSON has them, None for those of the key."""
        taken = dict(self.lifted)
        return [None if n in taken else write_value(value) for n, value in enumerate(values)]

    def parameters_text(self, values: Sequence[Any]) -> str:
        """Return the values of a query as JSON, null for those of the key."""
        if len(self.lifted) == len(values):
            return _nulls(len(values))
        return canonical_text(self.parameters(values))


@cache
def _nulls(count: int) -> str:
    return canonical_text([None] * count)


def shape_of(query: Query, target: Heading, key: Mapping[str, Any]) -> Shape:
    """Return the shape of a query of a make.

    Parameters
    ----------
    target
        Heading of the table that is made.
    key
        The key that is made.
    """
    plan = query.plan
    lifted = tuple(
        (n, found)
        for n, name, lineage in _equalities(plan)
        if (found := _homologous(name, lineage, target, key, query.values[n])) is not None
    )
    known = ("shape", lifted)
    shape: Shape | None = plan.statements.get(known)
    if shape is None:
        data = {"plan": write_plan(plan), "key": [list(pair) for pair in lifted]}
        text = canonical_text(data)
        shape = plan.statements[known] = Shape(text_digest(text), text, plan, lifted)
    return shape


def read_shape(connection: Connection, version: int, data: Mapping[str, Any]) -> Shape | None:
    """Return a recorded shape, None where it was written in a form that is not known here.

    Raises
    ------
    DataJointError
        When it cannot be read: a table or attribute is gone.
    """
    if version != VERSION:
        return None
    plan = read_plan(data["plan"], connection.catalog.source)
    text = canonical_text({"plan": data["plan"], "key": data["key"]})
    return Shape(text_digest(text), text, plan, tuple((n, name) for n, name in data["key"]))


def fill(shape: Shape, parameters: Sequence[Any], key: Mapping[str, Any]) -> Query:
    """Return the query that was asked for a key."""
    taken = dict(shape.lifted)
    values = (key[taken[n]] if n in taken else read_value(p) for n, p in enumerate(parameters))
    return Query(shape.plan, tuple(values))


def _homologous(
    name: str, lineage: str | None, target: Heading, key: Mapping[str, Any], value: Any
) -> str | None:
    """Return the attribute of the key whose value this is: the namesake if that is one."""
    found = [
        k for k in target.key
        if k in key and lineage is not None and target[k].lineage == lineage and _same(key[k], value)
    ]  # fmt: skip
    return name if name in found else found[0] if found else None


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _equalities(plan: Plan) -> tuple[tuple[int, str, str | None], ...]:
    """Return the conditions ``attribute = value``: number of the value, attribute, and its lineage."""
    found: tuple[tuple[int, str, str | None], ...] | None = plan.statements.get("equalities")
    if found is None:
        found = plan.statements["equalities"] = tuple(_of_plan(plan, 0))
    return found


def _of_plan(plan: Plan, offset: int) -> Iterator[tuple[int, str, str | None]]:
    for operand, shift in build.operands(plan):
        yield from _of_plan(operand, offset + shift)
    if isinstance(plan, nodes.Restrict):
        yield from _of_condition(plan.condition, plan.heading, offset + plan.operand.arity)


def _of_condition(
    condition: Condition, heading: Heading, offset: int
) -> Iterator[tuple[int, str, str | None]]:
    match condition:
        case nodes.Equals(name):
            if name in heading:
                yield offset, name, heading[name].lineage
        case nodes.Matches(plan, _):
            yield from _of_plan(plan, offset)
        case nodes.All(terms) | nodes.Any_(terms):
            for term in terms:
                yield from _of_condition(term, heading, offset)
                offset += term.arity
        case nodes.Not(term):
            yield from _of_condition(term, heading, offset)
        case _:
            pass
