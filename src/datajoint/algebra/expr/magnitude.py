"""How large the whole numbers of an expression can be."""

from __future__ import annotations

from collections.abc import Callable

from datajoint.algebra.expr.expressions import Call, Case, Cast, Expression, Literal, Name, Operator
from datajoint.heading.types import AttributeType

__all__ = ["SMALL", "bits"]

SMALL = 32
"""Bits of numbers whose sums a 64-bit integer and a float64 hold for any table."""

_BITS = {"bool": 1, "int8": 7, "uint8": 8, "int16": 15, "uint16": 16, "int32": 31, "uint32": 32, "year": 12}
_SMALL = {
    "year", "month", "day", "quarter", "hour", "minute", "second", "dayofweek", "weekday", "dayofyear",
    "sign", "char_length", "instr", "datediff", "count",
}  # fmt: skip
_CHOOSING = {"greatest", "least", "coalesce", "nullif"}
_MOST = 63


def bits(node: Expression, type_of: Callable[[str], AttributeType]) -> int:
    """Return the number of bits that the values of an expression of whole numbers take at most.

    Parameters
    ----------
    node
        The expression.
    type_of
        Returns the type of an attribute.

    Examples
    --------
    >>> from datajoint.algebra.expr.types import INT64
    >>> from datajoint.heading.types import parse_type
    >>> node = Operator("+", (Name("a"), Literal(3, INT64)), INT64)
    >>> bits(node, lambda name: parse_type("int8"))
    8
    """
    match node:
        case Name(name):
            return _BITS.get(type_of(name).kind, _MOST)
        case Literal(value):
            return int(value).bit_length() if isinstance(value, int) else 1
        case Cast(argument):
            return bits(argument, type_of) if node.dtype.kind == "int64" else _MOST
        case Operator("+" | "-" | "*" as op, (a, b)):
            one, other = bits(a, type_of), bits(b, type_of)
            return one + other if op == "*" else max(one, other) + 1
        case Operator("%", (a, b)):
            return min(bits(a, type_of), bits(b, type_of))
        case Operator() if node.dtype.kind == "bool":
            return 1
        case Case(branches, otherwise):
            values = [value for _, value in branches] + ([] if otherwise is None else [otherwise])
            return max(bits(value, type_of) for value in values)
        case Call(function, args):
            if function in _CHOOSING:
                return max(bits(arg, type_of) for arg in args)
            return SMALL if function in _SMALL else _MOST
        case _:
            return _MOST
