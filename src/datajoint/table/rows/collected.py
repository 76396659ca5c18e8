"""Rows inserted so far by a running make, and the transaction blocks inside it."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.engine.blocks import Block, Owner
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.journal.events.event import EventRecord, enabled, new_id
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.explain_errors import explain
from datajoint.table.rows.layout import layout_of
from datajoint.table.rows.mode import Mode

__all__ = ["Insert", "Part", "explain_inserts", "step_events"]


class Insert:
    """The rows of one insert of a make."""

    __slots__ = ("batches", "mode", "name", "rows", "size", "where")

    def __init__(self, name: TableName, batches: Sequence[Batch], mode: Mode, where: str) -> None:
        self.name = name
        self.batches = batches
        self.mode = mode
        self.where = where
        self.rows = sum(batch.size for batch in batches)
        self.size = sum(batch.byte_count for batch in batches)


class Part(Block):
    """A transaction block of the make: what was collected before it, its savepoint once pinned."""

    def __init__(self, parts: list[Part], inserts: list[Insert]) -> None:
        self._parts, self._inserts = parts, inserts
        self.savepoint: Block | None = None

    def enter(self, owner: Owner) -> None:
        """Begin."""
        self.before = len(self._inserts)
        self._parts.append(self)

    def leave(self, error: BaseException | None) -> None:
        """Drop what was collected inside if it has failed."""
        if self.savepoint is not None:
            self.savepoint.leave(error)
        elif error is not None:
            del self._inserts[self.before :]
        self._parts.remove(self)


def explain_inserts(error: DataJointError, connection: Connection, inserts: Sequence[Insert]) -> None:
    """Name in an error which of the collected inserts was refused.

    Examples
    --------
    >>> explain_inserts(DataJointError("refused"), None, [])
    """
    table = error.context.get("table")
    for name in dict.fromkeys(insert.name for insert in inserts):
        if table is not None and table != str(name):
            continue
        own = [insert for insert in inserts if insert.name == name]
        batches = [batch for insert in own for batch in insert.batches]
        if explain(error, layout_of(connection, name), batches):
            error.suggest(f"The rows were inserted at {', '.join(dict.fromkeys(i.where for i in own))}.")
            return


def step_events(
    connection: Connection, name: TableName, whole: EventRecord, schema: str
) -> dict[TableName, EventRecord]:
    """Return the event of rows that a make inserts into another table than its own.

    In another schema than that of the make, its own event is written, too.

    Parameters
    ----------
    whole
        The event of the make, as the schema of the table is to have it.
    schema
        That of the make.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> name = TableName("lab", "trial")
    >>> step_events(connection, name, EventRecord(7, "make", name), "lab")  # without a table of events
    {}
    """
    if not enabled(connection, name.schema):
        return {}
    found = {name: EventRecord(new_id(), "insert", name, whole.id)}
    return found if name.schema == schema else found | {whole.table: whole}
