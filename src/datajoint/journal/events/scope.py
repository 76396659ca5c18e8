"""What events belong together: those of a block, of a cascade, of a make have its event as parent."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from datajoint.backends.base import Parameters
from datajoint.engine.blocks import Block, Owner
from datajoint.engine.connection import Connection
from datajoint.engine.guard import Transaction
from datajoint.heading.names import TableName
from datajoint.journal.events.event import EventRecord, Origin, enabled, event_text, new_id
from datajoint.sql.dml import block_event

__all__ = ["Scope", "compound", "current_scope", "enter", "open_event", "series"]

_STATE = "journal"


class Scope:
    """The event of a block, cascade or make, whose steps are written under it.

    Attributes
    ----------
    table
        Of a make: rows of this table carry the event of the make itself.
    schemas
        Where steps were written; the event goes to each of them.
    pending
        Events of steps that are written with that of the whole.
    origin
        Of a make: what it runs as.
    """

    __slots__ = ("connection", "id", "kind", "origin", "parent", "pending", "schemas", "table")

    def __init__(
        self, connection: Connection, kind: str, table: TableName | None = None, parent: int | None = None,
        origin: Origin | None = None,
    ) -> None:  # fmt: skip
        self.connection = connection
        self.id = new_id()
        self.kind = kind
        self.table = table
        self.parent = parent
        self.origin = origin
        self.schemas: dict[str, None] = {}
        self.pending: list[tuple[str, Parameters]] = []

    def write(self) -> None:
        """Write the event of the whole, with the number of rows of its steps, into each schema."""
        connection = self.connection
        if not self.schemas:
            return
        batch, self.pending = self.pending, []
        for schema in self.schemas:
            table = self.table.name if self.table and self.table.schema == schema else None
            told = event_text(connection, schema, self.kind, table, self.origin)
            batch.append((block_event(told, connection.dialect), [self.id, self.parent, self.id]))
        connection.execute_batch(batch)
        if connection.current is not None:
            connection.current.event = next(iter(self.schemas)), self.id


def enter(transaction: Transaction, scope: Scope | None) -> Scope | None:
    """Make a scope that of a transaction, and return the one before.

    Examples
    --------
    >>> enter(Transaction(), None) is None
    True
    """
    before: Scope | None = transaction.state.get(_STATE)
    transaction.state[_STATE] = scope
    return before


def current_scope(connection: Connection) -> Scope | None:
    """Return the scope of the open transaction, None outside; a user's block gets its own at the first write.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> current_scope(connection) is None
    True
    >>> with connection.transaction:
    ...     current_scope(connection).kind
    'block'
    """
    transaction = connection.current if connection.in_transaction else None
    if transaction is None:
        return None
    scope: Scope | None = transaction.state.get(_STATE)
    if scope is None:
        scope = transaction.state[_STATE] = Scope(connection, "block")
    # A savepoint that fails takes away what was to be done before COMMIT since it began.
    if scope.kind == "block" and scope.write not in transaction.before_commit:
        transaction.before_commit.append(scope.write)
    return scope


def open_event(
    connection: Connection,
    table: TableName,
    kind: str,
    details: Mapping[str, Any] | None = None,
    within: Scope | None = None,
) -> EventRecord | None:
    """Return the event for a write that is about to happen, None where events are off.

    Call it before the write opens a transaction of its own.

    Parameters
    ----------
    within
        What the event belongs to; default is the open transaction.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> open_event(connection, TableName("lab", "subject"), "insert") is None
    True
    """
    if not enabled(connection, table.schema):
        return None
    scope = within or current_scope(connection)
    if scope is None:
        return EventRecord(new_id(), kind, table, None, details)
    noted = scope.schemas
    if table == scope.table and kind in ("insert", "replace"):
        return EventRecord(scope.id, scope.kind, table, scope.parent, details, written=True, schemas=noted)
    return EventRecord(new_id(), kind, table, scope.id, details, schemas=noted)


class compound(Block):  # noqa: N801 - it is used as a function
    """Run a change of several steps, such as a cascade, as one: events of the steps belong to its event.

    Inside an open transaction it is a savepoint of it, and its event belongs to the one of the block.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> with compound(connection, "delete") as scope:
    ...     connection.in_transaction, scope.kind
    (True, 'delete')
    """

    def __init__(self, connection: Connection, kind: str, table: TableName | None = None) -> None:
        self._connection, self._kind, self._table = connection, kind, table

    def enter(self, owner: Owner) -> Scope:
        """Begin."""
        connection = self._connection
        self._outer = current_scope(connection)
        self._scope = Scope(connection, self._kind, None, self._outer.id if self._outer else None)
        self._whole = connection.whole()
        self._whole.enter(owner)
        transaction = connection.current
        assert transaction is not None  # noqa: S101 - the block has just begun it
        self._before = enter(transaction, self._scope)
        self._transaction = transaction
        return self._scope

    def leave(self, error: BaseException | None) -> None:
        """Write the event, and end."""
        try:
            if error is None:
                self._write()
        except BaseException as failed:
            self._transaction.state[_STATE] = self._before
            self._whole.leave(failed)
            raise
        self._transaction.state[_STATE] = self._before
        self._whole.leave(error)

    def _write(self) -> None:
        scope = self._scope
        scope.table = self._table
        scope.write()
        if self._outer:
            self._outer.schemas.update(scope.schemas)


@contextmanager
def series(connection: Connection) -> Generator[Scope | None]:
    """Give one parent to the events of several transactions that one call makes; None inside a transaction.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> with series(connection) as scope:
    ...     scope.kind
    'block'
    """
    if connection.in_transaction:
        yield None
        return
    scope = Scope(connection, "block")
    try:
        yield scope
    finally:
        if connection.is_connected:
            scope.write()
