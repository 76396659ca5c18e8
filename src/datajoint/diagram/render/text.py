"""A picture for the terminal: one table a line, parents above their children, foreign keys as rails.

Every table with children still to come keeps a vertical rail; the line of a child starts at the rail of
its leftmost parent. Where a rail joins a line there is ``├ └ ┴ ┼``; a bare ``│`` in a line only crosses it.
So a pipeline that is a tree looks like a tree, and any other one is as narrow as its open tables allow.
"""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.diagram.layout.rank import break_cycles
from datajoint.diagram.picture import TIERS, Edge, Node, Picture

__all__ = ["MEDIA_TYPE", "render"]

MEDIA_TYPE = "text/plain"

_MARKS: dict[str, str] = dict(zip(TIERS, "■□○●▪▣◇", strict=True))
_ASCII_MARKS: dict[str, str] = dict(zip(TIERS, "MLICPS?", strict=True))
_COLOURS = {"manual": "32", "lookup": "90", "imported": "34", "computed": "31", "part": "39", "schema": "35"}
_NAMES = {"schema": "collapsed schema", "unknown": "other table"}

# Joints by (ends here, continues to the left, thick to the right).
_JOINTS = {
    (False, False, False): "├",
    (True, False, False): "└",
    (False, True, False): "┼",
    (True, True, False): "┴",
    (False, False, True): "┝",
    (True, False, True): "┕",
    (False, True, True): "┿",
    (True, True, True): "┷",
}
_ASCII = str.maketrans("│─╌━├└┼┴┝┕┿┷→", "|-.=+`+++`++>")


def render(picture: Picture, *, ascii: bool = False, ansi: bool = False, legend: bool = True) -> str:
    """Draw `picture` as lines of text.

    Parameters
    ----------
    picture
        What to draw.
    ascii
        Use letters and plain characters instead of marks and box characters.
    ansi
        Colour the tiers and underline the tables that introduce key attributes.
    legend
        Explain the marks and lines that occur, in a last line.

    Examples
    --------
    >>> key = {"primary": True, "multi": True, "renamed": False}
    >>> nodes = Node("a", "Image", "manual"), Node("b", "Scan", "imported"), Node("c", "Mask", "computed")
    >>> edges = Edge("b", "a", **key), Edge("c", "b", **key)
    >>> print(render(Picture(nodes, edges), legend=False))
    ■ Image
    └─○ Scan
      └─● Mask
    <BLANKLINE>
    """
    graph = _Graph(picture)
    rails = _Rails(graph, ansi=ansi)
    names = _names(picture)
    marks = _ASCII_MARKS if ascii else _MARKS
    lines: list[str] = []
    for v in graph.sequence():
        node = picture.nodes[v]
        mark = marks.get(node.tier, marks["unknown"])
        lead = rails.step(v)
        prefix, name = names[v]
        label = prefix + (_paint(name, node, underline=node.underlined) if ansi else name)
        label += _badge(node, ansi=ansi)
        note = _note(graph, v)
        mark = _paint(mark, node, underline=False) if ansi else mark
        lines.append(f"{lead}{mark} {label}{_dim(note, ansi=ansi)}".rstrip())
    if legend and lines:
        lines += ["", _dim(_legend(picture, marks), ansi=ansi)]
    text = "".join(line + "\n" for line in lines)
    return text.translate(_ASCII) if ascii else text


class _Graph:
    """Nodes and foreign keys by number, without the edges that close a cycle."""

    def __init__(self, picture: Picture) -> None:
        index = {node.id: i for i, node in enumerate(picture.nodes)}
        count = len(index)
        self.nodes = picture.nodes
        self.keys: list[dict[int, list[Edge]]] = [{} for _ in range(count)]
        self.back: list[list[int]] = [[] for _ in range(count)]
        links = list(dict.fromkeys((index[e.parent], index[e.child]) for e in picture.edges))
        _, turned = break_cycles(count, links)
        closing = {links[i] for i in turned}
        for edge in picture.edges:
            parent, child = index[edge.parent], index[edge.child]
            if (parent, child) in closing:
                self.back[child].append(parent)
            else:
                self.keys[child].setdefault(parent, []).append(edge)
        self.children: list[list[int]] = [[] for _ in range(count)]
        for child, parents in enumerate(self.keys):
            for parent in parents:
                self.children[parent].append(child)
        self.reach = self._reach()
        for children in self.children:  # parts first, then small subtrees: rails end early
            children.sort(key=lambda c: (self.nodes[c].tier != "part", self.reach[c], c))

    def _reach(self) -> list[int]:
        """Count what hangs below every node, each once (sets as bits of an integer)."""
        below = [0] * len(self.nodes)
        for v in reversed(self._breadth_first()):
            for child in self.children[v]:
                below[v] |= below[child] | 1 << child
        return [bits.bit_count() for bits in below]

    def _breadth_first(self) -> list[int]:
        missing = [len(parents) for parents in self.keys]
        order = [v for v, n in enumerate(missing) if n == 0]
        for v in order:  # grows while it is read
            for child in self.children[v]:
                missing[child] -= 1
                if missing[child] == 0:
                    order.append(child)
        return order

    def sequence(self) -> list[int]:
        """Order of the lines: parents first, children as soon as all their parents are there."""
        missing = [len(parents) for parents in self.keys]
        roots = [v for v, n in enumerate(missing) if n == 0]
        done: dict[int, None] = {}
        while len(done) < len(self.nodes):
            pending = [self._next_root(roots, done)]
            while pending:
                v = pending.pop()
                done[v] = None
                ready: list[int] = []
                for child in self.children[v]:
                    missing[child] -= 1
                    if missing[child] == 0:
                        ready.append(child)
                pending.extend(reversed(ready))
        return list(done)

    def _next_root(self, roots: Sequence[int], done: dict[int, None]) -> int:
        """Root that a child of the latest open table is waiting for, else the one with most below it."""
        for v in reversed(done):
            for child in self.children[v]:
                if child not in done:
                    return self._missing_root(child, done)
        return max((v for v in roots if v not in done), key=lambda v: (self.reach[v], -v))

    def _missing_root(self, v: int, done: dict[int, None]) -> int:
        while True:
            waiting = [p for p in self.keys[v] if p not in done]
            if not waiting:
                return v
            v = waiting[0]


