"""Reload of the catalog for internal tables that another process has created."""

from __future__ import annotations

from datajoint.jobs.jobs import Jobs
from datajoint.sql.system_tables.images import shadow_name
from datajoint.table.table import Table

__all__ = ["has_appeared"]


def has_appeared(table: Table) -> bool:
    """Reload the catalog for the job queue and history of a table; return True if either is new.

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
