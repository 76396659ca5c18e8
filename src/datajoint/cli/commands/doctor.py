"""`dj doctor`: which generation wrote what, and what does not work."""

from __future__ import annotations

import click

from datajoint.cli import options, report
from datajoint.cli.targets import find_schemas
from datajoint.errors import DataJointError
from datajoint.migrate import generations
from datajoint.schemas.schema import Schema

__all__ = ["command", "opened"]


@click.command("doctor")
@options.targets()
@options.json_option
@options.config_option
def command(targets: tuple[str, ...], schemas: tuple[str, ...], as_json: bool) -> int:
    """Show which release of DataJoint wrote each schema, and what in it does not work, and why.

    Named are types that no release knows, codecs and stores that are missing, columns left half migrated,
    queues of an unknown layout, and lineage that is missing or contradicts the foreign keys. Nothing is
    changed. A TARGET is a module of your pipeline or a schema of the database; without one, all schemas are
    shown. The exit status is 2 where something is named.
    """
    reports = [generations.examine(schema) for schema in opened(targets, schemas, "Schemas are examined")]
    if as_json:
        report.write_json(
            [
                {
                    "schema": one.schema, "generation": one.generation, "tables": one.tables,
                    "left": list(one.left), "findings": [vars_of(f) for f in one.findings],
                }
                for one in reports
            ]
        )  # fmt: skip
    else:
        rows = [(one.schema, one.generation or "empty", _counts(one), ", ".join(one.left)) for one in reports]
        report.write_columns(("schema", "written by", "tables", "of 0.14, not used"), rows, ())
        for one in reports:
            for found in one.findings:
                report.say(f"{found.where}: {found.text}")
    return 2 if any(one.findings for one in reports) else 0


def opened(targets: tuple[str, ...], schemas: tuple[str, ...], what: str) -> list[Schema]:
    """Return the schemas that are meant, activated; nothing is created.

    Raises
    ------
    DataJointError
        The database has no schema.
    """
    found = [
        Schema(name, connection=connection, create_schema=False, create_tables=False)
        for connection, name in find_schemas(targets, schemas, what)
    ]
    if not found:
        raise DataJointError("The database has no schema.")
    return found


def vars_of(value: generations.Finding) -> dict[str, str]:
    """Return a finding as JSON has it.

    Examples
    --------
    >>> vars_of(generations.Finding("lab.scan", "is empty"))
    {'where': 'lab.scan', 'text': 'is empty'}
    """
    return {"where": value.where, "text": value.text}


def _counts(one: generations.SchemaReport) -> str:
    return ", ".join(f"{count:,} of {name}" for name, count in sorted(one.tables.items()))
