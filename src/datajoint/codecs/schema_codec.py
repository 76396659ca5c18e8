"""Codecs whose objects lie in a store under the names of schema, table and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datajoint.codecs.base import Codec
from datajoint.codecs.context import CodecContext
from datajoint.errors import CodecError
from datajoint.settings.config import process_config
from datajoint.storage.backend import StorageBackend
from datajoint.storage.paths import schema_path
from datajoint.storage.store import open_store

if TYPE_CHECKING:
    from datajoint.settings.config import Config

__all__ = ["SchemaCodec"]


class SchemaCodec(Codec, register=False):
    """Base of codecs that write an object for each row, at a path that shows whose it is (COD-26).

    A subclass gives `name`, `encode` and `decode`; `encode` returns the record that the row holds, a dict
    with ``path`` and ``store`` in it, by which the garbage collector finds the object.

    Examples
    --------
    >>> class Note(SchemaCodec):
    ...     name = "note_of_the_example"
    ...
    ...     def encode(self, value, *, key, store_name):
    ...         schema, table, field, own = self._extract_context(key)
    ...         path, _ = self._build_path(schema, table, field, own, ".txt", store_name, key["_config"])
    ...         self._get_backend(store_name, key["_config"]).put_buffer(value.encode(), path)
    ...         return {"path": path, "store": store_name}
    ...
    ...     def decode(self, stored, *, key):
    ...         backend = self._get_backend(stored["store"], key["_config"])
    ...         return backend.get_buffer(stored["path"]).decode()
    """

    def get_dtype(self, is_store: bool) -> str:
        """Return ``json``: a row holds where its object is.

        Raises
        ------
        CodecError
            The attribute has no store.

        Examples
        --------
        >>> from datajoint.codecs import get_codec
        >>> get_codec("npy").get_dtype(is_store=True)
        'json'
        """
        if not is_store:
            raise CodecError(
                f"<{self.name}> needs a store.",
                hint=f"Write <{self.name}@> for the default store or <{self.name}@main>.",
            )
        return "json"

    def _extract_context(
        self, key: Mapping[str, Any] | None, context: CodecContext | None = None
    ) -> tuple[str, str, str, dict[str, Any]]:
        """Return schema, table, attribute and primary key of the row."""
        given = dict(key or {})
        names = [given.get(f"_{name}") or getattr(context, name, None) for name in _NAMES]
        own = {name: value for name, value in given.items() if not name.startswith("_")}
        schema, table, field = (str(name or "") for name in names)
        return schema, table, field, own

    def _build_path(
        self, schema: str, table: str, field: str, primary_key: Mapping[str, Any], ext: str | None = None,
        store_name: str | None = None, config: Config | None = None,
    ) -> tuple[str, str]:  # fmt: skip
        """Return a new path for an object, and the random token in it."""
        store = open_store(config or process_config(), store_name)
        return schema_path(store.spec, schema, table, field, primary_key, ext)

    def _get_backend(self, store_name: str | None = None, config: Config | None = None) -> StorageBackend:
        """Return the files of a store."""
        store = open_store(config or process_config(), store_name)
        return StorageBackend(store.spec, store.name)


_NAMES = ("schema", "table", "field")
