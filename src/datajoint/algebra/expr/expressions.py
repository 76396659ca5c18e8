"""What a condition or computed attribute is: a small typed tree, read from text, written as SQL or evaluated.

Every node but `Name` and `Interval` carries the type of its result. The operands of an operator or function
have been brought to types that fit by `Cast` nodes, so whoever writes or evaluates a tree need not know the
rules of conversion. ``docs/adr`` tells why we keep a tree of our own.
"""

from __future__ import annotations

from collections.abc import Iterator

from datajoint._value import Value
from datajoint.heading.types import AttributeType

__all__ = [
    "Call",
    "Case",
    "Cast",
    "Expression",
    "Interval",
    "JsonPath",
    "Literal",
    "Name",
    "Operator",
    "Param",
    "children",
    "walk",
]


class Name(Value):
    """An attribute of the heading."""

    name: str


class Literal(Value):
    """A value written in the text: a Python value of `dtype`, or None."""

    value: object
    dtype: AttributeType


class Param(Value):
    """A value given beside the expression; `index` counts from 0 within the fragment."""

    index: int
    dtype: AttributeType


class Operator(Value):
    """One of ``and or not = <> < <= > >= <=> is_null in like ilike regexp + - * / div % neg & | << >>``.

    The arguments of ``in`` are the value and the items; of ``like`` value, pattern and, if given, the escape
    character.
    """

    op: str
    args: tuple[Expression, ...]
    dtype: AttributeType


class Call(Value):
    """A function by its canonical name; `order` holds expressions and whether they descend."""

    function: str
    args: tuple[Expression, ...]
    dtype: AttributeType
    distinct: bool = False
    order: tuple[tuple[Expression, bool], ...] = ()
    separator: str = ","


class Case(Value):
    """``CASE WHEN condition THEN value … ELSE otherwise END``."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None
    dtype: AttributeType


class Cast(Value):
    """Conversion to `dtype`, written by the user or needed by an operator."""

    argument: Expression
    dtype: AttributeType


class Interval(Value):
    """A span of time, only ever the second operand of ``+`` and ``-``; `unit` is ``second`` … ``year``."""

    amount: Expression
    unit: str


class JsonPath(Value):
    """The scalar at a path of a JSON value, as `dtype`; NULL when it is absent or of another kind."""

    argument: Expression
    path: tuple[str | int, ...]
    dtype: AttributeType


Expression = Name | Literal | Param | Operator | Call | Case | Cast | Interval | JsonPath


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the nodes right below one, in order of the text.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> children(Cast(Name("x"), parse_type("float64")))
    (Name(name='x'),)
    """
    match expression:
        case Operator():
            return expression.args
        case Call():
            return (*expression.args, *(key for key, _ in expression.order))
        case Case():
            last = (expression.otherwise,) if expression.otherwise is not None else ()
            return (*(node for branch in expression.branches for node in branch), *last)
        case Cast() | JsonPath():
            return (expression.argument,)
        case Interval():
            return (expression.amount,)
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Visit a node and all below it.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> [type(node).__name__ for node in walk(Cast(Name("x"), parse_type("float64")))]
    ['Cast', 'Name']
    """
    yield expression
    for child in children(expression):
        yield from walk(child)
