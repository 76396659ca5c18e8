"""Blobs of the 32-bit MATLAB library, whose counts and lengths have 4 bytes, in the ordinary layout."""

from __future__ import annotations

import struct
from math import prod
from struct import Struct

from datajoint.codecs.blob.arrays import DTYPES, OBJECT
from datajoint.codecs.blob.compression import DAMAGED
from datajoint.errors import DecodeError

__all__ = ["widen"]

_word = Struct("<I").unpack_from
_long = Struct("<Q").pack
_COLLECTIONS = {0x01: 1, 0x02: 1, 0x03: 1, 0x04: 2}  # tag → elements an item
_TEXTS = (0x05, 0x06, 0x64)


def widen(element: bytes) -> bytes:
    r"""Return an element with its 4-byte counts and lengths written in 8 bytes.

    Examples
    --------
    >>> widen(b"\x05\x02\0\0\0ab")
    b'\x05\x02\x00\x00\x00\x00\x00\x00\x00ab'
    """
    try:
        wide, end = _element(element, 0, len(element))
    except (struct.error, IndexError, ValueError, RecursionError) as error:
        raise DecodeError(f"The blob cannot be read with 32-bit lengths: {error}.", hint=DAMAGED) from error
    return wide + element[end:]


def _element(data: bytes, pos: int, end: int) -> tuple[bytes, int]:
    """Widen the element at `pos`; return it and the position after it."""
    tag = data[pos]
    if tag in (0x41, 0x43, 0x53):
        return _shaped(data, pos, end)
    if tag == 0x46:
        return _fields(data, pos, end)
    if tag in _COLLECTIONS:
        count = _word(data, pos + 1)[0]
        wide, after = _sized(data, pos + 5, end, count * _COLLECTIONS[tag])
        return data[pos : pos + 1] + _long(count) + wide, after
    if tag in _TEXTS:
        return data[pos : pos + 1] + _long(_word(data, pos + 1)[0]) + data[pos + 5 : end], end
    return data[pos:end], end


def _sized(data: bytes, pos: int, end: int, count: int) -> tuple[bytes, int]:
    """Widen `count` elements that have their length before them."""
    if count * 5 > end - pos:
        raise ValueError(f"a collection of {count} elements does not fit into its bytes")
    pieces: list[bytes] = []
    for _ in range(count):
        stop = pos + 4 + _word(data, pos)[0]
        wide, after = _element(data, pos + 4, min(stop, end))
        if after != stop:
            raise ValueError("an element has a wrong length")
        pieces += (_long(len(wide)), wide)
        pos = stop
    return b"".join(pieces), pos


def _shaped(data: bytes, pos: int, end: int) -> tuple[bytes, int]:
    """Widen an array, cell array or struct array."""
    tag = data[pos]
    ndim = _word(data, pos + 1)[0]
    start = pos + 5 + 4 * ndim
    shape = Struct(f"<{ndim}I").unpack(data[pos + 5 : start]) if start <= end else ()
    head = data[pos : pos + 1] + _long(ndim) + b"".join(map(_long, shape))
    count = prod(shape)
    if tag == 0x43:
        wide, after = _sized(data, start, end, count)
        return head + wide, after
    if tag == 0x53:
        fields, after = _names_end(data, start, end)
        wide, stop = _sized(data, after, end, count * fields)
        return head + data[start:after] + wide, stop
    type_id, is_complex = Struct("<II").unpack_from(data, start)
    if type_id == OBJECT:
        wide, after = _sized(data, start + 8, end, count)
        return head + data[start : start + 8] + wide, after
    after = start + 8 + count * _item_size(type_id, is_complex)
    return head + data[start:after], after


def _item_size(type_id: int, is_complex: int) -> int:
    dtype = DTYPES.get((type_id, is_complex))
    if dtype is None:
        raise ValueError(f"an array has the unknown type {type_id}")
    return 8 if "M" in dtype else int(dtype[2:])


def _names_end(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Return the number of field names at `pos` and the position after them."""
    count = _word(data, pos)[0]
    if count > end - pos:
        raise ValueError(f"a struct of {count} fields does not fit into its bytes")
    pos += 4
    for _ in range(count):
        pos = data.index(b"\0", pos, end) + 1
    return count, pos


def _fields(data: bytes, pos: int, end: int) -> tuple[bytes, int]:
    count, after = _names_end(data, pos + 1, end)
    pieces = [data[pos:after]]
    for _ in range(count):
        wide, after = _element(data, after, end)
        pieces.append(wide)
    return b"".join(pieces), after
