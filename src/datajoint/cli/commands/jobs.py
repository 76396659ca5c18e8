"""`dj jobs`: the job queue of a table."""

from __future__ import annotations

from typing import Any, cast

import click

from datajoint.cli import options, report
from datajoint.cli.targets import computed, find_table
from datajoint.jobs.jobs import Jobs
from datajoint.sql.system_tables.jobs import STATUSES

__all__ = ["command"]

_COLORS = {"reserved": "cyan", "error": "red", "success": "green"}
_COLUMNS = (
    "status",
    "priority",
    "scheduled_time",
    "reserved_time",
    "completed_time",
    "host",
    "pid",
    "error_message",
)


@click.command("jobs")
@click.argument("table")
@click.option("--schema", "schemas", metavar="NAME", multiple=True, help="Where to look for the table.")
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only these; may be repeated.")
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    metavar="N",
    help="The most jobs to list.",
)
@click.option("--refresh", is_flag=True, help="Bring the queue up to date first.")
@options.json_option
@options.config_option
def command(
    table: str, schemas: tuple[str, ...], status: tuple[str, ...], limit: int, refresh: bool, as_json: bool
) -> int:
    """Show the job queue of a table, next jobs first.

    TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name.
    """
    jobs = computed(find_table(table, schemas), "has jobs").jobs
    changes = jobs.refresh() if refresh else None
    if not jobs.is_declared:
        counts, rows = {**dict.fromkeys(STATUSES, 0), "total": 0}, cast("list[dict[str, Any]]", [])
    else:
        counts, rows = jobs.progress(), _rows(jobs, status, limit)
    if as_json:
        report.write_json(
            {"table": str(jobs.target.name), "counts": counts, "refreshed": changes, "jobs": rows}
        )
        return 0
    _write_counts(jobs, counts)
    if changes:
        report.say(report.dim("refreshed: " + ", ".join(f"{n} {what}" for what, n in changes.items())))
    if rows:
        _write_rows(jobs, rows)
        shown = sum(counts[s] for s in status or STATUSES)
        if shown > len(rows):
            report.say(report.dim(f"… and {shown - len(rows)} more: --limit"))
    return 0


def _rows(jobs: Jobs, status: tuple[str, ...], limit: int) -> list[dict[str, Any]]:
    found: Any = jobs & [{"status": s} for s in status] if status else jobs
    return found.proj(*_COLUMNS).to_dicts(order_by=["priority", "scheduled_time"], limit=limit)


def _write_counts(jobs: Jobs, counts: dict[str, int]) -> None:
    told = [
        click.style(f"{counts[s]} {s}", fg=_COLORS.get(s)) if counts[s] else report.dim(f"0 {s}")
        for s in STATUSES
    ]
    report.say(f"{click.style(jobs.target.class_name, bold=True)}  {'  '.join(told)}")
    if not jobs.is_declared:
        report.say(
            report.dim(
                "no queue yet: it is made by populate(reserve_jobs=True), dj worker, dj jobs --refresh"
            )
        )


def _write_rows(jobs: Jobs, rows: list[dict[str, Any]]) -> None:
    names = jobs.primary_key
    table = [
        [*(row[name] for name in names), click.style(row["status"], fg=_COLORS.get(row["status"])),
         row["priority"], _when(row), _note(row)]
        for row in rows
    ]  # fmt: skip
    report.say()
    report.write_columns([*names, "status", "priority", "since", ""], table, right=[len(names) + 1])


def _when(row: dict[str, Any]) -> str:
    times = {"reserved": "reserved_time", "error": "completed_time", "success": "completed_time"}
    return report.time_text(row[times.get(row["status"], "scheduled_time")])


def _note(row: dict[str, Any]) -> str:
    if row["status"] == "reserved":
        return f"{row['host']}:{row['pid']}"
    return report.clip(row["error_message"], 500)
