"""Which tables a pipeline makes: those that classes are there for, parents first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from datajoint._value import Value, replace
from datajoint.compute.autopopulate import AutoPopulate
from datajoint.compute.pipeline.order import Order, order_of
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.make.methods import can_make
from datajoint.make.target import subclasses
from datajoint.table import misspelt
from datajoint.table.table import Table

__all__ = ["Targets", "in_order", "targets_of"]

_COMPUTED = ("computed", "imported")


class Targets(Value):
    """The tables to be made, parents first.

    Attributes
    ----------
    unknown
        Tables of the schemas that no class with a `make` is there for.
    ancestors
        By table: all that it depends on by foreign keys, itself included.
    order
        Which tables wait for which, by reads as well; None where only references count.
    """

    connection: Connection
    tables: tuple[Table, ...]
    unknown: tuple[TableName, ...]
    ancestors: dict[TableName, frozenset[TableName]]
    order: Order | None = None


def targets_of(given: Sequence[Any]) -> Targets:
    """Return the tables that schemas and table classes stand for.

    Parameters
    ----------
    given
        Schemas, modules with a `schema`, and classes or instances of computed tables.

    Raises
    ------
    DataJointError
        When one is something else, or they are on several connections.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> [table.class_name for table in targets_of([schema]).tables]
    ['Fit']
    """
    if not given:
        raise DataJointError(
            "Nothing to compute was named.", hint="Name schemas or tables: dj.populate(schema)."
        )
    tables: dict[TableName, Table] = {}
    unknown: dict[TableName, None] = {}
    for target in given:
        found, lacking = _read(target)
        tables.update((table.name, table) for table in found)
        unknown.update(dict.fromkeys(lacking))
    connection = _common_connection(given, tables.values())
    for schema in dict.fromkeys(name.schema for name in tables):
        connection.catalog.load_family(schema)
    graph = connection.catalog.graph
    ancestors = {name: graph.above(name) for name in tables}
    order = graph.sorted(frozenset[TableName]().union(*ancestors.values()))
    ordered = tuple(tables[name] for name in order if name in tables)
    return Targets(connection, ordered, tuple(n for n in unknown if n not in tables), ancestors)


def in_order(targets: Targets) -> Targets:
    """Return the tables in the order of references, declared reads and recorded reads.

    Raises
    ------
    DataJointError
        When declared reads form a cycle.

    Examples
    --------
    >>> in_order(Targets(None, (), (), {})).tables
    ()
    """
    if not targets.tables:
        return targets
    order = order_of(targets.tables, targets.connection.catalog.graph)
    return replace(targets, tables=order.tables, order=order)


def _read(target: Any) -> tuple[list[Table], list[TableName]]:
    """Return the tables that one target stands for, and those of it that nothing can be done about."""
    table: Any = cast("Any", target)() if isinstance(target, type) else target
    if isinstance(table, Table):
        return [_computed(table)], []
    schema: Any = table if hasattr(table, "list_tables") else getattr(table, "schema", None)
    if not hasattr(schema, "list_tables"):
        raise DataJointError(
            f"{target!r:.80} is neither a schema nor a computed table.",
            hint="Name schemas or table classes: dj.populate(schema), dj.populate(Scan, Detection).",
        )
    return _of_schema(schema)


def _computed(table: Table) -> Table:
    if table.is_restricted:
        misspelt.refuse_ignored(table.query, table.heading, table.class_name, "computed")
        raise DataJointError(
            f"`{table.class_name}` is restricted: a pipeline is made of whole tables.",
            hint="Pass conditions as restrictions.",
        )
    if not isinstance(table, AutoPopulate):
        raise DataJointError(
            f"`{table.class_name}` is not computed: its rows are inserted.",
            hint="Name classes derived from dj.Imported or dj.Computed, or whole schemas.",
        )
    return table


def _of_schema(schema: Any) -> tuple[list[Table], list[TableName]]:
    connection, database = cast("Connection", schema.connection), str(schema.database)
    found: dict[TableName, type[Table]] = {}
    for cls in subclasses(Table):
        binding = cls._binding
        if binding is None or binding.connection is not connection or binding.name.schema != database:
            continue
        if issubclass(cls, AutoPopulate) and can_make(cls):
            found[binding.name] = cls  # of several classes for one table the newest
    connection.catalog.load([database])
    names = [name for name in connection.catalog.tables(database) if name.tier in _COMPUTED]
    return [found[name]() for name in names if name in found], [name for name in names if name not in found]


def _common_connection(given: Sequence[Any], tables: Iterable[Table]) -> Connection:
    connections = {id(table.connection): table.connection for table in tables}
    if len(connections) > 1:
        raise DataJointError(
            "The tables are on several connections.", hint="Compute those of each dj.Instance by themselves."
        )
    if connections:
        return next(iter(connections.values()))
    schema = given[0] if hasattr(given[0], "connection") else given[0].schema
    return cast("Connection", schema.connection)
