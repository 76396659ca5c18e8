"""Plans and conditions: what a query is, without its values and without SQL.

A query is a pair: a `Plan`, which is structure only and exists once per structure, and a flat tuple of
values, in the order in which a walk of the plan meets the places that take them. So the heading, the checks
and the SQL text of a structure are found by one dictionary access however often it comes back with other
values. ``docs/adr/0001`` tells why.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from datajoint._value import Value
from datajoint.errors import QueryError
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName

if TYPE_CHECKING:
    from datajoint.algebra.text.fragment import Fragment

__all__ = [
    "DEEPEST",
    "Aggregate",
    "All",
    "Any_",
    "Condition",
    "Const",
    "Distinct",
    "Equals",
    "GroupBy",
    "Ignored",
    "InValues",
    "IsNull",
    "Join",
    "Matches",
    "Not",
    "Plan",
    "Project",
    "Query",
    "Restrict",
    "Source",
    "Text",
    "Top",
    "Union",
    "deepest",
    "names_in",
    "negate",
    "shallow",
    "too_deep",
]  # fmt: skip

_MAX_CHILDREN = 2000
_MAX_TEXTS = 500


class Condition(Value):
    """Base of the conditions; `arity` is the number of values a condition takes."""

    __slots__ = ()

    @property
    def arity(self) -> int:
        """Number of values."""
        return 0


class Const(Condition):
    """All rows, or none."""

    value: bool


class Ignored(Const):
    """All rows, because a dict shares no name with the heading: harmless in a query, refused in a delete."""

    names: tuple[str, ...]


class Equals(Condition):
    """The attribute equals a value (one value)."""

    name: str

    @property
    def arity(self) -> int:
        """Number of values."""
        return 1


class IsNull(Condition):
    """The attribute is NULL."""

    name: str


class InValues(Condition):
    """The attributes equal one of a list of tuples (one value: the list)."""

    names: tuple[str, ...]

    @property
    def arity(self) -> int:
        """Number of values."""
        return 1


class Matches(Condition):
    """A row of the plan exists that is equal on the named attributes."""

    plan: Plan
    on: tuple[str, ...]

    @property
    def arity(self) -> int:
        """Number of values."""
        return self.plan.arity


class Text(Condition):
    """A condition given as text, already read."""

    fragment: Fragment

    @property
    def arity(self) -> int:
        """Number of values."""
        return len(self.fragment.parameters)


class _Terms(Condition):
    terms: tuple[Condition, ...]

    @property
    def arity(self) -> int:
        """Number of values."""
        return sum(term.arity for term in self.terms)


class All(_Terms):
    """Every term holds."""


class Any_(_Terms):  # noqa: N801 - `Any` is taken by typing
    """Some term holds."""


class Not(Condition):
    """The term does not hold; unknown stays unknown, as in SQL."""

    term: Condition

    @property
    def arity(self) -> int:
        """Number of values."""
        return self.term.arity


class Plan:
    """Base of the plans.

    Attributes
    ----------
    heading
        Attributes of the result.
    arity
        Number of values in the plan and all below it.
    depth
        Number of plans within each other.
    """

    __slots__ = ("_children", "_texts", "arity", "depth", "heading", "statements")

    def __init__(self, arity: int, heading: Heading, *operands: Plan) -> None:
        self.arity = arity
        self.depth = 1 + max([operand.depth for operand in operands], default=0)
        self.heading = heading
        self._children: dict[Hashable, Any] = {}
        self._texts: dict[str, tuple[Plan, tuple[Any, ...]]] = {}
        self.statements: dict[Hashable, Any] = {}  # compiled by the layers above; belongs to the structure

    def child(self, key: Hashable) -> Any:
        """Return what was kept under `key`, or None."""
        return self._children.get(key)

    def keep(self, key: Hashable, value: Any) -> Any:
        """Keep something made from this plan; forgetting it is always safe."""
        if len(self._children) >= _MAX_CHILDREN:
            self._children.clear()
        self._children[key] = value
        return value

    def restricted_by(self, text: str) -> tuple[Plan, tuple[Any, ...]] | None:
        """Return plan and values of a restriction by a text, if it was kept."""
        return self._texts.get(text)

    def keep_text(self, text: str, plan: Plan, values: tuple[Any, ...]) -> None:
        """Keep what a text restricts this plan to; apart from the children, as texts hold values, too."""
        if len(self._texts) >= _MAX_TEXTS:
            self._texts.clear()
        self._texts[text] = plan, values


class Source(Plan):
    """A table."""

    __slots__ = ("name",)

    def __init__(self, name: TableName, heading: Heading) -> None:
        super().__init__(0, heading)
        self.name = name


class Restrict(Plan):
    """Rows of the operand that fulfil the condition."""

    __slots__ = ("condition", "operand")

    def __init__(self, operand: Plan, condition: Condition) -> None:
        super().__init__(operand.arity + condition.arity, operand.heading, operand)
        self.operand = operand
        self.condition = condition


class Project(Plan):
    """Attributes of the operand, chosen, renamed, computed: ``(new name, old name or fragment)``."""

    __slots__ = ("columns", "operand")

    def __init__(self, operand: Plan, columns: tuple[tuple[str, str | Fragment], ...]) -> None:
        super().__init__(operand.arity, operand.heading, operand)
        self.operand = operand
        self.columns = columns


class Join(Plan):
    """Pairs of rows equal on the attributes `on`; `kind` is inner, left or outer."""

    __slots__ = ("kind", "left", "on", "right")

    def __init__(self, left: Plan, right: Plan, on: tuple[str, ...], kind: str, heading: Heading) -> None:
        super().__init__(left.arity + right.arity, heading, left, right)
        self.left = left
        self.right = right
        self.on = on
        self.kind = kind


class Aggregate(Plan):
    """One row per row of the operand: kept attributes, and aggregates over the matching rows of the group.

    Names in the aggregates are those of the group, else of the operand; after `aggregates.OUTER`, of the
    operand.
    """

    __slots__ = ("aggregates", "group", "keep_unmatched", "kept", "on", "operand")

    def __init__(self, operand: Plan, group: Plan, on: tuple[str, ...], kept: tuple[tuple[str, str], ...],
                 aggregates: tuple[tuple[str, Fragment], ...], keep_unmatched: bool) -> None:  # fmt: skip
        super().__init__(operand.arity + group.arity, operand.heading, operand, group)
        self.operand = operand
        self.group = group
        self.on = on
        self.kept = kept
        self.aggregates = aggregates
        self.keep_unmatched = keep_unmatched


class GroupBy(Plan):
    """One row per distinct combination of the named attributes, with aggregates (`U(…).aggr`)."""

    __slots__ = ("aggregates", "names", "operand")

    def __init__(
        self, operand: Plan, names: tuple[str, ...], aggregates: tuple[tuple[str, Fragment], ...]
    ) -> None:
        super().__init__(operand.arity, operand.heading, operand)
        self.operand = operand
        self.names = names
        self.aggregates = aggregates


class Distinct(Plan):
    """The distinct combinations of the named attributes (`U(…) & …`)."""

    __slots__ = ("names", "operand")

    def __init__(self, operand: Plan, names: tuple[str, ...], heading: Heading) -> None:
        super().__init__(operand.arity, heading, operand)
        self.operand = operand
        self.names = names


class Union(Plan):
    """Rows of both operands, each key once; the left side's values win."""

    __slots__ = ("left", "right")

    def __init__(self, left: Plan, right: Plan, heading: Heading) -> None:
        super().__init__(left.arity + right.arity, heading, left, right)
        self.left = left
        self.right = right


