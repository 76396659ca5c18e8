"""Recovery of the jobs of dead workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.jobs.attempts import DIED, add_attempt, last_outcomes, trailing
from datajoint.jobs.lease.worker_lease import Abandoned, abandoned, forget
from datajoint.jobs.owner import write
from datajoint.logging import logger
from datajoint.sql.system_tables import workers as sql
from datajoint.sql.system_tables.jobs import Owner, repend_lost
from datajoint.table.queues import queue_of

if TYPE_CHECKING:
    from datajoint.jobs.queue import Queue

__all__ = ["recover"]

_DEATHS = 5
"""Number of workers in a row that died at one key, after which the key is an error."""
_LONG = 86_400.0
"""Seconds after the end of its lease at which a worker is removed from the list."""


def recover(jobs: Queue) -> int:
    """Release the jobs of dead workers, and return their number.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    >>> recover(Fit.jobs)
    0
    """
    # A worker whose lease has lapsed on a busy machine must not take over its own jobs.
    found = [job for job in abandoned(jobs) if job.owner != jobs.holder]
    taken = sum(_take_back(jobs, job) for job in found)
    if found:
        _forget(jobs, {job.worker for job in found})
    if taken:
        what = "1 job" if taken == 1 else f"{taken} jobs"
        logger.info("taken back from workers that are gone: %s of `%s`", what, jobs.target.class_name)
    return taken


def _take_back(jobs: Queue, job: Abandoned) -> bool:
    deaths = trailing(last_outcomes(jobs, job.key), DIED) + 1
    message = f"The worker {job.owner.host}:{job.owner.pid} died while it held this job."
    if deaths < _DEATHS:
        ours = bool(jobs.release([job.key], job.owner))
    else:
        ours = jobs.fail(job.key, f"{message} So did {deaths - 1} others before it.", None, job.owner)
    if ours:  # another process may recover the same job
        told = {"error": message, "error_class": "WorkerDied"}
        add_attempt(jobs, job.key, job.worker, DIED, 0.0, told=told)
    return ours


def _forget(jobs: Queue, workers: Iterable[UUID]) -> None:
    """Remove workers from the list that are certainly dead, or have been silent for long.

    On a server a lease may lapse because the machine was asleep. A worker that wakes continues to reserve
    jobs, which recovery finds by the row of the worker in the list.
    """
    connection, schema = jobs.connection, jobs.database
    if connection.dialect.features.server:
        workers = [_give_back_all(connection, schema, row) for row in _lapsed(connection, schema)]
    for worker in workers:
        forget(connection, schema, worker)


def _lapsed(connection: Connection, schema: str) -> list[Any]:
    return connection.fetch_all(sql.find_lapsed(schema, _LONG, connection.dialect))


def _give_back_all(connection: Connection, schema: str, row: Sequence[Any]) -> UUID:
    """Release every job of a worker, in each of its tables, and return the worker."""
    worker, host, pid, number, tables = row
    worker, tables = (
        decode(value) if (decode := connection.dialect.decoder(parse_type(dtype))) else value
        for value, dtype in ((worker, "uuid"), (tables, "json"))
    )
    for table in tables:
        queue = queue_of(connection, TableName(schema, table))
        if connection.catalog.look(queue) is not None:
            owner = Owner(host, int(pid), int(number))
            write(connection, repend_lost(queue, owner, connection.dialect))
    return worker
