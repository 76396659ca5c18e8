"""How SQL and values are written for PostgreSQL."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint.backends.base import Codec, Column, Dialect, fitting
from datajoint.backends.features import Features
from datajoint.errors import UnknownTypeError
from datajoint.heading import float32
from datajoint.heading.types import INTEGER_RANGES
from datajoint.heading.values import json_text

if TYPE_CHECKING:
    from datajoint.heading.names import TableName
    from datajoint.heading.types import AttributeType

__all__ = ["COPY_TYPES", "PostgresqlDialect"]

_COLUMN_TYPES = {
    "int8": "smallint", "int16": "smallint", "int32": "integer", "int64": "bigint",
    "uint8": "smallint", "uint16": "integer", "uint32": "bigint", "uint64": "numeric(20,0)",
    "float32": "real", "float64": "double precision", "bool": "boolean", "date": "date", "uuid": "uuid",
    "json": "jsonb", "bytes": "bytea", "blob": "bytea", "text": "text", "year": "smallint",
}  # fmt: skip
"""Native type of each kind without a size."""

_SIZED = {
    "decimal": "numeric({0},{1})", "char": "character({0})", "varchar": "character varying({0})",
    "datetime": "timestamp({0})", "timestamp": "timestamp({0})", "time": "time({0})",
}  # fmt: skip

_FIXED_SIZES = {
    **dict.fromkeys(("int8", "int16", "uint8", "year"), 2),
    **dict.fromkeys(("int32", "uint16", "float32", "date", "enum"), 4),
    **dict.fromkeys(("int64", "uint32", "float64", "datetime", "timestamp", "time"), 8),
    "bool": 1, "uuid": 16,
}  # fmt: skip

_NARROWER = frozenset({"int8", "uint8", "uint16", "uint32", "uint64"})
"""Kinds whose column could hold more."""

_PARAMETER_TYPES = {
    **dict.fromkeys(("varchar", "text"), "text"), "char": "bpchar", "json": "jsonb", "bool": "boolean",
    **dict.fromkeys(("float32", "float64"), "float8"), "date": "timestamp", "uuid": "uuid",
    "decimal": "numeric",
    **dict.fromkeys(("datetime", "timestamp"), "timestamp"), "bytes": "bytea", "blob": "bytea",
    "time": "time",
}  # fmt: skip
"""Types of parameters that have none by themselves; whole numbers and enum values are left alone.

