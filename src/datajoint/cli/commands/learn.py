"""`dj learn`: the exercises of the course."""

from __future__ import annotations

import click

from datajoint.cli import exercises, options, report
from datajoint.cli.targets import find_tables

__all__ = ["command"]

_MISSING = 2


@click.group("learn")
def command() -> None:
    """Work through the course: check exercises."""


@command.command("check")
@click.argument("exercise", type=click.IntRange(1, max(exercises.EXERCISES)), metavar="N")
@click.argument("module", default="lab")
@options.config_option
def _check(exercise: int, module: str) -> int:
    """Check exercise N of the course, and say what is missing.

    MODULE is the module with your tables, without .py; `lab` where none is named. The exit status is 2 where
    something is missing.
    """
    asked = exercises.EXERCISES[exercise]
    report.say(click.style(f"Exercise {exercise}: {asked.title}", bold=True))
    missing = ""
    for step, missing in exercises.check(asked, find_tables([module])[0]):
        mark = click.style("✗", fg="red") if missing else click.style("✓", fg="green")
        report.say(f"  {mark} {step}")
    report.say(f"\n{missing}" if missing else "\nAll done.")
    return _MISSING if missing else 0
