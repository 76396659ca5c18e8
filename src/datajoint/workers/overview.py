"""Status of the tables of a pipeline, and of its workers."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Container, Iterable, Sequence
from typing import Any
from uuid import UUID

from datajoint._value import Value, replace
from datajoint.compute.pipeline.status import TableProgress, progress_of
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.jobs.lease.worker_lease import living
from datajoint.provenance.staleness.counts import counts_of
from datajoint.sql.select import count_each
from datajoint.sql.system_tables.workers import WORKERS
from datajoint.table.free import FreeTable
from datajoint.table.table import Table

__all__ = ["TableStatus", "WorkerStatus", "status_of", "workers_of"]


class TableStatus(Value):
    """Progress of a table.

    Attributes
    ----------
    rows
        Rows of the table itself.
    total, remaining
        Number of all keys, and of those without rows; None for a table that is not computed.
    pending, reserved, errors, ignored
        Jobs in the queue; 0 if the table has none.
    problem
        Reason why the keys cannot be counted.
    stale
        Rows that are stale or possibly stale; None if they were not counted.
    """

    schema: str
    table: str
    tier: str
    rows: int
    total: int | None = None
    remaining: int | None = None
    pending: int = 0
    reserved: int = 0
    errors: int = 0
    ignored: int = 0
    problem: str = ""
    stale: int | None = None

    @property
    def done(self) -> int | None:
        """Number of keys that have rows."""
        return None if self.total is None or self.remaining is None else self.total - self.remaining


class WorkerStatus(Value):
    """Worker that holds jobs, or held them when it died."""

    worker: UUID
    host: str
    pid: int
    user: str
    started: dt.datetime
    tables: tuple[str, ...]
    current_key: Any
    alive: bool


def status_of(tables: Sequence[Table], stale: bool = False) -> list[TableStatus]:
    """Return the progress of tables of one connection, with two statements for any number of tables.

    Parameters
    ----------
    tables
        Tables of one connection.
    stale
        Count stale rows, too, which takes further statements for each table.

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
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> _ = Fit.populate(max_calls=1)
    >>> [status] = status_of([Fit()])
    >>> status.done, status.remaining, status.total
    (1, 1, 2)
    """
    if not tables:
        return []
    made = [table for table in tables if table.name.tier in (IMPORTED, COMPUTED)]
    progress = _progress(made)
    rows = _rows(tables)
    old = counts_of(tables) if stale else {}
    found = [_status(table, rows[n], progress.get(str(table.name))) for n, table in enumerate(tables)]
    return [replace(one, stale=old.get(table.name)) for one, table in zip(found, tables, strict=True)]


def _status(table: Table, rows: int, progress: TableProgress | str | None) -> TableStatus:
    name = table.name
    mine = (name.schema, name.class_name, str(name.tier), rows)
    if progress is None or isinstance(progress, str):
        return TableStatus(*mine, problem=progress or "")
    p = progress
    return TableStatus(*mine, p.total, p.remaining, p.pending, p.reserved, p.errors, p.ignored)


def _progress(tables: Sequence[Table]) -> dict[str, TableProgress | str]:
    """Return the progress of each table, or the reason why its keys cannot be counted."""
    try:
        return {progress.table: progress for progress in progress_of(tables)}
    except DataJointError as error:
        if len(tables) == 1:
            return {str(tables[0].name): error.message}
    return {name: found for table in tables for name, found in _progress([table]).items()}


def _rows(tables: Sequence[Table]) -> list[int]:
    connection = tables[0].connection
    statement = count_each([table.query.plan for table in tables], connection.dialect)
    return [int(n) for n in connection.fetch_all(statement.text, statement.bind(()))[0]]


def workers_of(connection: Connection, schemas: Iterable[str]) -> list[WorkerStatus]:
    """Return the workers of schemas, the oldest first.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> workers_of(schema.connection, ["lab"])
    []
    """
    found: list[WorkerStatus] = []
    for schema in schemas:
        name = TableName(schema, WORKERS)
        if connection.catalog.look(name) is not None:
            alive = living(connection, schema)
            found += [_worker(row, alive) for row in FreeTable(connection, name).to_dicts()]
    return sorted(found, key=lambda worker: worker.started)


def _worker(row: dict[str, Any], alive: Container[UUID]) -> WorkerStatus:
    tables = row["tables"]
    listed = json.loads(tables) if isinstance(tables, str) else tables
    return WorkerStatus(
        row["worker"], row["host"], row["pid"], row["user"], row["started"], tuple(listed or ()),
        row["current_key"], row["worker"] in alive,
    )  # fmt: skip