A date may be compared with a time within a day.
"""

COPY_TYPES = {
    "int8": "int2", "uint8": "int2", "int16": "int2", "uint16": "int4", "int32": "int4", "uint32": "int8",
    "int64": "int8", "uint64": "numeric", "year": "int2", "float32": "float4", "float64": "float8",
    "bool": "bool",
    "decimal": "numeric", "char": "text", "varchar": "text", "text": "text", "enum": "text", "date": "date",
    "datetime": "timestamp", "timestamp": "timestamp", "time": "time", "uuid": "uuid", "json": "bytea",
    "bytes": "bytea", "blob": "bytea",
}  # fmt: skip
"""Types of the binary format; that of jsonb is a byte 1 and the text."""

_LIST_TYPES = {
    **dict.fromkeys(INTEGER_RANGES, "bigint"), "uint64": "numeric", "year": "bigint", "enum": "text",
    **_PARAMETER_TYPES, "date": "date",
}  # fmt: skip


def enum_type(labels: Sequence[str]) -> str:
    """Return the name of the enum type of a set of labels, as earlier DataJoint makes it (interop §1.7).

    Examples
    --------
    >>> enum_type(["M", "F", "U"])
    'enum_e54fc739'
    """
    return "enum_" + md5("_".join(sorted(labels)).encode(), usedforsecurity=False).hexdigest()[:8]


class PostgresqlDialect(Dialect):
    """How SQL is written for PostgreSQL."""

    name = "postgresql"
    max_identifier = 63
    identity = "SELECT system_identifier FROM pg_control_system()"
    max_columns = 1600
    max_row = 8136  # a page without the headers of page and row
    fixed_sizes = _FIXED_SIZES
    max_label = 63
    unhurried = "SET LOCAL synchronous_commit TO off"
    features = Features(
        returning=True,
        cte_insert=True,
        multi_statement=False,
        transactional_ddl=True,
        nulls_smallest=False,
        full_outer_join=True,
        nulls_order=True,
        infinity=True,
        server=True,
        nested_comments=True,
        rights_in_catalog=True,
    )

    def quote(self, identifier: str) -> str:
        return '"' + identifier.replace('"', '""') + '"'

    def table(self, name: TableName) -> str:
        return f"{self.quote(name.schema)}.{self.quote(name.name)}"

    def parameter(self, n: int, dtype: AttributeType | None = None) -> str:
        cast = _PARAMETER_TYPES.get(dtype.kind) if dtype else None
        return f"${n}::{cast}" if cast else f"${n}"

    def column_type(self, dtype: AttributeType, schema: str = "") -> str:
        kind = dtype.kind
        if kind == "enum":
            return f"{self.quote(schema)}.{self.quote(enum_type(dtype.labels))}"
        if kind in _SIZED:
            return _SIZED[kind].format(dtype.length or 0, dtype.scale or 0)
        if kind not in _COLUMN_TYPES:
            raise UnknownTypeError(
                f"PostgreSQL has no counterpart of type `{dtype.text}`.",
                hint="Use a core type such as int64 or bytes.",
            )
        if dtype.autoincrement:
            counted = "bigint" if kind not in ("int8", "int16", "int32", "uint8", "uint16") else "integer"
            return f"{counted} GENERATED BY DEFAULT AS IDENTITY"
        return _COLUMN_TYPES[kind]

    def check(self, dtype: AttributeType, column: str) -> str:
        if dtype.kind not in _NARROWER or dtype.autoincrement:
            return ""
        low, high = INTEGER_RANGES[dtype.kind]
        return f"{column} BETWEEN {low} AND {high}"

    def cast_type(self, dtype: AttributeType) -> str:
        if dtype.kind == "enum":
            return "text"
        if dtype.kind == "decimal" or dtype.kind in _SIZED or dtype.kind in _COLUMN_TYPES:
            return self.column_type(dtype)
        return "text"

    def literal(self, value: Any) -> str:
        match value:
            case None:
                return "NULL"
            case bool():
                return str(value).lower()
            case int():
                return str(value)
            case float():
                return f"'{value}'::float8"
            case bytes():
                return f"'\\x{value.hex()}'::bytea"
            case str() | date() | datetime() | time() | Decimal() | UUID():
                return "'" + str(value).replace("'", "''") + "'"
            case _:
                raise TypeError(f"{type(value).__name__} cannot be written in SQL.")

    def encoder(self, dtype: AttributeType) -> Codec | None:
        return float32.rounded if dtype.kind == "float32" else _ENCODERS.get(dtype.kind)

    def decoder(self, dtype: AttributeType) -> Codec | None:
        return float32.shortest if dtype.kind == "float32" else _DECODERS.get(dtype.kind)

    def decode_column(self, dtype: AttributeType) -> Column | None:
        return float32.shortest_column if dtype.kind == "float32" else super().decode_column(dtype)

    def read(self, dtype: AttributeType, expression: str) -> str:
        if dtype.kind == "float32":  # by itself it is the shortest text that means it, not the number
            return f"({expression})::float8"
        return expression

    def comparable(self, dtype: AttributeType, expression: str) -> str:
        return f"{expression}::text" if dtype.kind == "enum" else expression

    def now(self, digits: int) -> str:
        return f"CURRENT_TIMESTAMP({digits})" if digits else "CURRENT_TIMESTAMP(0)"

    def now_utc(self, digits: int) -> str:
        text = "clock_timestamp() AT TIME ZONE 'UTC'"
        return f"({text})" if digits == 6 else f"CAST({text} AS timestamp({digits}))"

    def list_parameters(self, dtypes: Sequence[AttributeType]) -> int:
        return len(dtypes)

    def list_source(self, dtypes: Sequence[AttributeType], placeholders: Sequence[str]) -> str:
        arrays = ", ".join(
            f"{mark}::{_LIST_TYPES[dtype.kind]}[]" for mark, dtype in zip(placeholders, dtypes, strict=True)
        )
        names = ", ".join(f"c{n}" for n in range(1, len(dtypes) + 1))
        return f"SELECT * FROM unnest({arrays}) AS list({names})"

    def encode_list(self, dtypes: Sequence[AttributeType], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        columns = list(zip(*fitting(dtypes, rows), strict=True)) or [()] * len(dtypes)
        return tuple(
            [None if value is None else encode(value) for value in column] if encode else list(column)
            for column, encode in zip(columns, map(self.encoder, dtypes), strict=True)
        )


def _as_time(value: timedelta) -> time:
    return (datetime(1, 1, 1) + value).time()  # noqa: DTZ001 - a time of day has no zone


def _as_timedelta(value: time) -> timedelta:
    return timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )


_ENCODERS: dict[str, Codec] = {
    "json": json_text,
    "time": _as_time,
}
_DECODERS: dict[str, Codec] = {
    "uint64": int,
    "char": lambda value: value.rstrip(" "),
    "time": _as_timedelta,
}
