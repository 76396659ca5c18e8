"""Blob bytes → values.

Every reader takes the bytes, the position after the tag and the end of the element, which it must
consume exactly, so that a damaged blob is refused and never read as something else. Counts are checked
against the bytes that are there before anything is allocated for them.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from functools import lru_cache
from math import prod
from struct import Struct
from typing import Any

from datajoint.codecs.blob import extension, matlab
from datajoint.codecs.blob.arrays import CHAR, DTYPES, OBJECT
from datajoint.codecs.blob.compression import DAMAGED, ENVELOPE, inflate
from datajoint.codecs.blob.narrow import widen
from datajoint.codecs.blob.squeeze import squeezed
from datajoint.errors import DecodeError

__all__ = ["unpack", "unpack_narrow"]

_length = Struct("<Q").unpack_from
_names_count = Struct("<I").unpack_from
_double = Struct("<d").unpack_from
_two_doubles = Struct("<dd").unpack_from
_datetime = Struct("<iq").unpack_from
_array_type = Struct("<II").unpack_from
_sized_tag = Struct("<QB").unpack_from
_FLOAT_PREFIX = Struct("<QB").pack(9, 0x0D)
_FLOATS_FROM = 32  # from here on columns are faster than one structure
_MAX_NDIM = 64
_BYTES: tuple[type[Any], ...] = (bytes, bytearray, memoryview)


def unpack(data: Any, squeeze: bool = False, *, use_32bit_dims: bool = False) -> Any:
    r"""Return the value in a blob.

    Parameters
    ----------
    data
        The stored bytes (bytes, bytearray or memoryview).
    squeeze
        Remove dimensions of length one from arrays; an array of one number becomes that number.
    use_32bit_dims
        Read what the 32-bit MATLAB library wrote, whose lengths have 4 bytes. Nothing in the data tells.

    Raises
    ------
    DecodeError
        The bytes are no blob, are damaged, or hold what cannot be read (MATLAB's sparse arrays).

    Examples
    --------
    >>> unpack(b"dj0\0\x0b\x01")
    True
    """
    plain = _plain(data)
    if use_32bit_dims:
        plain = plain[:4] + widen(plain[4:])
    try:
        value = _READERS[plain[4]](plain, 5, len(plain))
    except _FAILURES as error:
        raise DecodeError(f"The blob cannot be read: {error}.", hint=DAMAGED) from error
    return squeezed(value) if squeeze else value


def unpack_narrow(data: Any, squeeze: bool = False) -> Any:
    r"""Return the value in a blob, where those that may be of MATLAB are of its 32-bit library.

    Only what begins with ``mYm`` may be; other blobs are read as ever.

    Examples
    --------
    >>> unpack_narrow(b"dj0\0\x0b\x01")
    True
    """
    plain = _plain(data)
    return unpack(plain, squeeze, use_32bit_dims=plain.startswith(b"mYm"))


def _plain(data: Any) -> bytes:
    """Check the header and undo the compression."""
    if type(data) is not bytes:
        if not isinstance(data, _BYTES):
            raise DecodeError(f"A blob is bytes, not an object of type {type(data).__name__}.")
        data = bytes(data)
    if data.startswith(ENVELOPE):
        data = inflate(data)
    if not data.startswith((b"dj0\0", b"mYm\0")) or len(data) < 5:
        raise DecodeError(
            f"The bytes {data[:6]!r}… are no blob: it begins with mYm, dj0 or ZL123.",
            hint="Was the value written by something other than DataJoint?",
        )
    return data


# elements with their length before them


def _elements(data: bytes, pos: int, end: int, count: int) -> list[Any]:
    """Read `count` elements that fill the bytes up to `end`."""
    if end - pos == 17 * count and count and data[pos + 8] == 0x0D:
        floats = _floats(data, pos, end, count)
        if floats is not None:
            return floats
    values: list[Any] = []
    append = values.append
    while pos < end:
        size, tag = _sized_tag(data, pos)
        pos += 9
        stop = pos + size - 1
        if stop > end:
            raise ValueError("an element reaches beyond the collection it is in")
        append(_READERS[tag](data, pos, stop))
        pos = stop
    if pos != end or len(values) != count:
        raise ValueError(f"a collection of {count} elements does not fill its bytes")
    return values


@lru_cache(maxsize=_FLOATS_FROM)
def _float_row(count: int) -> Callable[[bytes, int], tuple[Any, ...]]:
    return Struct("<" + count * "QBd").unpack_from


def _floats(data: bytes, pos: int, end: int, count: int) -> list[Any] | None:
    """Read a list of floats only, all of 17 bytes: as one structure, or column by column."""
    if count < _FLOATS_FROM:
        row = _float_row(count)(data, pos)
        return list(row[2::3]) if row[::3].count(9) == count == row[1::3].count(0x0D) else None
    for offset, byte in enumerate(_FLOAT_PREFIX):
        if data[pos + offset : end : 17] != bytes((byte,)) * count:
            return None
    packed = bytearray(8 * count)
    for offset in range(8):
        packed[offset::8] = data[pos + 9 + offset : end : 17]
    return list(Struct(f"<{count}d").unpack(packed))


# scalars


def _int(data: bytes, pos: int, end: int) -> int:
    if data[pos] + 256 * data[pos + 1] != end - pos - 2:
        raise ValueError("an int has a wrong length")
    return int.from_bytes(data[pos + 2 : end], "little", signed=True)


def _float(data: bytes, pos: int, end: int) -> float:
    if end - pos != 8:
        raise ValueError("a float has a wrong length")
    return _double(data, pos)[0]


def _bool(data: bytes, pos: int, end: int) -> bool:
    if end - pos != 1:
        raise ValueError("a bool has a wrong length")
    return data[pos] != 0


def _none(data: bytes, pos: int, end: int) -> None:
    if end != pos:
        raise ValueError("a None has a wrong length")


def _fixed(read: Callable[[bytes, int], Any], size: int) -> Callable[[bytes, int, int], Any]:
    def reader(data: bytes, pos: int, end: int) -> Any:
        if end - pos != size:
            raise ValueError(f"an element has {end - pos} bytes instead of {size}")
        return read(data, pos)

    return reader


def _complex(data: bytes, pos: int) -> complex:
    return complex(*_two_doubles(data, pos))


def _uuid(data: bytes, pos: int) -> Any:
    from uuid import UUID

    return UUID(bytes=data[pos : pos + 16])


def _moment(data: bytes, pos: int) -> dt.datetime | dt.date | dt.time | None:
    date, time = _datetime(data, pos)
    day = None if date == -1 else dt.date(date // 10000, date // 100 % 100, date % 100)
    if time == -1:
        return day
    seconds, micro = divmod(time, 1_000_000)
    clock = dt.time(seconds // 10000, seconds // 100 % 100, seconds % 100, micro)
    return clock if day is None else dt.datetime.combine(day, clock)


def _text_bytes(data: bytes, pos: int, end: int) -> bytes:
    if _length(data, pos)[0] != end - pos - 8:
        raise ValueError("a text has a wrong length")
    return data[pos + 8 : end]


def _str(data: bytes, pos: int, end: int) -> str:
    return _text_bytes(data, pos, end).decode()


def _decimal(data: bytes, pos: int, end: int) -> Any:
    from decimal import Decimal

    return Decimal(_text_bytes(data, pos, end).decode("ascii"))


# collections


def _list(data: bytes, pos: int, end: int) -> list[Any]:
    return _elements(data, pos + 8, end, _length(data, pos)[0])


def _tuple(data: bytes, pos: int, end: int) -> tuple[Any, ...]:
    return tuple(_list(data, pos, end))


def _set(data: bytes, pos: int, end: int) -> set[Any]:
    values = _list(data, pos, end)
    try:
        return set(values)
    except TypeError:
        return set(map(_hashable, values))


def _hashable(value: Any) -> Any:
    """Make a set, perhaps in a tuple, usable as a key: it was a frozenset when it was stored."""
    kind = value.__class__
    if kind is set:
        return frozenset(map(_hashable, value))
    return tuple(map(_hashable, value)) if kind is tuple else value


@lru_cache(maxsize=4096)
def _word(element: bytes) -> str | None:
    """Decode a short text given with its length; the keys of dicts repeat from row to row."""
    if len(element) < 17 or element[8] != 0x05 or _length(element, 0)[0] != len(element) - 8:
        return None
    return _str(element, 9, len(element))


def _dict(data: bytes, pos: int, end: int) -> dict[Any, Any]:
    count = _length(data, pos)[0]
    pos += 8
    if count * 18 > end - pos:
        raise ValueError(f"a dict of {count} items does not fit into its bytes")
    result: dict[Any, Any] = {}
    for _ in range(count):
        start = pos
        pos += 8 + data[pos]
        key: Any = _word(data[start:pos])
        if key is None:
            key, pos = _key(data, start, end)
        size, tag = _sized_tag(data, pos)
        pos += 9
        stop = pos + size - 1
        if stop > end:
            raise ValueError("an element reaches beyond the dict it is in")
        result[key] = _READERS[tag](data, pos, stop)
        pos = stop
    if pos != end:
        raise ValueError(f"a dict of {count} items does not fill its bytes")
    return result


def _key(data: bytes, pos: int, end: int) -> tuple[Any, int]:
    stop = pos + 8 + _length(data, pos)[0]
    if stop > end:
        raise ValueError("a key reaches beyond the dict it is in")
    return _hashable(_READERS[data[pos + 8]](data, pos + 9, stop)), stop


# arrays


@lru_cache(maxsize=64)
def _dtype(type_id: int, is_complex: int) -> Any:
    import numpy as np

    text = DTYPES.get((type_id, is_complex))
    if text is None:
        raise ValueError(f"an array has the unknown type {type_id}{' (complex)' if is_complex else ''}")
    return np.dtype(text)


def _shape(data: bytes, pos: int, end: int) -> tuple[tuple[int, ...], int]:
    ndim = _length(data, pos)[0]
    if ndim > _MAX_NDIM:
        raise ValueError(f"an array has {ndim} dimensions")
    after = pos + 8 + 8 * ndim
    return Struct(f"<{ndim}Q").unpack(data[pos + 8 : after]), after


def _array(data: bytes, pos: int, end: int) -> Any:
    value, after = _raw_array(data, pos, end)
    if after != end:
        raise ValueError("an array does not fill its bytes")
    return value


def _raw_array(data: bytes, pos: int, end: int) -> tuple[Any, int]:
    """Read an array that may end before `end`; return it and the position after it."""
    import numpy as np

    shape, pos = _shape(data, pos, end)
    type_id, is_complex = _array_type(data, pos)
    pos += 8
    count = prod(shape)
    if type_id == OBJECT:
        return _objects(data, pos, end, shape)
    dtype = _dtype(type_id, is_complex)
    after = pos + count * dtype.itemsize
    if after > end:
        raise ValueError("an array is longer than its bytes")
    if is_complex:
        parts = np.frombuffer(data, f"<f{dtype.itemsize // 2}", 2 * count, pos)
        array = np.empty(count, dtype)
        array.real, array.imag = parts[:count], parts[count:]
    else:
        # a copy: it can be written to, and does not keep the whole blob alive
        array = np.frombuffer(data, dtype, count, pos).copy()
    if type_id == CHAR:
        return _characters(array, shape), after
    if len(shape) == 1:
        return array, after
    return (array.reshape(shape, order="F") if shape else array[0]), after


def _characters(units: Any, shape: tuple[int, ...]) -> Any:
    """Make text of 16-bit units: a row becomes one string, else each unit is a character."""
    import numpy as np

    if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1):
        return np.array([units.tobytes().decode("utf-16-le", "surrogatepass")])
    return np.array([chr(unit) for unit in units], dtype="U1").reshape(shape, order="F")


def _objects(data: bytes, pos: int, end: int, shape: tuple[int, ...]) -> tuple[Any, int]:
    count = prod(shape)
    after = _skip(data, pos, end, count)
    return _filled(_elements(data, pos, after, count), shape), after


def _skip(data: bytes, pos: int, end: int, count: int) -> int:
    """Return the position after `count` elements."""
    if count * 9 > end - pos:
        raise ValueError(f"a collection of {count} elements does not fit into its bytes")
    for _ in range(count):
        pos += 8 + _length(data, pos)[0]
    if pos > end:
        raise ValueError("an element reaches beyond the collection it is in")
    return pos


def _filled(values: list[Any], shape: tuple[int, ...]) -> Any:
    """Make an object array of values given in column-major order."""
    import numpy as np

    items: Any = np.fromiter(values, dtype=object, count=len(values))
    return items.reshape(shape, order="F")


def _cell(data: bytes, pos: int, end: int) -> Any:
    import numpy as np

    shape, pos = _shape(data, pos, end)
    values = _elements(data, pos, end, prod(shape))
    array: Any = _filled(values, shape) if values else np.empty(0, dtype=object)
    return array.view(matlab.classes()["MatCell"])


def _names(data: bytes, pos: int, end: int) -> tuple[list[str], int]:
    count = _names_count(data, pos)[0]
    pos += 4
    if count > end - pos:
        raise ValueError(f"a struct of {count} fields does not fit into its bytes")
    names: list[str] = []
    for _ in range(count):
        stop = data.index(b"\0", pos, end)
        names.append(data[pos:stop].decode())
        pos = stop + 1
    return names, pos


def _struct(data: bytes, pos: int, end: int) -> Any:
    import numpy as np

    shape, pos = _shape(data, pos, end)
    names, pos = _names(data, pos, end)
    if not names:
        if pos != end:
            raise ValueError("a struct without fields has content")
        return np.array(None, dtype=object)
    values = _elements(data, pos, end, prod(shape) * len(names))
    columns = {name: _filled(values[number :: len(names)], shape) for number, name in enumerate(names)}
    return _table(columns, shape).view(matlab.classes()["MatStruct"])


def _table(columns: dict[str, Any], shape: tuple[int, ...]) -> Any:
    import numpy as np

    dtype = np.dtype((np.record, [(name, column.dtype) for name, column in columns.items()]))
    table = np.empty(shape, dtype, order="F")
    for name, column in columns.items():
        table[name] = column
    return table


def _records(data: bytes, pos: int, end: int) -> Any:
    value, after = _raw_records(data, pos, end)
    if after != end:
        raise ValueError("a structured array does not fill its bytes")
    return value


def _raw_records(data: bytes, pos: int, end: int) -> tuple[Any, int]:
    import numpy as np

    names, pos = _names(data, pos, end)
    columns: dict[str, Any] = {}
    for name in names:
        field = _FIELDS.get(data[pos])
        if field is None:
            raise ValueError(f"the field {name!r} is no array")
        columns[name], pos = field(data, pos + 1, end)
    if not names:
        return np.array(None, dtype=object), pos
    shapes = {np.shape(column) for column in columns.values()}
    if len(shapes) != 1 or len(columns) != len(names):
        raise ValueError("the fields of a structured array do not fit together")
    columns = {name: np.asanyarray(column) for name, column in columns.items()}
    return _table(columns, shapes.pop()).view(np.recarray), pos


_FIELDS: dict[int, Callable[[bytes, int, int], tuple[Any, int]]] = {0x41: _raw_array, 0x46: _raw_records}


def _sparse(data: bytes, pos: int, end: int) -> Any:
    raise DecodeError(
        "The blob holds a sparse array of MATLAB, which cannot be read.", hint="Store `full(x)` instead."
    )


def _extended(data: bytes, pos: int, end: int) -> Any:
    kind, parts = _elements(data, pos, end, 2)
    try:
        return extension.build(kind, parts)
    except (LookupError, AttributeError) as error:
        raise ValueError(f"the parts of a {kind} do not fit ({error!r})") from error


class _Readers(dict[int, Callable[[bytes, int, int], Any]]):
    def __missing__(self, tag: int) -> Callable[[bytes, int, int], Any]:
        raise ValueError(f"it holds an element of the unknown kind 0x{tag:02x}")


_READERS = _Readers(
    {
        0x01: _tuple,
        0x02: _list,
        0x03: _set,
        0x04: _dict,
        0x05: _str,
        0x06: _text_bytes,
        0x0A: _int,
        0x0B: _bool,
        0x0C: _fixed(_complex, 16),
        0x0D: _float,
        0x41: _array,
        0x43: _cell,
        0x46: _records,
        0x50: _sparse,
        0x53: _struct,
        extension.TAG: _extended,
        0x64: _decimal,
        0x74: _fixed(_moment, 12),
        0x75: _fixed(_uuid, 16),
        0xFF: _none,
    }
)

# what reading damaged bytes can meet: wrong counts, wrong text, wrong decimals and dates, endless nesting
_FAILURES = (struct.error, IndexError, ValueError, ArithmeticError, TypeError, RecursionError, MemoryError)
