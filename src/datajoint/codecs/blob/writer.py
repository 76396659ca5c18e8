"""Values → blob bytes.

An *element* is a value with its length before it; each function here makes one, chosen by the exact type
of the value. A value of another type is asked for what it is.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping, MutableSequence, Sequence, Set as AbstractSet
from contextvars import ContextVar
from functools import lru_cache, partial
from struct import Struct
from typing import Any, TypeAlias

from datajoint.codecs.blob import extension, matlab
from datajoint.codecs.blob.arrays import CHAR, OBJECT, TYPE_IDS
from datajoint.codecs.blob.compression import deflate
from datajoint.errors import DataJointWarning, EncodeError

__all__ = ["pack"]

Pieces: TypeAlias = list[Any]  # bytes, or memory that can be joined to bytes; an element without its length

_MYM = b"mYm\0"
_DJ0 = b"dj0\0"
_length = Struct("<Q").pack
_sized_count = Struct("<QBQ").pack
_sized_tag = Struct("<QB").pack
_int8 = Struct("<QBHb").pack
_int16 = Struct("<QBHh").pack
_int32 = Struct("<QBHi").pack
_int_head = Struct("<QBH").pack
_sized_complex = Struct("<QBdd").pack
_datetime = Struct("<QBiq").pack
_array_head = (Struct("<BQII").pack, Struct("<BQQII").pack, Struct("<BQQQII").pack, Struct("<BQQQQII").pack)
_FLOATS_FROM = 16  # shorter lists are faster one by one
_COPIED_BELOW = 1 << 14

_extended: ContextVar[bool] = ContextVar("datajoint_extended_blob", default=False)


def pack(value: Any, compress: bool = True, *, extended: bool = False) -> bytes:
    r"""Return `value` as bytes of the blob format.

    Parameters
    ----------
    value
        None, a bool, number, text, bytes, date, time, Decimal, UUID, an array, or a list, tuple, set or
        dict of such.
    compress
        Compress what is longer than 1000 bytes and becomes shorter.
    extended
        Write values that the format of earlier releases would change (a time with its zone, a frozenset, a
        masked array) in elements of a kind that only this release reads.

    Raises
    ------
    EncodeError
        The value, or something in it, cannot be read back from a blob; names its type.

    Examples
    --------
    >>> pack("abc")
    b'dj0\x00\x05\x03\x00\x00\x00\x00\x00\x00\x00abc'
    """
    if not extended:
        return _pack(value, compress)
    token = _extended.set(True)
    try:
        return _pack(value, compress)
    finally:
        _extended.reset(token)


def _pack(value: Any, compress: bool) -> bytes:
    kind = value.__class__
    write = _ELEMENTS.get(kind)
    try:
        if write is not None:
            element = write(value)
            if len(element) <= 1004:
                return _DJ0 + element[8:]
            pieces: Pieces = [_DJ0, memoryview(element)[8:]]
        else:
            pieces = [_MYM if _for_matlab(value) else _DJ0, *_other(value)]
    except RecursionError:
        raise _refused(f"this {_name(value)}: it is nested too deeply or contains itself") from None
    plain = b"".join(pieces)
    return deflate(plain) if compress and len(plain) > 1000 else plain


def _refused(what: str, hint: str | None = None) -> EncodeError:
    return EncodeError(f"A blob cannot hold {what}.", hint=hint or _CONVERT)


_CONVERT = "Store it with a codec of its own, or convert it to arrays, numbers, text, lists and dicts first."


_INSTEAD = {
    "DataFrame": "Give frame.to_dict('list') or frame.to_records(index=False), or rows of a part table.",
    "Series": "Give series.to_numpy(), or series.to_dict() to keep its index.",
    "Tensor": "Give tensor.numpy().",
}


def instead(value: object) -> str | None:
    """Say what to store instead of an object of a well-known class, or None.

    Examples
    --------
    >>> instead("text") is None
    True
    """
    return _INSTEAD.get(type(value).__name__) if type(value).__module__ != "builtins" else None


def _name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# leaves

_float: Callable[[float], bytes] = partial(Struct("<QBd").pack, 9, 0x0D)
_BOOLS = {value: Struct("<QBB").pack(2, 0x0B, value) for value in (False, True)}
_NONE = {None: Struct("<QB").pack(1, 0xFF)}


def _complex(value: complex) -> bytes:
    return _sized_complex(17, 0x0C, value.real, value.imag)


def _int(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    if size == 1:
        return _int8(4, 0x0A, 1, value)
    if size == 2:
        return _int16(5, 0x0A, 2, value)
    if size == 4:
        return _int32(7, 0x0A, 4, value)
    if size > 65535:
        raise _refused(f"an int of {size} bytes (at most 65535)")
    return _int_head(3 + size, 0x0A, size) + value.to_bytes(size, "little", signed=True)


def _str(value: str) -> bytes:
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise _refused(f"a str with the character {value[error.start]!r}, which is no text") from error
    size = len(data)
    return _sized_count(size + 9, 0x05, size) + data


class _LongError(Exception):
    """A key of a dict is too long to be remembered."""


@lru_cache(maxsize=4096)
def _word(key: str) -> bytes:
    """Write a key of a dict; they repeat from row to row."""
    if len(key) > 100:
        raise _LongError
    return _str(key)


def _bytes(value: bytes | bytearray) -> bytes:
    size = len(value)
    return _sized_count(size + 9, 0x06, size) + value


def _date(value: dt.date) -> bytes:
    return _datetime(13, 0x74, (value.year * 100 + value.month) * 100 + value.day, -1)


def _time(value: dt.time) -> bytes:
    if value.tzinfo is not None or value.fold:
        special = _special(value)
        if special is not None:
            return special
        _warn_of_lost_zone(value)
    return _datetime(13, 0x74, -1, _ticks(value))


def _moment(value: dt.datetime) -> bytes:
    if value.tzinfo is not None or value.fold:
        special = _special(value)
        if special is not None:
            return special
        _warn_of_lost_zone(value)
    return _datetime(13, 0x74, (value.year * 100 + value.month) * 100 + value.day, _ticks(value))


def _ticks(value: dt.time | dt.datetime) -> int:
    return ((value.hour * 100 + value.minute) * 100 + value.second) * 1_000_000 + value.microsecond


def _warn_of_lost_zone(value: dt.time | dt.datetime) -> None:
    if value.tzinfo is None:
        return  # the fold of a time without zone has no meaning
    import warnings

    warnings.warn(
        f"A blob keeps no time zone: {value!r} will be read back without it. Store UTC, or text.",
        DataJointWarning,
        stacklevel=2,
    )


def _decimal(value: Any) -> bytes:
    data = str(value).encode("ascii")
    return _sized_count(len(data) + 9, 0x64, len(data)) + data


# collections


def _list(tag: int, values: Iterable[Any], count: int) -> bytes:
    body = b"".join([_ELEMENTS[type(value)](value) for value in values])
    return _sized_count(len(body) + 9, tag, count) + body


def _tuple_or_list(tag: int, values: Sequence[Any]) -> bytes:
    count = len(values)
    if count >= _FLOATS_FROM and type(values[0]) is float and set(map(type, values)) == {float}:
        return _sized_count(17 * count + 9, tag, count) + _floats(values)
    return _list(tag, values, count)


def _floats(values: Sequence[float]) -> bytearray:
    """Write the elements of a list of floats, all of 17 bytes, column by column."""
    data = Struct(f"<{len(values)}d").pack(*values)
    result = bytearray(_float(0.0) * len(values))
    for offset in range(8):
        result[9 + offset :: 17] = data[offset::8]
    return result


def _dict(value: Mapping[Any, Any]) -> bytes:
    pieces: list[bytes] = []
    append = pieces.append
    for key, item in value.items():
        try:
            append(_word(key) if type(key) is str else _ELEMENTS[type(key)](key))
        except _LongError:
            append(_str(key))
        append(_ELEMENTS[type(item)](item))
    body = b"".join(pieces)
    return _sized_count(len(body) + 9, 0x04, len(pieces) // 2) + body


def _set(value: AbstractSet[Any]) -> bytes:
    return _list(0x03, value, len(value))


# what earlier releases have no bytes for


def _special(value: Any) -> bytes | None:
    """Write a value that needs the extension, where that is allowed."""
    if not _extended.get():
        return None
    try:
        described = extension.describe(value)
    except TypeError as error:
        raise _refused(str(error)) from None
    if described is None:
        return None
    kind, parts = described
    body = _str(kind) + _ELEMENTS[type(parts)](parts)
    return _sized_tag(len(body) + 1, extension.TAG) + body


def _frozenset(value: frozenset[Any]) -> bytes:
    return _special(value) or _set(value)


def _bytearray(value: bytearray) -> bytes:
    return _special(value) or _bytes(value)


def _warn_of_class(value: Any, kind: type) -> None:
    """Say that an object of a subclass is read back as what it is a kind of; earlier releases did so too."""
    import warnings

    warnings.warn(
        f"A blob keeps an object of type {_name(value)} as a {kind.__name__}, and that is read back.",
        DataJointWarning,
        stacklevel=2,
    )


# what needs a closer look


def _other(value: Any) -> Pieces:
    """Write a value of a type that is not in the table, without its length."""
    special = _special(value)
    if special is not None:
        return [memoryview(special)[8:]]
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return _any_array(value, numpy)
        if isinstance(value, numpy.generic) and not isinstance(value, (numpy.str_, numpy.bytes_)):
            return _scalar(value, numpy)
    for kinds, write in _KINDS:
        if isinstance(value, kinds):
            if _extended.get():
                _warn_of_class(value, kinds[0])
            return [write(value)[8:]]
    if isinstance(value, dt.date):
        return [_day(value)[8:]]
    write = _BY_NAME.get(_name(value), _collection)
    return [write(value)[8:]]


def _collection(value: Any) -> bytes:
    if isinstance(value, memoryview):
        raise _refused("a memoryview", "Give bytes(x), or numpy.asarray(x).")
    for kind, write, plain in _COLLECTIONS:
        if isinstance(value, kind):
            if _extended.get():
                _warn_of_class(value, plain)
            return write(value)
    raise _refused(f"an object of type {_name(value)}", instead(value))


def _day(value: Any) -> bytes:
    """Write a date or datetime of a subclass, unless that has more to it (pandas)."""
    if value.__class__.__name__ == "NaTType" or getattr(value, "nanosecond", 0):
        raise _refused(f"an object of type {_name(value)} that is no time or has nanoseconds")
    return _moment(value) if isinstance(value, dt.datetime) else _date(value)


def _uuid(value: Any) -> bytes:
    return _length(17) + b"u" + value.bytes


def _other_element(value: Any) -> bytes:
    pieces = _other(value)
    return b"".join((_length(sum(map(len, pieces))), *pieces))


# arrays


def _elements(values: Iterable[Any]) -> list[bytes]:
    return [_ELEMENTS[type(value)](value) for value in values]


def _for_matlab(value: Any) -> bool:
    """Tell whether a value consists only of what MATLAB's library can read."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return False
    kinds = matlab.classes()
    if isinstance(value, kinds["MatCell"]):
        return all(map(_for_matlab, value.ravel().tolist()))
    if isinstance(value, kinds["MatStruct"]):
        return all(_for_matlab(row[name]) for row in value.ravel() for name in value.dtype.names or ())
    if hasattr(value, "mask"):
        return False
    dtype = value.dtype
    is_text = dtype.char == "c" and not _extended.get()
    return value.ndim > 0 and dtype.kind != "M" and (dtype.str in TYPE_IDS or is_text)


