"""Layers of items: the nodes, and a bend wherever a long edge passes through a layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from datajoint.diagram.layout.rank import Links

__all__ = ["Layering", "cut_layers"]

FREE = -1
"""Block of the bends that lie in no block."""


class Layering:
    """The working state of one layout: items of every layer, in order, with their links.

    Items 0 … n-1 are the nodes, the others are bends. A *block* is a set of nodes that stays together (a
    schema); blocks are stacked in the order of `band`, a free bend lies between two of them (a half number).
    The free bends of one parent in one band are a *run*: they stay on one straight line. Its bends in one
    block are a *track*: they do so as far as there is room.
    """

    __slots__ = (
        "after", "band", "before", "block", "chains", "layers",
        "nodes", "place", "rank", "runs", "span", "tracks",
    )  # fmt: skip

    def __init__(self, ranks: Sequence[int], block: Sequence[int], bands: Sequence[float]) -> None:
        self.nodes = len(ranks)
        self.rank = list(ranks)
        self.block = list(block)
        self.band: list[float] = [bands[b] for b in block]
        self.before: list[list[int]] = [[] for _ in ranks]
        self.after: list[list[int]] = [[] for _ in ranks]
        self.layers: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
        self.span: dict[int, tuple[int, int]] = {}
        self.place = [0] * self.nodes
        self.runs: dict[tuple[int, float], list[int]] = {}
        self.tracks: dict[tuple[int, int], list[int]] = {}
        self.chains: list[tuple[int, ...]] = []
        for node, r in enumerate(ranks):
            self.layers[r].append(node)
            first, last = self.span.get(block[node], (r, r))
            self.span[block[node]] = min(first, r), max(last, r)

    def bend(self, rank: int, block: int, band: float) -> int:
        """Add a bend and return its number."""
        item = len(self.rank)
        self.rank.append(rank)
        self.block.append(block)
        self.band.append(band)
        self.place.append(0)
        self.before.append([])
        self.after.append([])
        self.layers[rank].append(item)
        return item

    def join(self, tail: int, head: int) -> None:
        """Link two items of neighbouring layers, once."""
        if head not in self.after[tail]:
            self.after[tail].append(head)
            self.before[head].append(tail)

    def number(self, rank: int) -> None:
        """Write down the order of a layer in `place`."""
        for position, item in enumerate(self.layers[rank]):
            self.place[item] = position


def cut_layers(ranks: Sequence[int], links: Links, block: Sequence[int], bands: Sequence[float]) -> Layering:
    """Cut long links at every layer. Links of one parent share bends as long as they go the same way."""
    result = Layering(ranks, block, bands)
    leaving, arriving = _degrees(len(ranks), links)
    shared: dict[tuple[int, int, int, float], int] = {}
    for tail, head in links:
        towards = 0.5 if bands[block[head]] > bands[block[tail]] else -0.5
        if leaving[tail] >= arriving[head]:  # fan out at once, else stay with the parent
            free_band = bands[block[head]] - towards
        else:
            free_band = bands[block[tail]] + towards
        chain = [tail]
        for r in range(ranks[tail] + 1, ranks[head]):
            inside = _block_at(result, r, block[tail], block[head])
            band = bands[inside] if inside != FREE else free_band
            key = (tail, r, inside, band)
            if key not in shared:
                shared[key] = result.bend(r, inside, band)
                if inside == FREE:
                    result.runs.setdefault((tail, band), []).append(shared[key])
                else:
                    result.tracks.setdefault((tail, inside), []).append(shared[key])
            chain.append(shared[key])
        chain.append(head)
        for a, b in pairwise(chain):
            result.join(a, b)
        result.chains.append(tuple(chain))
    return result


def _degrees(count: int, links: Links) -> tuple[list[int], list[int]]:
    leaving, arriving = [0] * count, [0] * count
    for tail, head in links:
        leaving[tail] += 1
        arriving[head] += 1
    return leaving, arriving


def _block_at(layering: Layering, rank: int, tail_block: int, head_block: int) -> int:
    """Block in which a link runs at `rank`: that of its parent, then that of its child, else none."""
    if rank <= layering.span[tail_block][1]:
        return tail_block
    if rank >= layering.span[head_block][0]:
        return head_block
    return FREE
