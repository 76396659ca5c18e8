"""Where everything in a picture goes: a layered layout of our own, deterministic, without dependencies.

The steps are those of Sugiyama, Tagawa and Toda (1981): break cycles, choose ranks, order the layers, choose
positions. Schemas are blocks that stay together in every layer and are stacked in one order, so their frames
hold no foreign node. Edges are drawn straight through a layer and bend only between two layers, where there
are no nodes, so they never run through one.
"""

from __future__ import annotations

from collections.abc import Sequence

from datajoint._value import Value
from datajoint.diagram.layout.layering import Layering, cut_layers
from datajoint.diagram.layout.metrics import LABEL_SIZE, node_size, text_width
from datajoint.diagram.layout.order import order_bands, order_layers
from datajoint.diagram.layout.place import Gaps, place_items
from datajoint.diagram.layout.rank import Links, break_cycles, distribute, find_ranks, strong_components
from datajoint.diagram.layout.route import Box, Flow, Route, draw_routes, loop
from datajoint.diagram.picture import Picture

__all__ = ["Box", "Layout", "Route", "arrange", "cycles"]

_MARGIN = 16.0
_BEND = 4.0
_PAD = 12.0
_LABEL_HEIGHT = 20.0


class Layout(Value):
    """Positions for one picture; `nodes`, `edges` and `groups` are parallel to those of the picture.

    Parameters
    ----------
    width, height
        Size of the whole drawing, in pixels.
    nodes
        Box of every node.
    edges
        Route of every edge, from parent to child.
    groups
        Frame of every group; None for a group without nodes.
    against
        Indices of the edges that close a cycle and so run against the direction of the picture.
    """

    width: float
    height: float
    nodes: tuple[Box, ...]
    edges: tuple[Route, ...]
    groups: tuple[Box | None, ...]
    against: tuple[int, ...]


def arrange(picture: Picture) -> Layout:
    """Compute the positions of everything in `picture`.

    Examples
    --------
    >>> from datajoint.diagram.picture import Edge, Node
    >>> found = arrange(
    ...     Picture(
    ...         (Node("a", "A", "manual"), Node("b", "B", "computed")),
    ...         (Edge("b", "a", primary=True, multi=False, renamed=False),),
    ...     )
    ... )
    >>> found.nodes[0].x < found.nodes[1].x, found.nodes[0].centre[1] == found.nodes[1].centre[1]
    (True, True)
    """
    if not picture.nodes:
        return Layout(2 * _MARGIN, 2 * _MARGIN, (), (), tuple(None for _ in picture.groups), ())
    plan = _Plan(picture)
    ranks = _ranks(picture, plan)
    bands = order_bands(ranks, plan.links, plan.block)
    layering = cut_layers(ranks, plan.links, plan.block, bands)
    order_layers(layering)
    return _draw(picture, plan, layering)


def cycles(picture: Picture) -> tuple[tuple[str, ...], ...]:
    """Sets of nodes that refer to each other in a circle, each as the ids in order; none in a sound pipeline.

    Examples
    --------
    >>> from datajoint.diagram.picture import Edge, Node
    >>> key = {"primary": True, "multi": True, "renamed": False}
    >>> cycles(
    ...     Picture(
    ...         (Node("a", "A", "manual"), Node("b", "B", "manual")),
    ...         (Edge("b", "a", **key), Edge("a", "b", **key)),
    ...     )
    ... )
    (('a', 'b'),)
    """
    index = {node.id: i for i, node in enumerate(picture.nodes)}
    links = [(index[e.parent], index[e.child]) for e in picture.edges]
    found = strong_components(len(index), links)
    return tuple(tuple(picture.nodes[i].id for i in sorted(members)) for members in found)


class _Plan:
    """Nodes and edges of a picture as numbers."""

    __slots__ = ("against", "block", "lanes", "links", "loops")

    def __init__(self, picture: Picture) -> None:
        index = {node.id: i for i, node in enumerate(picture.nodes)}
        lanes: dict[tuple[int, int], list[int]] = {}
        self.loops: list[int] = []
        for e, edge in enumerate(picture.edges):
            parent, child = index[edge.parent], index[edge.child]
            if parent == child:
                self.loops.append(e)
            else:
                lanes.setdefault((parent, child), []).append(e)
        acyclic, turned = break_cycles(len(index), list(lanes))
        self.against = sorted(e for i, edges in enumerate(lanes.values()) if i in turned for e in edges)
        merged: dict[tuple[int, int], list[int]] = {}
        for link, edges in zip(acyclic, lanes.values(), strict=True):
            merged.setdefault(link, []).extend(edges)
        self.links: Links = list(merged)
        self.lanes = list(merged.values())
        self.block = _blocks(picture)


def _blocks(picture: Picture) -> list[int]:
    """Number of the block of every node: its group, else itself, or all in one if there are no groups."""
    if all(node.group is None for node in picture.nodes):
        return [0] * len(picture.nodes)
    number: dict[tuple[bool, str], int] = {}
    return [
        number.setdefault((node.group is None, node.id if node.group is None else node.group), len(number))
        for node in picture.nodes
    ]


