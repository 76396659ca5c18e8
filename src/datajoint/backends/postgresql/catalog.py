"""What a PostgreSQL database holds: five statements for any number of tables."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
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
from datajoint.declare.spec import Check
from datajoint.heading.attribute import Default
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType, parse_type

__all__ = ["PostgresqlCatalog"]

_TABLES = """
SELECT c.oid, n.nspname, c.relname, obj_description(c.oid, 'pg_class')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') ORDER BY c.oid"""

_COLUMNS = """
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  CASE WHEN a.attidentity = '' THEN pg_get_expr(d.adbin, d.adrelid) ELSE 'nextval' END,
  col_description(a.attrelid, a.attnum),
  CASE WHEN t.typtype = 'e' THEN
    ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) END
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum"""

_CONSTRAINTS = """
SELECT k.conrelid, k.contype, pn.nspname, p.relname,
  ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, n)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.n),
  ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(num, n)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.n),
  CASE WHEN k.contype = 'c' THEN obj_description(k.oid, 'pg_constraint') END
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class p ON p.oid = k.confrelid
LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE n.nspname = ANY($1)
  AND (k.contype IN ('p', 'f')
    OR k.contype = 'c' AND (strpos(k.conname, '_ck_') > 0 OR k.conname ~ '^chk_[0-9a-f]{8}_')
      AND obj_description(k.oid, 'pg_constraint') ~ '^[^ ]+ [^ ]+ [(]')
  AND k.conparentid = 0 ORDER BY k.conrelid, k.oid"""

_INDEXES = """
SELECT i.indrelid, i.indisunique,
  ARRAY(SELECT CASE WHEN u.num = 0 THEN '(' || pg_get_indexdef(i.indexrelid, u.n::int, true) || ')'
          ELSE (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum =
          u.num) END
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(num, n) WHERE u.n <= i.indnkeyatts ORDER BY u.n)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND NOT i.indisprimary ORDER BY i.indrelid, i.indexrelid"""

_SIZED = re.compile(
    r"(?P<word>[a-z ]+?)(?:\((?P<p>\d+)(?:,(?P<s>\d+))?\))?(?P<zone> with(?:out)? time zone)?"
)
_LITERAL = re.compile(
    r"\(?(?:(?P<escape>E?)'(?P<text>(?:[^']|'')*)'|(?P<word>-?[\w.+-]+))\)?(?:::.+)?", re.DOTALL
)
_CLOCK = re.compile(r"(?:CURRENT_TIMESTAMP|LOCALTIMESTAMP|now|transaction_timestamp)(?:\((?P<n>\d*)\))?.*")


class PostgresqlCatalog(Reader):
    """Reads the tables of a PostgreSQL database."""

    def list_schemas(self) -> list[str]:
        text = (
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' "
            "AND has_schema_privilege(oid, 'USAGE') ORDER BY nspname"
        )
        return [row[0] for row in self._rows(text, ())]

    def schema_exists(self, name: str) -> bool:
        return bool(self._rows("SELECT 1 FROM pg_namespace WHERE nspname = $1", (name,)))

    def dependents(self, schemas: Sequence[str]) -> list[str]:
        text = (
            "SELECT DISTINCT cn.nspname FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid "
            "JOIN pg_namespace pn ON pn.oid = p.relnamespace JOIN pg_class c ON c.oid = k.conrelid "
            "JOIN pg_namespace cn ON cn.oid = c.relnamespace WHERE k.contype = 'f' AND pn.nspname = ANY($1)"
        )
        return sorted({row[0] for row in self._rows(text, (list(schemas),))}.difference(schemas))

    def _rows(self, text: str, parameters: Sequence[Any]) -> list[Any]:
        return self.session.fetch_all(text, parameters)

    def gather(self, schemas: Sequence[str]) -> list[RawTable]:
        names = (list(schemas),)
        tables = self._rows(_TABLES, names)
        columns, constraints, indexes = (
            self._grouped(text, names) for text in (_COLUMNS, _CONSTRAINTS, _INDEXES)
        )
        return [
            _table(TableName(schema, name), comment or "", columns.get(oid, []), constraints.get(oid, []),
                   indexes.get(oid, []))
            for oid, schema, name, comment in tables if oid in columns  # else it was dropped a moment ago
        ]  # fmt: skip

    def _grouped(self, text: str, parameters: Sequence[Any]) -> dict[int, list[Any]]:
        rows = self._rows(text, parameters)
        return {oid: [row[1:] for row in group] for oid, group in groupby(rows, key=lambda row: row[0])}

    def lineage(self, schemas: Sequence[str]) -> Mapping[tuple[TableName, str], str]:
        table, literal = self.session.dialect.table, self.session.dialect.literal
        text = " UNION ALL ".join(
            f"SELECT {literal(schema)}::text, table_name, attribute_name, lineage "
            f"FROM {table(TableName(schema, '~lineage'))}"
            for schema in schemas
        )
        return {
            (TableName(schema, name), column): origin for schema, name, column, origin in self._rows(text, ())
        }

    def default(self, text: str, dtype: AttributeType) -> Default | None:
        if text.startswith("nextval"):
            return None
        if "clock_timestamp()" in text:
            return clock_default(dtype.length or 0, dtype, utc=True)
        if (match := _CLOCK.fullmatch(text)) and dtype.kind in ("datetime", "timestamp"):
            return clock_default(int(match["n"] or 6), dtype)
        match = _LITERAL.fullmatch(text)
        if match is None or match["word"] == "NULL":
            return None
        if match["word"] is not None:
            return literal_default(match["word"], dtype)
        value = match["text"].replace("''", "'")
        return literal_default(value.replace("\\\\", "\\") if match["escape"] else value, dtype)


