"""Ranks: which layer a node stands in, so that every edge goes forward and is short."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Links", "break_cycles", "distribute", "find_ranks", "strong_components"]

Links = list[tuple[int, int]]
"""Edges as (tail, head): the parent is the tail."""

_PASSES = 6


def _adjacency(count: int, links: Links) -> tuple[list[list[int]], list[list[int]]]:
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for tail, head in links:
        before[head].append(tail)
        after[tail].append(head)
    return before, after


def break_cycles(count: int, links: Links) -> tuple[Links, set[int]]:
    """Turn round the links that close a cycle; returns the acyclic links and the indices of those turned.

    A depth-first search from the sources first; a link to a node still on the stack is turned.
    """
    after: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    has_parent = [False] * count
    for index, (tail, head) in enumerate(links):
        after[tail].append((head, index))
        has_parent[head] = True
    state = [0] * count  # 0 new, 1 on the stack, 2 done
    turned: set[int] = set()
    for root in sorted(range(count), key=has_parent.__getitem__):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(after[root]))]
        while stack:
            node, rest = stack[-1]
            for head, index in rest:
                if state[head] == 1:
                    turned.add(index)
                elif not state[head]:
                    state[head] = 1
                    stack.append((head, iter(after[head])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return [(h, t) if i in turned else (t, h) for i, (t, h) in enumerate(links)], turned


def strong_components(count: int, links: Links) -> list[list[int]]:
    """Sets of nodes that reach each other, those of one node only if it is linked with itself.

    Kosaraju's algorithm: finishing order of one search, then searches of the reversed graph.
    """
    before, after = _adjacency(count, links)
    finished: list[int] = []
    seen = [False] * count
    for root in range(count):
        stack = [(root, False)]
        while stack:
            node, left = stack.pop()
            if left:
                finished.append(node)
            elif not seen[node]:
                seen[node] = True
                stack.append((node, True))
                stack.extend((head, False) for head in after[node] if not seen[head])
    result: list[list[int]] = []
    for root in reversed(finished):
        members: list[int] = []
        pending = [root]
        while pending:
            node = pending.pop()
            if seen[node]:
                seen[node] = False
                members.append(node)
                pending.extend(before[node])
        if len(members) > 1 or (members and members[0] in after[members[0]]):
            result.append(members)
    return sorted(result, key=min)


def _topological(before: list[list[int]], after: list[list[int]]) -> list[int]:
    missing = [len(b) for b in before]
    order = [node for node, n in enumerate(missing) if n == 0]
    for node in order:  # grows while it is read
        for head in after[node]:
            missing[head] -= 1
            if missing[head] == 0:
                order.append(head)
    return order


def find_ranks(count: int, links: Links, group: Sequence[int]) -> list[int]:
    """Longest-path ranks, then tightened: edges become short, those within a group first."""
    before, after = _adjacency(count, links)
    order = _topological(before, after)
    ranks = [0] * count
    for node in order:
        for head in after[node]:
            ranks[head] = max(ranks[head], ranks[node] + 1)
    weight = {(t, h): 3 if group[t] == group[h] else 1 for t, h in links}
    pull = [0] * count  # > 0: shorter if moved back
    for (tail, head), w in weight.items():
        pull[tail] -= w
        pull[head] += w
    for _ in range(_PASSES):
        moved = _move_nodes(order, before, after, pull, ranks)
        moved |= _move_clusters(count, list(weight.items()), ranks)
        if not moved:
            break
    lowest = min(ranks, default=0)
    return [r - lowest for r in ranks]


def _move_nodes(
    order: list[int], before: list[list[int]], after: list[list[int]], pull: list[int], ranks: list[int]
) -> bool:
    """Move single nodes towards the side that pulls more; each move shortens the picture."""
    moved = False
    for node in (*reversed(order), *order):
        old = ranks[node]
        if pull[node] < 0 and after[node]:
            ranks[node] = min(ranks[h] for h in after[node]) - 1
        elif pull[node] > 0 and before[node]:
            ranks[node] = max(ranks[t] for t in before[node]) + 1
        moved |= ranks[node] != old
    return moved


def _clusters(count: int, links: Links) -> list[int]:
    """Representative of the connected component of every node."""
    root = list(range(count))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for tail, head in links:
        root[find(tail)] = find(head)
    return [find(node) for node in range(count)]


def _move_clusters(count: int, weighted: list[tuple[tuple[int, int], int]], ranks: list[int]) -> bool:
    """Move whole sets of nodes that are joined by edges of length one."""
    cluster = _clusters(count, [link for link, _ in weighted if ranks[link[1]] - ranks[link[0]] == 1])
    pull: dict[int, int] = {}
    slack: dict[tuple[int, bool], int] = {}
    for (tail, head), w in weighted:
        room = ranks[head] - ranks[tail] - 1
        if cluster[tail] != cluster[head]:
            pull[cluster[tail]] = pull.get(cluster[tail], 0) - w
            pull[cluster[head]] = pull.get(cluster[head], 0) + w
            for key in ((cluster[tail], False), (cluster[head], True)):
                slack[key] = min(slack.get(key, room), room)
    strongest = max(pull, key=lambda c: (abs(pull[c]), -c), default=None)
    if strongest is None or not pull[strongest]:
        return False
    back = pull[strongest] > 0
    step = slack[strongest, back] * (-1 if back else 1)
    for node in range(count):
        if cluster[node] == strongest:
            ranks[node] += step
    return step != 0


def distribute(ranks: list[int], isolated: list[int], group: Sequence[int], *, per_column: float) -> None:
    """Spread nodes without edges over the layers of their group, the first and the emptiest first.

    `per_column` is how many times as many nodes in a layer as layers make a square of a free-standing group.
    """
    lonely = set(isolated)
    filled: dict[int, dict[int, int]] = {}
    for node, r in enumerate(ranks):
        if node not in lonely:
            layers = filled.setdefault(group[node], {})
            layers[r] = layers.get(r, 0) + 1
    members: dict[int, list[int]] = {}
    for node in isolated:
        members.setdefault(group[node], []).append(node)
    for key, nodes in members.items():
        layers = filled.get(key) or {}
        first, last = min(layers, default=0), max(layers, default=-1)
        wanted = max(1, round((len(nodes) / per_column) ** 0.5))
        if last - first + 1 < wanted and not layers:
            last = first + wanted - 1
        count = {r: layers.get(r, 0) for r in range(first, last + 1)}
        for node in nodes:
            ranks[node] = min(count, key=lambda r: (count[r] + r - first, r))
            count[ranks[node]] += 1
