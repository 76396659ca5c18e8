"""Paths of objects in a store, as all clients of a store compute and check them."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Sequence
from hashlib import md5

from datajoint.errors import StorageError
from datajoint.heading.values import show

__all__ = ["content_hash", "hash_path", "relative"]


def content_hash(data: bytes) -> str:
    """Return the name of bytes in a store: their MD5 in base 32, lower case, 26 characters (interop.md §5.1).

    Examples
    --------
    >>> content_hash(b"bytes")
    'jm5gegf3hy5hga7iufy2md6psi'
    """
    return b32encode(md5(data, usedforsecurity=False).digest()).decode().lower().rstrip("=")


def hash_path(prefix: str, schema: str, name: str, subfolding: Sequence[int] | None = None) -> str:
    """Return the path of content by its hash (STO-4).

    Examples
    --------
    >>> hash_path("_hash", "lab", "jm5gegf3hy5hga7iufy2md6psi", [2, 3])
    '_hash/lab/jm/5ge/jm5gegf3hy5hga7iufy2md6psi'
    """
    folders: list[str] = []
    start = 0
    for length in subfolding or ():
        folders.append(name[start : start + length])
        start += length
    return "/".join(filter(None, (prefix.strip("/"), schema, *folders, name)))


def relative(path: object) -> str:
    """Return a path that stays within its store; refuse any other.

    Raises
    ------
    StorageError
        The path is empty, absolute, or leaves the store by ``..``.

    Examples
    --------
    >>> relative("_hash/lab/x")
    '_hash/lab/x'
    >>> relative("../x")
    Traceback (most recent call last):
    datajoint.errors.StorageError: '../x' is no path within a store...
    """
    text = path if isinstance(path, str) else ""
    parts = text.split("/")
    if not text or text.startswith(("/", "~")) or "\\" in text or "\0" in text or ":" in parts[0]:
        raise _climbs(path)
    kept = [part for part in parts if part not in ("", ".")]
    if ".." in kept or not kept:
        raise _climbs(path)
    return "/".join(kept)


def _climbs(path: object) -> StorageError:
    return StorageError(
        f"{show(path)} is no path within a store.",
        hint="Paths are relative to the location of the store, with `/` and without `..`.",
    )
