"""Values of the store columns of release 0.14: `blob@store`, `attach@store`, `filepath@store`; read only.

Such a column holds 16 bytes, the key of a row of `~external_store`, which says what the object is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import md5
from typing import Any, Protocol

from datajoint.backends.base import Dialect
from datajoint.codecs import blob, context, object_ref
from datajoint.codecs.builtin import attach
from datajoint.errors import CorruptObjectError, DecodeError, MissingExternalFile, MissingTableError
from datajoint.heading.attribute import Attribute
from datajoint.sql.system_tables.external import EXTERNAL, external_rows
from datajoint.storage.paths import relative
from datajoint.storage.store import Store, open_store

__all__ = ["ExternalColumn", "Source"]

_SUBFOLDING = (2, 2)
"""What 0.14 takes where the store says nothing."""
_AT_ONE_TIME = 500
_BLOCK = 1 << 20


class Source(Protocol):
    """What the rows of `~external_…` are read from: a connection."""

    @property
    def dialect(self) -> Dialect: ...  # noqa: D102

    def fetch_all(self, text: str, parameters: Sequence[Any] = ()) -> list[Any]: ...  # noqa: D102


class ExternalColumn:
    """Decoder of the values of one column; it reads the rows of `~external_…` in batches."""

    def __init__(self, attribute: Attribute, where: context.CodecContext, connection: Source) -> None:
        self._name, self._dtype = attribute.name, attribute.dtype
        self._where = where
        self._connection = connection

    def __call__(self, value: Any) -> Any:
        """Decode one value."""
        return self.column([value])[0]

    def column(self, values: Sequence[Any]) -> list[Any]:
        """Decode a chunk of the column."""
        keys = list(dict.fromkeys(bytes(value) for value in values if value is not None))
        if not keys:
            return list(values)
        found: dict[bytes, Any] = {}
        for start in range(0, len(keys), _AT_ONE_TIME):
            found.update(self._rows(keys[start : start + _AT_ONE_TIME]))
        store = open_store(self._where.config, self._dtype.store)
        return [None if v is None else self._value(store, bytes(v), found.get(bytes(v))) for v in values]

    def _rows(self, keys: Sequence[bytes]) -> Iterable[tuple[bytes, Any]]:
        schema, store = self._where.schema or "", self._dtype.store or ""
        try:
            rows = self._connection.fetch_all(
                external_rows(schema, store, keys, self._connection.dialect), ()
            )
        except MissingTableError as error:
            raise error.suggest(
                f"`{self._where.table}.{self._name}` is {self._dtype} of release 0.14, "
                f"which needs `{EXTERNAL}{store}`."
            ) from None
        return [(bytes(row[0]), row) for row in rows]

    def _value(self, store: Store, key: bytes, row: Any) -> Any:
        if row is None:
            raise DecodeError(
                f"`{EXTERNAL}{self._dtype.store}` has no row {key.hex()}, which "
                f"`{self._where.table}.{self._name}` refers to."
            )
        _, size, name, path, contents = row
        if self._dtype.codec == "filepath":
            return self._file(store, str(path), size, contents)
        if self._dtype.codec == "attach":
            data = f"{name}".encode() + b"\0" + self._read(store, key, f".{name}", path)
            return attach.AttachCodec().decode(self._same(data, key), context=self._where)
        data = self._same(self._read(store, key, "", path), key)
        narrow = getattr(getattr(self._where.config, "blob", None), "use_32bit_dims", False)
        return (blob.unpack_narrow if narrow else blob.unpack)(data)

    def _read(self, store: Store, key: bytes, ending: str, other: str | None) -> bytes:
        """Return an object by its hash, or by the path that it kept from 0.11."""
        digits, start = key.hex(), 0
        folders: list[str] = []
        for length in store.spec.get("subfolding") or _SUBFOLDING:
            folders.append(digits[start : start + length])
            start += length
        path = "/".join((self._where.schema or "", *folders, digits + ending))
        try:
            return store.read(path)
        except MissingExternalFile:
            if not other or ending:
                raise
            return store.read(other)

    def _same(self, data: bytes, key: bytes) -> bytes:
        if md5(data, usedforsecurity=False).digest() != key:
            raise CorruptObjectError(
                f"The object {key.hex()} in store `{self._dtype.store}` is not what was stored: "
                "its hash differs.",
                hint="Restore the object from a backup, or compute the row again.",
            )
        return data

    def _file(self, store: Store, path: str, size: int, contents: Any) -> Any:
        """Return the path of the copy in the stage, as 0.14 does; a handle where the store has none."""
        config = self._where.config
        stage = store.spec.get("stage")
        handle = object_ref.ObjectRef(path, size=size, store=store.name, config=config)
        if not stage:
            return handle
        target = os.path.join(os.path.abspath(stage), *relative(path).split("/"))
        if not os.path.isfile(target) or not _is(target, size, contents):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            draft = f"{target}.{os.urandom(4).hex()}.part"
            with open(draft, "xb") as file:
                file.write(store.read(path))
            os.replace(draft, target)
        return target


def _is(path: str, size: int, contents: Any) -> bool:
    """Return whether a file has a size and, where it was recorded, a hash."""
    if os.path.getsize(path) != size:
        return False
    if contents is None:
        return True
    digest = md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest() == bytes(contents)