def _any_array(value: Any, numpy: Any) -> Pieces:
    kind = value.__class__
    if kind is not numpy.ndarray:
        kinds = matlab.classes()
        if isinstance(value, kinds["MatCell"]):
            return _cell(value)
        if isinstance(value, kinds["MatStruct"]):
            return _struct(value)
        if kind not in (numpy.recarray, numpy.memmap):
            raise _refused(
                f"an array of type {_name(value)}",
                "Only plain arrays keep all they hold: store `numpy.asarray(x)` and the rest beside it.",
            )
    return _array(value)


def _array(value: Any) -> Pieces:
    dtype = value.dtype
    code = TYPE_IDS.get(dtype.str)
    if code is not None:
        return [_head(value.shape, *code), *_data(value, code[1])]
    if dtype.names:
        return _records(value)
    if dtype.char == "c":
        units = value.ravel(order="F").view("u1").astype("<u2")
        return [_head(value.shape, CHAR, 0), units.tobytes()]
    if dtype.kind in "OUT":
        items = value.ravel(order="F").tolist()
        return [_head(value.shape, OBJECT, 0), *_elements(items)]
    raise _refused(f"an array of dtype {dtype.str if dtype.kind != 'V' else dtype}", _remedy(dtype))


def _remedy(dtype: Any) -> str | None:
    if not dtype.isnative:
        return f"Change the byte order first: `x.astype('{dtype.newbyteorder('=')}')`."
    target = {"f": "float32", "S": "str", "m": "int64"}.get(dtype.kind)
    return target and f"Convert it first, as in `x.astype('{target}')`."


