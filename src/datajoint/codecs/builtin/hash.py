"""``<hash@>``: raw bytes in a store, under their hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from datajoint.codecs.base import Codec
from datajoint.codecs.contents import get_hash, put_hash
from datajoint.codecs.context import CodecContext
from datajoint.errors import CodecError, StorageError

__all__ = ["HashCodec"]


class HashCodec(Codec):
    """Bytes as an object of a store; equal content of a schema is stored once.

    Examples
    --------
    >>> HashCodec().get_dtype(is_store=True)
    'json'
    """

    name = "hash"
    concurrent = True

    def get_dtype(self, is_store: bool) -> str:
        """Return ``json``: a row holds where its object is.

        Raises
        ------
        CodecError
            The attribute has no store.

        Examples
        --------
        >>> HashCodec().get_dtype(is_store=False)
        Traceback (most recent call last):
        datajoint.errors.CodecError: <hash> needs a store.
        Write <hash@> for the default store or <hash@main>.
        """
        if not is_store:
            raise CodecError(
                "<hash> needs a store.", hint="Write <hash@> for the default store or <hash@main>."
            )
        return "json"

    def validate(self, value: Any) -> None:
        """Refuse what is not bytes.

        Examples
        --------
        >>> HashCodec().validate("text")
        Traceback (most recent call last):
        TypeError: <hash@> takes bytes, not an object of type str.
        """
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"<hash@> takes bytes, not an object of type {type(value).__name__}.")

    def encode(
        self, value: Any, *, context: CodecContext | None = None, store_name: str | None = None
    ) -> dict[str, Any]:
        """Store bytes, durably; return the record that the row holds.

        Raises
        ------
        StorageError
            The store cannot be reached, or refuses the object.
        """
        context = context or CodecContext()
        return put_hash(
            bytes(value), context.schema or "", store_name, context.config, database=context.database
        )

    def decode(self, stored: Any, *, context: CodecContext | None = None) -> bytes:
        """Return the bytes of a record, compared with their hash.

        Raises
        ------
        StorageError
            The object is missing or damaged, or its store cannot be reached.
        """
        context = context or CodecContext()
        try:
            return get_hash(stored, context.config)
        except (CodecError, StorageError) as error:
            where = f"`{context.table}.{context.field}`" if context.table else f"`{context.field}`"
            error.suggest(f"It is the value of {where}; the other attributes can be fetched by name.")
            raise

    def referenced_paths(self, stored: Any) -> Iterator[tuple[str, str | None]]:
        """Yield path and store of the object that a record names (COD-27).

        Examples
        --------
        >>> list(HashCodec().referenced_paths({"path": "_hash/a/b", "store": "lab"}))
        [('_hash/a/b', 'lab')]
        """
        record = cast(dict[str, Any], stored) if isinstance(stored, dict) else {}
        if isinstance(record.get("path"), str):
            yield record["path"], record.get("store")
