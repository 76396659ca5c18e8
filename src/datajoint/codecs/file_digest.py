"""The digest by which older releases tell files, which pipelines store beside them."""

from __future__ import annotations

from hashlib import md5
from os import PathLike
from uuid import UUID

__all__ = ["uuid_from_file"]

_CHUNK = 1 << 20


def uuid_from_file(filepath: str | PathLike[str], *, init_string: str = "") -> UUID:
    """Return MD5 over a text and the contents of a file as UUID; the file is read in pieces.

    Examples
    --------
    >>> import os
    >>> str(uuid_from_file(os.devnull))
    'd41d8cd9-8f00-b204-e980-0998ecf8427e'
    """
    digest = md5(init_string.encode(), usedforsecurity=False)
    with open(filepath, "rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return UUID(bytes=digest.digest())
