"""Changes of rows together with their events: atomic, in one round trip where the database allows it."""

from __future__ import annotations

import os

from datajoint.backends.base import Parameters
from datajoint.engine import unanswered
from datajoint.engine.connection import Connection
from datajoint.errors import AccessError, DuplicateError, LostConnectionError
from datajoint.journal.events.event import EventRecord, enabled, parameters
from datajoint.journal.events.packet import Packet, Route, Statement, send
from datajoint.journal.events.scope import Scope
from datajoint.journal.events.write_event import event_statement, text_of_event, text_with_event
from datajoint.sql.dml import Moved, find_event, moving
from datajoint.sql.system_tables.images import PREFIX
from datajoint.sql.together import together

__all__ = ["change", "took_place"]

Image = Statement | Moved | None


def change(
    connection: Connection, event: EventRecord | None, text: str, values: Parameters, rows: int | None = None,
    image: Image = None, sure: bool = True, whole: Scope | None = None,
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
    whole
        The change of several steps that this is one of: it is undone as a whole, and writes the event.

    Examples
    --------
    >>> import datajoint as dj
    >>> instance = dj.Instance(backend="sqlite", database__name=":memory:")
    >>> change(instance.connection, None, "CREATE TABLE t (x INTEGER)", ()) and None
    >>> change(instance.connection, None, "INSERT INTO t VALUES (?), (?)", (1, 2))
    2
    """
    losses = connection.losses
    recorded = None if event is None or event.written else event  # a make writes the event of its own rows
    while True:
        packet = _packet(connection, recorded, text, values, rows, image, sure, whole)
        try:
            count = send(connection, packet)
        except AccessError as error:
            if not _may_go_unkept(connection, error, image):
                raise
            image = None
            continue
        except (DuplicateError, LostConnectionError) as error:
            count = _stored_before(connection, recorded, error, losses)
        break
    if not count and connection.losses != losses:
        # Repeated after the first answer was lost, a DELETE finds no more rows.
        count = _count_stored(connection, recorded) or 0
    elif count and packet.rows is not None:
        count = packet.rows
    if event is not None and count:
        if whole is not None:
            whole.pending.append(event_statement(connection, event, count))
        event.note()
    return count


def _may_go_unkept(connection: Connection, error: AccessError, image: Image) -> bool:
    """Whether a change was refused only because its user may not write to the history."""
    return image is not None and PREFIX in str(error) and connection.config.provenance.history != "required"


# --------------------------------------------------------------------------------- how a change travels


def _packet(
    connection: Connection, event: EventRecord | None, text: str, values: Parameters, rows: int | None,
    image: Image, sure: bool, whole: Scope | None,
) -> Packet:  # fmt: skip
    """Return a change with its image and its event, by the fewest statements that are atomic."""
    if whole is not None and event is not None:
        return _step(connection, event, text, values, image)
    features = connection.dialect.features
    images = [image] if isinstance(image, tuple) else []
    statements = [*images, (text, values)]
    if event is None:
        pass
    elif features.cte_insert:
        moved = image if isinstance(image, Moved) else None
        both = text_with_event(connection, event, text, len(values), rows is None, moved)
        statements = [*images, (both, [*values, *parameters(connection, event)])]
    else:
        statements = [*images, (text, values), _event_after(connection, event, rows if sure else None)]
    if len(statements) == 1 and not (features.server and connection.in_transaction):
        return Packet(statements, Route.ALONE, rows=rows)  # in SQLite a failed statement undoes itself only
    if connection.in_transaction:
        return Packet(statements, Route.SAVEPOINT, len(images), rows)
    if rows is not None and event is not None and features.blocks:
        combined = together(statements, connection.dialect)
        if combined is not None:
            return Packet([combined], Route.COMBINED, len(images), rows, batch=statements)
    return Packet(statements, Route.BATCH, len(images), rows)


def _event_after(connection: Connection, event: EventRecord, rows: int | None) -> Statement:
    """Return what writes an event after the statement that changes its rows, counting unknown ones."""
    count, condition = ("", "") if rows is not None else connection.dialect.features.row_count
    return text_of_event(connection, event, count, condition), parameters(connection, event, rows)


def _step(connection: Connection, event: EventRecord, text: str, values: Parameters, image: Image) -> Packet:
    """Return a change that is a step of another one, which writes its event."""
    server = connection.dialect.features.server
    if isinstance(image, Moved):
        statement = moving(text, len(values), connection.dialect, image), [*values, event.id]
        return Packet([statement], Route.SAVEPOINT)
    if image is None:
        return Packet([(text, values)], Route.ALONE)
    return Packet([image, (text, values)], Route.SAVEPOINT if server else Route.INSIDE, 1)


# ------------------------------------------------------------------------------------- lost answers


def _stored_before(
    connection: Connection,
    event: EventRecord | None,
    error: DuplicateError | LostConnectionError,
    losses: int,
) -> int:
    """Return the number of rows that a change has stored though its answer was lost; else raise its error."""
    if isinstance(error, LostConnectionError):
        if not connection.dialect.features.server or not _may_be_stored(connection, error):
            raise error
        raise unanswered.write(None if event is None else (event.table.schema, event.id)) from error
    if connection.in_transaction or connection.losses == losses:
        raise error
    count = _count_stored(connection, event)
    if count is None:
        error.context["repeated"] = event is None  # the row may be that of the first time
        raise error
    return count


def _may_be_stored(connection: Connection, error: LostConnectionError) -> bool:
    """Whether a write was sent and not answered: inside a transaction it is undone."""
    sent = error.context.get("reason") == "lost" and error.context.get("sent") is not False
    return sent and connection.current is None


def took_place(connection: Connection, event: EventRecord) -> bool:
    """Whether an event of this process was committed though a lost connection hid it and it was repeated.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> from datajoint.heading.names import TableName
    >>> took_place(schema.connection, EventRecord(7, "insert", TableName("lab", "subject")))
    False
    """
    return _count_stored(connection, event) is not None


def _count_stored(connection: Connection, event: EventRecord | None) -> int | None:
    """Return the number of rows of an event that is stored, None where it is not."""
    if event is None or not enabled(connection, event.table.schema):
        return None
    found = connection.fetch_all(find_event(event.table.schema, connection.dialect), [event.id, os.getpid()])
    return found[0][0] or 1 if found else None  # there is no event without rows; their number may be unknown
