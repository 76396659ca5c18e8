"""`dj cancel`: stop what is being made."""

from __future__ import annotations

from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import computed, find_table

__all__ = ["command"]


@click.command("cancel")
@click.argument("table")
@click.option("--schema", "schemas", metavar="NAME", multiple=True, help="Where to look for the table.")
@click.option("--key", "pairs", metavar="NAME=VALUE", multiple=True,
              help="What has this value in the key; several must all hold.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All that runs.")
@click.option("--reason", default="", metavar="TEXT", help="To be told with it.")
@options.json_option
@options.config_option
def command(
    table: str, schemas: tuple[str, ...], pairs: tuple[str, ...], everything: bool, reason: str, as_json: bool
) -> int:
    """Stop the makes of some keys that run now, in whatever process on whatever machine.

    Their results are not stored, and their jobs are errors that say who has cancelled them: `dj retry` lets
    them be made again. TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name.
    """
    jobs = computed(find_table(table, schemas), "has jobs").jobs
    key = options.chosen_key(jobs, pairs, everything)
    running: list[dict[str, Any]] = []
    if jobs.is_declared:
        running = (jobs.reserved & key if key else jobs.reserved).keys()
    stopped = [one for one in running if jobs.cancel(one, reason)]
    if as_json:
        report.write_json({"table": str(jobs.target.name), "cancelled": stopped})
        return 0
    for one in stopped:
        report.say(f"{jobs.target.class_name} {report.key_text(one)} is stopped")
    if not stopped:
        report.say(f"nothing of that runs in {jobs.target.class_name}")
    return 0
