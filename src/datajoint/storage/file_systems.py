"""Stores as file systems of fsspec, for Zarr, Dask and whatever else reads and writes through them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datajoint.errors import ConfigurationError
from datajoint.storage.adapter import FileSystem
from datajoint.storage.local import LocalFolder
from datajoint.storage.remote import Bucket

if TYPE_CHECKING:
    from datajoint.storage.store import Store

__all__ = ["file_system", "full_path", "mapping"]


def file_system(store: Store) -> Any:
    """Return a file system of fsspec in which `full_path` names the objects of a store.

    Raises
    ------
    ConfigurationError
        fsspec is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from datajoint.storage.store import store_of
    >>> store = store_of("lab", {"protocol": "file", "location": tempfile.mkdtemp()})
    >>> file_system(store).protocol
    ('file', 'local')
    """
    medium = store.medium
    if isinstance(medium, FileSystem):
        return medium.fs
    if isinstance(medium, LocalFolder):
        return _fsspec().filesystem("file", auto_mkdir=True)
    _fsspec()
    return import_module("datajoint.storage.medium_files").MediumFiles(medium, full_path(store, ""))


def full_path(store: Store, path: str) -> str:
    """Return the path of an object in the file system of its store.

    Examples
    --------
    >>> from datajoint.storage.store import store_of
    >>> full_path(store_of("lab", {"protocol": "file", "location": "/data"}), "a/b")
    '/data/a/b'
    """
    medium = store.medium
    if isinstance(medium, FileSystem):
        return medium.full_path(path)
    if isinstance(medium, (LocalFolder, Bucket)):
        return f"{medium.place.partition('://')[2] or medium.place}/{path}".rstrip("/")
    return path


def mapping(store: Store, path: str) -> Any:
    """Return what lies below a path as a mapping of fsspec: relative path → bytes.

    Examples
    --------
    >>> import tempfile
    >>> from datajoint.storage.store import store_of
    >>> store = store_of("lab", {"protocol": "file", "location": tempfile.mkdtemp()})
    >>> mapping(store, "a")["b"] = b"abc"
    >>> store.read("a/b")
    b'abc'
    """
    return _fsspec().FSMap(full_path(store, path), file_system(store), create=True)


def _fsspec() -> Any:
    try:
        return import_module("fsspec")
    except ImportError as error:
        raise ConfigurationError(
            "Stores as file systems need the package fsspec.",
            hint="Install it: pip install 'datajoint[fsspec]'.",
        ) from error
