"""Workers: who holds jobs, and whether it is still alive (architecture §8)."""

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
    from datajoint.jobs.jobs import Jobs

__all__ = ["Abandoned", "Holding", "Worker", "abandoned", "living"]

_UUID = parse_type("uuid")
MEMORY = ":memory:"


class Abandoned(Value):
    """A job whose worker is gone."""

    worker: UUID
    owner: Owner
    key: dict[str, Any]


class Worker:
    """One who holds jobs; others can tell whether it is still alive.

    On servers by a lease that a process of its own renews; on SQLite, which has no server, by a lock on a
    file that the operating system releases when the program ends. A database in memory has no others.

    Parameters
    ----------
    connection
        Where it works.
    tables
        What it makes.

    Attributes
    ----------
    id, owner
        How it is called in `~workers` and in the queues: there the end of its id stands for it, where other
        clients write the number of their connection.
    cancels
        Which of its jobs have been cancelled.
    may_hold_more
        Whether more may be reserved for it than anybody knows: an answer was lost, or something came between.
    is_endless
        Whether it runs for long, so that it may take a key any number of times.

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
        # Connections share numbers: with earlier ones, after a restart of the server, and between threads.
        self.owner = replace(owner_here(self._connection), connection_id=self.id.node)
        self._started = False
        self._listed: dict[str, None] = {}
        self._looked = time.time()  # which goes on while the machine sleeps
        self._lock: WriterLock | None = None
        self._pulse: Pulse | Looks | None = None
        self.cancels = Cancels()
        self.may_hold_more = self.is_endless = False
        self._cleanup = Cleanup(self._leave)
        self._queues: set[TableName] = set()

    def watch(self, owner: BlockOwner) -> None:
        """Let the connection release all jobs if an interruption keeps the block of `owner` from doing so."""
        self._connection.clean_up_after(owner, self._cleanup)

    def expect(self, queue: TableName) -> None:
        """Note that jobs of a queue are about to be reserved."""
        if queue not in self._queues:
            text = repend_lost(queue, self.owner, self._connection.dialect)
            self._cleanup.statements.append((text, ()))
            self._queues.add(queue)

    def _leave(self) -> None:
        """Stop being alive after an interruption."""
        self.abandon()
        if self._lock is not None:
            with suppress(OSError):
                os.unlink(lock_path(self._connection, self.id))

    def start(self) -> None:
        """List the worker and keep its lease; once."""
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
        if self._lock is not None:  # on a server it may still be about to reserve: the row tells others
            forget_it = sql.forget_worker(schema, connection.dialect), [encoded(connection, self.id)]
            self._cleanup.statements.append(forget_it)
        with suppress(DuplicateError):  # listed already, and the answer was lost
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
        """See that the lease is kept; call it before anything is taken."""
        if not self._connection.dialect.features.server:
            return
        before, self._looked = self._looked, time.time()
        if self._looked - before > float(self._connection.config.jobs.lease) / 3:
            self._renew()  # the machine may have slept, and the beat with it

    def _renew(self) -> None:
        connection = self._connection
        lease = float(connection.config.jobs.lease)
        for schema in self._listed:
            text = sql.renew_worker(schema, lease, connection.dialect, longer=True)
            if not write(connection, text, [encoded(connection, self.id)]):
                self._list(schema)

    def close(self) -> None:
        """Take the worker off the list; call it when it holds no job any more."""
        if self.may_hold_more:  # by its place on the list others find even what the server has yet to do
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
        """Stop being alive: what is held is taken back by others."""
        self.may_hold_more = True
        if self._pulse is not None:
            self._pulse.die()
        if self._lock is not None:
            self._lock.close()


class Holding(Block):
    """Closes what holds jobs of a worker; an interruption leaves that to the next statement.

    Parameters
    ----------
    worker
        Who holds them; None where nothing is reserved.
    close
        Called at the end, with the exception that ended the block or None.

    Examples
    --------
    >>> with Holding(None, print):
    ...     pass
    None
    """

    def __init__(self, worker: Worker | None, close: Callable[[BaseException | None], None]) -> None:
        self._worker, self._close = worker, close

    def enter(self, owner: BlockOwner) -> None:
        """Begin."""
        if self._worker is not None:
            self._worker.watch(owner)

    def leave(self, error: BaseException | None) -> None:
        """End."""
        self._close(error)


def lock_path(connection: Connection, worker: UUID) -> str:
    """Return the path of the file whose lock says that a worker is alive (SQLite).

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


def abandoned(jobs: Jobs) -> list[Abandoned]:
    """Return the reserved jobs of a queue whose workers are gone.

    Jobs reserved by other clients are not among them: nobody knows of their workers.
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
    """Return the workers of a schema that are alive; its table of workers must be there.

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
    """Take a worker off the list that is gone and holds nothing any more.

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
