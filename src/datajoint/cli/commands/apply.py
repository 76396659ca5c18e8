"""`dj apply`: change the tables of a database to what the classes of a pipeline define."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from datajoint.cli import options, plans, report
from datajoint.errors import ConfigurationError, DataJointError
from datajoint.evolve.apply import apply, check
from datajoint.evolve.files import read_plan
from datajoint.evolve.plan import Plan, plan
from datajoint.table import prompt
from datajoint.table.table import Table

__all__ = ["command"]


@click.command("apply")
@click.argument("targets", nargs=-1, required=True, metavar="FILE|MODULE…")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config_option
def command(targets: tuple[str, ...], yes: bool) -> int:
    """Change tables to what the classes of a pipeline define, as `dj plan` shows it.

    With the FILE of a plan, exactly what it holds is done; it is refused if code or tables have changed
    since it was made. If it was interrupted, the same command goes on.
    """
    shown, tables = _plan(targets)
    remaining = check(tables, shown)
    if not remaining.steps:
        report.say("the tables are as their classes define them")
        return 0
    plans.show(remaining)
    if not yes and not _agreed(tables[0]):
        return 1
    for step in apply(tables, remaining):
        report.say(f"{step.table.class_name}: {'declared' if step.kind == 'create' else 'altered'}")
    return 0


def _agreed(table: Table) -> bool:
    """Ask, unless the settings say that no question is asked."""
    try:
        asks = prompt.needs_answer(table.connection.config, None)
    except DataJointError as error:
        raise ConfigurationError(error.message, hint="Write dj apply --yes.") from None
    return not asks or prompt.ask("Change these tables?")


def _plan(targets: Sequence[str]) -> tuple[Plan, list[Table]]:
    """Return the plan of a file, or a new one of modules, with the tables."""
    if len(targets) == 1 and Path(targets[0]).is_file():
        shown, modules = read_plan(targets[0])
        return shown, plans.compared(modules)
    tables = plans.compared(targets)
    return plan(tables), tables
