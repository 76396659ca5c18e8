"""Restrictions that travel along foreign keys: down for a cascade, up for a trace (DEL-3, DIA-13 … 18)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.nodes import (
    All,
    Any_,
    Condition,
    Const,
    Equals,
    Ignored,
    InValues,
    IsNull,
    Matches,
    Not,
    Plan,
    Project,
    Query,
    Restrict,
    Source,
    Text,
)
from datajoint.algebra.text.fragment import Fragment
from datajoint.errors import ArgumentValueError
from datajoint.graph.dependencies import DependencyGraph, Edge
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName

__all__ = [
    "INTEGRITY", "Settle", "Step", "carried", "cascade", "check_integrity", "combined", "constrain", "down",
    "ignored", "is_fixed", "is_local", "strays", "trace", "up",
]  # fmt: skip

INTEGRITY = ("enforce", "ignore", "cascade")

Sources = Callable[[TableName], Source]
Settle = Callable[["Step", Sequence[Edge], Sequence[Edge]], Query]
"""Called with a step, the foreign keys of its table to itself, and those that lead on; returns the query to
go on with: the same rows and, where the table refers to itself, all that follow from them."""

_STRINGS = re.compile(r"'[^']*'")
_WORDS = re.compile(r"[a-z_][a-z0-9_]*")
_PLAIN = frozenset({"and", "or", "not", "in", "is", "null", "between", "true", "false"})

Term = tuple[Condition, tuple[Any, ...]]


class Step(Value):
    """Rows of one table.

    Attributes
    ----------
    foreign
        Whether the table is a part of which rows are reached by another way than through their master.
    """

    name: TableName
    query: Query
    foreign: bool = False


def check_integrity(part_integrity: str) -> None:
    """Refuse an unknown value of `part_integrity` (DIA-14).

    Raises
    ------
    ValueError
        When it is none of `INTEGRITY`.
    """
    if part_integrity not in INTEGRITY:
        raise ArgumentValueError(
            f"part_integrity must be one of {', '.join(map(repr, INTEGRITY))}, not {part_integrity!r}."
        )


# -------------------------------------------------------------------------------------------- one foreign key


def down(edge: Edge, parent: Query, graph: DependencyGraph) -> Term:
    """Return the condition on the child of a foreign key that says: its parent is among these rows.

    A condition on nothing but the attributes that the foreign key carries is copied, under their names in the
    child: referential integrity makes that the same, and it costs no look at the parent. Else the child's
    rows are compared with the parent's.
    """
    names = dict(zip(edge.key.parent_columns, edge.key.columns, strict=True))
    condition = _only_condition(parent.plan)
    copied = condition and _renamed(condition, names)
    if copied is None:
        return _matches(parent.plan, names), parent.values
    spec = graph.specs[edge.child]
    # NULL refers to nothing, even where the other attributes of the reference have values.
    filled = tuple(Not(IsNull(name)) for name in edge.key.columns if spec.attribute(name).nullable)
    return (All((copied, *filled)) if filled else copied), parent.values


def up(edge: Edge, child: Query) -> Term:
    """Return the condition on the parent of a foreign key that says: one of these rows refers to it."""
    names = dict(zip(edge.key.columns, edge.key.parent_columns, strict=True))
    return _matches(child.plan, names), child.values


def _only_condition(plan: Plan) -> Condition | None:
    """Return what restricts a table, None where it is more than a condition."""
    if isinstance(plan, Source):
        return Const(True)
    if isinstance(plan, Restrict) and isinstance(plan.operand, Source):
        return plan.condition
    return None


def _renamed(condition: Condition, names: Mapping[str, str]) -> Condition | None:
    """Return a condition under other names of its attributes; None where it cannot be told by them."""
    match condition:
        case Const():
            return condition
        case Equals(name):
            return Equals(names[name]) if name in names else None
        case IsNull(name):
            return IsNull(names[name]) if name in names else None
        case InValues(old):
            return InValues(tuple(names[name] for name in old)) if names.keys() >= set(old) else None
        case Text(fragment):
            return condition if all(names.get(name) == name for name in fragment.names) else None
        case Not(term):
            renamed = _renamed(term, names)
            return renamed and Not(renamed)
        case All(terms) | Any_(terms):
            found = [_renamed(term, names) for term in terms]
            kept = tuple(term for term in found if term is not None)
            return type(condition)(kept) if len(kept) == len(terms) else None  # type: ignore[call-arg]
        case _:
            return None


def _matches(plan: Plan, names: Mapping[str, str]) -> Condition:
    """Return the condition to be equal to a row of a plan, attributes having other names there."""
    # The hidden key of a table of one row is the same in all rows: what counts is whether there is a row.
    shown = {old: new for old, new in names.items() if old in plan.heading}
    found = Matches(carried(plan, shown), tuple(shown.values()))
    hidden = [Not(IsNull(new)) for old, new in names.items() if old not in shown]
    return All((found, *hidden)) if hidden else found


def carried(plan: Plan, names: Mapping[str, str]) -> Plan:
    """Return some attributes of a plan under other names, whatever their lineage."""
    key = ("carried", tuple(names.items()))
    found = plan.child(key)
    if found is None:
        found = Project(plan, tuple((new, old) for old, new in names.items()))
        found.heading = Heading(
            [replace(plan.heading[old], name=new, in_key=True) for old, new in names.items()]
        )
        plan.keep(key, found)
    return found


def is_fixed(query: Query, key: Iterable[str]) -> bool:
    """Whether rows are told by values of their key alone: no row that comes or goes changes them."""
    condition = _only_condition(query.plan)
    return condition is not None and _by_values(condition, frozenset(key))


def ignored(plan: Plan) -> tuple[str, ...]:
    """Return the names in dicts that restrict nothing, anywhere in a plan."""
    if isinstance(plan, Restrict):
        found = _ignored_in(plan.condition)
        if found:
            return found
    return next((found for operand, _ in build.operands(plan) if (found := ignored(operand))), ())


def _ignored_in(condition: Condition) -> tuple[str, ...]:
    match condition:
        case Ignored(_, names):
            return names
        case Matches(plan):
            return ignored(plan)
        case Not(term):
            return _ignored_in(term)
        case All(terms) | Any_(terms):
            return next((found for term in terms if (found := _ignored_in(term))), ())
        case _:
            return ()


def is_local(query: Query) -> bool:
    """Whether rows are told by their own attributes, without a look at other rows."""
    condition = _only_condition(query.plan)
    return condition is not None and _by_values(condition, None)


def _by_values(condition: Condition, key: frozenset[str] | None) -> bool:
    match condition:
        case Const():
            return True
        case Equals(name) | IsNull(name):
            return key is None or name in key
        case InValues(names):
            return key is None or key.issuperset(names)
        case Text(fragment):
            return key is None or (key.issuperset(fragment.names) and _is_plain(fragment))
        case Not(term):
            return _by_values(term, key)
        case All(terms) | Any_(terms):
            return all(_by_values(term, key) for term in terms)
        case _:
            return False


def _is_plain(fragment: Fragment) -> bool:
    """Whether a condition calls no function: it might be the time of the moment, or chance."""
    words = _WORDS.findall(_STRINGS.sub("", fragment.text.lower()))
    return _PLAIN.union(fragment.names).issuperset(words)


def _either(source: Source, terms: Sequence[Term], base: Query | None = None) -> Query:
    """Restrict a table (or rows of it) to those for which some of the terms hold."""
    unique: list[Term] = []
    for term in terms:
        if term not in unique:
            unique.append(term)
    condition = unique[0][0] if len(unique) == 1 else Any_(tuple(condition for condition, _ in unique))
    values = tuple(value for _, more in unique for value in more)
    return build.restrict(base or Query(source), condition, values)


def _condition_of(query: Query, key: Sequence[str]) -> Term:
    """Return rows of a table as a condition on that table."""
    condition = _only_condition(query.plan)
    if condition is not None:
        return condition, query.values
    return Matches(carried(query.plan, {name: name for name in key}), tuple(key)), query.values


# ---------------------------------------------------------------------------------------------------- cascade


def _unchanged(step: Step, own: Sequence[Edge], onward: Sequence[Edge]) -> Query:
    return step.query


def cascade(
    graph: DependencyGraph, name: TableName, query: Query, source: Sources, part_integrity: str = "enforce",
    settle: Settle = _unchanged,
) -> list[Step]:  # fmt: skip
    """Return the rows that go when some rows of a table are deleted, parents first.

    Parameters
    ----------
    name, query
        The table, and which of its rows.
    part_integrity
        ``cascade`` adds the masters of parts that are reached, with all that follows from them.
    settle
        May replace the query of each step by one that gives the same rows.

    Returns
    -------
    list of Step
        A table comes more than once where it is reached again from the master of a part.
    """
    check_integrity(part_integrity)
    steps: list[Step] = []
    pending: list[tuple[TableName, Query, frozenset[TableName]]] = [(name, query, frozenset())]
    while pending:
        start, rows, trail = pending.pop(0)
        layer = _fall(graph, start, rows, source, settle)
        steps += layer.values()
        if part_integrity != "cascade":
            break
        for step in layer.values():
            master = step.name.master
            if step.foreign and master and master in graph.specs and master not in trail:
                climbed = _climb(graph, step, master, source)
                if climbed is not None:
                    pending.append((master, climbed, trail | {master}))
    return steps


def _fall(
    graph: DependencyGraph, start: TableName, rows: Query, source: Sources, settle: Settle
) -> dict[TableName, Step]:
    """Follow foreign keys down from some rows."""
    order = graph.descendants(start)
    reached: dict[TableName, Step] = {}
    for name in order:
        ways = [edge for edge in graph.to_parents(name) if edge.parent in reached and edge.parent != name]
        if name == start:
            query, foreign = rows, name.master is not None
        else:
            query = _either(source(name), [down(edge, reached[edge.parent].query, graph) for edge in ways])
            foreign = name.master is not None and any(
                not _in_family(edge.parent, reached, name) for edge in ways
            )
        step = Step(name, query, foreign)
        own = [edge for edge in graph.to_parents(name) if edge.parent == name]
        onward = [edge for edge in graph.to_children(name) if edge.child != name]
        reached[name] = Step(name, settle(step, own, onward), foreign)
    return reached


def _in_family(parent: TableName, reached: Mapping[TableName, Step], part: TableName) -> bool:
    """Whether rows of a part that come through this parent come through their master."""
    return parent == part.master or (parent.master == part.master and not reached[parent].foreign)


def _climb(graph: DependencyGraph, step: Step, master: TableName, source: Sources) -> Query | None:
    """Return the rows of the master that rows of a part belong to, through other parts where need be."""
    terms = [_along(path, step.query, source) for path in _paths(graph, step.name, master)]
    return _either(source(master), terms) if terms else None


def _paths(graph: DependencyGraph, part: TableName, master: TableName) -> list[list[Edge]]:
    """Return the foreign keys, or chains of them through other parts, that lead from a part to its master."""
    direct = [[edge] for edge in graph.to_parents(part) if edge.parent == master]
    if direct:
        return direct
    siblings = [
        edge for edge in graph.to_parents(part) if edge.parent.master == master and edge.parent != part
    ]
    return [[edge, *rest] for edge in siblings for rest in _paths(graph, edge.parent, master)]


def _along(path: Sequence[Edge], rows: Query, source: Sources) -> Term:
    for edge in path[:-1]:
        rows = _either(source(edge.parent), [up(edge, rows)])
    return up(path[-1], rows)


def combined(steps: Iterable[Step], graph: DependencyGraph, source: Sources) -> dict[TableName, Query]:
    """Return the rows of each table over all steps, parents first."""
    found: dict[TableName, list[Query]] = {}
    for step in steps:
        found.setdefault(step.name, []).append(step.query)
    order = graph.sorted(found)
    return {name: _merged(found[name], source(name), graph.specs[name].primary_key) for name in order}


def _merged(queries: Sequence[Query], source: Source, key: Sequence[str]) -> Query:
    return (
        queries[0] if len(queries) == 1 else _either(source, [_condition_of(query, key) for query in queries])
    )


def strays(
    steps: Sequence[Step], graph: DependencyGraph, source: Sources
) -> list[tuple[TableName, TableName, Query]]:
    """Return ``(part, master, rows)`` for parts reached otherwise: rows that would lose their master."""
    parts = {step.name: step.name.master for step in steps if step.foreign}
    rows = combined(steps, graph, source) if parts else {}
    found: list[tuple[TableName, TableName, Query]] = []
    for part, master in parts.items():
        if master is None or master not in graph.specs:
            continue
        covers: list[Term] = []
        if master in rows:
            covers = [_back(path, rows[master], graph, source) for path in _paths(graph, part, master)]
        condition = Any_(tuple(condition for condition, _ in covers))
        values = tuple(value for _, more in covers for value in more)
        found.append((part, master, build.restrict(rows[part], nodes.negate(condition), values)))
    return found


def _back(path: Sequence[Edge], rows: Query, graph: DependencyGraph, source: Sources) -> Term:
    for edge in reversed(path[1:]):
        rows = _either(source(edge.child), [_seen(edge, rows)])
    return _seen(path[0], rows)


def _seen(edge: Edge, parent: Query) -> Term:
    """As `down`, but never unknown: its negation is to be told."""
    names = dict(zip(edge.key.parent_columns, edge.key.columns, strict=True))
    return _matches(parent.plan, names), parent.values


# ----------------------------------------------------------------------------------------- trace and restrict


def trace(
    graph: DependencyGraph, name: TableName, query: Query, source: Sources, settle: Settle = _unchanged
) -> dict[TableName, Query]:
    """Return the rows of a table and of each ancestor that these come from, parents first (PRV-1, DIA-15)."""
    reached: dict[TableName, Query] = {}
    order = graph.sorted(graph.ancestors(name))
    for current in reversed(order):
        ways = [
            edge for edge in graph.to_children(current) if edge.child in reached and edge.child != current
        ]
        if current == name:
            rows = query
        else:
            rows = _either(source(current), [up(edge, reached[edge.child]) for edge in ways])
        own = [edge for edge in graph.to_parents(current) if edge.parent == current]
        onward = [edge for edge in graph.to_parents(current) if edge.parent != current]
        reached[current] = settle(Step(current, rows), own, onward)
    return {current: reached[current] for current in order}


def constrain(
    graph: DependencyGraph, name: TableName, query: Query, before: Mapping[TableName, Query], source: Sources
) -> dict[TableName, Query]:
    """Restrict tables to what follows from some rows, beside how they are restricted already (DIA-16).

    Several foreign keys to one parent combine by OR, several parents by AND.

    Parameters
    ----------
    before
        Rows of the tables that take part.
    """
    rows = dict(before)
    reached: set[TableName] = set()
    for current in graph.descendants(name):
        if current not in rows:
            continue
        if current == name:
            condition, values = _condition_of(query, graph.specs[name].primary_key)
            rows[name] = build.restrict(rows[name], condition, values)
        parents: dict[TableName, list[Term]] = {}
        for edge in graph.to_parents(current):
            if edge.parent in reached and edge.parent != current:
                parents.setdefault(edge.parent, []).append(down(edge, rows[edge.parent], graph))
        for terms in parents.values():
            rows[current] = _either(source(current), terms, rows[current])
        reached.add(current)
    return rows
