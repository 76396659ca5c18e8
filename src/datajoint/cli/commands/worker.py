"""`dj worker`: compute whatever comes."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from types import ModuleType
from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import database_text, find_tables, makeable
from datajoint.compute.pipeline.status import progress_of
from datajoint.compute.progress import Meter
from datajoint.compute.progress_display import duration
from datajoint.make.task import FAILED, MakeOutcome
from datajoint.reactions.base import Reaction
from datajoint.table.table import Table
from datajoint.workers.worker import Worker

__all__ = ["command"]

_FAILED = 2
_LOOK_SECONDS = 1.0


@click.command("worker")
@options.targets(required=True)
@click.option("-n", "--concurrency", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="How many keys are made at a time, each in a process of its own.")  # fmt: skip
@click.option("--drain", is_flag=True, help="End as soon as nothing is left to do.")
@click.option(
    "--max-idle", type=click.FloatRange(0), metavar="SECONDS", help="End after so long without work."
)
@click.option("--max-calls", type=click.IntRange(0), metavar="N", help="End after so many keys.")
@click.option("--poll", type=click.FloatRange(0.1), default=10.0, show_default=True, metavar="SECONDS",
              help="Look at the tables so often, though nothing seems to have changed.")  # fmt: skip
@click.option("--stale", is_flag=True, help="Make rows again, too, that are stale.")
@click.option("--priority", type=int, metavar="N", help="Only jobs at least so urgent.")
@click.option("--grace", type=click.FloatRange(0), default=20.0, show_default=True, metavar="SECONDS",
              help="Time for what runs to finish when it is stopped.")  # fmt: skip
@click.option("--executor", metavar="NAME", help="What computes: local, processes, or one that is installed.")
@click.option("--no-reuse", is_flag=True, help="Compute even what was computed before from the same inputs.")
@click.option("--health-file", metavar="FILE", help="A file that says every second how the worker is.")
@click.option("--port", metavar="[HOST:]PORT", help="Where /health and /metrics can be asked.")
@click.option("--json-logs", is_flag=True, help="Log lines of JSON, of every key.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing but errors.")
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], concurrency: int, drain: bool,
    max_idle: float | None, max_calls: int | None, poll: float, stale: bool, priority: int | None,
    grace: float, executor: str | None, no_reuse: bool, health_file: str | None, port: str | None,
    json_logs: bool, quiet: bool,
) -> int:  # fmt: skip
    """Compute whatever inserts make possible, in order, until Ctrl-C or SIGTERM.

    A TARGET is a module of your pipeline, or one table of it: `module:Table`. Sensors, schedules, rules and
    hooks that are found in a module are at work, too. Any number of workers, on any machines, share the keys.
    """
    pipelines = find_tables(targets, schemas)
    tables = makeable(pipelines)
    reactions = reactions_in(pipeline.module for pipeline in pipelines)
    lines = _Lines(tables, live=not quiet and not json_logs and sys.stderr.isatty())
    worker = Worker(
        *tables, concurrency=concurrency, poll=poll, priority=priority, grace=grace, executor=executor,
        reactions=[*reactions, lines], health_file=health_file, listen=port, json_logs=json_logs, stale=stale,
        reuse=False if no_reuse else None,
    )  # fmt: skip
    lines.worker = worker
    if not quiet:
        _say(tables, reactions)
    started = time.monotonic()
    try:
        with redirect_stdout(sys.stderr):
            made = worker.run(until_done=drain, max_idle=max_idle, max_calls=max_calls)
    finally:
        lines.close()
    if not quiet:
        failed = f", {lines.failed} failed" if lines.failed else ""
        report.say(f"{made} made{failed} in {duration(time.monotonic() - started)}", err=True)
    return _FAILED if drain and lines.failed else 0


def reactions_in(modules: Iterable[ModuleType | None]) -> list[Reaction]:
    """Return the sensors, schedules, rules and hooks of some modules.

    Examples
    --------
    >>> reactions_in([None])
    []
    """
    found: dict[int, Reaction] = {}
    for module in modules:
        for value in vars(module).values() if module is not None else ():
            if (
                not isinstance(value, type)
                and callable(getattr(value, "tick", None))
                and hasattr(value, "on_outcome")
            ):
                found[id(value)] = value
    return list(found.values())


def _say(tables: Sequence[Table], reactions: Sequence[Reaction]) -> None:
    names = ", ".join(table.class_name for table in tables)
    report.say(
        f"{click.style(names, bold=True)}  {report.dim(database_text(tables[0].connection))}", err=True
    )
    for reaction in reactions:
        report.say(f"  {reaction!r}", err=True)
    report.say(report.dim("Ctrl-C ends it after what runs; a second one at once."), err=True)


class _Lines:
    """Shows a line for each table while the worker runs."""

    def __init__(self, tables: Sequence[Table], *, live: bool) -> None:
        self._tables, self._live = tables, live
        self._meter: Meter | None = None
        self.worker: Worker | None = None
        self.failed = 0

    def tick(self, now: float) -> float | None:
        """Count what is left."""
        if not self._live:
            return None
        progress = progress_of(self._tables)
        remaining = {t.name: p.remaining for t, p in zip(self._tables, progress, strict=True)}
        if self._meter is None:
            self._meter = Meter(remaining)
        self._meter.update(remaining, self._running())
        return _LOOK_SECONDS

    def _running(self) -> Any:
        told: list[dict[str, Any]] = self.worker.status()["running"] if self.worker is not None else []
        counts = Counter(str(one["table"]) for one in told)
        return {table.name: counts[str(table.name)] for table in self._tables}

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Count what was made."""
        self.failed += outcome.status == FAILED
        if self._meter is not None:
            self._meter.note(outcome)

    def close(self) -> None:
        """Show the end."""
        if self._meter is not None:
            self._meter.close()
