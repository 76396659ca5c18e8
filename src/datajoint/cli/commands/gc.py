"""`dj gc`: objects of stores that no row refers to; `--delete` deletes them, in two steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import find_schemas
from datajoint.errors import ConfigurationError, DataJointError
from datajoint.gc import GarbageCollector
from datajoint.schemas.schema import Schema
from datajoint.table.prompt import bytes_text

__all__ = ["collectors", "command"]

_EXAMPLES = 5
"""Paths that are shown of each store."""


@click.command("gc")
@options.targets()
@options.store_option
@click.option("--delete", is_flag=True, help="Move them to quarantine, and delete what is there for a day.")
@click.option("--restore", is_flag=True, help="Move all that is in quarantine back to its place.")
@options.json_option
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], stores: tuple[str, ...], delete: bool, restore: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Show the objects in stores that no row refers to; delete them.

    Rows of all schemas are read, and old versions of rows too. Objects written less than an hour ago are left
    alone. A TARGET is a module of your pipeline or a schema of the database, whose objects are looked at;
    without one, those of all schemas.

    --delete works in two steps: an object goes to quarantine first, where rows still find it. A later run
    restores it if a row refers to it by then, and deletes it after a day. The exit status is 1 if an
    object or a table could not be read.
    """
    if delete and restore:
        raise click.UsageError("Give --delete or --restore, not both.")
    found = {one.store.name: one for one in collectors(targets, schemas, stores, "Garbage is collected")}
    if restore:
        return _restore(found, as_json)
    reports = {name: one.collect(dry_run=not delete) for name, one in found.items()}
    if as_json:
        report.write_json(reports)
    else:
        _write(reports, delete)
    return int(any(said["errors"] or said["scan_errors"] for said in reports.values()))


def collectors(
    targets: tuple[str, ...], schemas: tuple[str, ...], stores: tuple[str, ...], what: str
) -> Iterator[GarbageCollector]:
    """Yield a collector of some schemas for each store that is meant.

    Parameters
    ----------
    what
        What is done schema by schema, for messages.

    Raises
    ------
    ConfigurationError
        No store is configured, there is none of this name, or the schemas are in several databases.
    """
    found = [
        Schema(name, connection=connection, create_schema=False, create_tables=False)
        for connection, name in find_schemas(targets, schemas, what)
    ]
    if not found:
        raise ConfigurationError("The database has no schema.")
    configured = found[0].connection.config["stores"]
    names = stores or [name for name, spec in configured.items() if not isinstance(spec, str)]
    if not names:
        raise ConfigurationError(
            "No store is configured.",
            hint="Describe it under `stores` in datajoint.json; see docs/stores.md.",
        )
    for name in names:
        yield GarbageCollector(*found, store=name)


def _restore(found: dict[str, GarbageCollector], as_json: bool) -> int:
    counts = {name: one.restore() for name, one in found.items()}
    if as_json:
        report.write_json(counts)
        return 0
    for name, count in counts.items():
        report.say(f"{name}: {_objects(count)} restored")
    return 0


def _objects(count: int) -> str:
    return f"{count:,} object{'s' * (count != 1)}"


def _write(reports: dict[str, dict[str, Any]], delete: bool) -> None:
    rows = [(name, *_numbers(said)) for name, said in reports.items()]
    report.write_columns(("store", "objects", "without a row", "size"), rows, (1, 2, 3))
    for name, said in reports.items():
        _write_paths(name, said)
        if delete:
            report.say(
                f"{name}: {_objects(said['deleted'])} moved to quarantine, {said['restored']:,} restored, "
                f"{said['purged']:,} deleted ({bytes_text(said['bytes_freed'])})"
            )
        for message in said["error_messages"]:
            report.show_error(DataJointError(f"{name}: {message}"))
    if not delete and any(_sum(said, "orphaned") for said in reports.values()):
        report.say(report.dim("\ndj gc --delete moves them to quarantine, and deletes them after a day"))


def _numbers(said: dict[str, Any]) -> tuple[str, str, str]:
    size = bytes_text(_sum(said, "orphaned_bytes"))
    return f"{_sum(said, 'stored'):,}", f"{_sum(said, 'orphaned'):,}", size


def _sum(said: dict[str, Any], what: str) -> int:
    return said[f"hash_paths_{what}"] + said[f"schema_paths_{what}"]


def _write_paths(name: str, said: dict[str, Any]) -> None:
    paths = [*said["orphaned_hash_paths"], *said["orphaned_schema_paths"]]
    for path in paths[:_EXAMPLES]:
        report.say(report.dim(f"  {name}: {path}"))
    if len(paths) > _EXAMPLES:
        report.say(report.dim(f"  … and {_sum(said, 'orphaned') - _EXAMPLES:,} more; --json lists them"))
