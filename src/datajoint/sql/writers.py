"""The DDL of one table, written by one class per database (interop §1)."""

# ruff: noqa: D102 - the methods are documented where they are first defined

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from datajoint.backends.assembly import check_name, mark_check
from datajoint.backends.base import Dialect
from datajoint.declare.spec import Check, Index, TableSpec
from datajoint.heading.attribute import Attribute, Default
from datajoint.heading.types import NUMBERS, AttributeType, parse_type
from datajoint.sql.checks import read_check, write_check

__all__ = [
    "LONG_TEXT", "MysqlWriter", "PostgresqlWriter", "SqliteWriter", "Statement", "Storage", "Writer",
    "enum_home", "marker", "shortened", "tolerating", "writer",
]  # fmt: skip

Statement = tuple[str, Sequence[Any]]
"""Text and parameters, as `Session.execute` takes them."""

Storage = Mapping[str, AttributeType]

_JSON_PATH = re.compile(r"(?P<column>\w+)(?P<path>(?:\.\w+|\[\d+\])+)(?::(?P<type>\w+))?")
LONG_TEXT = 255
"""A SQLite table with a longer text stays a rowid table."""

_LONG = frozenset({"json", "bytes", "blob", "text"})


def marker(attribute: Attribute, dialect: Dialect) -> str:
    """Return the comment of a column: the type marker and the text (interop §1.6).

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.types import parse_type
    >>> marker(Attribute("x", parse_type("int8"), comment="the id"), get_backend("mysql").dialect)
    ':int8:the id'
    """
    dtype = attribute.dtype
    if dialect.name == "mysql" and dtype.kind == "timestamp":
        return attribute.comment
    if dtype.native and dialect.column_type(dtype).lower() == dtype.text.lower():
        return attribute.comment
    return f":{dtype.text}:{attribute.comment}"


def tolerating(text: str, conditions: str) -> str:
    """Return a statement that does nothing where some conditions arise (PostgreSQL).

    Examples
    --------
    >>> tolerating("DROP TYPE x", "undefined_object")
    'DO $dj$ BEGIN DROP TYPE x; EXCEPTION WHEN undefined_object THEN NULL; END $dj$'
    """
    tag = "$dj$"
    while tag in text:
        tag = f"${tag[1:-1]}j$"
    return f"DO {tag} BEGIN {text}; EXCEPTION WHEN {conditions} THEN NULL; END {tag}"


def enum_home(spec: TableSpec, attribute: Attribute) -> str:
    """Schema of the enum type of a column: where the attribute was introduced."""
    through = any(attribute.name in key.columns for key in spec.foreign_keys)
    return attribute.lineage.split(".")[0] if through and attribute.lineage else spec.name.schema


