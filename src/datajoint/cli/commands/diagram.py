"""`dj diagram`: the tables of a pipeline and what refers to what."""

from __future__ import annotations

import sys

import click

from datajoint.cli import options, report
from datajoint.cli.targets import find_tables
from datajoint.diagram.diagram import Diagram
from datajoint.errors import ConfigurationError

__all__ = ["command"]

_FORMATS = ("text", "svg", "mermaid", "dot")


@click.command("diagram")
@options.targets()
@click.option("-f", "--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--stale", is_flag=True, help="Mark tables with stale rows, and say how many.")
@click.option("-o", "--output", metavar="FILE", help="Write a file; .svg, .png, .mmd, .dot by its name.")
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], form: str, stale: bool, output: str | None
) -> int:
    """Draw the tables of a pipeline, and what refers to what.

    A TARGET is a module of your pipeline, one table of it (`module:Table`), or a schema of the database.
    """
    tables = [table for pipeline in find_tables(targets, schemas) for table in pipeline.tables]
    if not tables:
        raise ConfigurationError("There are no tables to draw.")
    diagram = Diagram.from_sequence(tables).add_parts()
    diagram = diagram.with_stale() if stale else diagram
    if output is not None:
        try:
            diagram.save(output)
        except ImportError as error:
            raise ConfigurationError(str(error)) from None
        report.say(f"{output}: {len(tables)} tables", err=True)
        return 0
    match form:
        case "svg":
            text = diagram.svg_string()
        case "mermaid":
            text = diagram.make_mermaid()
        case "dot":
            text = diagram.make_dot()
        case _:
            encoding = (sys.stdout.encoding or "").lower()
            text = diagram.make_text(ascii=not encoding.startswith("utf"))
    report.say(text.rstrip())
    return 0
