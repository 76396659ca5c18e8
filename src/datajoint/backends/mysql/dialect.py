"""How SQL and values are written for MySQL and MariaDB."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint._value import replace
from datajoint.backends.base import Codec, Column, Dialect, fitting
from datajoint.backends.features import Features
from datajoint.errors import UnknownTypeError
from datajoint.heading import float32
from datajoint.heading.types import FLOATS, INTEGER_RANGES
from datajoint.heading.values import json_text

if TYPE_CHECKING:
    from datajoint.heading.names import TableName
    from datajoint.heading.types import AttributeType

__all__ = ["MysqlDialect", "binary_literal"]

_COLUMN_TYPES = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint",
    "uint8": "tinyint unsigned", "uint16": "smallint unsigned", "uint32": "int unsigned",
    "uint64": "bigint unsigned", "float32": "float", "float64": "double", "bool": "tinyint", "date": "date",
    "uuid": "binary(16)", "json": "json", "bytes": "longblob",
}  # fmt: skip
"""Native type of each core type without a size (TYP-15)."""

_ELSEWHERE = {"bytea": "longblob", "jsonb": "json", "smallserial": "smallint auto_increment",
              "bigserial": "bigint auto_increment", "serial": "bigint auto_increment",
              "boolean": "tinyint(1)"}  # fmt: skip
"""Native words of other databases, and one that MySQL forgets; its other words stay as they are."""

_FOREIGN_WORDS = re.compile(r"timestamptz|bit\b", re.IGNORECASE)

_UNSIGNED = {"uint64": "UNSIGNED", "uint32": "UNSIGNED", "uint16": "UNSIGNED", "uint8": "UNSIGNED"}
_CASTS = {
    **dict.fromkeys(INTEGER_RANGES, "SIGNED"), **_UNSIGNED, "bool": "SIGNED", "year": "SIGNED",
    "float32": "DOUBLE",
    "float64": "DOUBLE", **dict.fromkeys(("varchar", "char", "text", "enum", "json"), "CHAR"), "date": "DATE",
    **dict.fromkeys(("uuid", "bytes", "blob"), "BINARY"),
}  # fmt: skip

_LIST_TYPES = {
    **dict.fromkeys(INTEGER_RANGES, "bigint"), **dict.fromkeys(_UNSIGNED, "bigint unsigned"),
    "bool": "bigint",
    "year": "bigint", "float64": "double", "float32": "double", "date": "date", "time": "time(6)",
    "datetime": "datetime(6)", "timestamp": "datetime(6)",
}  # fmt: skip
_HEX = frozenset({"uuid", "bytes", "blob"})
"""Kinds that travel in JSON as hexadecimal digits."""

LARGE = 1 << 21
"""Bytes from which hexadecimal digits, which server and driver read faster, might not fit into a packet."""

_NUMBERS = frozenset((*INTEGER_RANGES, "float32", "float64", "decimal", "year"))
_OUTERMOST = {float("inf"): sys.float_info.max, float("-inf"): -sys.float_info.max}
"""What stands for an infinity, which MySQL does not know, where numbers are compared with it."""

_ESCAPES = str.maketrans({"'": "''", "\\": "\\\\"})


class MysqlDialect(Dialect):
    """How SQL is written for MySQL and MariaDB; the two differ in the collation that compares exactly."""

    name = "mysql"
    max_identifier = 64
    identity = "SHOW VARIABLES WHERE variable_name IN ('server_uuid', 'server_uid')"
    max_columns = 1017  # of InnoDB
    constraint_infix = "_ibfk_"
    features = Features(
        returning=False,
        cte_insert=False,
        multi_statement=True,
        transactional_ddl=False,
        nulls_smallest=True,
        full_outer_join=False,
        nulls_order=False,
        infinity=False,
        server=True,
        conflict_by_key=False,
        open_cursors=False,
        schema_collation=True,
        revokes_held_only=True,
        temporary_right=True,
        # After an answer that it could not send, MariaDB goes on with the packet, and ROW_COUNT() is -1.
        row_count=("NULLIF(ROW_COUNT(), -1)", " FROM DUAL WHERE ROW_COUNT() <> 0"),
        timestamps=(datetime(1970, 1, 1, 0, 0, 1), datetime(2106, 2, 7, 6, 28, 15)),  # noqa: DTZ001 - in UTC
    )

    def __init__(self, mariadb: bool = True) -> None:
        self.mariadb = mariadb
        self.features = replace(self.features, blocks=mariadb)
        self.collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"

    def quote(self, identifier: str) -> str:
        return "`" + identifier.replace("`", "``") + "`"

    def table(self, name: TableName) -> str:
        return f"{self.quote(name.schema)}.{self.quote(name.name)}"

    def parameter(self, n: int, dtype: AttributeType | None = None) -> str:
        return "%s"

    def escape(self, text: str) -> str:
        return text.replace("%", "%%")

    def column_type(self, dtype: AttributeType, schema: str = "") -> str:
        if dtype.native:
            word = dtype.text.lower()
            if _FOREIGN_WORDS.match(word):
                raise UnknownTypeError(
                    f"MySQL has no counterpart of type `{dtype.text}`.",
                    hint="Use a core type such as datetime(6).",
                )
            return _ELSEWHERE.get(word, dtype.text)
        if dtype.kind == "enum":
            return f"enum({','.join(map(self.literal, dtype.labels))})"
        if dtype.kind == "decimal":
            return f"decimal({dtype.length},{dtype.scale})"
        if dtype.kind in ("char", "varchar"):
            return f"{dtype.kind}({dtype.length})"
        if dtype.kind in ("datetime", "timestamp"):
            return f"{dtype.kind}({dtype.length})" if dtype.length else dtype.kind
        return _COLUMN_TYPES[dtype.kind]

    def cast_type(self, dtype: AttributeType) -> str:
        if dtype.kind == "decimal":
            return f"DECIMAL({dtype.length},{dtype.scale})"
        if dtype.kind in ("datetime", "timestamp"):
            return f"DATETIME({dtype.length or 0})"
        if dtype.kind == "time":
            return f"TIME({dtype.length or 0})"
        return _CASTS.get(dtype.kind, "")

    def literal(self, value: Any) -> str:
        match value:
            case None:
                return "NULL"
            case bool() | int():
                return str(int(value))
            case float():
                return repr(value) if "e" in repr(value) else f"{value!r}e0"
            case Decimal():
                return format(value, "f")
            case bytes():
                return f"X'{value.hex()}'"
            case UUID():
                return f"X'{value.hex}'"
            case str() | date() | datetime():
                return "'" + str(value).translate(_ESCAPES) + "'"
            case _:
                raise TypeError(f"{type(value).__name__} cannot be written in SQL.")

    def encoder(self, dtype: AttributeType) -> Codec | None:
        return float32.rounded if dtype.kind == "float32" else _ENCODERS.get(dtype.kind)

    def operand_encoder(self, dtype: AttributeType) -> Codec | None:
        encode = self.encoder(dtype)
        if dtype.kind not in _NUMBERS:
            return encode

        def operand(value: Any) -> Any:
            value = encode(value) if encode else value
            return _OUTERMOST.get(value, value) if type(value) is float else value

        return operand

    def decoder(self, dtype: AttributeType) -> Codec | None:
        return float32.shortest if dtype.kind == "float32" else _DECODERS.get(dtype.kind)

    def decode_column(self, dtype: AttributeType) -> Column | None:
        if dtype.kind == "bool":
            return lambda values: [None if value is None else value != 0 for value in values]
        if dtype.kind == "float32":
            return float32.shortest_column
        decode = _DECODERS.get(dtype.kind)
        if decode is None:
            return None

        def decode_all(values: Sequence[Any]) -> list[Any]:
            try:
                return list(map(decode, values))
            except (TypeError, AttributeError, ValueError):  # a NULL among them
                return [None if value is None else decode(value) for value in values]

        return decode_all

    def read(self, dtype: AttributeType, expression: str) -> str:
        if dtype.kind == "float32":
            return f"({expression} + 0e0)"  # by itself it is shown with six digits
        if dtype.kind == "timestamp":
            return f"CONVERT_TZ({expression}, @@session.time_zone, '+00:00')"
        return expression

    def write(self, dtype: AttributeType, expression: str) -> str:
        if dtype.kind == "timestamp":
            return f"CONVERT_TZ({expression}, '+00:00', @@session.time_zone)"
        return expression

    def exact(self, dtype: AttributeType, expression: str) -> str:
        if dtype.collation is None:
            return expression
        return f"CONVERT({expression} USING utf8mb4) COLLATE {self.collation}"

    def now(self, digits: int) -> str:
        return f"CURRENT_TIMESTAMP({digits})" if digits else "CURRENT_TIMESTAMP"

    def now_utc(self, digits: int) -> str:
        return f"UTC_TIMESTAMP({digits})" if digits else "UTC_TIMESTAMP()"

    def literal_rows(self, dtypes: Sequence[AttributeType], chunk: Sequence[Sequence[Any]]) -> list[str]:
        """Return rows of driver values, given by column, as literals joined by commas."""
        columns = [
            self._timed(_literals(column, self.literal))
            if dtype.kind == "timestamp"
            else _literals(column, self.literal)
            for dtype, column in zip(dtypes, chunk, strict=True)
        ]
        return list(map(",".join, zip(*columns, strict=True)))

    def _timed(self, literals: Iterable[str]) -> Iterable[str]:
        return (f"CONVERT_TZ({literal}, '+00:00', @@session.time_zone)" for literal in literals)

    def list_source(self, dtypes: Sequence[AttributeType], placeholders: Sequence[str]) -> str:
        path = "$" if len(dtypes) == 1 else "$[{}]"
        columns = ", ".join(
            f"c{n} {self._list_type(dtype)} PATH '{path.format(n - 1)}'" for n, dtype in enumerate(dtypes, 1)
        )
        values = ", ".join(self._list_value(dtype, f"c{n}") for n, dtype in enumerate(dtypes, 1))
        return f"SELECT {values} FROM JSON_TABLE({placeholders[0]}, '$[*]' COLUMNS({columns})) list"

    def _list_type(self, dtype: AttributeType) -> str:
        if dtype.kind == "decimal":
            return f"decimal({dtype.length or 10},{dtype.scale or 0})"
        if dtype.kind in _HEX:
            return (
                "varchar(32) CHARACTER SET ascii" if dtype.kind == "uuid" else "longtext CHARACTER SET ascii"
            )
        if dtype.kind in _LIST_TYPES:
            return _LIST_TYPES[dtype.kind]
        size = max(map(len, dtype.labels)) if dtype.labels else dtype.length
        word = f"varchar({size})" if size and size < 16000 else "longtext"
        collation = dtype.collation or self.collation
        return f"{word} CHARACTER SET {collation.partition('_')[0]} COLLATE {collation}"

    def _list_value(self, dtype: AttributeType, name: str) -> str:
        value = f"UNHEX({name})" if dtype.kind in _HEX else self.write(dtype, name)
        return value if value == name else f"{value} AS {name}"

    def encode_list(self, dtypes: Sequence[AttributeType], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        encoders = [_list_encoder(dtype) for dtype in dtypes]
        rows = fitting(dtypes, rows)
        if any(dtype.kind in FLOATS for dtype in dtypes):  # no column holds an infinity
            rows = [
                row for row in rows if not any(value in _OUTERMOST for value in row if type(value) is float)
            ]
        if len(dtypes) == 1:
            items: list[Any] = [encoders[0](row[0]) for row in rows]
        else:
            items = [[encode(value) for encode, value in zip(encoders, row, strict=True)] for row in rows]
        return (json.dumps(items, ensure_ascii=False, separators=(",", ":")),)


def _literals(column: Sequence[Any], literal: Callable[[Any], str]) -> Iterable[str]:
    types = set(map(type, column))
    if types == {int}:
        return map(str, column)
    if types == {str}:
        text = "\0".join(column)
        if "'" in text or "\\" in text:
            text = text.translate(_ESCAPES)
        quoted = ("'" + text.replace("\0", "'\0'") + "'").split("\0")
        if len(quoted) == len(column):
            return quoted
    if types == {bytes}:
        return map(binary_literal, column)
    return [binary_literal(value) if isinstance(value, bytes) else literal(value) for value in column]


def binary_literal(value: bytes) -> str:
    """Return bytes as a literal; very large ones not in hexadecimal digits, which take twice the packet.

    Examples
    --------
    >>> binary_literal(b"ab")
    "X'6162'"
    """
    if len(value) < LARGE:
        return f"X'{value.hex()}'"
    escaped = value.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    return f"_binary'{escaped.decode('ascii', 'surrogateescape')}'"  # encoded again when it is sent


def _list_encoder(dtype: AttributeType) -> Codec:
    encode = float32.rounded if dtype.kind == "float32" else _ENCODERS.get(dtype.kind)

    def item(value: Any) -> Any:
        value = encode(value) if encode and value is not None else value
        if isinstance(value, bytes):
            return value.hex()
        return format(value, "f") if isinstance(value, Decimal) else value

    return item


def _moment(value: date | datetime) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()


def _span(value: timedelta) -> str:
    seconds, sign = abs(value), "-" if value < timedelta(0) else ""
    whole = seconds.days * 86400 + seconds.seconds
    return f"{sign}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{seconds.microseconds:06}"


def _read_span(text: str) -> timedelta:
    hours, minutes, seconds = text.lstrip("-").split(":")
    span = timedelta(hours=int(hours), minutes=int(minutes), microseconds=round(float(seconds) * 1_000_000))
    return -span if text.startswith("-") else span


_ENCODERS: dict[str, Codec] = {
    "date": _moment, "datetime": _moment, "timestamp": _moment, "time": _span,
    "uuid": lambda value: value.bytes,
    "json": json_text,
}  # fmt: skip
_DECODERS: dict[str, Codec] = {
    "date": date.fromisoformat, "datetime": datetime.fromisoformat, "timestamp": datetime.fromisoformat,
    "time": _read_span, "uuid": lambda value: UUID(bytes=value), "json": json.loads, "decimal": Decimal,
    "bool": bool,
}  # fmt: skip
