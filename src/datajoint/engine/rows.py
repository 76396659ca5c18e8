"""From the rows of a driver to Python values: one decoder a column, chosen once a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from datajoint.backends.base import MOST_ROWS, Dialect
from datajoint.codecs import chain as chains, context, threads
from datajoint.engine import external
from datajoint.heading.attribute import Attribute
from datajoint.heading.core_types import KINDS
from datajoint.heading.types import AttributeType, parse_type

if TYPE_CHECKING:
    from datajoint.settings.config import Config

__all__ = ["RowDecoder", "storage_type"]

_CHUNK = 1000
_MANY = 200
_FEW_ROWS = 16
_LARGE = frozenset(("codec", "blob", "bytes", "json", "text", "native"))
_LONG = 1000
_CORE = frozenset(KINDS) | {"blob", "codec"}


def _may_be_large(attribute: Attribute) -> bool:
    dtype = attribute.dtype
    return dtype.kind in _LARGE or (dtype.length or 0) > _LONG


def storage_type(dtype: AttributeType) -> AttributeType:
    """Return the core type that values of a type are stored as."""
    if dtype.kind == "codec":
        return parse_type(chains.resolve(str(dtype.codec), dtype.store).storage)
    return dtype


class RowDecoder:
    """Decodes the rows of some attributes.

    Attributes
    ----------
    names
        Of the columns, in order.
    core
        Whether all columns are of core types.
    part
        How many rows to read at first where not all are to be held.
    """

    def __init__(
        self,
        attributes: Iterable[Attribute],
        dialect: Dialect,
        config: Config,
        connection: external.Source | None = None,
    ) -> None:
        self._attributes = tuple(attributes)
        self._dialect, self._config, self._connection = dialect, config, connection
        self.names = tuple([a.name for a in self._attributes])
        self.part = _FEW_ROWS if any(map(_may_be_large, self._attributes)) else MOST_ROWS
        self.core = _CORE.issuperset([a.dtype.kind for a in self._attributes])
        self._one: list[tuple[int, Callable[[Any], Any]]] | None = None

    @cached_property
    def decoders(self) -> list[tuple[int, Callable[[Sequence[Any]], list[Any]]]]:
        """Place and decoder of each column whose values the driver gives in another form."""
        found = [(n, self._column(a)) for n, a in enumerate(self._attributes)]
        return [(n, decode) for n, decode in found if decode]

    def _values(self) -> list[tuple[int, Callable[[Any], Any]]]:
        """Return place and decoder of each value of a row that the driver gives in another form."""
        return [(n, decode) for n, a in enumerate(self._attributes) if (decode := self._value(a))]

    def _value(self, attribute: Attribute) -> Callable[[Any], Any] | None:
        dtype = attribute.dtype
        if dtype.kind == "blob":
            return _native_blob(self._config)
        if dtype.kind == "codec":
            return _LateCodec(attribute, self._dialect, self._config)
        if self._connection is not None and dtype.codec is not None:
            return external.ExternalColumn(attribute, _context(attribute, self._config), self._connection)
        return self._dialect.decoder(dtype)

    def _column(self, attribute: Attribute) -> Callable[[Sequence[Any]], list[Any]] | None:
        if attribute.dtype.kind == "blob" or attribute.dtype.codec is not None:
            decode = self._value(attribute)
            if decode is not None and hasattr(decode, "column"):
                return cast("_LateCodec", decode).column
            return decode and (lambda values: [None if value is None else decode(value) for value in values])
        return self._dialect.decode_column(attribute.dtype)

    def row(self, row: Sequence[Any]) -> Sequence[Any]:
        """Decode one row."""
        if self._one is None:
            self._one = self._values()
        if not self._one and self.names:
            return row
        values = list(row) if self.names else []
        for n, decode in self._one:
            if values[n] is not None:
                values[n] = decode(values[n])
        return values

    def columns(self, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Decode rows to columns."""
        if not rows or not self.names:
            return [[] for _ in self.names]
        columns: list[Any] = [[] for _ in self.names]
        values = [itemgetter(n) for n in range(len(columns))]
        for start in range(0, len(rows), _CHUNK):  # what was read once is still at hand for the next column
            part = rows[start : start + _CHUNK]
            for column, value in zip(columns, values, strict=True):
                column.extend(map(value, part))
        for n, decode in self.decoders:
            columns[n] = decode(columns[n])
        return columns

    def tuples(self, rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """Decode rows, a thousand at a time: faster than by row, and lighter than all at once."""
        if not self.decoders or not self.names:
            yield from rows
            return
        for start in range(0, len(rows), _CHUNK):
            yield from zip(*self.columns(rows[start : start + _CHUNK]), strict=True)

    def few_dicts(self, rows: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Decode rows to dicts, as many at a time as may be held: decoded, they may be much larger."""
        for start in range(0, len(rows), self.part):
            yield from self.dicts(rows[start : start + self.part])

    def dicts(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Decode rows to dicts."""
        names = self.names
        if not names:
            return [{} for _ in rows]
        if len(rows) >= _MANY and len(rows[0]) == len(names):
            dicts = _display(names)(rows)
        else:
            dicts = [dict(zip(names, row)) for row in rows]  # noqa: B905 - strict doubles the time
        for n, decode in self.decoders:
            name = names[n]
            for row, value in zip(dicts, decode(list(map(itemgetter(n), rows))), strict=True):
                row[name] = value
        return dicts


@lru_cache(512)
def _display(names: tuple[str, ...]) -> Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]]:
    """Return the function that makes dicts with these names of rows, in half of the time of `dict(zip())`.

    Compiling it takes as long as some two hundred rows.
    """
    values = [f"v{n}" for n in range(len(names))]
    items = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    text = f"lambda rows: [{{{items}}} for {', '.join(values)}, in rows]"
    return cast("Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]]", eval(text, {}))  # noqa: S307 - of ours


