"""Functions that SQLite lacks: one for each portable function it cannot write, one for any other types.

``dj_<name>`` take and give plain numbers and texts; ``dj_call('name', 'type of result', 'type', x, …)``
calls a meaning with values of any types, as they are stored.
"""

from __future__ import annotations

import json
import math
import operator
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any

from datajoint.algebra.expr.meaning import MEANINGS, SPREADS, TAKES_NULL, convert, divide, json_scalar
from datajoint.algebra.ranges import finite
from datajoint.backends.sqlite.types import EXACT, decoder, encoder
from datajoint.heading.types import INTEGER_RANGES, AttributeType, parse_type

__all__ = ["register"]

_NAMES = {"%": "mod"}
_NONE = object()


def register(connection: sqlite3.Connection) -> None:
    """Add the functions to a connection.

    Examples
    --------
    >>> connection = sqlite3.connect(":memory:")
    >>> register(connection)
    >>> connection.execute("SELECT dj_like('abc', 'a%'), dj_sqrt(-1.0)").fetchone()
    (1, None)
    """
    connection.create_function("dj_float", 1, _read_float, deterministic=True)
    connection.create_function("dj_bytes", 1, _read_bytes, deterministic=True)
    for name, function in _functions().items():
        connection.create_function(name, -1, function, deterministic=True)
    for name, (arguments, aggregate) in _AGGREGATES.items():
        connection.create_aggregate(name, arguments, aggregate)


def _read_float(text: str | None) -> float | None:
    return None if text is None else float(text)


def _read_bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


@lru_cache(1)
def _functions() -> dict[str, Callable[..., Any]]:
    plain = {
        f"dj_{_NAMES.get(name, name)}": meaning if name in TAKES_NULL else _strict(meaning)
        for name, meaning in MEANINGS.items()
        if _NAMES.get(name, name).isidentifier()
    }
    return {
        **plain,
        **_float_operators(),
        "dj_finite": _finite,
        "dj_call": _call,
        "dj_int": _int,
        "dj_json": _json,
        "dj_halves": _halves,
        "dj_identity": _identity,
        "dj_total": _total,
    }


def _strict(meaning: Callable[..., Any]) -> Callable[..., Any]:
    def strict(*args: Any) -> Any:
        if None in args:
            return None
        result = meaning(*args)
        return finite(result, args) if result.__class__ is float else result

    return strict


def _float_operators() -> dict[str, Callable[..., Any]]:
    """Return the operators of floats, for operands that are expressions; infinite operands may give NULL."""
    named = {f"dj_{name}": _strict(getattr(operator, name)) for name in ("add", "sub", "mul", "truediv")}
    return {**named, "dj_truediv": _strict(partial(_divide, 0))}


def _finite(result: float | None, *arguments: float | None) -> float | None:
    """Return a result of SQLite, where NULL may stand for NaN; NaN and infinity need infinite arguments."""
    if None in arguments:
        return None
    return None if math.isnan(number := finite(math.nan if result is None else result, arguments)) else number


_type = lru_cache(512)(parse_type)


@lru_cache(512)
def _caller(name: str, result: str, types: tuple[str, ...]) -> Callable[..., Any]:
    """Return a function of stored values."""
    target = _type(result)
    sources = [_type(text) for text in types]
    meaning = _meaning(name, target, sources)
    decoders = [decoder(dtype) or _same for dtype in sources]
    encode = encoder(target) or _same

    def call(*stored: Any) -> Any:
        if None in stored:
            return None
        arguments = [decode(x) for decode, x in zip(decoders, stored, strict=True)]
        value = finite(meaning(*arguments), arguments)
        return None if value is None else encode(value)

    return call


def _meaning(name: str, target: AttributeType, sources: list[AttributeType]) -> Callable[..., Any]:
    if name == "cast":
        return partial(_convert, sources[0], target)
    return partial(_divide, target.scale or 0) if name == "/" else MEANINGS[name]


def _convert(source: AttributeType, target: AttributeType, value: Any) -> Any:
    return convert(value, source, target)


def _divide(scale: int, a: Any, b: Any) -> Any:
    return divide(a, b, scale)


