"""Handles of objects and folders in stores, read when they are asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from datajoint.errors import DecodeError, MissingExternalFile, ObjectMismatchError, StorageError
from datajoint.heading.values import show
from datajoint.settings.config import process_config
from datajoint.storage import file_systems
from datajoint.storage.local import LocalFolder
from datajoint.storage.paths import relative
from datajoint.storage.remote import Bucket
from datajoint.storage.store import Store, open_store

if TYPE_CHECKING:
    from datajoint.settings.config import Config

__all__ = ["MANIFEST", "ObjectRef"]

MANIFEST = ".manifest.json"
"""What follows the path of a folder in the name of the list of its files."""

_PIECE = 1 << 20


class ObjectRef:
    """An object of a store, or a folder of objects, as a row refers to it; it is read on request.

    Attributes
    ----------
    path : str
        Relative to the store, with ``/``.
    size : int or None
        Bytes, of all files of a folder; None where it was not recorded.
    store : str or None
        Name of the store.
    ext : str or None
        Extension, with its dot.
    is_dir : bool
        Whether it is a folder.
    item_count : int or None
        Number of files of a folder.
    timestamp : datetime.datetime or None
        When it was stored.
    hash, url, mime_type : str or None
        What other clients may have recorded.

    Examples
    --------
    >>> ObjectRef("raw/a.dat", size=5, store="main")
    ObjectRef(file: raw/a.dat, size=5)
    """

    def __init__(
        self, path: str, size: int | None = None, hash: str | None = None, ext: str | None = None,
        is_dir: bool = False, timestamp: datetime | None = None, url: str | None = None,
        store: str | None = None, mime_type: str | None = None, item_count: int | None = None, *,
        config: Config | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.size = size
        self.hash = hash
        self.ext = ext
        self.is_dir = is_dir
        self.timestamp = timestamp
        self.url = url
        self.store = store
        self.mime_type = mime_type
        self.item_count = item_count
        self._config = config

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str, config: Config | None = None) -> ObjectRef:
        """Return the handle for the record that a row holds.

        Raises
        ------
        DecodeError
            The record has no path.

        Examples
        --------
        >>> ObjectRef.from_json({"path": "a", "size": None, "is_dir": True})
        ObjectRef(folder: a, size=None)
        """
        record: Any = json.loads(data) if isinstance(data, str) else data
        found: Mapping[str, Any] = cast(Mapping[str, Any], record) if isinstance(record, Mapping) else {}
        if not isinstance(found.get("path"), str):
            raise DecodeError(f"{show(data)} is no record of an object: it has no `path`.")
        given = {name: found.get(name) for name in ("hash", "ext", "url", "mime_type", "item_count", "size")}
        moment = found.get("timestamp")
        return cls(
            found["path"],
            is_dir=bool(found.get("is_dir")),
            timestamp=datetime.fromisoformat(moment) if isinstance(moment, str) else None,
            store=found.get("store") or None,
            config=config,
            **given,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the record as a row holds it.

        Examples
        --------
        >>> ObjectRef("a", size=5, store="main").to_json()["size"]
        5
        """
        record: dict[str, Any] = {
            "path": self.path,
            "size": self.size,
            "hash": self.hash,
            "ext": self.ext,
            "is_dir": self.is_dir,
            "timestamp": self.timestamp.isoformat() if self.timestamp else None,
        }
        others = {name: getattr(self, name) for name in ("url", "store", "mime_type", "item_count")}
        return record | {name: value for name, value in others.items() if value is not None}

    def __repr__(self) -> str:
        return f"ObjectRef({'folder' if self.is_dir else 'file'}: {self.path}, size={self.size})"

    def __str__(self) -> str:
        return self.path

    # ------------------------------------------------------------------------------------------- the store

    @property
    def _in(self) -> Store:
        return open_store(self._config or process_config(), self.store)

    def local_path(self) -> str | None:
        """Return the path of the file where the store is a local folder; None elsewhere.

        Examples
        --------
        >>> from datajoint.settings.config import Config
        >>> config = Config()
        >>> config["stores"] = {"main": {"protocol": "file", "location": "/data"}}
        >>> ObjectRef("a", store="main", config=config).local_path()
        '/data/a'
        """
        medium = self._in.medium
        return medium.path_of(relative(self.path)) if isinstance(medium, LocalFolder) else None

    @property
    def fs(self) -> Any:
        """The file system of fsspec in which `full_path` names the object.

        Raises
        ------
        ConfigurationError
            fsspec is not installed, or the store is not configured.
        """
        return file_systems.file_system(self._in)

    @property
    def full_path(self) -> str:
        """Path of the object in `fs`; on a local store that of the file."""
        return file_systems.full_path(self._in, relative(self.path))

    @property
    def fsmap(self) -> Any:
        """The files of a folder as a mapping of fsspec: relative path → bytes; as Zarr reads it."""
        return file_systems.mapping(self._in, relative(self.path))

    def sign(self, expires: float = 3600) -> str:
        """Return a URL by which anybody may read the object without credentials.

        Parameters
        ----------
        expires
            Seconds after which it is not valid any more.

        Raises
        ------
        StorageError
            The object does not lie in a bucket, or is a folder.

        Examples
        --------
        >>> from datajoint.settings.config import Config
        >>> config = Config()
        >>> config["stores"] = {"main": {"protocol": "memory"}}
        >>> ObjectRef("a", store="main", config=config).sign()
        Traceback (most recent call last):
        datajoint.errors.StorageError: Only single objects in buckets have URLs...
        """
        medium = self._in.medium
        if not isinstance(medium, Bucket) or self.is_dir:
            raise StorageError(
                "Only single objects in buckets have URLs that others can open.",
                hint="Use `download` to get a copy of the file.",
            )
        return medium.sign(relative(self.path), expires)

    # --------------------------------------------------------------------------------------------- reading

    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        """Return the content of a file, or a part of it.

        Parameters
        ----------
        offset, size
            Where the part begins, and how many bytes it has at most; by default the whole file is returned.

        Raises
        ------
        StorageError
            It is a folder, or cannot be read.
        MissingExternalFile
            It does not exist.

        Examples
        --------
        >>> ObjectRef("a", is_dir=True).read()
        Traceback (most recent call last):
        datajoint.errors.StorageError: a is a folder, which cannot be read as a whole.
        List its files with listdir() or walk(), and open them by name.
        """
        if self.is_dir:
            raise StorageError(
                f"{self.path} is a folder, which cannot be read as a whole.",
                hint="List its files with listdir() or walk(), and open them by name.",
            )
        if offset == 0 and size is None:
            return self._in.read(self.path)
        with self._in.open(self.path) as file:
            file.seek(offset)
            return file.read(-1 if size is None else size)

    def open(self, subpath: str | None = None, mode: str = "rb") -> BinaryIO | TextIO:
        """Return the file, or a file of the folder, opened to read, as bytes or (``mode="r"``) as UTF-8 text.

        Raises
        ------
        StorageError
            It is a folder and no file of it is named, or the mode would write.
        MissingExternalFile
            It does not exist.

        Examples
        --------
        >>> ObjectRef("a").open(mode="w")
        Traceback (most recent call last):
        datajoint.errors.StorageError: Objects can only be read, not opened in mode 'w'.
        Insert another row, or use staged_insert1 to write an object.
        """
        if mode not in ("r", "rb", "rt"):
            raise StorageError(
                f"Objects can only be read, not opened in mode {mode!r}.",
                hint="Insert another row, or use staged_insert1 to write an object.",
            )
        if self.is_dir and not subpath:
            raise StorageError(
                f"{self.path} is a folder.", hint="Name one of its files: open('name'); listdir() lists them."
            )
        file = self._in.open(self._below(subpath))
        if mode == "rb":
            return file
        from io import TextIOWrapper

        return TextIOWrapper(file, encoding="utf-8")

    def listdir(self, subpath: str = "") -> list[str]:
        """Return the names of files and folders in the folder, or in one below it, sorted.

        Raises
        ------
        StorageError
            It is a file.

        Examples
        --------
        >>> ObjectRef("a").listdir()
        Traceback (most recent call last):
        datajoint.errors.StorageError: a is a file, which has no list of files.
        Use read() or open() instead.
        """
        self._need_folder()
        start = f"{self._below(subpath)}/"
        return sorted({path.removeprefix(start).partition("/")[0] for path, _ in self._files(subpath)})

    def walk(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield path, folders and files of each folder, as `os.walk` does; paths are relative.

        Raises
        ------
        StorageError
            It is a file.

        Examples
        --------
        >>> next(ObjectRef("a").walk())
        Traceback (most recent call last):
        datajoint.errors.StorageError: a is a file, which has no list of files.
        Use read() or open() instead.
        """
        self._need_folder()
        start = f"{relative(self.path)}/"
        below: dict[str, tuple[set[str], set[str]]] = {"": (set(), set())}
        for path, _ in self._files():
            folder, _, name = path.removeprefix(start).rpartition("/")
            below.setdefault(folder, (set(), set()))[1].add(name)
            while folder:
                upper, _, own = folder.rpartition("/")
                below.setdefault(upper, (set(), set()))[0].add(own)
                folder = upper
        for folder in sorted(below):
            folders, files = below[folder]
            yield folder, sorted(folders), sorted(files)

    def exists(self, subpath: str | None = None) -> bool:
        """Return whether the object, or a file or folder below it, exists.

        Examples
        --------
        >>> from datajoint.settings.config import Config
        >>> config = Config()
        >>> config["stores"] = {"main": {"protocol": "memory"}}
        >>> ObjectRef("a", store="main", config=config).exists()
        False
        """
        medium, path = self._in.medium, self._below(subpath)
        return medium.find(path) is not None or next(iter(medium.listing(path)), None) is not None

    def download(
        self, destination: str | os.PathLike[str], subpath: str | None = None,
        progress: Callable[[int], Any] | None = None,
    ) -> Path:  # fmt: skip
        """Copy the file or folder to a local path, and return where it is.

        Parameters
        ----------
        destination
            An existing folder, into which it is put under its own name; or the path of the copy.
        subpath
            A file or folder below it.
        progress
            Called with the number of bytes of each piece that has been copied.

        Raises
        ------
        MissingExternalFile
            It does not exist.
        StorageError
            The copy cannot be written.

        Examples
        --------
        >>> from datajoint.settings.config import Config
        >>> config = Config()
        >>> config["stores"] = {"main": {"protocol": "memory"}}
        >>> ObjectRef("a", store="main", config=config).download("/tmp/copy")
        Traceback (most recent call last):
        datajoint.errors.MissingExternalFile: There is no object a in memory://main.
        """
        path = self._below(subpath)
        target = Path(destination)
        if target.is_dir():
            target /= path.rpartition("/")[2]
        medium = self._in.medium
        single = medium.find(path) is not None or not self.is_dir
        files = [path] if single else [entry.path for entry in medium.listing(path)]
        if not files:
            raise MissingExternalFile(f"There is no object {path} in {medium.place}.")
        for one in files:
            self._copy(one, target if single else target / one.removeprefix(f"{path}/"), progress)
        return target

    def _copy(self, path: str, target: Path, progress: Callable[[int], Any] | None) -> None:
        with self._in.open(path) as source:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                draft = target.with_name(f".{target.name[:200]}.part")
                with open(draft, "wb") as file:
                    while piece := source.read(_PIECE):
                        file.write(piece)
                        if progress:
                            progress(len(piece))
                os.replace(draft, target)
            except OSError as error:
                raise StorageError(f"{target} cannot be written: {error.strerror or error}.") from error

    def verify(self) -> bool:
        """Compare the object with its record: it exists, with the size, and each file of its manifest.

        Raises
        ------
        ObjectMismatchError
            A file is missing, or its size differs.

        Examples
        --------
        >>> from datajoint.settings.config import Config
        >>> config = Config()
        >>> config["stores"] = {"main": {"protocol": "memory"}}
        >>> ObjectRef("a", size=5, store="main", config=config).verify()
        Traceback (most recent call last):
        datajoint.errors.ObjectMismatchError: a is missing in memory://main.
        """
        place, files = self._in.medium.place, dict(self._files())
        if not files and not (self.is_dir and self.item_count == 0):
            raise ObjectMismatchError(f"{self.path} is missing in {place}.")
        for path, size in self._expected():
            if path not in files:
                raise ObjectMismatchError(f"{path} is missing in {place}.")
            if files[path] != size:
                raise ObjectMismatchError(
                    f"{path} in {place} has {files[path]} bytes, not {size} as recorded."
                )
        total = sum(files.values())
        if self.size is not None and total != self.size:
            raise ObjectMismatchError(
                f"{self.path} in {place} has {total} bytes, not {self.size} as recorded."
            )
        if self.item_count is not None and self.is_dir and len(files) != self.item_count:
            raise ObjectMismatchError(
                f"{self.path} in {place} has {len(files)} files, not {self.item_count}."
            )
        return True

    def _expected(self) -> Iterator[tuple[str, int]]:
        """Yield path and size of each file that the manifest of a folder lists."""
        if not self.is_dir:
            return
        try:
            manifest = json.loads(self._in.read(f"{self.path}{MANIFEST}"))
        except MissingExternalFile:
            return
        for one in manifest.get("files", ()):
            yield self._below(str(one["path"])), int(one["size"])

    def _files(self, subpath: str = "") -> Iterator[tuple[str, int]]:
        """Yield path and size of the file, or of the files of the folder."""
        medium, path = self._in.medium, self._below(subpath)
        if self.is_dir:
            yield from ((entry.path, entry.size) for entry in medium.listing(path))
        elif found := medium.find(path):
            yield path, found.size

    def _below(self, subpath: str | None) -> str:
        return relative(self.path) if not subpath else f"{relative(self.path)}/{relative(subpath)}"

    def _need_folder(self) -> None:
        if not self.is_dir:
            raise StorageError(
                f"{self.path} is a file, which has no list of files.", hint="Use read() or open() instead."
            )
