"""Defaults of attributes: from the text of a definition to a value that fits the type, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from math import isinf
from typing import TYPE_CHECKING, Any

from datajoint.heading.attribute import Default
from datajoint.heading.core_types import KINDS
from datajoint.heading.types import FLOATS, INTEGER_RANGES, INTEGERS, AttributeType

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["NULL", "canonical", "default_text", "parse_default", "unquote"]

NULL = Default("null", None, "null")
"""The default of every nullable attribute that does not come with a definition."""

_NOW = re.compile(r"(?P<word>current_timestamp(?P<utc>_utc)?|now)\s*(?:\(\s*(?P<n>\d*)\s*\))?", re.IGNORECASE)
_QUOTED = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"]|"")*)\"""")
_BOOLS = {"true": True, "1": True, "false": False, "0": False}
_EXACT = Context(prec=400)
_MAX_FLOAT32 = 3.4028235677973366e38  # what is less is rounded to the largest number of 32 bits


def unquote(text: str) -> str | None:
    r"""Return what a quoted string says, or None when the text is not one quoted string.

    Examples
    --------
    >>> unquote("'it''s'"), unquote("\"say 'hi'\""), unquote("word")
    ("it's", "say 'hi'", None)
    """
    match = _QUOTED.fullmatch(text)
    if not match:
        return None
    return match[2].replace('""', '"') if match[1] is None else match[1].replace("''", "'")


def parse_default(text: str, dtype: AttributeType) -> Default:
    """Read the text of a default.

    Raises
    ------
    ValueError
        When it does not fit the type; the message says what would.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> parse_default("'7'", parse_type("int8"))
    Default(kind='literal', value=7, text="'7'")
    >>> parse_default("CURRENT_TIMESTAMP", parse_type("datetime(3)")).value
    3
    """
    if text.lower() == "null":
        return Default("null", None, text)
    if dtype.autoincrement:
        raise ValueError("a number given by the database has no default but null")
    now = _NOW.fullmatch(text)
    if now and dtype.kind in ("datetime", "timestamp"):
        return _parse_now(now, dtype, text)
    word = unquote(text)
    if word is None:
        if now:
            raise ValueError(
                f"the time of the insert is no default of `{dtype}`, only of datetime and timestamp"
            )
        if not text or re.search(r"['\"]", text):
            raise ValueError("a default is a number, a word or a quoted string")
        word = text
    try:
        return Default("literal", _read(word, dtype), text)
    except ValueError:
        if text == "None":
            raise ValueError("what is missing is written `null`, not `None`") from None
        raise


def _parse_now(match: re.Match[str], dtype: AttributeType, text: str) -> Default:
    precision = dtype.length or 0
    digits = int(match["n"]) if match["n"] else precision
    if digits > 6:
        raise ValueError("a second has at most 6 digits")
    utc = bool(match["utc"]) or dtype.kind == "timestamp"
    return Default("now_utc" if utc else "now", min(digits, precision), text)


def _read(word: str, dtype: AttributeType) -> Any:
    kind = dtype.kind
    if kind in ("json", "bytes", "blob", "codec"):
        raise ValueError(f"`{dtype}` has no default but null")
    if kind in INTEGERS:
        return _integer(word, dtype)
    if kind in FLOATS:
        return _float(word, dtype)
    if kind in _READERS:
        return _READERS[kind](word, dtype)
    if kind in KINDS and (normalise := KINDS[kind].normalise) is not None:
        return normalise(word)
    return word


def _integer(word: str, dtype: AttributeType) -> int:
    low, high = INTEGER_RANGES[dtype.kind]
    number = _number(word, dtype)
    if number != number.to_integral_value():
        raise ValueError(f"`{word}` is not an integer, as `{dtype}` needs")
    if not low <= number <= high:
        raise ValueError(f"`{word}` is out of the range of `{dtype}`, {low} to {high}")
    return int(number)


def _number(word: str, dtype: AttributeType) -> Decimal:
    try:
        number = Decimal(word)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or "_" in word:
        raise ValueError(f"`{word}` is not a number, as `{dtype}` needs") from None
    return number


def _float(word: str, dtype: AttributeType) -> float:
    number = float(_number(word, dtype))
    if isinf(number) or (dtype.kind == "float32" and abs(number) > _MAX_FLOAT32):
        raise ValueError(f"`{word}` is out of the range of `{dtype}`")
    return number


