"""`dj populate`: compute what is missing."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import find_tables, makeable
from datajoint.compute.pipeline.result import PipelineResult
from datajoint.compute.pipeline.run import populate
from datajoint.errors import ComputeError, DataJointError
from datajoint.table.table import Table

__all__ = ["command"]

_FAILED = 2


@click.command("populate")
@options.targets(required=True)
@click.option("--key", "pairs", metavar="NAME=VALUE", multiple=True, help="Only keys with this value.")
@click.option("--where", "conditions", metavar="CONDITION", multiple=True,
              help="Only keys that fulfil a condition, such as 'subject_id < 10'.")  # fmt: skip
@click.option("-n", "--processes", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="How many processes compute.")  # fmt: skip
@click.option("--max-calls", type=click.IntRange(0), metavar="N", help="The most keys to make.")
@click.option("--stale", is_flag=True, help="Make rows again that are stale, instead of those missing.")
@click.option("--no-reuse", is_flag=True, help="Compute even what was computed before from the same inputs.")
@click.option(
    "--yes",
    is_flag=True,
    help="With --stale: delete rows of other tables that depend on rows not made any more.",
)
@click.option("--direct", is_flag=True, help="Without the job queue: errors are shown, but not kept.")
@click.option("--stop", is_flag=True, help="Stop at the first error.")
@click.option("-q", "--quiet", is_flag=True, help="Without progress.")
@options.json_option
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], pairs: tuple[str, ...], conditions: tuple[str, ...],
    processes: int, max_calls: int | None, stale: bool, no_reuse: bool, yes: bool, direct: bool, stop: bool,
    quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Compute what is missing in some tables, each key as soon as what it is made from is there.

    A TARGET is a module of your pipeline, or one table of it: `module:Table`. Several processes, on several
    machines, may do so at once: they share the keys by the job queue. Exits with 2 where keys have failed.
    """
    tables = makeable(find_tables(targets, schemas))
    key = options.read_key(pairs)
    how = {
        "restrictions": [*([key] if key else []), *conditions], "suppress_errors": not stop,
        "max_calls": max_calls, "reserve_jobs": not direct, "processes": processes,
        "display_progress": not (quiet or as_json), "stale": stale, "prompt": False if yes else None,
    }  # fmt: skip
    if not stale:
        how["reuse"] = False if no_reuse else None
    result = _run(tables, how)
    waiting = {} if direct or stale else {str(table.name): _count_errors(table) for table in tables}
    if as_json:
        report.write_json([_plain(table, waiting) for table in result])
    else:
        _write(result, waiting, quiet)
    return _FAILED if result.error_list or any(waiting.values()) else 0


def _run(tables: Sequence[Table], how: dict[str, Any]) -> PipelineResult:
    """Compute; what makes print does not mix with the result, and their errors come without our frames."""
    try:
        with redirect_stdout(sys.stderr):
            return populate(*tables, **how)
    except DataJointError:
        raise
    except Exception as error:  # noqa: BLE001 - of a make
        frame = traceback.extract_tb(error.__traceback__)[-1]
        notes = "".join(f", {note}" for note in getattr(error, "__notes__", ())[:1])
        place = f"{os.path.relpath(frame.filename)}:{frame.lineno}"
        raise ComputeError(f"{type(error).__name__}: {error}{notes} ({place}).") from None


def _count_errors(table: Any) -> int:
    return len(table.jobs.errors) if table.jobs.is_declared else 0


def _plain(table: Any, waiting: dict[str, int]) -> dict[str, Any]:
    return {
        "table": table.table, "made": table.success_count, "reused": table.reused_count,
        "failed": len(table.error_list), "skipped": table.skipped_count,
        "remaining": table.remaining, "failed_before": waiting.get(table.table, 0) - len(table.error_list),
        "errors": [{"key": key, "error": error} for key, error in table.error_list],
    }  # fmt: skip


def _write(result: PipelineResult, waiting: dict[str, int], quiet: bool) -> None:
    if not any(table.success_count or table.error_list or table.remaining for table in result):
        report.say("nothing to compute")
        return
    if sys.stderr.isatty() and not quiet:
        report.say()
    rows = [_row(table, waiting) for table in result]
    report.write_columns(("table", "made", "failed", "left", ""), rows, right=(1, 2, 3))
    failed = [table for table in result if table.error_list or waiting.get(table.table)]
    if failed:
        name = f"{failed[0].table.partition('.')[0]}:{failed[0].class_name}"
        more = f"dj errors {name}" if waiting else "see above; without --direct it is kept for dj errors"
        report.say(f"\n{report.dim('What failed:')} {more}")


def _row(table: Any, waiting: dict[str, int]) -> list[str]:
    failed = len(table.error_list)
    before = waiting.get(table.table, 0) - failed
    notes = [f"{table.reused_count} reused"] if table.reused_count else []
    notes += [f"{table.skipped_count} skipped"] if table.skipped_count else []
    notes += [f"{before} failed before, see dj retry"] if before > 0 else []
    shown = click.style(str(failed), fg="red") if failed else report.dim("·")
    left = str(table.remaining) if table.remaining else report.dim("·")
    made = str(table.success_count) if table.success_count else report.dim("·")
    return [table.class_name, made, shown, left, report.dim(", ".join(notes)) if notes else ""]
