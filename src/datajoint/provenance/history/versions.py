"""Versions of rows changed after a given event, linked by the events that ended them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.algebra.analysis.watch import watch
from datajoint.algebra.expr.expressions import Literal, Name, Operator
from datajoint.algebra.expr.types import BOOL, INT64
from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.nodes import Query, Source
from datajoint.algebra.text.fragment import Fragment
from datajoint.engine.connection import Connection
from datajoint.engine.rows import RowDecoder
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.journal.reads.read import plain_columns, told
from datajoint.sql.select import select_rows
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.images import EVENT, UNTIL, shadow_name

__all__ = ["Past", "Version", "later", "past_of", "plain_rows", "versions_source"]

_LIMIT = 100_000
"""Old versions of one table that are looked at."""

_LONGEST = 1000
"""Versions of one row that are looked at."""

_NESTED = 3
"""A step belongs to a cascade, that to a block."""


class Version(Value):
    """A version of a row.

    Attributes
    ----------
    event
        That wrote it, None where another program did.
    values
        Of the attributes asked for; those of codecs as they are stored.
    """

    event: int | None
    values: Mapping[str, Any]


class Past:
    """Rows that were changed, told by a number for their key, as they are and as they were."""

    def __init__(
        self,
        now: Mapping[int, Version],
        ended: Mapping[tuple[int, int], Version],
        key: Sequence[str],
        blocks: Mapping[int, int],
    ) -> None:
        self._now = now
        self._ended = ended
        self._key = key
        self._blocks = blocks
        self._by_block = {(row, blocks[event]): v for (row, event), v in ended.items() if event in blocks}

    def since(self, row: int, high: int) -> list[Version] | None:
        """Return the versions of a row from the present one back to that of `high` or before.

        None where they are not known without a gap: the row was absent for a while, history is not kept or
        was pruned, another program wrote it.
        """
        version = self._now.get(row)
        found: list[Version] = []
        while version is not None and version.event is not None and len(found) < _LONGEST:
            found.append(version)
            if version.event <= high:
                return found
            version = self._before(row, version.event)
        return None

    def _before(self, row: int, event: int) -> Version | None:
        """Return the version that an event ended; what a block did after its first change nobody has seen."""
        found = self._ended.get((row, event))
        if found is None and event in self._blocks:
            found = self._by_block.get((row, self._blocks[event]))
        return None if found is None or found.event == event else found

    def key(self, version: Version) -> dict[str, Any]:
        """Return the key of a version."""
        return {name: version.values[name] for name in self._key}


def later(name: str, event: int) -> nodes.Text:
    """Return the condition that a column is greater than an event.

    Examples
    --------
    >>> later("_until", 7).fragment.text
    '~_until > 7'
    """
    term = Operator(">", (Name(name), Literal(event, INT64)), BOOL)
    return nodes.Text(Fragment(term, (), (name,), BOOL, True, False, f"~{name} > {event}"))


def versions_source(connection: Connection, table: TableName) -> Source | None:
    """Return the old versions of the rows of a table as a table with its attributes, None without any.

    Attributes that were dropped come last.
    """
    name = shadow_name(table)
    if connection.catalog.look(name) is None:
        return None
    shown, kept = connection.catalog.source(table), connection.catalog.source(name)
    source: Source | None = kept.child("versions")
    if source is None:
        hidden = [kept.heading.hidden[EVENT], kept.heading.hidden[UNTIL]]
        dropped = [a for a in kept.heading.values() if a.name not in shown.heading]
        attributes = [*shown.heading.values(), *dropped]
        source = kept.keep("versions", Source(name, Heading(attributes, hidden)))
    return source


def past_of(connection: Connection, table: TableName, names: Iterable[str], after: int) -> Past | None:
    """Return the rows that were changed by events later than one, with their versions since.

    Parameters
    ----------
    names
        Attributes to be compared.

    Returns
    -------
    Past or None
        None where history is not kept, lacks an attribute, or holds too many versions.
    """
    source, kept = connection.catalog.source(table), versions_source(connection, table)
    key, wanted = source.heading.key, set(names)
    stored = connection.catalog.source(kept.name).heading if kept else Heading([])
    if kept is None or any(name not in source.heading or name not in stored for name in wanted):
        return None
    columns = (*key, *sorted(wanted - {*key}))
    ended = nodes.Restrict(kept, later(UNTIL, after))
    old = nodes.Top(nodes.Restrict(watch(kept, True).plan, later(UNTIL, after)), (), True, False)
    now = nodes.Restrict(watch(source, True).plan, nodes.Matches(ended, key))
    first = ("~i1", "~e1")
    before = plain_rows(connection, Query(old, (_LIMIT + 1,)), (*first, UNTIL, *columns))
    if len(before) > _LIMIT:
        return None
    present = plain_rows(connection, Query(now), (*first, *columns))
    versions = {row[0]: Version(row[1], dict(zip(columns, row[2:], strict=True))) for row in present}
    older = {(row[0], row[2]): Version(row[1], dict(zip(columns, row[3:], strict=True))) for row in before}
    return Past(versions, older, key, _blocks(connection, table.schema, versions, older))


def _blocks(
    connection: Connection, schema: str, now: Mapping[int, Version], ended: Mapping[tuple[int, int], Version]
) -> dict[int, int]:
    """Return the blocks of events that do not lead from one version to the next."""
    written = {(row, version.event) for row, version in now.items()}
    written |= {(row, version.event) for (row, _), version in ended.items()}
    left = {event for _, event in (written - ended.keys()) | (ended.keys() - written) if event is not None}
    blocks = dict.fromkeys(left, 0)
    events = connection.catalog.source(TableName(schema, EVENTS))
    asked = nodes.Restrict(events, nodes.InValues(("event",)))
    found = {event: event for event in left}
    for _ in range(_NESTED):
        above = [(event,) for event in set(found.values())]
        if not above:
            break
        rows = plain_rows(connection, Query(asked, (above,)), ("event", "parent"))
        parents = {event: parent for event, parent in rows if parent is not None}
        found = {event: parents[last] for event, last in found.items() if last in parents}
        blocks |= found
    return {event: block for event, block in blocks.items() if block}


def plain_rows(connection: Connection, query: Query, names: Sequence[str]) -> list[Sequence[Any]]:
    """Return rows with values as Python has them, those of codecs as they are stored."""
    statement = select_rows(query.plan, connection.dialect, tuple(names))
    attributes = [query.plan.heading[name] for name in names]
    decoder = RowDecoder(attributes, connection.dialect, connection.config)
    rows = connection.fetch_all(statement.text, statement.bind(query.values), decoder.core)
    return list(told(rows, plain_columns(attributes, decoder)))
