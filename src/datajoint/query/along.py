"""Restricting a table by one several references away, along the foreign keys between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import (
    Aggregate,
    Join,
    Matches,
    Plan,
    Project,
    Query,
    Restrict,
    Source,
    Top,
    Union,
)
from datajoint.engine.connection import Connection
from datajoint.errors import QueryError
from datajoint.graph.paths import Move, find_paths, phrase, same_rows
from datajoint.graph.restrict import carried, down, up
from datajoint.heading.names import TableName
from datajoint.query.collection import items_of

__all__ = ["restrict_along"]

_LISTED = 10

Names = dict[str, str]
Path = tuple[Move, ...]


def restrict_along(query: Query, other: Query, connection: Connection, via: Any = None) -> Query:
    """Return the rows that belong to rows of another table, by the shortest path of foreign keys.

    Raises
    ------
    QueryError
        When an operand is not rows of one table, or there is no path, or more than one.
    """
    start, names = _base(query, "restricted")
    goal, other_names = _base(other, "restricted by")
    rows = _rows_of(goal, other_names, other)
    graph = connection.catalog.load_family(start.name.schema)
    path = () if start.name == goal.name and via is None else _path(start.name, goal.name, connection, via)
    for move in reversed(path):
        condition, values = down(move.edge, rows, graph) if move.direction == "up" else up(move.edge, rows)
        rows = build.restrict(Query(connection.catalog.source(move.start)), condition, values)
    return _among(query, start, names, rows)


# --------------------------------------------------------------------------------------------------- the ends


def _base(query: Query, purpose: str) -> tuple[Source, Names]:
    """Return the table that a query gives rows of, and its attributes by their names there."""
    found = _base_of(query.plan)
    if found is None or not set(found[0].heading.key) <= found[1].keys():
        raise QueryError(
            f"An expression that stands for rows of no single table cannot be {purpose} along foreign keys.",
            hint="Give a table, restricted, projected or aggregated as you like.",
        )
    return found


def _base_of(plan: Plan) -> tuple[Source, Names] | None:
    match plan:
        case Source():
            return plan, {name: name for name in plan.heading.order}
        case Restrict() | Top():
            return _base_of(plan.operand)
        case Project():
            named = {old: new for new, old in reversed(plan.columns) if isinstance(old, str)}
            return _renamed(plan.operand, named)
        case Aggregate():
            return _renamed(plan.operand, {old: new for new, old in plan.kept})
        case Union():
            left, right = _base_of(plan.left), _base_of(plan.right)
            return left if left is not None and left == right else None
        case Join():
            sides = [plan.left] if plan.kind == "left" else [plan.left, plan.right]
            same = [side for side in sides if set(side.heading.key) == set(plan.heading.key)]
            return _base_of(same[0]) if same and plan.kind != "outer" else None
        case _:
            return None


def _renamed(operand: Plan, new: Mapping[str, str]) -> tuple[Source, Names] | None:
    found = _base_of(operand)
    return found and (found[0], {name: new[here] for name, here in found[1].items() if here in new})


def _rows_of(table: Source, names: Names, query: Query) -> Query:
    """Return the rows of a table that a query stands for."""
    if _is_whole(query.plan):
        return query
    key = table.heading.key
    plan = carried(query.plan, {names[name]: name for name in key})
    return build.restrict(Query(table), Matches(plan, key), query.values)


def _is_whole(plan: Plan) -> bool:
    """Whether rows have all attributes of their table."""
    return isinstance(plan, Source) or (isinstance(plan, (Restrict, Top)) and _is_whole(plan.operand))


def _among(query: Query, table: Source, names: Names, rows: Query) -> Query:
    """Restrict a query to some rows of its table."""
    plan = rows.plan
    if _is_whole(query.plan) and isinstance(plan, Restrict) and isinstance(plan.operand, Source):
        return build.restrict(query, plan.condition, rows.values)
    if isinstance(plan, Source):
        return query
    key = tuple(names[name] for name in table.heading.key)
    return build.restrict(query, Matches(carried(plan, dict(zip(table.heading.key, key, strict=True))), key),
                          rows.values)  # fmt: skip


# --------------------------------------------------------------------------------------------------- the path


def _path(start: TableName, goal: TableName, connection: Connection, via: Any) -> Path:
    graph = connection.catalog.graph

    def label(name: TableName) -> str:
        return name.class_name if name.schema == start.schema else f"{name.schema}.{name.class_name}"

    wishes = _wishes(via)
    paths = find_paths(graph, start, goal, lambda path: all(wish(path) for wish in wishes))
    if not paths:
        others = find_paths(graph, start, goal) if wishes else []
        raise QueryError(
            f"No path of foreign keys leads from `{label(start)}` to `{label(goal)}`"
            + (f" via what is given; there are:{_listed(others, label)}" if others else "."),
            hint=None if others else "Restrict by what both share: A & B.",
        )
    if len(paths) > 1 and not same_rows(paths):
        n = len(paths[0])
        raise QueryError(
            f"{len(paths)} paths of {n} reference{'' if n == 1 else 's'} lead from `{label(start)}` to "
            f"`{label(goal)}`:{_listed(paths, label)}",
            hint="Choose by via=: a table on the path, an attribute of a reference, or a list of these.",
        )
    return paths[0]


def _listed(paths: Sequence[Path], label: Callable[[TableName], str]) -> str:
    lines = [f"\n  {phrase(path, label)}" for path in paths[:_LISTED]]
    return "".join([*lines, f"\n  … and {len(paths) - _LISTED} more"] if len(paths) > _LISTED else lines)


def _wishes(via: Any) -> list[Callable[[Path], bool]]:
    if via is None:
        return []
    several = items_of(via) if isinstance(via, (list, tuple)) else None
    return [_wish(via)] if several is None else [wish for one in several for wish in _wishes(one)]


def _wish(via: Any) -> Callable[[Path], bool]:
    if isinstance(via, str):
        return lambda path: any(
            via in move.edge.key.columns or via in (move.start.class_name, move.end.class_name)
            for move in path
        )
    table: Any = via() if isinstance(via, type) else via
    name = getattr(table, "name", None)
    if not isinstance(name, TableName):
        raise QueryError(
            f"via is {via!r:.60}.", hint="It is a table, the name of one or of an attribute of a reference."
        )
    return lambda path: any(name in (move.start, move.end) for move in path)
