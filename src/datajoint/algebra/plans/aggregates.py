"""Names inside and outside the aggregate functions of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from datajoint._value import replace
from datajoint.algebra.expr.expressions import (
    Call,
    Case,
    Cast,
    Expression,
    Interval,
    JsonPath,
    Name,
    Operator,
    children,
)
from datajoint.algebra.expr.functions import FUNCTIONS
from datajoint.algebra.text.fragment import Fragment

__all__ = ["OUTER", "bare_names", "qualified"]

OUTER = "outer."
"""Before a name outside an aggregate function: an attribute of the side that is kept, not of the group."""


def _aggregates(node: Expression) -> bool:
    if not isinstance(node, Call):
        return False
    return node.function == "count" or (node.function in FUNCTIONS and FUNCTIONS[node.function].aggregate)


def _bare(node: Expression) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    elif not _aggregates(node):
        for child in children(node):
            yield from _bare(child)


def bare_names(fragment: Fragment) -> tuple[str, ...]:
    """Return the names that stand outside every aggregate function, in order.

    Examples
    --------
    >>> from datajoint.algebra.text.fragment import parse_column
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading([Attribute(name, parse_type("int32")) for name in "ab"])
    >>> bare_names(parse_column("a + sum(b)", heading, aggregate=True))
    ('a',)
    """
    return tuple(dict.fromkeys(_bare(fragment.expression)))


def qualified(fragment: Fragment) -> Fragment:
    """Mark the names outside aggregate functions by `OUTER`."""
    bare = bare_names(fragment)
    if not bare:
        return fragment
    expression = _qualified(fragment.expression)
    inside = set(_inside(fragment.expression))
    names = [OUTER + name for name in bare] + [name for name in fragment.names if name in inside]
    return replace(fragment, expression=expression, names=tuple(names))


def _inside(node: Expression, counted: bool = False) -> Iterator[str]:
    if isinstance(node, Name) and counted:
        yield node.name
    for child in children(node):
        yield from _inside(child, counted or _aggregates(node))


def _qualified(node: Expression) -> Expression:
    if isinstance(node, Name):
        return Name(OUTER + node.name)
    return node if _aggregates(node) else _rebuilt(node, _qualified)


def _rebuilt(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    match node:
        case Operator():
            return replace(node, args=tuple(map(change, node.args)))
        case Call():
            order = tuple((change(key), descending) for key, descending in node.order)
            return replace(node, args=tuple(map(change, node.args)), order=order)
        case Case(branches, otherwise):
            changed = tuple((change(when), change(then)) for when, then in branches)
            return replace(node, branches=changed, otherwise=otherwise and change(otherwise))
        case Cast() | JsonPath():
            return replace(node, argument=change(node.argument))
        case Interval():
            return replace(node, amount=change(node.amount))
        case _:
            return node
