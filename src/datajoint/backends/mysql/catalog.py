"""What a MySQL or MariaDB server holds: five statements for any number of tables."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from datajoint._value import replace
from datajoint.backends.assembly import (
    RawColumn,
    RawIndex,
    RawReference,
    RawTable,
    Reader,
    clock_default,
    literal_default,
    read_check_mark,
)
from datajoint.declare.spec import Check, TableSpec
from datajoint.errors import UnknownTypeError
from datajoint.heading.attribute import Default
from datajoint.heading.names import TableName
from datajoint.heading.types import TEXTS, AttributeType, parse_type

__all__ = ["MysqlCatalog"]

_EXACT = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")
"""Collations that tell all texts apart, those of one server and of the other."""

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")

_TABLES = """
SELECT table_schema, table_name, table_comment, 0 FROM information_schema.tables
WHERE table_schema = %s AND table_type = 'BASE TABLE'"""

_COLUMNS = """
SELECT table_schema, table_name, column_name, column_type, is_nullable, column_default, column_comment, extra,
  collation_name, ordinal_position
FROM information_schema.columns WHERE table_schema = %s"""

_REFERENCES = """
SELECT table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name,
  referenced_column_name, ordinal_position
FROM information_schema.key_column_usage WHERE table_schema = %s AND referenced_table_name IS NOT NULL"""

_INDEXES = """
SELECT table_schema, table_name, index_name, non_unique, column_name, {expression}, seq_in_index
FROM information_schema.statistics WHERE table_schema = %s"""

_CHECKS = """
SELECT constraint_schema, constraint_name, check_clause
FROM information_schema.check_constraints
WHERE constraint_schema = %s AND (INSTR(constraint_name, '_ck_') OR LEFT(constraint_name, 4) = 'chk_')"""

_MARK = re.compile(
    r".* or \(?(?:_\w+)?\\?'(?P<mark>[^' ]+ [^' ]+ \([^']*?)\\?' is null\)*", re.DOTALL | re.IGNORECASE
)
"""What `sql.ddl` has added to the condition, as MariaDB and MySQL show it."""

_COLLATION = """
SELECT table_schema, table_name, column_name, character_set_name, collation_name
FROM information_schema.columns WHERE table_schema = %s AND table_name = %s AND column_name = %s"""

_WIDTH = re.compile(r"\b(smallint|mediumint|int|bigint|year|tinyint(?!\(1\)))\(\d+\)")
_CLOCK = re.compile(
    r"\(?(?:(?P<utc>utc_timestamp)|current_timestamp|now|localtimestamp)(?:\((?P<n>\d*)\))?\)?", re.IGNORECASE
)


class MysqlCatalog(Reader):
    """Reads the tables of a MySQL or MariaDB server."""

    exact = _EXACT

    def list_schemas(self) -> list[str]:
        rows = self.session.fetch_all("SELECT schema_name FROM information_schema.schemata")
        return sorted(row[0] for row in rows if row[0].lower() not in _SYSTEM)

    def schema_exists(self, name: str) -> bool:
        text = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"
        return bool(self.session.fetch_all(text, (name,)))

    def dependents(self, schemas: Sequence[str]) -> list[str]:
        text = (
            "SELECT DISTINCT table_schema FROM information_schema.key_column_usage "
            f"WHERE referenced_table_schema IN ({', '.join(['%s'] * len(schemas))})"
        )
        found = {row[0] for row in self.session.fetch_all(text, tuple(schemas))}
        return sorted(found.difference(schemas))

    def gather(self, schemas: Sequence[str]) -> list[RawTable]:
        mariadb = "MariaDB" in self.session.server_version
        indexes_text = _INDEXES.format(expression="NULL" if mariadb else "expression")
        tables = self._grouped(_TABLES, schemas)  # first: what is in it is whole, whoever declares meanwhile
        columns = self._grouped(_COLUMNS, schemas)
        references = self._grouped(_REFERENCES, schemas)
        indexes = self._grouped(indexes_text, schemas)
        checks = self._checks(schemas)
        return [
            _table(
                name,
                rows[0][0],
                [_column(row, mariadb) for row in columns[name]],
                references.get(name, []),
                indexes.get(name, []),
                tuple(checks.get(name, ())),
            )
            for name, rows in tables.items()
            if name in columns  # else it was dropped a moment ago
        ]

    def _checks(self, schemas: Sequence[str]) -> dict[TableName, list[Check]]:
        """Return the checks of tables, as they were declared."""
        text = " UNION ALL ".join([_CHECKS] * len(schemas))
        rows: Any = self.session.fetch_all(text, tuple(schemas))
        found: dict[TableName, list[Check]] = {}
        for schema, _, condition in sorted(rows, key=lambda row: _natural(row[1])):
            if match := _MARK.fullmatch(condition):
                table, check = read_check_mark(match["mark"])
                found.setdefault(TableName(schema, table), []).append(check)
        return found

    def _grouped(self, text: str, schemas: Sequence[str]) -> dict[TableName, list[Any]]:
        """Return rows by table, sorted by their last column.

        One SELECT for each schema: the server opens all tables of all schemas unless the name is one
        constant.
        """
        rows: Any = self.session.fetch_all(" UNION ALL ".join([text] * len(schemas)), tuple(schemas))
        found: dict[TableName, list[Any]] = {}
        for schema, table, *rest in rows:
            found.setdefault(TableName(schema, table), []).append(rest)
        for group in found.values():
            group.sort(key=_last)
        return found

    def lineage(self, schemas: Sequence[str]) -> Mapping[tuple[TableName, str], str]:
        table, literal = self.session.dialect.table, self.session.dialect.literal
        text = " UNION ALL ".join(
            f"SELECT {literal(schema)}, table_name, attribute_name, lineage "
            f"FROM {table(TableName(schema, '~lineage'))}"
            for schema in schemas
        )
        rows = self.session.fetch_all(self.session.dialect.escape(text))
        return {(TableName(schema, name), column): origin for schema, name, column, origin in rows}

    def collations(self, spec: TableSpec) -> dict[str, str]:
        columns = {
            child: (key.parent.schema, key.parent.name, parent)
            for key in reversed(spec.foreign_keys)
            for child, parent in zip(key.columns, key.parent_columns, strict=True)
            if key.parent != spec.name and spec.attribute(child).dtype.kind in TEXTS
        }
        if not columns:
            return {}
        text = " UNION ALL ".join([_COLLATION] * len(columns))
        rows = self.session.fetch_all(text, [part for place in columns.values() for part in place])
        found = {tuple(place): (charset, collation) for *place, charset, collation in rows}
        return {
            name: "CHARACTER SET {} COLLATE {}".format(*found[place])
            for name, place in columns.items()
            if found.get(place, (None,))[0]
        }

    def collation(self, schema: str) -> str | None:
        text = "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = %s"
        rows = self.session.fetch_all(text, (schema,))
        return rows[0][0] if rows and rows[0][0] not in _EXACT else None

    def default(self, text: str, dtype: AttributeType) -> Default | None:
        if text.upper() == "NULL":
            return None
        if match := _CLOCK.fullmatch(text):
            return clock_default(int(match["n"] or 0), dtype, bool(match["utc"]))
        value = _literal(text)
        decode = self.session.dialect.decoder(dtype) if isinstance(value, bytes) else None
        return literal_default(decode(value) if decode else value, dtype)


def _table(
    name: TableName,
    comment: str,
    columns: list[RawColumn],
    references: list[Any],
    indexes: list[Any],
    checks: tuple[Check, ...],
) -> RawTable:
    by_constraint = _by_first(references)
    by_index = {
        index: RawIndex(
            tuple(row[2] or f"({row[3]})" for row in sorted(rows, key=_last)), not int(rows[0][1])
        )
        for index, rows in _by_first(indexes).items()
    }
    key = by_index.pop("PRIMARY", None)
    return RawTable(
        name,
        tuple(columns),
        key.columns if key else (),
        tuple(_reference(by_constraint[key]) for key in sorted(by_constraint, key=_natural)),
        tuple(by_index.values()),
        comment,
        checks,
    )


def _last(row: Sequence[Any]) -> int:
    return row[-1]


def _by_first(rows: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort ``t_ibfk_10`` after ``t_ibfk_2``."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _reference(rows: list[Any]) -> RawReference:
    return RawReference(
        tuple(row[1] for row in rows), TableName(rows[0][2], rows[0][3]), tuple(row[4] for row in rows)
    )


def _column(row: Sequence[Any], mariadb: bool) -> RawColumn:
    name, kind, nullable, default, comment, extra, collation, _ = row
    generated = "DEFAULT_GENERATED" in extra
    clock = kind.startswith(("datetime", "timestamp")) and default and _CLOCK.fullmatch(default)
    if default is not None and not mariadb and not generated and not clock:
        default = default if default.startswith("0x") else _quoted(default)  # MySQL shows the bare text
    if "auto_increment" in extra:
        kind, default = f"{kind} auto_increment", None
    dtype = _native(kind)
    if collation and collation not in _EXACT and dtype.kind in TEXTS:
        dtype = replace(dtype, collation=collation)
    return RawColumn(name, dtype, nullable == "YES", default, comment)


def _native(text: str) -> AttributeType:
    """Return the type of a column from the server's own words, without widths that mean nothing."""
    word = _WIDTH.sub(r"\1", text)
    try:
        return parse_type(word)
    except UnknownTypeError:
        return AttributeType(word, "native", native=True)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _literal(text: str) -> Any:
    """Return the value of a literal as the server shows it; numbers stay text."""
    if text[:2].lower() == "x'":
        return bytes.fromhex(text[2:-1])
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    if text.startswith("'"):
        return re.sub(r"''|\\(.)", lambda match: match[1] or "'", text[1:-1], flags=re.DOTALL)
    return text
