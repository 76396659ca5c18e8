"""Puts together what a database tells about its tables: type markers, foreign keys, lineage.

Formats: interop §1.6, §7.2.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.backends.base import CatalogReader
from datajoint.declare.default import NULL, default_text
from datajoint.declare.spec import Check, ForeignKey, Index, Specs, TableSpec
from datajoint.errors import AccessError, MissingTableError, UnknownTypeError
from datajoint.heading.attribute import Attribute, Default
from datajoint.heading.keys import UNKNOWN_LINEAGE
from datajoint.heading.names import TableName
from datajoint.heading.types import TEXTS, AttributeType, parse_type
from datajoint.heading.values import normaliser

__all__ = [
    "RawColumn",
    "RawIndex",
    "RawReference",
    "RawTable",
    "Reader",
    "check_name",
    "clock_default",
    "mark_check",
    "read_check_mark",
    "split_comment",
]

_MARKER = re.compile(r""":((?:[^:'"]|'(?:[^']|'')*'|"(?:[^"]|"")*")+):(.*)""", re.DOTALL)
_LINEAGE = "~lineage"
_EXTERNAL = "~external_"
_IN_STORE = re.compile("(blob|attach|filepath)@([A-Za-z0-9_-]*)")
"""Types of 0.14 whose values lie in stores; the column holds 16 bytes."""
_LONGEST_NAME = 63
_UNSAFE = re.compile(r"['\"\\%\n]")


class RawColumn(Value):
    """A column as the database has it; `native` is its type without regard to the comment.

    The declared type is written into the comment, unless the database has a place for it (`marker`).
    """

    name: str
    native: AttributeType
    nullable: bool
    default: str | None = None
    comment: str = ""
    marker: str | None = None

    @property
    def mark(self) -> tuple[str | None, str]:
        """Declared type, if any, and comment."""
        return (self.marker, self.comment) if self.marker else split_comment(self.comment)


class RawReference(Value):
    """A foreign key as the database has it."""

    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]


class RawIndex(Value):
    """A secondary index as the database has it."""

    columns: tuple[str, ...]
    unique: bool


class RawTable(Value):
    """A table as the database has it."""

    name: TableName
    columns: tuple[RawColumn, ...]
    primary_key: tuple[str, ...]
    references: tuple[RawReference, ...] = ()
    indexes: tuple[RawIndex, ...] = ()
    comment: str = ""
    checks: tuple[Check, ...] = ()


def check_name(table: str, name: str) -> str:
    """Return the name of the constraint of a check; it is unique in a schema, as MySQL wants.

    Examples
    --------
    >>> check_name("subject", "adult")
    'subject_ck_adult'
    >>> check_name("subject_" * 7, "adult")
    'chk_cfa9a525_adult'
    """
    full = f"{table}_ck_{name}"
    if len(full.encode()) <= _LONGEST_NAME:
        return full
    from hashlib import blake2b

    return f"chk_{blake2b(table.encode(), digest_size=4).hexdigest()}_{name}"


def mark_check(table: str, check: Check) -> str:
    """Return a text without quotes and backslashes that tells a check as it was declared.

    Examples
    --------
    >>> mark_check("subject", Check("adult", "kind <> 'x'"))
    'subject adult (kind <> %27x%27)'
    """
    comment = f"\n# {check.comment}" if check.comment else ""
    return _UNSAFE.sub(
        lambda found: f"%{ord(found[0]):02X}", f"{table} {check.name} ({check.condition}){comment}"
    )


def read_check_mark(text: str) -> tuple[str, Check]:
    """Return the table and the check that a mark tells.

    Examples
    --------
    >>> read_check_mark("subject adult (kind <> %27x%27)")
    ('subject', Check(name='adult', condition="kind <> 'x'", comment=''))
    """
    plain = re.sub(r"%([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)
    table, name, rest = plain.split(" ", 2)
    condition, _, comment = rest.partition("\n# ")
    return table, Check(name, condition[1:-1], comment)


def split_comment(comment: str) -> tuple[str | None, str]:
    """Return the type marker of a column comment, or None, and the text.

    Examples
    --------
    >>> split_comment(":enum('a:b','c'):which")
    ("enum('a:b','c')", 'which')
    >>> split_comment("the id")
    (None, 'the id')
    """
    match = _MARKER.match(comment) if comment.startswith(":") else None
    return (match[1], match[2]) if match else (None, comment)


def clock_default(digits: int, dtype: AttributeType, utc: bool = False) -> Default:
    """Return the default "time of the server" with so many digits of a second."""
    utc = utc or dtype.kind == "timestamp"
    return _with_text(Default("now_utc" if utc else "now", min(digits, dtype.length or 0)), dtype)


def literal_default(value: Any, dtype: AttributeType) -> Default:
    """Return a default that is a value, given as the database shows it."""
    normalise = float if dtype.kind == "float32" else normaliser(dtype)  # shown as it was written
    try:
        value = normalise(value) if normalise else value
    except ValueError:  # a default that the type itself would refuse; shown as it is
        return Default("literal", value, str(value))
    return _with_text(Default("literal", value), dtype)


def _with_text(default: Default, dtype: AttributeType) -> Default:
    return Default(default.kind, default.value, default_text(default, dtype))


class Reader(CatalogReader):
    """Reads raw tables, one set of statements for all schemas, and makes specifications of them."""

    @abstractmethod
    def gather(self, schemas: Sequence[str]) -> list[RawTable]:
        """Return the tables of some schemas as the database has them."""

    @abstractmethod
    def lineage(self, schemas: Sequence[str]) -> Mapping[tuple[TableName, str], str]:
        """Return what the ``~lineage`` tables of some schemas (all of which have one) hold."""

    @abstractmethod
    def default(self, text: str, dtype: AttributeType) -> Default | None:
        """Return the default of a column from the text that the database shows."""

    def read(  # noqa: D102 - documented in the contract
        self, schemas: Sequence[str], known: Mapping[TableName, TableSpec] | None = None
    ) -> Specs:
        known = {} if known is None else known
        wanted = list(dict.fromkeys(schemas))
        raw = {table.name: table for table in self.gather(wanted)} if wanted else {}
        seen = set(wanted)
        while missing := _origins_elsewhere(raw.values(), seen, known):
            raw.update({table.name: table for table in self.gather(sorted(missing))})
            seen |= missing
        asked = set(wanted)
        tracked = [schema for schema in wanted if TableName(schema, _LINEAGE) in raw]
        lineage = self._readable_lineage(tracked)
        types = _Types(raw, known)

        def specify(name: TableName) -> TableSpec:
            return self._specify(raw[name], types, _origins(raw[name], lineage, name.schema in tracked))

        return Specs([name for name in raw if name.schema in asked], specify)

    def _readable_lineage(self, tracked: list[str]) -> Mapping[tuple[TableName, str], str]:
        """Return the lineage of schemas; one that may not be read, or is gone, is taken off the list."""
        try:
            return self.lineage(tracked) if tracked else {}
        except (AccessError, MissingTableError):  # the schema was dropped a moment ago
            found: dict[tuple[TableName, str], str] = {}
            for schema in list(tracked):
                try:
                    found.update(self.lineage([schema]))
                except (AccessError, MissingTableError):
                    tracked.remove(schema)
            return found

    def _specify(self, table: RawTable, types: _Types, origins: Mapping[str, str | None]) -> TableSpec:
        columns = [self._attribute(table, column, types, origins[column.name]) for column in table.columns]
        nullable = {column.name for column in table.columns if column.nullable}
        key = set(table.primary_key)
        unique = {index.columns for index in table.indexes if index.unique}
        foreign_keys = tuple(
            ForeignKey(
                reference.columns, reference.parent, reference.parent_columns,
                in_key=key.issuperset(reference.columns), nullable=not nullable.isdisjoint(reference.columns),
                unique=reference.columns in unique,
            )
            for reference in table.references
            if not reference.parent.name.startswith(_EXTERNAL)
        )  # fmt: skip
        serving = {reference.columns for reference in table.references}  # also those left out above
        indexes = tuple(
            Index(index.columns, index.unique) for index in table.indexes if index.columns not in serving
        )
        visible = [a for a in columns if not a.name.startswith("_")]
        visible.sort(key=lambda attribute: not attribute.in_key)
        hidden = tuple(a for a in columns if a.name.startswith("_"))
        return TableSpec(
            table.name,
            tuple(visible),
            table.primary_key,
            foreign_keys,
            indexes,
            table.comment,
            hidden,
            table.checks,
        )

    def _attribute(self, table: RawTable, column: RawColumn, types: _Types, lineage: str | None) -> Attribute:
        dtype, comment = types.of(table.name, column.name)
        if dtype.collation != column.native.collation and dtype.kind in TEXTS:
            dtype = replace(dtype, collation=column.native.collation)
        default = NULL if column.nullable else None
        if column.default is not None:
            default = self.default(column.default, dtype) or default
        return Attribute(
            column.name, dtype, column.name in table.primary_key, column.nullable, default, comment,
            lineage,
        )  # fmt: skip


def _origins(
    table: RawTable, lineage: Mapping[tuple[TableName, str], str], tracked: bool
) -> dict[str, str | None]:
    """Return the lineage of each column; unknown where a record of it is missing (LIN-8)."""
    recorded = {name for reference in table.references for name in reference.columns} | set(table.primary_key)
    return {
        c.name: lineage.get(
            (table.name, c.name), None if tracked and c.name not in recorded else UNKNOWN_LINEAGE
        )
        for c in table.columns
    }


def _origins_elsewhere(
    tables: Iterable[RawTable], seen: set[str], known: Mapping[TableName, TableSpec]
) -> set[str]:
    """Return schemas, not read yet, where columns without marker come from."""
    missing: set[str] = set()
    for table in tables:
        for reference in table.references:
            if reference.parent.schema not in seen and reference.parent not in known:
                unmarked = {column.name for column in table.columns if column.mark[0] is None}
                missing |= {reference.parent.schema} if unmarked.intersection(reference.columns) else set()
    return missing


class _Types:
    """Finds the declared type and the comment of columns, through foreign keys where they carry no marker."""

    def __init__(self, raw: Mapping[TableName, RawTable], known: Mapping[TableName, TableSpec]) -> None:
        self._raw = raw
        self._known = known
        self._columns: dict[TableName, dict[str, RawColumn]] = {}

    def of(self, table: TableName, name: str, hops: int = 0) -> tuple[AttributeType, str]:
        """Return type and comment of a column."""
        column = self._columns_of(table)[name]
        marker, comment = column.mark
        if marker is not None:
            return _marked(marker, column.native), comment
        origin = _parent_of(self._raw[table], name)
        if origin is None or hops > 100 or origin == (table, name):
            return column.native, comment
        found = self._origin(*origin, hops)
        if found is None or found[0].autoincrement:  # the origin is numbered, what refers to it is not
            return column.native, comment or (found[1] if found else "")
        return found[0], comment or found[1]

    def _columns_of(self, table: TableName) -> dict[str, RawColumn]:
        found = self._columns.get(table)
        if found is None:
            found = self._columns[table] = {column.name: column for column in self._raw[table].columns}
        return found

    def _origin(self, parent: TableName, name: str, hops: int) -> tuple[AttributeType, str] | None:
        if parent in self._raw and name in self._columns_of(parent):
            return self.of(parent, name, hops + 1)
        if parent in self._known:
            attribute = self._known[parent].attribute(name)
            return attribute.dtype, attribute.comment
        return None


def _parent_of(table: RawTable, column: str) -> tuple[TableName, str] | None:
    """Return the column that the first reference of a column leads to."""
    for reference in table.references:
        if column in reference.columns:
            return reference.parent, reference.parent_columns[reference.columns.index(column)]
    return None


def _marked(marker: str, native: AttributeType) -> AttributeType:
    """Return the type a marker names; one of an older release that is no type now leaves the native type."""
    if marker == "attach" and native.kind == "blob":  # of 0.14, with the bytes of <attach>
        return parse_type("<attach>")
    if native.kind == "bytes" and (match := _IN_STORE.fullmatch(marker)):
        return replace(native, text=marker, codec=match[1], store=match[2])
    try:
        dtype = parse_type(marker)
    except UnknownTypeError:
        return native
    if marker == "datetime" and native.kind == "datetime" and native.length:
        return native  # on PostgreSQL 2.x makes columns of microseconds of it (TYP-25)
    return dtype
