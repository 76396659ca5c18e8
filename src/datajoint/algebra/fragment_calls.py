"""Calls of functions: arguments, types, special forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from datajoint._value import replace
from datajoint.algebra.expressions import Call, Expression, Interval, Literal, Name
from datajoint.algebra.fragment_operands import Operand, Typing
from datajoint.algebra.fragment_tokens import Token
from datajoint.algebra.fragment_types import (
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
from datajoint.algebra.functions import ALIASES, FUNCTIONS, NATIVE, Function
from datajoint.algebra.meaning import convert
from datajoint.errors import PortabilityError, nearest
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import AttributeType

__all__ = ["Calls"]

_PLAIN_TYPES = {"int64": INT64, "float64": FLOAT64, "text": TEXT, "date": DATE, "datetime": DATETIME, "bool": BOOL}
_PATH = re.compile(r"\.(?:(\w+)|\"((?:[^\"\\]|\\.)*)\")|\[(\d+)\]")
_FOLDED = ("int", "decimal", "float", "text", "date", "datetime", "uuid")
_WHEN = {"when": ("date", "datetime", "time"), "day": ("date", "datetime")}


class Calls(Typing):
    """State of one parse and the typing of its calls; the grammar is in `Parser`."""

    def __init__(self, text: str, tokens: list[Token], heading: Heading, backend: str, lift: bool, aggregate: bool) -> None:
        super().__init__(text, tokens, lift)
        self.heading = heading
        self.backend = backend
        self.allow_aggregates = aggregate
        self.place = 0
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
        raise heading.unknown(name)

    # ------------------------------------------------------------------------------------------- by grammar

    def parse_or(self) -> Operand:
        """Read an expression (the grammar provides it)."""
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

    def call(self, name: str, arguments: Sequence[Operand], start: int) -> Operand:
        """Make the call of a portable function."""
        function = FUNCTIONS[name]
        fitted = self._arguments(function, list(arguments), start)
        return self._made(function, fitted, start)

    def _made(self, function: Function, fitted: list[Operand], start: int) -> Operand:
        dtype = _result(function, [o.dtype for o in fitted])
        nullable = {
            "any": any(o.nullable for o in fitted), "all": all(o.nullable for o in fitted), "always": True,
        }[function.nulls]  # fmt: skip
        args = tuple(o.expression for o in fitted)
        return Operand(Call(function.name, args, dtype), dtype, start, nullable, any(o.aggregate for o in fitted),
                       label=f"{function.name}(…)")  # fmt: skip

    def _arguments(self, function: Function, arguments: list[Operand], start: int) -> list[Operand]:
        kinds = [kind.rstrip("?*") for kind in function.takes]
        least = sum(not kind.endswith(("?", "*")) for kind in function.takes)
        if function.takes and function.takes[-1].endswith("*"):
            kinds += [kinds[-1]] * (len(arguments) - len(kinds))
        if not least <= len(arguments) <= len(kinds):
            expected = str(least) if least == len(kinds) else f"{least} to {len(kinds)}"
            raise self.fail(start, f"`{function.name}` takes {expected} arguments, {len(arguments)} are given")
        if kinds and kinds[0] == "=":
            return self.unify(arguments, f"`{function.name}`")
        return [self.fit(kind, o, function.name) for kind, o in zip(kinds, arguments, strict=False)]

    def fit(self, kind: str, operand: Operand, name: str) -> Operand:
        """Bring an argument to the kind that a function takes."""
        who = f"`{name}`"
        if kind == "text":
            return self.text_of(operand, who)
        if kind == "num":
            return self.number(operand, who)
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
        if operand.loose or (operand.token >= 0 and family(operand.dtype) == "text") or family(operand.dtype) == "null":
            operand = self.cast(operand, datetime_type(6) if operand.loose else DATETIME)
        if family(operand.dtype) == "text":
            operand = self.cast(operand, datetime_type(6))
        if family(operand.dtype) not in _WHEN[kind]:
            raise self.fail(operand.start, f"{who} takes a date or datetime, and {operand.name} is {operand.dtype.text}")
        return self.cast(operand, DATETIME) if kind == "when" and operand.dtype == DATE else operand

    def _native(self, word: str, value: str, arguments: list[Operand], start: int) -> Operand:
        homes = [backend for backend, functions in NATIVE.items() if word in functions]
        if self.backend in homes:
            dtype = _PLAIN_TYPES[NATIVE[self.backend][word]]
            args = tuple(self.tighten(o, TEXT).expression for o in arguments)
            return Operand(Call(word, args, dtype), dtype, start, True, any(o.aggregate for o in arguments),
                           label=f"{word}(…)")  # fmt: skip
        if homes:
            raise PortabilityError(
                f"Function `{value}` exists on {' and '.join(homes)} only, not on {self.backend or 'every backend'}.",
                hint=nearest(word, FUNCTIONS) or "Use one of the portable functions, or compute it in Python.",
            )
        names = [*FUNCTIONS, *ALIASES, *_SPECIAL, *NATIVE.get(self.backend, ())]
        raise self.fail(start, f"the function `{value}` is not known", nearest(word, names))

    def only_on(self, backend: str, what: str, start: int) -> None:
        """Refuse what exists on one database only, on the others."""
        if self.backend != backend:
            raise PortabilityError(f"`{what}` exists on {backend} only, not on {self.backend or 'every backend'}.",
                                   hint="Use like, ilike or regexp.")  # fmt: skip

    def check_regexp(self, pattern: str, start: int) -> None:
        """Refuse what regular expressions of the databases do not have in common (QRY-66)."""
        found = re.search(r"\\[a-zA-Z0-9]|\(\?.?|[*+?}][+?]", pattern)
        while found and found.group() in (r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", "(?:"):
            found = re.compile(r"\\[a-zA-Z0-9]|\(\?.?|[*+?}][+?]").search(pattern, found.end())
        if found:
            raise self.fail(start, f"`{found.group()}` in a regular expression does not mean the same on all databases",
                            r"Portable: . [] [^] ^ $ | () (?:) * + ? {m,n} \d \w \s \D \W \S, \ before a sign.")  # fmt: skip
        try:
            re.compile(pattern)
        except re.error as error:
            raise self.fail(start, f"the regular expression cannot be read: {error}") from None

    # ------------------------------------------------------------------------------------------- aggregates

    def _enter(self, name: str, start: int) -> None:
        if not self.allow_aggregates:
            raise self.fail(start, f"the aggregate function `{name}` cannot stand here",
                            "Compute it by aggr, then restrict the result.")  # fmt: skip

    def _close(self, name: str, operands: Sequence[Operand]) -> None:
        self.need(")", f"at the end of `{name}`")
        if any(o.aggregate for o in operands):
            raise self.fail(operands[0].start, f"`{name}` of an aggregate is refused", "Use aggr twice.")

    def _aggregate(self, function: Function, start: int) -> Operand:
        self._enter(function.name, start)
        distinct = self.take_word("distinct")
        self.take_word("all")
        operand = self.parse_or()
        fitted = self.fit(function.takes[0], operand, function.name)
        if function.name == "group_concat":
            return self._concatenation(fitted, distinct, start)
        self._close(function.name, [operand])
        if function.name in ("min", "max") and family(fitted.dtype) in ("json", "opaque"):
            raise self.fail(start, f"`{function.name}` does not apply to {fitted.dtype.text}")
        if family(fitted.dtype) == "float":
            fitted = self.cast(fitted, FLOAT64) if function.name not in ("min", "max") else fitted
        dtype = _result(function, [fitted.dtype])
        return Operand(Call(function.name, (fitted.expression,), dtype, distinct), dtype, start, aggregate=True,
                       label=f"{function.name}(…)")  # fmt: skip

    def _concatenation(self, operand: Operand, distinct: bool, start: int) -> Operand:
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
            if any(key.expression != operand.expression for key, _ in order):
                raise self.fail(start, "`group_concat(distinct x)` can be ordered by x only")
            order = order or [(operand, False)]
        keys: tuple[tuple[Expression, bool], ...] = tuple((key.expression, down) for key, down in order)
        if not keys:
            keys = tuple((Name(name), False) for name in self.heading.key)
            self.names.update(dict.fromkeys(self.heading.key))
        call = Call("group_concat", (operand.expression,), TEXT, distinct, keys, separator)
        return Operand(call, TEXT, start, aggregate=True, label="group_concat(…)")

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
        distinct = self.take_word("distinct")
        operand = self.tighten(self.parse_or(), TEXT)
        if distinct and self.take(","):
            raise self.fail(self.start, "`count(distinct …)` takes one expression",
                            "Count the rows of dj.U('a', 'b') & table instead.")  # fmt: skip
        self._close("count", [operand])
        if operand.token >= 0 and not distinct:
            return Operand(Call("count", (), INT64), INT64, start, False, True, label="count(*)")
        return Operand(Call("count", (operand.expression,), INT64, distinct), INT64, start, False, True, label="count(…)")

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
        if operand.token >= 0 and isinstance(operand.expression, Literal) and target in _FOLDED:
            value = convert(operand.expression.value, operand.dtype, dtype)
            return self.constant(value, dtype, operand.start)
        if kind == "null" or operand.token >= 0:
            return self.cast(operand, dtype)
        if target == "text":
            return self.text_of(operand, "`cast`")
        numbers = ("bool", "int", "decimal", "float")
        allowed = {
            "text": (*numbers, "date", "datetime", "time", "uuid"), "date": ("datetime", "date"),
            "datetime": ("date", "datetime", "time"), "time": ("time",), "uuid": ("uuid",),
            **dict.fromkeys(numbers, numbers),
        }  # fmt: skip
        if target not in allowed.get(kind, ()):
            raise self.fail(operand.start, f"{operand.name} ({operand.dtype.text}) cannot be converted to {dtype.text}")
        if target == "bool" and kind != "text":
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
        for word in ("from", "for"):
            if self.take(",") or self.take_word(word):
                arguments.append(self.parse_or())
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
        return self.call("instr", [arguments[1], arguments[0], *arguments[2:]] if arguments[1:] else arguments, start)

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
        count = self.cast(self.number(count, "`timestampadd`"), INT64)
        span = Operand(Interval(count.expression, unit), NULL, start, count.nullable, count.aggregate)
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
            count = self.cast(self.number(span, "`date_add`"), INT64)
            span = Operand(Interval(count.expression, "day"), NULL, start, count.nullable, count.aggregate)
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
        operand = self.tighten(self.parse_or(), TEXT)
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
            raise self.fail(arguments[-1].start, "`round` of an exact number needs a constant number of digits, from 0 on",
                            "Convert the number to double to round by a computed number of digits.")  # fmt: skip
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


def _result(function: Function, types: list[AttributeType]) -> AttributeType:
    """Return the type of the result (QRY-63)."""
    plain = _PLAIN_TYPES.get(function.gives)
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


_SPECIAL: dict[str, Callable[[Calls, int], Operand]] = {
    "count": Calls.parse_count, "if": Calls.parse_if, "iif": Calls.parse_if, "cast": Calls.parse_cast,
    "convert": Calls.parse_convert, "extract": Calls.parse_extract, "substring": Calls.parse_substring,
    "substr": Calls.parse_substring, "mid": Calls.parse_substring, "trim": Calls.parse_trim,
    "position": Calls.parse_position, "locate": Calls.parse_locate, "timestampdiff": Calls.parse_timestampdiff,
    "timestampadd": Calls.parse_timestampadd, "date_add": Calls.parse_date_add, "adddate": Calls.parse_date_add,
    "date_sub": Calls.parse_date_sub, "subdate": Calls.parse_date_sub, "mod": Calls.parse_mod,
    "isnull": Calls.parse_isnull, "round": Calls.parse_round, "log": Calls.parse_log, "json_value": Calls.parse_json,
    "json_extract": Calls.parse_json, "now": Calls.parse_now, "current_timestamp": Calls.parse_now,
    "localtimestamp": Calls.parse_now,
}  # fmt: skip
