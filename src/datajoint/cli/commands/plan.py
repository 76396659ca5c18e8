"""`dj plan`: what differs between the code of a pipeline and its database; nothing is changed."""

from __future__ import annotations

import click

from datajoint.cli import options, plans, report
from datajoint.evolve.files import as_json, write_plan
from datajoint.evolve.plan import plan

__all__ = ["command"]

_CHANGES = 2


@click.command("plan")
@click.argument("modules", nargs=-1, required=True, metavar="MODULE…")
@click.option("-o", "--output", metavar="FILE", help="Keep the plan in a file, for dj apply.")
@click.option("--json", "is_json", is_flag=True, help="Write JSON.")
@options.config_option
def command(modules: tuple[str, ...], output: str | None, is_json: bool) -> int:
    """Show how the tables of a database differ from the classes of a pipeline; nothing is changed.

    For each table: the changes, its rows and bytes, who waits while it is changed, which results were
    computed from it. `dj apply` carries out what is shown. Exits with 2 where something differs.
    """
    found = plan(plans.compared(modules))
    if output is not None:
        write_plan(output, found, modules)
    if is_json:
        report.write_json(as_json(found, modules))
    elif not found.steps:
        report.say("the tables are as their classes define them")
    else:
        plans.show(found)
        report.say(report.dim(_next(modules, output, len(found.refused), len(found.steps))))
    return _CHANGES if found.steps else 0


def _next(modules: tuple[str, ...], output: str | None, refused: int, steps: int) -> str:
    if refused:
        return f"\n{refused} of {steps} changes cannot be carried out; nothing was changed"
    return f"\nnothing was changed; dj apply {output or ' '.join(modules)} carries it out"
