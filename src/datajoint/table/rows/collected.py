"""What a make has inserted so far, and the transaction blocks inside it."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.engine.blocks import Block, Owner
from datajoint.heading.names import TableName
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.write_rows import Mode

__all__ = ["Insert", "Part"]


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
