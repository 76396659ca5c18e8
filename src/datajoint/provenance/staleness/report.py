"""Report of a search for stale rows, and its number for later queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from datajoint._printed import escape, printable
from datajoint._value import Value
from datajoint.provenance.staleness.states import PARTLY, POSSIBLY, STALE, UNKNOWN, StaleRow
from datajoint.query import preview
from datajoint.query.expression import QueryExpression
from datajoint.table.table import Table

__all__ = ["StaleCount", "StaleReport", "forget_count", "keep_count", "last_count"]

_SHOWN = 10


class StaleCount(Value):
    """How many rows of a table were stale or possibly stale, and when (UTC)."""

    rows: int
    time: dt.datetime

    def __str__(self) -> str:
        return f"{self.rows} stale as of {self.time:%H:%M} UTC" if self.rows else ""


class StaleReport:
    """The rows of a table that are not fresh, and why.

    Its items, which `len` and `bool` count, are the rows that are not known to be fresh: those that are
    stale, possibly stale or unknown. Rows that are fresh as far as their code is known are `partly`.
    """

    def __init__(self, table: Table, rows: Sequence[StaleRow]) -> None:
        self._table = table
        self._rows = rows

    @property
    def keys(self) -> QueryExpression:
        """The rows that are stale or possibly stale, as an expression."""
        return self._of((STALE, POSSIBLY))

    @property
    def stale(self) -> QueryExpression:
        """The rows that are stale, as an expression."""
        return self._of((STALE,))

    @property
    def possibly_stale(self) -> QueryExpression:
        """The rows of which it cannot be told whether what has changed was read, as an expression."""
        return self._of((POSSIBLY,))

    @property
    def unknown(self) -> QueryExpression:
        """The rows whose inputs or code are not known, as an expression."""
        return self._of((UNKNOWN,))

    @property
    def partly(self) -> QueryExpression:
        """The rows that are fresh, but whose code is known in part, as an expression."""
        return self._of((PARTLY,))

    @property
    def outdated(self) -> list[StaleRow]:
        """The rows that are stale or possibly stale, each with its reasons."""
        return [row for row in self._rows if row.state in (STALE, POSSIBLY)]

    def reasons(self) -> list[StaleRow]:
        """Return all rows that are not known to be fresh, in key order, each with its reasons."""
        return list(self)

    def known_in_part(self) -> list[StaleRow]:
        """Return the rows that are known in part, in key order, each with what is not known."""
        return [row for row in self._rows if row.state == PARTLY]

    def _of(self, states: Iterable[str]) -> QueryExpression:
        return self._table & [dict(row.key) for row in self._rows if row.state in states]

    def __iter__(self) -> Iterator[StaleRow]:
        return (row for row in self._rows if row.state != PARTLY)

    def __len__(self) -> int:
        return sum(row.state != PARTLY for row in self._rows)

    @property
    def summary(self) -> str:
        """How many rows are in which state."""
        if not self._rows:
            return "all rows are fresh."
        counts = {
            state: sum(row.state == state for row in self._rows)
            for state in (STALE, POSSIBLY, UNKNOWN, PARTLY)
        }
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count)

    def __repr__(self) -> str:
        shown = [f"  {row}" for row in self._rows[:_SHOWN]]
        lines = [f"`{self._table.class_name}`: {self.summary}", *shown, *self._more(_SHOWN, "  ")]
        return printable("\n".join(lines))

    def _repr_html_(self) -> str:
        names, shown = self._table.heading.key, self._rows[: 2 * _SHOWN]
        head = "".join(f'<th class="dj-key">{escape(name)}</th>' for name in names)
        more = self._more(2 * _SHOWN)
        return preview.html_table(
            f"{head}<th>state</th><th>why</th>" if shown else "", "".join(map(_html_row, shown)),
            [f"{self._table.class_name}: {self.summary}"], more,
        )  # fmt: skip

    def _more(self, shown: int, indent: str = "") -> list[str]:
        left = len(self._rows) - shown
        return [f"{indent}… {left} more"] if left > 0 else []


def _html_row(row: StaleRow) -> str:
    reasons = "<br>".join(escape(str(reason)) for reason in row.reasons)
    cells = "".join(f"<td>{escape(str(value))}</td>" for value in row.key.values())
    return f"<tr>{cells}<td>{row.state}</td><td>{reasons}</td></tr>"


def last_count(table: Table) -> StaleCount | None:
    """Return how many rows were stale when this process last looked at the whole table, or None.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> last_count(Subject()) is None
    True
    """
    found: StaleCount | None = table.connection.catalog.source(table.name).child(StaleReport)
    return found


def forget_count(table: Table) -> None:
    """Forget it: rows are made.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> forget_count(Subject())
    """
    table.connection.catalog.source(table.name).keep(StaleReport, None)


def keep_count(table: Table, rows: int) -> None:
    """Keep how many rows of a table are stale now.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> keep_count(Subject(), 3)
    >>> last_count(Subject()).rows
    3
    """
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    table.connection.catalog.source(table.name).keep(StaleReport, StaleCount(rows, now))