class Writer:
    """What the CREATE TABLE of all databases have in common."""

    indent = ""

    def __init__(
        self, spec: TableSpec, storage: Storage, dialect: Dialect, collations: Mapping[str, str]
    ) -> None:
        self.spec, self.storage, self.dialect, self.collations = spec, storage, dialect, collations
        self.quote = dialect.quote
        self.table = dialect.table(spec.name)
        # What tables of ours hold, we write: checking the times of a job takes longer than adding it.
        self.checked = dialect.features.server or not spec.name.name.startswith("~")

    def statements(self) -> list[Statement]:
        """Return the statements that make the table."""
        raise NotImplementedError

    def addition(self, attributes: Sequence[Attribute]) -> list[Statement]:
        """Return the statements that add columns to the table."""
        return [(f"ALTER TABLE {self.table} ADD COLUMN {self.column(a)}", ()) for a in attributes]

    def create(self, items: Iterable[str], options: str) -> str:
        """Return the statement itself."""
        lines = (",\n" + self.indent).join(items)
        return f"CREATE TABLE IF NOT EXISTS {self.table} (\n{self.indent}{lines}\n){options}"

    def stored(self, attribute: Attribute) -> AttributeType:
        """Return the type as which values are stored."""
        return self.storage.get(attribute.name, attribute.dtype)

    def column(self, attribute: Attribute) -> str:
        """Return the definition of a column without its comment."""
        dtype, name = self.stored(attribute), self.quote(attribute.name)
        home = enum_home(self.spec, attribute) if dtype.kind == "enum" else ""
        text = f"{name} {self.dialect.column_type(dtype, home)}"
        if attribute.name in self.collations:
            text += f" {self.collations[attribute.name]}"
        if not attribute.nullable:
            text += " NOT NULL"
        if attribute.default is not None:
            text += f" DEFAULT {self.default(attribute.default, dtype)}"
        if self.checked and (condition := self.dialect.check(dtype, name)):
            text += f" CHECK ({condition})"
        return text

    def default(self, default: Default, dtype: AttributeType) -> str:
        if default.kind == "null" or default.value is None:
            return "NULL"
        if default.kind in ("now", "now_utc"):
            return self.clock(default.kind == "now_utc", dtype)
        encode = self.dialect.encoder(dtype)
        return self.literal(encode(default.value) if encode else default.value)

    def literal(self, value: Any) -> str:
        """Return the literal of a default: quoted, so that the server casts it (interop §1.5)."""
        if isinstance(value, bool):
            value = int(value) if self.dialect.name == "mysql" else str(value).lower()
        return self.dialect.literal(value if isinstance(value, bytes) else str(value))

    def clock(self, utc: bool, dtype: AttributeType) -> str:
        digits = dtype.length or 0
        return f"({self.dialect.now_utc(digits)})" if utc else self.dialect.now(digits)

    def columns(self, names: Iterable[str]) -> str:
        """Return names, or expressions in parentheses, as a list."""
        return "(" + ", ".join(name if name.startswith("(") else self.quote(name) for name in names) + ")"

    def items(self, index: Index) -> str:
        """Return the list of an index: names, expressions in parentheses, paths into JSON (IDX-4)."""
        return "(" + ", ".join(map(self._item, index.columns)) + ")"

    def _item(self, item: str) -> str:
        match = _JSON_PATH.fullmatch(item)
        if item.startswith("(") or match is None:
            return item if item.startswith("(") else self.quote(item)
        dtype = parse_type(match["type"]) if match["type"] else None
        kind = dtype and dtype.kind in NUMBERS and self.dialect.cast_type(dtype)
        return self.json_item(self.quote(match["column"]), match["path"], kind or "")

    def json_item(self, column: str, path: str, kind: str) -> str:
        """Return the expression for a path like ``.a[0]`` within a JSON column, cast to a type unless ""."""
        raise NotImplementedError

    def constraints(self) -> list[str]:
        """Return primary key, foreign keys and checks."""
        items = [f"PRIMARY KEY {self.columns(self.spec.primary_key)}"] if self.spec.primary_key else []
        items += [
            f"FOREIGN KEY {self.columns(key.columns)} REFERENCES {self.dialect.table(key.parent)} "
            f"{self.columns(key.parent_columns)} ON UPDATE CASCADE ON DELETE RESTRICT"
            for key in self.spec.foreign_keys
        ]
        return [*items, *filter(None, map(self.constraint, self.spec.checks))]

    def constraint(self, check: Check) -> str | None:
        """Return the constraint of a check, None where the database cannot keep it."""
        read = read_check(check, self.spec.heading(), self.spec.name.class_name)
        condition = write_check(read, self.spec, self.dialect)
        if condition is None:
            return None
        return f"CONSTRAINT {self.check_name(check)} CHECK {self.marked(check, condition)}"

    def check_name(self, check: Check) -> str:
        """Return the quoted name of the constraint of a check."""
        return self.quote(check_name(self.spec.name.name, check.name))

    def marked(self, check: Check, condition: str) -> str:
        """Return the condition of a constraint in parentheses."""
        return condition if condition.startswith("(") and condition.endswith(")") else f"({condition})"

    def indexes(self) -> list[Index]:
        """Return all indexes: those declared, unique references, and those that serve references (FK-15)."""
        found = list(self.spec.indexes)
        for key in self.spec.foreign_keys:
            if key.unique and Index(key.columns, unique=True) not in found:
                found.append(Index(key.columns, unique=True))
        for key in sorted(self.spec.foreign_keys, key=lambda key: -len(key.columns)):
            leading = [self.spec.primary_key, *(index.columns for index in found)]
            if not any(columns[: len(key.columns)] == key.columns for columns in leading):
                found.append(Index(key.columns))
        return found

    def create_indexes(
        self, prefix: str = "", only: Iterable[Index] | None = None, others: Iterable[str] = ()
    ) -> list[Statement]:
        """Return a statement per index; their names are unique, not those of others, and within the limit."""
        taken = set(others)
        statements: list[Statement] = []
        for index in self.indexes() if only is None else only:
            words = [re.sub(r"\W+", "_", column).strip("_") for column in index.columns]
            name = shortened(
                f"{prefix}idx_{'_'.join([self.spec.name.name, *words])}", self.dialect.max_identifier
            )
            while name in taken:
                name = shortened(name + "_", self.dialect.max_identifier)
            taken.add(name)
            unique = "UNIQUE " if index.unique else ""
            start = f"CREATE {unique}INDEX IF NOT EXISTS {self.quote(name)}"
            rows = f" WHERE {self.quote(index.columns[0])} IS NOT NULL" if index.sparse else ""
            statements.append((f"{start} ON {self.table} {self.items(index)}{rows}", ()))
        return statements


