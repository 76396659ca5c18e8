"""`dj why`: why rows are stale or not."""

from __future__ import annotations

import click

from datajoint.cli import options, report, rows
from datajoint.cli.targets import computed
from datajoint.provenance.staleness.states import STALE
from datajoint.provenance.tracing.why import as_text, why

__all__ = ["command"]

_STALE = 2


@click.command("why")
@rows.arguments
@click.option("--exact", is_flag=True, help="Compare values, too: notices what other programs changed.")
@click.option("--check", is_flag=True, help="Exit with 2 where rows are stale.")
@options.json_option
@options.config_option
def command(
    table: str, key: tuple[str, ...], schemas: tuple[str, ...], exact: bool, check: bool, as_json: bool
) -> int:
    """Tell why rows are stale, possibly stale or fresh: what has changed, row by row and line by line.

    TABLE is `module:Table`, `schema:Table` (then its code is not known), or `Table` where only one has that
    name; the rows are those with the values given: `subject_id=1 session=2`, or a JSON object.
    """
    found = why(computed(rows.chosen(table, key, schemas), "is stale"), exact)
    if as_json:
        report.write_json([row.as_dict() for row in found])
    else:
        report.say(as_text(found, rows.style))
    return _STALE if check and any(row.state == STALE for row in found) else 0
