"""Carrying out an alteration: as one transaction, or, where DDL ends it, in steps that can be resumed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from datajoint.algebra.plans.nodes import Query
from datajoint.declare.alteration import Alteration
from datajoint.declare.convert import converter
from datajoint.declare.describe import describe
from datajoint.declare.spec import TableSpec
from datajoint.engine import define
from datajoint.engine.connection import Connection
from datajoint.engine.rows import storage_type
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.heading.values import json_text
from datajoint.journal.events.event import EventRecord
from datajoint.journal.events.scope import open_event
from datajoint.journal.events.write_event import event_statement
from datajoint.journal.images import image_of_rows, shadow_of
from datajoint.sql import guard
from datajoint.sql.alter import native, sqlite
from datajoint.sql.alter.statements import alter_table, finish_event, forget_alteration, lock_table
from datajoint.sql.ddl import Statement
from datajoint.sql.system_tables.images import shadow_name
from datajoint.table.alter.check_rows import refuse_loss
from datajoint.table.alter.history import alteration_of_history
from datajoint.table.alter.whole import all_rows

__all__ = ["BEGUN", "carry_out", "details_of", "finish", "text_of", "undo"]

BEGUN = "begun"
"""State of an alter whose last step was not reached, where DDL cannot be undone."""

_LONGEST = 20_000


def text_of(spec: TableSpec) -> str:
    """Return the definition of a table as events keep it."""
    return describe(spec, str)[:_LONGEST]


def details_of(change: Alteration) -> dict[str, Any]:
    """Return the details of the event of an alter."""
    return {
        "from": text_of(change.found),
        "to": text_of(change.wanted),
        "changes": [each.text for each in change.changes],
        "renamed": dict(change.renamed),
        "dropped": change.dropped,
        "added": [a.name for a in change.added],
        "retyped": {r.new.name: [r.old.type, r.new.type] for r in change.retyped},
    }


def carry_out(connection: Connection, change: Alteration) -> None:
    """Alter a table with its history, and write the event of it.

    Raises
    ------
    DataJointError
        When rows would lose values, before anything is changed.
    """
    name = change.found.name
    keeps = bool(change.dropped) and len(all_rows(connection, name)) > 0
    if keeps:
        shadow_of(connection, name)  # it may have to be made, which a transaction would not allow
    event = open_event(connection, name, "alter", details_of(change))
    if connection.dialect.features.transactional_ddl:
        _as_one(connection, change, event, keeps)
    else:
        _in_steps(connection, change, event, keeps)
    connection.catalog.forget(name.schema)


def _as_one(connection: Connection, change: Alteration, event: EventRecord | None, keeps: bool) -> None:
    name, dialect = change.found.name, connection.dialect
    history = alteration_of_history(connection, change.wanted, change.renamed)
    with _settings(connection, [change, *([history] if history else [])]), connection.whole():
        if lock := lock_table(name, dialect):
            connection.execute(lock)
        refuse_loss(connection, change)
        statements = _statements(connection, change, 0)
        if history is not None:
            statements += _statements(connection, history, len(change.retyped))
        if event is not None:
            if keeps:
                _keep_rows(connection, name, event)
            rows = len(all_rows(connection, name))
            statements.append(event_statement(connection, event, rows))
        for text, values in statements:
            connection.execute(text, values)
        if not dialect.features.server:
            _check_references(connection, name)


@contextmanager
def _settings(connection: Connection, changes: list[Alteration]) -> Generator[None]:
    """Let a SQLite table be replaced while others refer to it."""
    needed = not connection.dialect.features.server and any(map(sqlite.is_rebuilt, changes))
    if not needed:
        yield
        return
    try:
        for text in sqlite.settings_of_rebuild(on=True):
            connection.execute(text)
        yield
    finally:
        for text in sqlite.settings_of_rebuild(on=False):
            connection.execute(text)


def _check_references(connection: Connection, name: TableName) -> None:
    found = connection.fetch_all(sqlite.find_broken(name))
    if found:
        raise DataJointError(
            f"`{name.class_name}` stays as it is: {len(found)} of its references would lead nowhere.",
            hint="Rows refer to parents that are not there; see run_checks().",
        )


def _statements(connection: Connection, change: Alteration, first: int) -> list[Statement]:
    """Return the statements of a change; `first` is the number of its first function (SQLite)."""
    name, dialect = change.found.name, connection.dialect
    triggers: list[str] = []
    if not dialect.features.server:
        triggers = [row[0] for row in connection.fetch_all(*sqlite.find_triggers(name))]
        for n, retyped in enumerate(change.retyped, first):
            convert = _stored(connection, retyped.old.dtype, retyped.new.dtype)
            define.define_function(connection, f"{sqlite.CONVERT}{n}", convert)
    checks = native.find_checks(name, dialect)
    by_column: dict[str, tuple[str, ...]] = {}
    for column, constraint in connection.fetch_all(*checks) if checks else ():
        by_column[column] = (*by_column.get(column, ()), constraint)
    indexes = native.grouped_indexes(connection.fetch_all(*native.find_indexes(name, dialect)))
    storage = {a.name: storage_type(a.dtype) for a in change.wanted.columns if a.dtype.kind == "codec"}
    collations = connection.catalog.reader.collations(change.wanted)
    known = native.Native(indexes, by_column)
    return alter_table(change, storage, dialect, known, triggers, collations, first)


def _stored(connection: Connection, old: Any, new: Any) -> Any:
    """Return the function that converts a value as it is stored."""
    decode, encode = connection.dialect.decoder(old), connection.dialect.encoder(new)
    convert = converter(old, new)

    def converted(value: Any) -> Any:
        if value is None:
            return None
        result = convert(decode(value) if decode else value)
        return encode(result) if encode else result

    return converted


def _keep_rows(connection: Connection, name: TableName, event: EventRecord) -> None:
    """Keep the rows as they are: an attribute goes, and its values stay in history."""
    query = Query(connection.catalog.source(name))
    image = image_of_rows(connection, name, query, event)
    if image is not None:
        connection.execute(*image)


# ------------------------------------------------------------------------------------------- step by step


def _in_steps(connection: Connection, change: Alteration, event: EventRecord | None, keeps: bool) -> None:
    """Announce the alter, alter the table, then its history, and tell that it is done (MySQL)."""
    name = change.found.name
    refuse_loss(connection, change)
    rows = len(all_rows(connection, name))
    if event is not None:
        begun = EventRecord(
            event.id, event.kind, name, event.parent, {**(event.details or {}), "state": BEGUN}
        )
        with connection.whole():
            if keeps:
                _keep_rows(connection, name, event)
            connection.execute(*event_statement(connection, begun, rows))
    try:
        _run(connection, change)
    except DataJointError:
        if event is not None:
            undo(connection, name, event.id)
        raise
    connection.catalog.forget(name.schema)
    finish(connection, name, change.renamed, event and event.id, event.details if event else None)


def _run(connection: Connection, change: Alteration) -> None:
    name, dialect = change.found.name, connection.dialect
    statements = _statements(connection, change, 0)
    if not statements:
        return
    guarded = {row[0] for row in connection.fetch_all(*guard.find_guards(name.schema, dialect))}
    if name.name in guarded:  # it names the columns
        connection.execute(*guard.drop_guard(name, dialect))
    for text, values in statements:
        connection.execute(text, values)
    if name.name in guarded:
        connection.catalog.forget(name.schema)
        define.renew_guard(connection, name)


def finish(
    connection: Connection, name: TableName, renamed: Mapping[str, str], event: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Alter the history of a table that was altered, and note on the event that it is done."""
    history = alteration_of_history(connection, connection.catalog.spec(name), renamed)
    if history is not None:
        with _settings(connection, [history]):
            if connection.dialect.features.transactional_ddl:
                with connection.whole():
                    _run(connection, history)
            else:
                _run(connection, history)
        connection.catalog.forget(name.schema)
    if event is not None:
        told = {key: value for key, value in (details or {}).items() if key != "state"}
        connection.execute(finish_event(name.schema, connection.dialect), [json_text(told), event])


def undo(connection: Connection, name: TableName, event: int) -> None:
    """Take back what was written before an alter that did not take place."""
    has_history = connection.catalog.find(shadow_name(name)) is not None
    with connection.whole():
        for text in forget_alteration(name, has_history, connection.dialect):
            connection.execute(text, [event])
