"""Watch of computed tables for more stale rows than at the last report."""

from __future__ import annotations

import time
from collections.abc import Iterator

from datajoint._value import Value
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.provenance.staleness.counts import reports_of
from datajoint.provenance.staleness.report import StaleReport
from datajoint.reactions.once_only import Marks, Place
from datajoint.table.free import FreeTable

__all__ = ["Growth", "StaleWatch"]

_SHARE = 20
"""Shortest pause between two searches, in multiples of the time of a search."""
_SHOWN = 10


class Growth(Value):
    """Table with more stale rows than before.

    Attributes
    ----------
    rows, before
        Number of stale rows now, and at the last report.
    examples
        Examples of stale rows with the reason, as text.
    """

    table: TableName
    rows: int
    before: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = f", {self.rows - self.before} more than before" if self.before else ""
        rows = "1 row is stale" if self.rows == 1 else f"{self.rows} rows are stale"
        return f"{self.table.class_name}: {rows}{more}"


class StaleWatch:
    """Search for stale rows of computed tables, which stores its results as marks.

    Parameters
    ----------
    place
        Schema, or one table of it.
    marks
        Marks with the number of stale rows of each table.
    every
        Shortest time between two searches, in seconds.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.reactions.once_only import place_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> place = place_of(schema)
    >>> list(StaleWatch(place, Marks(place, "stale"), 60).look())
    []
    """

    def __init__(self, place: Place, marks: Marks, every: float) -> None:
        self._place, self._marks, self._every = place, marks, every
        self.pause = every

    def look(self) -> Iterator[Growth]:
        """Yield the tables with more stale rows than before, each to one worker only."""
        started = time.monotonic()
        reports = reports_of(FreeTable(self._place.connection, name) for name in self._names())
        self.pause = max(self._every, _SHARE * (time.monotonic() - started))
        told = self._told()
        for name, report in reports.items():
            before = told.get(str(name), [])
            rows, known = len(report), max(before, default=0)
            if rows == known and len(before) <= 1:
                continue
            is_first = rows in (0, known) or self._marks.add(_label(name, rows))
            for count in before:
                if count != rows:
                    self._marks.forget(_label(name, count))
            if rows > known and is_first:
                yield Growth(name, rows, known, _examples(report))

    def _names(self) -> list[TableName]:
        if self._place.table is not None:
            return [self._place.table]
        tables = self._place.connection.catalog.tables(self._place.schema)
        return [name for name in tables if name.tier in (IMPORTED, COMPUTED)]

    def _told(self) -> dict[str, list[int]]:
        """Return the reported numbers by table; a list of two or more if a worker died during a report."""
        found: dict[str, list[int]] = {}
        for label in self._marks.all():
            name, _, count = label.rpartition(": ")
            if count.isdigit():
                found.setdefault(name, []).append(int(count))
        return found


def _label(name: TableName, rows: int) -> str:
    return f"{name}: {rows}"


def _examples(report: StaleReport) -> tuple[str, ...]:
    return tuple(str(row) for _, row in zip(range(_SHOWN), report.outdated, strict=False))
