"""Rows deleted along with computed rows: rows that their makes wrote to other tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datajoint.heading.names import TableName
from datajoint.journal.events.scope import compound
from datajoint.query.expression import QueryExpression
from datajoint.table.delete.cascade import Cascade, settled
from datajoint.table.written import tables_that_write, written_with

__all__ = ["delete_all", "followers"]


def followers(work: Cascade) -> list[Cascade]:
    """Return what is to be deleted with the rows of a cascade: what their makes wrote into other tables.

    Which rows these are is fixed by their keys.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> followers(Cascade(schema.connection, Subject().name, Subject().query))
    []
    """
    connection = work.connection
    left = {table.name: table for table in tables_that_write(connection)}
    todo = [work] if not left.keys().isdisjoint(work.graph.descendants(work.name)) else []
    for one in todo:
        rows = one.rows()
        for name in [name for name in left if name in rows]:
            maker = left.pop(name) & QueryExpression._of(rows[name], connection)
            for written in written_with(maker).values():
                pieces = settled(connection, written.name, written.query)
                todo += [Cascade(connection, written.name, piece, "ignore") for piece in pieces]
    return todo[1:]


def delete_all(
    work: Cascade, others: Sequence[Cascade], shown: Mapping[TableName, int] | None
) -> dict[TableName, int]:
    """Delete the rows of several cascades as one change.

    Parameters
    ----------
    shown
        As of `Cascade.delete`, for the first of them.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> delete_all(Cascade(schema.connection, Subject().name, Subject().query), (), None)
    {TableName(schema='lab', name='subject'): 0}
    """
    if not others:
        return work.delete(shown)
    with compound(work.connection, "delete", work.name):
        removed = work.delete(shown)
        for other in others:
            for name, n in other.delete().items():
                removed[name] = removed.get(name, 0) + n
    return removed
