"""What the functions and operators of expressions mean, in Python: for SQLite's functions and for the oracle.

Arguments are canonical values that are not None, unless a function is in `TAKES_NULL`.
"""

from __future__ import annotations

import calendar
import math
import operator
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from datajoint.algebra.expr.types import family
from datajoint.algebra.ranges import as_decimal, as_integer, as_text, finite
from datajoint.heading.types import AttributeType

__all__ = [
    "MEANINGS",
    "SPREADS",
    "TAKES_NULL",
    "convert",
    "divide",
    "fixed",
    "like",
    "regexp",
    "shift",
    "text_of",
]

_WIDE = Context(prec=140)
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?)?")


# --------------------------------------------------------------------------------------------- conversions


def text_of(value: Any, dtype: AttributeType) -> str:
    """Return a value as the text that all databases give.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> (
    ...     text_of(2.0, parse_type("float64")),
    ...     text_of(-0.0, parse_type("float64")),
    ...     text_of(True, parse_type("bool")),
    ... )
    ('2', '0', '1')
    """
    match family(dtype):
        case "bool":
            return str(int(value))
        case "float":
            return repr(float(value)).removesuffix(".0") if value else "0"
        case "decimal":
            return f"{fixed(value, dtype.scale or 0):f}"
        case "datetime":
            return value.isoformat(" ", "microseconds")[: 20 + dtype.length if dtype.length else 19]
        case _:
            return str(value)


def fixed(value: Decimal | int, scale: int) -> Decimal:
    """Round half away from zero to `scale` digits.

    Examples
    --------
    >>> fixed(Decimal("2.345"), 2)
    Decimal('2.35')
    """
    try:
        return Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _WIDE)
    except InvalidOperation:
        raise OverflowError("decimal out of range") from None


def convert(value: Any, source: AttributeType, target: AttributeType) -> Any:
    """Return a value of one type as a value of another, or None where a text cannot be read.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> (
    ...     convert("2.5", parse_type("text"), parse_type("int64")),
    ...     convert("x", parse_type("text"), parse_type("int64")),
    ... )
    (3, None)
    """
    goal = family(target)
    if goal == "text":
        return text_of(value, source)
    if family(source) == "text":
        return _read(value, target)
    if goal in ("date", "datetime"):
        return _moment(value, goal)
    if goal == "bool":
        return bool(value)
    return _number(value, target)


def _number(value: Any, target: AttributeType) -> Any:
    kind = family(target)
    if kind == "float":
        return float(value)
    if kind == "decimal":
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return as_decimal(fixed(exact, target.scale or 0), target)
    return as_integer(round(value) if isinstance(value, float) else int(fixed(value, 0)))


def _read(text: str, target: AttributeType) -> Any:
    kind = family(target)
    try:
        if kind == "uuid":
            return UUID(text)
        if kind in ("date", "datetime"):
            return _moment(datetime.fromisoformat(text), kind) if _ISO_DATE.fullmatch(text) else None
        if not _NUMBER.fullmatch(text):
            return None
        return finite(float(text), ()) if kind == "float" else _number(Decimal(text.strip()), target)
    except (ValueError, InvalidOperation):
        return None


def _moment(value: date, kind: str) -> date:
    if kind == "datetime":
        return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
    return value.date() if isinstance(value, datetime) else value


# --------------------------------------------------------------------------------------------- arithmetic


def _exactly(name: str) -> Callable[[Any, Any], Any]:
    plain: Callable[[Any, Any], Any] = getattr(operator, name)
    wide: Callable[[Any, Any], Decimal] = getattr(
        _WIDE, {"add": "add", "sub": "subtract", "mul": "multiply"}[name]
    )
    return lambda a, b: wide(a, b) if isinstance(a, Decimal) else plain(a, b)


def divide(a: Any, b: Any, scale: int) -> Any:
    """Return ``a / b``, None by zero: a float, or a decimal rounded half away from zero to `scale` digits.

    Examples
    --------
    >>> divide(Decimal(2), Decimal(3), 6), divide(1.0, 0.0, 0)
    (Decimal('0.666667'), None)
    """
    if not b:
        return None
    if isinstance(a, float):
        return a / b
    return fixed(Context(prec=140).divide(a, b), scale)