def _native_blob(config: Config) -> Callable[[Any], Any] | None:
    if config.interop.native_blobs == "raw":
        return _bytes
    return _maybe_packed_narrow if config.blob.use_32bit_dims else _maybe_packed


def _bytes(value: Any) -> bytes:
    return bytes(value)


def _maybe_packed_narrow(value: Any) -> Any:
    return _maybe_packed(value, narrow=True)


def _maybe_packed(value: Any, narrow: bool = False) -> Any:
    data = bytes(value)
    packed = data[:4] in (b"mYm\0", b"dj0\0") or data[:6] == b"ZL123\0"
    if not packed:
        return data
    chain = chains.resolve("blob", None)  # found once; the blob modules load with the first blob
    chain = chain.narrow() if narrow else chain
    return cast("Callable[[Any], Any]", chain.plain_decode)(data)


class _LateCodec:
    """Decodes by a codec looked up when the first value comes: other attributes work without it (COD-25)."""

    def __init__(self, attribute: Attribute, dialect: Dialect, config: Config) -> None:
        self.attribute, self.dialect, self.config = attribute, dialect, config
        self._decode: Callable[[Any], Any] | None = None
        self._chain: chains.CodecChain | None = None

    def __call__(self, value: Any) -> Any:
        if self._decode is None:
            self._decode = self._resolve()
        return self._decode(value)

    def column(self, values: Sequence[Any]) -> list[Any]:
        """Decode a chunk of a column."""
        first = next((value for value in values if value is not None), None)
        if first is None:
            return list(values)
        decode = self._decode = self._decode or self._resolve()
        decoded = threads.side_by_side(self._chain, decode, values) if self._chain else None
        return [None if value is None else decode(value) for value in values] if decoded is None else decoded

    def _resolve(self) -> Callable[[Any], Any]:
        a = self.attribute
        chain = chains.resolve(str(a.dtype.codec), a.dtype.store)
        if self.config.blob.use_32bit_dims:
            chain = chain.narrow()
        self._chain = chain
        stored = self.dialect.decoder(parse_type(chain.storage))
        if chain.plain_decode is not None and stored is None:
            return chain.plain_decode
        context = _context(a, self.config)

        def decode(value: Any) -> Any:
            return chain.decode(stored(value) if stored else value, key=None, context=context)

        return decode


def _context(attribute: Attribute, config: Config) -> context.CodecContext:
    for source, name, _ in attribute.origins:
        if hasattr(source, "schema"):
            return context.CodecContext(schema=source.schema, table=source.name, field=name, config=config)
    return context.CodecContext(schema="", table="", field=attribute.name, config=config)
