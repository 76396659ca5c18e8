"""A store in the memory of the process, for tests and trials."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from datajoint.errors import MissingExternalFile
from datajoint.storage.medium import Entry, Medium, Source

__all__ = ["Memory"]

_contents: dict[tuple[str, str], dict[str, tuple[bytes, float]]] = {}
"""The objects of each store by its name and location; they last as long as the process."""
_lock = threading.RLock()


class Memory(Medium):
    """Objects in memory; all stores of one name and location in a process share them.

    Parameters
    ----------
    name, location
        Those of the store.

    Examples
    --------
    >>> store = Memory("lab", "of the example")
    >>> store.write("a/b", b"abc")
    >>> Memory("lab", "of the example").read("a/b")
    b'abc'
    """

    def __init__(self, name: str, location: str) -> None:
        self.place = f"memory://{name}/{location}".rstrip("/")
        with _lock:
            self._objects = _contents.setdefault((name, location), {})

    def read(self, path: str) -> bytes:
        """Return the content of an object."""
        try:
            return self._objects[path][0]
        except KeyError as error:
            raise MissingExternalFile(f"There is no object {path} in {self.place}.") from error

    def open(self, path: str) -> BinaryIO:
        """Return an object as a file."""
        return BytesIO(self.read(path))

    def write(self, path: str, source: Source) -> None:
        """Write an object."""
        data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else source.read()
        self._objects[path] = (data, time.time())

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless it exists."""
        mine = (bytes(data), time.time())
        return self._objects.setdefault(path, mine) is mine

    def find(self, path: str) -> Entry | None:
        """Return size and time of an object."""
        found = self._objects.get(path)
        return found and Entry(path, len(found[0]), found[1])

    def touch(self, path: str) -> bool:
        """Set the time of an object to now."""
        with _lock:
            found = self._objects.get(path)
            if found:
                self._objects[path] = (found[0], time.time())
        return found is not None

    def delete(self, path: str) -> bool:
        """Delete an object."""
        return self._objects.pop(path, None) is not None

    def move(self, old: str, new: str) -> None:
        """Rename an object; its time becomes now."""
        with _lock:
            self._objects[new] = (self.read(old), time.time())
            del self._objects[old]

    def listing(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects whose path begins with a folder."""
        start = f"{prefix.rstrip('/')}/" if prefix else ""
        for path, (data, modified) in list(self._objects.items()):
            if path.startswith(start):
                yield Entry(path, len(data), modified)
