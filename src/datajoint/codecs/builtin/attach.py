"""``<attach>``: a file with its name, written to the download folder when it is fetched."""

from __future__ import annotations

import os
import re
from io import BytesIO
from typing import Any

from datajoint.codecs.base import Codec
from datajoint.codecs.context import CodecContext
from datajoint.errors import DecodeError, EncodeError

__all__ = ["AttachCodec", "AttachmentRef"]

_REFUSED_ON_WINDOWS = re.compile('[<>:"|?*]')
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(\..*)?",
    re.IGNORECASE,
)
_LONGEST_NAME = 230
"""Bytes of a name; file systems take 255, and a number or ``.part`` may be added."""
_LONGEST_SUFFIX = 32


class AttachCodec(Codec):
    """A local file: insert takes its path, fetch returns the path of a copy in ``config.download_path``.

    Stored are the base name in UTF-8, one NUL and the contents.

    Examples
    --------
    >>> AttachCodec().get_dtype(is_store=False)
    'bytes'
    """

    name = "attach"

    def get_dtype(self, is_store: bool) -> str:
        """Return ``bytes``, or ``<hash>`` for a store.

        Examples
        --------
        >>> AttachCodec().get_dtype(is_store=True)
        '<hash>'
        """
        return "<hash>" if is_store else "bytes"

    def validate(self, value: Any) -> None:
        """Refuse what is no path of a file.

        Examples
        --------
        >>> AttachCodec().validate(5)
        Traceback (most recent call last):
        TypeError: <attach> takes the path of a file, not an object of type int.
        """
        if not isinstance(value, (str, os.PathLike)):
            raise TypeError(
                f"<attach> takes the path of a file, not an object of type {type(value).__name__}."
            )

    def encode(self, value: Any) -> bytes:
        """Return name and contents of the file at a path.

        Examples
        --------
        >>> AttachCodec().encode("no/file.txt")
        Traceback (most recent call last):
        datajoint.errors.EncodeError: <attach> cannot read the file no/file.txt: No such file or directory.
        """
        if isinstance(value, AttachmentRef):
            return value.name.encode() + b"\0" + value.read()
        path = os.fsdecode(value)
        name = os.path.basename(os.path.abspath(path))
        try:
            with open(path, "rb") as file:
                return name.encode() + b"\0" + file.read()
        except UnicodeEncodeError as error:
            raise EncodeError(f"<attach> needs a file name that is valid text, not {name!r}.") from error
        except OSError as error:
            raise EncodeError(
                f"<attach> cannot read the file {path:.200}: {error.strerror or error}."
            ) from error

    def decode(self, stored: Any, *, context: CodecContext | None = None) -> str | AttachmentRef:
        """Write the file to the download folder, beside any other of its name, and return its path.

        Where the setting ``attach.lazy`` is on, return an `AttachmentRef`, which writes it when needed.

        Examples
        --------
        >>> AttachCodec().decode(b"no end of the name")
        Traceback (most recent call last):
        datajoint.errors.DecodeError: The attachment has no file name.
        """
        name, separator, contents = bytes(stored).partition(b"\0")
        safe = _safe_name(_base_name(name if separator else b""))
        config: Any = context.config if context else None
        folder = str(getattr(config, "download_path", None) or ".")
        if getattr(getattr(config, "attach", None), "lazy", False):
            return AttachmentRef(safe, contents, folder)
        return _saved(folder, safe, contents)


