"""Paths of objects in a store, as all clients of a store compute and check them."""

from __future__ import annotations

import re
import secrets
import string
from base64 import b32encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import md5
from typing import Any
from urllib.parse import quote

from datajoint.errors import StorageError
from datajoint.heading.values import show

__all__ = ["content_hash", "hash_path", "key_text", "new_token", "relative", "schema_path"]


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


_SPECIAL = frozenset('/\\:*?"<>|')
_LONG, _CUT = 100, 50
_LONGEST = 180
"""Bytes of one component; file systems take 255, and the name of the attribute comes before."""


def key_text(value: object) -> str:
    """Return the value of a key as part of a path (interop.md §5.2).

    A date keeps its form, a moment loses its colons and its fraction; texts that are long, or hold characters
    that file systems refuse, are cut with a digest, and percent-encoded.

    Examples
    --------
    >>> key_text(7), key_text("a/b:c d%é"), key_text("tab d%")
    ('7', 'a%2Fb%3Ac%20d%25%C3%A9', 'tab d%')
    """
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H-%M-%S")
    text = str(value)
    digest = md5(text.encode(), usedforsecurity=False).hexdigest()[:8]
    special = bool(_SPECIAL.intersection(text)) or not text.isprintable()
    if len(text) > _LONG:
        text, special = f"{text[:_CUT]}_{digest}", True
    encoded = quote(text, safe="") if special else text
    if len(encoded.encode()) > _LONGEST:
        cut = quote(text, safe="")[:_LONGEST].rpartition("%")[0]
        encoded = f"{cut}_{digest}"
    return encoded


def schema_path(
    spec: Mapping[str, Any], schema: str, table: str, field: str, key: Mapping[str, Any], ext: str | None
) -> tuple[str, str]:
    """Return a new path for the object of a row, and the random token in it (STO-5, STO-6).

    Parameters
    ----------
    spec
        Description of the store.
    key
        Primary key of the row.
    ext
        Extension, with its dot; None or "" for none.

    Examples
    --------
    >>> path, token = schema_path({"token_length": 4}, "lab", "scan", "image", {"a": 1, "b": "x"}, ".npy")
    >>> path == f"_schema/lab/scan/a=1/b=x/image_{token}.npy", len(token)
    (True, 4)
    """
    token = new_token(int(spec.get("token_length") or 8))
    pattern = re.findall(r"\w+", str(spec.get("partition_pattern") or ""))
    first = list(dict.fromkeys(pattern)) if pattern and set(pattern) <= set(key) else []
    shown = {name: f"{name}={key_text(value)}" for name, value in key.items()}
    parts = (
        str(spec.get("schema_prefix", "_schema")).strip("/"),
        *(shown[name] for name in first),
        schema,
        table,
        *(text for name, text in shown.items() if name not in first),
        f"{field}_{token}{ext or ''}",
    )
    return "/".join(filter(None, parts)), token


def new_token(length: int) -> str:
    """Return random characters that are safe in paths, from a secure source.

    Examples
    --------
    >>> len(new_token(8))
    8
    """
    alphabet = string.ascii_letters + string.digits + "-_"
    return "".join(secrets.choice(alphabet) for _ in range(min(max(length, 4), 32)))


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
