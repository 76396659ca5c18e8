"""Verifying: makes run afresh, and what they give is compared with what is stored; nothing is written."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from datajoint._value import Value
from datajoint.compute.populate import refuse_misuse
from datajoint.compute.progress import Meter
from datajoint.errors import AccessError, DataJointError, UnknownAttributeError, nearest
from datajoint.heading.values import show
from datajoint.journal.events.event import EventRecord, enabled, new_id
from datajoint.journal.events.origin import record_names
from datajoint.journal.events.write_event import store
from datajoint.logging import logger
from datajoint.make import key_source as sources
from datajoint.make.methods import can_make, what_to_write
from datajoint.make.recompute.compare_rows import Reading, made_rows, stored_of
from datajoint.make.recompute.dry_run import Rehearsal, rehearse
from datajoint.make.recompute.verify_report import (
    CHANGED,
    DIFFERS,
    FAILED,
    GONE,
    NEW,
    VERIFIED,
    KeyReport,
    RowDifference,
    VerifyReport,
    kept,
)
from datajoint.make.task import DONE, MakeOutcome, MakeTask
from datajoint.make.user_code import failure_of
from datajoint.make.value_diff import difference
from datajoint.query.operand import unshared
from datajoint.query.restriction import Not
from datajoint.table import misspelt
from datajoint.table.table import Table
from datajoint.table.written import written_tables

__all__ = ["verify"]

_KEPT_BYTES = 100_000
"""Values that are larger are described in a report."""
_MOST_NAMES = 20
"""Attributes and kinds of errors that an event lists."""
_LONGEST = 2000

Tolerance = float | Mapping[str, float] | None


class _Wanted(Value):
    """What is compared, and how.

    Attributes
    ----------
    tolerance
        By attribute; `None` holds for those that are not named.
    ignored
        Attributes that are not compared.
    """

    tolerance: Mapping[str | None, float]
    ignored: frozenset[str]


def verify(
    table: Table, restrictions: Sequence[Any], *, sample: float | None, tolerance: Tolerance,
    seed: int | None, ignore: Iterable[str], make_kwargs: Mapping[str, Any], display_progress: bool,
) -> VerifyReport:  # fmt: skip
    """Make stored keys afresh and compare; see `AutoPopulate.verify`."""
    refuse_misuse(table.connection, 1)
    if not can_make(type(table)):
        raise DataJointError(what_to_write(type(table)))
    wanted = _wanted(table, tolerance, ignore)
    for restriction in restrictions:
        if names := unshared(table.heading, restriction):
            misspelt.refuse_names(names, table.heading, table.class_name, "verified")
        table = table & restriction
    misspelt.refuse_ignored(table.query, table.heading, table.class_name, "verified")
    whole = type(table)()
    keys, unreachable = _stored_keys(table, whole)
    chosen = _sampled(keys, sample, seed)
    outcomes = tuple(_outcomes(whole, chosen, make_kwargs, wanted, display_progress))
    report = VerifyReport(table.class_name, outcomes, len(keys), unreachable)
    _record(whole, report, sample, tolerance)
    return report


# --------------------------------------------------------------------------------------- what is asked for


def _wanted(table: Table, tolerance: Tolerance, ignore: Iterable[str]) -> _Wanted:
    ignored = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    given: dict[str | None, float] = {}
    if isinstance(tolerance, Mapping):
        given.update(tolerance)
    elif tolerance is not None:
        given[None] = tolerance
    names = (table.name, *table.connection.graph.parts(table.name), *written_tables(table))
    headings = [table.connection.catalog.source(name).heading for name in names]
    known = dict.fromkeys(name for heading in headings for name in heading.order)
    for name in (*given, *ignored):
        if name is not None and name not in known:
            raise UnknownAttributeError(
                f"`{table.class_name}` and its parts have no attribute {name!r}.",
                hint=nearest(str(name), known) or f"They have {', '.join(known)}.",
            )
    for value in given.values():
        number = isinstance(cast("Any", value), (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0:
            raise DataJointError(
                f"tolerance is {show(value)}.",
                hint="It is a number, 0 or more, such as 1e-6, or a dict of numbers by attribute.",
            )
    return _Wanted(given, frozenset(ignored))


def _stored_keys(table: Table, whole: Table) -> tuple[list[dict[str, Any]], int]:
    """Return the keys of the rows that are chosen, and how many rows are of keys that nothing makes."""
    keys = sources.all_keys(whole)
    rows = table.proj(*(name for name in keys.primary_key if name not in table.primary_key))
    found = keys.restrict(rows, semantic_check=False).keys(order_by="KEY")
    return found, len(rows.restrict(Not(keys), semantic_check=False))


def _sampled(keys: Sequence[dict[str, Any]], sample: Any, seed: int | None) -> list[dict[str, Any]]:
    """Return some of the keys, in order: so many of them, or such a part."""
    if sample is None:
        return list(keys)
    is_number = isinstance(sample, (int, float)) and not isinstance(sample, bool)
    if not is_number or not (sample > 0 and (isinstance(sample, int) or sample <= 1)):
        raise DataJointError(
            f"sample is {show(sample)}.",
            hint="It is a number of keys, such as 100, or a part of them, such as 0.1.",
        )
    count = sample if isinstance(sample, int) else math.ceil(sample * len(keys))
    chosen = random.Random(seed).sample(range(len(keys)), min(count, len(keys)))  # noqa: S311 - no secret
    return [keys[n] for n in sorted(chosen)]


# ----------------------------------------------------------------------------------------- one key by one


def _outcomes(
    table: Table, keys: Sequence[dict[str, Any]], make_kwargs: Mapping[str, Any], wanted: _Wanted, shown: bool
) -> Iterator[KeyReport]:
    meter = Meter({table.name: len(keys)}) if shown else None
    try:
        for key in keys:
            if meter is not None:
                meter.take(MakeTask(key))
            started = time.monotonic()
            outcome = _outcome(table, key, make_kwargs, wanted)
            if meter is not None:
                status = FAILED if outcome is not None and outcome.state == FAILED else DONE
                meter.note(MakeOutcome(key, status, None, time.monotonic() - started))
            if outcome is not None:
                yield outcome
    finally:
        if meter is not None:
            meter.close()


def _outcome(
    table: Table, key: dict[str, Any], make_kwargs: Mapping[str, Any], wanted: _Wanted
) -> KeyReport | None:
    """Return what comes of one key, None where its rows have been deleted meanwhile."""
    found: list[tuple[RowDifference, ...] | None] = []

    def compare() -> None:
        found.append(_differences(table, key, rehearse(table, key, make_kwargs), wanted))

    error = failure_of(compare)
    if error is not None:
        return KeyReport(key, FAILED, (), f"{type(error).__name__}: {error}"[:_LONGEST])
    [differences] = found
    if differences is None:
        return None
    return KeyReport(key, DIFFERS if differences else VERIFIED, differences)


def _differences(
    table: Table, key: dict[str, Any], writes: Rehearsal, wanted: _Wanted
) -> tuple[RowDifference, ...] | None:
    found: list[RowDifference] = []
    for name, (rows, there) in stored_of(table, key).items():
        if not there and name == table.name:
            return None
        found += _of_table(rows, there, writes, wanted)
    return tuple(found)


def _of_table(
    table: Table, there: Mapping[Any, dict[str, Any]], writes: Rehearsal, wanted: _Wanted
) -> Iterator[RowDifference]:
    reading, made, label = Reading(table), made_rows(writes, table), table.class_name
    for place, old in there.items():
        key = {name: old[name] for name in table.heading.key}
        if place not in made:
            yield RowDifference(label, key, GONE)
            continue
        new = made[place].seen
        for name in table.heading.order:
            if name in new and name not in wanted.ignored and not reading.equal(name, old[name], new[name]):
                yield from _of_values(label, key, name, reading, old[name], new[name], wanted)
    for place, row in made.items():
        if place not in there:
            yield RowDifference(label, {name: row.seen[name] for name in table.heading.key}, NEW)


def _of_values(
    label: str, key: Mapping[str, Any], name: str, reading: Reading, old: Any, new: Any, wanted: _Wanted
) -> Iterator[RowDifference]:
    own = name in wanted.tolerance
    tolerance = wanted.tolerance.get(name, wanted.tolerance.get(None))
    values = reading.value(name, old), reading.value(name, new)
    found = difference(*values, tolerance, whole=own)
    if found is not None:
        stored, now = (kept(value, _KEPT_BYTES) for value in values)
        yield RowDifference(label, key, CHANGED, name, stored, now, found)


# ------------------------------------------------------------------------------------------- for the record


def _record(table: Table, report: VerifyReport, sample: float | None, tolerance: Tolerance) -> None:
    """Write an event that says how many keys came to what, as which code; none where no key was looked at."""
    connection, name = table.connection, table.name
    if not report.outcomes or not enabled(connection, name.schema):
        return
    try:
        origin = record_names(connection, name, type(table))
        event = EventRecord(
            new_id(), "verify", name, None, _details(report, sample, tolerance), origin=origin
        )
        store(connection, event, len(report))
    except AccessError:
        logger.info("no right to record that `%s` was verified", table.class_name)


def _details(report: VerifyReport, sample: float | None, tolerance: Tolerance) -> dict[str, Any]:
    attributes = Counter(
        f"{one.table}.{one.attribute}" if one.attribute else f"{one.table} ({one.kind})"
        for key in report.differing
        for one in key.differences
    )
    errors = Counter(one.error.partition(":")[0] for one in report.failed)
    near = dict(list(tolerance.items())[:_MOST_NAMES]) if isinstance(tolerance, Mapping) else tolerance
    told: dict[str, Any] = {
        "keys": len(report), "of": report.total, "verified": len(report.verified),
        "differ": len(report.differing), "failed": len(report.failed), "sample": sample, "tolerance": near,
        "attributes": dict(attributes.most_common(_MOST_NAMES)),
        "errors": dict(errors.most_common(_MOST_NAMES)),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, {})}
