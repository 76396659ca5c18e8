"""Digests: of texts, and of the rows that a read gave (provenance §2, §3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, cast

from datajoint.algebra.analysis.canonical import canonical_text

__all__ = ["RowDigest", "encoded", "text_digest", "written"]

_SIZE = 16
_MODULUS = 1 << 8 * _SIZE
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [one + other for one in _LETTERS for other in _LETTERS]
_SHIFTS = range(120, -1, -10)


def text_digest(text: str) -> str:
    """Return the digest of a text: 128 bits in 26 characters.

    Examples
    --------
    >>> text_digest("a")
    'e7bv43utoodx6kpfmjde4rsjpy'
    """
    return written(blake2b(text.encode(), digest_size=_SIZE).digest())


def written(digest: bytes) -> str:
    """Return 128 bits as 26 characters.

    Examples
    --------
    >>> written(bytes(16))
    'aaaaaaaaaaaaaaaaaaaaaaaaaa'
    """
    number = int.from_bytes(digest, "big") << 2  # 26 times 5 bits
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


class RowDigest:
    """Digest of rows as the driver gives them, added up row by row: in any order, unless order matters.

    Parameters
    ----------
    width
        Number of columns that count; marks follow them.
    ordered
        Whether the order of the rows is part of what was read.

    Examples
    --------
    >>> one, other = RowDigest(1), RowDigest(1)
    >>> one.add([(1,), (2,)]), other.add([(2,), (1,)])
    (None, None)
    >>> one.text == other.text
    True
    """

    def __init__(self, width: int, ordered: bool = False) -> None:
        self._width = width
        self._ordered = ordered
        self._count = 0
        self._sum = 0

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows."""
        width, total = self._width, 0
        for row in rows:
            place = b"%d." % self._count if self._ordered else b""
            self._count += 1
            told = place + b"".join(map(encoded, row[:width]))
            total += int.from_bytes(blake2b(told, digest_size=_SIZE).digest(), "big")
        self._sum = (self._sum + total) % _MODULUS

    @property
    def text(self) -> str:
        """The digest of all rows so far, in 26 characters."""
        whole = b"%d." % self._count + self._sum.to_bytes(_SIZE, "big")
        return written(blake2b(whole, digest_size=_SIZE).digest())


def encoded(value: Any) -> bytes:
    """Return a value as bytes: equal where the values are the same, of the same type.

    Examples
    --------
    >>> encoded(1) == encoded(1.0), encoded("a")
    (False, b's1:a')
    """
    kind = cast("type[Any]", type(value))
    if value is None:
        return b"n;"
    if kind is int or kind is bool:
        return b"i%d;" % value
    if kind is str:
        data = value.encode()
        return b"s%d:%b" % (len(data), data)
    if kind is float:
        return b"f%b;" % value.hex().encode()
    if kind in (bytes, bytearray, memoryview):
        data = bytes(value)
        return b"b%d:%b" % (len(data), data)
    data = (canonical_text(value) if kind in (dict, list) else str(value)).encode()
    return b"o%d:%b" % (len(data), data)
