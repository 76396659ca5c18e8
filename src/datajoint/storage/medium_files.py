"""A medium as a file system of fsspec; imported with fsspec, on first use.

The file system of obstore takes ``#`` and ``%`` in paths for parts of a URL, which they are not.
"""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fsspec.spec import AbstractFileSystem  # pyright: ignore[reportMissingTypeStubs]

from datajoint.errors import MissingExternalFile

if TYPE_CHECKING:
    from datajoint.storage.medium import Medium

__all__ = ["MediumFiles"]

_IN_MEMORY = 64 << 20
"""Bytes of a file that is written which are held in memory; more go to a temporary file."""


class _Written(SpooledTemporaryFile[bytes]):
    """A file that is stored when it is closed."""

    def __init__(self, medium: Medium, path: str) -> None:
        super().__init__(_IN_MEMORY)
        self._target = (medium, path)

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            medium, path = self._target
            self.seek(0)
            medium.write(path, cast(BinaryIO, self))
        super().close()


class MediumFiles(AbstractFileSystem):
    """Reads and writes the objects of a store.

    Parameters
    ----------
    medium
        Where they lie.
    root
        What stands before their paths, such as bucket and location.
    """

    protocol = "datajoint"
    cachable = False

    def __init__(self, medium: Medium, root: str) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._medium, self._root = medium, root.strip("/")

    def _inner(self, path: str) -> str:
        return path.strip("/").removeprefix(self._root).strip("/")

    def _outer(self, path: str) -> str:
        return f"{self._root}/{path}".strip("/")

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:
        """List a folder."""
        inner = self._inner(path)
        start = f"{inner}/" if inner else ""
        found: dict[str, dict[str, Any]] = {}
        for entry in self._medium.listing(inner):
            name, _, below = entry.path.removeprefix(start).partition("/")
            kind, size = ("directory", 0) if below else ("file", entry.size)
            full = self._outer(f"{start}{name}")
            found[full] = {"name": full, "size": size, "type": kind}
        if not found:
            found[self._outer(inner)] = self.info(path)
        return list(found.values()) if detail else list(found)

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        """Describe a file or folder."""
        inner = self._inner(path)
        entry = self._medium.find(inner) if inner else None
        if entry is not None:
            return {"name": self._outer(inner), "size": entry.size, "type": "file"}
        if next(iter(self._medium.listing(inner)), None) is None:
            raise FileNotFoundError(path)
        return {"name": self._outer(inner), "size": 0, "type": "directory"}

    def _open(self, path: str, mode: str = "rb", **_options: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        inner = self._inner(path)
        try:
            if "r" in mode:
                return self._medium.open(inner)
            file = _Written(self._medium, inner)
            if "a" in mode and self._medium.find(inner):
                file.write(self._medium.read(inner))
        except MissingExternalFile as error:
            raise FileNotFoundError(path) from error
        return file

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do nothing: folders come with their files."""

    def mkdir(self, path: str, create_parents: bool = True, **_options: Any) -> None:
        """Do nothing: folders come with their files."""

    def rm_file(self, path: str) -> None:
        """Delete a file."""
        self._medium.delete(self._inner(path))

    def cp_file(self, path1: str, path2: str, **_options: Any) -> None:
        """Copy a file."""
        with self._medium.open(self._inner(path1)) as file:
            self._medium.write(self._inner(path2), file)

    def rm(self, path: str | list[str], recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete files, and folders with what is in them."""
        for one in [path] if isinstance(path, str) else path:
            if recursive:
                for entry in list(self._medium.listing(self._inner(one))):
                    self._medium.delete(entry.path)
            self._medium.delete(self._inner(one))
