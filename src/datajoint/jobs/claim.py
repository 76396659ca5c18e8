"""Reservation of the next jobs of a queue, without conflicts between workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datajoint.errors import LostConnectionError, TransactionError
from datajoint.jobs.jobs import Jobs
from datajoint.jobs.owner import write
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables import jobs as sql
from datajoint.sql.system_tables.jobs import Owner

__all__ = ["claim"]

Job = tuple[int, dict[str, Any]]
_TRIES = 5
_AGAIN = ("rolled_back", "serialize")


def claim(
    jobs: Jobs, count: int, owner: Owner, priority: int | None = None, among: QueryExpression | None = None
) -> list[Job]:
    """Reserve up to `count` of the most urgent jobs, and return priority and key of each.

    The statement skips jobs that another worker has locked, so that no worker waits. After a lost
    connection the result may include jobs that the worker held before.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,), (2,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    >>> counts = Fit.jobs.refresh(delay=-1)
    >>> claim(Fit.jobs, 1, Owner("here", 1, 2), 10)
    [(5, {'subject_id': 1})]
    """
    if not jobs.connection.dialect.features.returning:
        return _claim_locked(jobs, count, owner, priority, among)
    connection = jobs.connection
    losses, dialect = connection.losses, connection.dialect
    plan = among.query.plan if among is not None else None
    statement = sql.claim(jobs.name, jobs.primary_key, count, owner, dialect, priority, plan)
    values = statement.bind(among.query.values if among is not None else ())
    rows = write(connection, statement.text, values, fetch=True)
    if connection.losses != losses:  # the statement was repeated; the first reply may have been lost
        rows = connection.fetch_all(sql.find_all_mine(jobs.name, jobs.columns, owner, dialect))
    return _in_order(jobs, rows)


def _in_order(jobs: Jobs, rows: Sequence[Sequence[Any]]) -> list[Job]:
    ordered: list[Any] = sorted(rows, key=lambda row: tuple(row[:2]))
    keys = jobs.decoded([row[2:] for row in ordered])
    return [(row[0], key) for row, key in zip(ordered, keys, strict=True)]


def _claim_locked(
    jobs: Jobs, count: int, owner: Owner, priority: int | None, among: QueryExpression | None
) -> list[Job]:
    """Read and reserve in one transaction, on databases whose UPDATE returns no rows."""
    for _ in range(_TRIES):
        found: list[Job] = []
        try:
            with jobs.connection.whole():
                found = jobs.next_keys(count, priority, among, lock=True)
                if found:
                    jobs.reserve_some([key for _, key in found], owner)
                return found
        except LostConnectionError as error:
            if error.context.get("reason") == "unknown":
                return [job for job in found if jobs.holds(job[1], owner)]
            if error.context.get("reason") not in _AGAIN:
                raise
        except TransactionError as error:
            if error.context.get("reason") not in _AGAIN:
                raise
    return []
