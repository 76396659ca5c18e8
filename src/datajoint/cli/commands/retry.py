"""`dj retry`: let failed jobs be made again."""

from __future__ import annotations

import click

from datajoint.cli import options, report
from datajoint.cli.targets import computed, find_table

__all__ = ["command"]


@click.command("retry")
@click.argument("table")
@click.option("--schema", "schemas", metavar="NAME", multiple=True, help="Where to look for the table.")
@click.option("--key", "pairs", metavar="NAME=VALUE", multiple=True,
              help="Those with this value in the key; several must all hold.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All that have failed.")
@options.json_option
@options.config_option
def command(
    table: str, schemas: tuple[str, ...], pairs: tuple[str, ...], everything: bool, as_json: bool
) -> int:
    """Let jobs that have failed be made again, by the next worker or populate(reserve_jobs=True).

    TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name.
    """
    jobs = computed(find_table(table, schemas), "has jobs").jobs
    key = options.chosen_key(jobs, pairs, everything)
    count = jobs.retry(*([key] if key else [])) if jobs.is_declared else 0
    if as_json:
        report.write_json({"table": str(jobs.target.name), "pending": count})
    else:
        report.say(f"{count} job{'s' * (count != 1)} of {jobs.target.class_name} pending again")
    return 0
