"""Insert of a query: inside the database if the types match, otherwise through the client."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.algebra.plans import hidden
from datajoint.algebra.plans.nodes import Query
from datajoint.engine import observe
from datajoint.engine.connection import Connection
from datajoint.errors import CheckError, DuplicateError, IntegrityError, MissingAttributeError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import INTEGERS
from datajoint.journal.events.scope import open_event
from datajoint.journal.events.write_event import store
from datajoint.query.expression import QueryExpression
from datajoint.sql.dml import insert_selected
from datajoint.sql.select import select_keys
from datajoint.sql.statement import assemble
from datajoint.table.insert.insert import insert_chunks
from datajoint.table.rows.check_lines import unenforced
from datajoint.table.rows.collecting import current
from datajoint.table.rows.explain_errors import explain
from datajoint.table.rows.layout import EVENT, Layout, layout_of
from datajoint.table.rows.metadata import PROVENANCE
from datajoint.table.rows.mode import Mode
from datajoint.table.rows.row_checks import known_fields, missing_message
from datajoint.table.rows.row_sources import read
from datajoint.table.rows.write_rows import any_index, conflict_of

__all__ = ["insert_query"]


def insert_query(connection: Connection, name: TableName, rows: QueryExpression, mode: Mode) -> None:
    """Insert the rows of a query by one statement; attributes are matched by name.

    Raises
    ------
    QueryError
        When an attribute is unknown or a required one missing, or the database refuses a row.
    """
    layout = layout_of(connection, name)
    mode = any_index(layout, mode)
    names = known_fields(layout, rows.heading.order, mode.ignore_extra)
    missing = [
        required for required in layout.heading.order if required in layout.required and required not in names
    ]
    if missing:
        raise MissingAttributeError(
            f"`{layout.label}`: {missing_message(layout, missing)}", hint="The query does not have them.",
            table=str(name), attribute=missing[0],
        )  # fmt: skip
    if (
        rows.connection is not connection
        or not names
        or mode.checks
        or mode.wanted
        or _is_only_collected(connection)
        or not _can_stay(layout, rows, names, mode)
    ):
        insert_chunks(connection, name, read(iter(rows), layout.heading, layout.label), mode)
        return
    watcher = observe.reading(connection, rows.query.plan)
    if watcher is not None:
        watcher.copied(rows.query, connection)
    observe.writing(connection, name)
    try:
        _copy(layout, rows, names, mode)
    except (CheckError, DuplicateError, IntegrityError, MissingAttributeError) as error:
        explain(error, layout, ())
        raise


def _copy(layout: Layout, rows: QueryExpression, names: Sequence[str], mode: Mode) -> None:
    connection, dialect = layout.connection, layout.dialect
    query, carried = _carrying(layout, rows.query)
    select = assemble(select_keys(query.plan, [*names, *carried], dialect), dialect)
    event = open_event(connection, layout.name, mode.kind)
    stamp = layout.has_event and (event is not None or mode.replace)
    constants = [(EVENT[0], event.id if event else None)] if stamp else []
    columns = layout.columns((*names, *carried))
    text = insert_selected(layout.name, columns, select.text, constants, dialect, conflict_of(layout, mode))
    with connection.whole():
        store(connection, event, connection.execute(text, select.bind(query.values)).rowcount)


def _is_only_collected(connection: Connection) -> bool:
    """Whether a make runs that writes nothing before its end."""
    running = current(connection)
    return running is not None and running.must_not_pin


def _carrying(layout: Layout, query: Query) -> tuple[Query, list[str]]:
    """Return the rows with the record of who entered them, which copies keep (PRV-3)."""
    if not layout.has_provenance or PROVENANCE not in query.plan.heading.hidden:
        return query, []
    return hidden.named(query, {PROVENANCE: PROVENANCE}), [PROVENANCE]


def _can_stay(layout: Layout, rows: QueryExpression, names: Sequence[str], mode: Mode) -> bool:
    """Whether the database can copy the rows and refuse what we would refuse."""
    if mode.replace and not layout.dialect.features.conflict_by_key:
        return False
    if (mode.skip or mode.replace) and not set(names).issuperset(layout.heading.key):
        return False
    if unenforced(layout):
        return False
    heading, target = rows.heading, layout.heading
    return all(_same_storage(heading[name], target[name]) for name in names)


def _same_storage(one: Attribute, other: Attribute) -> bool:
    a, b = one.dtype, other.dtype
    if a.kind == b.kind == "varchar":
        return True
    plain = INTEGERS - {"uint64"}
    if a.kind in plain and b.kind in plain:
        return True
    return all(
        getattr(a, field) == getattr(b, field)
        for field in ("kind", "length", "scale", "labels", "codec", "store")
    )
