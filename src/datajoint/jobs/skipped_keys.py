"""Skipped keys: records of makes that inserted nothing, and retries when their reads change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.jobs.attempts import attempt_statement, key_text
from datajoint.jobs.jobs import Jobs
from datajoint.jobs.owner import write, write_several
from datajoint.journal.digest import text_digest
from datajoint.provenance.reuse import have_changed
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables import jobs as queue_sql, workers as sql
from datajoint.sql.system_tables.reads import READS, forget_reads
from datajoint.table.table import Table

if TYPE_CHECKING:
    from datajoint.make.task import MakeTask

__all__ = ["count_skipped", "record_skip", "skips_of", "take_again", "take_changed"]

_NOBODY = UUID(int=0)
_MOST = 1000
"""Keys whose reads are compared in one search."""


def record_skip(table: Table, task: MakeTask, seconds: float, event: int, log: str) -> None:
    """Record that a make inserted nothing, in place of an earlier record of the key.

    Parameters
    ----------
    event
        Event that the reads of the make belong to.
    """
    connection, schema = table.connection, table.database
    jobs = cast("Jobs", cast("Any", table).jobs)
    worker = task.worker or _NOBODY
    told = {"error": "The make inserted nothing.", "signature": str(event)}
    attempt = attempt_statement(
        jobs, task.key, worker, queue_sql.SKIPPED, seconds, told=told, log=log
    )  # fmt: skip
    if attempt is None:
        return
    names = _names(table, task.key)
    found = connection.fetch_all(sql.find_skip(schema, connection.dialect), names)
    before: list[tuple[str, Parameters]] = []
    if found:
        before.append((sql.forget_skip(schema, connection.dialect), names))
        if connection.catalog.find(TableName(schema, READS)) is not None:
            forget = forget_reads(schema, connection.dialect)
            before += [(forget, [int(row[0])]) for row in found if row[0]]
    write_several(connection, [*before, attempt])


def _names(table: Table, key: Mapping[str, Any]) -> list[Any]:
    return [table.table_name[:64], text_digest(key_text(key))]


def skips_of(connection: Connection, name: TableName) -> dict[str, int]:
    """Return the event of the reads for each digest of a skipped key of a table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> skips_of(schema.connection, TableName("lab", "__fit"))
    {}
    """
    if connection.catalog.look(TableName(name.schema, sql.ATTEMPTS)) is None:
        return {}
    rows = connection.fetch_all(sql.find_skips(name.schema, connection.dialect), [name.name[:64]])
    return {str(digest).strip(): int(event) for digest, event in rows if event}


def count_skipped(table: Table, missing: QueryExpression) -> int:
    """Return the number of missing keys whose make has run and inserted nothing.

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
    ...         if key["subject_id"] == 1:
    ...             self.insert1(key)
    >>> Fit.populate()
    {'success_count': 1, 'error_list': [], 'skipped_count': 1}
    >>> count_skipped(Fit(), Subject().proj())
    1
    """
    skipped = skips_of(table.connection, table.name)
    if not skipped:
        return 0
    return sum(text_digest(key_text(key)) in skipped for key in missing.keys())  # noqa: SIM118 - no dict


def take_again(jobs: Jobs) -> None:
    """Make all skipped jobs available immediately."""
    if jobs.is_declared:
        write(jobs.connection, queue_sql.unskip(jobs.name, (), 0, jobs.connection.dialect))


def take_changed(jobs: Jobs) -> int:
    """Make skipped jobs available whose reads have changed; return their number."""
    connection, name = jobs.connection, jobs.target.name
    if not jobs.is_declared or not (skipped := skips_of(connection, name)):
        return 0
    waiting = queue_sql.find_skipped(jobs.name, jobs.columns, _MOST, connection.dialect)
    changed = [
        key
        for key in jobs.decoded(connection.fetch_all(waiting))
        if (event := skipped.get(text_digest(key_text(key)))) is not None
        and have_changed(connection, name.schema, key, event)
    ]
    for key in changed:
        jobs.unskip(key)
    return len(changed)
