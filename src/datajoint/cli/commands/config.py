"""`dj config`: the settings, and where they come from."""

from __future__ import annotations

import click

import datajoint
from datajoint.cli import options, report
from datajoint.settings.config import Config
from datajoint.settings.secret import masked
from datajoint.settings.values import DEFAULT

__all__ = ["command"]


@click.command("config")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--all", "everything", is_flag=True, help="Those too that nobody has set.")
@options.json_option
@options.config_option
def command(names: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Show the settings that were made, and where each comes from; passwords are not shown."""
    config: Config = datajoint.config
    chosen = names or tuple(n for n in config if everything or config.origin(n) != DEFAULT)
    found = {name: (masked(config[name], name), config.origin(name)) for name in chosen}
    if as_json:
        report.write_json(
            {name: {"value": value, "origin": origin} for name, (value, origin) in found.items()}
        )
    elif found:
        rows = [[name, repr(value), report.dim(origin)] for name, (value, origin) in found.items()]
        report.write_columns(("setting", "value", "from"), rows)
    else:
        report.say("nothing is set; --all shows the defaults")
    return 0
