"""`dj migrate`: what an upgrade of an older schema would change; nothing is changed."""

from __future__ import annotations

import click

from datajoint.cli import options, report
from datajoint.cli.commands.doctor import opened
from datajoint.migrate import plan as plans
from datajoint.table.prompt import bytes_text

__all__ = ["command"]


@click.command("migrate")
@options.targets()
@options.json_option
@options.config_option
def command(targets: tuple[str, ...], schemas: tuple[str, ...], as_json: bool) -> int:
    """Show what an upgrade of schemas of older releases would change: steps, rows, bytes.

    Each step says what clients of older releases lose by it. Nothing is changed: all that is listed is read
    and written in place as it is. A TARGET is a module of your pipeline or a schema of the database; without
    one, all schemas are shown.
    """
    found = {
        schema.database: plans.plan(schema) for schema in opened(targets, schemas, "Upgrades are planned")
    }
    if as_json:
        report.write_json(
            {
                name: [
                    {
                        "kind": step.kind, "where": step.where, "change": step.change, "rows": step.rows,
                        "size": step.size, "loses": step.loses, "note": step.note,
                    }
                    for step in steps
                ]
                for name, steps in found.items()
            }
        )  # fmt: skip
        return 0
    steps = [step for each in found.values() for step in each]
    if not steps:
        report.say("nothing to upgrade")
        return 0
    rows = [(s.where, s.change, f"{s.rows:,}", bytes_text(s.size) if s.size else "") for s in steps]
    report.write_columns(("where", "change", "rows", "size"), rows, (2, 3))
    for loss in dict.fromkeys(step.loses for step in steps if step.loses):
        report.say(report.dim(f"{', '.join(sorted({s.kind for s in steps if s.loses == loss}))}: {loss}"))
    for step in steps:
        if step.note:
            report.say(f"{step.where}: {step.note}")
    report.say(report.dim("nothing was changed"))
    return 0