class _Rails:
    """Columns of the tables that have children still to come."""

    def __init__(self, graph: _Graph, *, ansi: bool) -> None:
        self._graph, self._ansi = graph, ansi
        self._columns: dict[int, int] = {}  # column → table
        self._left = [len(children) for children in graph.children]

    def step(self, v: int) -> str:
        """Draw what is left of the mark of `v`, and open its rail."""
        keys = self._graph.keys[v]
        place = 1 + max(self._columns, default=-1)
        joined = sorted(c for c, table in self._columns.items() if table in keys)
        cells: list[str] = []
        line = " "
        for column in range(place):
            table = self._columns.get(column)
            cell = " " if table is None else "│"
            if table is not None and table in keys:
                self._left[table] -= 1
                edges = keys[table]
                joint = (self._left[table] == 0, column > joined[0], not edges[0].multi)
                line = _line(edges, ansi=self._ansi)
                cell = _JOINTS[joint]
                if self._left[table] == 0:
                    del self._columns[column]
            elif table is None and line != " ":
                cell = line
            cells.append(cell + line)
        if self._left[v]:
            self._columns[place] = v
        return "".join(cells)


def _line(edges: Sequence[Edge], *, ansi: bool) -> str:
    line = "─" if any(e.primary for e in edges) else "╌"
    if not edges[0].multi:
        line = "━"
    return f"\x1b[33m{line}\x1b[0m" if ansi and any(e.renamed for e in edges) else line


def _names(picture: Picture) -> list[tuple[str, str]]:
    """Prefix and name of every node; the prefix tells schemas apart if there are several."""
    groups = {group.id: _one_line(group.label) for group in picture.groups}
    used = {node.group for node in picture.nodes if node.tier != "schema"}
    several = len(used) > 1
    result: list[tuple[str, str]] = []
    for node in picture.nodes:
        prefix = f"{groups.get(node.group, node.group)}." if several and node.group is not None else ""
        result.append((prefix, _one_line(node.label)))
    return result


def _badge(node: Node, *, ansi: bool) -> str:
    badge = f" ({_one_line(node.badge)})" if node.badge else ""
    return f"\x1b[1;33m{badge}\x1b[0m" if ansi and badge and node.flagged else badge


def _note(graph: _Graph, v: int) -> str:
    """What the lines cannot show: renamed, nullable, unique, repeated foreign keys, cycles."""
    notes: list[str] = []
    for parent, edges in graph.keys[v].items():
        words = [f"{len(edges)} keys"] if len(edges) > 1 else []
        words += [w for w in ("renamed", "nullable", "unique") if any(getattr(e, w) for e in edges)]
        if not edges[0].multi and not edges[0].primary:
            words.append("secondary")
        if words:
            notes.append(f"{_one_line(graph.nodes[parent].label)}: {', '.join(words)}")
    for parent in graph.back[v]:
        name = _one_line(graph.nodes[parent].label)
        notes.append("refers to itself" if parent == v else f"{name}: closes a cycle")
    return f"  ({'; '.join(notes)})" if notes else ""


def _legend(picture: Picture, marks: dict[str, str]) -> str:
    tiers = {node.tier if node.tier in marks else "unknown" for node in picture.nodes}
    words = [f"{marks[tier]} {_NAMES.get(tier, tier)}" for tier in TIERS if tier in tiers]
    edges = picture.edges
    lines = [
        ("─ primary", any(e.primary and e.multi for e in edges)),
        ("╌ secondary", any(not e.primary and e.multi for e in edges)),
        ("━ one-to-one", any(not e.multi for e in edges)),
    ]
    return "   ".join([*words, *(text for text, used in lines if used)])


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _paint(text: str, node: Node, *, underline: bool) -> str:
    codes = [_COLOURS.get(node.tier, "39"), *(["4"] if underline else [])]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


def _dim(text: str, *, ansi: bool) -> str:
    return f"\x1b[2m{text}\x1b[0m" if ansi and text else text
