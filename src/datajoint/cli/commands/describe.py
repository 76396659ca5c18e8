"""`dj describe`: the definition of a table."""

from __future__ import annotations

from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import NoSingleTableError, find_table, find_tables
from datajoint.table.table import Table

__all__ = ["command"]


@click.command("describe")
@click.argument("table")
@click.option("--schema", "schemas", metavar="NAME", multiple=True, help="Where to look for the table.")
@options.json_option
@options.config_option
def command(table: str, schemas: tuple[str, ...], as_json: bool) -> int:
    """Write the definition of a table as the database has it, or those of all tables.

    TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name; or a module of your
    pipeline, or a schema of the database.
    """
    try:
        found = find_table(table, schemas)
    except NoSingleTableError:
        tables = [one for pipeline in find_tables([table]) for one in pipeline.tables]
        every = [one for master in tables for one in (master, *master.parts(as_objects=True))]
        if as_json:
            report.write_json([_plain(one) for one in every])
        else:
            report.say("\n\n".join(f"{report.dim(_title(one))}\n{one.describe().strip()}" for one in every))
        return 0
    if as_json:
        report.write_json(_plain(found))
    else:
        report.say(found.describe().strip())
    return 0


def _title(table: Table) -> str:
    return f"== {table.class_name}  {table.name.tier} =="


def _plain(table: Table) -> dict[str, Any]:
    return {
        "table": str(table.name), "tier": table.name.tier, "primary_key": list(table.primary_key),
        "definition": table.describe().strip(),
    }  # fmt: skip
