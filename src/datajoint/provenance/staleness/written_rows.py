"""Rows (including parts) written by the make of another table: they share the state of its row."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED
from datajoint.provenance.staleness.classes import table_of
from datajoint.provenance.staleness.report import StaleReport
from datajoint.provenance.staleness.search import stale
from datajoint.provenance.staleness.states import POSSIBLY, STALE, UNKNOWN, StaleReason, StaleRow
from datajoint.query.expression import QueryExpression
from datajoint.table.table import Table
from datajoint.table.written import makers_of, written_with

__all__ = ["makers", "rows_made_by", "stale_written"]


def makers(table: Table, question: str) -> list[Table]:
    """Return the tables whose makes write rows of one that has no make of its own.

    Parameters
    ----------
    question
        What is asked about the rows, in words for the error.

    Raises
    ------
    DataJointError
        When no make writes rows of the table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> makers(Subject(), "stale")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: No make writes rows of `Subject`, so none of them can be stale...
    """
    master = table.name.master
    if master is not None and master.tier in (COMPUTED, IMPORTED):
        return [table_of(table, master)]
    found = list(makers_of(table.connection, table.name))
    if not found:
        raise DataJointError(
            f"No make writes rows of `{table.class_name}`, so none of them can be {question}.",
            hint="Ask the computed tables. If the make of one inserts into this table, list it in its "
            f"class: writes = [{table.class_name}].",
        )
    return found


def rows_made_by(table: Table, maker: Table) -> QueryExpression:
    """Return those of the rows that the makes of some rows of another table wrote."""
    if table.name.master == maker.name:
        return table.restrict(maker.proj(), semantic_check=False)
    with_it = written_with(maker).get(table.name)
    return table & False if with_it is None else table.restrict(with_it.proj(), semantic_check=False)


def stale_written(table: Table, exact: bool = False) -> StaleReport:
    """Return which rows were written by makes whose rows are not fresh; see `Traceable.stale`."""
    return StaleReport(table, sorted(_stale_rows(table, exact), key=lambda row: str(tuple(row.key.values()))))


def _stale_rows(table: Table, exact: bool) -> Iterator[StaleRow]:
    for maker in makers(table, "stale"):
        report = stale(maker, exact)
        for state, some in (
            (STALE, report.stale),
            (POSSIBLY, report.possibly_stale),
            (UNKNOWN, report.unknown),
        ):
            if any(row.state == state for row in report):
                reason = StaleReason(state, "upstream", maker.class_name, state)
                for key in rows_made_by(table, maker & some.proj()).proj().to_dicts(order_by="KEY"):
                    yield StaleRow(key, state, (reason,))
