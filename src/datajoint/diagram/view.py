"""Which tables of a graph a diagram shows: the algebra of diagrams, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from datajoint._value import Value, replace
from datajoint.diagram import picture
from datajoint.graph.dependencies import DependencyGraph, Edge
from datajoint.heading.names import TableName

__all__ = ["DiagramView"]


class DiagramView(Value):
    """A graph of foreign keys and the tables of it that are shown.

    Attributes
    ----------
    graph
        All tables that are known.
    shown
        Tables that are shown, one by one or within their schema.
    collapsed
        Those of them that are shown as a part of their schema only.

    Examples
    --------
    >>> view = DiagramView(DependencyGraph({}), frozenset([TableName("lab", "subject")]))
    >>> (view | view.collapse()).collapsed, view.collapse().collapsed == view.shown
    (frozenset(), True)
    """

    graph: DependencyGraph
    shown: frozenset[TableName]
    collapsed: frozenset[TableName] = frozenset()

    def __or__(self, other: DiagramView) -> DiagramView:
        """Show the tables of both; what one of them expands is expanded (DIA-5)."""
        expanded = (self.shown - self.collapsed) | (other.shown - other.collapsed)
        shown = self.shown | other.shown
        return DiagramView(_wider(self.graph, other.graph), shown, shown - expanded)

    def __sub__(self, other: DiagramView) -> DiagramView:
        return replace(self, shown=self.shown - other.shown, collapsed=self.collapsed - other.shown)

    def __and__(self, other: DiagramView) -> DiagramView:
        return replace(self, shown=self.shown & other.shown, collapsed=self.collapsed & other.shown)

    def grow(self, generations: int, up: bool = False) -> DiagramView:
        """Add generations of children, or of parents."""
        graph, shown, last = self.graph, set(self.shown), set(self.shown)
        for _ in range(generations):
            last = {name for known in last for name in _next(graph, known, up)} - shown
            if not last:
                break
            shown |= last
        return replace(self, shown=frozenset(shown))

    def add_parts(self) -> DiagramView:
        """Add all parts of the masters that are shown."""
        parts = {name for name in self.graph.specs if name.master in self.shown}
        return replace(self, shown=self.shown | parts)

    def collapse(self) -> DiagramView:
        """Show each schema as one node."""
        return replace(self, collapsed=self.shown)

    def path(self, ancestor: TableName, descendant: TableName) -> DiagramView:
        """Show what lies between two tables, both included."""
        between = set(self.graph.descendants(ancestor)) & set(self.graph.ancestors(descendant))
        return DiagramView(self.graph, frozenset(between))

    def sorted(self) -> list[TableName]:
        """Tables, parents first; a cycle is an error."""
        return self.graph.sorted(self.shown)

    # ------------------------------------------------------------------------------------------------ picture

    def picture(
        self, direction: str = "LR", describe: Callable[[TableName], str] | None = None,
        labels: Mapping[str, str] | None = None, stale: Mapping[TableName, int] | None = None,
    ) -> picture.Picture:  # fmt: skip
        """Return what is to be drawn.

        Parameters
        ----------
        describe
            Gives the definition of a table, for its tooltip.
        labels
            Names of schemas, where they are not called as in the database.
        stale
            Numbers of stale rows: nodes with any are flagged.
        """
        labels, stale = labels or {}, stale or {}
        schemas = sorted({name.schema for name in self.shown})
        expanded = [name for name in self._ordered() if name not in self.collapsed]
        nodes = [_node(self.graph, name, describe, stale.get(name, 0)) for name in expanded]
        nodes += self._schema_nodes(labels, stale)
        groups = tuple(
            picture.Group(schema, labels.get(schema, schema))
            for schema in schemas if any(name.schema == schema for name in expanded)
        )  # fmt: skip
        return picture.Picture(tuple(nodes), tuple(self._edges()), groups, direction)

    def _ordered(self) -> list[TableName]:
        """Tables, parents first; a picture may show a cycle."""
        return self.graph.drawn(self.shown)

    def _schema_nodes(
        self, labels: Mapping[str, str], stale: Mapping[TableName, int]
    ) -> Iterator[picture.Node]:
        for schema in sorted({name.schema for name in self.collapsed}):
            names = [name for name in self.collapsed if name.schema == schema]
            rows = sum(stale.get(name, 0) for name in names)
            badge = f"{len(names)} table{'' if len(names) == 1 else 's'}{f', {rows} stale' if rows else ''}"
            label = labels.get(schema, schema)
            yield picture.Node(_schema_id(schema), label, "schema", badge=badge, flagged=bool(rows))

    def _edges(self) -> Iterator[picture.Edge]:
        drawn: set[tuple[str, str]] = set()
        for name in self._ordered():
            for edge in self.graph.to_parents(name):
                if edge.parent not in self.shown:
                    continue
                child, parent = (self._id(n) for n in (edge.child, edge.parent))
                if name not in self.collapsed and edge.parent not in self.collapsed:
                    yield _edge(self.graph, edge)
                elif child != parent and (child, parent) not in drawn:
                    drawn.add((child, parent))
                    yield picture.Edge(child, parent, primary=True, multi=True, renamed=False)

    def _id(self, name: TableName) -> str:
        return _schema_id(name.schema) if name in self.collapsed else str(name)


def _wider(one: DependencyGraph, other: DependencyGraph) -> DependencyGraph:
    """Return a graph with the tables of both; mostly one of them has them all."""
    for graph, less in ((one, other), (other, one)):
        if graph is less or graph.specs.keys() >= less.specs.keys():
            return graph
    return DependencyGraph({**other.specs, **one.specs})


def _next(graph: DependencyGraph, name: TableName, up: bool) -> Iterable[TableName]:
    if up:
        return [edge.parent for edge in graph.to_parents(name) if edge.parent in graph.specs]
    return [edge.child for edge in graph.to_children(name)]


def _schema_id(schema: str) -> str:
    return f"schema {schema}"


def _node(
    graph: DependencyGraph, name: TableName, describe: Callable[[TableName], str] | None, stale: int
) -> picture.Node:
    return picture.Node(
        str(name), name.class_name, name.tier or "unknown", name.schema, describe(name) if describe else "",
        graph.introduces_key(name), f"{stale} stale" if stale else "", flagged=bool(stale),
    )  # fmt: skip


def _edge(graph: DependencyGraph, edge: Edge) -> picture.Edge:
    key = edge.key
    renames = ", ".join(f"{child} → {parent}" for child, parent in key.renames.items())
    options: dict[str, Any] = {"nullable": key.nullable, "unique": key.unique}
    return picture.Edge(
        str(edge.child), str(edge.parent), key.in_key, graph.has_many(edge), bool(renames), renames, **options
    )
