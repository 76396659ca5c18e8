"""How far a pipeline is: all tables of it counted by one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.compute.pipeline.result import in_columns
from datajoint.compute.pipeline.targets import targets_of
from datajoint.heading.names import TableName
from datajoint.jobs.jobs import Jobs
from datajoint.make.key_source import all_keys, missing_keys
from datajoint.provenance.staleness.counts import counts_of
from datajoint.query.expression import QueryExpression
from datajoint.sql.select import count_each
from datajoint.sql.statement import Statement
from datajoint.table.table import Table

__all__ = ["PipelineProgress", "TableProgress", "count_all", "pipeline_progress", "progress_of",
           "remaining_of"]  # fmt: skip


class TableProgress(Value):
    """How far one table is.

    Attributes
    ----------
    table, class_name
        Its full name, and that of its class.
    remaining, total
        Keys still to be made, and all.
    pending, reserved, errors, ignored
        Jobs in its queue, by status; 0 where there is no queue.
    stale
        Rows that are stale or possibly stale, None unless that was asked for.
    """

    table: str
    class_name: str
    remaining: int
    total: int
    pending: int = 0
    reserved: int = 0
    errors: int = 0
    ignored: int = 0
    stale: int | None = None

    @property
    def done(self) -> int:
        """Keys that are made."""
        return self.total - self.remaining


class PipelineProgress:
    """How far a pipeline is: a `TableProgress` for each table, parents first.

    Examples
    --------
    >>> PipelineProgress([TableProgress("lab.__fit", "Fit", 1, 3)])
    table  done  total  remaining  reserved  errors  ignored
    -----  ----  -----  ---------  --------  ------  -------
    Fit       2      3          1         0       0        0
    """

    def __init__(self, tables: Sequence[TableProgress]) -> None:
        self.tables = tuple(tables)

    @property
    def remaining(self) -> int:
        """Keys still to be made, as far as what they come from is there."""
        return sum(table.remaining for table in self.tables)

    @property
    def total(self) -> int:
        """All keys."""
        return sum(table.total for table in self.tables)

    @property
    def reserved(self) -> int:
        """Keys that workers make now."""
        return sum(table.reserved for table in self.tables)

    @property
    def errors(self) -> int:
        """Keys that have failed."""
        return sum(table.errors for table in self.tables)

    def __getitem__(self, name: str) -> TableProgress:
        for table in self.tables:
            if name in (table.class_name, table.table):
                return table
        raise KeyError(name)

    def __iter__(self) -> Iterator[TableProgress]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def __repr__(self) -> str:
        names = ("table", "done", "total", "remaining", "reserved", "errors", "ignored")
        rows = [
            (t.class_name, t.done, t.total, t.remaining, t.reserved, t.errors, t.ignored) for t in self.tables
        ]
        if any(t.stale is not None for t in self.tables):
            rows = [(*row, t.stale) for row, t in zip(rows, self.tables, strict=True)]
            return in_columns((*names, "stale"), rows)
        return in_columns(names, rows)


def pipeline_progress(*targets: Any, stale: bool = False) -> PipelineProgress:
    """Return how far all tables of some schemas are, by one statement; nothing is computed.

    Parameters
    ----------
    *targets
        Schemas and tables, as for `populate`.
    stale
        Look for stale rows, too: several statements for each table.
    """
    found = targets_of(targets)
    told = progress_of(found.tables)
    if not stale:
        return told
    counts = counts_of(found.tables)
    pairs = zip(told, found.tables, strict=True)
    return PipelineProgress([replace(one, stale=counts[table.name]) for one, table in pairs])


def progress_of(
    tables: Sequence[Table], restrictions: Sequence[Sequence[Any]] | None = None
) -> PipelineProgress:
    """Return how far tables of one connection are."""
    if not tables:
        return PipelineProgress(())
    given = restrictions or [()] * len(tables)
    groups = [_counted(table, some) for table, some in zip(tables, given, strict=True)]
    numbers = iter(count_all([query for group in groups for query in group]))
    return PipelineProgress(
        [
            TableProgress(str(table.name), table.class_name, *(next(numbers) for _ in group))
            for table, group in zip(tables, groups, strict=True)
        ]
    )


def remaining_of(tables: Sequence[Table], restrictions: Sequence[Sequence[Any]]) -> dict[TableName, int]:
    """Return how many keys of each table of one connection remain, by one statement.

    Examples
    --------
    >>> remaining_of([], [])
    {}
    """
    pairs = zip(tables, restrictions, strict=True)
    missing = [missing_keys(table, all_keys(table, some)) for table, some in pairs]
    return dict(zip([table.name for table in tables], count_all(missing), strict=True))


def _counted(table: Table, restrictions: Sequence[Any]) -> list[QueryExpression]:
    """Return what is to be counted of a table, in the order of the fields of `TableProgress`."""
    keys, jobs = all_keys(table, restrictions), Jobs(table)
    counted = [missing_keys(table, keys), keys]
    return [*counted, jobs.pending, jobs.reserved, jobs.errors, jobs.ignored] if jobs.is_declared else counted


def count_all(queries: Sequence[QueryExpression]) -> list[int]:
    """Return the numbers of rows of some queries, by one statement.

    Examples
    --------
    >>> count_all([])
    []
    """
    if not queries:
        return []
    connection = queries[0].connection
    plans = [query.query.plan for query in queries]
    cached = ("pipeline", connection.dialect.name, tuple(plans[1:]))
    statement: Statement | None = plans[0].statements.get(cached)
    if statement is None:
        statement = plans[0].statements[cached] = count_each(plans, connection.dialect)
    values = tuple(value for query in queries for value in query.query.values)
    return [int(n) for n in connection.fetch_all(statement.text, statement.bind(values))[0]]
