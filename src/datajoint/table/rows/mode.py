"""Options of an insert: treatment of existing rows, checks, columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datajoint._value import Value
from datajoint.heading.names import TableName
from datajoint.sql.dml import (
    Column,
)

if TYPE_CHECKING:
    from datajoint.table.rows.check import Check
    from datajoint.table.rows.mode import Wanted


__all__ = ["Mode", "Stamps", "Wanted"]


class Wanted(Value):
    """How many rows of a part each row of a master has at least."""

    part: TableName
    least: int


Stamps = tuple[tuple[Column, Any], ...]
"""Hidden columns and the driver values that all rows take there."""


class Mode(Value):
    """How rows are inserted.

    Attributes
    ----------
    replace, skip
        What is done about a row whose key is taken (INS-4 … 7).
    ignore_extra
        Whether fields that are no attributes are dropped (INS-8).
    checks, wanted
        What the class of the table has as `checks` and as `min_parts`.
    stamps
        Hidden columns that all rows take, with their driver values, beside that of the event.
    of_any
        Whether `skip` is meant for the values of any unique index.
    match
        Whether rows that are skipped must equal the stored ones.
    """

    replace: bool = False
    skip: bool = False
    ignore_extra: bool = False
    checks: tuple[Check, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    stamps: Stamps = ()
    of_any: bool = False
    match: bool = False

    @property
    def kind(self) -> str:
        """Kind of the event."""
        return "replace" if self.replace else "insert"
