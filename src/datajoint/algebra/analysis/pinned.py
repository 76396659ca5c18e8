"""Plans that give at most one row for a key."""

from __future__ import annotations

from collections.abc import Collection

from datajoint.algebra.plans.nodes import All, Equals, Plan, Project, Restrict, Source, Top

__all__ = ["is_pinned"]


def is_pinned(plan: Plan, taken: Collection[int]) -> bool:
    """Return whether a plan is rows of one table whose whole key is compared with some of its values.

    Parameters
    ----------
    taken
        Numbers of the values that are those of the key.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> key = [Attribute(name, parse_type("int32"), in_key=True) for name in ("a", "b")]
    >>> table = Source(TableName("lab", "t"), Heading(key))
    >>> both = Restrict(table, All((Equals("a"), Equals("b"))))
    >>> is_pinned(both, {0, 1}), is_pinned(both, {0}), is_pinned(table, ())
    (True, False, False)
    """
    names: set[str] = set()
    while not isinstance(plan, Source):
        match plan:
            case Restrict():
                names |= _compared(plan, taken)
            case Project():
                renamed = {new: old for new, old in plan.columns if isinstance(old, str)}
                names = {renamed[name] for name in names if name in renamed}
            case Top() if not plan.limited and not plan.shifted:
                pass
            case _:
                return False
        plan = plan.operand
    return bool(plan.heading.key) and names.issuperset(plan.heading.key)


def _compared(plan: Restrict, taken: Collection[int]) -> set[str]:
    terms = plan.condition.terms if isinstance(plan.condition, All) else (plan.condition,)
    at, found = plan.operand.arity, set[str]()  # values of operands come first
    for term in terms:
        if isinstance(term, Equals) and at in taken:
            found.add(term.name)
        at += term.arity
    return found
