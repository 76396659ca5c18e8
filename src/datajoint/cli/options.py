"""Options that several commands share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

import datajoint
from datajoint.errors import ConfigurationError, UnknownAttributeError, nearest

__all__ = ["CONFIG_FILES", "chosen_key", "config_option", "connection_options", "json_option", "read_key",
           "schemas_option", "spread", "store_option", "targets"]  # fmt: skip

CONFIG_FILES = "datajoint.config_files"
"""Where a context keeps which files were read."""

F = TypeVar("F", bound=Callable[..., Any])


def _load(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta.setdefault(CONFIG_FILES, []).append(os.path.abspath(value))
        datajoint.config.load(value)


def _set(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        datajoint.config.update({f"database.{parameter.name}": value})


config_option = click.option(
    "--config", metavar="FILE", is_eager=True, expose_value=False, callback=_load,
    help="Settings to read over those of datajoint.json.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
store_option = click.option(
    "--store",
    "stores",
    metavar="NAME",
    multiple=True,
    help="A store of the settings, by default all; may be repeated.",
)
schemas_option = click.option(
    "-s", "--schemas", metavar="DB:ALIAS", multiple=True,
    help="A schema to have at the prompt, under another name if given; several may follow.",
)  # fmt: skip


def connection_options(command: F) -> F:
    """Add the options that name the database."""
    for option in (
        click.option("--host", metavar="HOST[:PORT]", expose_value=False, callback=_set, help="The server."),
        click.option("-p", "--password", expose_value=False, callback=_set, help="Its password."),
        click.option("-u", "--user", expose_value=False, callback=_set, help="The database user."),
        config_option,
    ):
        command = option(command)
    return command


def targets(*, required: bool = False) -> Callable[[F], F]:
    """Add the arguments that name tables, and ``--schema``."""

    def demand(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
        if required and not value and not ctx.params.get("schemas"):
            raise click.UsageError("Name the module of a pipeline, or a table of it: module:Table.", ctx)
        return value

    def add(command: F) -> F:
        shown = "TARGET…" if required else "[TARGET]…"
        argument = click.argument("targets", nargs=-1, metavar=shown, callback=demand)
        schema = click.option("--schema", "schemas", metavar="NAME", multiple=True, is_eager=True,
                              help="A schema of the database; may be repeated.")  # fmt: skip
        return argument(schema(command))

    return add


def spread(arguments: Sequence[str]) -> list[str]:
    """Let one ``-s`` stand before several schemas.

    Examples
    --------
    >>> spread(["-s", "lab:l", "rig:r", "shell"])
    ['-s', 'lab:l', '-s', 'rig:r', 'shell']
    """
    found: list[str] = []
    for argument in arguments:
        follows = len(found) > 1 and found[-2] in ("-s", "--schemas")
        if follows and ":" in argument and not argument.startswith("-"):
            found.append(found[-2])
        found.append(argument)
    return found


def read_key(pairs: Sequence[str]) -> dict[str, Any]:
    """Read conditions of the form ``name=value``, or JSON objects.

    Examples
    --------
    >>> read_key(["subject_id=3", "note=a=b", '{"day": 2}'])
    {'subject_id': '3', 'note': 'a=b', 'day': 2}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        if pair.lstrip().startswith("{"):
            found |= _read_object(pair)
            continue
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"`{pair}` is no condition.", hint="Write --key name=value.")
        found[name.strip()] = value
    return found


def _read_object(text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{text} is no JSON: {error}.", hint="Write name=value … instead.") from None


def chosen_key(jobs: Any, pairs: Sequence[str], everything: bool) -> dict[str, Any]:
    """Return the conditions of ``--key``; without any, ``--all`` must have been given.

    Raises
    ------
    UnknownAttributeError
        When one is not of the key of the jobs.
    """
    if bool(pairs) == everything:
        raise click.UsageError("Say which: --key NAME=VALUE, or --all.")
    key = read_key(pairs)
    if unknown := [name for name in key if jobs.is_declared and name not in jobs.primary_key]:
        raise UnknownAttributeError(
            f"`{unknown[0]}` is not in the key of the jobs of `{jobs.target.class_name}`.",
            hint=nearest(unknown[0], jobs.primary_key) or f"It is {', '.join(jobs.primary_key)}.",
        )
    return key
