"""Which keys of a table can be made now: what they are made from is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datajoint.compute.key_source import all_keys, key_source_of, missing_keys
from datajoint.compute.pipeline.targets import Targets
from datajoint.engine.observe import tables_of
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.query.universal import U
from datajoint.table.table import Table

__all__ = ["Readiness"]


class Readiness:
    """What a table waits for.

    A key of the default key source comes from one row of each table that the key refers to, so that these are
    there. Of other computed tables it may need a row that is still to come (a reference outside the key), or
    several (a key source that summarises): then it waits until none that belongs to it is to be made.

    Parameters
    ----------
    table
        What is made.
    targets
        The pipeline that it is a part of.

    Attributes
    ----------
    sources, inputs
        The tables whose rows make keys possible, and those of the pipeline that write these.
    """

    def __init__(self, table: Table, targets: Targets) -> None:
        graph = targets.connection.catalog.graph
        source = tables_of(key_source_of(table).query.plan) - {table.name}
        there = frozenset[TableName]().union(*(graph.above(name) for name in source))
        above = (targets.ancestors[table.name] | there) - {table.name}
        parents = [key.parent for key in table.spec.foreign_keys if key.in_key and key.parent != table.name]
        single = frozenset[TableName]().union(*(graph.above(name) for name in parents)) & there
        self._table = table
        self._awaited = tuple(t for t in targets.tables if t.name in above - single)
        self.sources = source | {other.name for other in self._awaited}
        owners = self.sources | {name.master for name in self.sources}
        self.inputs = frozenset(t.name for t in targets.tables if t.name in owners) - {table.name}

    def conditions(self) -> list[Any]:
        """Return the restrictions that leave out keys of the table which have to wait."""
        heading = key_source_of(self._table).heading if self._awaited else None
        return [Not(_unmade(other, heading)) for other in self._awaited]

    def keys(self, restrictions: Sequence[Any] = ()) -> QueryExpression:
        """Return the keys that can be made and are not."""
        keys = missing_keys(self._table, all_keys(self._table, restrictions))
        for condition in self.conditions():
            keys = keys.restrict(condition, semantic_check=False)
        return keys


def _unmade(other: Table, heading: Any) -> QueryExpression:
    """Return the keys that another table lacks, by the attributes that it shares with a key source."""
    missing = missing_keys(other, all_keys(other))
    shared = [
        name
        for name in missing.primary_key
        if name in heading and heading[name].lineage == missing.heading[name].lineage
    ]
    if len(shared) == len(missing.primary_key):
        return missing
    return U(*shared) & missing
