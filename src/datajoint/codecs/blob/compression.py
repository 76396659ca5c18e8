"""The compressed envelope of a blob: ``ZL123``, the length of the plain bytes, a zlib stream."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from struct import Struct
from typing import Any

from datajoint.errors import DecodeError

__all__ = ["DAMAGED", "ENVELOPE", "deflate", "inflate"]

ENVELOPE = b"ZL123\0"
DAMAGED = "The stored bytes are damaged or incomplete."
_LENGTH = Struct("<Q")
_HEADER_SIZE = len(ENVELOPE) + _LENGTH.size
_THRESHOLD = 1000
_SAMPLED_FROM = 1 << 20
_SAMPLE = 1 << 14
_MAX_RATIO = 1032  # no deflate stream expands further


@lru_cache(maxsize=1)
def _engine() -> tuple[Any, int, tuple[type[Exception], ...]]:
    """Choose the compressor, its level and its errors: isal where installed, both write zlib streams."""
    import zlib

    try:
        accelerator: Any = import_module("isal.isal_zlib")
    except ImportError:
        return zlib, -1, (zlib.error,)
    # isal's levels 1 to 3 differ by 4 % in size, 1 is the fastest
    return accelerator, 1, (accelerator.error, zlib.error)


def deflate(plain: bytes) -> bytes:
    """Return `plain` in a compressed envelope, or as it is when that is not shorter."""
    if len(plain) <= _THRESHOLD or (len(plain) > _SAMPLED_FROM and not _shrinks(plain)):
        return plain
    engine, level, _ = _engine()
    stream = engine.compress(plain, level)
    if len(stream) + _HEADER_SIZE >= len(plain):
        return plain
    return b"".join((ENVELOPE, _LENGTH.pack(len(plain)), stream))


def _shrinks(plain: bytes) -> bool:
    """Tell from four short stretches whether compressing all of it is worth the time."""
    engine, level, _ = _engine()
    step = len(plain) // 4
    sample = b"".join(plain[start : start + _SAMPLE // 4] for start in range(0, 4 * step, step))
    return len(engine.compress(sample, level)) < 0.98 * len(sample)


def inflate(blob: bytes) -> bytes:
    """Return the plain bytes of a compressed envelope, taking no more memory than it announces."""
    stream = memoryview(blob)[_HEADER_SIZE:]
    size = _LENGTH.unpack_from(blob, len(ENVELOPE))[0] if stream else 0
    if not 0 < size <= _MAX_RATIO * len(stream):
        raise DecodeError(
            f"A blob of {len(blob)} bytes cannot hold the {size} bytes it announces.", hint=DAMAGED
        )
    engine, _, failures = _engine()
    expander = engine.decompressobj()
    try:
        plain: bytes = expander.decompress(stream, size)
        excess = b"" if expander.eof else expander.decompress(expander.unconsumed_tail, 1)
    except failures as error:
        raise DecodeError(f"The blob cannot be decompressed: {error}.", hint=DAMAGED) from error
    if len(plain) != size or excess or not expander.eof or expander.unused_data:
        raise DecodeError(f"The blob holds more or less than the {size} bytes it announces.", hint=DAMAGED)
    return plain
