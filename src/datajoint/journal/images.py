"""Old versions of rows, kept when they are changed or deleted (provenance §6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datajoint.algebra.plans.nodes import Query
from datajoint.backends.base import Parameters
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.rows import storage_type
from datajoint.errors import ConfigurationError, UnknownCodecError
from datajoint.heading.names import TableName
from datajoint.journal.events.event import EventRecord
from datajoint.journal.events.scope import current_scope
from datajoint.journal.system import prepare
from datajoint.logging import logger
from datajoint.sql.ddl import create_table
from datajoint.sql.dml import OLD, Column, Moved
from datajoint.sql.system_tables.images import (
    EVENT,
    Copy,
    copy_keys,
    copy_rows,
    finished,
    moved,
    shadow_table,
)

__all__ = ["image_of_deleted", "image_of_keys", "image_of_rows", "image_of_updated", "shadow_of"]

_NONE = "none"


def shadow_of(connection: Connection, name: TableName) -> TableSpec | None:
    """Return the table that keeps the old versions of the rows of another, made where it is missing.

    Returns
    -------
    TableSpec or None
        None where no history is kept: it is off, or the table was made by another client.

    Raises
    ------
    ConfigurationError
        When history is required and cannot be kept.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> shadow_of(schema.connection, Subject().name).name.name
    '~h_subject'
    """
    mode = connection.config["provenance.history"]
    source = connection.catalog.source(name)
    known: TableSpec | str | None = source.child("shadow")
    if mode == "off":
        return None
    if known is None:
        spec = connection.catalog.spec(name)
        if name.name.startswith("~") or not any(a.name == EVENT for a in spec.hidden):
            return None
        wanted = shadow_table(spec)
        known = wanted if _is_prepared(connection, wanted) else _NONE
        if known is not _NONE and not (connection.in_transaction and _is_undone(connection)):
            source.keep("shadow", known)
    if isinstance(known, TableSpec):
        return known
    if mode == "required":
        raise ConfigurationError(
            f"The old versions of rows of `{name}` cannot be kept, and provenance.history is 'required'.",
            hint="Ask for the right to create tables, or set provenance.history to 'best_effort'.",
        )
    return None


def _is_prepared(connection: Connection, spec: TableSpec) -> bool:
    try:
        return _prepare(connection, spec)
    except UnknownCodecError:  # nobody here knows how its values are stored
        logger.info("`%s` cannot be made: old versions of rows are not kept", spec.name)
        return False


def _is_undone(connection: Connection) -> bool:
    """Whether a table made now goes when the open transaction is undone."""
    return not connection.dialect.features.server


def _prepare(connection: Connection, spec: TableSpec) -> bool:
    """Make the shadow; inside a transaction of a server by another session, as it must not end that."""
    if connection.catalog.find(spec.name) is not None:
        return _fits(connection, spec)
    if not connection.in_transaction:
        return prepare(connection, spec)
    if not connection.config.database.create_tables:
        return False
    if _is_undone(connection):
        storage = {a.name: storage_type(a.dtype) for a in spec.columns if a.dtype.kind == "codec"}
        for text, values in create_table(spec, storage, connection.dialect):
            connection.execute(text, values)
        return True
    other = Connection.of(connection.settings, connection.config)
    try:
        made = prepare(other, spec)
    finally:
        other.close()
    if made:
        connection.catalog.add(spec)
    return made


def _fits(connection: Connection, spec: TableSpec) -> bool:
    there = {column.name for column in connection.catalog.spec(spec.name).columns}
    lacking = [column.name for column in spec.columns if column.name not in there]
    if lacking:
        logger.warning("`%s` lacks %s: old versions of rows are not kept", spec.name, ", ".join(lacking))
    return not lacking


def image_of_rows(
    connection: Connection, name: TableName, query: Query, event: EventRecord | None
) -> tuple[str, Parameters] | None:
    """Return the statement that keeps the rows that a DELETE or UPDATE is about to change; None for none."""
    if event is None or shadow_of(connection, name) is None:
        return None
    plan, spec = query.plan, connection.catalog.spec(name)
    mark = ("image", connection.dialect.name)
    copy: Copy | None = plan.statements.get(mark)
    if copy is None:
        copy = plan.statements[mark] = copy_rows(plan, spec, connection.dialect)
    text = finished(copy, spec, connection.dialect, _block(connection))
    return text, [event.id, *copy.statement.bind(query.values)]


def image_of_deleted(
    connection: Connection, name: TableName, query: Query, event: EventRecord | None
) -> tuple[str, Parameters] | Moved | None:
    """Return what keeps the rows that a DELETE is about to take; None for none."""
    if event is None or not connection.dialect.features.cte_insert:
        return image_of_rows(connection, name, query, event)
    if shadow_of(connection, name) is None:
        return None
    return moved(connection.catalog.spec(name), connection.dialect, _block(connection))


def image_of_keys(
    connection: Connection, name: TableName, key: Sequence[Column], rows: Sequence[Sequence[Any]],
    event: EventRecord | None,
) -> tuple[str, Parameters] | None:  # fmt: skip
    """Return the statement that keeps the rows of some (encoded) keys; None for none."""
    if event is None or not rows or not key or shadow_of(connection, name) is None:
        return None
    spec, source = connection.catalog.spec(name), connection.catalog.source(name)
    mark = ("image", tuple(key), len(rows))
    copy: Copy | None = source.child(mark)
    if copy is None:
        copy = source.keep(mark, copy_keys(spec, key, len(rows), connection.dialect))
        assert copy is not None  # noqa: S101 - it was just made
    text = finished(copy, spec, connection.dialect, _block(connection))
    return text, [event.id, *(value for row in rows for value in row)]


def image_of_updated(
    connection: Connection, name: TableName, key: Sequence[Column], row: Sequence[Any],
    event: EventRecord | None,
) -> tuple[str, Parameters] | Moved | None:  # fmt: skip
    """Return what keeps the row, of an (encoded) key, that an UPDATE is about to change; None for none."""
    if event is None or not key or not connection.dialect.features.cte_insert:
        return image_of_keys(connection, name, key, [row], event)
    if shadow_of(connection, name) is None:
        return None
    source, block = connection.catalog.source(name), _block(connection)
    found: Moved | None = None if block else source.child("updated")
    if found is None:
        found = moved(connection.catalog.spec(name), connection.dialect, block, OLD)
        if block is None:
            source.keep("updated", found)
    return found


def _block(connection: Connection) -> tuple[int, int] | None:
    """Return the events of the open block; None outside, and where the block writes no rows: in a cascade."""
    scope = current_scope(connection)
    if scope is None or (scope.kind == "delete" and scope.parent is None):
        return None
    return scope.id, scope.parent or scope.id
