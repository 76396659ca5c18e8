"""Protocols of stores that packages bring along: any file system of fsspec."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar

from datajoint._registry import Registry
from datajoint.errors import ConfigurationError, MissingExternalFile, StorageError, nearest
from datajoint.settings.stores import COMMON_KEYS
from datajoint.storage.medium import Entry, Medium, Source

__all__ = ["ADAPTERS", "FileSystem", "StorageAdapter", "get_storage_adapter"]

_PIECE = 1 << 20


class StorageAdapter:
    """What makes a protocol of stores known; a subclass registers itself (STO-13).

    Packages announce theirs by an entry point of the group ``datajoint.storage``, named by the protocol.

    Attributes
    ----------
    protocol : str
        What `protocol` of a store says.
    required_keys, allowed_keys : tuple of str
        Keys of the description of a store, beside those that all stores have.

    Examples
    --------
    >>> class Scratch(StorageAdapter):
    ...     protocol = "scratch-of-the-example"
    ...     required_keys = ("location",)
    ...
    ...     def create_filesystem(self, spec):
    ...         import fsspec
    ...
    ...         return fsspec.filesystem("memory")
    >>> get_storage_adapter("scratch-of-the-example").full_path({"location": "a"}, "b")
    'a/b'
    """

    protocol: ClassVar[str] = ""
    required_keys: ClassVar[tuple[str, ...]] = ()
    allowed_keys: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.protocol:
            ADAPTERS.register(cls.protocol, cls())

    def create_filesystem(self, spec: dict[str, Any]) -> Any:
        """Return the file system of fsspec on which a store lies.

        Parameters
        ----------
        spec
            The description of the store.

        Examples
        --------
        >>> StorageAdapter().create_filesystem({})
        Traceback (most recent call last):
        NotImplementedError: StorageAdapter.create_filesystem is missing.
        """
        raise NotImplementedError(f"{type(self).__qualname__}.create_filesystem is missing.")

    def validate_spec(self, spec: dict[str, Any]) -> None:
        """Refuse a description with missing or unknown keys.

        Raises
        ------
        ConfigurationError
            A key is missing or unknown.

        Examples
        --------
        >>> StorageAdapter().validate_spec({"protocol": "x", "colour": "red"})
        Traceback (most recent call last):
        datajoint.errors.ConfigurationError: A store of protocol x has unknown keys: colour.
        """
        protocol = spec.get("protocol")
        missing = [key for key in self.required_keys if spec.get(key) is None]
        if missing:
            raise ConfigurationError(f"A store of protocol {protocol} needs {', '.join(missing)}.")
        known = (*COMMON_KEYS, "protocol", "location", "stage", *self.required_keys, *self.allowed_keys)
        unknown = [key for key in spec if key not in known]
        if unknown:
            raise ConfigurationError(
                f"A store of protocol {protocol} has unknown keys: {', '.join(unknown)}.",
                hint=nearest(unknown[0], known),
            )

    def full_path(self, spec: dict[str, Any], relpath: str) -> str:
        """Return the path of an object within the file system.

        Examples
        --------
        >>> StorageAdapter().full_path({"location": "raw"}, "a/b")
        'raw/a/b'
        """
        location = str(spec.get("location") or "")
        return f"{location.rstrip('/')}/{relpath}" if location else relpath

    def get_url(self, spec: dict[str, Any], path: str) -> str:
        """Return the URL of a path of the file system, for messages and other tools.

        Examples
        --------
        >>> StorageAdapter().get_url({"protocol": "ftp"}, "raw/a")
        'ftp://raw/a'
        """
        return f"{spec.get('protocol') or self.protocol}://{path}"


def _accepted(name: str, loaded: Any) -> tuple[str, StorageAdapter]:
    if isinstance(loaded, type) and issubclass(loaded, StorageAdapter):
        loaded = ADAPTERS.registered(loaded.protocol or name) or loaded()
    if not isinstance(loaded, StorageAdapter):
        raise TypeError(f"{loaded!r} is no subclass of datajoint.StorageAdapter")
    return loaded.protocol or name, loaded


ADAPTERS: Registry[StorageAdapter] = Registry("datajoint.storage", accept=_accepted)


def get_storage_adapter(protocol: str) -> StorageAdapter | None:
    """Return the adapter of a protocol, from an installed package if need be; None if there is none.

    Examples
    --------
    >>> get_storage_adapter("no-such-protocol") is None
    True
    """
    return ADAPTERS.find(protocol)


class FileSystem(Medium):
    """Objects in a file system of fsspec.

    An object is written by one call of the file system; whether others can see half of it depends on the
    file system, as does the strength of `create`.

    Parameters
    ----------
    adapter, spec
        What makes the file system, and the description of the store.
    """

    def __init__(self, adapter: StorageAdapter, spec: dict[str, Any]) -> None:
        adapter.validate_spec(spec)
        self._adapter, self._spec = adapter, spec
        self.fs: Any = adapter.create_filesystem(spec)
        self._root = adapter.full_path(spec, "")
        self.place = adapter.get_url(spec, self._root.rstrip("/"))

    def full_path(self, path: str) -> str:
        """Return the path of an object within the file system."""
        return self._adapter.full_path(self._spec, path)

    def read(self, path: str) -> bytes:
        """Return the content of an object."""
        with self._explained(path):
            return bytes(self.fs.cat_file(self.full_path(path)))

    def open(self, path: str) -> BinaryIO:
        """Return an object as a file."""
        with self._explained(path):
            return self.fs.open(self.full_path(path), "rb")

    def write(self, path: str, source: Source) -> None:
        """Write an object."""
        with self._explained(path):
            full = self.full_path(path)
            self.fs.makedirs(full.rpartition("/")[0], exist_ok=True)
            if isinstance(source, (bytes, bytearray, memoryview)):
                self.fs.pipe_file(full, bytes(source))
                return
            with self.fs.open(full, "wb") as file:
                while piece := source.read(_PIECE):
                    file.write(piece)

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless it exists, as well as the file system can tell."""
        if self.find(path) is not None:
            return False
        self.write(path, data)
        return True

    def find(self, path: str) -> Entry | None:
        """Return size and time of an object."""
        try:
            with self._explained(path):
                self.fs.invalidate_cache()
                return self._entry(self.fs.info(self.full_path(path)))
        except MissingExternalFile:
            return None

    def touch(self, path: str) -> bool:
        """Return False: few file systems set the time of an object."""
        return False

    def delete(self, path: str) -> bool:
        """Delete an object."""
        try:
            with self._explained(path):
                self.fs.rm_file(self.full_path(path))
        except MissingExternalFile:
            return False
        return True

    def move(self, old: str, new: str) -> None:
        """Rename an object."""
        with self._explained(old):
            full = self.full_path(new)
            self.fs.makedirs(full.rpartition("/")[0], exist_ok=True)
            self.fs.mv(self.full_path(old), full)

    def listing(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects below a folder."""
        try:
            with self._explained(prefix):
                self.fs.invalidate_cache()
                for _, _, files in self.fs.walk(self.full_path(prefix), detail=True):
                    yield from map(self._entry, files.values())
        except MissingExternalFile:
            return

    def _entry(self, info: Mapping[str, Any]) -> Entry:
        full = str(info["name"]).lstrip("/")
        path = full.removeprefix(self._root.strip("/")).lstrip("/")
        return Entry(path, int(info["size"] or 0), self._modified(info))

    def _modified(self, info: Mapping[str, Any]) -> float:
        for key in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
            found = info.get(key)
            if found is not None:
                return found.timestamp() if hasattr(found, "timestamp") else float(found)
        return self.fs.modified(info["name"]).timestamp()

    @contextmanager
    def _explained(self, path: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise MissingExternalFile(f"There is no object {path} in {self.place}.") from error
        except (OSError, NotImplementedError) as error:
            raise StorageError(f"{path} in {self.place}: {error}") from error