class Top(Plan):
    """The first rows in an order; takes the limit and the offset as values where they are given."""

    __slots__ = ("limited", "operand", "order", "shifted")

    def __init__(
        self, operand: Plan, order: tuple[tuple[str, bool], ...], limited: bool, shifted: bool
    ) -> None:
        super().__init__(operand.arity + limited + shifted, operand.heading, operand)
        self.operand = operand
        self.order = order
        self.limited = limited
        self.shifted = shifted


class Query(Value):
    """A plan and its values."""

    plan: Plan
    values: tuple[Any, ...] = ()

    @property
    def heading(self) -> Heading:
        """Attributes of the result."""
        return self.plan.heading


def names_in(condition: Condition) -> frozenset[str]:
    """Return the attributes that a condition names."""
    match condition:
        case Equals(name) | IsNull(name):
            return frozenset([name])
        case InValues(names):
            return frozenset(names)
        case Matches(_, on):
            return frozenset(on)
        case Text(fragment):
            return frozenset(fragment.names)
        case All(terms) | Any_(terms):
            return frozenset[str]().union(*(names_in(term) for term in terms))
        case Not(term):
            return names_in(term)
        case _:
            return frozenset()


P = TypeVar("P", bound=Plan)

DEEPEST = 200
"""Number of operators, or of lists of conditions, that may stand within each other."""


def too_deep(what: str) -> QueryError:
    """Return the error for an expression that no database would read."""
    return QueryError(
        f"The expression holds more than {DEEPEST} {what}.",
        hint="Long chains of restrictions, unions and lists are no problem, levels are: fetch the keys of an "
        "inner part and restrict by these, or store it in a table.",
    )


def shallow(node: P) -> P:
    """Return a plan, if it is not nested too deeply."""
    if node.depth > DEEPEST:
        raise too_deep("operators within each other")
    return node


def deepest(condition: Condition) -> int:
    """Return the depth of the deepest plan in a condition."""
    found, todo = 0, [condition]
    while todo:
        match todo.pop():
            case Matches(plan):
                found = max(found, plan.depth)
            case All(terms) | Any_(terms):
                todo.extend(terms)
            case Not(term):
                todo.append(term)
            case _:
                pass
    return found


def negate(condition: Condition) -> Condition:
    """Return the negation of a condition."""
    match condition:
        case Const(value):
            return Const(not value)
        case Not(term):
            return term
        case _:
            return Not(condition)
