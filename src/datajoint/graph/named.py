"""The graph of foreign keys by full names of tables, in the interface of a networkx MultiDiGraph.

Edges lead from the table that is referred to, to the one that refers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

from datajoint.graph.dependencies import DependencyGraph, Edge, parents_first
from datajoint.heading.names import TableName, read_name

__all__ = ["Edges", "LoadedGraph", "NamedGraph", "Nodes", "named", "topo_sort", "unite_master_parts"]

Data = dict[str, Any]
Links = dict[str, dict[str, dict[int, Data]]]
"""For each name the neighbours, for each neighbour the foreign keys by number."""


class Nodes(dict[str, Data]):
    """Names of tables with their data; called, it lists them."""

    def __call__(self, data: bool = False) -> list[Any]:
        """Return the names, or pairs of name and data."""
        return list(self.items()) if data else list(self)

    def data(self) -> list[tuple[str, Data]]:
        """Return pairs of name and data."""
        return list(self.items())


class Edges(list[tuple[str, str, int]]):
    """Foreign keys as (parent, child, number); called, it lists them as wanted."""

    def __init__(self, links: Links) -> None:
        self._links = links
        super().__init__((p, c, n) for p, c, n, _ in _each(links))

    def __call__(self, nbunch: Any = None, data: bool = False, keys: bool = False) -> list[Any]:
        """Return the foreign keys that refer to some tables, with number and data if wanted."""
        wanted = None if nbunch is None else {nbunch} if isinstance(nbunch, str) else set(nbunch)
        return [
            (parent, child, *([number] if keys else []), *([values] if data else []))
            for parent, child, number, values in _each(self._links)
            if wanted is None or parent in wanted
        ]


def _each(links: Links) -> Iterator[tuple[str, str, int, Data]]:
    for parent, children in links.items():
        for child, keys in children.items():
            for number, values in keys.items():
                yield parent, child, number, values


class NamedGraph:
    """Tables by their full names, and the foreign keys between them.

    Parameters
    ----------
    nodes, edges
        Data by name, and (parent, child, data) for each foreign key.

    Examples
    --------
    >>> graph = NamedGraph({"`lab`.`rig`": {}, "`lab`.`run`": {}}, [("`lab`.`rig`", "`lab`.`run`", {})])
    >>> list(graph.successors("`lab`.`rig`")), "`lab`.`run`" in graph
    (['`lab`.`run`'], True)
    """

    def __init__(self, nodes: Mapping[str, Data], edges: Iterable[tuple[str, str, Data]] = ()) -> None:
        self._fill(nodes, edges)

    def _fill(self, nodes: Mapping[str, Data], edges: Iterable[tuple[str, str, Data]]) -> None:
        self._nodes = Nodes(nodes)
        self._succ: Links = {name: {} for name in nodes}
        self._pred: Links = {name: {} for name in nodes}
        for parent, child, data in edges:
            keys = self._succ[parent].setdefault(child, {})
            self._pred[child].setdefault(parent, keys)
            keys[len(keys)] = data

    # ---------------------------------------------------------------------- as a graph of networkx

    @property
    def nodes(self) -> Nodes:
        """Data by name: ``primary_key`` and what was put there."""
        return self._nodes

    _node = nodes

    @property
    def edges(self) -> Edges:
        """Foreign keys; called with ``data=True`` with what they consist of."""
        return Edges(self._succ)

    out_edges = edges

    @property
    def succ(self) -> Links:
        """For each table those that refer to it."""
        return self._succ

    @property
    def pred(self) -> Links:
        """For each table those that it refers to."""
        return self._pred

    adj = _adj = succ

    @property
    def graph(self) -> Mapping[str, Any]:
        """Data of the graph as a whole: none."""
        return {}

    def in_edges(self, nbunch: Any = None, data: bool = False) -> list[Any]:
        """Return the foreign keys of some tables."""
        wanted = None if nbunch is None else {nbunch} if isinstance(nbunch, str) else set(nbunch)
        return [
            (parent, child, values) if data else (parent, child)
            for parent, child, _, values in _each(self.succ)
            if wanted is None or child in wanted
        ]

    def successors(self, name: str) -> Iterator[str]:
        """Give the tables that refer to a table."""
        return iter(self.succ[name])

    neighbors = successors

    def predecessors(self, name: str) -> Iterator[str]:
        """Give the tables that a table refers to."""
        return iter(self.pred[name])

    def in_degree(self, name: str | None = None) -> Any:
        """Return the number of foreign keys of a table, or pairs of name and number."""
        return _degree(self.pred, name)

    def out_degree(self, name: str | None = None) -> Any:
        """Return the number of foreign keys that refer to a table, or pairs of name and number."""
        return _degree(self.succ, name)

    def has_node(self, name: object) -> bool:
        """Whether the graph has a table."""
        return name in self

    def has_edge(self, parent: str, child: str) -> bool:
        """Whether one table refers to another one."""
        return child in self.succ.get(parent, {})

    def get_edge_data(self, parent: str, child: str, default: Any = None) -> Any:
        """Return the foreign keys between two tables by number."""
        return self.succ.get(parent, {}).get(child, default)

    def number_of_nodes(self) -> int:
        """Return how many tables there are."""
        return len(self.nodes)

    def number_of_edges(self) -> int:
        """Return how many foreign keys there are."""
        return len(self.edges)

    def is_directed(self) -> bool:
        """Return True: edges have a direction."""
        return True

    def is_multigraph(self) -> bool:
        """Return True: a table may refer to another one more than once."""
        return True

    def subgraph(self, names: Iterable[str]) -> NamedGraph:
        """Return the graph of some of the tables and the foreign keys between them."""
        wanted = set(names)
        return NamedGraph(
            {name: data for name, data in self.nodes.items() if name in wanted},
            [(p, c, data) for p, c, _, data in _each(self.succ) if p in wanted and c in wanted],
        )

    def copy(self) -> NamedGraph:
        """Return a graph of its own with the same tables."""
        return NamedGraph(
            {name: dict(data) for name, data in self.nodes.items()},
            [(parent, child, dict(data)) for parent, child, _, data in _each(self.succ)],
        )

    def __contains__(self, name: object) -> bool:
        return name in self.nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, name: str) -> dict[str, dict[int, Data]]:
        return self.succ[name]

    def __repr__(self) -> str:
        return f"<Graph of {len(self)} tables and {self.number_of_edges()} foreign keys>"

    # ------------------------------------------------------------------------------------ relatives

    def parents(self, name: str, primary: bool | None = None) -> list[tuple[str, Data]]:
        """Return the tables that a table refers to, each with its foreign key.

        Parameters
        ----------
        primary
            True: by foreign keys within the primary key; False: by others; None: by any.
        """
        return _related(self.pred.get(name, {}), primary)

    def children(self, name: str, primary: bool | None = None) -> list[tuple[str, Data]]:
        """Return the tables that refer to a table; as `parents`."""
        return _related(self.succ.get(name, {}), primary)

    def descendants(self, name: str) -> list[str]:
        """Return the table and all that depend on it, parents first."""
        return topo_sort(self.subgraph(_reached(self.succ, name)))

    def ancestors(self, name: str) -> list[str]:
        """Return the table and all that it depends on, the table first."""
        return topo_sort(self.subgraph(_reached(self.pred, name)))[::-1]


class LoadedGraph(NamedGraph):
    """The graph of a connection, which follows the catalog.

    Parameters
    ----------
    read
        Returns the graph of today; with True, after the catalog was read anew.
    full_name
        Full name of a table as the database quotes it.
    """

    def __init__(
        self, read: Callable[[bool], DependencyGraph], full_name: Callable[[TableName], str]
    ) -> None:
        super().__init__({})
        self._read = read
        self._full_name = full_name
        self._last: DependencyGraph | None = None

    def load(self, force: bool = True) -> None:
        """Read the foreign keys from the database.

        Parameters
        ----------
        force
            False: only if they were not read before.
        """
        self._take(self._read(force))

    def clear(self) -> None:
        """Forget what was read; it is read again on the next use."""
        self._last = None

    @property
    def _current(self) -> Self:
        self._take(self._read(False))
        return self

    def _take(self, graph: DependencyGraph) -> None:
        if graph is not self._last:
            self._last = graph
            self._fill(*_named(graph, self._full_name, self._nodes))

    @property
    def nodes(self) -> Nodes:
        """Data by name: ``primary_key`` and what was put there."""
        return self._current._nodes

    @property
    def succ(self) -> Links:
        """For each table those that refer to it."""
        return self._current._succ

    @property
    def pred(self) -> Links:
        """For each table those that it refers to."""
        return self._current._pred


def named(graph: DependencyGraph, full_name: Callable[[TableName], str]) -> NamedGraph:
    """Return the tables of a graph by their full names.

    Examples
    --------
    >>> len(named(DependencyGraph({}), str))
    0
    """
    return NamedGraph(*_named(graph, full_name, {}))


def _named(
    graph: DependencyGraph, full_name: Callable[[TableName], str], known: Mapping[str, Data]
) -> tuple[dict[str, Data], list[tuple[str, str, Data]]]:
    names = [name for name in graph.specs if not name.name.startswith("~")]
    nodes = {
        (full := full_name(name)): {**known.get(full, {}), "primary_key": set(graph.specs[name].primary_key)}
        for name in graph.sorted(names)
    }
    edges = [
        (full_name(edge.parent), full_name(name), _data(graph, edge))
        for name in names
        for edge in graph.to_parents(name)
    ]
    return nodes, [edge for edge in edges if edge[0] in nodes]


def _data(graph: DependencyGraph, edge: Edge) -> Data:
    return {
        "attr_map": dict(zip(edge.key.columns, edge.key.parent_columns, strict=True)),
        "aliased": bool(edge.key.renames),
        "multi": graph.has_many(edge),
        "primary": edge.key.in_key,
    }


def _related(links: Mapping[str, dict[int, Data]], primary: bool | None) -> list[tuple[str, Data]]:
    return [
        (name, data)
        for name, keys in links.items()
        for data in keys.values()
        if primary is None or data["primary"] == primary
    ]


def _degree(links: Links, name: str | None) -> Any:
    if name is not None:
        return sum(map(len, links[name].values()))
    return [(each, sum(map(len, links[each].values()))) for each in links]


def _reached(links: Links, name: str) -> set[str]:
    found, todo = {name}, [name]
    while todo:
        for other in links.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def topo_sort(graph: Any) -> list[str]:
    """Return the names of a graph, parents first and parts right after their master.

    Parameters
    ----------
    graph
        A graph of full names, of ours or of networkx.

    Examples
    --------
    >>> topo_sort(NamedGraph({"`lab`.`run`": {}, "`lab`.`rig`": {}}, [("`lab`.`rig`", "`lab`.`run`", {})]))
    ['`lab`.`rig`', '`lab`.`run`']
    """
    names = {full: read_name(full) for full in graph.nodes if not full.isdigit()}
    full_names = {name: full for full, name in names.items()}
    parents: dict[TableName, set[TableName]] = {name: set() for name in full_names}
    for full, name in names.items():
        for parent in _without_aliases(graph, full):
            if parent != full and parent in names:
                parents[name].add(names[parent])
    return [full_names[name] for name in parents_first(list(full_names), parents)]


def _without_aliases(graph: Any, full: str) -> Iterator[str]:
    """Give the parents of a table; of renamed references older graphs have a node that is a number."""
    for parent in graph.predecessors(full):
        if parent.isdigit():
            yield from graph.predecessors(parent)
        else:
            yield parent


def unite_master_parts(lst: Iterable[str]) -> list[str]:
    """Return sorted names of tables with the parts right after their masters.

    Examples
    --------
    >>> unite_master_parts(["`s`.`a`", "`s`.`b`", "`s`.`a__p`"])
    ['`s`.`a`', '`s`.`a__p`', '`s`.`b`']
    """
    names = {full: read_name(full) for full in lst}
    known = set(names.values())
    families: dict[TableName, list[str]] = {}
    for full, name in names.items():
        master = name.master
        families.setdefault(master if master is not None and master in known else name, []).append(full)
    return [full for family in families.values() for full in family]
