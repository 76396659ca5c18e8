"""`dj stale`: which rows are not what they would be if they were made now, and why."""

from __future__ import annotations

from typing import Any

import click

from datajoint._printed import printable
from datajoint.cli import options, report
from datajoint.cli.targets import computed, find_tables, is_computed
from datajoint.provenance.staleness.states import PARTLY, POSSIBLY, STALE, UNKNOWN, StaleRow
from datajoint.table.table import Table

__all__ = ["command"]

_STALE = 2


@click.command("stale")
@options.targets()
@click.option("--limit", type=click.IntRange(0), default=10, show_default=True, metavar="N",
              help="The most rows to list of each table.")  # fmt: skip
@click.option("--exact", is_flag=True, help="Compare values, too: notices what other programs changed.")
@click.option("--unknown", is_flag=True, help="List rows, too, of which nothing is known.")
@click.option("--check", is_flag=True, help="Exit with 2 where rows are stale.")
@options.json_option
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], limit: int, exact: bool, unknown: bool, check: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Show which rows are stale, and why: what they were made from has changed, or the code.

    A TARGET is a module of your pipeline, one table of it (`module:Table`), or a schema of the database, of
    which the code is not known; without one, all schemas are looked at.
    """
    pipelines = find_tables(targets, schemas)
    tables = [table for pipeline in pipelines for table in pipeline.tables if is_computed(table)]
    reports = [(table, computed(table, "").stale(exact=exact)) for table in tables]
    found = [(table, [*told.reasons(), *told.known_in_part()]) for table, told in reports]
    if as_json:
        report.write_json([_plain(table, rows) for table, rows in found])
    else:
        width = max((len(table.class_name) for table, _ in found), default=0)
        for table, rows in found:
            _write(table, rows, limit, unknown, width)
        _write_next(found, {table: p.module.__name__ for p in pipelines if p.module for table in p.tables})
    stale = any(row.state == STALE for _, rows in found for row in rows)
    return _STALE if check and stale else 0


def _plain(table: Table, rows: list[StaleRow]) -> dict[str, Any]:
    told = [
        {"key": dict(row.key), "state": row.state, "reasons": [str(reason) for reason in row.reasons]}
        for row in rows
    ]
    return {"table": str(table.name), "rows": told}


def _write(table: Table, rows: list[StaleRow], limit: int, unknown: bool, width: int) -> None:
    states: dict[str, int] = {}
    for row in rows:
        states[row.state] = states.get(row.state, 0) + 1
    counts = [click.style(f"{n} {s}", fg="red" if s == STALE else None) for s, n in sorted(states.items())]
    name = click.style(table.class_name.ljust(width), bold=True)
    report.say(f"{name}  {', '.join(counts) if counts else report.dim('all rows are fresh')}")
    shown = [row for row in rows if unknown or row.state not in (UNKNOWN, PARTLY)]
    for row in shown[:limit]:
        report.say(f"  {report.key_text(row.key)}  {report.dim(printable('; '.join(map(str, row.reasons))))}")
    if len(shown) > limit:
        report.say(report.dim(f"  … and {len(shown) - limit} more: --limit"))


def _write_next(found: list[tuple[Table, list[StaleRow]]], modules: dict[Table, str]) -> None:
    """Say how to make them again; `modules` has the names of those that were named."""
    stale = [table for table, rows in found if any(row.state in (STALE, POSSIBLY) for row in rows)]
    if stale:
        report.say(
            f"\n{report.dim('Make them again:')} "
            f"dj populate --stale {modules.get(stale[0], 'MODULE')}:{stale[0].class_name}"
        )
