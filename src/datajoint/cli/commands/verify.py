"""`dj verify`: make stored rows afresh, and compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Any, cast

import click

from datajoint._printed import printable
from datajoint.cli import commit as commits, options, report
from datajoint.cli.targets import find_tables, makeable
from datajoint.errors import ConfigurationError, UnknownAttributeError, nearest
from datajoint.make.recompute.verify_report import (
    NEW,
    VERIFIED,
    KeyReport,
    RowDifference,
    VerifyReport,
    brief,
)
from datajoint.schemas.lookup import as_found
from datajoint.table.table import Table

__all__ = ["command"]

_DIFFERENT = 2
_DIFFERENCES_SHOWN = 10


@click.command("verify")
@options.targets(required=True)
@click.option("--at", metavar="REVISION", help="With the code of a commit.")
@click.option("--sample", metavar="N", help="So many keys at random, or such a part: 100, 0.1 or 10%.")
@click.option("--seed", type=int, metavar="N", help="With the same one, the same keys are looked at.")
@click.option("--tolerance", "tolerances", metavar="[NAME=]X", multiple=True,
              help="Numbers may differ by so much, or such a part; of all, or one attribute.")  # fmt: skip
@click.option("--ignore", "ignored", metavar="NAME", multiple=True, help="Do not compare an attribute.")
@click.option("--key", "pairs", metavar="NAME=VALUE", multiple=True, help="Only keys with this value.")
@click.option("--where", "conditions", metavar="CONDITION", multiple=True,
              help="Only rows that fulfil a condition, such as 'subject_id < 10'.")  # fmt: skip
@click.option("--limit", type=click.IntRange(0), default=10, show_default=True, metavar="N",
              help="The most keys to list of each table.")  # fmt: skip
@click.option("--code", hidden=True, help="Where the code has to come from.")
@click.option("-q", "--quiet", is_flag=True, help="Without progress.")
@options.json_option
@options.config_option
def command(
    targets: tuple[str, ...], schemas: tuple[str, ...], at: str | None, sample: str | None, seed: int | None,
    tolerances: tuple[str, ...], ignored: tuple[str, ...], pairs: tuple[str, ...],
    conditions: tuple[str, ...], limit: int, code: str | None, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Make stored rows afresh and compare them with what is stored; nothing is changed.

    A TARGET is a module of your pipeline, or one table of it: `module:Table`. What came of it is kept as an
    event. Exits with 2 where rows differ or a make failed, with 1 where it could not be tried.
    """
    if at is not None:
        again = _again(click.get_current_context())
        return commits.run_at(at, _modules(targets, schemas), "verify", again)
    tables = _tables(targets, schemas, code)
    key = options.read_key(pairs)
    near = _tolerances(tolerances)
    how = {"sample": _sample(sample), "seed": seed, "display_progress": not (quiet or as_json)}
    _refuse_unknown(tables, [*near, *ignored])
    reports: list[VerifyReport] = []
    with redirect_stdout(sys.stderr):
        for table in tables:
            names = _names(table)
            mine = {name: value for name, value in near.items() if name in names}
            options_here = {**how, "tolerance": near.get("", None) if "" in near else mine or None,
                            "ignore": [name for name in ignored if name in names]}  # fmt: skip
            made: Any = table
            reports.append(made.verify(*([key] if key else []), *conditions, **options_here))
    if as_json:
        report.write_json([_plain(table, one) for table, one in zip(tables, reports, strict=True)])
    else:
        _write(reports, limit)
    return 0 if all(reports) else _DIFFERENT


def _tables(targets: Sequence[str], schemas: Sequence[str], code: str | None) -> list[Table]:
    """Return what is to be verified; code of another time finds tables as they are, and leaves them so."""
    if code:
        commits.check_there(_modules(targets, schemas), code)
    with as_found() if code else nullcontext():
        pipelines = find_tables(targets, schemas)
    return makeable(pipelines)


# ---------------------------------------------------------------------------------------------- what is asked


def _modules(targets: Sequence[str], schemas: Sequence[str]) -> list[str]:
    if schemas:
        raise ConfigurationError(
            f"`{schemas[0]}` is a schema of the database: a commit says nothing of it.",
            hint="Name the module that defines its tables.",
        )
    return [target.partition(":")[0] for target in targets]


def _again(context: click.Context) -> list[str]:
    """Return the arguments of a call without ``--at``."""
    named: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        if parameter.name in ("at", "targets") or value in (None, False, ()) or not parameter.expose_value:
            continue
        option = parameter.opts[-1]
        if isinstance(value, tuple):
            named += [text for one in cast("tuple[Any, ...]", value) for text in (option, str(one))]
        else:
            named += [option] if value is True else [option, str(value)]
    return [*named, "--", *context.params["targets"]]


