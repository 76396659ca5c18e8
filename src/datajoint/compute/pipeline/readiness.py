"""Which keys of a table can be made now: what they are made from is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datajoint.compute.pipeline.targets import Targets
from datajoint.engine.observe import tables_of
from datajoint.heading.names import TableName
from datajoint.jobs.jobs import Jobs
from datajoint.make.key_source import all_keys, key_source_of, missing_keys
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.query.universal import U
from datajoint.sql.system_tables.jobs import SKIPPED
from datajoint.table.table import Table

__all__ = ["Readiness"]


class Readiness:
    """What a table waits for.

    A key of the default key source comes from one row of each table that the key refers to, so that these are
    there. Of other computed tables it may need a row that is still to come (a reference outside the key), or
    several (a key source that summarises): then it waits until none that belongs to it is to be made. It also
    waits for what its make reads without a reference, as long as that can be made.

    Parameters
    ----------
    table
        What is made.
    targets
        The pipeline that it is a part of.
    given
        The restrictions of each table of it that is made in this run; None where all are, unrestricted.
    by_queue
        Whether job queues tell which keys cannot be made now.

    Attributes
    ----------
    late
        Tables that the make reads without a reference, and what these are made from.
    sources, inputs
        The tables whose rows make keys possible, and those of the pipeline that write these.
    """

    def __init__(
        self, table: Table, targets: Targets, given: Mapping[TableName, Sequence[Any]] | None = None,
        by_queue: bool = False,
    ) -> None:  # fmt: skip
        graph = targets.connection.catalog.graph
        source = tables_of(key_source_of(table).query.plan) - {table.name}
        there = frozenset[TableName]().union(*(graph.above(name) for name in source))
        above = (targets.ancestors[table.name] | there) - {table.name}
        parents = [key.parent for key in table.spec.foreign_keys if key.in_key and key.parent != table.name]
        single = frozenset[TableName]().union(*(graph.above(name) for name in parents)) & there
        self._table, self._targets, self._given, self._by_queue = table, targets, given, by_queue
        self._single = single
        self._awaited = tuple(t for t in targets.tables if t.name in above - single)
        self.sources = source | {other.name for other in self._awaited}
        owners = self.sources | {name.master for name in self.sources}
        owners |= targets.order.writers(self.sources) if targets.order is not None else frozenset()
        self.inputs = frozenset(t.name for t in targets.tables if t.name in owners) - {table.name}
        self.late: tuple[Table, ...] = ()
        self.learn()

    def learn(self) -> None:
        """Take up what the make is known to read."""
        order, name = self._targets.order, self._table.name
        if order is None:
            return
        skipped = {other.name for other in self._awaited} | self._single
        self.late = tuple(
            t
            for t in self._targets.tables
            if t.name in order.awaited(name) - skipped and (self._given is None or t.name in self._given)
        )
        names = frozenset(other.name for other in self.late)
        self.inputs |= names
        self.sources |= names

    def relax(self) -> None:
        """Wait no longer for what the make reads without a reference: nothing more of it can be made now."""
        self.late = ()

    def conditions(self) -> list[Any]:
        """Return the restrictions that leave out keys of the table which have to wait."""
        heading = key_source_of(self._table).heading if self._awaited or self.late else None
        strict = [Not(_unmade(missing_keys(other, all_keys(other)), heading)) for other in self._awaited]
        return [*strict, *(Not(_unmade(self._still_to_come(other), heading)) for other in self.late)]

    def among(self, restrictions: Sequence[Any] = ()) -> QueryExpression:
        """Return the keys, made or not, that can be made now."""
        keys = all_keys(self._table, restrictions)
        for condition in self.conditions():
            keys = keys.restrict(condition, semantic_check=False)
        return keys

    def _still_to_come(self, other: Table) -> QueryExpression:
        """Return the keys that another table lacks and that are made in this run."""
        given = () if self._given is None else self._given.get(other.name, ())
        missing = missing_keys(other, all_keys(other, given))
        jobs = Jobs(other)
        if not (self._by_queue or jobs.is_declared):
            return missing
        left_out: list[Any] = [jobs.ignored]
        if self._by_queue:
            left_out += [jobs.errors, jobs.pending & {"error_message": SKIPPED}]
        for some in left_out:
            missing = missing.restrict(Not(some.proj()), semantic_check=False)
        return missing

    def keys(self, restrictions: Sequence[Any] = ()) -> QueryExpression:
        """Return the keys that can be made and are not."""
        keys = missing_keys(self._table, all_keys(self._table, restrictions))
        for condition in self.conditions():
            keys = keys.restrict(condition, semantic_check=False)
        return keys


def _unmade(missing: QueryExpression, heading: Any) -> QueryExpression:
    """Return the keys that another table lacks, by the attributes that it shares with a key source."""
    shared = [
        name
        for name in missing.primary_key
        if name in heading and heading[name].lineage == missing.heading[name].lineage
    ]
    if len(shared) == len(missing.primary_key):
        return missing
    return U(*shared) & missing
