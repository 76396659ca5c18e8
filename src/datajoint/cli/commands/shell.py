"""`dj shell`: a Python prompt with `dj` and the schemas that were named."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

import datajoint
from datajoint.cli import options, report
from datajoint.cli.targets import database_text, virtual_module
from datajoint.schemas.module import VirtualModule
from datajoint.version import __version__

__all__ = ["command"]


@click.command("shell")
@options.schemas_option
@options.config_option
@click.pass_context
def command(ctx: click.Context, schemas: tuple[str, ...]) -> None:
    """Start a Python prompt, that of IPython if it is installed.

    It knows `dj`, and each schema of `-s` as a module with a class for every table: `dj -s lab:l rig:r`.
    """
    schemas = (*(ctx.obj or ()), *schemas)
    names = {alias: virtual_module(name) for name, alias in _pairs(schemas)}
    lines = [f"DataJoint {__version__}" + (f" on {database_text()}" if names else "")]
    lines += [f"  {alias}  {', '.join(_classes(module)) or 'no tables'}" for alias, module in names.items()]
    _start({"dj": datajoint, **names}, "\n".join(lines))


def _pairs(schemas: Iterable[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for text in schemas:
        name, _, alias = text.partition(":")
        found.append((name, alias or name))
    return found


def _classes(module: VirtualModule) -> list[str]:
    return [name for name, value in module.__dict__.items() if isinstance(value, type)]


def _start(names: dict[str, Any], banner: str) -> None:
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("IPython") is None or not sys.stdin.isatty():
        _plain(names, banner)
        return
    report.say(banner)
    shell: Any = import_module("IPython")
    shell.start_ipython(argv=["--no-banner"], user_ns=names)


def _plain(names: dict[str, Any], banner: str) -> None:
    import code
    from contextlib import suppress

    with suppress(ImportError):  # no line editing on this system
        import readline
        import rlcompleter

        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    code.interact(banner, local=names, exitmsg="")
