"""Paths between tables along foreign keys, the shortest ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from datajoint._value import Value
from datajoint.graph.dependencies import DependencyGraph, Edge
from datajoint.heading.names import TableName

__all__ = ["Move", "find_paths", "phrase", "same_rows"]

UP, DOWN = "up", "down"

_STRAIGHT = ((UP,), (DOWN,))
_BENT = ((UP, DOWN), (DOWN, UP))
_MOST = 2000
"""Paths looked at, where tables are connected in very many ways."""

_State = tuple[TableName, int]


class Move(Value):
    """One foreign key on a path, followed ``up`` to the parent or ``down`` to the child."""

    edge: Edge
    direction: str

    @property
    def start(self) -> TableName:
        """The table it leaves."""
        return self.edge.child if self.direction == UP else self.edge.parent

    @property
    def end(self) -> TableName:
        """The table it leads to."""
        return self.edge.parent if self.direction == UP else self.edge.child


Path = tuple[Move, ...]


def find_paths(
    graph: DependencyGraph, start: TableName, goal: TableName, wanted: Callable[[Path], bool] | None = None
) -> list[Path]:
    """Return the shortest paths from one table to another.

    Paths straight up or straight down come before those that turn once: up to a common ancestor and down, or
    down to a common descendant and up.

    Parameters
    ----------
    wanted
        Which paths count.

    Examples
    --------
    >>> find_paths(DependencyGraph({}), TableName("lab", "a"), TableName("lab", "b"))
    []
    """
    for shapes in (_STRAIGHT, _BENT):
        found = [path for shape in shapes for path in _shortest(graph, start, goal, shape, wanted)]
        if found:
            least = min(map(len, found))
            return list(dict.fromkeys(path for path in found if len(path) == least))
    return []


def _shortest(
    graph: DependencyGraph, start: TableName, goal: TableName, shape: tuple[str, ...],
    wanted: Callable[[Path], bool] | None,
) -> list[Path]:  # fmt: skip
    left = _distances(graph, goal, shape)
    if (start, 0) not in left:
        return []
    seen = 0
    for length in range(left[start, 0], len(graph.specs) + 1):
        paths = list(islice(_of_length(graph, (start, 0), goal, shape, length, left, frozenset()), _MOST))
        chosen = [path for path in paths if wanted is None or wanted(path)]
        seen += len(paths)
        if chosen or seen >= _MOST:
            return chosen
    return []


def _moves(graph: DependencyGraph, state: _State, shape: tuple[str, ...]) -> Iterator[tuple[Move, _State]]:
    """Yield what can follow: the same direction again, or the next one."""
    name, phase = state
    for later, direction in enumerate(shape[phase:], phase):
        for edge in graph.to_parents(name) if direction == UP else graph.to_children(name):
            move = Move(edge, direction)
            if move.end != name:
                yield move, (move.end, later)


def _distances(graph: DependencyGraph, goal: TableName, shape: tuple[str, ...]) -> dict[_State, int]:
    """Return how many moves it takes to the goal, from wherever it can be reached."""
    before: dict[_State, list[_State]] = {}
    for name in graph.specs:
        for phase in range(len(shape)):
            for _, state in _moves(graph, (name, phase), shape):
                before.setdefault(state, []).append((name, phase))
    found: dict[_State, int] = {(goal, phase): 0 for phase in range(len(shape))}
    todo = list(found)
    for state in todo:
        for earlier in before.get(state, ()):
            if earlier not in found:
                found[earlier] = found[state] + 1
                todo.append(earlier)
    return found


def _of_length(
    graph: DependencyGraph, state: _State, goal: TableName, shape: tuple[str, ...], length: int,
    left: Mapping[_State, int], passed: frozenset[TableName],
) -> Iterator[Path]:  # fmt: skip
    if not length:
        if state[0] == goal:
            yield ()
        return
    passed |= {state[0]}
    for move, following in _moves(graph, state, shape):
        if move.end not in passed and left.get(following, length) < length:
            for rest in _of_length(graph, following, goal, shape, length - 1, left, passed):
                yield (move, *rest)


def phrase(path: Sequence[Move], label: Callable[[TableName], str]) -> str:
    """Write a path: ``Trial → Session → User by analyst``, arrows from child to parent."""
    text = label(path[0].start) if path else ""
    for move in path:
        key = move.edge.key
        by = f" by {', '.join(key.renames)}" if key.renames else ""
        text += f" {'→' if move.direction == UP else '←'} {label(move.end)}{by}"
    return text


def same_rows(paths: Sequence[Path]) -> bool:
    """Whether paths, all straight, tie the same attributes of one end to the key of the other."""
    carried = [_carried(path) for path in paths]
    return None not in carried and all(one == carried[0] for one in carried)


def _carried(path: Path) -> dict[str, str] | None:
    """Return which attributes of the lower end hold the key of the upper one; None where there are none."""
    if len({move.direction for move in path}) != 1 or any(move.edge.key.nullable for move in path):
        return None
    names: dict[str, str] = {}
    for n, move in enumerate(path if path[0].direction == UP else reversed(path)):
        step = dict(zip(move.edge.key.columns, move.edge.key.parent_columns, strict=True))
        if n and not step.keys() <= set(names.values()):
            return None
        names = {mine: step[column] for mine, column in names.items() if column in step} if n else step
    return names
