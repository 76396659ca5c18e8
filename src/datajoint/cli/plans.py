"""Plans on the command line: the tables that they compare, and how they are shown."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import datajoint
from datajoint.cli import report
from datajoint.cli.targets import Pipeline, find_tables, with_code
from datajoint.errors import ConfigurationError, DataJointWarning
from datajoint.evolve.plan import Plan, Step
from datajoint.schemas.lookup import as_found
from datajoint.table.prompt import bytes_text
from datajoint.table.table import Table

__all__ = ["compared", "show"]


def compared(modules: Sequence[str]) -> list[Table]:
    """Return the tables of modules that are compared with their classes; importing them declares nothing.

    Raises
    ------
    ConfigurationError
        When one is no module, or they use different databases.
    """
    if not modules:
        raise ConfigurationError("No module is named.", hint="Name the module that defines your tables.")
    settings = {"database.create_tables": False, "declare.drift": "warn"}
    with datajoint.config.override(settings), as_found(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DataJointWarning)  # the plan says it
        pipelines = find_tables(modules)
        tables = [table for pipeline in pipelines for table in _of(pipeline)]
    if len({id(table.connection) for table in tables}) > 1:
        raise ConfigurationError(
            "These modules use different databases.", hint="Plan for one database after the other."
        )
    return list({table.name: table for table in tables}.values())


def _of(pipeline: Pipeline) -> list[Table]:
    if pipeline.module is None:
        raise ConfigurationError(
            f"`{pipeline.schemas[0]}` is a schema of the database; a plan compares it with code.",
            hint="Name the module that defines its tables.",
        )
    return with_code(pipeline)


def show(plan: Plan) -> None:
    """Write a plan, table by table."""
    for step in plan.steps:
        report.say(f"{step.table.class_name}{report.dim(_summary(step))}")
        for line in step.changes if step.kind == "alter" else ():
            report.say(f"  {line}")
        if step.loses:
            report.say(f"  values of `{'`, `'.join(step.loses)}` stay only in history, where it is kept")
        if step.readers:
            report.say(report.dim(f"  {', '.join(step.readers)} read from it; stored results stay valid"))
        if step.problem:
            report.say(f"  cannot be carried out: {step.problem}")
            report.say(report.dim(f"  {step.hint}") if step.hint else "")


def _summary(step: Step) -> str:
    if step.kind == "create" or step.problem:
        return "  new" if step.kind == "create" else ""
    size = f", {bytes_text(step.size)}" if step.size is not None else ""
    copies = "; all are copied" if step.copies and step.rows else ""
    return f"  {step.rows:,} row{'s' * (step.rows != 1)}{size}{copies}; {step.lock}"
