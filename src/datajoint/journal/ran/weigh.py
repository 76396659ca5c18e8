"""Digests of values of this process, by a writer of our own: no value is kept, and no code of users runs."""

from __future__ import annotations

import array
import hashlib
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from datajoint._value import Value
from datajoint.journal.digest import written

__all__ = ["Weight", "weigh"]

_MOST_BYTES = 16_000_000
"""Bytes of a value that are digested; of larger ones only a sample is."""

_MOST_ITEMS = 50_000
_DEEP = 60
_BLOCK, _BLOCKS = 1 << 16, 64
_LARGE = 1 << 16
"""Values that cannot change are digested once, from this size on."""

_NUMBERS = (type(None), bool, float, complex, type(Ellipsis))
_DICTS = (dict, OrderedDict, defaultdict, Counter)
_SHOWN = frozenset({"datetime", "decimal", "fractions", "pathlib", "uuid", "ipaddress", "zoneinfo"})


class Weight(Value):
    """What is recorded of a value.

    Attributes
    ----------
    digest
        26 characters.
    is_whole
        Whether all of it was digested, and not a sample.
    """

    digest: str
    is_whole: bool = True


class _Other(Exception):  # noqa: N818 - no error
    """Something else than numbers, texts, times, arrays and containers of these."""


def weigh(value: Any) -> Weight | None:
    """Return the digest of a value made of numbers, texts, times, arrays and containers; None of any other.

    Examples
    --------
    >>> weigh({"a": [1, 2.0]}) == weigh({"a": [1, 2.0]}), weigh([1]) == weigh([True])
    (True, False)
    >>> weigh(object()) is None
    True
    """
    whole = _Writer()
    try:
        whole.write(value, 0)
    except (_Other, RecursionError, RuntimeError):  # the last where another thread changes a container
        return None
    return Weight(written(whole.hash.digest()), whole.is_whole)


