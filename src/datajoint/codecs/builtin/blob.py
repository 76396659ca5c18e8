"""``<blob>``: any Python, NumPy or MATLAB value in the blob format."""

from __future__ import annotations

from typing import Any

from datajoint.codecs.base import Codec
from datajoint.codecs.blob import pack, unpack

__all__ = ["BlobCodec"]


class BlobCodec(Codec):
    """Values in the blob format: bytes in the table, or an object addressed by its hash in a store.

    Examples
    --------
    >>> codec = BlobCodec()
    >>> codec.decode(codec.encode([1, "a", None]))
    [1, 'a', None]
    """

    name = "blob"
    pure = True

    def get_dtype(self, is_store: bool) -> str:
        """Return ``bytes``, or ``<hash>`` for a store.

        Examples
        --------
        >>> BlobCodec().get_dtype(is_store=True)
        '<hash>'
        """
        return "<hash>" if is_store else "bytes"

    def encode(self, value: Any) -> bytes:
        r"""Pack a value.

        Examples
        --------
        >>> BlobCodec().encode(None)
        b'dj0\x00\xff'
        """
        return pack(value)

    def decode(self, stored: Any) -> Any:
        r"""Unpack stored bytes.

        Examples
        --------
        >>> BlobCodec().decode(b"dj0\0\xff") is None
        True
        """
        return unpack(stored)
