"""Which tables of a pipeline wait for which others: by references, declared reads and recorded reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datajoint import logging
from datajoint.errors import DataJointError
from datajoint.graph.dependencies import DependencyGraph
from datajoint.heading.names import TableName
from datajoint.jobs.skipped_keys import skips_of
from datajoint.provenance.read_tables import recorded_tables
from datajoint.table.declared import reads_of
from datajoint.table.table import Table
from datajoint.table.written import written_tables

__all__ = ["Order", "order_of", "warn_of"]


class Order:
    """The order of the tables of a pipeline.

    Parameters
    ----------
    tables
        What is made, parents first.
    graph
        References between tables.

    Attributes
    ----------
    tables
        What is made: what a make refers to or reads comes first.

    Examples
    --------
    >>> Order((), DependencyGraph({})).tables
    ()
    """

    def __init__(self, tables: Sequence[Table], graph: DependencyGraph) -> None:
        self._graph = graph
        self._known = {table.name: table for table in tables}
        self._reads: dict[TableName, set[TableName]] = {name: set() for name in self._known}
        self._above = {name: set(graph.above(name) & self._known.keys()) - {name} for name in self._known}
        self._writers: dict[TableName, set[TableName]] = {}
        self._follow_writers(tables)

    def _follow_writers(self, tables: Sequence[Table]) -> None:
        """Let tables that refer to what a make writes into another table come after that make."""
        for table in tables:
            for name in written_tables(table):
                self._writers.setdefault(name, set()).add(table.name)
        for name in self._known if self._writers else ():
            for maker in self.writers(self._graph.above(name)) - {name}:
                if name not in self._above[maker]:
                    self._above[name] |= {maker, *self._above[maker]}

    def writers(self, names: Iterable[TableName]) -> frozenset[TableName]:
        """Return the computed tables whose makes write rows of some tables."""
        return frozenset(maker for name in names for maker in self._writers.get(name, ()))

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return what is made: what a make refers to or reads comes first."""
        left, done = list(self._known), list[TableName]()
        while left:
            first = next(n for n in left if (self._above[n] | self._reads[n]).isdisjoint(set(left) - {n}))
            left.remove(first)
            done.append(first)
        return tuple(self._known[name] for name in done)

    def reads(self, name: TableName) -> frozenset[TableName]:
        """Return the computed tables that a make reads and that its definition does not refer to."""
        return frozenset(self._reads.get(name, ()))

    def awaited(self, name: TableName) -> frozenset[TableName]:
        """Return the tables that have to be complete before a make may read them."""
        found = frozenset[TableName]().union(*(self._graph.above(read) for read in self.reads(name)))
        return (found & self._known.keys()) - {name}

    def add(self, name: TableName, reads: Iterable[TableName]) -> list[TableName] | None:
        """Let a table wait for what it reads.

        Returns
        -------
        list or None
            A cycle that this would make, which is then left out.
        """
        reads = set(reads)
        for read in sorted({one.master or one for one in reads} | self.writers(reads), key=str):
            if name not in self._known or read not in self._known or read == name:
                continue
            if read in self._above[name] or read in self._reads[name]:
                continue
            cycle = self._path(read, name, {read})
            if cycle is not None:
                return [name, *cycle]
            self._reads[name].add(read)
        return None

    def _path(self, start: TableName, goal: TableName, seen: set[TableName]) -> list[TableName] | None:
        if start == goal:
            return [goal]
        for other in sorted(self._above[start] | self._reads[start], key=str):
            if other not in seen:
                seen.add(other)
                found = self._path(other, goal, seen)
                if found is not None:
                    return [start, *found]
        return None


def order_of(tables: Sequence[Table], graph: DependencyGraph) -> Order:
    """Return the order of tables by references, by what their classes declare, and by what makes have read.

    Raises
    ------
    DataJointError
        When declared reads form a cycle.

    Examples
    --------
    >>> order_of((), DependencyGraph({})).tables
    ()
    """
    order = Order(tables, graph)
    for table in tables:
        cycle = order.add(table.name, reads_of(table))
        if cycle is not None:
            raise DataJointError(
                f"The computed tables read each other: {_named(cycle)}.",
                hint="Take one of them out of `reads`, or move what they share to a table of its own.",
            )
    if len(tables) > 1:
        for table in tables:
            more = list(skips_of(table.connection, table.name).values())[:50]
            warn_of(order.add(table.name, recorded_tables(table.connection, table.name, more)))
    return order


def warn_of(cycle: list[TableName] | None) -> None:
    """Report a cycle of reads that was left out of the order.

    Examples
    --------
    >>> warn_of(None)
    """
    if cycle is not None:
        logging.logger.warning(
            "The makes of computed tables read each other: %s. The first does not wait for the second, "
            "and its rows may be computed too early.",
            _named(cycle),
        )


def _named(cycle: Sequence[TableName]) -> str:
    return " → ".join(f"`{name.class_name}`" for name in cycle)