def _head(shape: tuple[int, ...], type_id: int, is_complex: int) -> bytes:
    ndim = len(shape)
    if ndim < len(_array_head):
        return _array_head[ndim](0x41, ndim, *shape, type_id, is_complex)
    return Struct(f"<BQ{ndim}QII").pack(0x41, ndim, *shape, type_id, is_complex)


def _data(value: Any, is_complex: int) -> Pieces:
    """Return the items in column-major order; a large array in one piece is not copied."""
    if is_complex:
        return [value.real.tobytes("F"), value.imag.tobytes("F")]
    if value.nbytes < _COPIED_BELOW or not (value.flags.c_contiguous or value.flags.f_contiguous):
        return [value.tobytes("F")]
    return [memoryview(value.ravel(order="F").view("u1"))]


def _scalar(value: Any, numpy: Any) -> Pieces:
    code = TYPE_IDS.get(value.dtype.str)
    if code is None:
        raise _refused(f"a NumPy scalar of type {value.dtype.name}", _remedy(value.dtype))
    return [_head((), *code), *_data(numpy.asarray(value), code[1])]


def _names(names: Iterable[str]) -> bytes:
    return b"".join(name.encode() + b"\0" for name in names)


def _records(value: Any) -> Pieces:
    dtype = value.dtype
    pieces: Pieces = [Struct("<BI").pack(0x46, len(dtype.names)), _names(dtype.names)]
    for name in dtype.names:
        if dtype[name].subdtype is not None or "\0" in name:
            raise _refused(f"a structured array with the field {name!r} of dtype {dtype[name]}")
        pieces += _array(value[name])
    return pieces


