"""How far the tables of a pipeline are, and who works on them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Container, Iterable
from typing import Any
from uuid import UUID

from datajoint._value import Value
from datajoint.compute import jobs as queues, key_source as sources
from datajoint.compute.workers import living
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.query.expression import QueryExpression
from datajoint.sql.select import count_each
from datajoint.sql.workers import WORKERS
from datajoint.table.free import FreeTable
from datajoint.table.table import Table

__all__ = ["TableStatus", "WorkerStatus", "status_of", "workers_of"]


class TableStatus(Value):
    """How far a table is.

    Attributes
    ----------
    rows
        Rows of the table itself.
    total, remaining
        Keys to be made in all, and those that lack rows; None where nothing is made.
    pending, reserved, errors, ignored
        Jobs in the queue; 0 where there is none.
    problem
        Why the keys cannot be counted.
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

    @property
    def done(self) -> int | None:
        """Keys that have rows."""
        return None if self.total is None or self.remaining is None else self.total - self.remaining


class WorkerStatus(Value):
    """A worker that holds jobs, or did until it died."""

    worker: UUID
    host: str
    pid: int
    user: str
    started: dt.datetime
    tables: tuple[str, ...]
    current_key: Any
    alive: bool


def status_of(table: Table) -> TableStatus:
    """Return how far a table is, by one statement, and one more for its queue.

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
    >>> status = status_of(Fit())
    >>> status.done, status.remaining, status.total
    (1, 1, 2)
    """
    name = table.name
    mine = (name.schema, name.class_name, str(name.tier))
    if name.tier not in (IMPORTED, COMPUTED):
        return TableStatus(*mine, _counts(table)[0])
    try:
        keys = sources.all_keys(table)
        rows, remaining, total = _counts(table, sources.missing_keys(table, keys), keys)
    except DataJointError as error:
        return TableStatus(*mine, _counts(table)[0], problem=error.message)
    queue = queues.Jobs(table)
    jobs = (
        queue.progress()
        if queue.is_declared
        else dict.fromkeys(("pending", "reserved", "error", "ignore"), 0)
    )
    return TableStatus(
        *mine, rows, total, remaining, jobs["pending"], jobs["reserved"], jobs["error"], jobs["ignore"]
    )


def _counts(*expressions: QueryExpression) -> list[int]:
    connection = expressions[0].connection
    queries = [expression.query for expression in expressions]
    statement = count_each([query.plan for query in queries], connection.dialect)
    values = [value for query in queries for value in query.values]
    return [int(n) for n in connection.fetch_all(statement.text, statement.bind(values))[0]]


def workers_of(connection: Connection, schemas: Iterable[str]) -> list[WorkerStatus]:
    """Return those who hold jobs of some schemas, the oldest first.

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
        if connection.catalog.find(name) is not None:
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
