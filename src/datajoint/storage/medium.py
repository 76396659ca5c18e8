"""What a store asks of the medium that it lies on: a folder, a bucket, a file system of fsspec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import BinaryIO

from datajoint._value import Value

__all__ = ["Entry", "Medium", "Source"]

Source = bytes | BinaryIO
"""What is written: the bytes, or an open file that is read in pieces."""


class Entry(Value):
    """An object of a store.

    Attributes
    ----------
    path
        Relative to the store, with ``/``.
    size
        In bytes.
    modified
        Seconds since 1970 in UTC, by the clock of the store.
    """

    path: str
    size: int
    modified: float


class Medium(ABC):
    """Reads and writes objects by their path, relative to the store.

    Each method raises `MissingExternalFile` where the object does not exist, `BucketInaccessible` where the
    store itself cannot be reached, and `StorageError` for all else that the medium refuses.

    Attributes
    ----------
    place
        Where the store is, for messages: a folder or a URL.
    """

    place: str

    @abstractmethod
    def read(self, path: str) -> bytes:
        """Return the content of an object."""

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Return an object as a file to read, at any position."""

    @abstractmethod
    def write(self, path: str, source: Source) -> None:
        """Write an object, in place of an older one.

        It appears whole or not at all, and is durable when this returns.
        """

    def flush(self, path: str) -> None:  # noqa: B027 - most media have nothing to do
        """Make an object, or all in a folder, durable that a file system of fsspec has written."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless it exists; return whether this call wrote it."""

    @abstractmethod
    def find(self, path: str) -> Entry | None:
        """Return size and time of an object; None where there is none."""

    @abstractmethod
    def touch(self, path: str) -> bool:
        """Set the time of an object to now; return False where it does not exist or the medium cannot."""

    @abstractmethod
    def delete(self, path: str) -> bool:
        """Delete an object; return whether it existed."""

    @abstractmethod
    def move(self, old: str, new: str) -> None:
        """Rename an object, in place of one of the new name."""

    @abstractmethod
    def listing(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects in a folder and in its folders, in no order and without holding them all."""
