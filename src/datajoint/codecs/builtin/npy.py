"""``<npy@>``: an array as a NumPy file in a store, fetched as a handle."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast

from datajoint.codecs.context import CodecContext
from datajoint.codecs.npy_ref import NpyRef
from datajoint.codecs.schema_codec import SchemaCodec
from datajoint.storage.paths import schema_path
from datajoint.storage.store import open_store

__all__ = ["NpyCodec"]


class NpyCodec(SchemaCodec):
    """Arrays as ``.npy`` files, which any program with NumPy reads (interop.md §5.3).

    Examples
    --------
    >>> NpyCodec().decode({"path": "a.npy", "store": "main", "dtype": "float32", "shape": [2, 3]})
    NpyRef(shape=(2, 3), dtype=float32, not loaded)
    """

    name = "npy"
    concurrent = True

    def validate(self, value: Any) -> None:
        """Refuse what is no array, or not of numbers, texts or times.

        Examples
        --------
        >>> NpyCodec().validate([1, 2])
        Traceback (most recent call last):
        TypeError: <npy@> takes a NumPy array, not an object of type list.
        """
        if isinstance(value, NpyRef):
            return
        import numpy as np

        if not isinstance(value, np.ndarray):
            raise TypeError(f"<npy@> takes a NumPy array, not an object of type {type(value).__name__}.")
        dtype: Any = cast(Any, value).dtype
        if dtype.hasobject:
            raise TypeError(f"<npy@> takes arrays of numbers, texts or times, not of type {dtype}.")
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError("<npy@> cannot store a masked array, as NumPy files have no mask.")

    def encode(
        self, value: Any, *, key: Mapping[str, Any] | None = None, context: CodecContext | None = None,
        store_name: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Write the file, durably; return the record that the row holds.

        A handle is stored as it is: both rows refer to one file.

        Raises
        ------
        StorageError
            The store cannot be reached, or refuses the file.
        """
        if isinstance(value, NpyRef):
            return value.to_json()
        import numpy as np

        schema, table, field, own = self._extract_context(key, context)
        store = open_store((context or CodecContext()).config, store_name)
        path, _ = schema_path(store.spec, schema, table, field, own, ".npy")
        file = BytesIO()
        np.lib.format.write_array(file, np.asanyarray(value), allow_pickle=False)
        store.put_object(path, file.getvalue(), schema, context.database if context else None)
        return {"path": path, "store": store.name, "dtype": _name(value.dtype), "shape": list(value.shape)}

    def decode(self, stored: Any, *, context: CodecContext | None = None) -> NpyRef:
        """Return the handle of the array; nothing is read."""
        return NpyRef(stored, context.config if context else None)


def _name(dtype: Any) -> str:
    """Return a type as text from which NumPy makes it again: ``float32``, ``>i4``, or its fields."""
    import numpy as np

    if dtype.fields is not None:
        return str(np.lib.format.dtype_to_descr(dtype))
    return str(dtype)