def whole_quotient(a: Any, b: Any) -> int | None:
    """Return ``a div b``: the whole part of the quotient, None by zero."""
    if not b:
        return None
    if isinstance(a, float):
        return math.trunc(a / b)
    if isinstance(a, Decimal):
        return int(_WIDE.divide_int(a, b))
    return -(-a // b) if (a < 0) != (b < 0) else a // b


def remainder(a: Any, b: Any) -> Any:
    """Return ``a % b`` with the sign of `a`, None by zero; of floats ``a - b * trunc(a / b)``."""
    if not b:
        return None
    if isinstance(a, float):
        return a - b * float(math.trunc(a / b))
    return _WIDE.remainder(a, b) if isinstance(a, Decimal) else int(math.copysign(1, a)) * (abs(a) % abs(b))


def _round(value: float, places: int = 0) -> float:
    unit = 10.0 ** abs(places)
    scaled = value * unit if places >= 0 else value / unit
    if not math.isfinite(scaled):
        return value
    rounded = float(round(scaled))
    return rounded / unit if places >= 0 else rounded * unit


def _whole(function: Callable[[Any], int]) -> Callable[[Any], Any]:
    def whole(value: Any) -> Any:
        result = function(value)
        return type(value)(result)

    return whole


def _positive(
    function: Callable[[float], float], least: float = 0.0, included: bool = False
) -> Callable[[float], Any]:
    return lambda x: function(x) if x > least or (included and x == least) else None


def _power(base: float, exponent: float) -> float | None:
    try:
        result = math.pow(base, exponent)
    except ValueError:
        return None
    return result


def _pi() -> float:
    return math.pi


def _greatest(*values: Any) -> Any:
    return max(values)


def _least(*values: Any) -> Any:
    return min(values)


def _inverse(function: Callable[[float], float]) -> Callable[[float], float | None]:
    return lambda x: function(x) if -1 <= x <= 1 else None


# --------------------------------------------------------------------------------------------------- texts


@lru_cache(256)
def _like_pattern(pattern: str, escape: str) -> re.Pattern[str]:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == escape and position + 1 < len(pattern):
            position += 1
            parts.append(re.escape(pattern[position]))
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
        position += 1
    return re.compile("".join(parts), re.DOTALL)


def like(text: str, pattern: str, escape: str = "\\") -> bool:
    r"""Say whether a text matches a LIKE pattern, case-sensitively; ``\`` escapes.

    Examples
    --------
    >>> like("abc", "a%"), like("ABC", "a%"), like("a%", r"a\%")
    (True, False, True)
    """
    return _like_pattern(pattern, escape).fullmatch(text) is not None


def _ilike(text: str, pattern: str, escape: str = "\\") -> bool:
    return like(_lower(text), _lower(pattern), _lower(escape))


def _upper(text: str) -> str:
    """Change letter by letter, as servers do: ``ß`` stays, which has no capital of one letter."""
    if text.isascii():
        return text.upper()
    return "".join(changed if len(changed := char.upper()) == 1 else char for char in text)


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(char.lower()[0] for char in text)


_compile = lru_cache(256)(re.compile)


def regexp(text: str, pattern: str) -> bool:
    """Say whether a regular expression is found in a text.

    Examples
    --------
    >>> regexp("mouse_12", "^mouse_[0-9]+$")
    True
    """
    return _compile(pattern).search(text) is not None


def _substring(text: str, start: int, length: int | None = None) -> str:
    if start == 0 or -start > len(text):
        return ""
    begin = start - 1 if start > 0 else len(text) + start
    end = len(text) if length is None else begin + max(length, 0)
    return text[begin:end]


def _left(text: str, count: int) -> str:
    return text[: max(count, 0)]


def _right(text: str, count: int) -> str:
    return text[-count:] if count > 0 else ""


def _trim(text: str, char: str = " ") -> str:
    return text.strip(char)


def _ltrim(text: str, char: str = " ") -> str:
    return text.lstrip(char)


def _rtrim(text: str, char: str = " ") -> str:
    return text.rstrip(char)


def _replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def _instr(text: str, part: str) -> int:
    return text.find(part) + 1


def _reverse(text: str) -> str:
    return text[::-1]


def _lpad(text: str, size: int, pad: str = " ") -> str:
    return _padding(text, size, pad) + text[: max(size, 0)]


def _rpad(text: str, size: int, pad: str = " ") -> str:
    return text[: max(size, 0)] + _padding(text, size, pad)


def _padding(text: str, size: int, pad: str) -> str:
    missing = max(as_text(size) - len(text), 0)
    return (pad * missing)[:missing]


def _repeat(text: str, count: int) -> str:
    as_text(len(text) * count)
    return text * count


def _concat(*parts: str) -> str:
    return "".join(parts)


def _concat_ws(separator: str | None, *parts: str | None) -> str | None:
    return None if separator is None else separator.join(part for part in parts if part is not None)


# ---------------------------------------------------------------------------------------------------- JSON


def json_scalar(value: Any, path: Iterable[str | int], kind: str) -> Any:
    """Return the scalar at a path if it is of a kind (``text``, ``float``, ``bool``); text takes all scalars.

    Examples
    --------
    >>> json_scalar({"a": [1, True]}, ("a", 0), "float"), json_scalar({"a": [1, True]}, ("a", 1), "text")
    (1.0, 'true')
    """
    for step in path:
        value = _step_into(value, step)
    if isinstance(value, bool):
        return value if kind == "bool" else str(value).lower() if kind == "text" else None
    if isinstance(value, (int, float)):
        return float(value) if kind == "float" else repr(value) if kind == "text" else None
    return value if isinstance(value, str) and kind == "text" else None


def _step_into(value: Any, step: str | int) -> Any:
    if isinstance(value, dict) and isinstance(step, str):
        return cast("dict[str, Any]", value).get(step)
    if isinstance(value, list) and isinstance(step, int):
        items = cast("list[Any]", value)
        return items[step] if step < len(items) else None
    return None


# --------------------------------------------------------------------------------------------------- times


def shift(moment: date, amount: int, unit: str) -> date:
    """Add an interval; the day is cut to the last of a shorter month.

    Examples
    --------
    >>> shift(date(2024, 1, 31), 1, "month")
    datetime.date(2024, 2, 29)
    """
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months is None:
        return moment + timedelta(**{unit + "s": amount})
    year, month = divmod(moment.year * 12 + moment.month - 1 + amount * months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("date value out of range")
    return moment.replace(
        year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1])
    )


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def _difference(unit: str, a: datetime, b: datetime) -> int:
    if b < a:
        return -_difference(unit, b, a)
    microseconds = (b - a) // timedelta(microseconds=1)
    if unit == "microsecond":
        return microseconds
    if unit in _SECONDS:
        return microseconds // (_SECONDS[unit] * 1_000_000)
    months = (b.year - a.year) * 12 + b.month - a.month - ((b.day, b.time()) < (a.day, a.time()))
    return months // {"month": 1, "quarter": 3, "year": 12}[unit]


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_FORMATS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda t: f"{t.year:04d}",
    "y": lambda t: f"{t.year % 100:02d}",
    "m": lambda t: f"{t.month:02d}",
    "c": lambda t: str(t.month),
    "d": lambda t: f"{t.day:02d}",
    "e": lambda t: str(t.day),
    "H": lambda t: f"{t.hour:02d}",
    "k": lambda t: str(t.hour),
    "i": lambda t: f"{t.minute:02d}",
    "s": lambda t: f"{t.second:02d}",
    "S": lambda t: f"{t.second:02d}",
    "f": lambda t: f"{t.microsecond:06d}",
    "h": lambda t: f"{t.hour % 12 or 12:02d}",
    "I": lambda t: f"{t.hour % 12 or 12:02d}",
    "l": lambda t: str(t.hour % 12 or 12),
    "p": lambda t: "PM" if t.hour > 11 else "AM",
    "j": lambda t: f"{t.timetuple().tm_yday:03d}",
    "a": lambda t: _DAYS[t.weekday()][:3],
    "W": lambda t: _DAYS[t.weekday()],
    "b": lambda t: _MONTHS[t.month - 1][:3],
    "M": lambda t: _MONTHS[t.month - 1],
    "T": lambda t: t.strftime("%H:%M:%S"),
    "r": lambda t: f"{t.hour % 12 or 12:02d}:{t.minute:02d}:{t.second:02d} {'PM' if t.hour > 11 else 'AM'}",
}


