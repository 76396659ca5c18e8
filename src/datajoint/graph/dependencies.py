"""The graph of foreign keys between tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from datajoint._value import Value
from datajoint.declare.spec import ForeignKey, TableSpec
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName

__all__ = ["DependencyGraph", "Edge"]


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
        return self._reach(name, lambda n: [edge.child for edge in self.to_children(n)])

    def ancestors(self, name: TableName) -> list[TableName]:
        """The table and all that it depends on, the table first."""
        return self._reach(name, lambda n: [edge.parent for edge in self.to_parents(n)])[::-1]

    def _reach(self, name: TableName, step: Callable[[TableName], list[TableName]]) -> list[TableName]:
        found, todo = {name}, [name]
        while todo:
            for other in step(todo.pop()):
                if other not in found:
                    found.add(other)
                    todo.append(other)
        return self.sorted(found)

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
        parents = {
            n: {e.parent for e in self.to_parents(n) if e.parent in wanted and e.parent != n} for n in wanted
        }
        placed: list[TableName] = []
        done: set[TableName] = set()
        position = {name: n for n, name in enumerate(self.specs)}
        todo = sorted(wanted, key=lambda name: position.get(name, -1))
        while todo:
            ready = [name for name in todo if parents[name] <= done]
            if not ready:
                raise DataJointError(
                    "The foreign keys between tables must be acyclic; there is a cycle among "
                    + ", ".join(f"`{name}`" for name in todo) + "."
                )  # fmt: skip
            # A part follows its master at once: a reader of the list sees them together.
            chosen = next(
                (n for n in ready if placed and n.master and n.master == (placed[-1].master or placed[-1])),
                None,
            )
            for name in [chosen] if chosen else ready[:1]:
                placed.append(name)
                done.add(name)
                todo.remove(name)
        return placed
