"""Forms of calls with a syntax or typing of their own: cast, extract, trim, round, timestampdiff and more."""

from __future__ import annotations

import re
from collections.abc import Callable

from datajoint._value import replace
from datajoint.algebra.expr.expressions import Call, Interval, Literal
from datajoint.algebra.expr.functions import ALIASES, FUNCTIONS, NATIVE
from datajoint.algebra.expr.meaning import convert
from datajoint.algebra.expr.types import (
    BOOL,
    INT64,
    INTERVAL,
    TEXT,
    datetime_type,
    decimal_type,
    digits,
    family,
)
from datajoint.algebra.text.calls import PLAIN_TYPES, Calls
from datajoint.algebra.text.operands import Operand
from datajoint.errors import PortabilityError, nearest
from datajoint.heading.types import AttributeType

__all__ = ["Forms"]

_PATH = re.compile(r"\.(?:(\w+)|\"((?:[^\"\\]|\\.)*)\")|\[(\d+)\]")
_NUMBERS = ("bool", "int", "decimal", "float")
_CONVERSIONS = {
    "text": ("int", "decimal", "float", "date", "datetime", "uuid"),
    "date": ("date", "datetime"),
    "datetime": ("date", "datetime"),
    **{kind: (kind,) for kind in ("time", "uuid")},
    **dict.fromkeys(_NUMBERS, _NUMBERS),
}
"""What can be converted to what, beside text."""
_FOLDED = ("int", "decimal", "float", "text", "date", "datetime", "uuid")


