"""Evaluates expressions over rows of Python values: the meaning that every database must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from datajoint._value import Value
from datajoint.algebra.expr.expressions import (
    Call,
    Case,
    Cast,
    Expression,
    Interval,
    JsonPath,
    Literal,
    Name,
    Operator,
    Param,
)
from datajoint.algebra.expr.functions import FUNCTIONS
from datajoint.algebra.expr.meaning import MEANINGS, SPREADS, TAKES_NULL, convert, divide, json_scalar
from datajoint.algebra.expr.types import (
    BOOL,
    DATE,
    FLOAT64,
    INT64,
    NULL,
    TEXT,
    UUID,
    datetime_type,
    decimal_type,
    family,
)
from datajoint.algebra.ranges import as_integer, finite
from datajoint.errors import PortabilityError
from datajoint.heading import float32
from datajoint.heading.types import AttributeType

__all__ = ["aggregate", "evaluate"]

Row = Mapping[str, Any]
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_BITS: dict[str, Callable[[int, int], int]] = {
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
}


def evaluate(
    expression: Expression,
    row: Row,
    params: Sequence[Any] = (),
    types: Mapping[str, AttributeType] | None = None,
) -> Any:
    """Return the value of an expression for one row of canonical values.

    Parameters
    ----------
    expression
        Of a fragment, without aggregates.
    row
        Values by attribute; None is NULL.
    params
        Values of the parameters.
    types
        Types of the attributes, where their values do not show them (digits of a datetime as text).

    Examples
    --------
    >>> evaluate(Operator("/", (Name("a"), Literal(2.0, FLOAT64)), FLOAT64), {"a": 3.0})
    1.5
    """
    return _Evaluator([row], params, types or {}).value(expression, row)


def aggregate(
    expression: Expression,
    rows: Sequence[Row],
    params: Sequence[Any] = (),
    types: Mapping[str, AttributeType] | None = None,
) -> Any:
    """Return the value of an expression with aggregates for the rows of one group.

    Examples
    --------
    >>> aggregate(Call("count", (), INT64), [{"a": 1}, {"a": None}])
    2
    """
    return _Evaluator(rows, params, types or {}).value(expression, rows[0] if rows else {})


class _Evaluator(Value):
    rows: Sequence[Row]
    params: Sequence[Any]
    types: Mapping[str, AttributeType]

    def value(self, node: Expression, row: Row) -> Any:
        """Evaluate any node."""
        match node:
            case Name(name):
                return self.attribute(name, row)
            case Literal(value):
                return value
            case Param(index):
                return self.params[index]
            case Cast(argument, dtype):
                value = self.value(argument, row)
                return None if value is None else convert(value, self.type_of(argument, value), dtype)
            case Case():
                return self.case(node, row)
            case JsonPath():
                return json_scalar(self.value(node.argument, row), node.path, family(node.dtype))
            case Operator():
                return self.operator(node, row)
            case Call():
                return self.call(node, row)
            case Interval():
                raise PortabilityError("An interval can only be added to a date or datetime.")

    def attribute(self, name: str, row: Row) -> Any:
        """Return the value that a database computes with: the float32 that a short number means."""
        value, dtype = row.get(name), self.types.get(name)
        return float32.rounded(value) if dtype and dtype.kind == "float32" and value is not None else value

    def type_of(self, node: Expression, value: Any) -> AttributeType:
        """Return the type of a node, of an attribute if need be from its value."""
        if isinstance(node, Name):
            return self.types.get(node.name) or _shown(value)
        return NULL if isinstance(node, Interval) else node.dtype

    def case(self, node: Case, row: Row) -> Any:
        """Evaluate CASE."""
        for condition, value in node.branches:
            if self.value(condition, row):
                return self.value(value, row)
        return None if node.otherwise is None else self.value(node.otherwise, row)

    def operator(self, node: Operator, row: Row) -> Any:
        """Evaluate an operator, with unknown as None."""
        op = node.op
        if op in ("+", "-") and isinstance(node.args[1], Interval):
            return self.shift(node, node.args[1], row)
        args = [self.value(arg, row) for arg in node.args]
        match op:
            case "and":
                return False if False in args else None if None in args else True
            case "or":
                return True if True in args else None if None in args else False
            case "is_null":
                return args[0] is None
            case "<=>":
                return args[0] == args[1] if None not in args else args[0] is args[1]
            case "in":
                return _contained(args[0], args[1:])
            case _:
                return None if None in args else _apply(op, args, node)

    def shift(self, node: Operator, interval: Interval, row: Row) -> Any:
        """Evaluate ``time ± interval``."""
        moment, amount = self.value(node.args[0], row), self.value(interval.amount, row)
        if moment is None or amount is None:
            return None
        return MEANINGS["shift"](moment, -amount if node.op == "-" else amount, interval.unit)

    def call(self, node: Call, row: Row) -> Any:
        """Evaluate a function."""
        name = node.function
        if name in ("count", "group_concat") or (name in FUNCTIONS and FUNCTIONS[name].aggregate):
            return self.aggregated(node)
        if name not in MEANINGS:
            raise PortabilityError(f"Function `{name}` has no meaning outside its database.")
        if name == "coalesce":
            values = (self.value(arg, row) for arg in node.args)
            return next((value for value in values if value is not None), None)
        args = [self.value(arg, row) for arg in node.args]
        if None in args and name not in TAKES_NULL:
            return None
        result = finite(MEANINGS[name](*args), args)
        return as_integer(result) if node.dtype == INT64 and isinstance(result, int) else result

    def aggregated(self, node: Call) -> Any:
        """Evaluate an aggregate over the rows of the group."""
        name = node.function
        if name == "count" and not node.args:
            return len(self.rows)
        rows = self.ordered(node) if name == "group_concat" else self.rows
        values = [value for value in (self.value(node.args[0], row) for row in rows) if value is not None]
        if node.distinct:
            values = list(dict.fromkeys(values))
        if name == "count":
            return len(values)
        if not values:
            return None
        if name == "group_concat":
            return node.separator.join(values)
        if name in SPREADS:
            return SPREADS[name](values)
        return _summary(name, values, node.dtype)

    def ordered(self, node: Call) -> list[Row]:
        """Return the rows as `group_concat` takes them."""
        rows = list(self.rows)
        for key, down in reversed(node.order):
            keyed = [(self.value(key, row), row) for row in rows]
            keyed.sort(key=lambda pair: (pair[0] is not None, pair[0]), reverse=down)
            rows = [row for _, row in keyed]
        return rows


def _apply(op: str, args: list[Any], node: Operator) -> Any:
    if op == "not":
        return not args[0]
    if op in _COMPARE:
        return _COMPARE[op](*args)
    if op in _BITS:
        return _BITS[op](*args)
    if op == "/":
        return finite(divide(args[0], args[1], node.dtype.scale or 0), args)
    result = finite(MEANINGS[op](*args), args)
    return as_integer(result) if node.dtype == INT64 and isinstance(result, int) else result


def _contained(value: Any, items: list[Any]) -> bool | None:
    if value is None:
        return None
    if any(item == value for item in items if item is not None):
        return True
    return None if None in items else False


def _summary(name: str, values: list[Any], dtype: AttributeType) -> Any:
    if name in ("min", "max"):
        return min(values) if name == "min" else max(values)
    total = values[0]
    for value in values[1:]:
        total = MEANINGS["+"](total, value)
    finite(total, values)
    if name == "sum":
        return as_integer(int(total)) if dtype == INT64 else total
    if dtype == FLOAT64:
        return float(total) / len(values)
    return divide(total, Decimal(len(values)), dtype.scale or 0)


def _shown(value: Any) -> AttributeType:
    """Return the type that a value shows by itself."""
    match value:
        case bool():
            return BOOL
        case int():
            return INT64
        case float():
            return FLOAT64
        case Decimal():
            return decimal_type(38, max(0, -int(value.as_tuple().exponent)))
        case datetime():
            return datetime_type(6 if value.microsecond else 0)
        case date():
            return DATE
        case str():
            return TEXT
        case _:
            return UUID
