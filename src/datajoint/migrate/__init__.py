"""Bringing databases of earlier releases up to date; every function shows first what it would do."""

from __future__ import annotations

from typing import Any

from datajoint.declare.resolve import JOB_METADATA
from datajoint.deploy import add_columns, tables_of
from datajoint.heading.names import COMPUTED, IMPORTED

__all__ = ["add_job_metadata_columns"]


def add_job_metadata_columns(target: Any, dry_run: bool = True) -> dict[str, Any]:
    """Add the hidden columns that say when a make began, how long it took, by which code (JOB-19).

    Imported and computed tables get them; they are filled while ``jobs.add_job_metadata`` is on.

    Parameters
    ----------
    target
        A schema, or a table.
    dry_run
        Return what would be done only.

    Returns
    -------
    dict
        Numbers of tables and columns, the statements (``ddl``), and the status of each table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    >>> add_job_metadata_columns(schema, dry_run=False)["details"]
    [{'table': 'lab.__fit', 'status': 'migrated'}]
    """
    connection, names = tables_of(target)
    wanted = [name for name in names if name.tier in (COMPUTED, IMPORTED)]
    return add_columns(connection, wanted, JOB_METADATA, dry_run, "migrated")
