"""Large values by several threads: NumPy, zlib and isal let others run meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["by_threads"]

_MOST = 4
_LARGE = 1 << 20
_EACH = 1 << 12
"""Bytes of all values, and of one on average, from which threads are worth it."""


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
