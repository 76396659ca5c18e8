"""Making stale rows again: what comes out as before is confirmed, the rest changed in place (POP-27)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.backends.base import Parameters
from datajoint.engine.observe import tables_of, unobserved
from datajoint.errors import ComputeError, DataJointError
from datajoint.heading.names import TableName
from datajoint.journal.events.event import enabled, event_text, new_id
from datajoint.make import key_source as sources
from datajoint.make.make import KeyedWrites, check_parts
from datajoint.make.recompute.compare_rows import Reading, made_rows, stored_of
from datajoint.provenance.staleness.report import forget_count
from datajoint.provenance.staleness.search import stale
from datajoint.provenance.staleness.stale_inputs import note_fresh
from datajoint.provenance.staleness.states import StaleRow
from datajoint.query.expression import QueryExpression
from datajoint.settings.config import Config
from datajoint.sql.dml import write_event
from datajoint.table import prompt as prompts
from datajoint.table.delete.cascade import Cascade
from datajoint.table.delete.delete import delete_alone
from datajoint.table.guard import writable
from datajoint.table.table import Table

__all__ = ["Declined", "count_stale", "how_again", "stale_keys", "store"]

Statement = tuple[str, Parameters]
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


def how_again(config: Config, prompt: bool | None, here: bool) -> str:
    """Return what is to happen where rows of other tables would be deleted, as `MakeTask` has it.

    Parameters
    ----------
    prompt
        Whether to ask; default is the setting ``safemode``.
    here
        Whether the makes run in this process, so that it can ask.

    Examples
    --------
    >>> import datajoint as dj
    >>> how_again(dj.config, False, here=True), how_again(dj.config, True, here=False)
    ('delete', 'refuse')
    """
    if not (config.safemode if prompt is None else prompt):
        return "delete"
    try:
        return "ask" if here and prompts.needs_answer(config, True) else "refuse"
    except DataJointError:  # nobody is there to answer
        return "refuse"


def stale_keys(
    table: Table, restrictions: Sequence[Any], most: int | None = None, after: Collection[TableName] = ()
) -> list[Row]:
    """Return the keys that are to be made again, in key order.

    Rows that are stale for nothing but rows that they depend on are left out: these come first.

    Parameters
    ----------
    after
        Tables that are made again, too: rows that depend on stale rows of these are left out.

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
    waiting = {name.class_name for name in after}
    rows = [row for row in stale(table) if _is_due(row, waiting)]
    if not rows:
        return []
    keys = sources.all_keys(table, restrictions)
    made = table.proj(*(name for name in keys.primary_key if name not in table.primary_key))
    found = keys.restrict(made & [dict(row.key) for row in rows], semantic_check=False)
    return found.keys(order_by="KEY", limit=most)


def _is_due(row: StaleRow, waiting: Collection[str]) -> bool:
    """Whether a row is stale by itself, and what it depends on is not made again first."""
    kinds = {reason.kind for reason in row.reasons}
    upstream = {reason.table for reason in row.reasons if reason.kind == "upstream"}
    return kinds != {"upstream"} and upstream.isdisjoint(waiting)


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


class Declined(ComputeError):  # noqa: N818 - an answer
    """Who was asked did not want rows of other tables to be deleted."""


def store(
    table: Table, key: Row, again: str, writes: KeyedWrites, statements: Sequence[Statement] = ()
) -> None:
    """Store what a make gave for a key whose rows are there.

    Parameters
    ----------
    again
        As of `MakeTask`.
    statements
        Further statements of the same transaction, run first.

    Raises
    ------
    ComputeError
        When rows of other tables would be deleted, and that is refused.
    Declined
        When it was asked for, and the answer was no.
    """
    changes = [_compare(rows, there, writes) for rows, there in stored_of(table, key).values()]
    if any(change.changed or change.gone for change in changes):
        if writes.also:  # the event of the make tells which rows of other tables belong to it
            changes = [replace(c, kept=(), changed=(*c.kept, *c.changed)) for c in changes]
        _agree(table, key, again, changes)
        _apply(table, key, writes, changes, statements)
    else:
        shapes = _prepared(writes)
        with table.connection.whole():
            if statements:
                table.connection.execute_batch(statements)
            writes.confirm()
            _confirm(table, writes, changes[0].kept, shapes)
    note_fresh(table, key)
    forget_count(table)


