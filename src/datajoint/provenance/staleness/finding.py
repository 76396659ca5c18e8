"""Recorded reads and their present state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.algebra.plans.nodes import Query
from datajoint.heading.names import TableName
from datajoint.journal.reads.read import FETCHED
from datajoint.journal.reads.shapes import Shape, fill
from datajoint.journal.reads.signature import Signature

__all__ = ["Change", "Finding", "Recorded"]


class Recorded(Value):
    """A read as it was recorded.

    Attributes
    ----------
    key, event
        Of the row whose make read, and the event under which that is recorded.
    """

    key: Mapping[str, Any]
    event: int
    n: int
    shape: Shape
    parameters: Sequence[Any]
    attributes: Any
    count: int
    signatures: tuple[Signature, ...]
    digest: str | None

    @property
    def query(self) -> Query:
        """What was asked."""
        return fill(self.shape, self.parameters, self.key)

    @property
    def kind(self) -> str:
        """Whether rows were fetched, counted or only looked for."""
        return FETCHED if isinstance(self.attributes, list) else str(self.attributes)

    @property
    def names(self) -> tuple[str, ...]:
        """Attributes that were fetched."""
        return tuple(map(str, self.attributes)) if self.kind == FETCHED else ()


class Change(Value):
    """An attribute of a row that is not what it was when it was read.

    Attributes
    ----------
    row
        Key of the row.
    old, new
        Its values, None for those of codecs.
    event
        The latest that changed it.
    """

    table: TableName
    row: Mapping[str, Any]
    attribute: str
    old: Any
    new: Any
    event: int | None


class Finding(Value):
    """A read that would not be answered by the same versions now.

    Attributes
    ----------
    now
        Present signatures; None where they were not looked up.
    same
        Whether the values are the same: True, False, or None where that cannot be told.
    change
        One thing that has changed in what was read, as far as history tells.
    """

    read: Recorded
    now: tuple[Signature, ...] | None
    same: bool | None
    change: Change | None = None
