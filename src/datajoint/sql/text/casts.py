"""How each database converts between types, and how it writes literals."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from datajoint.algebra.expr.types import TEXT, digits, family
from datajoint.backends.sqlite import types
from datajoint.heading.types import AttributeType
from datajoint.sql.ranges import decimal_fits, my_decimal, my_float, my_signed, my_text, pg_text
from datajoint.sql.text.functions import quote_text

__all__ = ["cast", "literal", "pg_type", "sized", "sqlite_call"]

_NUMBER = r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?$"
_UUID = "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"


def sized(name: str, dtype: AttributeType) -> str:
    """Return the name of a type with its size."""
    if dtype.kind == "decimal":
        return f"{name}({dtype.length},{dtype.scale})"
    return f"{name}({dtype.length})" if dtype.length else name


# --------------------------------------------------------------------------------------------- PostgreSQL

_PG = {
    "bool": "bool",
    "int": "bigint",
    "float": "float8",
    "text": "text",
    "date": "date",
    "uuid": "uuid",
    "time": "time",
    "bytes": "bytea",
    "json": "jsonb",
}


def pg_type(dtype: AttributeType) -> str:
    """Return the type of a result on PostgreSQL."""
    kind = family(dtype)
    if kind == "decimal":
        return sized("numeric", dtype)
    if kind == "datetime":
        return f"timestamp({dtype.length or 0})"
    return _PG.get(kind, "text")


def _postgresql(sql: str, source: AttributeType, target: AttributeType) -> str:
    pair = (family(source), family(target))
    goal = pg_type(target)
    match pair:
        case ("datetime", "datetime"):
            return sql
        case ("int" | "decimal", "decimal") if _holds(source, target):
            return sql
        case ("float", "decimal"):
            return f"({sql})::float8::text::{goal}"
        case ("bool", "int" | "decimal" | "float"):
            return f"({sql})::int::{goal}"
        case ("float", "text"):
            return pg_text(sql)
        case (_, "text"):
            return _pg_text(sql, source, pair[0])
        case ("text", "bool" | "int" | "decimal" | "float"):
            inner = "numeric::" if pair[1] == "int" else ""
            return f"CASE WHEN {sql} ~ {quote_text(_NUMBER, 'postgresql')} THEN ({sql})::{inner}{goal} END"
        case ("text", "date" | "datetime"):
            return f"CASE WHEN {sql} ~ {quote_text(_DATE, 'postgresql')} THEN ({sql})::{goal} END"
        case ("text", "uuid"):
            return f"CASE WHEN {sql} ~ {quote_text(_UUID, 'postgresql')} THEN ({sql})::uuid END"
        case _:
            return f"({sql})::{goal}"


def _pg_text(sql: str, source: AttributeType, kind: str) -> str:
    if kind == "bool":
        return f"({sql})::int::text"
    if kind == "decimal":
        return f"({sql})::{pg_type(source)}::text"
    if kind == "date":
        return f"to_char({sql}, 'YYYY-MM-DD')"
    if kind == "datetime":
        digits = source.length or 0
        form = "YYYY-MM-DD HH24:MI:SS" + (".US" if digits else "")
        whole = f"to_char({sql}, '{form}')"
        return f"left({whole}, {20 + digits})" if digits else whole
    return f"({sql})::text"


# -------------------------------------------------------------------------------------------------- MySQL


def _mysql(sql: str, source: AttributeType, target: AttributeType) -> str:
    if family(source) == "text" and family(target) != "text":
        return _my_read(sql, target)
    match family(source), family(target):
        case ("int", "int"):
            return f"cast({sql} AS signed)" if source.kind.startswith("uint") else sql
        case ("bool", "int" | "decimal") | ("datetime", "datetime") | ("float", "float"):
            return sql
        case ("int" | "decimal", "decimal") if source.kind != "uint64" and _holds(source, target):
            return sql
        case (_, "decimal"):
            return my_decimal(sql, source, target)
        case (_, "text"):
            return _my_text(sql, source)
        case ("float" | "decimal", "int"):
            return my_signed(sql, family(source))
        case _:
            return f"cast({sql} AS {_my_type(target)})"


def _my_read(sql: str, target: AttributeType) -> str:
    """Return a text as another type, NULL where it cannot be read."""
    match family(target):
        case "int":
            number = my_signed(f"cast({sql} AS decimal(65,30))", "decimal")
            return f"CASE WHEN {sql} REGEXP {quote_text(_NUMBER, 'mysql')} THEN {number} END"
        case "decimal" | "float" as kind:
            number = my_float(sql) if kind == "float" else my_decimal(sql, TEXT, target)
            return f"CASE WHEN {sql} REGEXP {quote_text(_NUMBER, 'mysql')} THEN {number} END"
        case "date" | "datetime":
            moment = f"cast({sql} AS {_my_type(target)})"
            return f"CASE WHEN {sql} REGEXP {quote_text(_DATE, 'mysql')} THEN {moment} END"
        case "uuid":
            return (
                f"CASE WHEN {sql} REGEXP {quote_text(_UUID, 'mysql')} THEN unhex(replace({sql}, '-', '')) END"
            )
        case _:
            return sql


def _my_type(dtype: AttributeType) -> str:
    names = {
        "int": "signed",
        "bool": "signed",
        "float": "double",
        "decimal": "decimal",
        "datetime": "datetime",
    }
    return sized(names.get(family(dtype), dtype.kind), dtype)


def _my_text(sql: str, source: AttributeType) -> str:
    match family(source):
        case "text":
            return f"cast({sql} AS char)" if source.kind == "enum" else sql
        case "uuid":
            text = f"hex({sql})"
            for place in (9, 14, 19, 24):
                text = f"insert({text}, {place}, 0, '-')"
            return f"lower({text})"
        case "decimal":
            return f"cast(cast({sql} AS {sized('decimal', source)}) AS char)"
        case "float":
            return my_text(sql)
        case "datetime":
            digits = source.length or 0
            whole = f"date_format({sql}, '%Y-%m-%d %H:%i:%s{'.%f' if digits else ''}')"
            return f"left({whole}, {20 + digits})" if digits else whole
        case _:
            return f"cast({sql} AS char)"


# ------------------------------------------------------------------------------------------------- SQLite


def _sqlite(sql: str, source: AttributeType, target: AttributeType) -> str:
    pair = (family(source), family(target))
    if source.kind == "uint64":
        return sqlite_call("cast", target, [(sql, source)])
    match pair:
        case ("int" | "bool", "int") | ("float", "float") | ("text", "text") | ("date", "text"):
            return sql
        case ("int" | "bool", "float"):
            return f"cast({sql} AS REAL)"
        case ("int" | "bool", "text"):
            return f"cast({sql} AS TEXT)"
        case ("datetime", "text"):
            return sql
        case ("datetime", "date"):
            return f"substr({sql}, 1, 10)"
        case ("date" | "datetime", "datetime"):
            return _lite_datetime(sql, source, target)
        case ("int" | "bool" | "decimal", "decimal") if _scales(source, target) and _holds(source, target):
            factor = 10 ** (digits(target)[1] - digits(source)[1])
            return sql if factor == 1 else f"({sql} * {factor})"
        case ("decimal", "float") if (source.length or 10) <= types.SCALED_DIGITS:
            return f"({sql} / {float(10 ** (source.scale or 0))!r})"
        case _:
            return sqlite_call("cast", target, [(sql, source)])


def _holds(source: AttributeType, target: AttributeType) -> bool:
    """Whether a number needs no rounding and no check to become a decimal."""
    return decimal_fits(source, target) and digits(target)[1] >= digits(source)[1]


def _scales(source: AttributeType, target: AttributeType) -> bool:
    """Whether multiplying the stored integer converts: both are integers of units, the target's finer."""
    small = types.SCALED_DIGITS
    fits = (target.length or 10) <= small and (source.kind != "decimal" or (source.length or 10) <= small)
    return fits and (target.scale or 0) >= (source.scale or 0)


