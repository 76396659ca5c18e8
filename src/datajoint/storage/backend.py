"""Stores as existing code addresses them: by a description and calls for files, buffers and folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from datajoint.errors import MissingExternalFile
from datajoint.storage.paths import relative
from datajoint.storage.store import store_of

__all__ = ["StorageBackend", "get_storage_backend"]

PathLike = str | PurePosixPath


class StorageBackend:
    """Files of a store by their path, as code of earlier releases reads and writes them.

    Parameters
    ----------
    spec
        The description of a store, as `config.get_store_spec` gives it.
    name
        Its name, which distinguishes stores in memory.

    Examples
    --------
    >>> backend = StorageBackend({"protocol": "memory", "location": "of the example of StorageBackend"})
    >>> backend.put_buffer(b"abc", "a/b")
    >>> backend.get_buffer("a/b"), backend.exists("a/c"), backend.isdir("a"), backend.size("a/b")
    (b'abc', False, True, 3)
    """

    def __init__(self, spec: Mapping[str, Any], name: str = "") -> None:
        self.spec = dict(spec)
        self.protocol = str(spec["protocol"])
        self._medium = store_of(name, spec).medium

    def put_buffer(self, buffer: bytes, remote_path: PathLike) -> None:
        """Write bytes.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "a"}).put_buffer(b"abc", "a/b")
        """
        self._medium.write(relative(str(remote_path)), bytes(buffer))

    def get_buffer(self, remote_path: PathLike) -> bytes:
        """Return the bytes of a file.

        Raises
        ------
        MissingExternalFile
            There is none.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "none"}).get_buffer("a/b")
        Traceback (most recent call last):
        datajoint.errors.MissingExternalFile: There is no object a/b in memory:///none.
        """
        return self._medium.read(relative(str(remote_path)))

    def put_file(
        self,
        local_path: str | Path,
        remote_path: PathLike,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Copy a local file into the store.

        Examples
        --------
        >>> import os
        >>> StorageBackend({"protocol": "memory", "location": "a"}).put_file(os.devnull, "empty")
        """
        with open(local_path, "rb") as file:
            self._medium.write(relative(str(remote_path)), file)

    def get_file(self, remote_path: PathLike, local_path: str | Path) -> None:
        """Copy a file of the store to a local path.

        Raises
        ------
        MissingExternalFile
            There is none.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "none"}).get_file("a", "/tmp/a")
        Traceback (most recent call last):
        datajoint.errors.MissingExternalFile: There is no object a in memory:///none.
        """
        from shutil import copyfileobj

        with self._medium.open(relative(str(remote_path))) as source:
            os.makedirs(os.path.dirname(os.path.abspath(local_path)), exist_ok=True)
            with open(local_path, "wb") as target:
                copyfileobj(source, target)

    def exists(self, remote_path: PathLike) -> bool:
        """Return whether there is a file or a folder of this path.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "none"}).exists("a")
        False
        """
        return self._medium.find(relative(str(remote_path))) is not None or self.isdir(remote_path)

    def isdir(self, remote_path: PathLike) -> bool:
        """Return whether there are files below this path.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "none"}).isdir("a")
        False
        """
        return next(iter(self._medium.listing(relative(str(remote_path)))), None) is not None

    def size(self, remote_path: PathLike) -> int:
        """Return the size of a file in bytes.

        Raises
        ------
        MissingExternalFile
            There is none.

        Examples
        --------
        >>> backend = StorageBackend({"protocol": "memory", "location": "a"})
        >>> backend.put_buffer(b"abc", "a/b")
        >>> backend.size("a/b")
        3
        """
        path = relative(str(remote_path))
        found = self._medium.find(path)
        if found is None:
            raise MissingExternalFile(f"There is no object {path} in {self._medium.place}.")
        return found.size

    def remove(self, remote_path: PathLike) -> None:
        """Delete a file, if it exists.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "none"}).remove("a")
        """
        self._medium.delete(relative(str(remote_path)))

    def remove_folder(self, remote_path: PathLike) -> None:
        """Delete all files below a path.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "none"}).remove_folder("a")
        """
        for entry in list(self._medium.listing(relative(str(remote_path)))):
            self._medium.delete(entry.path)

    def get_url(self, path: PathLike) -> str:
        """Return the address of a file.

        Examples
        --------
        >>> StorageBackend({"protocol": "memory", "location": "a"}).get_url("b")
        'memory:///a/b'
        """
        return f"{self._medium.place}/{relative(str(path))}"


def get_storage_backend(spec: Mapping[str, Any]) -> StorageBackend:
    """Return the files of a store by its description.

    Examples
    --------
    >>> get_storage_backend({"protocol": "memory", "location": "a"}).protocol
    'memory'
    """
    return StorageBackend(spec)
