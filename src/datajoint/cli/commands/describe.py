"""`dj describe`: the definition of a table."""

from __future__ import annotations

import click

from datajoint.cli import options, report
from datajoint.cli.targets import find_table

__all__ = ["command"]


@click.command("describe")
@click.argument("table")
@click.option("--schema", "schemas", metavar="NAME", multiple=True, help="Where to look for the table.")
@options.json_option
@options.config_option
def command(table: str, schemas: tuple[str, ...], as_json: bool) -> int:
    """Write the definition of a table as the database has it.

    TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name.
    """
    found = find_table(table, schemas)
    text = found.describe().strip()
    if as_json:
        key = list(found.primary_key)
        told = {"table": str(found.name), "tier": found.name.tier, "primary_key": key, "definition": text}
        report.write_json(told)
    else:
        report.say(text)
    return 0
