"""History: earlier states of rows, and the reversal of an event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any

from datajoint import logging
from datajoint._value import Value
from datajoint.algebra.plans.hidden import named
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, DataJointWarning, IntegrityError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.journal.events.event import new_id
from datajoint.journal.events.write_event import record
from datajoint.provenance.history.events import events_of
from datajoint.provenance.history.restore_makes import insert_made, known_values
from datajoint.provenance.history.versions import versions_source
from datajoint.query.expression import QueryExpression
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.images import EVENT, UNTIL
from datajoint.table.free import FreeTable
from datajoint.table.table import Table

__all__ = ["as_of", "old_versions", "restore"]

_WRITTEN, _ENDED, _AT = "dj_written", "dj_ended", "dj_at"
_CHUNK = 1000


def as_of(table: Table, time: Any) -> QueryExpression:
    """Return the rows of a table as they were at a time; see `Traceable.as_of`."""
    if table.is_restricted:
        raise DataJointError(
            f"as_of() shows the whole of `{table.class_name}`, and this is restricted.",
            hint=f"Restrict what comes: {table.class_name}.as_of(time) & condition.",
        )
    connection = table.connection
    moment = _utc(time)
    _refuse_forgotten(table, moment)
    when = f'{_AT} <= "{moment}"'
    events = _times(connection, table.database)
    before, after = events & when, (events - when) - _alterations(connection, table.database)
    born = before.proj(**{_WRITTEN: "event"})
    source = connection.catalog.source(table.name)
    if EVENT not in source.heading.hidden:
        raise DataJointError(
            f"The rows of `{table.class_name}` do not name their events, so their past is not known.",
            hint="The table was made by another client.",
        )
    now = _expression(connection, named(Query(source), {_WRITTEN: EVENT}, _origins(table.database)))
    _warn_of_unknown(table, now & f"{_WRITTEN} IS NULL")
    names = table.heading.secondary_attributes
    present = (now & [born, f"{_WRITTEN} IS NULL"]).proj(*names)
    past = _versions(table)
    if past is None:
        return present
    alive = (past & [born, f"{_WRITTEN} IS NULL"]) & after.proj(**{_ENDED: "event"})
    return present + alive.proj(*names)


def old_versions(table: Table) -> QueryExpression | None:
    """Return the versions of rows that were changed or deleted, with the events that wrote and ended them.

    None where nothing was changed or deleted.
    """
    return _versions(table, "written", "ended")


def _versions(table: Table, written: str = _WRITTEN, ended: str = _ENDED) -> QueryExpression | None:
    connection = table.connection
    source = versions_source(connection, table.name)
    if source is None:
        return None
    return _expression(
        connection, named(Query(source), {written: EVENT, ended: UNTIL}, _origins(table.database))
    )


def _expression(connection: Connection, query: Query) -> QueryExpression:
    return QueryExpression._of(query, connection)


def _origins(schema: str) -> dict[str, str]:
    return dict.fromkeys((EVENT, UNTIL), f"{schema}.{EVENTS}.event")


def _times(connection: Connection, schema: str) -> QueryExpression:
    """Return when each event took place: what is done in a block is done at its end."""
    events = events_of(connection, schema)
    whole = events.proj(parent="event", dj_end="finished")
    steps = events.proj("parent", "finished").join(whole, left=True)
    return steps.proj(**{_AT: "coalesce(dj_end, finished)"})


def _alterations(connection: Connection, schema: str) -> QueryExpression:
    """Return the events of alters: their versions live on without the attributes that went."""
    return events_of(connection, schema).proj("kind") & {"kind": "alter"}


def _utc(time: Any) -> str:
    """Return a time as the database keeps it."""
    if isinstance(time, str):
        try:
            time = dt.datetime.fromisoformat(time)
        except ValueError:
            raise DataJointError(
                f"{time!r} is no time.", hint="Write, for example, '2026-11-28 14:00' (UTC) or a datetime."
            ) from None
    if isinstance(time, dt.date) and not isinstance(time, dt.datetime):
        time = dt.datetime(time.year, time.month, time.day)  # noqa: DTZ001 - times of events are UTC
    if not isinstance(time, dt.datetime):
        raise DataJointError(f"A time is a datetime or a text, not {type(time).__name__}.")
    if time.tzinfo is not None:
        time = time.astimezone(dt.UTC).replace(tzinfo=None)
    return time.isoformat(sep=" ", timespec="microseconds")


def _refuse_forgotten(table: Table, moment: str) -> None:
    """Refuse a time of which old versions are not kept any more."""
    prunings = events_of(table.connection, table.database) & {"kind": "prune"}
    for event, details in zip(*prunings.to_arrays("event", "details"), strict=True):
        if table.table_name in details["tables"] and moment < details["before"]:
            raise DataJointError(
                f"What was in `{table.class_name}` at {moment} is not known any more: of what was changed or "
                f"deleted before {details['before']} the old versions were forgotten, by event {event}.",
                hint="Ask for a later time.",
            )


def _warn_of_unknown(table: Table, unknown: QueryExpression) -> None:
    if unknown:
        logging.warn(
            f"`{table.class_name}` has rows of unknown origin, which another client wrote: they are taken as "
            "having been there always.",
            DataJointWarning,
        )


# --------------------------------------------------------------------------------------------- restoring


class _Ended(Value):
    """What an event ended in one table."""

    table: TableName
    rows: list[dict[str, Any]]


def restore(connection: Connection, schema: str, event: Any, *, step: bool = False) -> dict[str, int]:
    """Take back what an event did; see `Schema.restore`."""
    try:
        event = index(event)
    except TypeError:
        raise DataJointError(
            f"{event!r} is not the number of an event.", hint="Look for it in schema.events."
        ) from None
    found = (events_of(connection, schema) & {"event": event}).to_dicts()
    if not found:
        raise DataJointError(f"Schema `{schema}` has no event {event}.", hint="Look for it in schema.events.")
    whole = found[0]["parent"] if found[0]["parent"] is not None and not step else event
    schemas = [schema] if step else _schemas(connection, schema, whole)
    ids = {name: _steps(connection, name, whole, step) for name in schemas}
    ended = [work for name in schemas for work in _ended(connection, name, ids[name])]
    tables = connection.catalog.graph.sorted([work.table for work in ended])
    restored: dict[str, int] = {}
    made = (row[_WRITTEN] for work in ended if work.table.tier in (COMPUTED, IMPORTED) for row in work.rows)
    makes = {event: new_id() for event in dict.fromkeys(made) if event is not None}
    with connection.whole():
        for work in sorted(ended, key=lambda work: tables.index(work.table)):
            restored[str(work.table)] = _put_back(connection, work, ids[work.table.schema], makes)
        if restored:
            record(
                connection, "restore", TableName(schema, ""), sum(restored.values()), {"restores": int(whole)}
            )
    if not restored:
        writes = found[0]["kind"] in ("insert", "make", "reuse")
        raise DataJointError(
            f"Event {event} ended no rows that are kept, so there is nothing to restore.",
            hint="Inserts are taken back by delete()." if writes else "They may have been forgotten since.",
        )
    return restored


def _schemas(connection: Connection, schema: str, event: int) -> list[str]:
    """Return the schemas in which a block wrote: its event is in each of them."""
    family = {name.schema for name in connection.catalog.load_family(schema).specs} | {schema}
    known = [name for name in sorted(family) if connection.catalog.find(TableName(name, EVENTS)) is not None]
    return [name for name in known if events_of(connection, name) & [{"event": event}, {"parent": event}]]


def _steps(connection: Connection, schema: str, event: int, step: bool) -> set[int]:
    found, new = {event}, {event}
    events = events_of(connection, schema).proj("parent")
    while new and not step:
        below = (events & [{"parent": parent} for parent in new]).to_arrays("event").tolist()
        new = set(below) - found
        found |= new
    return found


def _ended(connection: Connection, schema: str, ids: Iterable[int]) -> list[_Ended]:
    named_here = (events_of(connection, schema) & [{"event": n} for n in ids]).to_dicts()
    kept = {row["table_name"] for row in named_here if row["table_name"]}
    work: list[_Ended] = []
    for name in connection.catalog.tables(schema):
        if name.name[:64] not in kept or name.name.startswith("~"):
            continue
        versions = _versions(FreeTable(connection, name))
        if versions is not None:
            rows = (versions & [{_ENDED: n} for n in ids]).to_dicts()
            work += [_Ended(name, rows)] if rows else []
    return work


def _put_back(connection: Connection, work: _Ended, ids: set[int], makes: Mapping[int, int]) -> int:
    """Insert the versions whose rows are gone, and set back those that only the event has changed."""
    table = FreeTable(connection, work.table)
    source = connection.catalog.source(work.table)
    now = _expression(connection, named(Query(source), {_WRITTEN: EVENT}))
    key = table.primary_key
    there = {tuple(row[n] for n in key): row[_WRITTEN] for row in _present(now, key, work.rows)}
    absent = [row for row in work.rows if tuple(row[n] for n in key) not in there]
    changed = [row for row in work.rows if tuple(row[n] for n in key) in there]
    for row in changed:
        event = there[tuple(row[n] for n in key)]
        if event not in (*ids, row[_WRITTEN]):  # by an alter a row lost attributes, and is the same otherwise
            raise IntegrityError(
                f"`{work.table.class_name}` {_key(row, key)} cannot be restored: it was written again since, "
                f"by event {event}.",
                hint="Restore the later event first.",
                table=str(work.table),
            )
    others = insert_made(table, absent, _WRITTEN, makes)
    table.insert([known_values(row, table.heading) for row in others], allow_direct_insert=True)
    for row in changed:
        table.update1(known_values(row, table.heading))
    return len(work.rows)


def _present(
    now: QueryExpression, key: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(rows), _CHUNK):
        keys = [{n: row[n] for n in key} for row in rows[start : start + _CHUNK]]
        found += (now & keys if key else now).proj(_WRITTEN).to_dicts()
    return found


def _key(row: Mapping[str, Any], key: Sequence[str]) -> str:
    return ", ".join(f"{n}={row[n]!r}" for n in key) or "(its only row)"
