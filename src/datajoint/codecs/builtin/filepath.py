"""``<filepath@>``: a file or folder that stays where it is in a store, fetched as a handle."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from datajoint.codecs.context import CodecContext
from datajoint.codecs.object_ref import ObjectRef
from datajoint.codecs.schema_codec import SchemaCodec
from datajoint.errors import EncodeError, StorageError
from datajoint.storage.paths import relative
from datajoint.storage.store import QUARANTINE, Store, open_store

__all__ = ["FilepathCodec"]


class FilepathCodec(SchemaCodec):
    """References to files that something else has put into a store; they are never copied, never deleted.

    ``<filepath@>`` means the store that ``stores.filepath_default`` names.

    Examples
    --------
    >>> FilepathCodec().decode({"path": "raw/x.dat", "store": "main", "size": 5, "is_dir": False})
    ObjectRef(file: raw/x.dat, size=5)
    """

    name = "filepath"
    concurrent = True

    def validate(self, value: Any) -> None:
        """Refuse what is no path.

        Examples
        --------
        >>> FilepathCodec().validate(5)
        Traceback (most recent call last):
        TypeError: <filepath@> takes a path relative to the store, not an object of type int.
        """
        if not isinstance(value, (str, os.PathLike, ObjectRef)):
            raise TypeError(
                "<filepath@> takes a path relative to the store, not an object of type "
                f"{type(value).__name__}."
            )

    def encode(
        self, value: Any, *, context: CodecContext | None = None, store_name: str | None = None
    ) -> dict[str, Any]:
        """Look for the file, and return the record that the row holds.

        Raises
        ------
        EncodeError
            The path leaves the store, lies in a part of it that DataJoint keeps, or names nothing.
        """
        if isinstance(value, ObjectRef):
            return value.to_json()
        store = open_store((context or CodecContext()).config, store_name, "filepath_default")
        path = _checked(store, str(value).replace(os.sep, "/"))
        found = store.medium.find(path)
        is_folder = found is None and next(iter(store.medium.listing(path)), None) is not None
        if found is None and not is_folder:
            raise EncodeError(
                f"There is no file or folder {path} in {store.medium.place}.",
                hint="Copy it there first, or store a copy with <object@>.",
            )
        return {
            "path": path,
            "store": store.name,
            "size": found.size if found else None,
            "is_dir": is_folder,
            "timestamp": datetime.now(UTC).isoformat(),
        }

    def decode(self, stored: Any, *, context: CodecContext | None = None) -> ObjectRef:
        """Return the handle of the file; nothing is read."""
        return ObjectRef.from_json(stored, context.config if context else None)


def _checked(store: Store, given: str) -> str:
    try:
        path = relative(given)
    except StorageError as error:
        raise EncodeError(f"<filepath@>: {error.args[0]}", hint=error.hint) from None
    kept = [store.spec.get("hash_prefix"), store.spec.get("schema_prefix"), QUARANTINE, "_datajoint"]
    for prefix in filter(None, kept):
        if _lies_in(path, str(prefix)):
            raise EncodeError(
                f"<filepath@> cannot refer to {path}: what lies in {prefix}/ is managed by DataJoint.",
                hint="Refer to files outside of it.",
            )
    wanted = store.spec.get("filepath_prefix")
    if wanted and not _lies_in(path, str(wanted)):
        raise EncodeError(
            f"<filepath@> can only refer to files in {wanted}/, not to {path}.",
            hint=f"`stores.{store.name}.filepath_prefix` says so.",
        )
    return path


def _lies_in(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.strip('/')}/")