def shortened(name: str, limit: int) -> str:
    """Return a name within the limit (in bytes); what is cut is replaced by a digest of all of it."""
    if len(name.encode()) <= limit:
        return name
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: limit - 9]}_{digest}"


_NOTE = 'INSERT OR REPLACE INTO "~catalog" (schema, table_name, column_name, position, type, comment) VALUES '


class SqliteWriter(Writer):
    """Writes tables of SQLite: STRICT, with conditions for the types; comments are in ``"~catalog"``."""

    indent = "  "

    def statements(self) -> list[Statement]:
        counter = self._counter()
        items = [self.column(a) if a.name != counter else self._counting(a) for a in self.spec.columns]
        constraints = [
            item for item in self.constraints() if counter is None or not item.startswith("PRIMARY")
        ]
        text = self.create([*items, *constraints], " STRICT" + self._rowid(counter))
        return [(text, ()), *self.create_indexes(f"{self.spec.name.schema}."), self.catalog()]

    def addition(self, attributes: Sequence[Attribute]) -> list[Statement]:
        return [*super().addition(attributes), self.catalog()]

    def _counter(self) -> str | None:
        return next((a.name for a in self.spec.columns if a.dtype.autoincrement), None)

    def _counting(self, attribute: Attribute) -> str:
        return f"{self.quote(attribute.name)} INTEGER PRIMARY KEY AUTOINCREMENT"

    def _rowid(self, counter: str | None) -> str:
        """Return the option for tables kept in order of their key: all but those with long values."""
        if counter or not self.spec.primary_key:
            return ""
        for stored in map(self.stored, self.spec.columns):
            if stored.kind in _LONG or (stored.kind == "varchar" and (stored.length or 0) > LONG_TEXT):
                return ""
        return ", WITHOUT ROWID"

    def literal(self, value: Any) -> str:
        return self.dialect.literal(value)

    def json_item(self, column: str, path: str, kind: str) -> str:
        value = f"json_extract({column}, '${path}')"
        return f"(CAST({value} AS {kind}))" if kind else f"({value})"

    def clock(self, utc: bool, dtype: AttributeType) -> str:
        digits = dtype.length or 0
        return f"({self.dialect.now_utc(digits) if utc else self.dialect.now(digits)})"

    def catalog(self) -> Statement:
        """Return the statement that notes types and comments."""
        spec, literal = self.spec, self.dialect.literal
        own = f"{literal(spec.name.schema)}, {literal(spec.name.name)}"
        rows = [f"({own}, '', NULL, NULL, {literal(spec.comment)})"]
        rows += [
            f"({own}, {literal(a.name)}, {n}, {literal(a.dtype.text)}, {literal(a.comment)})"
            for n, a in enumerate(spec.columns, 1)
        ]
        rows += [
            f"({own}, {literal(f'check {c.name}')}, NULL, {literal(c.condition)}, {literal(c.comment)})"
            for c in spec.checks
        ]
        return _NOTE + ", ".join(rows), ()


