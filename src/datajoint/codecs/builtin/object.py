"""``<object@>``: a file, a folder, bytes or a stream in a store, fetched as a handle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any, cast

from datajoint._value import Value
from datajoint.codecs.context import CodecContext
from datajoint.codecs.object_ref import MANIFEST, ObjectRef
from datajoint.codecs.schema_codec import SchemaCodec
from datajoint.errors import EncodeError
from datajoint.storage.paths import schema_path
from datajoint.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import BinaryIO

__all__ = ["ObjectCodec", "record_of"]


def _is_bytes(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview))


class ObjectCodec(SchemaCodec):
    """Files and folders of any format (interop.md §5.4).

    Insert takes bytes, the path of a file or a folder, or a pair of extension and bytes or open file; large
    files are copied in pieces. Fetch returns an `ObjectRef`.

    Examples
    --------
    >>> ObjectCodec().decode({"path": "a.txt", "store": "main", "size": 5, "is_dir": False})
    ObjectRef(file: a.txt, size=5)
    """

    name = "object"
    concurrent = True

    def validate(self, value: Any) -> None:
        """Refuse what is none of these.

        Examples
        --------
        >>> ObjectCodec().validate(5)
        Traceback (most recent call last):
        TypeError: <object@> takes bytes, a path, or a pair (extension, bytes or file), not an object of ...
        """
        given: Any = value
        if isinstance(value, (str, os.PathLike, ObjectRef)) or _is_bytes(given):
            return
        pair = cast(tuple[Any, ...], given if isinstance(given, tuple) else ())
        if len(pair) == 2:
            ext, source = pair
            if isinstance(ext, str) and (_is_bytes(source) or hasattr(source, "read")):
                return
        raise TypeError(
            "<object@> takes bytes, a path, or a pair (extension, bytes or file), not an object of type "
            f"{type(value).__name__}."
        )

    def encode(
        self, value: Any, *, key: Mapping[str, Any] | None = None, context: CodecContext | None = None,
        store_name: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Copy the object into the store, durably; return the record that the row holds.

        A handle is stored as it is: both rows refer to one object.

        Raises
        ------
        EncodeError
            A file does not exist, cannot be read, or changes meanwhile.
        StorageError
            The store cannot be reached, or refuses the object.
        """
        if isinstance(value, ObjectRef):
            return _kept(value)
        schema, table, field, own = self._extract_context(key, context)
        context = context or CodecContext()
        store = open_store(context.config, store_name)
        put = _Put(store, schema, context.database)
        ext, source = _source(value)
        path, _ = schema_path(store.spec, schema, table, field, own, ext)
        if isinstance(source, str) and S_ISDIR(_status(source).st_mode):
            return put.folder(source, path)
        return record_of(store, path, put.file(source, path), ext)

    def decode(self, stored: Any, *, context: CodecContext | None = None) -> ObjectRef:
        """Return the handle of the object; nothing is read."""
        return ObjectRef.from_json(stored, context.config if context else None)


def record_of(
    store: Store, path: str, size: int, ext: str | None, count: int | None = None
) -> dict[str, Any]:
    """Return what the row of an object holds; `count` is the number of files of a folder."""
    return {
        "path": path,
        "store": store.name,
        "size": size,
        "ext": ext or None,
        "is_dir": count is not None,
        "item_count": count,
        "timestamp": datetime.now(UTC).isoformat(),
    }


def _kept(ref: ObjectRef) -> dict[str, Any]:
    """Return the record of an object that is in a store already."""
    record = ref.to_json() | {"item_count": ref.item_count, "store": ref.store}
    return {name: value for name, value in record.items() if name != "hash" or value is not None}


class _Put(Value):
    """Writes files of one row."""

    store: Store
    schema: str
    database: str | None

    def file(self, source: Any, path: str) -> int:
        """Write bytes, a stream or a file; return its size."""
        if _is_bytes(source):
            self.store.put_object(path, bytes(source), self.schema, self.database)
            return len(source)
        if isinstance(source, str):
            with _unchanged(source) as (file, size):
                self.store.put_object(path, file, self.schema, self.database)
            return size
        self.store.put_object(path, source, self.schema, self.database)
        found = self.store.medium.find(path)
        return found.size if found else 0

    def folder(self, folder: str, path: str) -> dict[str, Any]:
        """Write all files of a folder, and the list of them beside it."""
        files: list[dict[str, Any]] = []
        with self.store.held(path):
            for name in _files(folder):
                size = self.file(os.path.join(folder, *name.split("/")), f"{path}/{name}")
                files.append({"path": name, "size": size})
            total = sum(file["size"] for file in files)
            manifest = {
                "files": files,
                "total_size": total,
                "item_count": len(files),
                "created": datetime.now(UTC).isoformat(),
            }
            self.file(json.dumps(manifest, indent=2).encode(), f"{path}{MANIFEST}")
        return record_of(self.store, path, total, None, len(files))


def _source(value: Any) -> tuple[str | None, Any]:
    """Return extension and source: bytes, a path as text, or a stream."""
    if isinstance(value, tuple):
        ext, source = cast(tuple[str, Any], value)
        return (f".{ext.lstrip('.')}" if ext else None), source
    if _is_bytes(value):
        return None, value
    path = str(value)
    is_folder = S_ISDIR(_status(path).st_mode)
    return (None if is_folder else os.path.splitext(path)[1] or None), path


def _status(path: str) -> os.stat_result:
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EncodeError(f"<object@> cannot read {path!s:.200}: {reason}.") from error
    if not (S_ISDIR(status.st_mode) or S_ISREG(status.st_mode)):
        raise EncodeError(f"<object@> takes files and folders; {path!s:.200} is neither.")
    return status


def _files(folder: str) -> Iterator[str]:
    """Yield the relative paths of all files of a folder, with ``/``."""
    for place, folders, names in os.walk(folder):
        for name in folders:
            if os.path.islink(os.path.join(place, name)):
                raise EncodeError(
                    f"<object@> cannot copy {os.path.join(place, name)}: it is a link to a folder.",
                    hint="Put a copy of that folder in its place, or leave it out.",
                )
        folders.sort()
        for name in sorted(names):
            yield os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")


@contextmanager
def _unchanged(path: str) -> Generator[tuple[BinaryIO, int]]:
    """Open a file; refuse it if it has changed by the end, as then it is not known what was copied."""
    before = _status(path)
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below; its errors are not those of the store
    except OSError as error:
        raise EncodeError(f"<object@> cannot read {path!s:.200}: {error.strerror or error}.") from error
    with file:
        yield file, before.st_size
    after = _status(path)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise EncodeError(
            f"{path!s:.200} changed while it was stored.",
            hint="Insert it when it is complete; staged_insert1 stores what is still being written.",
        )
