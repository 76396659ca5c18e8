"""Bringing databases of earlier releases up to date; every function shows first what it would do."""

from __future__ import annotations

from typing import Any, NoReturn

from datajoint.backends.assembly import RawColumn, Reader
from datajoint.declare.resolve import JOB_METADATA
from datajoint.deploy import add_columns, tables_of
from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.heading.types import FLOATS, INTEGERS

__all__ = ["add_job_metadata_columns", "analyze_columns", "migrate_columns"]

NEEDED, LABELLED, STORED = "needs_migration", "already_migrated", "external_storage"
_LABELS = INTEGERS | FLOATS | {"blob", "bool", "json"}
_IN_STORES = ("external", "filepath", "blob@", "attach@")


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


def analyze_columns(schema: Any) -> dict[str, list[dict[str, Any]]]:
    """List the columns whose type older releases did not write down, and which type each has here.

    They are read all the same. Nothing is changed.

    Parameters
    ----------
    schema
        A schema, or a table.

    Returns
    -------
    dict
        ``needs_migration`` lists columns of native types that have a core type or codec, ``already_migrated``
        those that name theirs, ``external_storage`` those of 0.1x whose values lie in stores. Each has
        ``table``, ``column``, ``native_type``, ``core_type`` (None in stores), ``comment``, ``is_nullable``.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> analyze_columns(schema)["needs_migration"]
    []
    """
    connection, names = tables_of(schema)
    found: dict[str, list[dict[str, Any]]] = {NEEDED: [], LABELLED: [], STORED: []}
    reader = connection.catalog.reader
    schemas = sorted({name.schema for name in names})
    for table in reader.gather(schemas) if isinstance(reader, Reader) else ():
        if table.name in names:
            for column in table.columns:
                _sort(table.name, column, found)
    return found


def _sort(table: TableName, column: RawColumn, found: dict[str, list[dict[str, Any]]]) -> None:
    """Put a column into the list that it belongs to, if any."""
    label, comment = column.mark
    native = column.native
    core: str | None = "<blob>" if native.kind == "blob" else native.kind
    if label and (label.startswith(_IN_STORES)):
        which, core = STORED, None
    elif label:
        which, core = LABELLED, label
    elif native.native and not native.autoincrement and native.kind in _LABELS and native.length is None:
        which = NEEDED
    else:
        return
    found[which].append(
        {
            "table": f"{table.schema}.{table.name}", "column": column.name, "native_type": native.text,
            "core_type": core, "comment": comment, "is_nullable": column.nullable,
        }
    )  # fmt: skip


def migrate_columns(schema: Any, dry_run: bool = True) -> NoReturn:
    """Refuse: labels are not written yet, and not needed to read the columns.

    Examples
    --------
    >>> migrate_columns(None)
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: This release does not write types into the comments of columns.
    Nothing is needed to read them; analyze_columns(schema) lists their types.
    """
    raise DataJointError(
        "This release does not write types into the comments of columns.",
        hint="Nothing is needed to read them; analyze_columns(schema) lists their types.",
    )