class Forms(Calls):
    """Reads what follows the name and the parenthesis of a call."""

    def parse_call(self, word: str, value: str, start: int) -> Operand:
        """Read a call, its opening parenthesis being consumed."""
        special = _SPECIAL.get(word)
        if special is not None:
            return replace(special(self, start), start=start)
        name = ALIASES.get(word, word)
        function = FUNCTIONS.get(name)
        if function is not None and function.aggregate:
            return self._aggregate(function, start)
        arguments = [] if self.take(")") else self.parse_list(f"the arguments of `{value}`")
        if self.tokens[self.place].kind == "word" and self.tokens[self.place].value.lower() == "over":
            raise self.fail(self.start, "window functions are not read", "Use aggr, or dj.Top.")
        if function is not None:
            return self.call(name, arguments, start)
        return self._native(word, value, arguments, start)

    def _native(self, word: str, value: str, arguments: list[Operand], start: int) -> Operand:
        homes = [backend for backend, functions in NATIVE.items() if word in functions]
        if self.backend in homes:
            dtype = PLAIN_TYPES[NATIVE[self.backend][word]]
            args = tuple(self.tighten(o, TEXT).expression for o in arguments)
            return Operand(Call(word, args, dtype), dtype, start, True, any(o.aggregate for o in arguments),
                           label=f"{word}(…)")  # fmt: skip
        if homes:
            raise PortabilityError(
                f"Function `{value}` exists on {' and '.join(homes)} only, "
                f"not on {self.backend or 'every backend'}.",
                hint=nearest(word, FUNCTIONS)
                or "Use one of the portable functions, or compute it in Python.",
            )
        names = [*FUNCTIONS, *ALIASES, *_SPECIAL, *NATIVE.get(self.backend, ())]
        raise self.fail(start, f"the function `{value}` is not known", nearest(word, names))

    # ---------------------------------------------------------------------------------------- special forms

    def parse_if(self, start: int) -> Operand:
        """Read ``if(condition, a, b)``."""
        arguments = self.parse_list("the arguments of `if`")
        if len(arguments) != 3:
            raise self.fail(start, f"`if` takes 3 arguments, {len(arguments)} are given")
        return self.case([(arguments[0], arguments[1])], arguments[2], start)

    def parse_cast(self, start: int) -> Operand:
        """Read ``cast(x as type)``."""
        operand = self.parse_or()
        self.need_word("as", "after the value of `cast`")
        dtype = self.parse_type()
        self.need(")", "at the end of `cast`")
        return self.convert(operand, dtype)

    def parse_convert(self, start: int) -> Operand:
        """Read ``convert(x, type)``."""
        operand = self.parse_or()
        self.need(",", "after the value of `convert`")
        dtype = self.parse_type()
        self.need(")", "at the end of `convert`")
        return self.convert(operand, dtype)

    def convert(self, operand: Operand, dtype: AttributeType) -> Operand:
        """Convert because the user says so; what cannot be read becomes NULL."""
        kind, target = family(operand.dtype), family(dtype)
        if operand.loose:
            tight = self.tighten(operand, dtype)
            return tight if tight.dtype == dtype else self.convert(tight, dtype)
        if kind == "null":
            return self.cast(operand, dtype)
        if target != "text" and target not in _CONVERSIONS.get(kind, ()):
            what = f"{operand.name} ({operand.dtype.text}) cannot be converted to {dtype.text}"
            raise self.fail(operand.start, what)
        if operand.token >= 0 and isinstance(operand.expression, Literal) and target in _FOLDED:
            return self.constant(
                convert(operand.expression.value, operand.dtype, dtype), dtype, operand.start
            )
        if target == "text":
            return self.text_of(operand, "`cast`")
        if target == "bool":
            return self.condition(operand)
        result = self.cast(self.number(operand, "`cast`") if kind == "int" else operand, dtype)
        return replace(result, nullable=True) if kind == "text" else result

    def parse_extract(self, start: int) -> Operand:
        """Read ``extract(unit from x)``."""
        token = self.tokens[self.place]
        self.place += 1
        unit = self.unit(token.value, token.start)
        self.need_word("from", "after the unit of `extract`")
        operand = self.parse_or()
        self.need(")", "at the end of `extract`")
        if unit not in FUNCTIONS:
            raise self.fail(token.start, f"`extract({unit} …)` is not portable")
        return self.call(unit, [operand], start)

    def parse_substring(self, start: int) -> Operand:
        """Read ``substring(x, a, n)`` and ``substring(x from a for n)``."""
        arguments = [self.parse_or()]
        arguments += [self.parse_or() for word in ("from", "for") if self.take(",") or self.take_word(word)]
        self.need(")", "at the end of `substring`")
        return self.call("substring", arguments, start)

    def parse_trim(self, start: int) -> Operand:
        """Read ``trim(x)``, ``trim(both 'x' from y)``."""
        name = "trim"
        for word, function in (("both", "trim"), ("leading", "ltrim"), ("trailing", "rtrim")):
            if self.take_word(word):
                name = function
        if name != "trim" and self.take_word("from"):
            arguments = [self.parse_or()]
        else:
            arguments = [self.parse_or()]
            if self.take_word("from"):
                arguments = [self.parse_or(), arguments[0]]
            elif self.take(","):
                arguments.append(self.parse_or())
        self.need(")", "at the end of `trim`")
        return self.call(name, arguments, start)

    def parse_position(self, start: int) -> Operand:
        """Read ``position(part in text)``."""
        part = self.parse_level(0)
        self.need_word("in", "in `position`")
        whole = self.parse_level(0)
        self.need(")", "at the end of `position`")
        return self.call("instr", [whole, part], start)

    def parse_locate(self, start: int) -> Operand:
        """Read ``locate(part, text)``."""
        arguments = self.parse_list("the arguments of `locate`")
        return self.call(
            "instr", [arguments[1], arguments[0], *arguments[2:]] if arguments[1:] else arguments, start
        )

    def parse_timestampdiff(self, start: int) -> Operand:
        """Read ``timestampdiff(unit, a, b)``."""
        unit = self._unit_argument()
        a, b = self._two("timestampdiff", start)
        word = self.constant(unit, TEXT, start)
        function = FUNCTIONS["timestampdiff"]
        fitted = [word, self.fit("day", a, "timestampdiff"), self.fit("day", b, "timestampdiff")]
        moments = [self.cast(o, datetime_type(o.dtype.length or 0)) for o in fitted[1:]]
        return self._made(function, [word, *moments], start)

    def parse_timestampadd(self, start: int) -> Operand:
        """Read ``timestampadd(unit, n, x)``."""
        unit = self._unit_argument()
        count, when = self._two("timestampadd", start)
        count = self.fit("int", count, "timestampadd")
        span = Operand(Interval(count.expression, unit), INTERVAL, start, count.nullable, count.aggregate)
        return self.shift("+", when, span)

    def _unit_argument(self) -> str:
        token = self.tokens[self.place]
        self.place += 1
        unit = self.unit(token.value.lower().removeprefix("sql_tsi_"), token.start)
        self.need(",", "after the unit")
        return unit

    def _two(self, name: str, start: int) -> list[Operand]:
        arguments = self.parse_list(f"the arguments of `{name}`")
        if len(arguments) != 2:
            raise self.fail(start, f"`{name}` takes a unit and 2 values")
        return arguments

    def _parse_shift(self, op: str, start: int) -> Operand:
        when, span = self._two("date_add", start)
        if not isinstance(span.expression, Interval):
            count = self.fit("int", span, "date_add")
            span = Operand(
                Interval(count.expression, "day"), INTERVAL, start, count.nullable, count.aggregate
            )
        return self.shift(op, when, span)

    def parse_date_add(self, start: int) -> Operand:
        """Read ``date_add(x, interval 1 day)``."""
        return self._parse_shift("+", start)

    def parse_date_sub(self, start: int) -> Operand:
        """Read ``date_sub(x, interval 1 day)``."""
        return self._parse_shift("-", start)

    def parse_mod(self, start: int) -> Operand:
        """Read ``mod(a, b)``."""
        a, b = self._two("mod", start)
        return self.arithmetic("%", a, b)

    def parse_isnull(self, start: int) -> Operand:
        """Read ``isnull(x)``."""
        operand = self.value(self.tighten(self.parse_or(), TEXT))
        self.need(")", "at the end of `isnull`")
        return self.node("is_null", (operand,), BOOL, nullable=False)

    def parse_round(self, start: int) -> Operand:
        """Read ``round(x)``, ``round(x, n)``."""
        arguments = self.parse_list("the arguments of `round`")
        if len(arguments) > 2:
            raise self.fail(start, f"`round` takes 1 or 2 arguments, {len(arguments)} are given")
        value = self.number(arguments[0], "`round`")
        places = self._constant_int(arguments[1]) if len(arguments) > 1 else 0
        if family(value.dtype) == "float":
            return self.call("round", [value, *arguments[1:]], start)
        if family(value.dtype) == "int" and places is not None and places >= 0:
            return self.cast(value, INT64)
        if places is None or places < 0:
            raise self.fail(
                arguments[-1].start,
                "`round` of an exact number needs a constant number of digits, from 0 on",
                "Convert the number to double to round by a computed number of digits.",
            )
        precision, scale = digits(value.dtype)
        if places >= scale:
            return value
        node = replace(value, token=-1)
        return self.cast(node, decimal_type(precision - scale + places + 1, places))

    @staticmethod
    def _constant_int(operand: Operand) -> int | None:
        value = operand.expression.value if isinstance(operand.expression, Literal) else None
        return value if isinstance(value, int) else None

    def parse_log(self, start: int) -> Operand:
        """Read ``log(x)`` (natural) and ``log(base, x)``."""
        arguments = self.parse_list("the arguments of `log`")
        if len(arguments) == 1:
            return self.call("ln", arguments, start)
        logarithms = [self.call("ln", [argument], start) for argument in arguments]
        if len(logarithms) != 2:
            raise self.fail(start, f"`log` takes 1 or 2 arguments, {len(arguments)} are given")
        return self.arithmetic("/", logarithms[1], logarithms[0])

    def parse_json(self, start: int) -> Operand:
        """Read ``json_value(x, '$.path')``."""
        arguments = self.parse_list("the arguments of `json_value`")
        if len(arguments) != 2 or arguments[1].token < 0 or family(arguments[0].dtype) != "json":
            raise self.fail(start, "`json_value` takes a json attribute and a path in quotes")
        token = self.tokens[arguments[1].token]
        return self.at_path(arguments[0], self.steps(token.value, token.start), None)

    def parse_now(self, start: int) -> Operand:
        """Read ``now()``; a number of digits is not kept."""
        if self.tokens[self.place].kind == "number":
            self.place += 1
        self.need(")", "at the end of `now`")
        return self.call("now", [], start)

    def steps(self, path: str, start: int) -> list[str | int]:
        """Return the steps of a path such as ``$.a.b[0]``."""
        steps: list[str | int] = []
        position = 1
        while position < len(path):
            match = _PATH.match(path, position)
            if match is None:
                raise self.fail(start, f"the path `{path}` cannot be read", "Write '$.key.key[0]'.")
            steps.append(int(match[3]) if match[3] else match[1] or match[2].replace('\\"', '"'))
            position = match.end()
        if not path.startswith("$") or not steps:
            raise self.fail(start, f"the path `{path}` cannot be read", "Write '$.key.key[0]'.")
        return steps


_SPECIAL: dict[str, Callable[[Forms, int], Operand]] = {
    "count": Forms.parse_count,
    "if": Forms.parse_if,
    "iif": Forms.parse_if,
    "cast": Forms.parse_cast,
    "convert": Forms.parse_convert,
    "extract": Forms.parse_extract,
    "substring": Forms.parse_substring,
    "substr": Forms.parse_substring,
    "mid": Forms.parse_substring,
    "trim": Forms.parse_trim,
    "position": Forms.parse_position,
    "locate": Forms.parse_locate,
    "timestampdiff": Forms.parse_timestampdiff,
    "timestampadd": Forms.parse_timestampadd,
    "date_add": Forms.parse_date_add,
    "adddate": Forms.parse_date_add,
    "date_sub": Forms.parse_date_sub,
    "subdate": Forms.parse_date_sub,
    "mod": Forms.parse_mod,
    "isnull": Forms.parse_isnull,
    "round": Forms.parse_round,
    "log": Forms.parse_log,
    "json_value": Forms.parse_json,
    "json_extract": Forms.parse_json,
    "now": Forms.parse_now,
    "current_timestamp": Forms.parse_now,
    "localtimestamp": Forms.parse_now,
}
