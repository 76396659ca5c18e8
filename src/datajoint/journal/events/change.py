"""Changes of rows together with their events: atomic, in one round trip where the database allows it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from datajoint.backends.base import Parameters
from datajoint.engine import unanswered
from datajoint.engine.connection import Connection
from datajoint.errors import (
    AccessError,
    DataJointError,
    DuplicateError,
    LostConnectionError,
    TransactionError,
)
from datajoint.heading.names import TableName
from datajoint.journal.events.event import EventRecord, enabled, event_text, parameters
from datajoint.journal.events.scope import Scope, open_event
from datajoint.sql.dml import (
    Moved,
    behind_savepoint,
    find_event,
    in_transaction,
    moving,
    with_event,
    write_event,
)  # fmt: skip
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.images import PREFIX
from datajoint.sql.together import together

__all__ = [
    "atomic", "change", "change_within", "event_statement", "packet", "record", "send", "send_inside",
    "store", "took_place",
]  # fmt: skip

Statement = tuple[str, Parameters]

_SAVEPOINT = "dj_write"
# MariaDB goes on with a packet after it could not send an answer; the count is -1 then, whatever it was.
_COUNTED = {"mysql": ("NULLIF(ROW_COUNT(), -1)", " FROM DUAL WHERE ROW_COUNT() <> 0")}


def change(
    connection: Connection, event: EventRecord | None, text: str, values: Parameters, rows: int | None = None,
    image: Statement | Moved | None = None, sure: bool = True,
) -> int:  # fmt: skip
    """Run one statement that changes a few rows of a table, write its event, return the number of rows.

    Outside a transaction both are one; inside, a refused statement undoes itself only (TXN-6). Where no row
    is changed there is no event.

    Parameters
    ----------
    rows
        Number of rows that are changed, where it is known and the database need not count.
    image
        What keeps the rows as they are: a statement to be run before, or a part of the same one.
    sure
        Whether so many rows are changed or the statement is refused; else it may find none.

    Examples
    --------
    >>> import datajoint as dj
    >>> instance = dj.Instance(backend="sqlite", database__name=":memory:")
    >>> change(instance.connection, None, "CREATE TABLE t (x INTEGER)", ()) and None
    >>> change(instance.connection, None, "INSERT INTO t VALUES (?), (?)", (1, 2))
    2
    """
    recorded = None if event is None or event.written else event
    try:
        if recorded is None or connection.dialect.features.server:
            count = _change(connection, recorded, text, values, rows, image, sure)
        else:
            with atomic(connection):
                if isinstance(image, tuple):
                    connection.execute(*image)
                count = connection.execute(text, values).rowcount
                if count > 0:
                    store(connection, recorded, rows or count)
    except AccessError as error:
        if not _may_go_unkept(connection, error, image):
            raise
        return change(connection, event, text, values, rows, None, sure)
    if event is not None and count:
        event.note()
    return count


def _may_go_unkept(connection: Connection, error: AccessError, image: Statement | Moved | None) -> bool:
    """Whether a change was refused only because its user may not write to the history."""
    return image is not None and PREFIX in str(error) and connection.config.provenance.history != "required"


def _change(
    connection: Connection, event: EventRecord | None, text: str, values: Parameters, rows: int | None,
    image: Statement | Moved | None, sure: bool,
) -> int:  # fmt: skip
    """Send a change with its event in one round trip: one statement, or a packet of several.

    If the first answer was lost, the statement is repeated, and its event says what the first one has done.
    """
    losses, images = connection.losses, [image] if isinstance(image, tuple) else []
    try:
        if event is None:
            return _unrecorded(connection, text, values, image)
        if not connection.dialect.features.cte_insert:
            count = _packet(connection, event, text, values, rows, images, sure)
        else:
            moved = image if isinstance(image, Moved) else None
            both = (
                _with_event(connection, event, text, len(values), rows is None, moved),
                [*values, *parameters(connection, event)],
            )
            if images or connection.in_transaction:
                count = _together(connection, [*images, both])[len(images)]
            else:
                count = connection.change(*both)
            count = count if rows is None else count * rows
        # Repeated after the first answer was lost, a DELETE finds no more rows.
        return count if count or connection.losses == losses else _count_stored(connection, event) or 0
    except DuplicateError as error:
        if connection.in_transaction or connection.losses == losses:
            raise
        count = None if event is None else _count_stored(connection, event)
        if count is None:
            error.context["repeated"] = event is None  # the row may be that of the first time
            raise
        return count
    except LostConnectionError as error:
        if not _may_be_stored(connection, error):
            raise
        raise unanswered.write(None if event is None else (event.table.schema, event.id)) from error


def _may_be_stored(connection: Connection, error: LostConnectionError) -> bool:
    """Whether a write was sent and not answered: inside a transaction it is undone."""
    sent = error.context.get("reason") == "lost" and error.context.get("sent") is not False
    return sent and connection.current is None


def _count_stored(connection: Connection, event: EventRecord) -> int | None:
    """Return the number of rows of an event that is stored, None where it is not."""
    if not enabled(connection, event.table.schema):
        return None
    found = connection.fetch_all(find_event(event.table.schema, connection.dialect), [event.id, os.getpid()])
    return found[0][0] or 1 if found else None  # there is no event without rows; their number may be unknown


def _unrecorded(
    connection: Connection, text: str, values: Parameters, image: Statement | Moved | None
) -> int:
    """Change what has no event of its own: events are off, or the rows carry that of their make."""
    if not isinstance(image, tuple):
        return _alone(connection, text, values)
    if connection.dialect.features.server:
        return _together(connection, [image, (text, values)])[1]
    with atomic(connection):
        connection.execute(*image)
        return connection.execute(text, values).rowcount


def change_within(
    connection: Connection, scope: Scope, event: EventRecord, text: str, values: Parameters,
    image: Statement | Moved | None = None,
) -> int:  # fmt: skip
    """Run one statement of a change that stands or falls as a whole, and return the number of rows.

    Its event is written with that of the whole.
    """
    try:
        count = _change_within(connection, event, text, values, image)
    except AccessError as error:
        if not _may_go_unkept(connection, error, image):
            raise
        count = _change_within(connection, event, text, values, None)
    if count:
        scope.pending.append(event_statement(connection, event, count))
        event.note()
    return count


def _change_within(
    connection: Connection, event: EventRecord, text: str, values: Parameters, image: Statement | Moved | None
) -> int:
    if isinstance(image, Moved):
        return _alone(connection, moving(text, len(values), connection.dialect, image), [*values, event.id])
    if image is None or not connection.dialect.features.server:
        if image is not None:
            connection.execute(*image)
        return connection.execute(text, values).rowcount
    return _guarded(connection, [image, (text, values)])[1]


def took_place(connection: Connection, event: EventRecord) -> bool:
    """Whether an event of this process was committed though a lost connection hid it and it was repeated.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> took_place(schema.connection, EventRecord(7, "insert", TableName("lab", "subject")))
    False
    """
    return _count_stored(connection, event) is not None


def _alone(connection: Connection, text: str, values: Parameters) -> int:
    """Run one statement; inside a transaction of a server behind a savepoint, in the same round trip."""
    # A failed statement of SQLite undoes itself and nothing else.
    if connection.dialect.features.server and connection.in_transaction:
        return _guarded(connection, [(text, values)])[0]
    return connection.change(text, values)


def _packet(
    connection: Connection, event: EventRecord, text: str, values: Parameters, rows: int | None,
    images: Sequence[Statement], sure: bool,
) -> int:  # fmt: skip
    """Change and event as one packet (MySQL)."""
    known = rows if sure else None
    count, condition = _COUNTED[connection.dialect.name] if known is None else ("", "")
    recorded = _event_text(connection, event, count, condition), parameters(connection, event, known)
    statements = [*images, (text, values), recorded]
    if rows is not None and not connection.in_transaction:
        changed = _as_one(connection, statements)
        if changed is not None:
            return rows if changed else 0
    return _together(connection, statements)[len(images)]


def _together(connection: Connection, statements: Sequence[Statement]) -> list[int]:
    """Run statements as one, in one round trip, and return their row counts."""
    if connection.in_transaction:
        return _guarded(connection, statements)
    return packet(connection, statements)


def packet(connection: Connection, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
    """Run statements as one transaction, in one round trip where that can be; return their row counts.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> packet(connection, [("CREATE TABLE t (x INTEGER)", ()), ("INSERT INTO t VALUES (?)", (1,))])[1]
    1
    """
    if not connection.dialect.features.server:
        with connection.whole():
            return connection.execute_batch(statements)
    return connection.execute_batch(in_transaction(statements), whole=True)[1:-1]


def send(
    connection: Connection, statements: Sequence[tuple[str, Parameters]],
    otherwise: Sequence[tuple[str, Parameters]] = (),
) -> None:  # fmt: skip
    """Run statements as one transaction, none of which needs what another one has written.

    Where it is refused as one statement it is run again as several, which tells what is wrong: the same ones,
    or others in their place.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> send(connection, [("CREATE TABLE t (x INTEGER)", ()), ("INSERT INTO t VALUES (?)", (1,))])
    """
    if _as_one(connection, statements) is None:
        packet(connection, otherwise or statements)


def send_inside(
    connection: Connection, statements: Sequence[tuple[str, Parameters]], as_one: bool = True
) -> None:
    """Run statements in the open transaction, which is undone as a whole if they fail.

    Parameters
    ----------
    as_one
        Whether none of them needs what another one has written.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> with connection.transaction:
    ...     send_inside(connection, [("CREATE TABLE t (x INTEGER)", ())])
    """
    # A block of MariaDB has a transaction of its own.
    can_be = as_one and connection.dialect.features.cte_insert
    whole = together(statements, connection.dialect) if can_be else None
    connection.execute_batch([whole] if whole else statements)


def _as_one(connection: Connection, statements: Sequence[Statement]) -> int | None:
    """Run statements as one that is a transaction, and return the number of all rows that they change.

    None means that nothing was done: there is no such statement, or it was refused, which does not tell by
    which of its parts.
    """
    whole = together(statements, connection.dialect)
    if whole is None:
        return None
    try:
        return connection.execute_batch([whole], whole=True)[0]
    except (LostConnectionError, TransactionError):
        raise
    except DataJointError:
        return None


def _guarded(connection: Connection, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
    """Run statements behind a savepoint, in one round trip."""
    connection.check()  # a savepoint of others must not be undone below
    batch = behind_savepoint(statements, _SAVEPOINT, connection.dialect)
    try:
        return connection.execute_batch(batch)[1:-1]
    except DataJointError as error:
        if not connection.in_transaction:
            raise
        try:
            connection.return_to(_SAVEPOINT)
        except DataJointError as failed:
            raise failed from error
        raise


def atomic(connection: Connection) -> AbstractContextManager[object]:
    """Make what is inside one change: a transaction of its own, or a savepoint of the open one.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> with atomic(connection):
    ...     connection.in_transaction
    True
    """
    return connection.whole()


def store(connection: Connection, event: EventRecord | None, rows: int | None) -> None:
    """Write an event as a statement of its own, inside the transaction of its rows; none for 0 rows.

    Examples
    --------
    >>> import datajoint as dj
    >>> store(dj.Instance(backend="sqlite", database__name=":memory:").connection, None, 3)
    """
    if event is None or rows == 0:
        return
    if not event.written:
        connection.execute(*event_statement(connection, event, rows))
        if connection.current is not None:
            connection.current.event = event.table.schema, event.id
    event.note()


def event_statement(connection: Connection, event: EventRecord, rows: int | None) -> tuple[str, Parameters]:
    """Return the statement that writes an event.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> event = EventRecord(7, "insert", TableName("lab", "subject"))
    >>> event_statement(schema.connection, event, 3)[1]
    [7, 3, None, None]
    """
    values = parameters(connection, event)
    return _event_text(connection, event), [values[0], rows, *values[1:]]


def record(
    connection: Connection, kind: str, table: TableName, rows: int, details: Mapping[str, Any] | None = None
) -> int | None:
    """Write an event for rows that the caller changes in the open transaction; return its id.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> record(connection, "delete", TableName("lab", "subject"), 3) is None
    True
    """
    event = open_event(connection, table, kind, details)
    store(connection, event, rows)
    return event.id if event else None


def _event_text(connection: Connection, event: EventRecord, count: str = "", condition: str = "") -> str:
    def write() -> str:
        return write_event(_constant(connection, event), connection.dialect, 1, count, condition)

    return _kept(connection, event, (count,), write)


def _with_event(
    connection: Connection, event: EventRecord, text: str, n: int, counted: bool, moved: Moved | None
) -> str:
    def write() -> str:
        return with_event(text, _constant(connection, event), n, connection.dialect, counted, moved)

    return _kept(connection, event, (text, counted, moved), write)


def _constant(connection: Connection, event: EventRecord) -> Any:
    return event_text(connection, event.table.schema, event.kind, event.table.name, event.origin)


def _kept(connection: Connection, event: EventRecord, key: tuple[Hashable, ...], write: Any) -> str:
    """Return a text that is written once a table of events and process."""
    source = connection.catalog.source(TableName(event.table.schema, EVENTS))
    full = (event.kind, event.table, event.origin, os.getpid(), *key)
    found = source.child(full)
    return source.keep(full, write()) if found is None else found