class AttachmentRef:
    r"""An attachment that was fetched with the setting ``attach.lazy``: a file is written when asked for.

    `open(attachment)`, `pathlib.Path(attachment)` and other functions that take paths write the file to the
    download folder and use it there.

    Parameters
    ----------
    name
        Name of the file.
    contents
        Its contents.
    folder
        Folder that `save` writes to unless it is given another one.

    Examples
    --------
    >>> attachment = AttachmentRef("notes.txt", b"two\nlines\n")
    >>> attachment
    AttachmentRef('notes.txt', 10 bytes)
    >>> with attachment.open() as file:
    ...     file.readline()
    b'two\n'
    """

    __slots__ = ("_contents", "_folder", "_name")

    def __init__(self, name: str, contents: bytes, folder: str = ".") -> None:
        self._name = name
        self._contents = contents
        self._folder = folder

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._name

    @property
    def size(self) -> int:
        """Size in bytes."""
        return len(self._contents)

    def read(self) -> bytes:
        """Return the contents.

        Examples
        --------
        >>> AttachmentRef("notes.txt", b"text").read()
        b'text'
        """
        return self._contents

    def open(self) -> BytesIO:
        """Return the contents as a file in memory, to be read.

        Examples
        --------
        >>> AttachmentRef("notes.txt", b"text").open().read(2)
        b'te'
        """
        return BytesIO(self._contents)

    def save(self, folder: str | os.PathLike[str] | None = None) -> str:
        """Write the file beside any other of its name, and return its path.

        Parameters
        ----------
        folder
            Folder to write to, which is made if it is missing; default the download folder.

        Raises
        ------
        DecodeError
            The folder cannot be written to.

        Examples
        --------
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     os.path.basename(AttachmentRef("notes.txt", b"text").save(folder))
        'notes.txt'
        """
        return _saved(self._folder if folder is None else os.fspath(folder), self._name, self._contents)

    def __fspath__(self) -> str:
        return self.save()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AttachmentRef):
            return NotImplemented
        return (self._name, self._contents) == (other._name, other._contents)

    def __hash__(self) -> int:
        return hash((self._name, self._contents))

    def __repr__(self) -> str:
        return f"AttachmentRef({self._name!r}, {self.size} bytes)"


def _saved(folder: str, name: str, contents: bytes) -> str:
    try:
        os.makedirs(folder, exist_ok=True)
        return _placed(folder, name, contents)
    except OSError as error:
        raise DecodeError(
            f"The attachment {name} cannot be written: {error.strerror or error}.",
            hint="Set `download_path` to a folder that you may write to.",
        ) from error


def _base_name(data: bytes) -> str:
    """Return the last part of a stored name: one with folders in it could leave the download folder."""
    name = data.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    if name in ("", ".", ".."):
        raise DecodeError("The attachment has no file name.")
    return name


def _safe_name(name: str) -> str:
    r"""Return a file name that every system takes for a plain file, and no shell for an option or a dot file.

    Examples
    --------
    >>> (
    ...     _safe_name("scan 1.tif"),
    ...     _safe_name(".bashrc"),
    ...     _safe_name("-rf"),
    ...     _safe_name("a\nb."),
    ...     _safe_name("con.txt"),
    ... )
    ('scan 1.tif', '_.bashrc', '_-rf', 'a_b', '_con.txt')
    """
    name = "".join(char if char == " " or char.isprintable() else "_" for char in name)
    name = (_REFUSED_ON_WINDOWS.sub("_", name) if os.name == "nt" else name).strip(" ").rstrip(". ")
    if not name or name[0] in ".-~" or _DEVICE.fullmatch(name):
        name = f"_{name}"
    stem, suffix = os.path.splitext(name)
    suffix = suffix if len(suffix.encode()) <= _LONGEST_SUFFIX else ""
    stem = stem if suffix else name
    return _cut(stem, _LONGEST_NAME - len(suffix.encode())) + suffix


def _cut(text: str, size: int) -> str:
    """Return the first characters of a text, as many as take so many bytes."""
    return text.encode()[:size].decode("utf-8", "ignore")


def _placed(folder: str, name: str, contents: bytes) -> str:
    """Find or make a file with these contents under the name or one with a number added."""
    stem, suffix = os.path.splitext(name)
    path, number = os.path.join(folder, name), 0
    while not _is_or_becomes(path, contents):
        number += 1
        path = os.path.join(folder, f"{stem}_{number}{suffix}")
    return os.path.normpath(path)


def _is_or_becomes(path: str, contents: bytes) -> bool:
    """Make the file unless it exists; tell whether it now has these contents."""
    if not os.path.lexists(path) and _made(path, contents):
        return True
    if not os.path.isfile(path) or os.path.getsize(path) != len(contents):
        return False
    with open(path, "rb") as file:
        return file.read() == contents


def _made(path: str, contents: bytes) -> bool:
    """Make a file in one step, so that nobody sees half of it; tell whether it was not there."""
    draft = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.part")
    try:
        with open(draft, "xb") as file:
            file.write(contents)
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links; anything else fails here again
        return _moved(draft, path)
    finally:
        if os.path.lexists(draft):
            os.unlink(draft)
    return True


def _moved(draft: str, path: str) -> bool:
    """Move a file to a name that is made for it first: a move alone overwrites what another process made."""
    try:
        with open(path, "xb"):
            pass
    except FileExistsError:
        return False
    os.replace(draft, path)
    return True
