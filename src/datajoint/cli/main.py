"""`dj`: the group of commands, each loaded when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn, cast

import click

from datajoint.cli import options, report
from datajoint.errors import DataJointError
from datajoint.version import __version__

__all__ = ["cli", "main", "run"]

_COMMANDS = {
    "Look": {
        "status": "How far tables are, and who works on them.",
        "jobs": "The job queue of a table.",
        "errors": "What has failed, errors of one kind together.",
        "describe": "The definition of a table.",
        "diagram": "The tables, and what refers to what.",
        "stale": "Rows whose inputs or code have changed, and why.",
        "why": "What has changed for a row, in words, row by row and line by line.",
        "lineage": "Where a row comes from: who made it, from which rows.",
    },
    "Compute": {
        "populate": "Compute what is missing, in order.",
        "worker": "Compute whatever comes, until it is stopped.",
        "retry": "Let failed jobs be made again.",
        "cancel": "Stop what is being made.",
        "verify": "Make stored rows afresh, and compare; with the code of any commit.",
    },
    "Keep": {
        "history": "What old versions of rows take; forget some.",
        "gc": "Objects in stores that no row refers to; delete them.",
        "doctor": "Which release wrote each schema, and what does not work.",
        "migrate": "What an upgrade of an older schema would change.",
    },
    "Change": {
        "plan": "How tables differ from their classes.",
        "apply": "Change tables to what their classes define.",
    },
    "Work": {
        "config": "The settings, and where they come from.",
        "learn": "Check exercises of the course.",
        "shell": "A Python prompt with `dj` and schemas; what `dj` alone does.",
    },
}
"""Commands by section; each is `command` of the module of its name."""

_INTERRUPTED = 130


def load(name: str) -> click.Command:
    """Import a command.

    Examples
    --------
    >>> load("status").name
    'status'
    """
    return cast("click.Command", import_module(f"datajoint.cli.commands.{name}").command)


class _Commands(click.Group):
    """A group that imports a command when it is called; the help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in _COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise click.exceptions.NoSuchCommand(name, possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, options.spread(args))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in _COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()), col_max=12)


@click.group(
    cls=_Commands, invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]…",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`dj COMMAND --help` tells more. The database is that of datajoint.json or of DJ_HOST, DJ_USER, "
    "DJ_PASS, DJ_BACKEND; with nothing configured it is the file datajoint.db.",
)  # fmt: skip
@click.version_option(__version__, "-V", "--version", prog_name="DataJoint", message="%(prog)s %(version)s")
@options.schemas_option
@options.connection_options
@click.pass_context
def cli(ctx: click.Context, schemas: tuple[str, ...]) -> None:
    """DataJoint: pipelines of data and computations on relational databases."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = schemas
    elif sys.stdin is not None and sys.stdin.isatty():
        ctx.invoke(load("shell"), schemas=schemas)
    else:
        report.say(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the program."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status: 0, 1 for an error, 2 where something is left to do.

    Examples
    --------
    >>> run(["--version"])
    DataJoint 3...
    0
    """
    try:
        result: Any = cli.main(list(arguments), prog_name="dj", standalone_mode=False, color=_colour())
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return 1
    except DataJointError as error:
        report.show_error(error)
        return 1
    except (KeyboardInterrupt, click.Abort):
        report.say("stopped", err=True)
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return result if isinstance(result, int) else 0


def _colour() -> bool | None:
    """Whether to write colours; None for: on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None