def _sample(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        raise ConfigurationError(f"`{text}` is no sample.", hint="Write 100, 0.1 or 10%.") from None


def _tolerances(texts: Sequence[str]) -> dict[str, float]:
    """Return tolerances by attribute; "" is for all."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise ConfigurationError(
                f"`{text}` is no tolerance.", hint="Write a number, such as 1e-6, or attribute=1e-6."
            ) from None
    if "" in found and len(found) > 1:
        raise ConfigurationError(
            "A tolerance for all attributes leaves none to those that are named.",
            hint="Give --tolerance X alone, or --tolerance NAME=X for each attribute.",
        )
    return found


def _names(table: Table) -> list[str]:
    """Return the attributes of a table and its parts."""
    connection = table.connection
    family = (table.name, *connection.graph.parts(table.name))
    return list(dict.fromkeys(n for name in family for n in connection.catalog.source(name).heading.order))


def _refuse_unknown(tables: Sequence[Table], names: Sequence[str]) -> None:
    known = dict.fromkeys(name for table in tables for name in _names(table))
    for name in names:
        if name and name not in known:
            listed = ", ".join(f"`{table.class_name}`" for table in tables)
            raise UnknownAttributeError(f"No table of {listed} has an attribute `{name}`.",
                                        hint=nearest(name, known) or "dj describe shows them.")  # fmt: skip


# ----------------------------------------------------------------------------------------------- what is said


def _plain(table: Table, found: VerifyReport) -> dict[str, Any]:
    return {
        "table": str(table.name), "keys": len(found), "of": found.total, "verified": len(found.verified),
        "differ": len(found.differing), "failed": len(found.failed), "unreachable": found.unreachable,
        "outcomes": [_plain_key(one) for one in found if one.state != VERIFIED],
    }  # fmt: skip


def _plain_key(one: KeyReport) -> dict[str, Any]:
    told = [
        {
            "table": found.table, "key": dict(found.key), "kind": found.kind, "attribute": found.attribute,
            "stored": brief(found.stored), "new": brief(found.new),
            "size": found.difference.size if found.difference else None, "said": found.what,
        }
        for found in one.differences
    ]  # fmt: skip
    return {"key": dict(one.key), "state": one.state, "error": one.error, "differences": told}


def _write(reports: Sequence[VerifyReport], limit: int) -> None:
    rows = [
        [one.table, _number(len(one.verified), "green"), _number(len(one.differing), "red"),
         _number(len(one.failed), "red"), str(one.total), report.dim("; ".join(_notes(one)))]
        for one in reports
    ]  # fmt: skip
    report.write_columns(("table", "verified", "differ", "failed", "of", ""), rows, right=(1, 2, 3, 4))
    for one in reports:
        _write_table(one, limit)


def _notes(one: VerifyReport) -> list[str]:
    sample = [f"a sample of {len(one)}"] if len(one) < one.total else []
    return [*sample, *one.notes]


def _number(number: int, color: str) -> str:
    return click.style(str(number), fg=color) if number else report.dim("·")


def _write_table(one: VerifyReport, limit: int) -> None:
    """Write what differs in one table, and which makes failed."""
    listed = [key for key in one if key.state != VERIFIED]
    if not listed:
        return
    report.say(f"\n{click.style(one.table, bold=True)}")
    rows = [row for key in listed[:limit] for row in _rows(one.table, key)]
    if rows:
        report.write_columns(("", "", "stored", "now", "difference"), rows, indent="  ")
    for key in listed[:limit]:
        if key.error:
            report.say(f"  {report.key_text(key.key)}  {click.style(printable(key.error), fg='red')}")
    if len(listed) > limit:
        more = len(listed) - limit
        report.say(report.dim(f"  … and {more} more key{'s' * (more != 1)}: --limit"))


def _rows(table: str, key: KeyReport) -> Iterator[list[str]]:
    told = report.key_text(key.key)
    for found in key.differences[:_DIFFERENCES_SHOWN]:
        yield [told, *_cells(table, key, found)]
        told = ""
    if len(key.differences) > _DIFFERENCES_SHOWN:
        yield ["", report.dim(f"… and {len(key.differences) - _DIFFERENCES_SHOWN} more"), "", "", ""]


def _cells(table: str, key: KeyReport, found: RowDifference) -> list[str]:
    part = found.table.removeprefix(table).lstrip(".")
    own = report.key_text({name: value for name, value in found.key.items() if name not in key.key})
    place = " ".join(text for text in (part, own, found.attribute) if text) or "the row"
    if not found.attribute:
        return [place, *(("·", "made") if found.kind == NEW else ("there", "not made")), ""]
    size = str(found.difference or "").removeprefix("difference ")
    return [place, brief(found.stored), brief(found.new), click.style(size, fg="red")]
