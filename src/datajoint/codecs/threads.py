"""Values by several threads: NumPy, zlib, isal, disks and networks let others run meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any, Protocol

__all__ = ["by_threads", "by_waiting_threads", "side_by_side"]

_MOST = 4
_WAITING = 8
"""How many threads at most that compute, and that wait."""

_LARGE = 1 << 20
_EACH = 1 << 12
"""Bytes of all values, and of one on average, from which threads are worth it."""


class _Traits(Protocol):
    @property
    def pure(self) -> bool: ...
    @property
    def concurrent(self) -> bool: ...


def side_by_side(codecs: _Traits, function: Callable[[Any], Any], values: Sequence[Any]) -> list[Any] | None:
    """Return what a function of some codecs makes of values, by threads; None where one thread is to do it.

    Examples
    --------
    >>> from datajoint.codecs.chain import resolve
    >>> side_by_side(resolve("attach"), len, ["a", "b"]) is None
    True
    """
    if codecs.concurrent:
        return by_waiting_threads(function, values)
    return by_threads(function, values) if codecs.pure else None


def by_waiting_threads(function: Callable[[Any], Any], values: Sequence[Any]) -> list[Any] | None:
    """Return what a function that waits makes of values, None staying None; None where there is only one.

    Each thread sees the context variables of the caller.

    Examples
    --------
    >>> by_waiting_threads(len, ["a", None, "bcd"]), by_waiting_threads(len, ["a", None])
    ([1, None, 3], None)
    """
    places = [n for n, value in enumerate(values) if value is not None]
    if len(places) < 2:
        return None
    from concurrent.futures import ThreadPoolExecutor

    result: list[Any] = [None] * len(values)
    with ThreadPoolExecutor(min(_WAITING, len(places))) as pool:
        waiting = [(n, pool.submit(copy_context().run, function, values[n])) for n in places]
        try:
            for n, made in waiting:
                result[n] = made.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return result


def by_threads(function: Callable[[Any], Any], values: Sequence[Any]) -> list[Any] | None:
    """Return what a pure function makes of values, None staying None; None where one thread is enough.

    That is where they are small, few or of other types than bytes and arrays, whose size is known.

    Examples
    --------
    >>> blocks = [bytes(1 << 20), None, bytes(1 << 21)]
    >>> by_threads(len, blocks) in ([1 << 20, None, 1 << 21], None)  # None on a single processor
    True
    >>> by_threads(len, [b"abc", b"d"]) is None
    True
    """
    count = min(os.cpu_count() or 1, _MOST, len(values))
    if count < 2 or not _are_large(values):
        return None
    from concurrent.futures import ThreadPoolExecutor

    def part(first: int) -> list[Any]:
        return [None if value is None else function(value) for value in values[first::count]]

    result: list[Any] = [None] * len(values)
    with ThreadPoolExecutor(count) as pool:
        for first, made in enumerate(pool.map(part, range(count))):
            result[first::count] = made
    return result


def _are_large(values: Sequence[Any]) -> bool:
    numpy = sys.modules.get("numpy")
    size = 0
    for value in values:
        if type(value) is bytes:
            size += len(value)
        elif numpy is not None and type(value) is numpy.ndarray:
            size += value.nbytes
        elif value is not None:
            return False
    return size >= max(_LARGE, _EACH * len(values))