class PostgresqlWriter(Writer):
    """Writes tables of PostgreSQL, with its enum types and comments."""

    def statements(self) -> list[Statement]:
        items = [*map(self.column, self.spec.columns), *self.constraints()]
        statements: list[Statement] = [*self.types(), (self.create(items, ""), ()), *self.create_indexes()]
        statements += self._uncompressed()
        literal = self.dialect.literal
        if self.spec.comment:
            statements.append((f"COMMENT ON TABLE {self.table} IS {literal(self.spec.comment)}", ()))
        statements += [self.said(a) for a in self.spec.columns if marker(a, self.dialect)]
        return [*statements, *map(self.mark, self.spec.checks)]

    def mark(self, check: Check) -> Statement:
        """Return the statement that keeps a check as it was declared."""
        text = self.dialect.literal(mark_check(self.spec.name.name, check))
        return f"COMMENT ON CONSTRAINT {self.check_name(check)} ON {self.table} IS {text}", ()

    def addition(self, attributes: Sequence[Attribute]) -> list[Statement]:
        return [*super().addition(attributes), *map(self.said, attributes)]

    def said(self, attribute: Attribute) -> Statement:
        """Return the statement that sets the comment of a column."""
        target = f"{self.table}.{self.quote(attribute.name)}"
        said = self.dialect.literal(marker(attribute, self.dialect))
        return f"COMMENT ON COLUMN {target} IS {said}", ()

    def json_item(self, column: str, path: str, kind: str) -> str:
        value = f"({column} #>> '{{{','.join(re.findall(r'[^.[]+(?=])|[^].[]+', path))}}}')"
        return f"({value}::{kind})" if kind else f"({value})"

    def _uncompressed(self) -> list[Statement]:
        """Keep the server from compressing blobs, which are compressed already, in vain: that takes long."""
        blobs = [a.name for a in self.spec.columns if a.dtype.codec == "blob" and not a.dtype.store]
        changes = [f"ALTER COLUMN {self.quote(name)} SET STORAGE EXTERNAL" for name in blobs]
        return [(f"ALTER TABLE {self.table} {', '.join(changes)}", ())] if changes else []

    def types(self) -> list[Statement]:
        """Return the statements that make the enum types this table introduces (interop §1.7)."""
        found: dict[str, tuple[str, ...]] = {}
        for attribute in self.spec.columns:
            dtype = self.stored(attribute)
            if dtype.kind == "enum" and enum_home(self.spec, attribute) == self.spec.name.schema:
                found[self.dialect.column_type(dtype, self.spec.name.schema)] = dtype.labels
        return [
            (tolerating(f"CREATE TYPE {name} AS ENUM ({', '.join(map(self.dialect.literal, labels))})",
                      "duplicate_object"), ())
            for name, labels in found.items()
        ]  # fmt: skip


class MysqlWriter(Writer):
    """Writes tables of MySQL and MariaDB: all in one statement."""

    def statements(self) -> list[Statement]:
        items = [*map(self.commented, self.spec.columns), *self.constraints()]
        unique = {Index(key.columns, unique=True): None for key in self.spec.foreign_keys if key.unique}
        items += [
            f"{'UNIQUE ' if index.unique else ''}INDEX {self.items(index)}"
            for index in dict.fromkeys([*self.spec.indexes, *unique])
        ]
        comment = f", COMMENT {self.dialect.literal(self.spec.comment)}" if self.spec.comment else ""
        return [(self.create(items, f" ENGINE=InnoDB{comment}"), ())]

    def marked(self, check: Check, condition: str) -> str:
        """Add what is never true, but tells the check as declared: the server keeps a text of its own."""
        mark = self.dialect.literal(mark_check(self.spec.name.name, check))
        return f"({condition} OR {mark} IS NULL)"

    def _item(self, item: str) -> str:
        found = super()._item(item)
        return f"({found})" if found.startswith("(") and not found.startswith("((") else found

    def json_item(self, column: str, path: str, kind: str) -> str:
        return f"(CAST(JSON_UNQUOTE(JSON_EXTRACT({column}, '${path}')) AS {kind or 'CHAR(255)'}))"

    def addition(self, attributes: Sequence[Attribute]) -> list[Statement]:
        return [(f"ALTER TABLE {self.table} ADD COLUMN {self.commented(a)}", ()) for a in attributes]

    def commented(self, attribute: Attribute) -> str:
        """Return the definition of a column with its comment."""
        comment = marker(attribute, self.dialect)
        return self.column(attribute) + (f" COMMENT {self.dialect.literal(comment)}" if comment else "")

    def clock(self, utc: bool, dtype: AttributeType) -> str:
        digits = dtype.length or 0
        if dtype.kind == "timestamp" or not utc:  # a native timestamp is UTC by itself
            return self.dialect.now(digits)
        return f"({self.dialect.now_utc(digits)})"


_WRITERS: dict[str, type[Writer]] = {
    "sqlite": SqliteWriter, "postgresql": PostgresqlWriter, "mysql": MysqlWriter,
}  # fmt: skip


def writer(
    spec: TableSpec, storage: Storage, dialect: Dialect, collations: Mapping[str, str] | None = None
) -> Writer:
    """Return what writes the DDL of a table; arguments as for `create_table`."""
    return _WRITERS[dialect.name](spec, storage, dialect, collations or {})
