"""Routes of the edges, and the translation of layers into coordinates."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint._value import Value
from datajoint.diagram.layout.layering import Layering

__all__ = ["Box", "Flow", "Route", "Track", "draw_routes", "loop"]

_LANE = 5.0
"""Distance between parallel edges."""
_PORT = 7.0
"""Greatest distance between the places where edges enter a node."""


class Box(Value):
    """A rectangle, by its upper left corner.

    Examples
    --------
    >>> Box(0, 0, 10, 4).centre
    (5.0, 2.0)
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """The point in the middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def overlaps(self, other: Box) -> bool:
        """Whether the two rectangles share more than an edge.

        Examples
        --------
        >>> Box(0, 0, 2, 2).overlaps(Box(1, 1, 2, 2)), Box(0, 0, 2, 2).overlaps(Box(2, 0, 2, 2))
        (True, False)
        """
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


class Route(Value):
    """A path: its start, then straight segments ``(x, y)`` and Bézier segments ``(x1, y1, x2, y2, x, y)``.

    Examples
    --------
    >>> Route((0, 0), ((5, 0), (7, 0, 7, 4, 9, 4))).end
    (9, 4)
    """

    start: tuple[float, float]
    segments: tuple[tuple[float, ...], ...]

    @property
    def end(self) -> tuple[float, float]:
        """The last point."""
        last = self.segments[-1] if self.segments else self.start
        return last[-2], last[-1]

    def backward(self) -> Route:
        """Return the same path from its end to its start.

        Examples
        --------
        >>> Route((0, 0), ((5, 0), (7, 0, 7, 4, 9, 4))).backward()
        Route(start=(9, 4), segments=((7, 4, 7, 0, 5, 0), (0, 0)))
        """
        segments: list[tuple[float, ...]] = []
        starts = [self.start, *((s[-2], s[-1]) for s in self.segments)]
        for (x, y), segment in zip(reversed(starts[:-1]), reversed(self.segments), strict=True):
            segments.append((*segment[2:4], *segment[0:2], x, y) if len(segment) == 6 else (x, y))
        return Route(self.end, tuple(segments))


class Flow(Value):
    """Layers in pixels: start and end of each along the direction of the picture, which is x for ``LR``."""

    horizontal: bool
    starts: tuple[float, ...]
    ends: tuple[float, ...]

    def box(self, along: float, across: float, length: float, breadth: float) -> Box:
        """Rectangle from its first corner and its sizes along and across the direction."""
        if self.horizontal:
            return Box(round(along, 1), round(across, 1), round(length, 1), round(breadth, 1))
        return Box(round(across, 1), round(along, 1), round(breadth, 1), round(length, 1))


class Track:
    """A route while it is being drawn, in coordinates along and across the direction."""

    __slots__ = ("_across", "_along", "_horizontal", "_segments", "_start")

    def __init__(self, horizontal: bool, along: float, across: float) -> None:
        self._horizontal = horizontal
        self._along, self._across = along, across
        self._start = self._point(along, across)
        self._segments: list[tuple[float, ...]] = []

    def _point(self, along: float, across: float) -> tuple[float, float]:
        point = (round(along, 1), round(across, 1))
        return point if self._horizontal else (point[1], point[0])

    def to(self, along: float, across: float) -> None:
        """Go on to a point: straight where the height stays, else in an S with level ends."""
        if abs(across - self._across) < 0.1:
            if along != self._along:
                point = self._point(along, self._across)
                if self._segments and len(self._segments[-1]) == 2:
                    self._segments.pop()
                self._segments.append(point)
            self._along = along
            return
        middle = (self._along + along) / 2
        self._segments.append(
            (*self._point(middle, self._across), *self._point(middle, across), *self._point(along, across))
        )
        self._along, self._across = along, across

    def route(self) -> Route:
        """Return the finished route."""
        return Route(self._start, tuple(self._segments))


def draw_routes(
    layering: Layering,
    centre: Sequence[float],
    flow: Flow,
    boxes: Sequence[Box],
    round_nodes: Sequence[bool],
    lanes: Sequence[Sequence[int]],
) -> list[list[Route]]:
    """Draw every chain of the layering, once for each of its lanes (parallel edges), from tail to head."""
    ports = _ports(layering, centre, boxes, flow, lanes)
    result: list[list[Route]] = []
    for c, chain in enumerate(layering.chains):
        drawn: list[Route] = []
        tail, head = chain[0], chain[-1]
        apart = min(_LANE, _room(boxes[tail], flow) / max(len(lanes[c]) - 1, 1))
        for k in range(len(lanes[c])):
            lane = (k - (len(lanes[c]) - 1) / 2) * apart
            begin = _edge_of(boxes[tail], flow, lane, round_node=round_nodes[tail], end=True)
            track = Track(flow.horizontal, begin, centre[tail] + lane)
            track.to(flow.ends[layering.rank[tail]], centre[tail] + lane)
            for item in chain[1:-1]:
                track.to(flow.starts[layering.rank[item]], centre[item] + lane)
                track.to(flow.ends[layering.rank[item]], centre[item] + lane)
            port = ports[c, k]
            track.to(flow.starts[layering.rank[head]], centre[head] + port)
            arrive = _edge_of(boxes[head], flow, port, round_node=round_nodes[head], end=False)
            track.to(arrive, centre[head] + port)
            drawn.append(track.route())
        result.append(drawn)
    return result


def _room(box: Box, flow: Flow) -> float:
    """Breadth that parallel edges may take: less than the node, and than the way between two others."""
    return min((box.height if flow.horizontal else box.width) * 0.6, 14.0)


def _ports(
    layering: Layering,
    centre: Sequence[float],
    boxes: Sequence[Box],
    flow: Flow,
    lanes: Sequence[Sequence[int]],
) -> dict[tuple[int, int], float]:
    """Where each chain enters its head, from the middle of the node; in the order in which they arrive."""
    arriving: dict[int, list[tuple[float, int, int]]] = {}
    for c, chain in enumerate(layering.chains):
        for k in range(len(lanes[c])):
            arriving.setdefault(chain[-1], []).append((centre[chain[-2]], c, k))
    result: dict[tuple[int, int], float] = {}
    for head, chains in arriving.items():
        room = (boxes[head].height if flow.horizontal else boxes[head].width) * 0.62
        step = min(_PORT if flow.horizontal else 2 * _PORT, room / max(len(chains) - 1, 1))
        for place, (_, c, k) in enumerate(sorted(chains)):
            result[c, k] = (place - (len(chains) - 1) / 2) * step
    return result


def _edge_of(box: Box, flow: Flow, port: float, *, round_node: bool, end: bool) -> float:
    """Where a node begins or ends along the direction, at a distance `port` from its middle."""
    begin, length = (box.x, box.width) if flow.horizontal else (box.y, box.height)
    breadth = box.height if flow.horizontal else box.width
    inset = 0.0
    if round_node:
        share = min(abs(port) / (breadth / 2), 1.0)
        inset = length / 2 * (1 - (1 - share * share) ** 0.5)
    return begin + length - inset if end else begin + inset


def loop(box: Box, lane: int) -> Route:
    """Draw the edge of a table that refers to itself: out at the right, back in at the bottom right."""
    x, y = box.x + box.width, box.y + box.height
    reach = 12 + min(1.5 * lane, 6.0)
    start = (x, round(box.y + box.height / 2, 1))
    end = (round(x - min(16.0, box.width / 3), 1), y)
    path = (round(x + reach, 1), start[1], round(x + reach, 1), round(y + reach / 2, 1))
    corner = (round(x - 2, 1), round(y + reach / 2, 1))
    return Route(start, ((*path, *corner), (end[0], corner[1], end[0], corner[1], *end)))
