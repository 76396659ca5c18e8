"""Cancellation of a running job on any machine."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint.heading.types import parse_type
from datajoint.jobs.attempts import add_attempt
from datajoint.journal.system import prepare
from datajoint.sql.system_tables import workers as sql
from datajoint.sql.system_tables.jobs import Owner

if TYPE_CHECKING:
    from datajoint.jobs.queue import Queue

__all__ = ["cancel_job"]


def cancel_job(jobs: Queue, key: Mapping[str, Any], reason: str) -> bool:
    """Take a job from the worker that computes it, and notify the worker; see `Jobs.cancel`.

    After the first statement the database refuses the results of this make. The heartbeat of the worker
    reads the row of the second statement.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    >>> _ = Fit.jobs.refresh()
    >>> cancel_job(Fit.jobs, {"subject_id": 1}, "")
    False
    """
    found = jobs.held(key)
    if found is None:
        return False
    owner, own = found
    message = f"by {_somebody()}" + (f": {reason}" if reason else "")
    if not jobs.fail(own, f"JobCancelled: {message}", None, owner):
        return False
    worker = _worker(jobs, owner)
    if worker is not None:
        told = {"error": message, "error_class": "JobCancelled"}
        add_attempt(jobs, own, worker, sql.CANCELLED, 0.0, told=told, ended=False)
    return True


def _worker(jobs: Queue, owner: Owner) -> UUID | None:
    connection = jobs.connection
    if not prepare(connection, sql.workers_table(jobs.database)):
        return None
    rows = connection.fetch_all(sql.find_worker(jobs.database, owner, connection.dialect))
    decode = connection.dialect.decoder(parse_type("uuid"))
    if not rows:  # a worker of another client, which reads no cancellations
        return None
    return decode(rows[0][0]) if decode else rows[0][0]


def _somebody() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in this container
        user = str(os.getpid())
    return f"{user}@{platform.node()}"
