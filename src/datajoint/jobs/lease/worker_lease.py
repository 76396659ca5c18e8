"""Workers and their leases: rows in the list of workers, file locks, and abandoned jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint._value import Value, replace
from datajoint.backends.sqlite.lock import WriterLock, is_free
from datajoint.engine.blocks import Block, Cleanup, Owner as BlockOwner
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, DuplicateError
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.heading.values import json_text
from datajoint.jobs.cancel import Cancels
from datajoint.jobs.lease.heartbeat_client import Looks, Pulse
from datajoint.jobs.lease.heartbeat_process import STARTING_SECONDS, encoded
from datajoint.jobs.owner import owner_here, write
from datajoint.journal.system import prepare
from datajoint.sql.system_tables import workers as sql
from datajoint.sql.system_tables.jobs import Owner, repend_lost

if TYPE_CHECKING:
    from datajoint.jobs.queue import Queue

__all__ = ["Abandoned", "Holding", "Worker", "abandoned", "living"]

_UUID = parse_type("uuid")
MEMORY = ":memory:"


class Abandoned(Value):
    """Reserved job of a dead worker."""

    worker: UUID
    owner: Owner
    key: dict[str, Any]


class Worker:
    """Holder of jobs with a proof of life that other workers can check.

    The worker is listed before it reserves a job, and removed from the list after it has released every job.
    On servers the proof is a lease, which the heartbeat process renews. On SQLite files it is a file lock,
    which the operating system releases when the program ends. A database in memory has only one program.

    Parameters
    ----------
    connection
        Connection of the worker.
    tables
        Tables that the worker computes.

    Attributes
    ----------
    id, owner
        Identity in `~workers` and in the queues. In the queues the end of the id takes the place of the
        connection number that other clients write.
    cancels
        Cancelled jobs of this worker.
    may_hold_more
        Whether unknown jobs may be reserved for it: a reply was lost, or an interruption came.
    is_endless
        Whether the worker runs for long, and so may reserve a key any number of times.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> worker = Worker(schema.connection, [TableName("lab", "__fit")])
    >>> worker.start()
    >>> worker.close()
    """

    def __init__(self, connection: Connection, tables: Sequence[TableName]) -> None:
        self._connection = connection
        self._tables: dict[str, list[str]] = {}
        for table in tables:
            self._tables.setdefault(table.schema, []).append(table.name)
        self.id = UUID(bytes=os.urandom(16), version=4)
        # Connection numbers are not unique: a restarted server counts from 1, and threads share a connection.
        self.owner = replace(owner_here(self._connection), connection_id=self.id.node)
        self._started = False
        self._listed: dict[str, None] = {}
        self._looked = time.time()  # wall clock: it advances while the machine sleeps
        self._lock: WriterLock | None = None
        self._pulse: Pulse | Looks | None = None
        self.cancels = Cancels()
        self.may_hold_more = self.is_endless = False
        self._cleanup = Cleanup(self._leave)
        self._queues: set[TableName] = set()

    def watch(self, owner: BlockOwner) -> None:
        """Register the release of all jobs in case an interruption prevents the block of `owner` from it."""
        self._connection.clean_up_after(owner, self._cleanup)

    def expect(self, queue: TableName) -> None:
        """Record that this worker is about to reserve jobs of a queue."""
        if queue not in self._queues:
            text = repend_lost(queue, self.owner, self._connection.dialect)
            self._cleanup.statements.append((text, ()))
            self._queues.add(queue)

    def _leave(self) -> None:
        """End the lease after an interruption."""
        self.abandon()
        if self._lock is not None:
            with suppress(OSError):
                os.unlink(lock_path(self._connection, self.id))

    def start(self) -> None:
        """List the worker and start its heartbeat; later calls do nothing."""
        if self._started:
            return
        self._started = True
        connection = self._connection
        for schema in self._tables:
            prepare(connection, sql.attempts_table(schema))
        in_memory = connection.settings.name == MEMORY
        schemas = [s for s in self._tables if not in_memory and prepare(connection, sql.workers_table(s))]
        if not schemas:
            return
        if connection.dialect.features.server:
            self._pulse = Pulse(*self._alive(schemas))
        else:
            self._take_lock()
            settings, *alive = self._alive(schemas)
            self._pulse = Looks(settings, connection.config, *alive)
        self._pulse.start()
        for schema in schemas:
            self._list(schema)

    def _alive(self, schemas: Sequence[str]) -> tuple[Any, ...]:
        settings = replace(self._connection.settings, announced=False)
        return (
            settings,
            self.id,
            schemas,
            float(self._connection.config.jobs.lease),
            self.cancels,
            self._cleanup,
        )

    def _list(self, schema: str) -> None:
        connection, owner = self._connection, self.owner
        tables = json_text(self._tables[schema])
        given = [owner.host, owner.pid, owner.connection_id, owner.user[:128], tables]
        lease = float(connection.config.jobs.lease) + STARTING_SECONDS
        text = sql.add_worker(schema, lease, connection.dialect)
        self._listed[schema] = None
        if self._lock is not None:  # on a server a reservation may still arrive: others find it by the row
            forget_it = sql.forget_worker(schema, connection.dialect), [encoded(connection, self.id)]
            self._cleanup.statements.append(forget_it)
        with suppress(DuplicateError):  # listed already, but the reply was lost
            write(connection, text, [encoded(connection, self.id), *given])

    def _take_lock(self) -> None:
        path = lock_path(self._connection, self.id)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError:
            return
        self._lock = WriterLock(path)
        self._lock.acquire(0)

    def look(self) -> None:
        """Renew the lease after a sleep of the machine; call this before each reservation."""
        if not self._connection.dialect.features.server:
            return
        before, self._looked = self._looked, time.time()
        if self._looked - before > float(self._connection.config.jobs.lease) / 3:
            self._renew()  # the machine may have slept, and the heartbeat process with it

    def _renew(self) -> None:
        connection = self._connection
        lease = float(connection.config.jobs.lease)
        for schema in self._listed:
            text = sql.renew_worker(schema, lease, connection.dialect, longer=True)
            if not write(connection, text, [encoded(connection, self.id)]):
                self._list(schema)

    def close(self) -> None:
        """Remove the worker from the list; call this after it has released every job."""
        if self.may_hold_more:  # by its row others find even reservations still in flight
            self.abandon()
            return
        if self._pulse is not None:
            self._pulse.stop()
        for schema in self._listed:
            text = sql.forget_worker(schema, self._connection.dialect)
            write(self._connection, text, [encoded(self._connection, self.id)])
        if self._lock is not None:
            with suppress(OSError):
                os.unlink(lock_path(self._connection, self.id))
            self._lock.close()
        self._connection.cancel_cleanup(self._cleanup)

    def abandon(self) -> None:
        """End the lease without a release: other workers recover the jobs."""
        self.may_hold_more = True
        if self._pulse is not None:
            self._pulse.die()
        if self._lock is not None:
            self._lock.close()


class Holding(Block):
    """Block that closes reservations; after an interruption the next statement closes them.

    Parameters
    ----------
    worker
        Worker that holds the jobs; None if nothing is reserved.
    close
        Called at the end with the exception that ended the block, or None.

    Examples
    --------
    >>> with Holding(None, print):
    ...     pass
    None
    """

    def __init__(self, worker: Worker | None, close: Callable[[BaseException | None], None]) -> None:
        self._worker, self._close = worker, close

    def enter(self, owner: BlockOwner) -> None:
        """Register the cleanup of the worker."""
        if self._worker is not None:
            self._worker.watch(owner)

    def leave(self, error: BaseException | None) -> None:
        """Close the reservations."""
        self._close(error)


def lock_path(connection: Connection, worker: UUID) -> str:
    """Return the path of the lock file that a living worker holds (SQLite).

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> lock_path(connection, UUID(int=1))[-36:]
    '00000000-0000-0000-0000-000000000001'
    """
    name = str(connection.settings.name)
    if name.startswith("file:"):
        name = name[5:].partition("?")[0]
    return os.path.join(f"{os.path.realpath(name)}.workers", str(worker))


def abandoned(jobs: Queue) -> list[Abandoned]:
    """Return the reserved jobs of a queue whose workers are dead.

    Jobs of other clients are not included: those do not list their workers.
    """
    connection = jobs.connection
    if connection.catalog.look(TableName(jobs.database, sql.WORKERS)) is None:
        return []
    text = sql.find_abandoned(jobs.name, jobs.columns, connection.dialect)
    rows = connection.fetch_all(text)
    if not rows:
        return []
    decode = connection.dialect.decoder(_UUID)
    found = [
        Abandoned(decode(row[0]) if decode else row[0], Owner(row[1], int(row[2]), int(row[3])), key)
        for row, key in zip(rows, jobs.decoded([row[4:] for row in rows]), strict=True)
    ]
    return found if connection.dialect.features.server else _unlocked(connection, found)


def _unlocked(connection: Connection, found: Sequence[Abandoned]) -> list[Abandoned]:
    dead: dict[UUID, bool] = {}
    for job in found:
        if job.worker not in dead:
            dead[job.worker] = is_free(lock_path(connection, job.worker))
    return [job for job in found if dead[job.worker]]


def living(connection: Connection, schema: str) -> set[UUID]:
    """Return the living workers of a schema; its table of workers must exist.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.journal.system import prepare
    >>> from datajoint.sql.system_tables.workers import workers_table
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> prepare(schema.connection, workers_table("lab"))
    True
    >>> living(schema.connection, "lab")
    set()
    """
    decode = connection.dialect.decoder(_UUID)
    rows = connection.fetch_all(sql.find_living(schema, connection.dialect))
    workers = {decode(row[0]) if decode else row[0] for row in rows}
    if connection.dialect.features.server:
        return workers
    return {worker for worker in workers if not is_free(lock_path(connection, worker))}


def forget(connection: Connection, schema: str, worker: UUID) -> None:
    """Remove a dead worker that holds no job from the list.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.sql.system_tables.workers import workers_table
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> prepare(schema.connection, workers_table("lab"))
    True
    >>> forget(schema.connection, "lab", UUID(int=1))
    """
    with suppress(DataJointError):
        text = sql.forget_worker(schema, connection.dialect)
        write(connection, text, [encoded(connection, worker)])
    if not connection.dialect.features.server:
        with suppress(OSError):
            os.unlink(lock_path(connection, worker))
