"""A configured store: where its objects lie, and what all clients of it keep to."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, BinaryIO

from datajoint.errors import ConfigurationError, CorruptObjectError, MissingExternalFile, nearest
from datajoint.settings.stores import PROTOCOLS
from datajoint.storage import staged
from datajoint.storage.adapter import FileSystem, get_storage_adapter
from datajoint.storage.local import LocalFolder
from datajoint.storage.memory import Memory
from datajoint.storage.owners import mark
from datajoint.storage.paths import content_hash, hash_path, new_token, relative
from datajoint.storage.remote import Bucket

if TYPE_CHECKING:
    from datajoint.settings.config import Config
    from datajoint.storage.medium import Medium, Source

__all__ = ["HELD", "QUARANTINE", "REFRESHED", "Store", "open_store", "store_of"]

QUARANTINE = "_quarantine"
"""Where objects without a row wait before they are deleted; a reader that misses one looks here."""

HELD = "_datajoint/held"
"""Where writers leave the paths that they are still writing to."""

REFRESHED = 600
"""Seconds after which an object that is stored again gets a new time, so that it does not look forgotten."""


_SMALL = 1 << 20
"""Objects of up to this size, in bytes, are sent without a check whether they exist."""


class Store:
    """A store by its name.

    Attributes
    ----------
    name
        As the settings call it.
    spec
        Its description, checked, with defaults.
    medium
        Where the objects lie.

    Examples
    --------
    >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
    >>> found = store.put_content(b"bytes", "trials")
    >>> found["path"], found["size"], store.read(found["path"])
    ('_hash/trials/jm5gegf3hy5hga7iufy2md6psi', 5, b'bytes')
    """

    def __init__(self, name: str, spec: Mapping[str, Any], medium: Medium) -> None:
        self.name = name
        self.spec = spec
        self.medium = medium
        self._marked: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return f"<store {self.name}: {self.medium.place}>"

    def read(self, path: str) -> bytes:
        """Return the content of an object, from quarantine if it waits there.

        Raises
        ------
        MissingExternalFile
            It is in neither place.

        Examples
        --------
        >>> store_of("lab", {"protocol": "memory", "location": "an empty one"}).read("a")
        Traceback (most recent call last):
        datajoint.errors.MissingExternalFile: There is no object a in memory://lab/an empty one.
        """
        path = relative(path)
        try:
            return self.medium.read(path)
        except MissingExternalFile as missing:
            try:
                return self.medium.read(f"{QUARANTINE}/{path}")
            except MissingExternalFile:
                raise missing from None

    def read_content(self, path: str, expected: str) -> bytes:
        """Return the content of an object after comparing it with its hash (COD-8).

        Raises
        ------
        CorruptObjectError
            The content is not that which was stored.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> path = store.put_content(b"bytes", "trials")["path"]
        >>> store.read_content(path, "another")
        Traceback (most recent call last):
        datajoint.errors.CorruptObjectError: The object _hash/trials/jm5gegf3hy5hga7iufy2md6psi ...
        """
        data = self.read(path)
        found = content_hash(data)
        if found != expected:
            raise CorruptObjectError(
                f"The object {path} in {self.medium.place} is not what was stored: its hash is {found}, "
                f"that of the row {expected}.",
                hint="Restore the object from a backup, or compute the row again.",
            )
        return data

    def put_content(self, data: bytes, schema: str, database: str | None = None) -> dict[str, Any]:
        """Store bytes under their hash, durably, unless they exist; return what the row is to hold.

        Parameters
        ----------
        data
            The content.
        schema
            To whose part of the store it belongs.
        database
            The database that will hold the row, which leaves a marker.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> store.put_content(b"bytes", "trials")["hash"]
        'jm5gegf3hy5hga7iufy2md6psi'
        """
        name = content_hash(data)
        path = hash_path(self.spec["hash_prefix"], schema, name, self.spec["subfolding"])
        self.keep_marker(schema, database)
        self._keep(path, data)
        return {"hash": name, "path": path, "schema": schema, "store": self.name, "size": len(data)}

    def _keep(self, path: str, data: bytes) -> None:
        """Write an object, or give it a new time where it exists, so that no collector takes it."""
        if len(data) <= _SMALL and self.medium.create(path, data):
            staged.note(lambda: self.withdraw(path))
            return
        found = self.medium.find(path)
        if found is None or found.size != len(data):  # half an object of another client is no object
            self.medium.write(path, data)
            if found is None:
                staged.note(lambda: self.withdraw(path))
        elif time.time() - found.modified > REFRESHED and not self.medium.touch(path):
            self.medium.write(path, data)

    def put_object(self, path: str, source: Source, schema: str, database: str | None = None) -> None:
        """Write an object of a row, durably, at a path that no other program knows yet.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> store.put_object("_schema/trials/scan/k=1/raw_4Tq", b"bytes", "trials")
        >>> store.read("_schema/trials/scan/k=1/raw_4Tq")
        b'bytes'
        """
        self.keep_marker(schema, database)
        staged.note(partial(self.medium.delete, path))
        self.medium.write(path, source)

    @contextmanager
    def held(self, path: str) -> Generator[None]:
        """Keep the garbage collector from a path, below which objects are written for long, in the block.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> with store.held("_schema/trials/scan/k=1/raw_4Tq"):
        ...     len(list(store.medium.listing(HELD)))
        1
        """
        marker = f"{HELD}/{new_token(16)}"
        self.medium.write(marker, path.encode())
        try:
            yield
        finally:
            self.medium.delete(marker)

    def open(self, path: str) -> BinaryIO:
        """Return an object as a file to read, from quarantine if it waits there.

        Raises
        ------
        MissingExternalFile
            It is in neither place.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> store.open(store.put_content(b"bytes", "trials")["path"]).read()
        b'bytes'
        """
        path = relative(path)
        try:
            return self.medium.open(path)
        except MissingExternalFile as missing:
            try:
                return self.medium.open(f"{QUARANTINE}/{path}")
            except MissingExternalFile:
                raise missing from None

    def withdraw(self, path: str) -> None:
        """Move an object to quarantine: the row for which it was written has been refused.

        Another writer may have met it there meanwhile: its row finds it in quarantine.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> path = store.put_content(b"withdrawn", "trials")["path"]
        >>> store.withdraw(path)
        >>> store.medium.find(path) is None, store.read(path)
        (True, b'withdrawn')
        """
        self.medium.move(path, f"{QUARANTINE}/{path}")

    def delete_below(self, path: str) -> None:
        """Delete an object, or all in a folder.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> store.delete_below("nothing")
        """
        self.medium.delete(path)
        for entry in list(self.medium.listing(path)):
            self.medium.delete(entry.path)

    def keep_marker(self, schema: str, database: str | None) -> None:
        """Leave the marker of a database that uses the store, once.

        Examples
        --------
        >>> store = store_of("lab", {"protocol": "memory", "location": "of the example of Store"})
        >>> store.keep_marker("trials", "sqlite:lab.db")
        """
        if database is not None and (schema, database) not in self._marked:
            mark(self.medium, schema, database)
            self._marked.add((schema, database))


def open_store(config: Config, name: str | None, default: str = "default") -> Store:
    """Return a store of the settings; ``""`` or None is the one that ``stores.default`` names.

    Parameters
    ----------
    default
        ``filepath_default`` for the store of files in place.

    Raises
    ------
    ConfigurationError
        It is not configured, or not completely.

    Examples
    --------
    >>> from datajoint.settings.config import Config
    >>> config = Config()
    >>> config["stores"] = {"default": "lab", "lab": {"protocol": "memory"}}
    >>> open_store(config, "")
    <store lab: memory://lab>
    """
    name = name or config["stores"].get(default)
    spec = config.get_store_spec(name, use_filepath_default=default == "filepath_default")
    return store_of(str(name), spec)


def store_of(name: str, spec: Mapping[str, Any]) -> Store:
    """Return the store of a description; one is made for each, and kept.

    Examples
    --------
    >>> store_of("lab", {"protocol": "memory"}) is store_of("lab", {"protocol": "memory"})
    True
    """
    return _store_of(name, _Key(spec))


_DEFAULTS = {"hash_prefix": "_hash", "schema_prefix": "_schema", "subfolding": None}


class _Key:
    """A description as the key of a cache."""

    __slots__ = ("spec", "text")

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = {**_DEFAULTS, **spec}
        self.text = repr(sorted((name, _plain(value)) for name, value in self.spec.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def _plain(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, str) else value


@lru_cache(maxsize=64)
def _store_of(name: str, key: _Key) -> Store:
    return Store(name, key.spec, _medium(name, key.spec))


def _medium(name: str, spec: dict[str, Any]) -> Medium:
    protocol = str(spec["protocol"])
    make = _MEDIA.get(protocol)
    if make is not None:
        return make(name, spec)
    adapter = get_storage_adapter(protocol)
    if adapter is None:
        raise ConfigurationError(
            f"Store `{name}` has the protocol {protocol}, which nothing installed here knows.",
            hint=nearest(protocol, [*PROTOCOLS]) or "Install or import the package of its dj.StorageAdapter.",
        )
    return FileSystem(adapter, spec)


_MEDIA: dict[str, Callable[[str, Mapping[str, Any]], Medium]] = {
    "file": lambda _, spec: LocalFolder(spec["location"]),
    "memory": lambda name, spec: Memory(name, str(spec.get("location") or "")),
    **{protocol: lambda _, spec: Bucket(spec) for protocol in ("s3", "gcs", "azure")},
}