def _same(value: Any) -> Any:
    return value


def _call(name: str, result: str, *arguments: Any) -> Any:
    return _caller(name, result, arguments[::2])(*arguments[1::2])


def _int(value: Any) -> Any:
    if isinstance(value, float):
        raise OverflowError("integer out of range")
    return value


def _json(text: str | None, path: str, kind: str) -> Any:
    if text is None:
        return None
    return json_scalar(json.loads(text), _steps(path), kind)


def _identity(*key: Any) -> int:
    """Return 60 bits of a digest of key values: as `sql.marks` writes it for the servers."""
    parts = [value if isinstance(value, bytes) else str(value).encode() for value in key if value is not None]
    return int(sha256(b"\x1f".join(parts)).hexdigest()[:15], 16)


@lru_cache(256)
def _steps(path: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    rest = path[1:]
    read = json.JSONDecoder().raw_decode
    while rest:
        if rest[0] == ".":
            step, end = read(rest[1:])
            steps.append(step)
            rest = rest[1 + end :]
        else:
            number, _, rest = rest[1:].partition("]")
            steps.append(int(number))
    return tuple(steps)


def _halves(high: int | None, low: int | None, scale: int, count: int, result: str) -> Any:
    """Return a sum, or with `count` a mean, of units whose upper and lower halves have been summed."""
    if high is None or low is None:
        return None
    return _mean(Decimal((high << 32) + low).scaleb(-scale, EXACT), count, result)


def _total(total: str | None, scale: int, count: int, result: str) -> Any:
    return None if total is None else _mean(Decimal(total).scaleb(-scale, EXACT), count, result)


def _mean(total: Decimal, count: int, result: str) -> Any:
    target = _type(result)
    if target.kind == "float64":
        return float(total) / count
    value = divide(total, Decimal(count), target.scale or 0)
    if target.kind == "int64":
        low, high = INTEGER_RANGES["int64"]
        if not low <= value <= high:
            raise OverflowError("integer out of range")
        return int(value)
    encode = encoder(target)
    return encode(value) if encode else value


# --------------------------------------------------------------------------------------------- aggregates


class _Sum:
    """Exact sum of decimals as they are stored, as text; of integers in units."""

    def __init__(self) -> None:
        self.total: Any = _NONE

    def step(self, value: Any) -> None:
        if value is None:
            return
        number = _sortable(value) if isinstance(value, str) else Decimal(value)
        self.total = number if self.total is _NONE else MEANINGS["+"](self.total, number)

    def finalize(self) -> str | None:
        return None if self.total is _NONE else f"{self.total:f}"


_sortable = decoder(parse_type("decimal(65,0)")) or _same


class _Concatenation:
    """Text of a group: separator, flags (``d`` distinct; ``<`` or ``>`` for each key), value, keys."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, tuple[Any, ...]]] = []
        self.flags, self.separator = "", ","

    def step(self, separator: str, flags: str, value: str | None, *keys: Any) -> None:
        if value is not None:
            self.rows.append((value, keys))
        self.separator, self.flags = separator, flags

    def finalize(self) -> str | None:
        if not self.rows:
            return None
        rows = list(dict(reversed(self.rows)).items())[::-1] if self.flags.startswith("d") else self.rows
        for place, flag in reversed(list(enumerate(self.flags.lstrip("d")))):
            rows.sort(key=lambda row, n=place: (row[1][n] is not None, row[1][n]), reverse=flag == ">")
        return self.separator.join(value for value, _ in rows)


def _spread(name: str) -> type:
    meaning = SPREADS[name]

    class Spread:
        def __init__(self) -> None:
            self.values: list[float] = []

        def step(self, value: float | None) -> None:
            if value is not None:
                self.values.append(value)

        def finalize(self) -> float | None:
            return meaning(self.values)

    return Spread


_AGGREGATES: dict[str, tuple[int, Any]] = {
    "dj_sum": (1, _Sum), "dj_group_concat": (-1, _Concatenation), **{f"dj_{name}": (1,
    _spread(name)) for name in SPREADS},
}  # fmt: skip
