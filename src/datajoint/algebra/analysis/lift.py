"""Lifting: one plan that answers for all keys at once, where each key had a query of its own (provenance §4).

A condition ``attribute = value of the key`` is taken out of the plan, and the attribute is carried to the
top under the name of the attribute of the key (`column`); there the rows of all keys stand beside each
other, told apart by these columns. What each operator needs for that is one rule; where a rule does not
apply (the first rows per key, a left join whose left side knows nothing of the key) the plan cannot be
lifted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datajoint._value import Value, replace
from datajoint.algebra.analysis.watch import Unmarked
from datajoint.algebra.expr.expressions import Name, Operator
from datajoint.algebra.expr.types import BOOL
from datajoint.algebra.plans.nodes import (
    Aggregate,
    All,
    Condition,
    Const,
    Distinct,
    Equals,
    GroupBy,
    Join,
    Matches,
    Plan,
    Project,
    Restrict,
    Text,
    Top,
    Union,
)
from datajoint.algebra.text.fragment import Fragment
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading

__all__ = ["Lifted", "column", "lift"]


class Lifted(Value):
    """A plan for all keys.

    Attributes
    ----------
    plan
        Gives the rows of all keys.
    names
        Attributes of the key that it tells them apart by, as `column` names them.
    kept
        Numbers of the values that are left, in order.
    """

    plan: Plan
    names: tuple[str, ...]
    kept: tuple[int, ...]


def column(attribute: str) -> str:
    """Return the name under which an attribute of the key is carried.

    Examples
    --------
    >>> column("subject_id")
    '~key subject_id'
    """
    return f"~key {attribute}"


class _Stuck(Exception):  # noqa: N818 - never seen outside
    """The plan cannot be lifted."""


class _Part(Value):
    plan: Plan
    names: frozenset[str]
    kept: tuple[int, ...]


def lift(plan: Plan, taken: Sequence[tuple[int, str]]) -> Lifted | None:
    """Return the plan for all keys, None where it cannot be had.

    Parameters
    ----------
    taken
        Numbers of the values that are those of the key, and of which attribute of it.
    """
    try:
        part = _Lifting(dict(taken)).lift(plan, 0)
    except _Stuck:
        return None
    if part.names != frozenset(column(name) for _, name in taken):
        return None
    return Lifted(part.plan, tuple(sorted(part.names)), part.kept)


class _Lifting:
    def __init__(self, taken: Mapping[int, str]) -> None:
        self.taken = taken

    def lift(self, plan: Plan, offset: int) -> _Part:
        if not any(offset <= n < offset + plan.arity for n in self.taken):
            return _Part(plan, frozenset(), tuple(range(offset, offset + plan.arity)))
        match plan:
            case Restrict():
                return self._restrict(plan, offset)
            case Project():
                inner = self.lift(plan.operand, offset)
                columns = (*plan.columns, *((name, name) for name in sorted(inner.names)))
                node = Project(inner.plan, columns)
                return self._with(node, plan.heading, inner, inner.kept)
            case Join():
                return self._join(plan, offset)
            case Aggregate():
                return self._aggregate(plan, offset)
            case GroupBy():
                inner = self.lift(plan.operand, offset)
                node = GroupBy(inner.plan, (*plan.names, *sorted(inner.names)), plan.aggregates)
                return self._with(node, plan.heading, inner, inner.kept)
            case Distinct():
                inner = self.lift(plan.operand, offset)
                heading = _heading(plan.heading, inner)
                return _Part(
                    Distinct(inner.plan, (*plan.names, *sorted(inner.names)), heading),
                    inner.names,
                    inner.kept,
                )
            case Union():
                return self._union(plan, offset)
            case Top() if not plan.limited and not plan.shifted:
                inner = self.lift(plan.operand, offset)
                return _Part(Top(inner.plan, plan.order, False, False), inner.names, inner.kept)
            case _:
                raise _Stuck

    @staticmethod
    def _with(node: Plan, heading: Heading, inner: _Part, kept: tuple[int, ...]) -> _Part:
        node.heading = _heading(heading, inner)
        return _Part(node, inner.names, kept)

    # --------------------------------------------------------------------------------- conditions

    def _restrict(self, plan: Restrict, offset: int) -> _Part:
        part = self.lift(plan.operand, offset)
        terms = plan.condition.terms if isinstance(plan.condition, All) else (plan.condition,)
        at = offset + plan.operand.arity
        for term in terms:
            part = self._condition(part, term, at)
            at += term.arity
        return part

    def _condition(self, part: _Part, term: Condition, at: int) -> _Part:
        own = tuple(range(at, at + term.arity))
        if not any(n in self.taken for n in own):
            return _Part(_restricted(part.plan, term), part.names, (*part.kept, *own))
        if isinstance(term, Equals):
            return _carry(part, term.name, column(self.taken[at]))
        if isinstance(term, Matches):
            return self._matches(part, term, at)
        raise _Stuck  # one of several alternatives, or negated

    def _matches(self, part: _Part, term: Matches, at: int) -> _Part:
        """Rows that some row of the key matches: pairs of both, each once."""
        inner = self.lift(term.plan, at)
        kept = (*part.kept, *inner.kept)
        shared = tuple(sorted(inner.names))
        if inner.names <= part.names:
            return _Part(Restrict(part.plan, Matches(inner.plan, (*term.on, *shared))), part.names, kept)
        names = (*term.on, *shared)
        attributes = [replace(inner.plan.heading[name], in_key=True) for name in names]
        keys = Unmarked(inner.plan, names, Heading(attributes))
        on = (*term.on, *(name for name in shared if name in part.names))
        added = [a for a in attributes if a.name in inner.names and a.name not in part.names]
        heading = Heading([*part.plan.heading.values(), *added], nullable_key=part.plan.heading.nullable_key)
        return _Part(Join(part.plan, keys, on, "inner", heading), part.names | inner.names, kept)

    # ------------------------------------------------------------------------------ two operands

    def _both(self, left: Plan, right: Plan, offset: int) -> tuple[_Part, _Part, tuple[int, ...]]:
        one, other = self.lift(left, offset), self.lift(right, offset + left.arity)
        return one, other, (*one.kept, *other.kept)

    def _join(self, plan: Join, offset: int) -> _Part:
        left, right, kept = self._both(plan.left, plan.right, offset)
        if plan.kind == "outer" or (plan.kind == "left" and not right.names <= left.names):
            raise _Stuck
        on = (*plan.on, *sorted(left.names & right.names))
        names = left.names | right.names
        found = {a.name: a for part in (right, left) for a in _carried(part)}
        added = [replace(found[name], in_key=True) for name in sorted(names)]
        heading = Heading([*plan.heading.values(), *added], nullable_key=plan.heading.nullable_key)
        return _Part(Join(left.plan, right.plan, on, plan.kind, _ordered(heading)), names, kept)

    def _aggregate(self, plan: Aggregate, offset: int) -> _Part:
        left, group, kept = self._both(plan.operand, plan.group, offset)
        if not group.names <= left.names:
            raise _Stuck
        on = (*plan.on, *sorted(group.names))
        carried = tuple((name, name) for name in sorted(left.names))
        node = Aggregate(
            left.plan, group.plan, on, (*plan.kept, *carried), plan.aggregates, plan.keep_unmatched
        )
        return self._with(node, plan.heading, left, kept)

    def _union(self, plan: Union, offset: int) -> _Part:
        left, right, kept = self._both(plan.left, plan.right, offset)
        if left.names != right.names:
            raise _Stuck
        return _Part(Union(left.plan, right.plan, _heading(plan.heading, left)), left.names, kept)


# ----------------------------------------------------------------------------------------- headings


def _carried(part: _Part) -> list[Attribute]:
    return [part.plan.heading[name] for name in sorted(part.names)]


def _heading(heading: Heading, part: _Part) -> Heading:
    """Return a heading with what is carried; rows of two keys are two rows, so it is in the key."""
    added = [replace(attribute, in_key=True) for attribute in _carried(part)]
    return _ordered(
        Heading([*heading.values(), *added], heading.hidden.values(), nullable_key=heading.nullable_key)
    )


def _ordered(heading: Heading) -> Heading:
    attributes = list(heading.values())
    ordered = [*(a for a in attributes if a.in_key), *(a for a in attributes if not a.in_key)]
    return Heading(ordered, heading.hidden.values(), nullable_key=heading.nullable_key)


def _restricted(plan: Plan, term: Condition) -> Plan:
    return plan if isinstance(term, Const) and term.value else Restrict(plan, term)


def _carry(part: _Part, name: str, key: str) -> _Part:
    """Carry an attribute under the name of the key's; where that is there already, both are equal."""
    heading = part.plan.heading
    if key in part.names:
        same = Operator("=", (Name(name), Name(key)), BOOL)
        fragment = Fragment(same, (), (name, key), BOOL, True, False, f"~{name} = {key}")
        return replace(part, plan=Restrict(part.plan, Text(fragment)))
    known = [*heading.values(), *heading.hidden.values()]
    attribute = next(a for a in known if a.name == name)
    node = Project(part.plan, (*((a.name, a.name) for a in known), (key, name)))
    added = replace(attribute, name=key, in_key=True)
    node.heading = _ordered(Heading([*known, added], nullable_key=heading.nullable_key))
    return _Part(node, part.names | {key}, part.kept)
