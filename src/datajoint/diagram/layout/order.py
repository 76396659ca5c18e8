"""Order within the layers: few crossings, blocks kept together.

Barycentre sweeps with exchanges of neighbours (Sugiyama, Tagawa and Toda 1981; Gansner et al. 1993).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from datajoint.diagram.layout.layering import Layering
from datajoint.diagram.layout.rank import Links

__all__ = ["crossings", "order_bands", "order_layers"]

_EFFORT = ((600, 12, 4), (1500, 6, 2), (1 << 30, 4, 2))
"""Up to how many items: how many sweeps, and how many rounds of exchanges in each."""
_FEW = 12
"""Blocks up to which their order is chosen with care."""


def order_bands(ranks: Sequence[int], links: Links, block: Sequence[int]) -> list[float]:
    """Choose the order in which the blocks are stacked; returns the position of each block."""
    count = max(block, default=-1) + 1
    if count <= 1:
        return [0.0] * count
    height = _rough_heights(ranks, links)
    total, size = [0.0] * count, [0] * count
    for node, b in enumerate(block):
        total[b] += height[node]
        size[b] += 1
    sequence = sorted(range(count), key=lambda b: (total[b] / max(size[b], 1), b))
    if count <= _FEW:
        sequence = _improve(sequence, _Detours(ranks, links, block))
    else:
        sequence = _tighten(sequence, links, block)
    position = [0.0] * count
    for p, b in enumerate(sequence):
        position[b] = float(p)
    return position


class _Detours:
    """How far the links between blocks have to go past other blocks, for any order of the blocks."""

    def __init__(self, ranks: Sequence[int], links: Links, block: Sequence[int]) -> None:
        tall: dict[int, dict[int, int]] = {}
        for node, b in enumerate(block):
            layers = tall.setdefault(b, {})
            layers[ranks[node]] = layers.get(ranks[node], 0) + 1
        self.height = {b: max(layers.values()) + 1 for b, layers in tall.items()}
        self.weight: dict[tuple[int, int], list[int]] = {}
        for tail, head in links:
            a, b = block[tail], block[head]
            if a != b:
                past = self.weight.setdefault((min(a, b), max(a, b)), [0] * len(tall))
                for c, layers in tall.items():
                    beside = min(layers) <= ranks[head] and max(layers) >= ranks[tail]
                    past[c] += self.height[c] * (2 if beside else 0)
                past[a] += self.height[a]
                past[b] += self.height[b]

    def cost(self, sequence: Sequence[int]) -> int:
        """Sum over the links of the heights of the blocks between their ends."""
        position = {b: p for p, b in enumerate(sequence)}
        total = 0
        for (a, b), past in self.weight.items():
            first, last = sorted((position[a], position[b]))
            total += sum(past[c] for c in sequence[first + 1 : last])
        return total


def _improve(sequence: list[int], detours: _Detours) -> list[int]:
    """Take one block out and put it in elsewhere, as long as that shortens the detours."""
    best = detours.cost(sequence)
    improved = True
    while improved and best:
        improved = False
        for block in sorted(sequence):
            rest = [b for b in sequence if b != block]
            for p in range(len(sequence)):
                trial = [*rest[:p], block, *rest[p:]]
                cost = detours.cost(trial)
                if cost < best:
                    sequence, best, improved = trial, cost, True
    return sequence


def _tighten(sequence: list[int], links: Links, block: Sequence[int]) -> list[int]:
    """Exchange neighbours in the stack where that shortens the links between blocks (for many blocks)."""
    near: list[dict[int, int]] = [{} for _ in sequence]
    for tail, head in links:
        a, b = block[tail], block[head]
        if a != b:
            near[a][b] = near[a].get(b, 0) + 1
            near[b][a] = near[b].get(a, 0) + 1
    position = {b: p for p, b in enumerate(sequence)}
    for _ in range(_FEW):
        changed = False
        for p in range(len(sequence) - 1):
            a, b = sequence[p], sequence[p + 1]
            gain = sum(w if position[c] > p else -w for c, w in near[a].items() if c != b)
            gain += sum(w if position[c] < p else -w for c, w in near[b].items() if c != a)
            if gain > 0:
                sequence[p], sequence[p + 1] = b, a
                position[a], position[b] = p + 1, p
                changed = True
        if not changed:
            break
    return sequence


def _rough_heights(ranks: Sequence[int], links: Links) -> list[float]:
    """Height between 0 and 1 of each node, from a few sweeps without bends."""
    layers: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    near: list[list[int]] = [[] for _ in ranks]
    for tail, head in links:
        near[tail].append(head)
        near[head].append(tail)
    for node in _depth_first(ranks, near):
        layers[ranks[node]].append(node)
    height = [0.0] * len(ranks)
    _spread(layers, height)
    for sweep in range(8):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            layer.sort(key=lambda n: sum(height[m] for m in near[n]) / len(near[n]) if near[n] else height[n])
            _spread([layer], height)
    return height


def _spread(layers: Sequence[Sequence[int]], height: list[float]) -> None:
    for layer in layers:
        for position, node in enumerate(layer):
            height[node] = (position + 0.5) / len(layer)


def _depth_first(ranks: Sequence[int], near: Sequence[Sequence[int]]) -> list[int]:
    """Nodes as a depth-first walk meets them, so that what belongs together starts together."""
    seen = [False] * len(ranks)
    result: list[int] = []
    for root in sorted(range(len(ranks)), key=lambda n: (ranks[n], n)):
        stack = [root]
        while stack:
            node = stack.pop()
            if not seen[node]:
                seen[node] = True
                result.append(node)
                stack.extend(sorted((m for m in near[node] if not seen[m]), key=lambda m: -ranks[m]))
    return result


def order_layers(layering: Layering) -> None:
    """Order every layer in place; the best of several sweeps is kept."""
    near = _both(layering)
    position = {item: p for p, item in enumerate(_depth_first(layering.rank, near))}
    for layer in layering.layers:
        layer.sort(key=lambda item: (layering.band[item], not near[item], position[item]))
    for r in range(len(layering.layers)):
        layering.number(r)
    best, fewest = [list(layer) for layer in layering.layers], crossings(layering)
    sweeps, rounds = next((s, e) for items, s, e in _EFFORT if len(layering.rank) <= items)
    stuck = 0
    for sweep in range(sweeps):
        if fewest == 0 or stuck > 3:
            break
        _sweep(layering, down=sweep % 2 == 0)
        _exchange(layering, rounds)
        now = crossings(layering)
        stuck += 1
        if now < fewest:
            best, fewest, stuck = [list(layer) for layer in layering.layers], now, 0
    layering.layers[:] = best
    for r in range(len(best)):
        layering.number(r)
    _straighten(layering)


def _straighten(layering: Layering) -> None:
    """Sort the runs, and put those of one band into the same order in every layer."""
    place, layers = layering.place, layering.layers

    def height(run: list[int]) -> float:
        return sum((place[i] + 0.5) / len(layers[layering.rank[i]]) for i in run) / len(run)

    layering.runs = dict(sorted(layering.runs.items(), key=lambda pair: height(pair[1])))
    number = {item: n for n, run in enumerate(layering.runs.values()) for item in run}
    for r, layer in enumerate(layers):
        layer.sort(key=lambda i: (layering.band[i], number.get(i, 0), place[i]))
        layering.number(r)


def _both(layering: Layering) -> list[list[int]]:
    return [b + a for b, a in zip(layering.before, layering.after, strict=True)]


def _sweep(layering: Layering, *, down: bool) -> None:
    """Order each layer by the mean place of the neighbours in the layer before (or after)."""
    near = layering.before if down else layering.after
    ranks = range(len(layering.layers))
    place, layers, band = layering.place, layering.layers, layering.band
    for r in ranks if down else reversed(ranks):
        beside = r - 1 if down else r + 1
        if not 0 <= beside < len(layers):
            continue
        scale = len(layers[r]) / max(len(layers[beside]), 1)
        key: dict[int, tuple[float, float]] = {}
        for item in layers[r]:
            others = near[item]
            if others:
                mean = sum(place[o] for o in others) / len(others) * scale
            else:  # what has no links at all stays at the end
                mean = float(place[item]) if layering.before[item] or layering.after[item] else float("inf")
            key[item] = (band[item], mean)
        layers[r].sort(key=key.__getitem__)
        layering.number(r)


def _exchange(layering: Layering, rounds: int) -> None:
    """Exchange neighbours of one band as long as that removes crossings."""
    pending = set(range(len(layering.layers)))
    for _ in range(rounds):
        changed = [r for r in sorted(pending) if _exchange_layer(layering, r)]
        pending = {s for r in changed for s in (r - 1, r, r + 1) if 0 <= s < len(layering.layers)}


def _exchange_layer(layering: Layering, rank: int) -> bool:
    layer, band, place = layering.layers[rank], layering.band, layering.place
    up = [sorted([place[o] for o in layering.before[item]]) for item in layer]
    down = [sorted([place[o] for o in layering.after[item]]) for item in layer]
    changed = False
    for p in range(len(layer) - 1):
        if band[layer[p]] != band[layer[p + 1]]:
            continue
        gain = 0
        for side in (up, down):
            first, second = side[p], side[p + 1]
            if first and second and first[-1] > second[0]:
                gain += _pair_crossings(first, second) - _pair_crossings(second, first)
        if gain > 0:
            layer[p], layer[p + 1] = layer[p + 1], layer[p]
            for side in (up, down):
                side[p], side[p + 1] = side[p + 1], side[p]
            changed = True
    if changed:
        layering.number(rank)
    return changed


def _pair_crossings(first: list[int], second: list[int]) -> int:
    """Crossings of the links of two neighbours, from the sorted places of the other ends."""
    if len(first) == 1:
        return bisect_left(second, first[0])
    return sum([len(first) - bisect_right(first, place) for place in second])


def crossings(layering: Layering) -> int:
    """Count the crossings between all neighbouring layers."""
    total, place = 0, layering.place
    for layer in layering.layers:
        seen: list[int] = []
        for item in layer:
            heads = sorted(place[o] for o in layering.after[item])
            total += sum(len(seen) - bisect_right(seen, head) for head in heads)
            for head in heads:
                insort(seen, head)
    return total