def _table(
    name: TableName, comment: str, columns: list[Any], constraints: list[Any], indexes: list[Any]
) -> RawTable:
    key: tuple[str, ...] = ()
    references: list[RawReference] = []
    checks: list[Check] = []
    for kind, schema, parent, names, parent_names, mark in constraints:
        if kind in ("p", b"p"):
            key = tuple(names)
        elif mark is not None:
            checks.append(read_check_mark(mark)[1])
        else:
            references.append(RawReference(tuple(names), TableName(schema, parent), tuple(parent_names)))
    return RawTable(
        name,
        tuple(
            RawColumn(column, _native(kind, labels, default), not required, default, _unescaped(text or ""))
            for column, kind, required, default, text, labels in columns
        ),
        key,
        tuple(references),
        tuple(RawIndex(tuple(names), unique) for unique, names in indexes),
        comment,
        tuple(checks),
    )


def _unescaped(comment: str) -> str:
    """Drop the backslash that 2.x leaves before a double quote (interop §1.6)."""
    return comment.replace('\\"', '"')


_WORDS = {
    "boolean": "bool", "uuid": "uuid", "date": "date", "jsonb": "json", "json": "json", "text": "text",
    "bytea": "bytea", "smallint": "smallint", "integer": "integer", "bigint": "bigint",
    "double precision": "double precision",
}  # fmt: skip


def _native(text: str, labels: list[str] | None, default: str | None) -> AttributeType:
    """Return the type of a column from PostgreSQL's own words."""
    if labels is not None:
        quoted = ",".join("'" + label.replace("'", "''") + "'" for label in labels)
        return AttributeType(f"enum({quoted})", "enum", labels=tuple(labels))
    counted = (default or "").startswith("nextval")
    if counted and text in ("smallint", "integer", "bigint"):
        word = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}[text]
        return parse_type(word)
    if text == "real":
        return AttributeType(text, "float32", native=True)
    if text in _WORDS:
        return parse_type(_WORDS[text])
    match = _SIZED.fullmatch(text)
    if match is None:
        return AttributeType(text, "native", native=True)
    return _sized(text, match)


def _sized(text: str, match: re.Match[str]) -> AttributeType:
    word, digits = match["word"], match["p"]
    if word == "timestamp" and match["zone"] == " without time zone":
        dtype = parse_type(f"datetime({digits or 6})")  # without precision it holds microseconds (TYP-25)
        return dtype if digits else replace(dtype, native=True)
    if word == "time" and match["zone"] == " without time zone":
        return parse_type(f"time({digits or 6})")
    if word == "character varying" and digits:
        return parse_type(f"varchar({digits})") if int(digits) <= 65535 else parse_type("text")
    if word == "character varying":
        return parse_type("text")
    if word == "character" and int(digits or 1) <= 255:
        return parse_type(f"char({digits or 1})")
    if word == "numeric" and digits and int(digits) <= 65:
        return AttributeType(text, "decimal", int(digits), int(match["s"] or 0), native=True)
    return AttributeType(text, "native", native=True)
