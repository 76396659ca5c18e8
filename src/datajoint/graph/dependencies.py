"""The graph of foreign keys between tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush

from datajoint._value import Value
from datajoint.declare.spec import ForeignKey, TableSpec
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName

__all__ = ["DependencyGraph", "Edge", "parents_first"]


class Edge(Value):
    """One foreign key: `child` refers to `parent`."""

    child: TableName
    parent: TableName
    key: ForeignKey


class DependencyGraph:
    """Tables and the foreign keys between them.

    Parameters
    ----------
    specs
        All tables that take part.

    Examples
    --------
    >>> DependencyGraph({}).sorted([])
    []
    """

    def __init__(self, specs: Mapping[TableName, TableSpec]) -> None:
        self.specs = specs
        self._out: dict[TableName, list[Edge]] = {name: [] for name in specs}
        self._in: dict[TableName, list[Edge]] = {name: [] for name in specs}
        self._above: dict[TableName, frozenset[TableName]] = {}
        for name, spec in specs.items():
            for key in spec.foreign_keys:
                edge = Edge(name, key.parent, key)
                self._in[name].append(edge)
                self._out.setdefault(key.parent, []).append(edge)

    def to_parents(self, name: TableName) -> list[Edge]:
        """Foreign keys of a table, in the order of its definition."""
        return self._in.get(name, [])

    def to_children(self, name: TableName) -> list[Edge]:
        """Foreign keys that refer to a table."""
        return self._out.get(name, [])

    def descendants(self, name: TableName) -> list[TableName]:
        """The table and all that depend on it, parents first."""
        return self.sorted(_reached(name, lambda n: [edge.child for edge in self.to_children(n)]))

    def ancestors(self, name: TableName) -> list[TableName]:
        """The table and all that it depends on, the table first."""
        return self.sorted(self.above(name))[::-1]

    def above(self, name: TableName) -> frozenset[TableName]:
        """The table and all that it depends on, in no order."""
        found = self._above.get(name)
        if found is None:
            reached = _reached(name, lambda n: [edge.parent for edge in self.to_parents(n)])
            found = self._above[name] = frozenset(reached)
        return found

    def parts(self, name: TableName) -> list[TableName]:
        """Part tables of a master, in the order of their names in the graph."""
        return [other for other in self.specs if other.master == name]

    def introduces_key(self, name: TableName) -> bool:
        """Whether the key of a table has attributes of its own, not from foreign keys alone."""
        spec = self.specs[name]
        inherited = {column for key in spec.foreign_keys for column in key.columns}
        return not inherited.issuperset(spec.primary_key)

    def has_many(self, edge: Edge) -> bool:
        """Whether a parent may have many children by a foreign key."""
        return not edge.key.unique and set(edge.key.columns) != set(self.specs[edge.child].primary_key)

    def sorted(self, names: Iterable[TableName]) -> list[TableName]:
        """Order tables parents first; a master comes right before its parts where the graph allows it.

        Raises
        ------
        DataJointError
            When the foreign keys form a cycle.
        """
        wanted = set(names)
        placed = self._placed(wanted)
        if len(placed) < len(wanted):
            cycle = self._in_order(wanted.difference(placed))
            raise DataJointError(
                "The foreign keys between tables must be acyclic; there is a cycle among "
                + ", ".join(f"`{name}`" for name in cycle) + "."
            )  # fmt: skip
        return placed

    def drawn(self, names: Iterable[TableName]) -> list[TableName]:
        """Order tables as `sorted` does; those in a cycle, and what depends on them, come last."""
        wanted = set(names)
        placed = self._placed(wanted)
        return placed + self._in_order(wanted.difference(placed))

    def _placed(self, wanted: set[TableName]) -> list[TableName]:
        parents = {
            n: {e.parent for e in self.to_parents(n) if e.parent in wanted and e.parent != n} for n in wanted
        }
        return parents_first(self._in_order(wanted), parents)

    def _in_order(self, wanted: set[TableName]) -> list[TableName]:
        position = {name: n for n, name in enumerate(self.specs)}
        return sorted(wanted, key=lambda name: position.get(name, -1))


def parents_first(order: list[TableName], parents: Mapping[TableName, set[TableName]]) -> list[TableName]:
    """Order tables after their parents, otherwise as given; parts follow their master at once.

    Tables in a cycle are left out.

    Examples
    --------
    >>> run, rig = TableName("lab", "run"), TableName("lab", "rig")
    >>> [str(name) for name in parents_first([run, rig], {run: {rig}, rig: set()})]
    ['lab.rig', 'lab.run']
    """
    return _Placing(order, parents).placed


def _reached(name: TableName, step: Callable[[TableName], list[TableName]]) -> set[TableName]:
    found, todo = {name}, [name]
    while todo:
        for other in step(todo.pop()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


class _Placing:
    """Places tables after their parents, otherwise in a given order; parts follow their master at once.

    Tables in a cycle are left out.
    """

    def __init__(self, order: list[TableName], parents: Mapping[TableName, set[TableName]]) -> None:
        self.placed: list[TableName] = []
        self._order = order
        self._masters = [name.master for name in order]
        self._missing = {name: len(parents[name]) for name in order}
        self._children: dict[TableName, list[int]] = {}
        for n, name in enumerate(order):
            for parent in parents[name]:
                self._children.setdefault(parent, []).append(n)
        self._ready: list[int] = []  # heaps of places in the order
        self._parts: dict[TableName, list[int]] = {}
        for n, name in enumerate(order):
            if not self._missing[name]:
                self._free(n)
        self._place()

    def _free(self, n: int) -> None:
        heappush(self._ready, n)
        if (master := self._masters[n]) is not None:
            heappush(self._parts.setdefault(master, []), n)

    def _place(self) -> None:
        done: set[int] = set()
        family: list[int] = []
        while family or self._ready:
            n = heappop(family or self._ready)
            if n in done:
                continue
            done.add(n)
            name = self._order[n]
            self.placed.append(name)
            for child in self._children.get(name, ()):
                self._missing[self._order[child]] -= 1
                if not self._missing[self._order[child]]:
                    self._free(child)
            family = self._parts.get(self._masters[n] or name, [])
