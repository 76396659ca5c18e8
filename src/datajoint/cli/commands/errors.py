"""`dj errors`: what has failed, errors of one kind together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from datajoint._printed import printable
from datajoint.cli import options, report
from datajoint.cli.targets import computed, find_table, find_tables, is_computed
from datajoint.jobs.failures import Failure, log_of, stack_of
from datajoint.jobs.jobs import Jobs

__all__ = ["command"]


@click.command("errors")
@click.argument("table", required=False)
@click.option("--schema", "schemas", metavar="NAME", multiple=True, help="Where to look.")
@click.option("--key", "pairs", metavar="NAME=VALUE", multiple=True, help="Only keys with this value.")
@click.option("-v", "--verbose", is_flag=True, help="With traceback and output of an example.")
@options.json_option
@options.config_option
def command(
    table: str | None, schemas: tuple[str, ...], pairs: tuple[str, ...], verbose: bool, as_json: bool
) -> int:
    """Show what has failed, errors of one kind together, the most frequent first.

    TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name; without it all tables
    are looked at. Only errors of jobs are kept: those of workers and of `populate(reserve_jobs=True)`.
    """
    key = options.read_key(pairs)
    queues = _queues(table, schemas)
    found = [(jobs, failure) for jobs in queues for failure in jobs.failures(*([key] if key else []))]
    if as_json:
        report.write_json([_plain(jobs, failure, verbose) for jobs, failure in found])
        return 0
    if not found:
        report.say("no errors")
    for n, (jobs, failure) in enumerate(found):
        report.say("\n" if n else "", nl=False)
        _write(jobs, failure, verbose)
    if found:
        _write_next(found[0][0], found[0][1], verbose)
    return 0


def _queues(table: str | None, schemas: Sequence[str]) -> list[Jobs]:
    if table is not None and (table[:1].isupper() or ":" in table):
        return [computed(find_table(table, schemas), "has errors").jobs]
    pipelines = find_tables([table] if table else [], schemas)
    return [computed(t, "").jobs for pipeline in pipelines for t in pipeline.tables if is_computed(t)]


def _plain(jobs: Jobs, failure: Failure, verbose: bool) -> dict[str, Any]:
    told = {name: getattr(failure, name) for name in failure.__match_args__}
    if verbose:
        told |= {"stack": stack_of(jobs, failure.key), "log": log_of(jobs, failure.key)}
    return {**told, "table": str(jobs.target.name)}


def _write(jobs: Jobs, failure: Failure, verbose: bool) -> None:
    times = f"{failure.count} times" if failure.count > 1 else "once"
    report.say(f"{click.style(failure.table, bold=True)}  {click.style(times, fg='red')}")
    report.say(f"  {printable(failure.message) if verbose else report.clip(failure.message, 300)}")
    first, last = report.time_text(failure.first), report.time_text(failure.last)
    when = last if first == last else f"{first} to {last}"
    where = f" on {', '.join(failure.hosts)}" if failure.hosts else ""
    report.say(f"  {report.dim(f'{when}{where}')}")
    report.say(f"  {report.dim('for example')} {report.key_text(failure.key)}")
    if verbose:
        _write_text("", printable(report.folded(stack_of(jobs, failure.key))))
        _write_text("printed:", log_of(jobs, failure.key))


def _write_text(title: str, text: str) -> None:
    if text:
        report.say(f"\n    {report.dim(title)}" if title else "")
        report.say("\n".join(f"    {line}" for line in text.rstrip().splitlines()))


def _write_next(jobs: Jobs, failure: Failure, verbose: bool) -> None:
    name = f"{jobs.target.database}:{failure.table}"
    more = "" if verbose else "dj errors -v: with tracebacks.  "
    report.say(f"\n{report.dim(f'{more}dj retry {name} --all: make them again.')}")
