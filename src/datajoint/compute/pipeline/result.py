"""What came of a pipeline: table by table how many keys were made, failed, and remain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint._printed import printable
from datajoint._value import Value

__all__ = ["PipelineResult", "TableResult"]

_ERRORS_SHOWN = 5
_LINE = 100


class TableResult(Value):
    """What came of one table.

    Attributes
    ----------
    table
        Its full name.
    class_name
        Name of its class.
    success_count
        Keys that were made.
    error_list
        Pairs of key and error.
    remaining
        Keys that are still to be made, those that failed included.
    reused_count
        Keys, of those made, for which an earlier result was used again.
    skipped_count
        Keys whose make inserted nothing; they are among those that remain.
    """

    table: str
    class_name: str
    success_count: int
    error_list: Sequence[tuple[dict[str, Any], Any]]
    remaining: int
    reused_count: int = 0
    skipped_count: int = 0


class PipelineResult:
    """What `populate` of a whole pipeline returns: a `TableResult` for each table, parents first.

    Examples
    --------
    >>> PipelineResult([TableResult("lab.__fit", "Fit", 2, [({"id": 3}, "ValueError: no")], 1)])
    table  made  failed  remaining
    -----  ----  ------  ---------
    Fit       2       1          1
    <BLANKLINE>
    Fit {'id': 3}: ValueError: no
    """

    def __init__(self, tables: Sequence[TableResult]) -> None:
        self.tables = tuple(tables)

    @property
    def success_count(self) -> int:
        """Keys that were made."""
        return sum(table.success_count for table in self.tables)

    @property
    def reused_count(self) -> int:
        """Keys, of those made, for which an earlier result was used again."""
        return sum(table.reused_count for table in self.tables)

    @property
    def skipped_count(self) -> int:
        """Keys whose make inserted nothing."""
        return sum(table.skipped_count for table in self.tables)

    @property
    def error_list(self) -> list[tuple[str, dict[str, Any], Any]]:
        """Name of the class, key and error of each key that failed."""
        return [(table.class_name, *failed) for table in self.tables for failed in table.error_list]

    @property
    def remaining(self) -> int:
        """Keys that are still to be made, as far as what they come from is there."""
        return sum(table.remaining for table in self.tables)

    def __getitem__(self, name: str) -> TableResult:
        for table in self.tables:
            if name in (table.class_name, table.table):
                return table
        raise KeyError(name)

    def __iter__(self) -> Iterator[TableResult]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    def __repr__(self) -> str:
        names = ["table", "made", "failed", "remaining"]
        rows = [[t.class_name, t.success_count, len(t.error_list), t.remaining] for t in self.tables]
        if self.reused_count:
            names.insert(2, "reused")
            for row, table in zip(rows, self.tables, strict=True):
                row.insert(2, table.reused_count)
        if self.skipped_count:
            names.insert(-1, "skipped")
            for row, table in zip(rows, self.tables, strict=True):
                row.insert(-1, table.skipped_count)
        lines = [in_columns(names, rows)]
        failed = self.error_list
        if failed:
            lines += ["", *(f"{name} {key}: {error}"[:_LINE] for name, key, error in failed[:_ERRORS_SHOWN])]
        if len(failed) > _ERRORS_SHOWN:
            lines.append(f"and {len(failed) - _ERRORS_SHOWN} more in error_list")
        return printable("\n".join(lines))


def in_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as text: the first column to the left, numbers to the right.

    Examples
    --------
    >>> print(in_columns(("table", "n"), [("Fit", 12)]))
    table   n
    -----  --
    Fit    12
    """
    cells = [tuple(names), *(tuple(str(value) for value in row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(names))]
    cells.insert(1, tuple("-" * width for width in widths))
    lines = [
        "  ".join(c.rjust(w) if n else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)
