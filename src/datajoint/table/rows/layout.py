"""Facts about a table that an insert needs, loaded once for each table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import Any, TypeVar

from datajoint.algebra.plans.nodes import Source
from datajoint.backends.base import Dialect
from datajoint.codecs.chain import CodecChain, resolve
from datajoint.codecs.context import CodecContext
from datajoint.codecs.releases import earlier_releases
from datajoint.engine.connection import Connection
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName, tier_of
from datajoint.heading.types import AttributeType, parse_type
from datajoint.sql.dml import Column
from datajoint.sql.system_tables.external import EXTERNAL

__all__ = ["EVENT", "Encoding", "Layout", "layout_of"]

T = TypeVar("T")

EVENT: Column = ("_event", parse_type("int64"))
"""The hidden column that names the event of a row."""


_KEPT = 64
"""How many choices of columns are kept."""


class Encoding:
    """How the values of an attribute are stored.

    Attributes
    ----------
    chain
        Codecs of the attribute, or None.
    storage
        Type of the column.
    to_driver
        Function stored value → what the driver binds, or None.
    is_shared
        Whether earlier releases are to read the values: blobs are written as these know them.
    """

    __slots__ = ("chain", "context", "is_shared", "storage", "to_driver", "wants_key")

    def __init__(self, attribute: Attribute, layout: Layout) -> None:
        connection, name = layout.connection, layout.name
        dtype = attribute.dtype
        self.chain: CodecChain | None = None
        self.storage: AttributeType = dtype
        if dtype.kind == "codec":
            self.chain = resolve(str(dtype.codec), dtype.store)
            self.storage = parse_type(self.chain.storage)
        self.wants_key = self.chain is not None and any(
            "key" in link.encode_options for link in self.chain.links
        )
        database = connection.catalog.database if dtype.store is not None else None
        self.context = CodecContext(name.schema, name.name, attribute.name, connection.config, database)
        self.to_driver: Callable[[Any], Any] | None = connection.dialect.encoder(self.storage)
        packs = self.chain is not None and any(link.codec.name == "blob" for link in self.chain.links)
        self.is_shared = not packs or layout.is_shared

    def encode(self, value: Any, key: Mapping[str, Any] | None) -> Any:
        """Return what is stored for a value, by the codecs of the attribute."""
        chain = self.chain
        assert chain is not None  # noqa: S101 - the caller has seen it
        with earlier_releases() if self.is_shared else nullcontext():
            return chain.encode(value, key=key, context=self.context)


class Layout:
    """A table as an insert sees it.

    Attributes
    ----------
    source
        Its plan, which keeps the texts of statements.
    key
        Columns of the primary key, the hidden one of a singleton included.
    required
        Attributes without default.
    references
        Nullable columns of each foreign key that has several: all NULL or none (FK-16).
    uniques
        Columns of the unique indexes beside the primary key.
    has_event
        Whether rows carry their event.
    has_provenance, has_job
        Whether they have the hidden columns of other releases: who entered them, how long they were made.
    in_stores
        Whether values go to object stores before their row does.
    noticed
        What users were told of conversions: attribute and what happened.
    known
        What is kept about choices of fields.
    """

    def __init__(self, connection: Connection, name: TableName) -> None:
        spec = connection.catalog.spec(name)
        self.connection = connection
        self.name = name
        self.spec = spec
        self.label = name.class_name
        self.source: Source = connection.catalog.source(name)
        self.heading: Heading = self.source.heading
        self.key = spec.primary_key
        self.required = frozenset(a.name for a in spec.attributes if _is_required(a))
        self.counters = tuple(a.name for a in spec.attributes if a.autoincrement)
        nullable = {a.name for a in spec.attributes if a.nullable}
        open_columns = (tuple(c for c in fk.columns if c in nullable) for fk in spec.foreign_keys)
        self.references = tuple(columns for columns in open_columns if len(columns) > 1)
        self.uniques = tuple(index.columns for index in spec.indexes if index.unique)
        self.uniques += tuple(fk.columns for fk in spec.foreign_keys if fk.unique)
        hidden = {a.name for a in spec.hidden}
        self.has_event = EVENT[0] in hidden
        self.has_provenance = "_prov" in hidden
        self.has_job = hidden.issuperset(("_job_start_time", "_job_duration", "_job_version"))
        self.in_stores = any(a.dtype.store is not None for a in spec.attributes)
        self.dialect: Dialect = connection.dialect
        self.noticed: set[tuple[str, str]] = set()
        self.known: dict[tuple[str, ...], Any] = {}
        self._encodings: dict[str, Encoding] = {}
        self._columns: dict[tuple[str, ...], tuple[Column, ...]] = {}

    @cached_property
    def is_shared(self) -> bool:
        """Whether earlier releases read tables of the schema, too; costly, and asked for blobs only."""
        return _is_shared(self.connection, self.name.schema)

    def encoding(self, name: str) -> Encoding:
        """Return how an attribute is stored; its codec is looked up when first needed (COD-25)."""
        found = self._encodings.get(name)
        if found is None:
            attribute = self.spec.attribute(name)
            found = self._encodings[name] = Encoding(attribute, self)
        return found

    def columns(self, names: tuple[str, ...]) -> tuple[Column, ...]:
        """Return columns with the types that they are stored as."""
        found = self._columns.get(names)
        if found is None:
            found = tuple((name, self.encoding(name).storage) for name in names)
            if len(self._columns) < _KEPT:
                self._columns[names] = found
        return found

    def know(self, names: tuple[str, ...], found: T) -> T:
        """Keep something about a choice of fields."""
        if len(self.known) < _KEPT:
            self.known[names] = found
        return found


def _is_shared(connection: Connection, schema: str) -> bool:
    """Whether a schema is one that earlier releases use too, or is to be kept so.

    They know only servers. Tables that they declared lack the hidden column of events; 0.14 also logs.
    """
    if connection.config.interop.native_blobs == "raw":
        return True
    if not connection.dialect.features.server:
        return False
    names = connection.catalog.tables(schema)
    if any(name.name == "~log" or name.name.startswith(EXTERNAL) for name in names):
        return True
    specs = (names[name] for name in names if tier_of(name.name) is not None)
    return any(all(a.name != EVENT[0] for a in spec.hidden) for spec in specs)


def _is_required(attribute: Attribute) -> bool:
    return attribute.default is None and not attribute.nullable and not attribute.autoincrement


def layout_of(connection: Connection, name: TableName) -> Layout:
    """Return the layout of a table; it is kept with the plan of the table and goes with it."""
    source = connection.catalog.source(name)
    found = source.statements.get("layout")
    if found is None:
        found = source.statements["layout"] = Layout(connection, name)
    return found
