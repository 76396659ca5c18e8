"""The inserts that a make has collected, and the statements that write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.journal.change import event_statement
from datajoint.journal.event import EventRecord
from datajoint.table.encode import Batch
from datajoint.table.layout import layout_of
from datajoint.table.refusal import explain
from datajoint.table.rows import Mode, is_small, statements_for

__all__ = ["Insert", "Inserts"]

Statement = tuple[str, Parameters]
Events = Mapping[TableName, EventRecord]

_FEW = 50
"""Up to so many rows are sent as one packet."""

_SMALL = 1 << 16
"""Up to so many bytes they are sent as one statement."""


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


class Inserts(list[Insert]):
    """Inserts in the order in which they were made.

    Examples
    --------
    >>> Inserts([]).size
    0
    """

    @property
    def size(self) -> int:
        """About how many bytes they are."""
        return sum(insert.size for insert in self)

    @property
    def are_few(self) -> bool:
        """Whether they are few rows, which go as single statements."""
        few = sum(insert.rows for insert in self) <= _FEW
        return few and all(is_small(batch) for insert in self for batch in insert.batches)

    @property
    def are_plain(self) -> bool:
        """Whether none of them skips or replaces rows that are there."""
        return not any(insert.mode.skip or insert.mode.replace for insert in self)

    def rows_for(self, name: TableName) -> int:
        """Return the number of rows for a table."""
        return sum(insert.rows for insert in self if insert.name == name)

    def batches(self) -> Iterator[tuple[Insert, Batch, bool]]:
        """Yield what there is, and whether it may replace rows that were collected before."""
        seen: set[TableName] = set()
        for insert in self:
            for batch in insert.batches:
                yield insert, batch, insert.mode.replace and insert.name in seen
                seen.add(insert.name)

    def row_statements(self, connection: Connection, events: Events) -> list[Statement]:
        """Return the statements that write the rows, which are few."""
        writes: list[Statement] = []
        for insert, batch, again in self.batches():
            layout = layout_of(connection, insert.name)
            writes += statements_for(layout, batch, insert.mode, events.get(insert.name), again)
        return writes

    def event_statements(self, connection: Connection, events: Events) -> Iterator[Statement]:
        """Yield the statements that write their events."""
        for event in events.values():
            yield event_statement(connection, event, self.rows_for(event.table))

    def can_be_one(self, connection: Connection, writes: Sequence[Statement]) -> bool:
        """Whether the statements that write them may be parts of one, which all see what was there before.

        Rows that refer to some inserted later would pass unnoticed.
        """
        if self.size > _SMALL:
            return False
        if len(writes) == 1:
            return True
        names = [insert.name for insert in self for _ in insert.batches]
        specs = map(connection.catalog.spec, names)
        return not any(
            key.parent in names[n + 1 :] for n, spec in enumerate(specs) for key in spec.foreign_keys
        )

    def explain(self, connection: Connection, error: DataJointError) -> None:
        """Tell which insert was refused."""
        table = error.context.get("table")
        for name in dict.fromkeys(insert.name for insert in self):
            if table is not None and table != str(name):
                continue
            inserts = [insert for insert in self if insert.name == name]
            batches = [batch for insert in inserts for batch in insert.batches]
            if explain(error, layout_of(connection, name), batches):
                error.suggest(
                    f"The rows were inserted at {', '.join(dict.fromkeys(i.where for i in inserts))}."
                )
                return
