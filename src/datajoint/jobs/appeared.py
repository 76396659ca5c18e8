"""Tables of ours that other processes have made since the catalog was read."""

from __future__ import annotations

from datajoint.jobs.jobs import Jobs
from datajoint.sql.system_tables.images import shadow_name
from datajoint.table.table import Table

__all__ = ["has_appeared"]


def has_appeared(table: Table) -> bool:
    """Whether the queue or the history of a table, of which we did not know, is there now.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> has_appeared(Subject())
    False
    """
    return table.connection.catalog.reread([Jobs(table).name, shadow_name(table.name)])
