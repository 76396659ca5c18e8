"""The two parts of a store that DataJoint fills: content by its hash, files by schema, table and key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from datajoint._value import Value
from datajoint.codecs.object_ref import MANIFEST
from datajoint.storage.store import QUARANTINE

if TYPE_CHECKING:
    from datajoint.storage.medium import Entry, Medium

__all__ = ["ByHash", "BySchema", "Part"]


class Part(Value):
    """The objects of some schemas in one part of a store.

    Attributes
    ----------
    section
        Folder of the part.
    schemas
        Names of the schemas.
    kind
        What reports call it.
    """

    section: str
    schemas: tuple[str, ...]

    kind = ""

    def holds(self, path: str) -> bool:
        """Return whether a path is that of an object of the schemas."""
        raise NotImplementedError

    def references(self, path: str) -> Iterator[str]:
        """Yield what a row may hold that refers to a file."""
        raise NotImplementedError

    def listing(self, medium: Medium) -> Iterator[Entry]:
        """Yield the files of the schemas."""
        raise NotImplementedError

    def quarantined(self, medium: Medium) -> Iterator[Entry]:
        """Yield the files of the schemas that are in quarantine."""
        raise NotImplementedError


class ByHash(Part):
    """Content by its hash.

    Examples
    --------
    >>> ByHash("_hash", ("lab",)).holds("_hash/lab/jm5gegf3hy5hga7iufy2md6psi")
    True
    """

    kind = "hash"

    def _folders(self) -> list[str]:
        return ["/".join(filter(None, (self.section, schema))) for schema in self.schemas]

    def holds(self, path: str) -> bool:
        """Return whether a path is that of an object of the schemas."""
        return path.startswith(tuple(f"{folder}/" for folder in self._folders()))

    def references(self, path: str) -> Iterator[str]:
        """Yield the path itself."""
        yield path

    def listing(self, medium: Medium) -> Iterator[Entry]:
        """Yield the objects of the schemas."""
        for folder in self._folders():
            yield from medium.listing(folder)

    def quarantined(self, medium: Medium) -> Iterator[Entry]:
        """Yield the objects of the schemas that are in quarantine."""
        for folder in self._folders():
            yield from medium.listing(f"{QUARANTINE}/{folder}")


class BySchema(Part):
    """Files by schema, table and key; partitions may come before the schema.

    Examples
    --------
    >>> part = BySchema("_schema", ("lab",))
    >>> part.holds("_schema/day=2026-01-01/lab/scan/k=1/raw_4Tq.npy"), part.holds("_schema/x/lab/a")
    (True, False)
    >>> list(part.references("_schema/lab/scan/raw_4Tq/0/1"))[:2]
    ['_schema/lab/scan/raw_4Tq/0/1', '_schema/lab/scan/raw_4Tq/0']
    """

    kind = "schema"

    def holds(self, path: str) -> bool:
        """Return whether a path is that of a file of the schemas."""
        start = f"{self.section}/" if self.section else ""
        if not path.startswith(start):
            return False
        return next((one for one in path[len(start) :].split("/") if "=" not in one), "") in self.schemas

    def references(self, path: str) -> Iterator[str]:
        """Yield the path and the folders that it lies in, or the folder whose list of files it is."""
        if path.endswith(MANIFEST):
            yield path.removesuffix(MANIFEST)
        while path and path != self.section:
            yield path
            path = path.rpartition("/")[0]

    def listing(self, medium: Medium) -> Iterator[Entry]:
        """Yield the files of the schemas."""
        yield from (entry for entry in medium.listing(self.section) if self.holds(entry.path))

    def quarantined(self, medium: Medium) -> Iterator[Entry]:
        """Yield the files of the schemas that are in quarantine."""
        for entry in medium.listing(f"{QUARANTINE}/{self.section}".rstrip("/")):
            if self.holds(entry.path.removeprefix(f"{QUARANTINE}/")):
                yield entry
