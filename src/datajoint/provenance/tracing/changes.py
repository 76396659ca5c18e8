"""Changes of the rows that a make read: rewritten, new and missing rows, with their writers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datajoint.algebra.plans.hidden import named
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.heading.values import key_text, show
from datajoint.journal.reads.signature import Signature
from datajoint.provenance.history.as_of_and_restore import old_versions
from datajoint.provenance.history.events import events_of
from datajoint.provenance.tracing.reading import RowRead, rows_read
from datajoint.provenance.tracing.writers import Writer, writers_of
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables.images import EVENT
from datajoint.table.free import FreeTable

__all__ = ["changes_of"]

_MOST_ROWS = 5
_MOST_EVENTS = 500
_MOST_VERSIONS = 50
_EVENT = "dj_event"


def changes_of(
    connection: Connection, name: TableName, reads: Sequence[RowRead], key: Mapping[str, Any], made: Writer
) -> Iterator[str]:
    """Yield what has changed in the rows of a table that a make has read, in words.

    Rows are looked for that were written by other events than those that were read, and those that were
    taken away since; without events, or without history, less can be told.
    """
    if EVENT not in connection.catalog.source(name).heading.hidden:
        return
    try:
        later = _later_events(connection, name, made)
        found = list(_written(connection, name, reads, later))
        found += [line for line in _gone(connection, name, key, later) if line not in found]
    except DataJointError as error:  # what was read is not there any more in this form
        found = [str(error)]
    yield from found[:_MOST_ROWS]
    if len(found) > _MOST_ROWS:
        yield f"… and {len(found) - _MOST_ROWS} more"


def _later_events(connection: Connection, name: TableName, made: Writer) -> dict[int, Writer]:
    """Return the events of a table since a make, the latest if there are many."""
    events = events_of(connection, name.schema) & {"table_name": name.name[:64]}
    since = events & f'finished >= "{made.finished.isoformat(sep=" ")}"'
    found = since.to_arrays("event", order_by="event DESC", limit=_MOST_EVENTS)
    return writers_of(connection, name.schema, found.tolist())


def _written(
    connection: Connection, name: TableName, reads: Sequence[RowRead], later: Mapping[int, Writer]
) -> Iterator[str]:
    """Yield the rows that are there and were written since."""
    key = connection.catalog.source(name).heading.key
    for read in reads:
        query, was = rows_read(connection, read, name), read.of(name)
        if query is None:
            continue
        for row in _others(connection, query, was):
            event = row.pop(_EVENT)
            if event is None:
                yield f"{_key(key, row)}: another program wrote it"
                continue
            before = _before(connection, name, {n: row[n] for n in key}, later)
            writer = later.get(event) or writers_of(connection, name.schema, [event]).get(event)
            yield f"{_key(key, row)}: {_change(before, row, read)}{_by(writer)}"


def _others(connection: Connection, query: Query, was: Signature) -> list[dict[str, Any]]:
    """Return the first rows that are not of the events that were read."""
    rows = QueryExpression._of(named(query, {_EVENT: EVENT}), connection)
    if was.low is not None:
        rows = rows & f"{_EVENT} IS NULL OR {_EVENT} < {was.low} OR {_EVENT} > {was.high}"
    return rows.to_dicts(order_by="KEY" if rows.heading.key else None, limit=_MOST_ROWS + 1)


def _versions(
    connection: Connection, name: TableName, key: Mapping[str, Any], later: Mapping[int, Writer]
) -> list[dict[str, Any]]:
    """Return the rows of a key as they were before the first of some events changed them."""
    versions = old_versions(FreeTable(connection, name)) if later else None
    if versions is None:
        return []
    mine = {n: v for n, v in key.items() if n in versions.heading}
    chosen = versions & [{"ended": event} for event in later]
    found = (chosen & mine if mine else chosen).to_dicts(limit=_MOST_VERSIONS)
    return [row for row in found if row["written"] not in later]


def _before(
    connection: Connection, name: TableName, key: Mapping[str, Any], later: Mapping[int, Writer]
) -> dict[str, Any] | None:
    return next(iter(_versions(connection, name, key, later)), None)


def _change(before: Mapping[str, Any] | None, now: Mapping[str, Any], read: RowRead) -> str:
    if before is None:
        return ""
    values = [(n, show(before[n]), show(now[n])) for n in now if n in before]
    changed = [one for one in values if one[1] != one[2]]
    told = [one for one in changed if one[0] in read.what] or changed
    return "".join(f"{n} {old} → {new}, " for n, old, new in told)


def _gone(
    connection: Connection, name: TableName, key: Mapping[str, Any], later: Mapping[int, Writer]
) -> Iterator[str]:
    """Yield the rows of a key that are not there any more."""
    table = FreeTable(connection, name)
    for row in _versions(connection, name, key, later):
        own = {n: row[n] for n in table.primary_key}
        if not (table & own if own else table):
            yield f"{_key(table.primary_key, row)}: {_by(later.get(row['ended']))}"


def _key(names: Sequence[str], row: Mapping[str, Any]) -> str:
    return key_text({name: row[name] for name in names}) or "its only row"


def _by(writer: Writer | None) -> str:
    return "written again" if writer is None else f"{writer.done} (event {writer.event})"
