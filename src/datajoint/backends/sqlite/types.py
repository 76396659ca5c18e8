"""How attribute types lie in SQLite: column types, CHECKs, and the conversion of values (TYP-16)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cache
from typing import Any
from uuid import UUID

from datajoint.errors import UnknownTypeError
from datajoint.heading import float32
from datajoint.heading.types import INTEGER_RANGES, INTEGERS, AttributeType
from datajoint.heading.values import json_text

__all__ = [
    "check", "column_type", "decode_column", "decoder", "encoder", "list_columns", "list_text", "literal",
    "operand_encoder",
]  # fmt: skip

Codec = Callable[[Any], Any]

SCALED_DIGITS = 18
"""Decimals of up to so many digits are integers of units 10⁻ˢ; larger ones sortable text."""

EXACT = Context(prec=80)
_DATE = "-".join(["[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2])
_TIME = ":".join(["[0-9]" * 2] * 3)
_MICROSECOND = timedelta(microseconds=1)
_HALF = 1 << 63
_INFINITY = math.inf
_MOST_DIGITS = 40
"""Beyond it a number is outside of every integer type and of every decimal that is stored as an integer."""
_COMPLEMENT = str.maketrans("0123456789", "9876543210")

_COLUMN_TYPES = {
    **dict.fromkeys(INTEGERS - {"uint64"}, "INTEGER"), "bool": "INTEGER", "year": "INTEGER",
    "time": "INTEGER",
    "float32": "REAL", "float64": "REAL",
    **dict.fromkeys(("char", "varchar", "text", "enum", "date", "datetime", "timestamp", "json"), "TEXT"),
    **dict.fromkeys(("uint64", "uuid", "bytes", "blob"), "BLOB"),
}  # fmt: skip


def column_type(dtype: AttributeType) -> str:
    """Return the column type of a STRICT table."""
    if dtype.kind == "decimal":
        return "INTEGER" if _scaled(dtype) else "TEXT"
    try:
        return _COLUMN_TYPES[dtype.kind]
    except KeyError:
        raise UnknownTypeError(
            f"SQLite has no counterpart of type `{dtype.text}`.",
            hint="Use a core type such as int64 or bytes.",
        ) from None


def _scaled(dtype: AttributeType) -> bool:
    return (dtype.length or 10) <= SCALED_DIGITS


def check(dtype: AttributeType, column: str) -> str:
    """Return the condition that a column of this type fulfils, by built-in functions only; "" if none."""
    kind, length = dtype.kind, dtype.length
    if kind in INTEGER_RANGES and kind not in ("int64", "uint64"):
        low, high = INTEGER_RANGES[kind]
        return f"{column} BETWEEN {low} AND {high}"
    if kind == "decimal":
        return _decimal_check(dtype, column)
    if kind in ("char", "varchar", "text"):
        parts = [f"length({column}) <= {length}"] if length else []
        parts += [f"instr({column}, char(0)) = 0"]
        parts += [f"{column} = rtrim({column}, ' ')"] if kind == "char" else []
        return " AND ".join(parts)
    if kind == "enum":
        labels = ", ".join("'" + label.replace("'", "''") + "'" for label in dtype.labels)
        return f"{column} IN ({labels})"
    if kind in ("datetime", "timestamp"):
        fraction = "." + "[0-9]" * length if length else ""
        return f"{column} GLOB '{_DATE} {_TIME}{fraction}' AND {_in_calendar(column, True)}"
    if kind == "date":
        return f"{column} GLOB '{_DATE}' AND {_in_calendar(column, False)}"
    if kind == "bytes" and length:
        return f"length({column}) <= {length}"
    return _CHECKS.get(kind, "").format(column)


_CHECKS = {
    "uint64": "length({0}) = 8", "uuid": "length({0}) = 16", "bool": "{0} IN (0, 1)",
    "json": "json_valid({0})",
    "year": "{0} BETWEEN 0 AND 2155",
}  # fmt: skip


def _in_calendar(column: str, has_time: bool) -> str:
    """Return that a date is one of the calendar, from year 1 on: SQLite reads 30 February as 1 March."""
    if not has_time:
        return f"{column} >= '0001' AND date({column}) IS {column}"
    whole = f"substr({column}, 1, 19)"
    return f"{column} >= '0001' AND substr({column}, 12, 2) < '24' AND datetime({whole}) IS {whole}"


def _decimal_check(dtype: AttributeType, column: str) -> str:
    digits, scale = dtype.length or 10, dtype.scale or 0
    if _scaled(dtype):
        most = 10**digits - 1
        return f"{column} BETWEEN {-most} AND {most}"
    pattern = "[0-9]" * (digits - scale) + ("." + "[0-9]" * scale if scale else "")
    return f"{column} GLOB '[-0]{pattern}'"


# -------------------------------------------------------------------------------------- values on their way
# in


@cache
def encoder(dtype: AttributeType) -> Codec | None:
    """Return the function canonical value → what the driver binds."""
    kind = dtype.kind
    if kind in ("datetime", "timestamp"):
        return _moment_writer(dtype.length or 0)
    if kind == "decimal":
        scale = dtype.scale or 0
        if _scaled(dtype):
            unit = Decimal(10) ** scale
            multiply = EXACT.multiply  # whatever precision the user's own arithmetic has
            return lambda value: int(multiply(value, unit))
        width = (dtype.length or 10) + 1 + bool(scale)
        return lambda value: _sortable(value, width, scale)
    return float32.rounded if kind == "float32" else _ENCODERS.get(kind)


_ENCODERS: dict[str, Codec] = {
    "uint64": lambda value: int(value).to_bytes(8, "big"),
    "date": date.isoformat,
    "uuid": lambda value: value.bytes,
    "json": json_text,
    "time": lambda value: value // _MICROSECOND,
}


def _moment_writer(digits: int) -> Codec:
    spec = {0: "seconds", 3: "milliseconds"}.get(digits, "microseconds")
    if digits in (0, 3, 6):
        return lambda value: value.isoformat(" ", spec)
    return lambda value: value.isoformat(" ", spec)[: 20 + digits]


def _sortable(value: Decimal, width: int, scale: int) -> str:
    """Return a decimal as text of fixed width that sorts as the number does; negative ones by complement."""
    digits = f"{value.quantize(Decimal(1).scaleb(-scale), context=EXACT).copy_abs():f}".rjust(width, "0")
    if not value.is_signed() or not value:
        return digits
    return "-" + digits[1:].translate(_COMPLEMENT)


@cache
def operand_encoder(dtype: AttributeType) -> Codec | None:
    """Return the encoder for values that are compared with a column and may lie outside its type."""
    kind = dtype.kind
    if kind == "uint64":
        return _uint64_operand
    if kind in INTEGERS or kind == "year":
        return _integer_operand
    if kind == "decimal":
        encode = encoder(dtype)
        return _scaled_operand(dtype) if _scaled(dtype) else _sortable_operand(dtype, encode)
    if kind in ("datetime", "timestamp"):
        return _moment_operand(dtype.length or 0)
    if kind == "date":
        return lambda value: value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return encoder(dtype)


def _integer_operand(value: Any) -> Any:
    """Return a number as SQLite compares it with an integer: no conversion may make two numbers equal."""
    if isinstance(value, float):
        return value
    whole = value if isinstance(value, int) else _floor(value)
    if not -_HALF <= whole < _HALF:
        return _INFINITY if value > 0 else -_INFINITY
    return whole if whole == value else _between(whole)


def _floor(value: Decimal) -> int:
    if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
        return (1 if value > 0 else -1) << 64
    return int(value.to_integral_value(ROUND_FLOOR))


def _between(whole: int) -> float:
    """Return a float between an integer and the next one; where there is none, one that equals no integer."""
    return whole + 0.5 if abs(whole) < 1 << 51 else math.copysign(_INFINITY, whole)


def _uint64_operand(value: Any) -> bytes:
    """Return bytes that sort as the number does among the eight bytes of the column."""
    if value < 0:
        return b""
    if value >= 1 << 64:
        return b"\xff" * 9
    whole = int(value)
    return whole.to_bytes(8, "big") + (b"" if whole == value else b"\x80")


def _scaled_operand(dtype: AttributeType) -> Codec:
    unit = Decimal(10) ** (dtype.scale or 0)

    def encode(value: Any) -> Any:
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not exact.is_finite() or exact.adjusted() > _MOST_DIGITS:
            return _INFINITY if exact > 0 else -_INFINITY
        scaled = EXACT.multiply(exact, unit)
        whole = int(scaled.to_integral_value(ROUND_FLOOR))
        if not -(1 << 62) <= whole < 1 << 62:
            return _INFINITY if whole > 0 else -_INFINITY
        return whole if whole == scaled else _between(whole)

    return encode


def _sortable_operand(dtype: AttributeType, encode: Codec | None) -> Codec:
    scale = dtype.scale or 0
    bound = Decimal(10) ** ((dtype.length or 10) - scale)

    def operand(value: Any) -> str:
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if exact.copy_abs() >= bound:  # abs() would round to 28 digits
            return "" if exact < 0 else "1"
        floor = exact.quantize(Decimal(1).scaleb(-scale), ROUND_FLOOR, EXACT)
        text = _sortable(floor, (dtype.length or 10) + 1 + bool(scale), scale)
        return text if floor == exact else text + "5"

    return operand


def _moment_operand(digits: int) -> Codec:
    write, unit = _moment_writer(digits), 10 ** (6 - digits)

    def operand(value: Any) -> str:
        return value.isoformat(" ", "microseconds") if value.microsecond % unit else write(value)

    return operand


# ------------------------------------------------------------------------------------- values on their way
# out


@cache
def decoder(dtype: AttributeType) -> Codec | None:
    """Return the function column value → canonical value."""
    kind = dtype.kind
    if kind == "decimal":
        if _scaled(dtype):
            unit = Decimal(1).scaleb(-(dtype.scale or 0))
            multiply = EXACT.multiply
            return lambda value: multiply(Decimal(value), unit)
        return _read_sortable
    return float32.shortest if kind == "float32" else _DECODERS.get(kind)


def _read_sortable(text: str) -> Decimal:
    if text[0] == "-":
        return Decimal("-" + text[1:].translate(_COMPLEMENT))
    return Decimal(text)


_DECODERS: dict[str, Codec] = {
    "uint64": lambda value: int.from_bytes(value, "big"),
    "bool": bool,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "uuid": lambda value: UUID(bytes=value),
    "json": json.loads,
    "time": lambda value: timedelta(microseconds=value),
}
_BOOLS = {0: False, 1: True}


@cache
def decode_column(dtype: AttributeType) -> Callable[[Any], list[Any]] | None:
    """Return the decoder of a chunk of a column, NULLs included."""
    if dtype.kind == "bool":
        return lambda values: list(map(_BOOLS.get, values))
    if dtype.kind == "float32":
        return float32.shortest_column
    decode = decoder(dtype)
    if decode is None:
        return None

    def decode_all(values: Any) -> list[Any]:
        try:
            return list(map(decode, values))
        except (TypeError, AttributeError, ValueError):  # a NULL among them
            return [None if value is None else decode(value) for value in values]

    return decode_all


# ------------------------------------------------------------------------------------- values in the text


def literal(value: Any) -> str:
    """Return a value as SQL text."""
    if type(value) is str:
        quoted = "'" + value.replace("'", "''") + "'"
        return quoted if "\0" not in value else f"CAST(X'{value.encode().hex()}' AS TEXT)"
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return str(int(value))
        case float():
            return "9e999" if value == float("inf") else "-9e999" if value == float("-inf") else repr(value)
        case bytes():
            return f"X'{value.hex()}'"
        case UUID():
            return f"X'{value.hex}'"
        case datetime():
            return f"'{value.isoformat(' ')}'"
        case str() | date() | Decimal():
            return "'" + str(value).replace("'", "''") + "'"
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written in SQL.")


_LIST_READERS = {"REAL": "dj_float({})", "BLOB": "dj_bytes({})"}
"""JSON cannot carry every float exactly, nor bytes: they travel as text and are read by functions of ours."""


def _list_encoder(dtype: AttributeType) -> Codec | None:
    encode, column = encoder(dtype), column_type(dtype)
    if column == "REAL":
        return lambda value: repr(float(encode(value) if encode else value))
    if column == "BLOB":
        return lambda value: bytes(encode(value) if encode else value).hex()
    return encode


def list_columns(dtypes: Sequence[AttributeType]) -> str:
    """Return what reads the values of a row from an element of a JSON list; columns c1, c2 and so on."""
    items = ["value"] if len(dtypes) == 1 else [f"value ->> {n}" for n in range(len(dtypes))]
    return ", ".join(
        f"{_LIST_READERS.get(column_type(dtype), '{}').format(item)} AS c{n}"
        for n, (dtype, item) in enumerate(zip(dtypes, items, strict=True), 1)
    )


_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def list_text(dtypes: Sequence[AttributeType], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows of canonical values as a JSON list."""
    encoders = [_list_encoder(dtype) for dtype in dtypes]
    if len(dtypes) > 1 and not any(encoders):
        return _as_json(rows)
    columns = list(zip(*rows, strict=True))
    for n, encode in enumerate(encoders if columns else ()):
        if encode:
            columns[n] = tuple(None if value is None else encode(value) for value in columns[n])
    single = columns and len(columns) == 1
    return _as_json(columns[0] if single else list(zip(*columns, strict=True)))
