"""Positions across the layers: links straight, parents amid their children, blocks in frames of their own.

Within a block each layer is placed by isotonic regression (pool adjacent violators) towards the mean of the
neighbours; then the blocks, now rigid, and the free bends move towards what they are linked with. A step
of the latter is the mean of two feasible placements (one pushed forth, one pushed back), hence feasible.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from datajoint._value import Value
from datajoint.diagram.layout.layering import FREE, Layering

__all__ = ["Gaps", "place_items"]

_INNER_ROUNDS = 8
_OUTER_ROUNDS = 12
_STIFFNESS = 6.0
"""Weight of a link between two bends against one between two nodes."""


class Gaps(Value):
    """Distances kept across the layers: between items, between frames, inside a frame before and after."""

    item: float
    frame: float
    before: float
    after: float


class _Links:
    """Weighted links of every item."""

    __slots__ = ("near",)

    def __init__(self, layering: Layering) -> None:
        n = layering.nodes
        self.near: list[list[tuple[int, float]]] = [[] for _ in layering.rank]
        for tail, heads in enumerate(layering.after):
            for head in heads:
                bends = (tail >= n) + (head >= n)
                weight = (1.0, 2.0, _STIFFNESS)[bends]
                self.near[tail].append((head, weight))
                self.near[head].append((tail, weight))


def place_items(
    layering: Layering, size: Sequence[float], framed: Sequence[float | None], gaps: Gaps
) -> tuple[list[float], dict[int, tuple[float, float]]]:
    """Centre of every item, and the extent of every block.

    `framed` holds for each block the least inner extent of its frame, None for a block without one.
    """
    links = _Links(layering)
    centre = [0.0] * len(layering.rank)
    inner: dict[int, tuple[float, float]] = {}
    for block in sorted(layering.span):
        inner[block] = _place_block(layering, links, block, size, gaps.item, centre)
    stack = _Stack(layering, size, framed, gaps, inner, centre)
    stack.settle(links)
    extents = stack.finish()
    return centre, extents


def _place_block(
    layering: Layering, links: _Links, block: int, size: Sequence[float], gap: float, centre: list[float]
) -> tuple[float, float]:
    """Place the items of one block by themselves; returns their extent."""
    first, last = layering.span[block]
    own, nodes = layering.block, layering.nodes
    layers = [[i for i in layering.layers[r] if own[i] == block] for r in range(first, last + 1)]
    rows: list[tuple[list[int], list[float]]] = []
    for items in layers:
        steps = [0.0] if items else []
        for a, b in pairwise(items):
            apart = gap if max(a, b) < nodes else gap * 0.7
            steps.append(steps[-1] + (size[a] + size[b]) / 2 + apart)
        rows.append((items, steps))
        for item, step in zip(items, steps, strict=True):
            centre[item] = step - steps[-1] / 2
    near = {i: [(o, w) for o, w in links.near[i] if own[o] == block] for items in layers for i in items}
    _relax(rows, near, layering.rank, centre)
    for (_, inside), track in layering.tracks.items():
        if inside == block:
            _straighten(track, rows, first, layering, centre)
    low = min((centre[i] - size[i] / 2 for items in layers for i in items), default=0.0)
    high = max((centre[i] + size[i] / 2 for items in layers for i in items), default=0.0)
    return low, high


def _relax(
    rows: Sequence[tuple[list[int], list[float]]],
    near: dict[int, list[tuple[int, float]]],
    rank: Sequence[int],
    centre: list[float],
) -> None:
    """Sweep back and forth, each layer towards the layer before; the last two sweeps look both ways."""
    for turn in range(_INNER_ROUNDS):
        down, both = turn % 2 == 0, turn >= _INNER_ROUNDS - 2
        for items, steps in rows if down else reversed(rows):
            wishes: list[tuple[float, float]] = []
            for k, item in enumerate(items):
                side = near[item]
                if not both:
                    side = [(o, w) for o, w in side if (rank[o] < rank[item]) == down] or side
                weight = sum(w for _, w in side)
                if weight:
                    wish = sum(centre[o] * w for o, w in side) / weight
                else:  # beside its neighbour in the layer
                    wish = wishes[-1][0] - steps[k - 1] + steps[k] if k else centre[item]
                wishes.append((wish, weight or 0.01))
            for item, position in zip(items, _isotonic(wishes, steps), strict=True):
                centre[item] = position


def _straighten(
    track: Sequence[int],
    rows: Sequence[tuple[list[int], list[float]]],
    first: int,
    layering: Layering,
    centre: list[float],
) -> None:
    """Move the bends of a track onto one line, or onto few where their neighbours leave no room."""
    start, low, high = 0, float("-inf"), float("inf")
    for k, item in enumerate(track):
        items, steps = rows[layering.rank[item] - first]
        at = items.index(item)
        least = centre[items[at - 1]] + steps[at] - steps[at - 1] if at else float("-inf")
        most = centre[items[at + 1]] - steps[at + 1] + steps[at] if at + 1 < len(items) else float("inf")
        if max(low, least) > min(high, most) + 1e-6:
            _level(track[start:k], low, high, centre)
            start, low, high = k, least, most
        else:
            low, high = max(low, least), min(high, most)
    _level(track[start:], low, high, centre)


def _level(bends: Sequence[int], low: float, high: float, centre: list[float]) -> None:
    middle = sorted(centre[i] for i in bends)[len(bends) // 2]
    for item in bends:
        centre[item] = max(low, min(middle, high))


def _isotonic(wishes: Sequence[tuple[float, float]], steps: Sequence[float]) -> list[float]:
    """Positions nearest to the wishes (weighted squares) that keep at least the steps between them."""
    pools: list[list[float]] = []  # mean, weight, how many
    for (wish, weight), step in zip(wishes, steps, strict=True):
        mean, total, count = wish - step, weight, 1.0
        while pools and pools[-1][0] > mean:
            other, other_total, other_count = pools.pop()
            mean = (mean * total + other * other_total) / (total + other_total)
            total += other_total
            count += other_count
        pools.append([mean, total, count])
    result: list[float] = []
    for mean, _, count in pools:
        done = len(result)
        result.extend(mean + step for step in steps[done : done + int(count)])
    return result


class _Stack:
    """Rigid blocks and free bends, in the order in which they are stacked."""

    def __init__(
        self,
        layering: Layering,
        size: Sequence[float],
        framed: Sequence[float | None],
        gaps: Gaps,
        inner: dict[int, tuple[float, float]],
        centre: list[float],
    ) -> None:
        self.layering, self.gaps, self.centre = layering, gaps, centre
        self.blocks = sorted(inner)
        runs = list(layering.runs.values())
        self.members: list[list[int]] = [[] for _ in self.blocks] + runs
        self.owner = {item: len(self.blocks) + k for k, run in enumerate(runs) for item in run}
        for item, block in enumerate(layering.block):
            if block != FREE:
                self.owner[item] = block
                self.members[block].append(item)
        self.extent: list[float] = []
        self.offset = [0.0] * len(layering.rank)  # of an item from the start of its owner
        self.framed = [framed[b] is not None for b in self.blocks] + [False] * len(runs)
        for block in self.blocks:
            self._frame(block, inner[block], framed[block])
        for run in runs:
            self.extent.append(size[run[0]])
            for item in run:
                self.offset[item] = size[item] / 2
        bands = [layering.band[items[0]] for items in self.members]
        self.order = [(band, m) for m, band in enumerate(bands)]
        self.sequence = sorted(range(len(bands)), key=self.order.__getitem__)
        self.lower: list[list[tuple[int, float]]] = [[] for _ in bands]
        self.upper: list[list[tuple[int, float]]] = [[] for _ in bands]
        self._separate()
        self.start = self._push([0.0] * len(bands))

    def _frame(self, block: int, inner: tuple[float, float], least: float | None) -> None:
        low, high = inner
        before, after = (self.gaps.before, self.gaps.after) if least is not None else (0.0, 0.0)
        spare = max(0.0, (least or 0.0) - (high - low)) / 2
        self.extent.append(high - low + 2 * spare + before + after)
        for item in self.members[block]:
            self.offset[item] = self.centre[item] - low + spare + before

    def _separate(self) -> None:
        """Collect who must stay clear of whom, layer by layer."""
        layering = self.layering
        seen: set[tuple[int, int]] = set()
        present: list[set[int]] = [set() for _ in layering.layers]
        for block, (first, last) in layering.span.items():
            for r in range(first, last + 1):
                present[r].add(block)
        for item, owner in self.owner.items():
            present[layering.rank[item]].add(owner)
        for r in range(len(present)):
            for a, b in pairwise(sorted(present[r], key=self.order.__getitem__)):
                if (a, b) not in seen:
                    seen.add((a, b))
                    gap = self.gaps.frame if self.framed[a] and self.framed[b] else self.gaps.item
                    self.lower[b].append((a, gap))
                    self.upper[a].append((b, gap))

    def _push(self, wish: Sequence[float]) -> list[float]:
        """Everything where it wishes, later ones pushed on by earlier ones."""
        start = [0.0] * len(self.sequence)
        for m in self.sequence:
            least = max((start[a] + self.extent[a] + gap for a, gap in self.lower[m]), default=wish[m])
            start[m] = max(wish[m], least)
        return start

    def _pull(self, wish: Sequence[float]) -> list[float]:
        """Everything where it wishes, earlier ones pushed back by later ones."""
        start = [0.0] * len(self.sequence)
        for m in reversed(self.sequence):
            most = min((start[b] - self.extent[m] - gap for b, gap in self.upper[m]), default=wish[m])
            start[m] = min(wish[m], most)
        return start

    def settle(self, links: _Links) -> None:
        """Move blocks and free bends towards what they are linked with."""
        outward: list[list[tuple[int, int, float]]] = [[] for _ in self.sequence]
        for item, near in enumerate(links.near):
            m = self.owner[item]
            outward[m].extend((item, other, w) for other, w in near if self.owner[other] != m)
        if not any(outward):
            return
        for _ in range(_OUTER_ROUNDS):
            wish: list[float] = []
            for m, ties in enumerate(outward):
                weight = sum(w for _, _, w in ties)
                total = sum((self._at(o) - self.offset[i]) * w for i, o, w in ties)
                wish.append(total / weight if weight else self.start[m])
            forth, back = self._push(wish), self._pull(wish)
            self.start = [(f + b) / 2 for f, b in zip(forth, back, strict=True)]

    def _at(self, item: int) -> float:
        return self.start[self.owner[item]] + self.offset[item]

    def finish(self) -> dict[int, tuple[float, float]]:
        """Write the centres; returns the extent of every block."""
        lowest = min(self.start, default=0.0)
        self.start = [s - lowest for s in self.start]
        for item in range(len(self.centre)):
            self.centre[item] = self._at(item)
        return {b: (self.start[b], self.start[b] + self.extent[b]) for b in self.blocks}
