"""``<blob>``: any Python, NumPy or MATLAB value in the blob format."""

from __future__ import annotations

from typing import Any

from datajoint.codecs.base import Codec
from datajoint.codecs.blob import pack, unpack, unpack_narrow
from datajoint.codecs.releases import is_for_earlier_releases

__all__ = ["BlobCodec", "NarrowBlobCodec"]


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
        r"""Pack a value; what earlier releases would change is extended, unless they are to read it.

        Examples
        --------
        >>> BlobCodec().encode(None)
        b'dj0\x00\xff'
        """
        return pack(value, extended=not is_for_earlier_releases())

    def decode(self, stored: Any) -> Any:
        r"""Unpack stored bytes.

        Examples
        --------
        >>> BlobCodec().decode(b"dj0\0\xff") is None
        True
        """
        return unpack(stored)

    def narrow(self) -> BlobCodec:
        """Return the codec that reads blobs of the 32-bit MATLAB library; other codecs have none.

        Examples
        --------
        >>> type(BlobCodec().narrow()).__name__
        'NarrowBlobCodec'
        """
        return NarrowBlobCodec() if type(self) is BlobCodec else self


class NarrowBlobCodec(BlobCodec, register=False):
    """Reads `<blob>` where the setting `blob.use_32bit_dims` is on; it writes as ever.

    Examples
    --------
    >>> codec = NarrowBlobCodec()
    >>> codec.decode(codec.encode([1, "a", None]))
    [1, 'a', None]
    """

    pure = True

    def decode(self, stored: Any) -> Any:
        r"""Unpack stored bytes, those of MATLAB as of its 32-bit library.

        Examples
        --------
        >>> NarrowBlobCodec().decode(b"dj0\0\xff") is None
        True
        """
        return unpack_narrow(stored)