def _decimal(word: str, dtype: AttributeType) -> Decimal:
    number, scale = _number(word, dtype), dtype.scale or 0
    if number.adjusted() > 100:
        raise ValueError(f"`{word}` is out of the range of `{dtype}`")
    rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT)
    if abs(rounded) >= Decimal(10) ** ((dtype.length or 0) - scale):
        raise ValueError(f"`{word}` is out of the range of `{dtype}`")
    return rounded


def _bool(word: str, _dtype: AttributeType) -> bool:
    if word.lower() not in _BOOLS:
        raise ValueError(f"`{word}` is not a bool: true or false")
    return _BOOLS[word.lower()]


def _text(word: str, dtype: AttributeType) -> str:
    if "\0" in word:
        raise ValueError("text holds no NUL character")
    word = word.rstrip(" ") if dtype.kind == "char" else word
    if dtype.length is not None and len(word) > dtype.length:
        raise ValueError(f"this text is longer than the {dtype.length} characters of `{dtype}`")
    return word


def _enum(word: str, dtype: AttributeType) -> str:
    if word not in dtype.labels:
        raise ValueError(f"`{word}` is none of the values of `{dtype}`")
    return word


def _date(word: str, dtype: AttributeType) -> date:
    return _iso(date.fromisoformat, word, dtype, "2026-01-31")


def _datetime(word: str, dtype: AttributeType) -> datetime:
    value = _iso(datetime.fromisoformat, word, dtype, "'2026-01-31 12:00:00'")
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return _round_seconds(value, dtype.length or 0)


def _round_seconds(value: datetime, digits: int) -> datetime:
    unit = 10 ** (6 - digits)
    rounded = (value.microsecond + unit // 2) // unit * unit
    return value.replace(microsecond=0) + timedelta(microseconds=rounded)


def _time(word: str, dtype: AttributeType) -> time:
    return _iso(time.fromisoformat, word, dtype, "'12:00:00'").replace(tzinfo=None)


def _iso(read: Callable[[str], Any], word: str, dtype: AttributeType, example: str) -> Any:
    try:
        return read(word)
    except ValueError:
        raise ValueError(f"`{word}` is not a {dtype.kind}; write it like {example}") from None


def _uuid(word: str, _dtype: AttributeType) -> UUID:
    from uuid import UUID

    try:
        return UUID(word)
    except ValueError:
        raise ValueError(f"`{word}` is not a UUID") from None


def _year(word: str, dtype: AttributeType) -> int:
    number = _number(word, dtype)
    if number != 0 and not 1901 <= number <= 2155:
        raise ValueError(f"`{word}` is out of the range of `{dtype}`, 1901 to 2155")
    return int(number)


_READERS: dict[str, Callable[[str, AttributeType], Any]] = {
    "decimal": _decimal, "bool": _bool, "char": _text, "varchar": _text, "text": _text, "enum": _enum,
    "date": _date, "datetime": _datetime, "timestamp": _datetime, "time": _time, "uuid": _uuid, "year": _year,
}  # fmt: skip


def default_text(default: Default, dtype: AttributeType) -> str:
    """Write a default for a definition: as it was written where that still holds, else from its value.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> default_text(Default("literal", 3, "'3'::smallint"), parse_type("int16"))
    '3'
    """
    if default.text and _says(default, dtype):
        return default.text
    if default.kind == "null":
        return "null"
    if default.kind != "literal":
        utc = "_UTC" if default.kind == "now_utc" and dtype.kind != "timestamp" else ""
        return f"CURRENT_TIMESTAMP{utc}" + (f"({default.value})" if default.value else "")
    return _literal_text(default.value)


def canonical(default: Default, dtype: AttributeType) -> Default:
    """Return a default spelled as every process reads it from the database, however it was written.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> canonical(Default("literal", "x", "'x'"), parse_type("varchar(9)")).text
    '"x"'
    """
    return Default(default.kind, default.value, default_text(Default(default.kind, default.value), dtype))


def _says(default: Default, dtype: AttributeType) -> bool:
    text = default.text
    if unquote(text) is None and re.search(r"[#:=]", text):
        return False
    if "\n" in text or text != text.strip():
        return False
    try:
        return parse_default(text, dtype) == default
    except ValueError:
        return False


def _literal_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    text = value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    return '"' + text + '"' if '"' not in text else "'" + text.replace("'", "''") + "'"
