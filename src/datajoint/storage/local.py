"""A store in a local folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, ENOSPC, EPERM, EROFS
from stat import S_ISREG
from typing import BinaryIO, TypeVar

from datajoint.errors import BucketInaccessible, MissingExternalFile, StorageError
from datajoint.storage.medium import Entry, Medium, Source

__all__ = ["DRAFTS", "LocalFolder"]

DRAFTS = "_datajoint/drafts"
"""Folder of what is not written whole yet; what a crash leaves there is deleted by the garbage collector."""

_PIECE = 1 << 20
_TRIES = 50
"""How often a folder is made again that a collector deletes, as it is empty, before a file is in it."""

_T = TypeVar("_T")


class LocalFolder(Medium):
    """Objects as files below one folder.

    A file is written under another name, flushed to the disk, and renamed, and the folder is flushed, too:
    after a crash it exists whole or not at all.

    Parameters
    ----------
    location
        Path of the folder; it is made when the first object is written.

    Examples
    --------
    >>> import tempfile
    >>> folder = LocalFolder(tempfile.mkdtemp())
    >>> folder.write("a/b", b"abc")
    >>> folder.read("a/b")
    b'abc'
    """

    def __init__(self, location: str) -> None:
        self.place = os.path.abspath(os.path.expanduser(location))

    # -------------------------------------------------------------------------------------------- reading

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> BinaryIO:
        """Return a file to read."""
        with self._explained(path):
            return open(self.path_of(path), "rb")

    def find(self, path: str) -> Entry | None:
        """Return size and time of a file."""
        with self._explained(path):
            try:
                status = os.stat(self.path_of(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
        if not S_ISREG(status.st_mode):
            return None
        return Entry(path, status.st_size, status.st_mtime)

    def listing(self, prefix: str) -> Iterator[Entry]:
        """Yield the files below a folder; links to folders are not followed."""
        folders = [self.path_of(prefix) if prefix else self.place]
        while folders:
            folder = folders.pop()
            with self._explained(folder):
                try:
                    found = os.scandir(folder)
                except (FileNotFoundError, NotADirectoryError):
                    self._need_folder()
                    continue
                with found:
                    for entry in found:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                            continue
                        with suppress(FileNotFoundError):  # deleted meanwhile
                            status = entry.stat(follow_symlinks=False)
                            path = os.path.relpath(entry.path, self.place).replace(os.sep, "/")
                            yield Entry(path, status.st_size, status.st_mtime)

    # -------------------------------------------------------------------------------------------- writing

    def write(self, path: str, source: Source) -> None:
        """Write a file, in place of an older one."""
        with self._explained(path), self._draft(path, source) as (draft, final):
            self._named(final, lambda: os.replace(draft, final))

    def create(self, path: str, data: bytes) -> bool:
        """Write a file unless it exists."""
        with self._explained(path), self._draft(path, data) as (draft, final):
            return self._named(final, lambda: _link(draft, final))

    def flush(self, path: str) -> None:
        """Flush a file, or all files in a folder, to the disk, and the folders that lead there."""
        with self._explained(path):
            full = self.path_of(path)
            files = [full] if os.path.isfile(full) else [self.path_of(e.path) for e in self.listing(path)]
            for file in files:
                _flush(file)
            folders = {folder for file in files for folder in self._above(file)}
            for folder in sorted(folders, key=len, reverse=True):
                _flush(folder)

    def _above(self, path: str) -> Iterator[str]:
        """Yield the folders from a file up to that of the store."""
        while path != self.place and path.startswith(self.place):
            path = os.path.dirname(path)
            yield path

    def touch(self, path: str) -> bool:
        """Set the time of a file to now."""
        with self._explained(path):
            try:
                os.utime(self.path_of(path))
            except FileNotFoundError:
                return False
        return True

    def delete(self, path: str) -> bool:
        """Delete a file, and the folders that it leaves empty."""
        with self._explained(path):
            full = self.path_of(path)
            try:
                if not os.path.isdir(full) or os.path.islink(full):
                    os.unlink(full)
                    self._delete_empty(os.path.dirname(full))
                    return True
            except (FileNotFoundError, NotADirectoryError):
                pass
        return False

    def move(self, old: str, new: str) -> None:
        """Rename a file; its time becomes now."""
        with self._explained(old):
            source, target = self.path_of(old), self.path_of(new)
            os.utime(source)
            self._named(target, lambda: os.replace(source, target))
        self._delete_empty(os.path.dirname(source))

    @contextmanager
    def _draft(self, path: str, source: Source) -> Generator[tuple[str, str]]:
        """Write to a file of another name; yield its path and that of the object."""
        final = self.path_of(path)
        folder = os.path.join(self.place, *DRAFTS.split("/"))
        draft = os.path.join(folder, os.urandom(12).hex())
        try:
            with self._in_folder(folder, lambda: open(draft, "xb")) as file:
                if isinstance(source, (bytes, bytearray, memoryview)):
                    file.write(source)
                else:
                    shutil.copyfileobj(source, file, _PIECE)
                file.flush()
                os.fsync(file.fileno())
            yield draft, final
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)

    def _named(self, path: str, act: Callable[[], _T]) -> _T:
        """Give a file its name, durably."""
        folder = os.path.dirname(path)
        result = self._in_folder(folder, act)
        with suppress(FileNotFoundError):  # the file is deleted again
            _flush(folder)
        return result

    def _in_folder(self, folder: str, act: Callable[[], _T]) -> _T:
        """Put a file into a folder; make the folder again where a collector deletes it in between."""
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):
                _make_folder(folder)
                return act()
        _make_folder(folder)
        return act()

    def _delete_empty(self, folder: str) -> None:
        """Delete a folder and those above it, below that of the store, as long as they are empty."""
        while folder != self.place and folder.startswith(self.place + os.sep):
            try:
                os.rmdir(folder)
            except OSError:
                return
            folder = os.path.dirname(folder)

    # ------------------------------------------------------------------------------------------- checking

    def path_of(self, path: str) -> str:
        """Return the path of a file; refuse one that links lead out of the store."""
        full = os.path.join(self.place, *path.split("/"))
        real, root = os.path.realpath(full), os.path.realpath(self.place)
        if real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
            raise StorageError(
                f"{path} leaves its store: a symbolic link leads to {real}.",
                hint=f"Objects must lie below {self.place}.",
            )
        return full

    def _need_folder(self) -> None:
        if not os.path.isdir(self.place):
            raise BucketInaccessible(
                f"The folder {self.place} of the store does not exist.", hint="Is its disk mounted?"
            )

    @contextmanager
    def _explained(self, path: str) -> Generator[None]:
        """Say in our own words what the operating system refuses."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            self._need_folder()
            raise MissingExternalFile(f"There is no object {path} in {self.place}.") from error
        except OSError as error:
            raise StorageError(
                f"{path} in {self.place}: {error.strerror or error}.", hint=_advice(error.errno)
            ) from error


def _advice(number: int | None) -> str | None:
    if number == ENOSPC:
        return "The disk is full: delete what is not needed, or collect garbage with dj.gc."
    if number in (EACCES, EPERM, EROFS):
        return "Give this user the right to write there, or use another location."
    return None


def _make_folder(folder: str) -> None:
    """Make a folder and those above it, durably."""
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for made in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(made)
        _flush(os.path.dirname(made))


def _link(draft: str, final: str) -> bool:
    """Give a draft its name unless there is a file of that name."""
    try:
        os.link(draft, final)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(final):
            return False
        os.replace(draft, final)
    return True


def _flush(path: str) -> None:
    """Make the content of a file, or the names in a folder, durable, as far as the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
