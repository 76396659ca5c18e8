"""Calls of functions: arguments, types, special forms."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.algebra.expr.expressions import Call, Case, Expression, Literal, Operator
from datajoint.algebra.expr.functions import FUNCTIONS, Function
from datajoint.algebra.expr.magnitude import SMALL, bits
from datajoint.algebra.expr.types import (
    BOOL,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    NULL,
    TEXT,
    datetime_type,
    decimal_type,
    digits,
    exact,
    family,
)
from datajoint.algebra.text.literals import check_pattern
from datajoint.algebra.text.operands import Operand, Typing
from datajoint.algebra.text.tokens import Token
from datajoint.errors import PortabilityError, UnknownAttributeError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import TEXTS, AttributeType

__all__ = ["PLAIN_TYPES", "Calls"]

PLAIN_TYPES = {
    "int64": INT64,
    "float64": FLOAT64,
    "text": TEXT,
    "date": DATE,
    "datetime": DATETIME,
    "bool": BOOL,
}
EXACT_MEAN = decimal_type(38, 18)
"""Type of the mean of 64-bit integers."""

_MOST_ARGUMENTS = 100
_LISTED = ("text", "int", "decimal", "date", "uuid")
"""Families whose distinct values are listed in an order of their own on every database."""

_WHEN = {"when": ("date", "datetime", "time"), "day": ("date", "datetime")}


class Calls(Typing):
    """State of one parse and the typing of calls; special forms are in `Forms`, the grammar in `Parser`."""

    def __init__(
        self, text: str, tokens: list[Token], heading: Heading, backend: str, lift: bool, aggregate: bool
    ) -> None:
        super().__init__(text, tokens, lift)
        self.heading = heading
        self.backend = backend
        self.allow_aggregates = aggregate
        self.place: int = 0
        self.subject: int = 0
        self.names: dict[str, None] = {}

    @property
    def start(self) -> int:
        """Where the next token begins."""
        return self.tokens[self.place].start

    def known(self, name: str) -> bool:
        """Whether a word is an attribute, in any letter case."""
        lower = name.lower()
        heading = self.heading
        return name in heading or lower in heading or name in heading.hidden or lower in heading.hidden

    def find(self, name: str) -> Attribute:
        """Return an attribute, hidden ones too; in its own letter case or in lower case."""
        heading = self.heading
        for spelling in (name, name.lower()):
            if spelling in heading:
                return heading[spelling]
            if spelling in heading.hidden:
                return heading.hidden[spelling]
        raise self.unquoted(name)

    def unquoted(self, name: str) -> UnknownAttributeError:
        """Return the error for a word that is no attribute: a text without quotes, where it is compared."""
        error = self.heading.unknown(name)
        for left, operator, right in zip(self.tokens, self.tokens[1:], self.tokens[2:], strict=False):
            is_it = right.kind == "word" and right.value == name and operator.kind == "op"
            if is_it and left.value in self.heading and self.heading[left.value].dtype.kind in TEXTS:
                error.suggest(
                    f"Text is quoted: {left.value} {operator.value} '{name}', or as a dict "
                    f"{{'{left.value}': '{name}'}}."
                )
        return error

    # ------------------------------------------------------------------------------------------- by grammar

    def parse_or(self) -> Operand:
        """Read an expression (the grammar provides it)."""
        raise NotImplementedError

    def attribute(self, name: str, start: int) -> Operand:
        """Return the operand of an attribute (the grammar provides it)."""
        raise NotImplementedError

    def parse_list(self, what: str) -> list[Operand]:
        """Read expressions up to a parenthesis (the grammar provides it)."""
        raise NotImplementedError

    def parse_type(self) -> AttributeType:
        """Read a type (the grammar provides it)."""
        raise NotImplementedError

    def unit(self, word: str, start: int) -> str:
        """Read a unit of time (the grammar provides it)."""
        raise NotImplementedError

    def parse_level(self, level: int) -> Operand:
        """Read operators (the grammar provides it)."""
        raise NotImplementedError

    def take(self, *ops: str) -> bool:
        """Consume a sign (the grammar provides it)."""
        raise NotImplementedError

    def take_word(self, *words: str) -> bool:
        """Consume a word (the grammar provides it)."""
        raise NotImplementedError

    def need(self, op: str, after: str) -> None:
        """Consume a sign or fail (the grammar provides it)."""
        raise NotImplementedError

    def need_word(self, word: str, after: str) -> None:
        """Consume a word or fail (the grammar provides it)."""
        raise NotImplementedError

    def at_path(self, operand: Operand, steps: list[str | int], dtype: AttributeType | None) -> Operand:
        """Go into JSON (the grammar provides it)."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------ calls

    def call(self, name: str, arguments: Sequence[Operand], start: int) -> Operand:
        """Make the call of a portable function."""
        function = FUNCTIONS[name]
        fitted = self._arguments(function, list(arguments), start)
        if function.gives == "whole" and family(fitted[0].dtype) == "int":
            return self.cast(fitted[0], INT64)
        return self._made(function, fitted, start)

    def _made(self, function: Function, fitted: list[Operand], start: int) -> Operand:
        dtype = _result(function, [o.dtype for o in fitted])
        nullable = {
            "any": any(o.nullable for o in fitted), "all": all(o.nullable for o in fitted), "always": True,
        }[function.nulls]  # fmt: skip
        args = tuple(o.expression for o in fitted)
        return Operand(
            Call(function.name, args, dtype),
            dtype,
            start,
            nullable,
            any(o.aggregate for o in fitted),
            label=f"{function.name}(…)",
        )

    def _arguments(self, function: Function, arguments: list[Operand], start: int) -> list[Operand]:
        if len(arguments) > _MOST_ARGUMENTS:
            raise self.fail(start, f"`{function.name}` takes at most {_MOST_ARGUMENTS} arguments")
        kinds = [kind.rstrip("?*") for kind in function.takes]
        least = sum(not kind.endswith(("?", "*")) for kind in function.takes)
        open_ended = bool(function.takes) and function.takes[-1].endswith("*")
        if open_ended:
            kinds += [kinds[-1]] * (len(arguments) - len(kinds))
        if not least <= len(arguments) <= len(kinds):
            most = "or more" if open_ended else f"to {len(kinds)}" if least < len(kinds) else ""
            expected = f"{least} {most}".strip() + " argument" + "s" * (least != 1 or bool(most))
            raise self.fail(start, f"`{function.name}` takes {expected}, not {len(arguments)}")
        if kinds and kinds[0] == "=":
            return self.unify(arguments, f"`{function.name}`")
        return [self.fit(kind, o, function.name) for kind, o in zip(kinds, arguments, strict=False)]

    def fit(self, kind: str, operand: Operand, name: str) -> Operand:
        """Bring an argument to the kind that a function takes."""
        who = f"`{name}`"
        if kind == "text":
            return self.text_of(operand, who)
        if kind == "num":
            number = self.number(operand, who)
            return self.cast(number, FLOAT64) if number.dtype.kind == "float32" else number
        if kind == "float":
            return self.cast(self.number(operand, who), FLOAT64)
        if kind == "int":
            whole = self.cast(self.number(operand, who), INT64)
            if whole.dtype != INT64:
                raise self.fail(operand.start, f"{who} needs a whole number here")
            return whole
        if kind == "bool":
            return self.condition(operand)
        if kind == "word":
            if operand.token < 0 or family(operand.dtype) != "text":
                raise self.fail(operand.start, f"{who} needs a text in quotes here")
            return operand
        return self._moment(operand, kind, who) if kind in _WHEN else self.tighten(operand, TEXT)

    def _moment(self, operand: Operand, kind: str, who: str) -> Operand:
        if (
            operand.loose
            or (operand.token >= 0 and family(operand.dtype) == "text")
            or family(operand.dtype) == "null"
        ):
            operand = self.cast(operand, datetime_type(6) if operand.loose else DATETIME)
        if family(operand.dtype) == "text":
            operand = self.cast(operand, datetime_type(6))
        if family(operand.dtype) not in _WHEN[kind]:
            raise self.fail(
                operand.start, f"{who} takes a date or datetime, and {operand.name} is {operand.dtype.text}"
            )
        return self.cast(operand, DATETIME) if kind == "when" and operand.dtype == DATE else operand

    def only_on(self, backend: str, what: str, start: int) -> None:
        """Refuse what exists on one database only, on the others."""
        if self.backend != backend:
            raise PortabilityError(
                f"`{what}` exists on {backend} only, not on {self.backend or 'every backend'}.",
                hint="Use like, ilike or regexp.",
            )

    def check_regexp(self, pattern: str, start: int) -> None:
        """Refuse what regular expressions of the databases do not have in common (QRY-66)."""
        try:
            check_pattern(pattern)
        except ValueError as error:
            hint = r"Portable: . [] [^] ^ $ | () (?:) * + ? {m,n} \d \w \s \D \W \S, and \ before a sign."
            raise self.fail(start, str(error), hint) from None

    # ------------------------------------------------------------------------------------------- aggregates

    def _enter(self, name: str, start: int) -> None:
        if not self.allow_aggregates:
            raise self.fail(
                start,
                f"the aggregate function `{name}` cannot stand here",
                "Compute it by aggr, then restrict the result.",
            )

    def take_modifier(self, word: str) -> bool:
        """Consume a word before the argument of an aggregate; followed by nothing it is an attribute."""
        following = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        return not (following.kind == "op" and following.value == ")") and self.take_word(word)

    def _close(self, name: str, operands: Sequence[Operand]) -> None:
        self.need(")", f"at the end of `{name}`")
        if any(o.aggregate for o in operands):
            raise self.fail(operands[0].start, f"`{name}` of an aggregate is refused", "Use aggr twice.")

    def _aggregate(self, function: Function, start: int) -> Operand:
        self._enter(function.name, start)
        distinct = self.take_modifier("distinct")
        self.take_modifier("all")
        operand = self.parse_or()
        fitted = (
            self._summand(operand)
            if function.name in ("sum", "avg")
            else self.fit(function.takes[0], operand, function.name)
        )
        if function.name == "group_concat":
            return self._concatenation(fitted, operand, distinct, start)
        self._close(function.name, [operand])
        if function.name in ("min", "max") and family(fitted.dtype) in ("json", "opaque"):
            raise self.fail(start, f"`{function.name}` does not apply to {fitted.dtype.text}")
        if family(fitted.dtype) == "float":
            fitted = self.cast(fitted, FLOAT64) if function.name not in ("min", "max") else fitted
        dtype = _result(function, [fitted.dtype])
        if function.name == "avg" and dtype == FLOAT64 and self._large(fitted):
            dtype = EXACT_MEAN
        return Operand(
            Call(function.name, (fitted.expression,), dtype, distinct),
            dtype,
            start,
            aggregate=True,
            label=f"{function.name}(…)",
        )

    def _large(self, operand: Operand) -> bool:
        """Whether an operand holds whole numbers whose sum a float64 might not hold exactly."""
        small = bits(operand.expression, lambda name: self.find(name).dtype) <= SMALL
        return family(operand.dtype) == "int" and not small

    def _summand(self, operand: Operand) -> Operand:
        if operand.dtype.kind == "uint64":  # sums as an integer, not by way of a decimal
            return operand
        return self.fit("num", operand, "sum")

    def _concatenation(self, operand: Operand, given: Operand, distinct: bool, start: int) -> Operand:
        separator = ","
        if self.take(","):
            separator = self._separator()
        order: list[tuple[Operand, bool]] = []
        if self.take_word("order"):
            self.need_word("by", "after `order`")
            order = self._order()
        if self.take_word("separator"):
            separator = self._separator()
        self._close("group_concat", [operand])
        if distinct:
            order = self._distinct_order(operand, given, order, start)
        if not order:
            order = [(self.attribute(name, start), False) for name in self.heading.key]
        keys = tuple((key.expression if distinct else self.sorted_by(key), down) for key, down in order)
        call = Call("group_concat", (operand.expression,), TEXT, distinct, keys, separator)
        return Operand(call, TEXT, start, aggregate=True, label="group_concat(…)")

    @staticmethod
    def sorted_by(key: Operand) -> Expression:
        """Return what sorts as an operand does: an enum by the place of its value in the list."""
        if key.dtype.kind != "enum":
            return key.expression
        places = tuple(
            (Operator("=", (key.expression, Literal(label, key.dtype)), BOOL), Literal(n, INT64))
            for n, label in enumerate(key.dtype.labels)
        )
        return Case(places, None, INT64)

    def _distinct_order(
        self, text: Operand, given: Operand, order: list[tuple[Operand, bool]], start: int
    ) -> list[tuple[Operand, bool]]:
        """Return the order of the distinct texts of `given`: by it, or by its text, which is the default."""
        if len(order) > 1 or any(
            key.expression not in (given.expression, text.expression) for key, _ in order
        ):
            raise self.fail(start, "`group_concat(distinct x)` can be ordered by x only")
        if order and (family(given.dtype) not in _LISTED or given.dtype.kind == "enum"):
            what = f"`group_concat(distinct x)` cannot be ordered by {given.dtype.text}"
            raise self.fail(start, what, "Leave the order out: the texts are ordered as texts.")
        return order or [(text, False)]

    def _separator(self) -> str:
        token = self.tokens[self.place]
        if token.kind not in ("string", "quoted"):
            raise self.fail(token.start, "a separator in quotes is missing")
        self.place += 1
        return token.value

    def _order(self) -> list[tuple[Operand, bool]]:
        keys: list[tuple[Operand, bool]] = []
        while True:
            key = self.tighten(self.parse_or(), TEXT)
            down = self.take_word("desc")
            if not down:
                self.take_word("asc")
            keys.append((key, down))
            if not self.take(","):
                return keys

    def parse_count(self, start: int) -> Operand:
        """Read ``count(*)``, ``count(x)``, ``count(distinct x)``."""
        self._enter("count", start)
        if self.take("*"):
            self.need(")", "after `count(*`")
            return Operand(Call("count", (), INT64), INT64, start, False, True, label="count(*)")
        distinct = self.take_modifier("distinct")
        operand = self.value(self.tighten(self.parse_or(), TEXT))
        if distinct and self.take(","):
            raise self.fail(
                self.start,
                "`count(distinct …)` takes one expression",
                "Count the rows of dj.U('a', 'b') & table instead.",
            )
        self._close("count", [operand])
        if operand.token >= 0 and not distinct:
            return Operand(Call("count", (), INT64), INT64, start, False, True, label="count(*)")
        return Operand(
            Call("count", (operand.expression,), INT64, distinct), INT64, start, False, True, label="count(…)"
        )


def _result(function: Function, types: list[AttributeType]) -> AttributeType:
    """Return the type of the result (QRY-63)."""
    plain = PLAIN_TYPES.get(function.gives)
    if plain is not None:
        return plain
    first = next((dtype for dtype in types if dtype.kind != "null"), NULL)
    if function.gives == "same":
        return first
    kind = family(first)
    if kind == "float":
        return FLOAT64
    if function.gives == "avg":
        return _wide(first, 6) if kind == "decimal" else FLOAT64
    if kind == "int":
        return INT64
    if function.gives == "sum":
        return _wide(first, 0)
    precision, scale = digits(exact(first))
    return decimal_type(precision - scale + 1, 0) if function.gives == "whole" else first


def _wide(dtype: AttributeType, more: int) -> AttributeType:
    precision, scale = digits(dtype)
    return decimal_type(38 if precision + more <= 32 else 65, scale + more)