def _lite_datetime(sql: str, source: AttributeType, target: AttributeType) -> str:
    here, there = source.length or 0, target.length or 0
    clock = "" if family(source) == "datetime" else " 00:00:00"
    if family(source) == "date":
        here = 0
    if there > here:
        clock += ("" if here else ".") + "0" * (there - here)
    return f"({sql} || '{clock}')" if clock else sql


def sqlite_call(name: str, result: AttributeType, arguments: list[tuple[str, AttributeType]]) -> str:
    """Call one of our functions by its meaning, whatever the storage of its arguments."""
    texts = "".join(f", {quote_text(dtype.text, 'sqlite')}, {sql}" for sql, dtype in arguments)
    return f"dj_call('{name}', {quote_text(result.text, 'sqlite')}{texts})"


_CASTS = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}


def cast(sql: str, source: AttributeType, target: AttributeType, backend: str) -> str:
    """Return SQL converted from one type to another.

    Examples
    --------
    >>> from datajoint.algebra.expr.types import DATE, FLOAT64, INT64, datetime_type
    >>> cast("x", DATE, datetime_type(3), "sqlite"), cast("x", INT64, FLOAT64, "postgresql")
    ("(x || ' 00:00:00.000')", '(x)::float8')
    """
    if source.kind == "null":
        return f"({sql})::{pg_type(target)}" if backend == "postgresql" else sql
    return _CASTS[backend](sql, source, target)


# ------------------------------------------------------------------------------------------------ literals


def literal(value: Any, dtype: AttributeType, backend: str) -> str:
    """Return a value as text of SQL.

    Examples
    --------
    >>> from datajoint.algebra.expr.types import DATE, decimal_type
    >>> literal(date(2024, 5, 1), DATE, "postgresql"), literal(Decimal("1.50"), decimal_type(3, 2), "sqlite")
    ("DATE '2024-05-01'", '150')
    """
    if value is None:
        return f"NULL::{pg_type(dtype)}" if backend == "postgresql" and dtype.kind != "null" else "NULL"
    if backend == "sqlite":
        encode = types.encoder(dtype)
        return _plain(encode(value) if encode else value, backend)
    match value:
        case Decimal():
            return f"({value:f})" if value < 0 else f"{value:f}"
        case datetime():
            return f"TIMESTAMP '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case timedelta():
            return f"TIME '{value}'"
        case _:
            return _plain(value, backend)


def _plain(value: Any, backend: str) -> str:
    match value:
        case bool():
            return str(int(value)) if backend == "sqlite" else str(value).upper()
        case int():
            return f"({value})" if value < 0 else str(value)
        case float():
            return _float(value, backend)
        case UUID():
            return f"'{value}'::uuid" if backend == "postgresql" else f"X'{value.hex}'"
        case bytes():
            return f"'\\x{value.hex()}'::bytea" if backend == "postgresql" else f"X'{value.hex()}'"
        case _:
            return quote_text(str(value), backend)


def _float(value: float, backend: str) -> str:
    if backend == "postgresql":
        return f"'{value!r}'::float8"
    if value in (float("inf"), float("-inf")):
        return "9e999" if value > 0 else "(-9e999)"
    text = repr(value)
    text = text if "e" in text or backend == "sqlite" else text + "e0"
    return f"({text})" if value < 0 else text
