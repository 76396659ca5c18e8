"""Which attributes of the tables that a plan reads decide what it gives."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint._value import Value
from datajoint.algebra.analysis.watch import Unmarked
from datajoint.algebra.plans.aggregates import OUTER
from datajoint.algebra.plans.nodes import (
    Aggregate,
    Distinct,
    GroupBy,
    Join,
    Plan,
    Project,
    Restrict,
    Source,
    Top,
    Union,
    names_in,
)

__all__ = ["Needed", "needed"]


class Needed(Value):
    """Attributes of a table, hidden columns among them.

    Attributes
    ----------
    shown
        Those whose values are in the result as they are.
    decide
        Those that anything is computed, compared, grouped, ordered by.
    """

    shown: frozenset[str]
    decide: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """All of them: where none differs, the result is the same."""
        return self.shown | self.decide


def needed(plan: Plan, names: tuple[str, ...] | None = None) -> tuple[Needed, ...]:
    """Return what is needed of each table, in the order of the marks of a watched plan.

    Parameters
    ----------
    names
        Attributes of the result that are asked for, default is all.

    Examples
    --------
    >>> from datajoint.algebra.plans.nodes import Equals
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading([Attribute(name, parse_type("int32"), name == "a") for name in ("a", "x", "y")])
    >>> found = needed(Restrict(Source(TableName("lab", "t"), heading), Equals("x")), ("a",))
    >>> found[0].shown, found[0].decide
    (frozenset({'a'}), frozenset({'x'}))
    """
    shown = frozenset(plan.heading.order if names is None else names)
    return tuple(_needed(plan, shown, frozenset()))


def _needed(plan: Plan, shown: frozenset[str], decide: frozenset[str]) -> Iterator[Needed]:
    match plan:
        case Source():
            yield Needed(shown, decide)
        case Restrict():
            yield from _needed(plan.operand, shown, decide | names_in(plan.condition))
        case Top():
            yield from _needed(plan.operand, shown, decide | {name for name, _ in plan.order})
        case Project():
            yield from _of_projection(plan, shown, decide)
        case Join():
            for side in (plan.left, plan.right):
                own = frozenset(side.heading)
                yield from _needed(side, shown & own, (decide | {*plan.on}) & own)
        case Union():  # of a row that both sides have, attributes of one side only are in the result
            for side in (plan.left, plan.right):
                own = frozenset(side.heading)
                yield from _needed(side, frozenset(), (shown | decide | {*plan.heading.key}) & own)
        case _:
            yield from _of_groups(plan, shown, decide)


def _of_groups(plan: Plan, shown: frozenset[str], decide: frozenset[str]) -> Iterator[Needed]:
    match plan:
        case Aggregate():
            yield from _of_aggregate(plan, shown, decide)
        case GroupBy():
            used = _used(plan.aggregates, shown | decide)
            yield from _needed(plan.operand, frozenset(), used | {*plan.names})
        case Unmarked():
            pass
        case Distinct():
            yield from _needed(plan.operand, frozenset(), frozenset(plan.names))
        case _:
            raise TypeError(f"no such plan: {plan!r}")


def _of_projection(plan: Project, shown: frozenset[str], decide: frozenset[str]) -> Iterator[Needed]:
    plain, used = set[str](), set[str]()
    for new, old in plan.columns:
        if not isinstance(old, str):
            used |= {*old.names} if new in shown or new in decide else set()
            continue
        plain |= {old} if new in shown else set()
        used |= {old} if new in decide else set()
    yield from _needed(plan.operand, frozenset(plain), frozenset(used))


def _of_aggregate(plan: Aggregate, shown: frozenset[str], decide: frozenset[str]) -> Iterator[Needed]:
    used = _used(plan.aggregates, shown | decide)
    group = frozenset(plan.group.heading)
    kept = frozenset(old for new, old in plan.kept if new in shown)
    outer = {name.removeprefix(OUTER) for name in used if name.startswith(OUTER) or name not in group}
    outer |= {old for new, old in plan.kept if new in decide}
    yield from _needed(plan.operand, kept, frozenset(outer | {*plan.on, *plan.operand.heading.key}))
    yield from _needed(plan.group, frozenset(), (used & group) | {*plan.on})


def _used(aggregates: tuple[tuple[str, object], ...], asked: frozenset[str]) -> frozenset[str]:
    return frozenset(name for new, fragment in aggregates if new in asked for name in fragment.names)  # type: ignore[attr-defined]
