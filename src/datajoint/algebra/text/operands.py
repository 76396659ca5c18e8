"""Typing of expressions: operands are brought to fitting types, literals are read as the type they meet."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint import logging
from datajoint._value import Value, replace
from datajoint.algebra.expr.expressions import (
    Case,
    Cast,
    Expression,
    Interval,
    JsonPath,
    Literal,
    Operator,
    Param,
)
from datajoint.algebra.expr.types import (
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    NULL,
    NUMERIC,
    TEXT,
    arithmetic,
    common,
    datetime_type,
    decimal_type,
    exact,
    family,
)
from datajoint.algebra.text.literals import Misfit, closed, own_type, read, widest
from datajoint.algebra.text.tokens import Token, syntax_error
from datajoint.errors import DataJointError
from datajoint.heading.types import AttributeType

__all__ = ["Lifted", "Operand", "Typing"]

_OWN_LITERALS = NUMERIC | {"text"}
_DAY_UNITS = ("day", "week", "month", "quarter", "year")


class Operand(Value):
    """An expression under construction.

    Attributes
    ----------
    start
        Where it begins in the text.
    token, negative
        Of a bare literal: the place of its token, and whether a minus stands before it.
    loose
        Whether it is a JSON path without a type, which takes the type that it meets.
    label
        What it is called in messages.
    """

    expression: Expression
    dtype: AttributeType
    start: int
    nullable: bool = True
    aggregate: bool = False
    token: int = -1
    negative: bool = False
    loose: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.label or "the expression"


class Lifted(Value):
    """How a literal becomes the value of a parameter.

    A `pattern` must be checked: it is ``regexp``, or the escape character of LIKE.
    """

    token: int
    negative: bool
    dtype: AttributeType
    pattern: str = ""


class Typing:
    """Makes typed nodes of operands; `lift` turns literals that are compared into parameters."""

    def __init__(self, text: str, tokens: list[Token], lift: bool) -> None:
        self.text = text
        self.tokens = tokens
        self.lift = lift
        self.lifted: list[Lifted] = []
        self.values: list[object] = []
        self.misfits = False

    def fail(self, start: int, problem: str, hint: str | None = None) -> DataJointError:
        """Return the error for a place of the text."""
        return syntax_error(self.text, start, problem, hint)

    # ------------------------------------------------------------------------------------------- literals

    def literal(self, token: int) -> Operand:
        """Return the operand of a literal token by itself."""
        kind, text, start = self.tokens[token]
        dtype = BYTES if kind == "hex" else own_type(kind, text)
        value = self._read_fully(token, False, dtype, None)
        label = text if kind == "number" else repr(text)
        return Operand(Literal(value, dtype), dtype, start, nullable=False, token=token, label=label)

    def constant(self, value: object, dtype: AttributeType, start: int) -> Operand:
        """Return the operand of a value that no single token shows."""
        return Operand(Literal(value, dtype), dtype, start, nullable=value is None)

    def _read_fully(self, token: int, negative: bool, dtype: AttributeType, other: Operand | None) -> object:
        try:
            return self._read(token, negative, dtype, other)
        except Misfit:
            raise self.fail(
                self.tokens[token].start, "the number has more digits than any database holds"
            ) from None

    def _read(self, token: int, negative: bool, dtype: AttributeType, other: Operand | None) -> object:
        kind, text, start = self.tokens[token]
        try:
            return read(kind, text, negative, dtype)
        except ValueError as error:
            shown = ("-" * negative) + (text if kind == "number" else repr(text))
            against = (
                f" cannot be compared with {other.name}" if other else f" is no value of type `{dtype.text}`"
            )
            hint = None
            if other and family(dtype) == "json":
                hint = "Compare a value inside it: `attribute.path.to.value = 1`."
            raise self.fail(start, f"{shown}{against}: {error}", hint) from None

    def read_as(self, operand: Operand, dtype: AttributeType, other: Operand | None = None) -> Operand:
        """Read a bare literal again as `dtype`, or as the widest type when it does not fit."""
        try:
            value = self._read(operand.token, operand.negative, dtype, other)
        except Misfit:
            self.misfits = True
            kind, text, _ = self.tokens[operand.token]
            dtype = widest(kind, text, dtype)
            value = self._read_fully(operand.token, operand.negative, dtype, other)
        return replace(operand, expression=Literal(value, dtype), dtype=dtype)

    def parameter(self, operand: Operand, pattern: str = "") -> Operand:
        """Turn a bare literal into a parameter, where these are wanted."""
        if not self.lift or operand.token < 0 or not isinstance(operand.expression, Literal):
            return operand
        self.lifted.append(Lifted(operand.token, operand.negative, operand.dtype, pattern))
        self.values.append(operand.expression.value)
        return replace(operand, expression=Param(len(self.lifted) - 1, operand.dtype))

    # ---------------------------------------------------------------------------------------- conversions

    def cast(self, operand: Operand, dtype: AttributeType) -> Operand:
        """Convert, unless it is of that type already; literals are read again."""
        if operand.dtype == dtype:
            return operand
        if operand.loose:
            return self.tighten(operand, dtype)
        expression = operand.expression
        if isinstance(expression, Literal) and expression.value is None:
            return replace(operand, expression=Literal(None, dtype), dtype=dtype)
        if operand.token >= 0 and not isinstance(expression, Param):
            return self.read_as(operand, dtype)
        return replace(operand, expression=Cast(expression, dtype), dtype=dtype, token=-1)

    def tighten(self, operand: Operand, dtype: AttributeType) -> Operand:
        """Give an untyped JSON path the type it is used as."""
        path = operand.expression
        if not operand.loose or not isinstance(path, JsonPath):
            return operand
        kind = family(dtype)
        inner = FLOAT64 if kind in ("int", "decimal", "float") else dtype if kind == "bool" else TEXT
        tight = replace(operand, expression=replace(path, dtype=inner), dtype=inner, loose=False)
        return (
            tight if kind in ("int", "decimal", "float", "bool", "text", "null") else self.cast(tight, dtype)
        )

    def number(self, operand: Operand, who: str) -> Operand:
        """Take an operand as a number."""
        operand = self.tighten(operand, FLOAT64)
        kind = family(operand.dtype)
        if kind == "bool":
            return self.cast(operand, INT64) if operand.token < 0 else self.constant(
                int(bool(getattr(operand.expression, "value", 0))), INT64, operand.start)  # fmt: skip
        if kind == "text" and operand.token >= 0:
            token = self.tokens[operand.token]
            return self.cast(
                operand, own_type("number", token.value) if token.value.strip().isdigit() else FLOAT64
            )
        if kind == "null":
            return self.cast(operand, FLOAT64)
        if operand.dtype.kind == "uint64":
            return self.cast(operand, exact(operand.dtype))
        if kind not in NUMERIC:
            raise self.fail(
                operand.start,
                f"{who} takes numbers, and {operand.name} is {operand.dtype.text}",
                "Convert it: cast(x as decimal(10,2)), cast(x as double)." if kind == "text" else None,
            )
        return operand

    def value(self, operand: Operand) -> Operand:
        """Refuse an interval, which is no value by itself."""
        if operand.dtype.kind == "interval":
            raise self.fail(operand.start, "an interval is no value by itself")
        return operand

    def condition(self, operand: Operand) -> Operand:
        """Take an operand as true or false; numbers are true unless 0."""
        operand = self.tighten(operand, BOOL)
        kind = family(operand.dtype)
        if kind in ("bool", "null"):
            return self.cast(operand, BOOL)
        if operand.token >= 0 and kind in ("int", "decimal", "float"):
            return self.constant(bool(getattr(operand.expression, "value", 0)), BOOL, operand.start)
        if kind in NUMERIC:
            zero = self.constant(0, INT64, operand.start)
            return self.compare("<>", operand, zero)
        raise self.fail(operand.start, f"{operand.name} is {operand.dtype.text}, neither true nor false",
                        "Compare it with something." if operand.token < 0 else None)  # fmt: skip

    def text_of(self, operand: Operand, who: str) -> Operand:
        """Take an operand as text."""
        operand = self.tighten(operand, TEXT)
        kind = family(operand.dtype)
        if kind in ("json", "opaque", "bytes"):
            raise self.fail(operand.start, f"{who} takes text, and {operand.name} is {operand.dtype.text}")
        if operand.dtype.kind == "enum":
            return self.cast(operand, TEXT)
        if kind == "text":
            return operand
        return replace(operand, expression=Cast(operand.expression, TEXT), dtype=TEXT, token=-1)

    # ------------------------------------------------------------------------------------------ operators

    def node(
        self, op: str, operands: Sequence[Operand], dtype: AttributeType, nullable: bool | None = None
    ) -> Operand:
        """Combine operands."""
        return Operand(
            Operator(op, tuple(o.expression for o in operands), dtype),
            dtype,
            operands[0].start,
            any(o.nullable for o in operands) if nullable is None else nullable,
            any(o.aggregate for o in operands),
        )

    def unify(self, operands: Sequence[Operand], who: str) -> list[Operand]:
        """Bring operands to their common type; literals among them are read as the type of the others."""
        firm = [o for o in operands if o.token < 0 and not o.loose]
        ranked = (
            operands
            if firm
            else sorted(operands, key=lambda o: {"decimal": 0, "text": 2}.get(o.dtype.kind, 1))
        )
        target = self._common(firm, who) if firm else NULL
        for operand in operands:
            if operand.loose and target is NULL:
                target = self._met_by_path(operands)
        anchor = next((o for o in firm if o.dtype.kind != "null"), None)
        for operand in ranked:
            if operand.token >= 0:
                target = self._widen(target, operand, anchor, who)
        target = TEXT if target.kind == "null" else target
        path = next((o for o in operands if o.loose), None)
        if path is not None and family(target) in ("json", "opaque"):
            raise self.fail(path.start, f"a value inside json and {target.text} are of different kinds")
        return [self._fit(o, target, anchor) for o in operands]

    def _met_by_path(self, operands: Sequence[Operand]) -> AttributeType:
        literal = next((o for o in operands if o.token >= 0), None)
        return (
            FLOAT64 if literal is not None and family(literal.dtype) in ("int", "decimal", "float") else TEXT
        )

    def _common(self, operands: Sequence[Operand], who: str) -> AttributeType:
        target = operands[0].dtype
        for operand in operands[1:]:
            found = common(target, operand.dtype)
            if found is None:
                raise self.fail(
                    operand.start,
                    f"{operands[0].name} ({target.text}) and {operand.name} "
                    f"({operand.dtype.text}) cannot be compared: {who} needs values of one kind",
                    "Convert one of them by cast(x as …).",
                )
            target = found
        return target

    def _widen(
        self, target: AttributeType, operand: Operand, anchor: Operand | None, who: str
    ) -> AttributeType:
        if target.kind == "null":
            return operand.dtype
        if anchor is None and not (family(operand.dtype) == "text" and family(target) not in _OWN_LITERALS):
            one, other = replace(operand, dtype=target), replace(operand, dtype=self._narrow(operand, target))
            return self._common([one, other], who)
        read_ = self.read_as(operand, target, anchor)
        if read_.dtype == target:
            return target
        both_int = family(read_.dtype) == family(target) == "int"
        dtype = exact(read_.dtype) if family(read_.dtype) == "int" and not both_int else read_.dtype
        return common(target, dtype) or target

    def _fit(self, operand: Operand, target: AttributeType, anchor: Operand | None) -> Operand:
        if operand.token >= 0:
            return operand if operand.dtype == target else self.read_as(operand, target, anchor)
        return self.cast(operand, target)

    def compare(self, op: str, a: Operand, b: Operand) -> Operand:
        """Make ``a op b``."""
        pair = self._comparable([a, b], f"`{op}`", op not in ("=", "<>", "<=>"))
        nullable = False if op == "<=>" else None
        return self.node(op, pair, BOOL, nullable)

    def _comparable(self, operands: list[Operand], who: str, ordered: bool = False) -> list[Operand]:
        for o in operands:
            if family(o.dtype) == "opaque" or (family(o.dtype) == "json" and not o.loose):
                raise self.fail(
                    o.start,
                    f"{o.name} ({o.dtype.text}) cannot be compared: only `is null` applies",
                    "Compare a value inside it: `attribute.path.to.value = 1`."
                    if o.dtype.kind == "json"
                    else None,
                )
        if ordered:  # by their text, not by the place in the declaration
            operands = [self.cast(o, TEXT) if o.dtype.kind == "enum" else o for o in operands]
        elif strange := self._strange_label(operands):
            logging.warn(strange)
            self.misfits = True  # other texts of this shape name values that the attribute has
            operands = [self.cast(o, TEXT) if o.dtype.kind == "enum" else o for o in operands]
        unified = self.unify(operands, who)
        constant = all(o.token >= 0 for o in operands)
        result: list[Operand] = []
        for before, after in zip(operands, unified, strict=True):
            if before.token >= 0:
                result.append(after if constant else self.parameter(after))
            else:
                result.append(
                    before if self._compares(before.dtype, after.dtype) and not before.loose else after
                )
        return result

    def _strange_label(self, operands: Sequence[Operand]) -> str | None:
        """Say that a text is none of the values of the enum that it is compared with: it equals none of them.

        Code keeps naming values that a definition has lost, or never had.
        """
        enum = next((o for o in operands if o.token < 0 and o.dtype.kind == "enum"), None)
        for token in [self.tokens[o.token] for o in operands if o.token >= 0] if enum else ():
            if enum and token.kind in ("string", "quoted") and token.value not in enum.dtype.labels:
                return (
                    f"{token.value!r} is compared with {enum.name}, which never has this value;"
                    f" it has {', '.join(map(repr, enum.dtype.labels))}."
                )
        return None

    @staticmethod
    def _compares(own: AttributeType, target: AttributeType) -> bool:
        """Whether every database compares these two as they are."""
        a, b = family(own), family(target)
        if own.kind == "uint64" or "decimal" in (a, b):
            return own == target
        if a == b == "datetime":
            return (own.length or 0) == (target.length or 0)
        if own.kind == "enum":
            return own == target
        return a == b or (a == "int" and b == "float")

    def contained(self, value: Operand, items: Sequence[Operand]) -> Operand:
        """Make ``value in (items)``."""
        return self.node("in", self._comparable([value, *items], "`in`"), BOOL)

    def matches(self, op: str, value: Operand, pattern: Operand, escape: Operand | None) -> Operand:
        """Make ``value like pattern``."""
        operands = [self.text_of(value, f"`{op}`")]
        if pattern.token >= 0:
            operands.append(self._pattern(op, self.read_as(pattern, TEXT, operands[0]), escape))
        else:
            operands.append(self.text_of(pattern, f"`{op}`"))
        return self.node(op, [*operands, *((escape,) if escape else ())], BOOL)

    def _pattern(self, op: str, pattern: Operand, escape: Operand | None) -> Operand:
        """Turn a literal pattern into a parameter; one that is not written as it is meant stays a literal."""
        given = getattr(pattern.expression, "value", "")
        if op in ("like", "ilike"):
            char = "\\" if escape is None else str(getattr(escape.expression, "value", ""))
            meant = closed(given, char)
            if meant != given:
                self.misfits = True
                return replace(pattern, expression=Literal(meant, TEXT))
            return self.parameter(pattern, char)
        return self.parameter(pattern, op)

    def arithmetic(self, op: str, a: Operand, b: Operand) -> Operand:
        """Make ``a op b`` of numbers, or of a time and an interval."""
        if isinstance(b.expression, Interval) and op in ("+", "-"):
            return self.shift(op, a, b)
        if {family(a.dtype), family(b.dtype)} & {"date", "datetime", "time"}:
            raise self.fail(
                a.start,
                f"`{op}` does not apply to {a.dtype.text} and {b.dtype.text}",
                "Use datediff(a, b), timestampdiff(unit, a, b) or a + interval 1 day.",
            )
        a, b = self.number(a, f"`{op}`"), self.number(b, f"`{op}`")
        dtype = arithmetic(op, self._narrow(a, b.dtype), self._narrow(b, a.dtype))
        if dtype == FLOAT64 or (op == "div" and "float" in (family(a.dtype), family(b.dtype))):
            a, b = self.cast(a, FLOAT64), self.cast(b, FLOAT64)
        elif dtype == INT64 and "decimal" not in (a.dtype.kind, b.dtype.kind):
            a, b = self.cast(a, INT64), self.cast(b, INT64)
        else:
            a, b = self.cast(a, self._narrow(a, b.dtype)), self.cast(b, self._narrow(b, a.dtype))
            a, b = self.cast(a, exact(a.dtype)), self.cast(b, exact(b.dtype))
        divides = op in ("/", "div", "%") and not (b.token >= 0 and getattr(b.expression, "value", 0))
        return self.node(op, (a, b), dtype, True if divides else None)

    def _narrow(self, operand: Operand, other: AttributeType) -> AttributeType:
        """Return the type of a whole literal beside a decimal: as many digits as it has, not all of int64."""
        if operand.token < 0 or operand.dtype != INT64 or other.kind != "decimal":
            return operand.dtype
        return decimal_type(len(self.tokens[operand.token].value.strip().lstrip("+-0")), 0)

    def shift(self, op: str, a: Operand, b: Operand) -> Operand:
        """Make ``time ± interval``."""
        a = self.read_as(a, DATETIME) if a.token >= 0 and family(a.dtype) == "text" else a
        if family(a.dtype) not in ("date", "datetime"):
            raise self.fail(
                a.start, f"an interval is added to a date or datetime, and {a.name} is {a.dtype.text}"
            )
        unit = b.expression.unit if isinstance(b.expression, Interval) else ""
        dtype = a.dtype
        if family(dtype) == "date" and unit not in _DAY_UNITS:
            dtype = DATETIME
        if unit == "microsecond":
            dtype = datetime_type(6)
        if dtype.kind == "timestamp":
            dtype = datetime_type(dtype.length or 0)
        a = self.cast(a, dtype) if family(a.dtype) != family(dtype) or a.dtype.length != dtype.length else a
        return self.node(op, (a, b), DATE if family(dtype) == "date" else dtype)

    def negated(self, operand: Operand) -> Operand:
        """Make ``-operand``; a minus before a number belongs to it."""
        if operand.token >= 0 and not operand.negative and self.tokens[operand.token].kind == "number":
            return self.read_as(replace(operand, negative=True, label="-" + operand.label), operand.dtype)
        operand = self.number(operand, "`-`")
        dtype = INT64 if family(operand.dtype) == "int" else operand.dtype
        if dtype.kind == "float32":
            dtype = FLOAT64
        return self.node("neg", (self.cast(operand, dtype),), dtype)

    def joined(self, op: str, operands: Sequence[Operand]) -> Operand:
        """Make ``and`` or ``or`` of conditions."""
        flat: list[Operand] = []
        for operand in (self.condition(o) for o in operands):
            node = operand.expression
            if isinstance(node, Operator) and node.op == op:
                flat += [replace(operand, expression=arg) for arg in node.args]
            else:
                flat.append(operand)
        return self.node(op, flat, BOOL)

    def case(
        self, branches: Sequence[tuple[Operand, Operand]], otherwise: Operand | None, start: int
    ) -> Operand:
        """Make ``case when … then … else … end``."""
        values = self.unify([value for _, value in branches] + ([otherwise] if otherwise else []), "`case`")
        conditions = [self.condition(condition) for condition, _ in branches]
        dtype = next((v.dtype for v in values if v.dtype.kind != "null"), NULL)
        pairs = tuple((c.expression, v.expression) for c, v in zip(conditions, values, strict=False))
        last = values[-1].expression if otherwise else None
        nullable = otherwise is None or any(v.nullable for v in values)
        aggregate = any(o.aggregate for o in [*conditions, *values])
        return Operand(Case(pairs, last, dtype), dtype, start, nullable, aggregate)
