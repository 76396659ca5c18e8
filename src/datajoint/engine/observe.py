"""Who is to know of reads and writes before they happen: a make that collects what it writes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from datajoint.algebra.plans import nodes
from datajoint.engine.blocks import Block

if TYPE_CHECKING:
    from datajoint.algebra.plans.nodes import Condition, Plan, Query
    from datajoint.engine.rows import RowDecoder
    from datajoint.heading.names import TableName

__all__ = [
    "Observer", "Watcher", "block", "observed", "observing", "reading", "running_sql", "tables_of",
    "unobserved", "writing",
]  # fmt: skip


class Observed(Protocol):
    """Connection, with the observers of the makes that run on it by number."""

    observers: dict[int, Observer[Any]]


C_contra = TypeVar("C_contra", contravariant=True)
"""Connections of an observer: what implements these protocols names its own class."""


class Watcher(Protocol[C_contra]):
    """What answers queries, and takes down which versions of which rows it answered with."""

    def rows(
        self, query: Query, connection: C_contra, names: tuple[str, ...] = ()
    ) -> tuple[list[Any], RowDecoder]:
        """Return all rows as the driver gives them, and what decodes them."""
        ...

    def count(self, query: Query, connection: C_contra) -> int:
        """Return the number of rows."""
        ...

    def exists(self, query: Query, connection: C_contra) -> bool:
        """Return whether there is any row."""
        ...

    def copied(self, query: Query, connection: C_contra) -> None:
        """Take down rows that the database copies by itself."""
        ...

    def stream(self, query: Query, connection: C_contra) -> Iterator[dict[str, Any]]:
        """Yield rows as dicts."""
        ...


class Observer(Protocol[C_contra]):
    """What is told of the reads and writes of a context."""

    @property
    def is_left(self) -> bool:
        """Whether what it observes is over, though an exception may have kept it from saying so."""
        ...

    def before_read(self, connection: C_contra, tables: frozenset[TableName]) -> Watcher[C_contra] | None:
        """Rows of some tables are about to be read; return what is to read them, if not the connection."""
        ...

    def before_write(self, connection: C_contra, table: TableName) -> None:
        """Rows of a table are about to be changed."""
        ...

    def before_sql(self, connection: C_contra, text: str) -> None:
        """SQL of the user's own is about to be run."""
        ...

    def block(self, connection: C_contra) -> Block | None:
        """Return what stands for a transaction block, None where the connection should make one."""
        ...

    def missed_read(self, connection: C_contra) -> None:
        """A thread is about to read, and nothing tells for which of several observers."""
        ...


_OBSERVERS: ContextVar[tuple[Observer[Any], ...]] = ContextVar("datajoint_observers", default=())


def observed() -> tuple[Observer[Any], ...]:
    """Return the observers of this context.

    Examples
    --------
    >>> observed()
    ()
    """
    observers = _OBSERVERS.get()
    return _present(observers) if observers else observers


def _present(observers: tuple[Observer[Any], ...]) -> tuple[Observer[Any], ...]:
    for observer in observers:
        if observer.is_left:
            return tuple([observer for observer in observers if not observer.is_left])
    return observers


@contextmanager
def observing(observer: Observer[Any]) -> Generator[None]:
    """Let an observer know what happens inside.

    Examples
    --------
    >>> class Nobody:
    ...     is_left = False
    >>> with observing(Nobody()):
    ...     len(observed())
    1
    """
    token = _OBSERVERS.set((*observed(), observer))
    try:
        yield
    finally:
        _OBSERVERS.reset(token)


@contextmanager
def unobserved() -> Generator[None]:
    """Do what the user did not ask for: nobody is told what happens inside.

    Examples
    --------
    >>> with unobserved():
    ...     running_sql(None, "SELECT 1")
    """
    token = _OBSERVERS.set((_NOBODY,))
    try:
        yield
    finally:
        _OBSERVERS.reset(token)


def reading(connection: Observed, plan: Plan) -> Watcher[Any] | None:
    """Say that a plan is about to be read; return what is to read it, None where that is the connection.

    Examples
    --------
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> with unobserved():
    ...     reading(None, nodes.Source(TableName("lab", "a"), Heading([])))
    """
    # Every query asks this: outside makes the answer costs one call.
    if not (observers := _OBSERVERS.get()) and not connection.observers:
        return None
    watcher: Watcher[Any] | None = None
    for observer in _present(observers) or _of_thread(connection):
        watcher = observer.before_read(connection, tables_of(plan)) or watcher
    return watcher


def writing(connection: Observed, table: TableName) -> None:
    """Say that rows of a table are about to be changed.

    Examples
    --------
    >>> from datajoint.heading.names import TableName
    >>> writing(None, TableName("lab", "subject"))
    """
    if observers := _OBSERVERS.get():
        for observer in _present(observers):
            observer.before_write(connection, table)


def running_sql(connection: Observed, text: str) -> None:
    """Say that SQL of the user's own is about to be run.

    Examples
    --------
    >>> with unobserved():
    ...     running_sql(None, "SELECT 1")
    """
    for observer in observed() or _of_thread(connection):
        observer.before_sql(connection, text)


def _of_thread(connection: Observed) -> tuple[Observer[Any], ...]:
    """Return whom a thread without observers of its own works for.

    A make may read in threads that it starts. Where several makes run on the connection, nobody knows for
    which of them the thread reads, so that what it reads is not known of any.
    """
    observers = _present(tuple(connection.observers.values()))
    if len(observers) <= 1:
        return observers
    for observer in observers:
        observer.missed_read(connection)
    return ()


def block(connection: Observed) -> Block | None:
    """Return what an observer wants instead of a transaction block, or None.

    Examples
    --------
    >>> block(None) is None
    True
    """
    if observers := _OBSERVERS.get():
        for observer in _present(observers):
            instead = observer.block(connection)
            if instead is not None:
                return instead
    return None


class _Nobody:
    """Takes no notice."""

    is_left = False

    def before_read(self, connection: Observed, tables: frozenset[TableName]) -> None:
        pass

    def before_write(self, connection: Observed, table: TableName) -> None:
        pass

    def before_sql(self, connection: Observed, text: str) -> None:
        pass

    def block(self, connection: Observed) -> None:
        return None

    def missed_read(self, connection: Observed) -> None:
        pass


_NOBODY = _Nobody()


def tables_of(plan: Plan) -> frozenset[TableName]:
    """Return the tables that a plan reads.

    Examples
    --------
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> tables_of(nodes.Source(TableName("lab", "a"), Heading([])))
    frozenset({TableName(schema='lab', name='a')})
    """
    found: frozenset[TableName] | None = plan.statements.get("tables")
    if found is None:
        found = plan.statements["tables"] = frozenset(_walk(plan))
    return found


def _walk(plan: Plan) -> Iterator[TableName]:
    if isinstance(plan, nodes.Source):
        yield plan.name
    elif isinstance(plan, (nodes.Join, nodes.Union)):
        yield from tables_of(plan.left) | tables_of(plan.right)
    else:
        yield from tables_of(plan.operand)  # type: ignore[attr-defined] - all others have one
    if isinstance(plan, nodes.Aggregate):
        yield from tables_of(plan.group)
    if isinstance(plan, nodes.Restrict):
        yield from _walk_condition(plan.condition)


def _walk_condition(condition: Condition) -> Iterator[TableName]:
    match condition:
        case nodes.Matches(inner, _):
            yield from tables_of(inner)
        case nodes.All(terms) | nodes.Any_(terms):
            for term in terms:
                yield from _walk_condition(term)
        case nodes.Not(term):
            yield from _walk_condition(term)
        case _:
            pass
