"""`dj history`: what old versions of rows take, and `dj history prune`: forgetting some."""

from __future__ import annotations

from typing import Any

import click

from datajoint.cli import options, report
from datajoint.cli.targets import find_schemas
from datajoint.provenance.history.retention import Kept, kept_versions, prune as prune_schema
from datajoint.table.prompt import bytes_text

__all__ = ["command"]

_WHAT = "History is looked at"


class _History(click.Group):
    """Shows, unless told what else to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if args and args[0] in own else ["show", *args])


@click.group("history", cls=_History, subcommand_metavar="[show] [TARGET]… | prune TARGET…")
def command() -> None:
    """Show of how many rows old versions are kept, what they take and since when; forget some.

    They are written when rows are updated or deleted, and bring these back: as_of, restore. A TARGET is a
    module of your pipeline or a schema of the database; without one, all schemas are shown.
    """


@command.command("show")
@options.targets()
@options.json_option
@options.config_option
def show(targets: tuple[str, ...], schemas: tuple[str, ...], as_json: bool) -> int:
    """Show what is kept of each table; the same as no command."""
    found = [
        (schema, kept)
        for connection, schema in find_schemas(targets, schemas, _WHAT)
        for kept in kept_versions(connection, schema)
    ]
    if as_json:
        report.write_json([_plain(*item) for item in found])
    elif not found:
        report.say("no history is kept")
    else:
        rows = [
            (f"{schema}.{kept.table}", f"{kept.versions:,}", bytes_text(kept.bytes),
             report.time_text(kept.oldest), report.time_text(kept.newest))
            for schema, kept in found
        ]  # fmt: skip
        report.write_columns(("table", "versions", "size", "oldest", "newest"), rows, (1, 2))
        if len(found) > 1:
            versions, size = sum(kept.versions for _, kept in found), sum(kept.bytes for _, kept in found)
            report.say(report.dim(f"\n{versions:,} versions, {bytes_text(size)}"))
    return 0


def _plain(schema: str, kept: Kept) -> dict[str, Any]:
    return {
        "table": f"{schema}.{kept.table}", "versions": kept.versions, "bytes": kept.bytes,
        "oldest": kept.oldest, "newest": kept.newest,
    }  # fmt: skip


@command.command("prune")
@options.targets(required=True)
@click.option("--days", type=click.FloatRange(0), metavar="N", help="Those that ended more than N days ago.")
@click.option("--bytes", "size", type=click.IntRange(0), metavar="N",
              help="The oldest, until N bytes of each schema are left.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say only how many it would be.")
@options.json_option
@options.config_option
def prune(
    targets: tuple[str, ...], schemas: tuple[str, ...], days: float | None, size: int | None, dry_run: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Forget old versions of rows: they cannot be restored any more.

    Without --days and --bytes the settings provenance.history_days and provenance.history_bytes say which.
    Workers do it by themselves where one of these is set.
    """
    found = {
        f"{schema}.{table}": count
        for connection, schema in find_schemas(targets, schemas, _WHAT)
        for table, count in prune_schema(connection, schema, days, size, dry_run).items()
    }
    if as_json:
        report.write_json(found)
        return 0
    said = "would be forgotten" if dry_run else "forgotten"
    for name, count in found.items():
        report.say(f"{count:,} version{'s' * (count != 1)} of {name} {said}")
    if not found:
        report.say("nothing to forget")
    return 0
