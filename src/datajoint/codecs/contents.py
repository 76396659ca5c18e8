"""Bytes in a store under their hash, with the record of them that a row holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from datajoint.errors import DecodeError
from datajoint.heading.values import show
from datajoint.settings.config import process_config
from datajoint.storage.paths import content_hash, relative
from datajoint.storage.store import open_store

if TYPE_CHECKING:
    from datajoint.settings.config import Config

__all__ = ["compute_hash", "delete_path", "get_hash", "put_hash"]


def compute_hash(data: bytes) -> str:
    """Return the name of bytes in a store, as `datajoint.storage.paths.content_hash` does.

    Examples
    --------
    >>> compute_hash(b"bytes")
    'jm5gegf3hy5hga7iufy2md6psi'
    """
    return content_hash(data)


def put_hash(
    data: bytes,
    schema_name: str,
    store_name: str | None = None,
    config: Config | None = None,
    *,
    database: str | None = None,
) -> dict[str, Any]:
    """Store bytes under their hash, unless it holds them; return the record that a row holds.

    Parameters
    ----------
    data
        The content.
    schema_name
        Schema to whose part of the store the object belongs.
    store_name
        Name of the store; None or ``""`` is the default one.
    config
        Settings that describe the store, by default those of the process.
    database
        The database of the schema, where garbage is to be collected in its name only.

    Returns
    -------
    dict
        ``hash``, ``path`` in the store, ``schema``, ``store`` and ``size`` in bytes.

    Raises
    ------
    StorageError
        The store cannot be reached, or refuses the object.

    Examples
    --------
    >>> from datajoint.settings.config import Config
    >>> config = Config()
    >>> config["stores"] = {"lab": {"protocol": "memory", "location": "of the example of put_hash"}}
    >>> found = put_hash(b"bytes", "trials", "lab", config)
    >>> found["path"]
    '_hash/trials/jm5gegf3hy5hga7iufy2md6psi'
    >>> get_hash(found, config)
    b'bytes'
    """
    return open_store(config or process_config(), store_name).put_content(bytes(data), schema_name, database)


def get_hash(metadata: Mapping[str, Any], config: Config | None = None) -> bytes:
    """Return the bytes of a record, compared with their hash.

    Parameters
    ----------
    metadata
        The record as a row holds it; its path is what counts.
    config
        Settings that describe the store, by default those of the process.

    Raises
    ------
    DecodeError
        The record lacks its path or hash.
    MissingExternalFile
        There is no such object.
    CorruptObjectError
        The content has changed.

    Examples
    --------
    >>> get_hash({"size": 3})
    Traceback (most recent call last):
    datajoint.errors.DecodeError: {'size': 3} is no record of an object: it has no `hash` and `path`.
    """
    path, expected = _text(metadata, "path"), _text(metadata, "hash")
    if path is None or expected is None:
        raise DecodeError(f"{show(metadata)} is no record of an object: it has no `hash` and `path`.")
    store = open_store(config or process_config(), _text(metadata, "store"))
    return store.read_content(path, expected)


def delete_path(path: str, store_name: str | None = None, config: Config | None = None) -> bool:
    """Delete an object, whether or not a row refers to it; return whether it existed.

    Examples
    --------
    >>> from datajoint.settings.config import Config
    >>> config = Config()
    >>> config["stores"] = {"lab": {"protocol": "memory"}}
    >>> delete_path("_hash/trials/a", "lab", config)
    False
    """
    return open_store(config or process_config(), store_name).medium.delete(relative(path))


def _text(metadata: Any, name: str) -> str | None:
    found = cast(Mapping[str, Any], metadata).get(name) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) and found else None
