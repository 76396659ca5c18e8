"""Mark, quarantine, mark again, sweep: deletion of objects that no row refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from time import time
from typing import TYPE_CHECKING, Any

from datajoint import logging
from datajoint._edge import edge
from datajoint.backends.sqlite.text_set import TextSet
from datajoint.errors import (
    BucketInaccessible,
    ConfigurationError,
    DataJointError,
    MissingExternalFile,
    StorageError,
)
from datajoint.gc.lease import Lease
from datajoint.gc.parts import ByHash, BySchema, Part
from datajoint.gc.references import Unread, referenced
from datajoint.storage.local import DRAFTS
from datajoint.storage.owners import owners_of, same
from datajoint.storage.store import HELD, QUARANTINE, open_store

if TYPE_CHECKING:
    from datajoint.engine.connection import Connection
    from datajoint.settings.config import Config
    from datajoint.storage.medium import Entry
    from datajoint.storage.store import Store

__all__ = ["GRACE", "WINDOW", "GarbageCollector", "collect", "scan"]

GRACE = 3600
"""Seconds for which an object may wait for its row; younger ones are never touched."""

WINDOW = 86400
"""Seconds for which an object without a row can be restored from quarantine."""

_HELD = 7 * 86400
"""Seconds for which a writer may take for one object, a folder or what an instrument writes."""

_LISTED = 10_000
"""Most paths that a report lists."""


class GarbageCollector:
    """Finds the objects in a store that no row of the database refers to, and deletes them.

    Only objects of the schemas given are deleted; rows of all schemas of their database are read first, old
    versions in their histories included. An object goes to quarantine first, where readers still find it;
    a later run reads all rows again, restores what one refers to by then, and deletes the rest after a day.
    Objects written less than an hour ago are not touched: their row may be on its way.

    Parameters
    ----------
    *schemas
        Schemas, of one database, whose objects are collected.
    store
        Name of the store, by default ``stores.default``.
    config
        Settings that describe the store, by default those of the schemas' connection.
    grace, window
        Seconds for which a new object is left alone, and for which one stays in quarantine.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
    >>> GarbageCollector(schema).collect()["hash_paths_orphaned"]
    0
    """

    def __init__(
        self, *schemas: Any, store: str | None = None, config: Config | None = None,
        grace: float = GRACE, window: float = WINDOW,
    ) -> None:  # fmt: skip
        if not schemas:
            raise ConfigurationError(
                "A garbage collector needs the schemas whose objects it collects.",
                hint="For example: dj.gc.GarbageCollector(schema, store='main').",
            )
        connections = {id(schema.connection): schema.connection for schema in schemas}
        if len(connections) > 1:
            raise ConfigurationError(
                "The schemas are on different connections; a garbage collector serves one database.",
                hint="Make one collector for each database.",
            )
        self.connection: Connection = schemas[0].connection
        self.schemas: list[str] = sorted({schema.database for schema in schemas})
        self.store: Store = open_store(config or self.connection.config, store)
        self._grace, self._window = grace, window

    # -------------------------------------------------------------------------------------------- looking

    @edge
    def hash_references(self, verbose: bool = False) -> set[str]:
        """Return the paths that rows refer to, in the part of the store for content by its hash.

        Parameters
        ----------
        verbose
            Log how many there are.

        Raises
        ------
        StorageError
            Some table cannot be read.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> GarbageCollector(schema).hash_references()
        set()
        """
        return self._references(self._by_hash, verbose)

    @edge
    def schema_references(self, verbose: bool = False) -> set[str]:
        """Return the paths that rows refer to, in the part of the store by schema, table and key.

        Parameters
        ----------
        verbose
            Log how many there are.

        Raises
        ------
        StorageError
            Some table cannot be read.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> GarbageCollector(schema).schema_references()
        set()
        """
        return self._references(self._by_schema, verbose)

    @edge
    def list_hash_paths(self, schema_name: str) -> dict[str, int]:
        """Return path and size, in bytes, of the objects of a schema by their hash.

        Raises
        ------
        StorageError
            The store cannot be listed.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> GarbageCollector(schema).list_hash_paths("lab")
        {}
        """
        part = ByHash(self._by_hash.section, (schema_name,))
        return {entry.path: entry.size for entry in part.listing(self.store.medium)}

    @edge
    def list_schema_paths(self, schema_name: str) -> dict[str, int]:
        """Return path and size, in bytes, of the files of a schema by table and key.

        Raises
        ------
        StorageError
            The store cannot be listed.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> GarbageCollector(schema).list_schema_paths("lab")
        {}
        """
        part = BySchema(self._by_schema.section, (schema_name,))
        return {entry.path: entry.size for entry in part.listing(self.store.medium)}

    @property
    def _by_hash(self) -> ByHash:
        return ByHash(str(self.store.spec["hash_prefix"]).strip("/"), tuple(self.schemas))

    @property
    def _by_schema(self) -> BySchema:
        return BySchema(str(self.store.spec["schema_prefix"]).strip("/"), tuple(self.schemas))

    @property
    def _parts(self) -> tuple[Part, ...]:
        return self._by_hash, self._by_schema

    def _references(self, part: Part, verbose: bool) -> set[str]:
        found: set[str] = set()
        unread = self._mark(found.update)
        if unread:
            raise self._refusal(unread)
        found = {path for path in found if part.holds(path)}
        if verbose:
            logging.logger.info(f"{len(found)} objects of {self.store} are referred to")
        return found

    # ----------------------------------------------------------------------------------------- collecting

    @edge
    def collect(self, dry_run: bool = True, verbose: bool = False) -> dict[str, Any]:
        """Find objects without a row; unless it is a dry run, put them into quarantine, and empty that.

        Parameters
        ----------
        dry_run
            Change nothing.
        verbose
            Log what is done with each object.

        Returns
        -------
        dict
            ``hash_paths_stored``, ``_referenced``, ``_orphaned``, ``_deleted``: how many objects of these
            schemas there are by hash, have a row, have none, and went to quarantine;
            ``hash_paths_orphaned_bytes``; ``orphaned_hash_paths``: paths, 10 000 at most; the same with
            ``schema_paths`` for files by table and key; ``deleted``: how many went to quarantine in all;
            ``restored``, ``purged``: how many came out of it, to their place and for good; ``bytes_freed``:
            bytes purged;
            ``errors``, ``scan_errors``: how many objects and tables could not be dealt with;
            ``error_messages``: why; ``dry_run``.

        Raises
        ------
        StorageError
            A table cannot be read, another database uses the same part of the store, or another collector
            works on it; then nothing has been changed. A dry run counts such tables in ``scan_errors``.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> GarbageCollector(schema).collect(dry_run=False)["purged"]
        0
        """
        with nullcontext() if dry_run else Lease(self.store.medium) as lease, TextSet() as marked:
            run = _Run(self.store, marked, lease, verbose)
            try:
                unread = [*self._others(), *self._mark(marked.add)]
            except BucketInaccessible as error:
                if lease:
                    raise
                run.fail(error)
                return run.report
            if unread and lease:
                raise self._refusal(unread)
            run.report["scan_errors"] = len(unread)
            run.report["error_messages"] += [f"{one.place}: {one.reason}" for one in unread]
            for part in self._parts:
                run.part = part
                run.empty_quarantine(self._window)
                run.collect(self._grace)
            if lease:
                run.delete_drafts(self._window)
        return run.report

    @edge
    def restore(self) -> int:
        """Put all objects of the schemas that are in quarantine back to their place; return how many.

        Raises
        ------
        StorageError
            Another collector works on the store, or an object cannot be moved.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> GarbageCollector(schema).restore()
        0
        """
        medium, count = self.store.medium, 0
        with Lease(medium) as lease:
            for part in self._parts:
                for entry in list(part.quarantined(medium)):
                    lease.renew()
                    medium.move(entry.path, entry.path.removeprefix(f"{QUARANTINE}/"))
                    count += 1
        return count

    def _mark(self, add: Callable[[Iterable[str]], None]) -> list[Unread]:
        """Pass on the paths that rows refer to; return what could not be read."""
        unread: list[Unread] = []
        for found in referenced(self.connection, self.schemas, [part.section for part in self._parts]):
            if isinstance(found, Unread):
                unread.append(found)
            else:
                add(found)
        add(self._held())
        return unread

    def _held(self) -> list[str]:
        """Return the paths that writers are still writing to."""
        medium = self.store.medium
        found: list[str] = []
        for marker in medium.listing(HELD):
            with suppress(MissingExternalFile):  # its writer has finished
                if time() - marker.modified < _HELD:
                    found.append(medium.read(marker.path).decode())
        return found

    def _others(self) -> list[Unread]:
        """Return the schemas of which another database keeps objects in this store."""
        mine = self.connection.catalog.database
        return [
            Unread(
                schema,
                f"the database {owner.database} keeps objects of a schema of this name in the store, too. If "
                f"it exists no longer, delete its marker {owner.path} in {self.store.medium.place}",
            )
            for schema in self.schemas
            for owner in owners_of(self.store.medium, schema)
            if mine is None or not same(owner.database, mine)
        ]

    def _refusal(self, unread: list[Unread]) -> StorageError:
        listed = "\n".join(f"  {one.place}: {one.reason}" for one in unread)
        return StorageError(
            f"Nothing is deleted from {self.store.medium.place}: not all rows that may refer to its objects "
            f"can be read.\n{listed}",
            hint="Install missing codecs, or collect as a user who may read these tables.",
        )


class _Run:
    """One run of a collector: what it does with each object, and its report."""

    def __init__(self, store: Store, marked: TextSet, lease: Lease | None, verbose: bool) -> None:
        self._medium, self._marked, self._lease, self._verbose = store.medium, marked, lease, verbose
        self.part: Part = ByHash("", ())
        counts = (
            "hash_paths_referenced", "hash_paths_stored", "hash_paths_orphaned", "hash_paths_orphaned_bytes",
            "hash_paths_deleted", "schema_paths_referenced", "schema_paths_stored", "schema_paths_orphaned",
            "schema_paths_orphaned_bytes", "schema_paths_deleted", "deleted", "restored", "purged",
            "bytes_freed", "errors", "scan_errors",
        )  # fmt: skip
        self.report: dict[str, Any] = {
            **dict.fromkeys(counts, 0),
            "orphaned_hash_paths": [],
            "orphaned_schema_paths": [],
            "error_messages": [],
            "dry_run": lease is None,
        }

    @property
    def _now(self) -> float:
        return self._lease.now if self._lease else time()

    def collect(self, grace: float) -> None:
        """Put objects that no row refers to into quarantine."""
        self._count("referenced", sum(map(self.part.holds, self._marked)))
        for entry in self.part.listing(self._medium):
            self._count("stored")
            if not self._is_marked(entry.path) and self._now - entry.modified >= grace:
                self._count("orphaned")
                self._count("orphaned_bytes", entry.size)
                listed = self.report[f"orphaned_{self.part.kind}_paths"]
                if len(listed) < _LISTED:
                    listed.append(entry.path)
                self._do(entry, self._quarantine, grace)

    def _count(self, what: str, number: int = 1) -> None:
        self.report[f"{self.part.kind}_paths_{what}"] += number

    def _is_marked(self, path: str) -> bool:
        return any(one in self._marked for one in self.part.references(path))

    def empty_quarantine(self, window: float) -> None:
        """Restore what a row refers to, and delete what has been in quarantine for the window."""
        for entry in self.part.quarantined(self._medium):
            path = entry.path.removeprefix(f"{QUARANTINE}/")
            if self._is_marked(path):
                self._do(entry, self._restore, path)
            elif self._now - entry.modified >= window:
                self._do(entry, self._purge)

    def delete_drafts(self, window: float) -> None:
        """Delete what writers that have died left unfinished."""
        for entry in self._medium.listing(DRAFTS):
            if self._now - entry.modified >= window:
                self._do(entry, self._delete)

    def _do(self, entry: Entry, act: Callable[..., Any], *arguments: Any) -> None:
        """Do something with an object, unless this is a dry run; count an error, and go on."""
        if self._lease is None:
            return
        self._lease.renew()
        try:
            act(entry, *arguments)
        except MissingExternalFile:
            return  # deleted or moved by another program
        except DataJointError as error:
            self.fail(error)

    def fail(self, error: DataJointError) -> None:
        """Count an error."""
        self.report["errors"] += 1
        self.report["error_messages"].append(str(error))

    def _quarantine(self, entry: Entry, grace: float) -> None:
        again = self._medium.find(entry.path)  # a writer may have stored the same content meanwhile
        if again is None or self._now - again.modified < grace:
            return
        self._medium.move(entry.path, f"{QUARANTINE}/{entry.path}")
        self._count("deleted")
        self.report["deleted"] += 1
        self._log("moved to quarantine", entry)

    def _restore(self, entry: Entry, path: str) -> None:
        if self._medium.find(path) is None:
            self._medium.move(entry.path, path)
            self.report["restored"] += 1
            self._log("restored", entry)
        else:
            self._medium.delete(entry.path)

    def _delete(self, entry: Entry) -> None:
        self._medium.delete(entry.path)

    def _purge(self, entry: Entry) -> None:
        self._medium.delete(entry.path)
        self.report["purged"] += 1
        self.report["bytes_freed"] += entry.size
        self._log("deleted", entry)

    def _log(self, what: str, entry: Entry) -> None:
        if self._verbose:
            logging.logger.info(f"{entry.path} ({entry.size} bytes) {what}")


def scan(*schemas: Any, store_name: str | None = None, config: Config | None = None) -> dict[str, Any]:
    """Return what a garbage collector would do; see `GarbageCollector.collect`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
    >>> scan(schema)["dry_run"]
    True
    """
    return GarbageCollector(*schemas, store=store_name, config=config).collect()


def collect(
    *schemas: Any,
    store_name: str | None = None,
    config: Config | None = None,
    dry_run: bool = True,
    verbose: bool = False,
) -> dict[str, Any]:
    """Collect the garbage of some schemas in a store; see `GarbageCollector.collect`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
    >>> collect(schema, dry_run=False)["deleted"]
    0
    """
    return GarbageCollector(*schemas, store=store_name, config=config).collect(dry_run, verbose)
