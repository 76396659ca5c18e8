"""Bringing databases that are there up to what settings ask for: columns that say where rows come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datajoint.declare.resolve import EVENT, PROVENANCE
from datajoint.engine import define
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, TransactionError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import MANUAL, TableName
from datajoint.journal.events import event as events
from datajoint.journal.events.change import change
from datajoint.journal.events.scope import open_event
from datajoint.sql import guard as guards
from datajoint.sql.ddl import alterations
from datajoint.sql.system import count_unstamped, stamp_rows

__all__ = ["add_columns", "add_event_column", "add_prov_column", "adopt", "guard", "tables_of"]

Report = dict[str, Any]


def add_prov_column(target: Any, dry_run: bool = True) -> Report:
    """Add the hidden column that says who entered a row to manual tables (PRV-4).

    Rows that are there keep NULL in it; new ones fill it while the setting ``provenance.capture`` is on.

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
    >>> add_prov_column(Subject)["details"]
    [{'table': 'lab.subject', 'status': 'pending'}]
    >>> add_prov_column(schema, dry_run=False)["columns_added"]
    1
    """
    connection, names = tables_of(target)
    wanted = [name for name in names if name.tier == MANUAL]
    return add_columns(connection, wanted, PROVENANCE, dry_run, "added")


def add_event_column(target: Any, dry_run: bool = True) -> Report:
    """Add the hidden column that names the event of each row to tables made by other clients (provenance §2).

    Rows that are there keep NULL in it: their origin is unknown, unless `adopt` says otherwise.

    Parameters
    ----------
    target
        A schema, or a table.
    dry_run
        Return what would be done only.

    Returns
    -------
    dict
        As of `add_prov_column`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> add_event_column(schema)["details"]
    [{'table': 'lab.subject', 'status': 'already_present'}]
    """
    connection, names = tables_of(target)
    return add_columns(connection, names, (EVENT,), dry_run, "added")


def adopt(target: Any, dry_run: bool = True) -> Report:
    """Give one event to all rows of a table that have none, so that later changes of them are noticed.

    Parameters
    ----------
    target
        A schema, or a table; tables without the column of events are left out.
    dry_run
        Return what would be done only.

    Returns
    -------
    dict
        Number of rows adopted in each table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> adopt(schema)
    {'lab.subject': 0}
    """
    connection, names = tables_of(target)
    adopted: dict[str, int] = {}
    for name in names:
        spec = connection.catalog.spec(name)
        if any(attribute.name == EVENT.name for attribute in spec.hidden):
            adopted[str(name)] = _adopt(connection, name, dry_run)
    return adopted


def _adopt(connection: Connection, name: TableName, dry_run: bool) -> int:
    if dry_run:
        return int(connection.fetch_all(count_unstamped(name, connection.dialect))[0][0])
    if not events.prepare(connection, name.schema):
        raise DataJointError(
            f"No events can be recorded in schema `{name.schema}`.",
            hint="Turn provenance.events on, and ask for the right to create tables.",
        )
    event = open_event(connection, name, "adopt")
    number = None if event is None else event.id
    return change(connection, event, stamp_rows(name, connection.dialect), [number])


def guard(target: Any, dry_run: bool = True, remove: bool = False) -> Report:
    """Add or remove the triggers that notice changes of rows in place by other programs (provenance §10).

    A row that such a program updates names no event any more, so that results made of it are told by `stale`.
    New tables get theirs where the setting ``provenance.guard`` is on.

    Parameters
    ----------
    target
        A schema, or a table; tables without the column of events are left out.
    dry_run
        Return what would be done only.
    remove
        Take them away.

    Returns
    -------
    dict
        Numbers of tables, the statements (``ddl``), and the status of each table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> guard(schema)["details"]
    [{'table': 'lab.subject', 'status': 'already_present'}]
    >>> guard(schema, dry_run=False, remove=True)["details"]
    [{'table': 'lab.subject', 'status': 'removed'}]
    """
    connection, names = tables_of(target)
    schemas = dict.fromkeys(name.schema for name in names)
    found = {schema: _guards(connection, schema) for schema in schemas}
    report: Report = {"tables_analyzed": len(names), "tables_modified": 0, "ddl": [], "details": []}
    for name in names:
        spec, dialect = connection.catalog.spec(name), connection.dialect
        there = found[name.schema].get(name.name)
        if not any(attribute.name == EVENT.name for attribute in spec.hidden):
            status, wanted = "no_event_column", False
        elif remove:
            status, wanted = "absent", there is not None
        else:
            status, wanted = "already_present", there is None or not guards.is_current(there, spec, dialect)
        if wanted:
            status = "pending" if dry_run else "removed" if remove else "added"
            made = [] if remove else guards.create_guard(spec, dialect)
            report["ddl"] += [text for text, _ in (guards.drop_guard(name, dialect), *made)]
            report["tables_modified"] += 1
        report["details"].append({"table": str(name), "status": status})
        if wanted and not dry_run:
            define.renew_guard(connection, name, remove)
    return report


def _guards(connection: Connection, schema: str) -> dict[str, str]:
    """Return the text of the guard of each table that has one."""
    return dict(connection.fetch_all(*guards.find_guards(schema, connection.dialect)))


def tables_of(target: Any) -> tuple[Connection, list[TableName]]:
    """Return the connection and the tables of a schema, or the one table."""
    if isinstance(target, type):
        target = target()
    connection: Any = getattr(target, "connection", None)
    if not isinstance(connection, Connection):
        raise DataJointError(f"A schema or a table is wanted, not {type(target).__name__}.")
    if connection.is_atomic:
        raise TransactionError(
            "Tables cannot be altered inside a transaction.", hint="Do it before or after."
        )
    database: str = target.database
    connection.catalog.load([database])
    if hasattr(target, "table_name"):
        return connection, [TableName(database, target.table_name)]
    names = [name for name in connection.catalog.tables(database) if not name.name.startswith("~")]
    return connection, connection.catalog.graph.sorted(names)


def add_columns(
    connection: Connection, names: Sequence[TableName], wanted: Sequence[Attribute], dry_run: bool, done: str
) -> Report:
    """Add hidden columns to tables and report it.

    Parameters
    ----------
    wanted
        The columns.
    done
        Status of a table that got them.
    """
    report: Report = {
        "tables_analyzed": len(names), "tables_modified": 0, "columns_added": 0, "ddl": [], "details": [],
    }  # fmt: skip
    for name in names:
        spec = connection.catalog.spec(name)
        there = {attribute.name for attribute in spec.columns}
        lacking = [attribute for attribute in wanted if attribute.name not in there]
        detail = {"table": str(name), "status": "already_present"}
        report["details"].append(detail)
        if not lacking:
            continue
        detail["status"] = "pending" if dry_run else done
        report["ddl"] += alterations(spec, lacking, connection.dialect)
        report["tables_modified"] += 1
        report["columns_added"] += len(lacking)
        if not dry_run:
            define.add_columns(connection, name, lacking)
    return report
