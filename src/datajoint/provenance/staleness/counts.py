"""Counts of stale rows for many tables, with one search for each table."""

from __future__ import annotations

from collections.abc import Iterable

from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.provenance.staleness.classes import table_of
from datajoint.provenance.staleness.report import StaleReport
from datajoint.provenance.staleness.search import Shared, stale
from datajoint.table.table import Table

__all__ = ["counts_of", "reports_of"]


def counts_of(tables: Iterable[Table]) -> dict[TableName, int]:
    """Return how many rows of each computed table are stale or possibly stale.

    Parameters
    ----------
    tables
        Tables of one connection; those that are not computed are left out.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> counts_of([Subject()])
    {}
    """
    return {name: len(report.outdated) for name, report in reports_of(tables).items()}


def reports_of(tables: Iterable[Table]) -> dict[TableName, StaleReport]:
    """Return which rows of each computed table are stale, and why.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> reports_of([Subject()])
    {}
    """
    shared: Shared = {}
    made = [table for table in tables if table.name.tier in (IMPORTED, COMPUTED)]
    return {table.name: stale(table_of(table, table.name), shared=shared) for table in made}
