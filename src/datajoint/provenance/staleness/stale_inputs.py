"""Reads of a make that match stale rows: cheap detection, one report for each table, or refusal."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from datajoint import logging
from datajoint.algebra.analysis.uses import uses
from datajoint.algebra.analysis.watch import EVENT, watch
from datajoint.algebra.plans.hidden import named
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.engine.observe import tables_of, unobserved
from datajoint.errors import StaleInputError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.journal.reads.read import Read
from datajoint.provenance.staleness.classes import table_of
from datajoint.provenance.staleness.search import stale
from datajoint.provenance.staleness.states import StaleRow
from datajoint.query import fetch
from datajoint.table.table import Table

__all__ = ["StaleInputs", "forget", "note_fresh"]

_MADE = (COMPUTED, IMPORTED)
_LEAST_SECONDS = 2.0
_SHARE = 20
"""Stale rows are looked for again after so many times of what the search takes."""

Place = tuple[Any, ...]


class StaleInputs:
    """Looks at the reads of one make, whether they meet stale rows.

    The stale rows of a table are searched for when a make first reads it. Each read says between which events
    its rows were written; only if a stale row was written between them the database is asked whether it is
    among them.

    Parameters
    ----------
    table, key
        What is made.
    mode
        ``warn`` or ``refuse``.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> StaleInputs(Subject(), {"subject_id": 1}, "refuse").check()
    """

    def __init__(self, table: Table, key: Mapping[str, Any], mode: str) -> None:
        self._table = table
        self._key = key
        self._mode = mode
        self._told: set[TableName] = set()
        self._refusal: StaleInputError | None = None

    def look(self, read: Read) -> None:
        """Look at a read.

        Raises
        ------
        StaleInputError
            When it meets a stale row and that is refused.
        """
        for name in sorted(tables_of(read.query.plan), key=str):
            made = name.master or name
            if made.tier in _MADE and made != self._table.name and made not in self._told:
                with unobserved():
                    row = self._met(read, name, made)
                if row is not None:
                    self._tell(made, row)

    def check(self) -> None:
        """Refuse again what the make has caught.

        Raises
        ------
        StaleInputError
            When there was something to refuse.
        """
        if self._refusal is not None:
            raise self._refusal

    def _met(self, read: Read, name: TableName, made: TableName) -> StaleRow | None:
        """Return a stale row that a read has met; before it says so, what is known is made sure of."""
        known = _known_of(self._table, made)
        row = known.first(read, name)
        if row is not None and known.age > known.seconds:
            row = _known_of(self._table, made, anew=True).first(read, name)
        return row

    def _tell(self, made: TableName, row: StaleRow) -> None:
        self._told.add(made)
        message = (
            f"make of `{self._table.class_name}` for the key {dict(self._key)} reads a row of "
            f"`{made.class_name}` that is not fresh: {row}."
        )
        if self._mode == "warn":
            logging.warn(message)
            return
        hint = (
            f"Make it again first: {made.class_name}.populate(stale=True). Or set provenance.stale to 'warn'."
        )
        self._refusal = StaleInputError(message, hint=hint)
        raise self._refusal


def forget(connection: Connection) -> None:
    """Forget what is known of stale rows: others may have changed what they were made of.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> forget(schema.connection)
    """
    if connection.config.provenance.stale != "ignore":
        for name in connection.catalog.graph.specs:
            if name.tier in _MADE:
                connection.catalog.source(name).keep(StaleInputs, None)


def note_fresh(table: Table, key: Mapping[str, Any]) -> None:
    """Note that the rows of a key are not stale any more.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> note_fresh(Subject(), {"subject_id": 1})
    """
    known: _Known | None = table.connection.catalog.source(table.name).child(StaleInputs)
    if known is not None:
        known.discard(key)


def _known_of(reader: Table, made: TableName, anew: bool = False) -> _Known:
    """Return the stale rows of a table; they are looked for again after a while."""
    source = reader.connection.catalog.source(made)
    known: _Known | None = source.child(StaleInputs)
    if known is None or anew or known.age > max(_LEAST_SECONDS, _SHARE * known.seconds):
        known = _Known(table_of(reader, made))
        source.keep(StaleInputs, known)
    return known


class _Known:
    """The rows of a table that were stale a moment ago, with the events that wrote them and their parts."""

    def __init__(self, table: Table) -> None:
        started = time.monotonic()
        self._table = table
        self._rows: dict[Place, StaleRow] = {self._place(row.key): row for row in stale(table).outdated}
        self._events: dict[TableName, tuple[list[int], list[Place]]] = {}
        self._at = time.monotonic()
        self.seconds = self._at - started

    @property
    def age(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._at

    def discard(self, key: Mapping[str, Any]) -> None:
        """Forget the rows of a key."""
        names = [name for name in self._table.heading.key if name in key]
        self._rows = {
            place: row for place, row in self._rows.items() if any(row.key[n] != key[n] for n in names)
        }
        self._events = {}

    def first(self, read: Read, name: TableName) -> StaleRow | None:
        """Return one of the rows that a read of the table, or of a part of it, has met."""
        places: Sequence[Place] = self._suspects(read, name) if self._rows else ()
        if not places or not self._takes_part(read.query, name, places):
            return None
        while len(places) > 1:
            half = places[: len(places) // 2]
            places = half if self._takes_part(read.query, name, half) else places[len(half) :]
        return self._rows[places[0]]

    def _place(self, key: Mapping[str, Any]) -> Place:
        return tuple(key[name] for name in self._table.heading.key)

    def _suspects(self, read: Read, name: TableName) -> Sequence[Place]:
        """Return the rows that may have taken part by the events that the read has met."""
        plan = read.query.plan
        met = [s for mark, s in zip(watch(plan).marks, read.signatures, strict=True) if mark.table == name]
        if len(met) < sum(1 for _ in uses(read.query, name, read.query)):  # rows that others are matched with
            return list(self._rows)
        events, places = self._written(name)
        found: dict[Place, None] = {}
        for signature in met:
            if signature.low is not None and signature.high is not None:
                found |= dict.fromkeys(
                    places[bisect_left(events, signature.low) : bisect_right(events, signature.high)]
                )
            if signature.unknown:
                found |= dict.fromkeys(places[: bisect_right(events, 0)])
        return list(found)

    def _written(self, name: TableName) -> tuple[list[int], list[Place]]:
        """Return the events that wrote the rows, or the rows of a part, in order, and whose they are."""
        found = self._events.get(name)
        if found is None:
            pairs = sorted(self._pairs(name), key=lambda pair: pair[0])
            found = self._events[name] = [event for event, _ in pairs], [place for _, place in pairs]
        return found

    def _pairs(self, name: TableName) -> set[tuple[int, Place]]:
        rows = self._query(name, list(self._rows))
        if EVENT not in rows.plan.heading.hidden:
            return {(0, place) for place in self._rows}
        told = fetch.dicts(named(rows, {EVENT: EVENT}), self._table.connection)
        return {(row[EVENT] or 0, self._place(row)) for row in told}

    def _query(self, name: TableName, places: Sequence[Place]) -> Query:
        names = self._table.heading.key
        keys = [dict(zip(names, place, strict=True)) for place in places]
        return (self._table._sibling(name) & keys).query

    def _takes_part(self, query: Query, name: TableName, places: Sequence[Place]) -> bool:
        parts = uses(query, name, self._query(name, places))
        return any(fetch.exists(part, self._table.connection) for part in parts)