def _struct(value: Any) -> Pieces:
    names = value.dtype.names or ()
    head = Struct(f"<BQ{value.ndim}QI").pack(0x53, value.ndim, *value.shape, len(names))
    items = [row[name] for row in value.ravel(order="F") for name in names]
    return [head, _names(names), *_elements(items)]


def _cell(value: Any) -> Pieces:
    head = Struct(f"<BQ{value.ndim}Q").pack(0x43, value.ndim, *value.shape)
    return [head, *_elements(value.ravel(order="F"))]


class _Elements(dict[type, Callable[[Any], bytes]]):
    def __missing__(self, kind: type) -> Callable[[Any], bytes]:
        return _other_element


_ELEMENTS = _Elements(
    {
        float: _float,
        int: _int,
        str: _str,
        bool: _BOOLS.__getitem__,
        type(None): _NONE.__getitem__,
        list: partial(_tuple_or_list, 0x02),
        tuple: partial(_tuple_or_list, 0x01),
        dict: _dict,
        set: _set,
        frozenset: _frozenset,
        bytes: _bytes,
        bytearray: _bytearray,
        complex: _complex,
        dt.datetime: _moment,
        dt.date: _date,
        dt.time: _time,
    }
)

# subclasses of leaf types, in the order of the format
_KINDS: tuple[tuple[tuple[type, ...], Callable[[Any], bytes]], ...] = (
    ((int,), _int),
    ((complex,), _complex),
    ((float,), _float),
    ((dt.time,), _time),
    ((str,), _str),
    ((bytes, bytearray), _bytes),
)

# types whose modules are not imported for this
_BY_NAME: dict[str, Callable[[Any], bytes]] = {"decimal.Decimal": _decimal, "uuid.UUID": _uuid}

# an object of the first is written as the last
_COLLECTIONS: tuple[tuple[type, Callable[[Any], bytes], type], ...] = (
    (Mapping, _dict, dict),
    (MutableSequence, partial(_tuple_or_list, 0x02), list),
    (Sequence, partial(_tuple_or_list, 0x01), tuple),
    (AbstractSet, _set, set),
)
