"""Values that earlier releases have no bytes for: the element ``X``, a kind and what it is made of.

The element holds two others: the name of the kind, as text, and a value of the format. Reading never imports
a module and never calls what the bytes name.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias, cast

from datajoint.codecs.blob import array_parts

__all__ = ["TAG", "build", "describe", "zone_of"]

TAG = 0x58

Described: TypeAlias = tuple[str, Any]

_FACTORIES: dict[str, Any] = {
    kind.__name__: kind for kind in (list, dict, set, tuple, int, float, str, bytes, bool, complex, frozenset)
}
_MOST_FIELDS = 10_000


def describe(value: Any) -> Described | None:
    """Return kind and parts of a value that needs the extension, or None.

    Raises
    ------
    TypeError
        A part of it cannot be read back equal; the message names it.

    Examples
    --------
    >>> import datetime
    >>> describe(datetime.timedelta(hours=1))
    ('timedelta', (0, 3600, 0))
    """
    kind = cast("type[Any]", type(value))
    found = _DESCRIBED.get(kind)
    if found is not None:
        return found(value)
    if isinstance(value, tuple) and isinstance(getattr(kind, "_fields", None), tuple):
        return _named(value, kind)
    if kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in ("Timestamp", "Timedelta"):
        return _pandas(value, kind)
    return array_parts.describe(value) if "numpy" in sys.modules else None


def build(kind: str, parts: Any) -> Any:
    """Return the value of a kind.

    Raises
    ------
    ValueError
        The kind is unknown, or the parts do not fit.

    Examples
    --------
    >>> build("timedelta", (0, 3600, 0))
    datetime.timedelta(seconds=3600)
    """
    make = _BUILT.get(kind) or array_parts.BUILT.get(kind)
    if make is None:
        raise ValueError(f"it holds a value of the kind {kind!r}, which a later release may know")
    return make(parts)


# dates and times


def zone_of(zone: dt.tzinfo | None) -> tuple[Any, ...] | None:
    """Return what a time zone is made of.

    Examples
    --------
    >>> import datetime
    >>> zone_of(datetime.timezone.utc)
    ('offset', 0, 0, 0, None)
    """
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None)
        name = zone.tzname(None)
        plain = dt.timezone(offset).tzname(None)
        return ("offset", offset.days, offset.seconds, offset.microseconds, None if name == plain else name)
    kind = cast("type[Any]", type(zone))
    key = getattr(zone, "key", None)
    if kind.__module__ == "zoneinfo" and isinstance(key, str):
        return ("zone", key)
    raise TypeError(
        f"the time zone {zone!r} of type {kind.__module__}.{kind.__qualname__}: "
        "only those of datetime.timezone and zoneinfo.ZoneInfo come back equal"
    )


def _zone(parts: Any) -> dt.tzinfo | None:
    if parts is None:
        return None
    if parts[0] == "zone":
        return _zone_info(parts[1])
    _, days, seconds, microseconds, name = parts
    offset = dt.timedelta(days, seconds, microseconds)
    return dt.timezone(offset) if name is None else dt.timezone(offset, name)


def _zone_info(key: str) -> dt.tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(key)
    except ZoneInfoNotFoundError:
        raise ValueError(
            f"the time zone {key!r} is not known here (is the package tzdata installed?)"
        ) from None


def _clock(value: dt.time | dt.datetime) -> tuple[Any, ...]:
    return value.hour, value.minute, value.second, value.microsecond, value.fold, zone_of(value.tzinfo)


def _time(value: dt.time) -> Described | None:
    return ("time", _clock(value)) if value.tzinfo is not None or value.fold else None


def _moment(value: dt.datetime) -> Described | None:
    if value.tzinfo is None and not value.fold:
        return None
    return "datetime", (value.year, value.month, value.day, *_clock(value))


def _build_time(parts: Any) -> dt.time:
    *clock, fold, zone = parts
    return dt.time(*clock, tzinfo=_zone(zone), fold=fold)


def _build_moment(parts: Any) -> dt.datetime:
    *clock, fold, zone = parts
    return dt.datetime(*clock, tzinfo=_zone(zone), fold=fold)


def _pandas(value: Any, kind: type) -> Described:
    if value != value:  # noqa: PLR0124 - NaT differs from itself
        raise TypeError("NaT, which is no time")
    if kind.__name__ == "Timestamp":
        return "pandas.Timestamp", (
            value.asm8.view("i8").item(),
            value.unit,
            zone_of(value.tzinfo),
            value.fold,
        )
    return "pandas.Timedelta", (value.asm8.view("i8").item(), value.unit)


def _build_timestamp(parts: Any) -> Any:
    pandas = _pandas_module()
    number, unit, zone, fold = parts
    value = pandas.Timestamp(array_parts.moment(number, unit))
    if zone is not None:
        value = value.tz_localize("UTC").tz_convert(_zone(zone))
    return value.replace(fold=fold) if fold else value


def _build_timedelta(parts: Any) -> Any:
    return _pandas_module().Timedelta(array_parts.duration(*parts))


def _pandas_module() -> Any:
    from importlib import import_module

    try:
        return import_module("pandas")
    except ImportError:
        raise ValueError("it holds a time of pandas, which is not installed here") from None


# collections


def _named(value: Any, kind: type[Any]) -> Described:
    return "namedtuple", (kind.__module__, kind.__qualname__, tuple(kind._fields), tuple(value))


def _build_named(parts: Any) -> Any:
    module, name, fields, values = parts
    if len(fields) != len(values) or len(fields) > _MOST_FIELDS:
        raise ValueError("a named tuple has not as many values as fields")
    kind: Any = _named_class(module, name, fields)
    return tuple.__new__(kind, values)  # pyright: ignore[reportUnknownMemberType] - never the class's own


def _named_class(module: str, name: str, fields: tuple[str, ...]) -> type[tuple[Any, ...]]:
    """Return the class of a module that is loaded, if it still has these fields; else one like it."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    if isinstance(found, type) and issubclass(found, tuple):
        kind = cast("type[Any]", found)
        if getattr(kind, "_fields", None) == fields:
            return kind
    return _stand_in(name.rpartition(".")[2], fields)


