"""`dj status`: how far tables are, and who works on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import Pipeline, database_text, find_tables
from datajoint.heading.names import to_camel_case
from datajoint.workers.overview import TableStatus, WorkerStatus, status_of, workers_of

__all__ = ["command"]

_TITLES = ("table", "rows", "done", "", "left", "running", "failed", "ignored")
_LEFT_TO_DO = 2


@click.command("status")
@options.targets()
@click.option("--stale", is_flag=True, help="Count stale rows, too, which takes longer.")
@click.option("--check", is_flag=True, help="Exit with 2 where keys are left or failed, or rows found stale.")
@options.json_option
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], stale: bool, check: bool, as_json: bool
) -> int:
    """Show how far tables are, and who works on them.

    A TARGET is a module of your pipeline, one table of it (`module:Table`), or a schema of the database;
    without one, all schemas are shown. Where a schema is named the code is not known: keys are counted by
    the parents, whatever `key_source` a class defines.
    """
    shown: list[dict[str, Any]] = []
    left = False
    for n, pipeline in enumerate(find_tables(targets, schemas)):
        tables = status_of(pipeline.tables, stale)
        workers = workers_of(pipeline.connection, pipeline.schemas)
        left = left or any(table.remaining or table.errors or table.stale for table in tables)
        if as_json:
            shown.append(_plain(pipeline, tables, workers))
        else:
            report.say("\n" if n else "", nl=False)
            _write(pipeline, tables, workers)
    if as_json:
        report.write_json(shown)
    return _LEFT_TO_DO if check and left else 0


def _plain(
    pipeline: Pipeline, tables: Sequence[TableStatus], workers: Sequence[WorkerStatus]
) -> dict[str, Any]:
    def fields(value: Any) -> dict[str, Any]:
        return {name: getattr(value, name) for name in value.__match_args__}

    return {
        "database": database_text(pipeline.connection), "schemas": pipeline.schemas,
        "tables": [{**fields(table), "done": table.done} for table in tables],
        "workers": [fields(worker) for worker in workers],
    }  # fmt: skip


def _write(pipeline: Pipeline, tables: Sequence[TableStatus], workers: Sequence[WorkerStatus]) -> None:
    title = click.style(", ".join(pipeline.schemas), bold=True)
    report.say(f"{title}  {report.dim(database_text(pipeline.connection))}\n")
    if not tables:
        report.say("no tables")
        return
    several = len(pipeline.schemas) > 1
    counted = any(table.stale is not None for table in tables)
    titles = (*_TITLES, *(("stale",) if counted else ()), "")
    rows = [_row(table, several, counted) for table in tables]
    report.write_columns(titles, rows, right=(1, 2, *range(4, len(titles) - 1)))
    for line in _workers(workers):
        report.say(line)
    failed = [table for table in tables if table.errors]
    if failed:
        report.say(f"\n{report.dim('What failed:')} dj errors {failed[0].schema}:{failed[0].table}")
    old = [table for table in tables if table.stale]
    if old:
        report.say(f"\n{report.dim('Why stale:')} dj stale {old[0].schema}:{old[0].table}")


def _row(table: TableStatus, several: bool, counted: bool) -> list[str]:
    name = f"{table.schema}.{table.table}" if several else table.table
    old = [] if not counted else [_count(table.stale, "magenta") if table.stale is not None else ""]
    if table.done is None or table.total is None:
        return [name, str(table.rows), *[""] * 6, *old, report.dim(table.problem)]
    color = "green" if not table.remaining else "yellow" if not table.errors else "red"
    numbers = (
        (table.remaining, None),
        (table.reserved, "cyan"),
        (table.errors, "red"),
        (table.ignored, None),
    )
    counts = [_count(number, its_color) for number, its_color in numbers]
    bar = click.style(report.bar(table.done, table.total), fg=color) if table.total else ""
    return [name, str(table.rows), f"{table.done}/{table.total}", bar, *counts, *old, ""]


def _count(number: int | None, color: str | None = None) -> str:
    return click.style(str(number), fg=color) if number else report.dim("·")


def _workers(workers: Sequence[WorkerStatus]) -> list[str]:
    lines: list[str] = []
    for worker in workers:
        state = click.style("alive", fg="green") if worker.alive else click.style("gone", fg="red")
        who = f"{worker.host}:{worker.pid} {worker.user}".rstrip()
        since = f"since {report.time_text(worker.started)} UTC"
        tables = ", ".join(map(to_camel_case, worker.tables))
        at = f"{tables}  {_at_work(worker.current_key)}".rstrip()
        lines.append(f"{state}  {who}  {report.dim(since)}  {at}")
    alive = sum(worker.alive for worker in workers)
    head = f"\n{alive} worker{'s' * (alive != 1)} alive" if workers else f"\n{report.dim('no workers')}"
    return [head, *lines]


def _at_work(told: Any) -> str:
    """Return what a worker makes now, as far as it says."""
    return report.clip(f"now {report.key_text(told)}", 200) if told and hasattr(told, "items") else ""