def _date_format(moment: date, form: str) -> str:
    time = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    return re.sub("%(.)", lambda match: _FORMATS[match[1]](time) if match[1] in _FORMATS else match[1], form)


def _clock(part: str) -> Callable[[Any], int]:
    divisor, modulus = {"hour": (3600, 10**6), "minute": (60, 60), "second": (1, 60)}[part]

    def read(value: Any) -> int:
        if isinstance(value, timedelta):
            return value // timedelta(seconds=divisor) % modulus
        return int(getattr(value, part, 0))

    return read


def _days(a: date, b: date) -> int:
    return _moment(a, "date").toordinal() - _moment(b, "date").toordinal()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def _today() -> date:
    return _now().date()


def _nullif(a: Any, b: Any) -> Any:
    return None if a is not None and a == b else a


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


TAKES_NULL = frozenset({"coalesce", "concat_ws", "nullif"})
"""Functions that see NULL; all others give NULL for it."""

_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "neg": lambda x: x.copy_negate() if isinstance(x, Decimal) else -x,
    "sign": lambda x: (x > 0) - (x < 0),
    "abs": lambda x: x.copy_abs() if isinstance(x, Decimal) else abs(x),
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "sqrt": _positive(math.sqrt, included=True),
    "ln": _positive(math.log),
    "log10": _positive(math.log10),
    "log2": _positive(math.log2),
    "asin": _inverse(math.asin),
    "acos": _inverse(math.acos),
    **{name: getattr(math, name) for name in ("exp", "sin", "cos", "tan", "atan", "degrees", "radians")},
}