def _agree(table: Table, key: Row, again: str, changes: Sequence[_Changes]) -> None:
    """See that rows of other tables, which depend on rows that are not made any more, may be deleted."""
    gone = [(table._sibling(change.name) & change.gone) for change in changes if change.gone]
    found = _dependants(gone, {change.name for change in changes}) if again != "delete" else {}
    if not found:
        return
    listed = ", ".join(f"{count} of `{name.class_name}`" for name, count in found.items())
    said = (
        f"Made again for the key {dict(key)}, `{table.class_name}` has fewer rows than before. "
        f"On those that are gone depend rows of other tables: {listed}."
    )
    if again != "ask":
        raise ComputeError(
            f"{said} They are kept, and so is what is stored of the key.",
            hint="populate(stale=True, prompt=False) deletes them.",
        )
    print(said)  # noqa: T201 - one half of a dialogue
    if not prompts.ask("Delete them, and store what was made?"):
        raise Declined(said)


def _dependants(gone: Sequence[QueryExpression], own: Collection[TableName]) -> dict[TableName, int]:
    """Return the numbers of rows of other tables that would be deleted with some rows."""
    found: dict[TableName, int] = {}
    with unobserved():
        for rows in gone:
            name = next(iter(tables_of(rows.query.plan)))
            counts = Cascade(rows.connection, name, rows.query, "ignore").counts()
            for other, count in counts.items():
                if other not in own and count:
                    found[other] = max(count, found.get(other, 0))
    return found


def _prepared(writes: KeyedWrites) -> bool:
    if writes.reads is None or not enabled(writes.connection, writes.name.schema):
        return False
    writes.reads.prepare()
    return True


# ----------------------------------------------------------------------------------------- comparison


def _compare(table: Table, there: Mapping[Any, Row], writes: KeyedWrites) -> _Changes:
    made, reading = made_rows(writes, table), Reading(table)
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


def _apply(
    table: Table, key: Row, writes: KeyedWrites, changes: Sequence[_Changes], statements: Sequence[Statement]
) -> None:
    """Change the rows in place under the event of the make; older versions are kept as images."""
    shapes = _prepared(writes)
    if any(change.kept for change in changes):
        writes.beside.append("kept rows")
    writes.renew()
    writes.own_rows = len(changes[0].changed)
    try:
        with writable([table.name, *writes.also]):
            for change in reversed(changes):
                if change.gone:
                    delete_alone(table._sibling(change.name) & change.gone)
            for change in changes:
                if change.changed:
                    table._sibling(change.name).insert(change.changed, replace=True)
        check_parts(writes, table, key)
        _confirm(table, writes, changes[0].kept, shapes)
    except BaseException:
        writes.abort()
        raise
    writes.finish(statements)


def _confirm(table: Table, writes: KeyedWrites, kept: Sequence[Row], recorded: bool) -> None:
    """Write, for each event that wrote these rows, an event that confirms it, with reads of its own."""
    connection, name = table.connection, table.name
    if not kept or not enabled(connection, name.schema):
        return
    own = [{key: row[key] for key in table.heading.key} for row in kept]
    events = [row[WRITTEN] for row in (table & own)._dated().to_dicts()]
    written = event_text(connection, name.schema, "confirm", name.name, writes.origin)
    for event in dict.fromkeys(events):
        if event is None:
            continue
        number, text = new_id(), write_event(replace(written, confirms=event), connection.dialect)
        batch: list[tuple[str, Parameters]] = [(text, [number, events.count(event), None, None])]
        if recorded and writes.reads is not None:
            batch += writes.reads.statements(number)
        connection.execute_batch(batch)
