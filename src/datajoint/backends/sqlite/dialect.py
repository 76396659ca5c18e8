"""How SQL is written for SQLite."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datajoint.backends.base import Codec, Column, Dialect, fitting
from datajoint.backends.features import Features
from datajoint.backends.sqlite import types

if TYPE_CHECKING:
    from datajoint.heading.names import TableName
    from datajoint.heading.types import AttributeType

__all__ = ["SqliteDialect"]


class SqliteDialect(Dialect):
    """How SQL is written for SQLite."""

    name = "sqlite"
    max_identifier = 64
    max_columns = 2000
    max_index_columns = 2000
    features = Features(
        returning=sqlite3.sqlite_version_info >= (3, 35),
        cte_insert=False,
        multi_statement=False,
        transactional_ddl=True,
        nulls_smallest=True,
        full_outer_join=sqlite3.sqlite_version_info >= (3, 39),
        nulls_order=True,
        infinity=True,
        server=False,
        any_schema_name=False,
        users=False,
        row_count=("changes()", " WHERE changes() <> 0"),
    )

    def quote(self, identifier: str) -> str:
        return '"' + identifier.replace('"', '""') + '"'

    def table(self, name: TableName) -> str:
        return self.quote(f"{name.schema}.{name.name}")

    def parameter(self, n: int, dtype: AttributeType | None = None) -> str:
        return "?"

    def column_type(self, dtype: AttributeType, schema: str = "") -> str:
        return types.column_type(dtype)

    def check(self, dtype: AttributeType, column: str) -> str:
        return types.check(dtype, column)

    def cast_type(self, dtype: AttributeType) -> str:
        return types.column_type(dtype)

    def literal(self, value: Any) -> str:
        return types.literal(value)

    def encoder(self, dtype: AttributeType) -> Codec | None:
        return types.encoder(dtype)

    def operand_encoder(self, dtype: AttributeType) -> Codec | None:
        return types.operand_encoder(dtype)

    def decoder(self, dtype: AttributeType) -> Codec | None:
        return types.decoder(dtype)

    def decode_column(self, dtype: AttributeType) -> Column | None:
        return types.decode_column(dtype)

    def now(self, digits: int) -> str:
        return _clock(digits, "'now'")

    def now_utc(self, digits: int) -> str:
        return _clock(
            digits, "'now', '+0 days'"
        )  # the same time; the modifier tells the two apart when read back

    def list_source(self, dtypes: Sequence[AttributeType], placeholders: Sequence[str]) -> str:
        return f"SELECT {types.list_columns(dtypes)} FROM json_each({placeholders[0]})"

    def encode_list(self, dtypes: Sequence[AttributeType], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        return (types.list_text(dtypes, fitting(dtypes, rows)),)


def _clock(digits: int, now: str) -> str:
    if not digits:
        return f"strftime('%Y-%m-%d %H:%M:%S', {now})"
    text = f"strftime('%Y-%m-%d %H:%M:%f', {now})"  # SQLite counts milliseconds
    return f"substr({text} || '000', 1, {20 + digits})"
