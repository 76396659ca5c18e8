"""`dj lineage`: where rows come from."""

from __future__ import annotations

from pathlib import Path

import click

from datajoint.cli import options, report, rows
from datajoint.diagram.lineage import picture_of
from datajoint.diagram.render import dot, mermaid, svg
from datajoint.errors import ConfigurationError
from datajoint.provenance.tracing.lineage import Lineage, lineage
from datajoint.provenance.tracing.tree import as_text

__all__ = ["command"]

_FORMATS = ("text", "mermaid", "svg", "dot", "json")
_ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".dot": "dot", ".json": "json", ".txt": "text"}


@click.command("lineage")
@rows.arguments
@click.option("--depth", type=click.IntRange(0), metavar="N", help="So many steps upwards; default is all.")
@click.option("--downstream", is_flag=True, help="What was made from the rows, too.")
@click.option("-f", "--format", "form", type=click.Choice(_FORMATS), help="Default is text.")
@click.option("-o", "--output", metavar="FILE", help="Write a file; .svg, .mmd, .dot, .json by its name.")
@options.json_option
@options.config_option
def command(
    table: str, key: tuple[str, ...], schemas: tuple[str, ...], depth: int | None, downstream: bool,
    form: str | None, output: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Tell where rows come from: who made them, from which rows, and so on upwards.

    TABLE is `module:Table`, `schema:Table`, or `Table` where only one has that name; the rows are those with
    the values given: `subject_id=1 session=2`, or a JSON object. Up to 20 are told of.
    """
    found = lineage(rows.chosen(table, key, schemas), depth, downstream)
    form = "json" if as_json else form or _form_of(output)
    if output is not None:
        Path(output).write_text(_written(found, form), encoding="utf-8")
        report.say(output, err=True)
    elif form == "text":
        for line in as_text(found.rows, found.downstream, rows.style).splitlines():
            report.say(report.fitted(line))
    else:
        report.say(_written(found, form).rstrip())
    return 0


def _form_of(output: str | None) -> str:
    if output is None:
        return "text"
    form = _ENDINGS.get(Path(output).suffix.lower())
    if form is None:
        raise ConfigurationError(
            f"The name of `{output}` does not say what to write.",
            hint=f"It ends in {', '.join(_ENDINGS)}, or give --format.",
        )
    return form


def _written(found: Lineage, form: str) -> str:
    if form == "json":
        return report.json_text(found.as_dict()) + "\n"
    if form == "text":
        return as_text(found.rows, found.downstream) + "\n"
    return {"dot": dot.render, "mermaid": mermaid.render, "svg": svg.render}[form](picture_of(found))
