"""Rows with attributes of every type, as a derived table on any database."""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

import math
import sqlite3
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from datajoint.backends.sqlite import functions, types
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import parse_type
from datajoint.sql.text.casts import literal
from datajoint.sql.text.fragment import render
from plugins.servers import EXACT_NAMES

TYPES = {
    name: parse_type(text)
    for name, text in {
        "id": "int32",
        "i8": "int8",
        "i64": "int64",
        "u64": "uint64",
        "f": "float64",
        "f32": "float32",
        "dec": "decimal(6,2)",
        "big": "decimal(30,4)",
        "s": "varchar(20)",
        "c": "char(4)",
        "e": "enum('big','small')",
        "d": "date",
        "t": "datetime",
        "t3": "datetime(3)",
        "u": "uuid",
        "b": "bool",
        "j": "json",
        "key": "int16",
        "order": "varchar(5)",
        "date": "date",
    }.items()
}
HEADING = Heading(
    [Attribute(name, dtype, in_key=name == "id", nullable=name != "id") for name, dtype in TYPES.items()]
)
ONE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
ROWS = (
    {
        "id": 1,
        "i8": 5,
        "i64": 2**62,
        "u64": 2**64 - 1,
        "f": 0.5,
        "f32": 0.10000000149011612,
        "dec": Decimal("1.50"),
        "big": Decimal("-12345678901234567890.1250"),
        "s": "Mouse_1",
        "c": "ab",
        "e": "small",
        "d": date(2024, 5, 1),
        "t": datetime(2024, 5, 1, 10, 30),
        "t3": datetime(2024, 5, 1, 10, 30, 0, 250000),
        "u": ONE,
        "b": True,
        "j": {"a": {"b": [1, 2.5]}, "c": "x", "ok": True, "n": None},
        "key": 1,
        "order": "a%b",
        "date": date(2024, 5, 1),
    },
    {
        "id": 2,
        "i8": -7,
        "i64": -3,
        "u64": 7,
        "f": -2.0,
        "f32": 2.0,
        "dec": Decimal("-0.25"),
        "big": Decimal("3.0000"),
        "s": "mouse 'x' \\",
        "c": "",
        "e": "big",
        "d": date(1999, 12, 31),
        "t": datetime(1999, 12, 31, 23, 59, 59),
        "t3": datetime(1999, 12, 31, 23, 59, 59, 999000),
        "u": UUID(int=0),
        "b": False,
        "j": [1, "two"],
        "key": 2,
        "order": "axb",
        "date": date(2000, 2, 29),
    },
    {name: 3 if name == "id" else None for name in TYPES},
)


@pytest.fixture(scope="module")
def select(backend):
    """A function that evaluates an expression over the rows, in order of id."""
    name = backend.name
    quote = "`{}`" if name == "mysql" else '"{}"'
    selects = (", ".join(typed(row, key, name) + f" AS {quote.format(key)}" for key in TYPES) for row in ROWS)
    source = " UNION ALL ".join(f"SELECT {one}" for one in selects)
    if name == "sqlite":
        connection = sqlite3.connect(":memory:")
        functions.register(connection)
    else:
        connection = backend.connect()
    with closing(connection), closing(connection.cursor()) as cursor:
        if name == "mysql":
            cursor.execute(EXACT_NAMES)

        def select(expression, params=()):
            def column(attribute):
                return quote.format(attribute), TYPES[attribute]

            def param(index, dtype):
                return literal(params[index], dtype, name)

            sql = render(expression, name, column, param)
            cursor.execute(f"SELECT id, {sql} AS value FROM ({source}) AS t ORDER BY id")
            return [row[1] for row in cursor.fetchall()], sql

        yield select


def typed(row, key, backend):
    dtype, value = TYPES[key], row[key]
    if dtype.kind == "json" and value is not None and backend != "sqlite":
        text = literal(types.encoder(dtype)(value), parse_type("text"), backend)
        return f"{text}::jsonb" if backend == "postgresql" else text
    if backend == "postgresql" and (value is None or dtype.kind == "uint64"):
        natives = {
            "json": "jsonb",
            "uint64": "numeric",
            "int8": "int2",
            "int16": "int2",
            "int32": "int4",
            "float32": "float4",
        }
        if dtype.kind in natives:
            return f"({'NULL' if value is None else value})::{natives[dtype.kind]}"
    sql = literal(value, dtype, backend)
    if backend == "postgresql":
        casts = {"int8": "int2", "int16": "int2", "int32": "int4", "float32": "float4", "int64": "int8"}
        return f"({sql})::{casts[dtype.kind]}" if dtype.kind in casts else sql
    if backend == "mysql":
        kind = {
            "int8": "signed",
            "int16": "signed",
            "int32": "signed",
            "int64": "signed",
            "uint64": "unsigned",
            "float64": "double",
            "float32": "float",
            "varchar": "char",
            "char": "char",
            "enum": "char",
            "date": "date",
            "bool": "signed",
            "decimal": dtype.text,
            "datetime": dtype.text,
            "uuid": "binary",
        }.get(dtype.kind)
        return f"cast({sql} AS {kind})" if kind else sql
    return sql


def decoded(value, dtype, backend):
    if value is None:
        return None
    if backend == "sqlite":
        decoder = types.decoder(dtype)
        return decoder(value) if decoder else value
    if dtype.kind == "uint64":
        return int(value)
    return bool(value) if dtype.kind == "bool" else value


def same(expected, actual):
    if isinstance(expected, float) and isinstance(actual, float):
        return math.isclose(expected, actual, rel_tol=1e-9, abs_tol=1e-12)
    return type(expected) is type(actual) and expected == actual