class _Writer:
    def __init__(self) -> None:
        self.hash = hashlib.blake2b(digest_size=16)
        self.is_whole = True
        self._bytes, self._items = _MOST_BYTES, _MOST_ITEMS

    def tell(self, *parts: object) -> None:
        """Add short parts."""
        for part in parts:
            text = str(part).encode("utf-8", "surrogatepass")
            self.hash.update(b"%d:%b;" % (len(text), text))

    def write(self, value: Any, depth: int) -> None:
        """Add a value."""
        self._items -= 1
        if self._items < 0:
            self.is_whole = False
            return
        if depth > _DEEP:
            raise _Other
        kind = cast("type[Any]", type(value))
        if kind in _NUMBERS:
            self.tell(kind.__name__, repr(value))
        elif kind is int:
            self.tell("int", hex(value))
        elif kind in (str, bytes, bytearray, array.array):
            self._data(kind.__name__, value)
        elif kind in _DICTS or kind is MappingProxyType:
            self._pairs(kind.__name__, value, depth)
        elif kind in (list, tuple, deque) or _is_named_tuple(kind):
            self._each(kind.__name__, value, depth)
        elif kind in (set, frozenset):
            self._unordered(kind.__name__, value, depth)
        else:
            self._object(value, kind, depth)

    def _each(self, name: str, items: Iterable[Any], depth: int) -> None:
        self.tell(name)
        for item in items:
            self.write(item, depth + 1)
        self.tell("")

    def _pairs(self, name: str, value: Any, depth: int) -> None:
        self.tell(name)
        for key, item in value.items():
            self.write(key, depth + 1)
            self.write(item, depth + 1)
        self.tell("")

    def _unordered(self, name: str, value: Any, depth: int) -> None:
        digests = [self._apart(item, depth + 1) for item in value]
        self.tell(name, *sorted(digests))

    def _apart(self, value: Any, depth: int) -> str:
        one = _Writer()
        one._items = self._items
        one.write(value, depth)
        self._items, self.is_whole = one._items, self.is_whole and one.is_whole
        return one.hash.hexdigest()

    def _object(self, value: Any, kind: type[Any], depth: int) -> None:
        module = kind.__module__
        if issubclass(kind, Enum):
            self.tell("enum", kind.__qualname__, value._name_)
        elif kind is range:
            self.tell(repr(value))
        elif kind is slice:
            self._each("slice", (value.start, value.stop, value.step), depth)
        elif kind is re.Pattern:
            self._each("pattern", (value.pattern, value.flags), depth)
        elif module in _SHOWN and (module == "zoneinfo" or not issubclass(kind, tzinfo)):
            self.tell(kind.__name__, repr(value))
        elif module.partition(".")[0] == "numpy" and hasattr(value, "dtype"):
            self._array(kind.__name__, value, depth)
        elif module.partition(".")[0] == "pandas":
            self._frame(kind.__name__, value, depth)
        else:
            raise _Other

    # ------------------------------------------------------------------------------------------- large ones

    def _data(self, name: str, value: Any) -> None:
        size = len(value)
        self.tell(name, size, getattr(value, "typecode", ""))
        if size >= _LARGE and name in ("str", "bytes"):
            self._take(size, lambda: _once(_Same(value)))
        else:
            self._blocks(size, lambda at, end: _bytes(value[at:end]))

    def _array(self, name: str, value: Any, depth: int) -> None:
        dtype = value.dtype
        if name == "memmap":
            raise _Other
        self.tell(name, dtype.descr if dtype.names else dtype.str, value.shape)
        if dtype.hasobject:
            self._each("objects", value.ravel().tolist(), depth)
        elif value.nbytes <= self._bytes:
            self._bytes -= value.nbytes
            self.hash.update(value.tobytes())
        else:
            flat = value.reshape(-1) if value.flags.c_contiguous else value.flat
            step = dtype.itemsize or 1
            self._blocks(value.nbytes, lambda at, end: flat[at // step : -(-end // step)].tobytes())

    def _frame(self, name: str, value: Any, depth: int) -> None:
        """Add a frame, series or index of pandas by its arrays."""
        self.tell(name)
        if name == "DataFrame":
            parts = [value.columns, value.index, *(value.iloc[:, n] for n in range(value.shape[1]))]
        elif name == "Series":
            parts = [value.name, value.index, value.to_numpy()]
        elif name.endswith("Index"):
            parts = [list(value.names), value.to_numpy()]
        else:
            raise _Other
        for part in parts:
            self.write(part, depth + 1)

    def _blocks(self, size: int, block: Callable[[int, int], bytes]) -> None:
        """Add data block by block, or some of the blocks where it is too large."""
        if size <= self._bytes:
            self._bytes -= size
            starts: Iterator[int] = iter(range(0, size, 1 << 20))
            length = 1 << 20
        else:
            self.is_whole, length = False, _BLOCK
            starts = iter(sorted({(size - _BLOCK) * n // (_BLOCKS - 1) for n in range(_BLOCKS)}))
        for at in starts:
            self.hash.update(block(at, min(at + length, size)))

    def _take(self, size: int, digest: Callable[[], tuple[str, bool]]) -> None:
        text, is_whole = digest()
        self._bytes -= min(size, self._bytes)
        self.is_whole = self.is_whole and is_whole
        self.tell(text)


class _Same:
    """A value that cannot change, compared by identity."""

    __slots__ = ("value",)

    def __init__(self, value: str | bytes) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@lru_cache(maxsize=32)
def _once(same: _Same) -> tuple[str, bool]:
    """Return the digest of a long text, which is found once."""
    one = _Writer()
    one._blocks(len(same.value), lambda at, end: _bytes(same.value[at:end]))
    return one.hash.hexdigest(), one.is_whole


def _is_named_tuple(kind: Any) -> bool:
    return tuple in kind.__mro__ and hasattr(kind, "_fields") and "__iter__" not in vars(kind)


def _bytes(value: Any) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
