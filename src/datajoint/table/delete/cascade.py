"""Cascade of restrictions along foreign keys: closure, counts and deletes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import All, Any_, Condition, Const, Equals, InValues, Plan, Query, Restrict
from datajoint.engine.connection import Connection
from datajoint.errors import AccessError, IntegrityError
from datajoint.graph.dependencies import DependencyGraph, Edge
from datajoint.graph.restrict import Step, cascade, combined, down, is_fixed, is_local, strays, trace, up
from datajoint.heading.names import TableName
from datajoint.journal.events.change import change
from datajoint.journal.events.scope import Scope, compound, open_event
from datajoint.journal.images import image_of_deleted
from datajoint.query import fetch
from datajoint.sql.cascade import delete_rows
from datajoint.sql.statement import Statement

__all__ = ["Cascade", "RowsChanged", "delete_selected", "settled", "trace_rows"]

CHUNK = 20_000
"""Longest list of keys in one statement."""

_FEW = 10

Key = tuple[Any, ...]
Way = Callable[[Query], tuple[Condition, tuple[Any, ...]]]


class RowsChanged(Exception):  # noqa: N818 - it is no error
    """The rows that would go are no longer those that were shown."""


class Cascade:
    """What follows from rows of a table.

    Parameters
    ----------
    connection
        Where the table is.
    name, query
        The table and its rows.
    part_integrity
        What becomes of the masters of parts: ``enforce``, ``ignore`` or ``cascade``.
    """

    def __init__(
        self, connection: Connection, name: TableName, query: Query, part_integrity: str = "enforce"
    ) -> None:
        self.connection = connection
        self.name = name
        self.query = query
        self.part_integrity = part_integrity
        self._graph: DependencyGraph | None = None
        self.levels: dict[TableName, list[list[Key]]] = {}

    @property
    def graph(self) -> DependencyGraph:
        """Foreign keys of all schemas that have to do with the table."""
        if self._graph is None:
            self._graph = self.connection.catalog.load_family(self.name.schema)
        return self._graph

    # ------------------------------------------------------------------------------------------------ looking

    def steps(self) -> list[Step]:
        """Rows of each table as they are found when asked for, parents first."""
        return cascade(self.graph, self.name, self.query, self._source, self.part_integrity, self.close)

    def rows(self) -> dict[TableName, Query]:
        """Rows of each table, parents first."""
        return combined(self.steps(), self.graph, self._source)

    def counts(self, rows: Mapping[TableName, Query] | None = None) -> dict[TableName, int]:
        """Number of rows of each table that has any, by what `rows` gave; the first table always."""
        found: dict[TableName, int] = {}
        for name, query in (self.rows() if rows is None else rows).items():
            with self._reaching(name):
                found[name] = fetch.count(query, self.connection)
        return {name: n for name, n in found.items() if n or name == self.name}

    def _source(self, name: TableName) -> Any:
        return self.connection.catalog.source(name)

    @contextmanager
    def _reaching(self, name: TableName) -> Generator[None]:
        """Say which dependent table is out of reach (DEL-6)."""
        try:
            yield
        except AccessError as error:
            if name == self.name:
                raise
            raise AccessError(
                f"Rows of `{self.name}` cannot be deleted: rows of `{name}` may depend on them, "
                f"which are out of reach. {error.message}",
                hint="Ask for the right to see and delete these rows.",
                **{**error.context, "table": str(name)},
            ) from error

    def close(self, step: Step, own: Sequence[Edge], onward: Sequence[Edge]) -> Query:
        """Add the rows of the same table that refer to given ones, directly or through others."""
        return self._closed(step, [lambda rows, e=edge: down(e, rows, self.graph) for edge in own])

    def close_up(self, step: Step, own: Sequence[Edge], onward: Sequence[Edge]) -> Query:
        """Add the rows of the same table that given ones refer to, directly or through others."""
        return self._closed(step, [lambda rows, e=edge: up(e, rows) for edge in own])

    def _closed(self, step: Step, ways: Sequence[Way]) -> Query:
        source = self._source(step.name)

        def reached(rows: Query) -> Iterator[Query]:
            return (build.restrict(Query(source), *way(rows)) for way in ways)

        if not any(fetch.exists(query, self.connection) for query in reached(step.query)):
            return step.query
        key = tuple(source.heading.key)
        seen: dict[Key, None] = dict.fromkeys(self._keys(step.query))
        frontier = list(seen)
        while frontier:
            found = [row for query in reached(_by_keys(source, key, frontier)) for row in self._keys(query)]
            frontier = [row for row in dict.fromkeys(found) if row not in seen]
            seen.update(dict.fromkeys(frontier))
        return _by_keys(source, key, list(seen))

    def _keys(self, query: Query) -> list[Key]:
        rows, decoder = fetch.raw_rows(build.project(query, (), {}), self.connection)
        return [tuple(row) for row in decoder.tuples(rows)]

    # ----------------------------------------------------------------------------------------------- deleting

    def delete(self, shown: Mapping[TableName, int] | None = None) -> dict[TableName, int]:
        """Delete the rows, leaves first, as one change with one event; return how many went from each table.

        Which rows go is fixed before the first one does.

        Parameters
        ----------
        shown
            What `counts` said and was agreed to.

        Raises
        ------
        IntegrityError
            When rows of a part would go without their master, or a dependant cannot be deleted.
        RowsChanged
            When it is no longer what was shown; nothing has been deleted.
        """
        if shown is None and not self.graph.to_children(self.name) and self.name.master is None:
            return {self.name: self.delete_alone()}
        with compound(self.connection, "delete", self.name) as scope:
            steps = cascade(self.graph, self.name, self.query, self._source, self.part_integrity, self._fix)
            if self.part_integrity != "ignore":
                self._check_parts(steps)
            position = {name: n for n, name in enumerate(self.graph.sorted({step.name for step in steps}))}
            removed = dict.fromkeys(position, 0)
            for step in sorted(steps, key=lambda step: -position[step.name]):
                with self._reaching(step.name):
                    removed[step.name] += self._delete(step, scope)
            removed = {name: n for name, n in removed.items() if n or name == self.name}
            if shown is not None and removed != shown:
                raise RowsChanged
        return removed

    def delete_alone(self) -> int:
        """Delete the rows of the first table only."""
        query = self._fix(Step(self.name, self.query), (), ())
        several = len(_pieces(query)) > 1
        with compound(self.connection, "delete", self.name) if several else nullcontext():
            return delete_selected(self.connection, self.name, query)

    def _fix(self, step: Step, own: Sequence[Edge], onward: Sequence[Edge]) -> Query:
        """Tell rows by their keys where what selects them now might not once others are gone."""
        with self._reaching(step.name):
            return self._fixed(step, own, onward)

    def _fixed(self, step: Step, own: Sequence[Edge], onward: Sequence[Edge]) -> Query:
        query = self.close(step, own, onward)
        if query is not step.query:
            self.levels[step.name] = self._in_order(query, own)
            return query
        if is_fixed(query, query.heading.key) if onward else is_local(query):
            return query
        source, key = self._source(step.name), tuple(query.heading.key)
        if not key:  # a table of one row at most
            return build.restrict(Query(source), Const(value=fetch.exists(query, self.connection)))
        return _by_keys(source, key, self._keys(query))

    def _in_order(self, query: Query, own: Sequence[Edge]) -> list[list[Key]]:
        """Sort rows that refer to one another into levels, referring rows before those they refer to."""
        key = query.heading.key
        parents: dict[Key, set[Key]] = {row: set() for row in self._keys(query)}
        for edge in own:
            refers = dict(zip(edge.key.parent_columns, edge.key.columns, strict=True))
            columns = [refers[name] for name in key]
            rows, decoder = fetch.raw_rows(build.project(query, tuple(columns), {}), self.connection)
            at = {name: n for n, name in enumerate(decoder.names)}
            for row in decoder.tuples(rows):
                mine, parent = (tuple(row[at[name]] for name in names) for names in (key, columns))
                if parent != mine and parent in parents:
                    parents[mine].add(parent)
        return _levels(parents)

    def _check_parts(self, steps: Sequence[Step]) -> None:
        for part, master, rows in strays(steps, self.graph, self._source):
            n = fetch.count(rows, self.connection)
            if n:
                raise IntegrityError(
                    f"Attempt to delete {n} row(s) of part table `{part}` "
                    f"before deleting from its master `{master}` first.",
                    hint="Delete from the master, or pass part_integrity='cascade' to delete the masters of "
                    "these rows, too, or part_integrity='ignore' to leave masters without these parts.",
                    table=str(part),
                )

    def _delete(self, step: Step, scope: Scope) -> int:
        if step.name not in self.levels:
            return delete_selected(self.connection, step.name, step.query, scope)
        source, key = self._source(step.name), tuple(step.query.heading.key)
        levels = self.levels.pop(step.name)
        return sum(
            delete_selected(self.connection, step.name, _by_keys(source, key, level), scope)
            for level in levels
        )


def _by_keys(source: Any, key: Key, rows: list[Key]) -> Query:
    if not 0 < len(rows) <= _FEW:
        return build.restrict(Query(source), InValues(key), (rows,))
    # A few keys written out let every database look them up in its index; a list is a table to join with.
    terms = tuple(All(tuple(Equals(name) for name in key)) for _ in rows)
    return build.restrict(
        Query(source), terms[0] if len(terms) == 1 else Any_(terms), tuple(v for row in rows for v in row)
    )


def _levels(parents: Mapping[Key, set[Key]]) -> list[list[Key]]:
    """Return rows level by level, those that nothing refers to first; a circle of rows comes last."""
    referring = dict.fromkeys(parents, 0)
    for found in parents.values():
        for parent in found:
            referring[parent] += 1
    level = [row for row, n in referring.items() if not n]
    levels: list[list[Key]] = []
    left = set(parents)
    while level:
        levels.append(level)
        left.difference_update(level)
        following: list[Key] = []
        for row in level:
            for parent in parents[row]:
                referring[parent] -= 1
                if not referring[parent]:
                    following.append(parent)
        level = following
    return [*levels, list(left)] if left else levels


def settled(connection: Connection, name: TableName, query: Query) -> list[Query]:
    """Return rows of a table so that no other row tells them, in pieces that one statement can take each."""
    return _pieces(Cascade(connection, name, query)._fix(Step(name, query), (), ()))


def delete_selected(connection: Connection, name: TableName, query: Query, whole: Scope | None = None) -> int:
    """Delete rows of one table, told by their own attributes, with an event; return their number.

    Parameters
    ----------
    whole
        The cascade that this is a step of.
    """
    removed = 0
    for piece in _pieces(query):
        statement = _statement(piece.plan, connection)
        event = open_event(connection, name, "delete")
        image = image_of_deleted(connection, name, piece, event)
        text, values = statement.text, statement.bind(piece.values)
        first = whole if whole is not None and whole.parent is None else None
        removed += change(connection, event, text, values, image=image, whole=first)
    return removed


def _statement(plan: Plan, connection: Connection) -> Statement:
    key = ("delete", connection.dialect.name)
    found = plan.statements.get(key)
    if found is None:
        found = plan.statements[key] = delete_rows(plan, connection.dialect)
    return found


def _pieces(query: Query) -> list[Query]:
    """Cut what has a long list of keys into several statements; none where a list is empty."""
    plan, values = query.plan, query.values
    condition = plan.condition if isinstance(plan, Restrict) else None
    if isinstance(condition, Any_) and any(_is_long(value) for value in values):
        pieces: list[Query] = []
        for term in condition.terms:
            one = build.restrict(Query(plan.operand), term, values[: term.arity])  # type: ignore[union-attr]
            pieces += _pieces(one)
            values = values[term.arity :]
        return pieces
    n = 0
    for term in condition.terms if isinstance(condition, All) else [condition]:
        if isinstance(term, InValues) and not 0 < len(values[n]) <= CHUNK:
            before, rows, after = values[:n], values[n], values[n + 1 :]
            chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
            return [Query(plan, (*before, chunk, *after)) for chunk in chunks]
        n += term.arity if term else 0
    return [query]


def _is_long(value: Any) -> bool:
    return isinstance(value, list) and len(value) > CHUNK  # type: ignore[arg-type]


def trace_rows(connection: Connection, name: TableName, query: Query) -> dict[TableName, Query]:
    """Return rows of a table and of each ancestor that these derive from, parents first (PRV-1)."""
    work = Cascade(connection, name, query)
    return trace(work.graph, name, query, connection.catalog.source, work.close_up)