@lru_cache(maxsize=256)
def _stand_in(name: str, fields: tuple[str, ...]) -> Any:
    if not re.fullmatch(r"[^\W\d]\w*", name) or not all(re.fullmatch(r"[^\W\d]\w*", f) for f in fields):
        raise ValueError(f"a named tuple cannot be called {name!r} or have the fields {fields!r}")
    return namedtuple(name, fields)  # noqa: PYI024 # pyright: ignore[reportUntypedNamedTuple]


def _default(value: defaultdict[Any, Any]) -> Described:
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "?")
    if name is not None and _FACTORIES.get(name) is not factory:
        raise TypeError(
            f"a defaultdict whose default is {factory!r}: only classes of Python such as list, int or dict"
        )
    return "defaultdict", (name, dict(value))


def _build_default(parts: Any) -> defaultdict[Any, Any]:
    name, content = parts
    return defaultdict(None if name is None else _FACTORIES[name], content)


def _build_pairs(parts: Any) -> Any:
    return OrderedDict(parts)


def _build_deque(parts: Any) -> Any:
    items, most = parts
    return deque(items, most)


def _items(value: Any) -> list[Any]:
    return list(value)


_DESCRIBED: dict[type, Callable[[Any], Described | None]] = {
    dt.datetime: _moment,
    dt.time: _time,
    dt.timedelta: lambda v: ("timedelta", (v.days, v.seconds, v.microseconds)),
    frozenset: lambda v: ("frozenset", _items(v)),
    bytearray: lambda v: ("bytearray", bytes(v)),
    range: lambda v: ("range", (v.start, v.stop, v.step)),
    deque: lambda v: ("deque", (_items(v), v.maxlen)),
    Fraction: lambda v: ("fraction", (v.numerator, v.denominator)),
    OrderedDict: lambda v: ("ordered", list(v.items())),
    Counter: lambda v: ("counter", dict(v)),
    defaultdict: _default,
}

_BUILT: dict[str, Callable[[Any], Any]] = {
    "datetime": _build_moment,
    "time": _build_time,
    "timedelta": lambda parts: dt.timedelta(*parts),
    "frozenset": frozenset,
    "bytearray": lambda parts: bytearray(_checked_bytes(parts)),
    "range": lambda parts: range(*parts),
    "deque": _build_deque,
    "fraction": lambda parts: Fraction(*parts),
    "ordered": _build_pairs,
    "counter": Counter,
    "defaultdict": _build_default,
    "namedtuple": _build_named,
    "pandas.Timestamp": _build_timestamp,
    "pandas.Timedelta": _build_timedelta,
}


def _checked_bytes(parts: Any) -> bytes:
    if type(parts) is not bytes:  # a number would make as many zeros
        raise ValueError("a bytearray is not made of bytes")
    return parts