_DATES: dict[str, Callable[[date], Any]] = {
    "year": lambda t: t.year,
    "month": lambda t: t.month,
    "day": lambda t: t.day,
    "quarter": lambda t: (t.month + 2) // 3,
    "dayofweek": lambda t: t.isoweekday() % 7 + 1,
    "weekday": lambda t: t.weekday(),
    "dayofyear": lambda t: t.timetuple().tm_yday,
    "date": lambda t: _moment(t, "date"),
}

MEANINGS: dict[str, Callable[..., Any]] = {
    **_NUMBERS,
    **_DATES,
    **{part: _clock(part) for part in ("hour", "minute", "second")},
    "+": _exactly("add"), "-": _exactly("sub"), "*": _exactly("mul"), "div": whole_quotient, "%": remainder,
    "round": _round, "power": _power, "atan2": math.atan2, "pi": _pi, "greatest": _greatest, "least": _least,
    "like": like, "ilike": _ilike, "regexp": regexp, "concat": _concat, "concat_ws": _concat_ws,
    "upper": _upper, "lower": _lower, "char_length": len, "substring": _substring, "left": _left,
    "right": _right, "trim": _trim, "ltrim": _ltrim, "rtrim": _rtrim, "replace": _replace, "instr": _instr,
    "lpad": _lpad, "rpad": _rpad, "reverse": _reverse, "repeat": _repeat, "coalesce": _coalesce,
    "nullif": _nullif, "datediff": _days, "timestampdiff": _difference, "date_format": _date_format,
    "shift": shift, "curdate": _today, "now": _now,
}  # fmt: skip
"""Meaning of the scalar functions and of the operators on numbers and texts."""


# --------------------------------------------------------------------------------------------- aggregates


def _variance(values: Iterable[float], sample: bool) -> float | None:
    """Return the variance by one pass, as servers compute it: that of equal values is 0."""
    count, mean, spread = 0, 0.0, 0.0
    numbers = list(values)
    for count, number in enumerate(numbers, 1):
        before = number - mean
        mean += before / count
        spread += before * (number - mean)
    return None if count <= sample else finite(spread / (count - sample), numbers)


def _deviation(values: Iterable[float], sample: bool) -> float | None:
    variance = _variance(values, sample)
    return None if variance is None else math.sqrt(variance)


SPREADS: dict[str, Callable[[Iterable[float]], float | None]] = {
    "var_pop": lambda values: _variance(values, False),
    "var_samp": lambda values: _variance(values, True),
    "stddev_pop": lambda values: _deviation(values, False),
    "stddev_samp": lambda values: _deviation(values, True),
}
"""Meaning of the aggregates of spread, of floats that are not None."""
