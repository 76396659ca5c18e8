"""Encoding of checked rows by codecs and for the driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, cast

from datajoint import logging
from datajoint._value import Value
from datajoint.codecs import threads
from datajoint.codecs.blob.writer import pack
from datajoint.errors import DataJointError, EncodeError
from datajoint.heading import float32
from datajoint.heading.values import show
from datajoint.sql.dml import Column
from datajoint.sql.system_tables.external import EXTERNAL
from datajoint.table.rows.layout import Layout
from datajoint.table.rows.row_checks import Checked, place

__all__ = ["Batch", "EncodeTypeError", "EncodeValueError", "encode"]

_SIZED = ("bytes", "blob", "json", "text", "varchar")


class EncodeValueError(EncodeError, ValueError):
    """A codec refuses a value by ValueError (COD-21)."""


class EncodeTypeError(EncodeError, TypeError):
    """A codec refuses a value by TypeError (COD-21)."""


class Batch(Value):
    """Rows ready to be sent, by column: rows are put together when they are sent.

    Attributes
    ----------
    columns
        Names and storage types.
    size
        Number of rows.
    parts
        Driver values of some rows each, by column.
    checked
        What the parts were made from, for messages about them.
    """

    columns: tuple[Column, ...]
    size: int
    parts: Sequence[tuple[Sequence[Any], ...]]
    checked: Sequence[Checked]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows."""
        if not self.columns:
            return repeat((), self.size)
        return chain.from_iterable(zip(*part, strict=True) for part in self.parts)

    def with_rows(self, other: Batch) -> Batch:
        """Return both together; they have the same columns."""
        parts, checked = (*self.parts, *other.parts), (*self.checked, *other.checked)
        return Batch(self.columns, self.size + other.size, parts, checked)

    @property
    def byte_count(self) -> int:
        """About how many bytes the rows hold."""
        total = 8 * self.size * len(self.columns)
        for n, (_, dtype) in enumerate(self.columns):
            if dtype.kind in _SIZED:
                total += sum(len(value) for part in self.parts for value in part[n] if value is not None)
        return total


def encode(layout: Layout, checked: Checked) -> Batch:
    """Return rows as the driver takes them."""
    columns = layout.columns(checked.names)
    encoded = [_column(layout, checked, name, values)
               for name, values in zip(checked.names, checked.columns, strict=True)]  # fmt: skip
    return Batch(columns, len(checked.rows), (tuple(encoded),), (checked,))


def _column(layout: Layout, checked: Checked, name: str, values: Sequence[Any]) -> Sequence[Any]:
    encoding = layout.encoding(name)
    if encoding.chain is not None:
        values = _by_codec(layout, checked, name, values)
    elif encoding.storage.codec is not None:  # a store column of 0.14
        values = _each(layout, checked, name, values, _refuser(layout, name))
    elif encoding.storage.kind == "blob":
        values = _each(layout, checked, name, values, _blob_packer(layout, name))
    convert = encoding.to_driver
    if convert is None:
        return values
    if encoding.storage.kind == "float32":
        return float32.rounded_column(values)
    if None in values:
        return [None if value is None else convert(value) for value in values]
    return list(map(convert, values))


def _by_codec(layout: Layout, checked: Checked, name: str, values: Sequence[Any]) -> Sequence[Any]:
    encoding = layout.encoding(name)
    codecs = encoding.chain
    assert codecs is not None  # noqa: S101 - the caller has seen it
    if not encoding.wants_key:

        def encode_one(value: Any) -> Any:
            return encoding.encode(value, None)

        try:
            encoded = threads.side_by_side(codecs, encode_one, values)
        except (DataJointError, TypeError, ValueError):  # told below, with its row
            encoded = None
        return _each(layout, checked, name, values, encode_one) if encoded is None else encoded
    keys = _keys(layout, checked)
    result: list[Any] = []
    for key, row, value in zip(keys, checked.rows, values, strict=True):
        one = Checked([row], (), ())
        result += _each(layout, one, name, [value], lambda v, key=key: encoding.encode(v, key))
    return result


def _keys(layout: Layout, checked: Checked) -> list[dict[str, Any]]:
    given = dict(zip(checked.names, checked.columns, strict=True))
    names = [name for name in layout.heading.key if name in given]
    if not names:
        return [{} for _ in checked.rows]
    return [dict(zip(names, values, strict=True)) for values in zip(*(given[n] for n in names), strict=True)]


def _each(
    layout: Layout, checked: Checked, name: str, values: Sequence[Any], convert: Callable[[Any], Any]
) -> list[Any]:
    """Convert the values that are not None; name row and attribute where one is refused."""
    result: list[Any] = []
    for n, value in enumerate(values):
        try:
            result.append(None if value is None else convert(value))
        except DataJointError as error:
            error.suggest(f"The value is that of attribute `{name}` of {place(layout, checked.rows[n])}.")
            raise
        except (TypeError, ValueError) as error:
            kind = EncodeTypeError if isinstance(error, TypeError) else EncodeValueError
            dtype = layout.heading[name].type
            raise kind(
                f"{place(layout, checked.rows[n])}: attribute `{name}` ({dtype}): {error}",
                table=str(layout.name), attribute=name, row=checked.rows[n],
            ) from error  # fmt: skip
    return result


def _refuser(layout: Layout, name: str) -> Callable[[Any], Any]:
    dtype = layout.heading[name].dtype

    def refuse(_: Any) -> Any:
        raise DataJointError(
            f"`{layout.label}.{name}` is {dtype} of release 0.14, which is read here and not written: "
            f"0.14 counts its objects in `{EXTERNAL}{dtype.store}`.",
            hint=f"Insert this value with 0.14, or add an attribute `<{dtype}>`.",
        )

    return refuse


def _blob_packer(layout: Layout, name: str) -> Callable[[Any], bytes]:
    """Return the encoder of a native blob: bytes as they are, other values packed (TYP-18)."""
    raw = layout.connection.config.interop.native_blobs == "raw"
    told = layout.source

    def packed(value: Any) -> bytes:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(cast(bytes, value))
        if raw:
            raise ValueError(f"{show(value)} ({type(value).__name__}) is not bytes.")
        if told.child(("packed", name)) is None:
            told.keep(("packed", name), True)
            where = f"`{layout.label}.{name}`"
            logging.logger.info(f"{where} is a native blob: values are packed; declare it as <blob>")
        return pack(value)

    return packed
