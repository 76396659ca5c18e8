"""Making stale rows again: what comes out as before is confirmed, the rest changed in place (POP-27)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from datajoint._value import Value, replace
from datajoint.backends.base import Parameters
from datajoint.compute import key_source as sources
from datajoint.compute.comparison import Reading, made_rows, stored_rows
from datajoint.compute.job import run_job
from datajoint.compute.make import KeyedWrites, check_parts
from datajoint.compute.task import DONE, MakeOutcome, MakeTask
from datajoint.heading.names import TableName
from datajoint.journal.event import enabled, event_text, new_id
from datajoint.provenance.inputs import note_fresh
from datajoint.provenance.report import forget_count
from datajoint.provenance.stale import stale
from datajoint.sql.dml import write_event
from datajoint.table.guard import writable
from datajoint.table.table import Table

__all__ = ["renew", "stale_keys"]

Row = dict[str, Any]


class _Changes(Value):
    """What a make gave for one table against what is there.

    Attributes
    ----------
    kept, changed, gone
        Rows as they were; rows with new values, and new rows; keys of rows that are not made any more.
    """

    name: TableName
    kept: Sequence[Row]
    changed: Sequence[Row]
    gone: Sequence[Row]


def stale_keys(table: Table, restrictions: Sequence[Any], most: int | None = None) -> list[Row]:
    """Return the keys that are to be made again, in key order.

    Rows that are stale for nothing but rows that they depend on are left out: these come first.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> stale_keys(Fit(), ())
    []
    """
    rows = [row for row in stale(table) if any(reason.kind != "upstream" for reason in row.reasons)]
    if not rows:
        return []
    keys = sources.all_keys(table, restrictions)
    made = table.proj(*(name for name in keys.primary_key if name not in table.primary_key))
    found = keys.restrict(made & [dict(row.key) for row in rows], semantic_check=False)
    return found.keys(order_by="KEY", limit=most)


def count_stale(table: Table, restrictions: Sequence[Any]) -> int:
    """Return how many rows are stale or possibly stale, among those of some keys.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> count_stale(Fit(), ())
    0
    """
    report = stale(table)
    if not report or not restrictions:
        return len(report)
    return len(report.keys.restrict(sources.all_keys(table, restrictions), semantic_check=False))


def renew(table: Table, key: Row, make_kwargs: Mapping[str, Any]) -> MakeOutcome:
    """Make a key again whose rows are there, and return what came of it."""
    outcome = run_job(table, MakeTask(key), make_kwargs, partial(_store, table, key))
    if outcome.status == DONE:
        note_fresh(table, key)
        forget_count(table)
    return outcome


def _store(table: Table, key: Row, writes: KeyedWrites) -> None:
    parts = table.connection.dependencies.parts(table.name)
    changes = [_compare(table._sibling(name), key, writes) for name in (table.name, *parts)]
    if any(change.changed or change.gone for change in changes):
        _apply(table, key, writes, changes)
        return
    shapes = _prepared(writes)
    with table.connection.transaction:
        writes.confirm()
        _confirm(table, writes, changes[0].kept, shapes)


def _prepared(writes: KeyedWrites) -> bool:
    return writes.reads is not None and writes.reads.prepare()


# ----------------------------------------------------------------------------------------- comparison


def _compare(table: Table, key: Row, writes: KeyedWrites) -> _Changes:
    there, made, reading = stored_rows(table, key), made_rows(writes, table), Reading(table)
    kept: list[Row] = []
    changed: list[Row] = []
    for place, new in made.items():
        old = there.get(place)
        equal = old is not None and all(reading.equal(name, old[name], new.seen[name]) for name in new.seen)
        (kept if equal else changed).append(new.row)
    gone = [
        {name: row[name] for name in table.heading.key} for place, row in there.items() if place not in made
    ]
    return _Changes(table.name, kept, changed, gone)


# -------------------------------------------------------------------------------------------- writing


def _apply(table: Table, key: Row, writes: KeyedWrites, changes: Sequence[_Changes]) -> None:
    """Change the rows in place under the event of the make; older versions are kept as images."""
    shapes = _prepared(writes)
    if any(change.kept for change in changes):
        writes.beside.append("kept rows")
    writes.renew()
    writes.own_rows = len(changes[0].changed)
    try:
        with writable([table.name]):
            for change in reversed(changes):
                if change.gone:
                    (table._sibling(change.name) & change.gone).delete(prompt=False, part_integrity="ignore")
            for change in changes:
                if change.changed:
                    table._sibling(change.name).insert(change.changed, replace=True)
        check_parts(writes, table, key)
        _confirm(table, writes, changes[0].kept, shapes)
    except BaseException:
        writes.abort()
        raise
    writes.finish()


def _confirm(table: Table, writes: KeyedWrites, kept: Sequence[Row], recorded: bool) -> None:
    """Write, for each event that wrote these rows, an event that confirms it, with reads of its own."""
    connection, name = table.connection, table.name
    if not kept or not enabled(connection, name.schema):
        return
    own = [{key: row[key] for key in table.heading.key} for row in kept]
    events = [row["event"] for row in (table & own).with_metadata().proj("event").to_dicts()]
    written = event_text(connection, name.schema, "confirm", name.name, writes.origin)
    for event in dict.fromkeys(events):
        if event is None:
            continue
        number, text = new_id(), write_event(replace(written, confirms=event), connection.dialect)
        batch: list[tuple[str, Parameters]] = [(text, [number, events.count(event), None, None])]
        if recorded and writes.reads is not None:
            batch += writes.reads.statements(number)
        connection.execute_batch(batch)
