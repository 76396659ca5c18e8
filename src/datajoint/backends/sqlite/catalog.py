"""What a SQLite file holds: from its own schema and the readable table ``"~catalog"``."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from datajoint.backends.assembly import (
    RawColumn,
    RawIndex,
    RawReference,
    RawTable,
    Reader,
    clock_default,
    literal_default,
)
from datajoint.backends.sqlite import types
from datajoint.declare.scan import split_outside
from datajoint.declare.spec import Check
from datajoint.heading.attribute import Default
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType, parse_type

__all__ = ["SqliteCatalog"]

_CHECK = "check "

_MARKS = 'SELECT schema, table_name, column_name, type, comment FROM "~catalog" WHERE schema IN ({})'

_COLUMNS = """
SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk
FROM sqlite_master m, pragma_table_info(m.name) c WHERE {} ORDER BY m.name, c.cid"""

_REFERENCES = """
SELECT m.name, f.id, f."table", f."from", f."to"
FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE {} ORDER BY m.name, f.id DESC, f.seq"""

_INDEXES = """
SELECT m.name, i.seq, i."unique", c.name, (SELECT sql FROM sqlite_master WHERE name = i.name)
FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
WHERE {} AND i.origin = 'c' ORDER BY m.name, i.seq DESC, c.seqno"""

_NATIVE = {"INTEGER": "bigint", "INT": "bigint", "REAL": "double", "TEXT": "text", "BLOB": "longblob"}
_CLOCK = re.compile(r"\(?(?:substr\()?strftime\('%Y-%m-%d %H:%M:%[Sf]', 'now'(?P<utc>, '\+0 days')?\)"
                    r"(?: \|\| '000', 1, (?P<length>\d+)\))?\)?")  # fmt: skip


Marks = Mapping[str, tuple[str | None, str | None]]
"""What the file says of a table: declared type and comment by column."""

_UNMARKED = (None, None)


class SqliteCatalog(Reader):
    """Reads the tables of a SQLite file."""

    def list_schemas(self) -> list[str]:
        return [row[0] for row in self._rows('SELECT DISTINCT schema FROM "~catalog" ORDER BY schema')]

    def schema_exists(self, name: str) -> bool:
        return bool(self._rows("SELECT 1 FROM \"~catalog\" WHERE schema = ? AND table_name = ''", [name]))

    def dependents(self, schemas: Sequence[str]) -> list[str]:
        text = (
            "SELECT DISTINCT substr(m.name, 1, instr(m.name, '.') - 1), "
            'substr(f."table", 1, instr(f."table", \'.\') - 1) '
            "FROM sqlite_master m, pragma_foreign_key_list(m.name) f "
            "WHERE m.type = 'table' AND instr(m.name, '.') > 1"
        )
        return sorted({child for child, parent in self._rows(text) if parent in schemas}.difference(schemas))

    def _rows(self, text: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.session.fetch_all(text, parameters)

    def gather(self, schemas: Sequence[str]) -> list[RawTable]:
        names = list(schemas)
        ours = f"m.type = 'table' AND {_ours(schemas)}"
        columns = self._grouped(_COLUMNS.format(ours), names)
        references = self._grouped(_REFERENCES.format(ours), names)
        indexes = self._grouped(_INDEXES.format(ours), names)
        marks: dict[str, dict[str, tuple[str | None, str | None]]] = {}
        for schema, table, column, dtype, comment in self._rows(_MARKS.format(_places(schemas)), names):
            marks.setdefault(f"{schema}.{table}", {})[column] = (dtype, comment)
        return [
            _table(name, rows, references.get(name, []), indexes.get(name, []), marks.get(name, {}))
            for name, rows in columns.items()
        ]

    def _grouped(self, text: str, parameters: Sequence[Any]) -> dict[str, list[Any]]:
        rows = self._rows(text, parameters)
        return {name: [row[1:] for row in group] for name, group in groupby(rows, key=lambda row: row[0])}

    def lineage(self, schemas: Sequence[str]) -> Mapping[tuple[TableName, str], str]:
        table, quote = self.session.dialect.table, self.session.dialect.literal
        text = " UNION ALL ".join(
            f"SELECT {quote(schema)}, table_name, attribute_name, lineage "
            f"FROM {table(TableName(schema, '~lineage'))}"
            for schema in schemas
        )
        return {
            (TableName(schema, name), column): origin for schema, name, column, origin in self._rows(text)
        }

    def default(self, text: str, dtype: AttributeType) -> Default | None:
        if match := _CLOCK.fullmatch(text):
            return clock_default(int(match["length"] or 20) - 20, dtype, bool(match["utc"]))
        value = _literal(text)
        decode = types.decoder(dtype)
        if value is None:
            return None
        return literal_default(decode(value) if decode else value, dtype)


def _table(
    name: str, columns: list[Any], references: list[Any], indexes: list[Any],
    marks: Marks,
) -> RawTable:  # fmt: skip
    schema, _, table = name.partition(".")
    key = sorted((row[4], row[0]) for row in columns if row[4])
    return RawTable(
        TableName(schema, table),
        tuple(
            _column(column, parse_type(_NATIVE.get(kind, "text")), not (required or pk), default, marks)
            for column, kind, required, default, pk in columns
        ),
        tuple(column for _, column in key),
        tuple(_reference(group) for group in _runs(references)),
        tuple(RawIndex(_indexed(group), bool(group[0][1])) for group in _runs(indexes)),
        marks.get("", _UNMARKED)[1] or "",
        tuple(
            Check(column.removeprefix(_CHECK), condition or "", comment or "")
            for column, (condition, comment) in marks.items()
            if column.startswith(_CHECK)
        ),
    )  # fmt: skip


def _column(name: str, native: AttributeType, nullable: bool, default: str | None, marks: Marks) -> RawColumn:
    dtype, comment = marks.get(name, _UNMARKED)
    return RawColumn(name, native, nullable, default, comment or "", dtype)


def _ours(schemas: Sequence[str]) -> str:
    return f"instr(m.name, '.') > 1 AND substr(m.name, 1, instr(m.name, '.') - 1) IN ({_places(schemas)})"


def _places(schemas: Sequence[str]) -> str:
    return ", ".join("?" * len(schemas))


def _runs(rows: Iterable[Any]) -> list[list[Any]]:
    return [list(group) for _, group in groupby(rows, key=lambda row: row[0])]


def _indexed(rows: list[Any]) -> tuple[str, ...]:
    """Return the columns of an index, expressions as its own text has them."""
    names = [row[2] for row in rows]
    if None in names:
        text = rows[0][3]
        items = split_outside(text[text.index("(", text.index('" ON "') + 6) + 1 : text.rindex(")")])
        names = [name if name is not None else item for name, item in zip(names, items, strict=True)]
    return tuple(names)


def _reference(rows: list[Any]) -> RawReference:
    schema, _, table = rows[0][1].partition(".")
    return RawReference(
        tuple(row[2] for row in rows), TableName(schema, table), tuple(row[3] for row in rows)
    )


def _literal(text: str) -> Any:
    """Return the value of a literal as SQLite shows it."""
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text[:2] in ("X'", "x'"):
        return bytes.fromhex(text[2:-1])
    if text.upper() == "NULL":
        return None
    try:
        return int(text)
    except ValueError:
        return float(text)