def _ranks(picture: Picture, plan: _Plan) -> list[int]:
    count = len(picture.nodes)
    ranks = find_ranks(count, plan.links, plan.block)
    linked = {node for link in plan.links for node in link}
    isolated = [node for node in range(count) if node not in linked]
    per_column = 4.5 if picture.direction == "LR" else 0.25
    distribute(ranks, isolated, plan.block, per_column=per_column)
    return ranks


def _draw(picture: Picture, plan: _Plan, layering: Layering) -> Layout:
    horizontal = picture.direction == "LR"
    sizes = [node_size(node) for node in picture.nodes]
    length = [s[0] if horizontal else s[1] for s in sizes]
    breadth = [s[1] if horizontal else s[0] for s in sizes] + [_BEND] * (len(layering.rank) - len(sizes))
    labels = {g.id: text_width(g.label, LABEL_SIZE) + 6 for g in picture.groups}
    frames = {plan.block[i]: labels[n.group] for i, n in enumerate(picture.nodes) if n.group in labels}
    framed = [
        None if b not in frames else 0.0 if horizontal else frames[b] for b in range(max(plan.block) + 1)
    ]
    gaps = Gaps(
        item=12.0 if horizontal else 18.0,
        frame=14.0,
        before=_PAD + _LABEL_HEIGHT if horizontal else _PAD,
        after=_PAD,
    )
    centre, extents = place_items(layering, breadth, framed, gaps)
    flow = _flow(layering, length, centre, frames, horizontal=horizontal)
    centre = [_MARGIN + c for c in centre]
    boxes: list[Box] = []
    for i, r in enumerate(layering.rank[: len(sizes)]):
        spare = flow.ends[r] - flow.starts[r] - length[i]
        begin = flow.starts[r] + (0.0 if horizontal else spare / 2)
        boxes.append(flow.box(begin, centre[i] - breadth[i] / 2, length[i], breadth[i]))
    groups = _frames(picture, plan, layering, extents, flow)
    edges = _routes(picture, plan, layering, centre, flow, boxes)
    width = max(b.x + b.width for b in (*boxes, *(g for g in groups if g))) + _MARGIN
    height = max(b.y + b.height for b in (*boxes, *(g for g in groups if g))) + _MARGIN
    return Layout(round(width, 1), round(height, 1), tuple(boxes), edges, groups, tuple(plan.against))


def _flow(
    layering: Layering,
    length: Sequence[float],
    centre: Sequence[float],
    frames: dict[int, float],
    *,
    horizontal: bool,
) -> Flow:
    """Start and end of every layer; they are further apart where frames begin or end and edges are steep."""
    count = len(layering.layers)
    nodes = [[i for i in items if i < layering.nodes] for items in layering.layers]
    thickness = [max((length[i] for i in items), default=20.0) for items in nodes]
    opens = [0.0] * (count + 1)
    closes = [0.0] * (count + 1)
    for block in frames:
        first, last = layering.span[block]
        opens[first] = _PAD if horizontal else _PAD + _LABEL_HEIGHT
        closes[last] = _PAD
    starts: list[float] = []
    ends: list[float] = []
    at = _MARGIN
    for r, items in enumerate(layering.layers):
        at += opens[r]
        starts.append(at)
        at += thickness[r]
        if horizontal:
            ending = [b for b in frames if layering.span[b][1] == r]
            at = max([at, *(starts[layering.span[b][0]] + frames[b] for b in ending)])
        ends.append(at)
        steepest = max((abs(centre[i] - centre[j]) for i in items for j in layering.after[i]), default=0.0)
        at += closes[r] + (32.0 if horizontal else 30.0) + min(steepest * 0.07, 48.0)
    return Flow(horizontal, tuple(starts), tuple(ends))


def _frames(
    picture: Picture,
    plan: _Plan,
    layering: Layering,
    extents: dict[int, tuple[float, float]],
    flow: Flow,
) -> tuple[Box | None, ...]:
    block_of = {node.group: plan.block[i] for i, node in enumerate(picture.nodes)}
    before = _PAD if flow.horizontal else _PAD + _LABEL_HEIGHT
    result: list[Box | None] = []
    for group in picture.groups:
        if group.id not in block_of:
            result.append(None)
            continue
        first, last = layering.span[block_of[group.id]]
        low, high = extents[block_of[group.id]]
        begin, end = flow.starts[first] - before, flow.ends[last] + _PAD
        result.append(flow.box(begin, _MARGIN + low, end - begin, high - low))
    return tuple(result)


def _routes(
    picture: Picture,
    plan: _Plan,
    layering: Layering,
    centre: Sequence[float],
    flow: Flow,
    boxes: Sequence[Box],
) -> tuple[Route, ...]:
    elliptic = [node.tier in ("imported", "computed") for node in picture.nodes]
    drawn = draw_routes(layering, centre, flow, boxes, elliptic, plan.lanes)
    result: dict[int, Route] = {}
    against = set(plan.against)
    for edges, routes in zip(plan.lanes, drawn, strict=True):
        for e, path in zip(edges, routes, strict=True):
            result[e] = path.backward() if e in against else path
    index = {node.id: i for i, node in enumerate(picture.nodes)}
    seen: dict[str, int] = {}
    for e in plan.loops:
        node = picture.edges[e].child
        result[e] = loop(boxes[index[node]], seen.get(node, 0))
        seen[node] = seen.get(node, 0) + 1
    return tuple(result[e] for e in range(len(picture.edges)))
