"""From what a user gives to tables of the graph: schemas, modules, classes, expressions, names."""

from __future__ import annotations

import inspect
import types
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from datajoint.algebra.plans.build import operands
from datajoint.algebra.plans.nodes import Plan, Source
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, nearest
from datajoint.graph.dependencies import DependencyGraph
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression
from datajoint.table.table import Table

__all__ = ["as_table", "connection_of", "find_name", "module_labels", "tables_of"]


def connection_of(source: Any) -> Connection:
    """Return where the tables of a source are.

    Raises
    ------
    DataJointError
        When it is nothing that a diagram can be made of.
    """
    for part in _parts(source):
        return part.connection
    raise DataJointError(
        f"No diagram can be made of {source!r:.80}.",
        hint="Give a schema, a module with tables, a table class or an expression.",
    )


def tables_of(source: Any, connection: Connection) -> tuple[DependencyGraph, set[TableName]]:
    """Return the graph of all tables connected with a source, and the tables that the source stands for."""
    catalog, names = connection.catalog, set[TableName]()
    catalog.clear()  # other processes may have declared tables meanwhile
    for part in _parts(source):
        schemas, own = [], set[TableName]()
        if isinstance(part, Table):
            own = {part.name}
        elif isinstance(part, QueryExpression):
            own = set(_sources(part.query.plan))
        else:
            schemas = [part.database]
        for schema in {*schemas, *(name.schema for name in own)}:
            catalog.load_family(schema)
        names |= own or {name for schema in schemas for name in catalog.tables(schema)}
    graph = catalog.graph
    return graph, {name for name in names if name in graph.specs}


def _parts(source: Any) -> Iterator[Any]:
    """Give the schemas, tables and expressions that a source consists of."""
    if isinstance(source, types.ModuleType):
        yield from _module_parts(source)
    elif isinstance(source, type):
        if issubclass(source, Table):
            yield source()
    elif isinstance(source, QueryExpression) or _is_schema(source):
        yield source


def _module_parts(module: types.ModuleType) -> Iterator[Any]:
    schema = module.__dict__.get("schema")
    if _is_schema(schema):
        yield schema
        return
    found = list(module.__dict__.values())
    schemas = [value for value in found if _is_schema(value)]
    yield from schemas
    for value in found:
        if (
            isinstance(value, type)
            and issubclass(value, Table)
            and value._binding is not None
            and not schemas
        ):
            yield value()


def _is_schema(source: Any) -> bool:
    return not isinstance(source, (type, QueryExpression)) and hasattr(source, "is_activated")


def _sources(plan: Plan) -> Iterator[TableName]:
    if isinstance(plan, Source):
        yield plan.name
    for operand, _ in operands(plan):
        yield from _sources(operand)


def find_name(which: Any, names: Collection[TableName], what: str) -> TableName:
    """Return the table that a class, an instance or a name stands for.

    Parameters
    ----------
    what
        Where it is looked for, for the message.

    Raises
    ------
    DataJointError
        When it is not there, or the name is that of several.
    """
    given = as_table(which)
    name = given.name if isinstance(given, Table) else given
    if isinstance(name, TableName):
        found = [name] if name in names else []
        which = name
    else:
        found = list(_called(str(name), names))
    if len(found) > 1:
        names_found = ", ".join(sorted(map(str, found)))
        raise DataJointError(
            f"The name `{which}` is ambiguous in {what.partition(':')[0]}: {names_found}.",
            hint="Write 'schema.Name', or give the class.",
        )
    if not found:
        close = nearest(str(which), sorted({name.class_name for name in names}))
        raise DataJointError(f"Table `{which}` is not in {what}.", hint=close)
    return found[0]


def as_table(given: Any) -> Any:
    """Return the table of a class; anything else as it is."""
    return given() if inspect.isclass(given) and issubclass(given, Table) else given


def _called(text: str, names: Iterable[TableName]) -> Iterator[TableName]:
    plain = text.replace("`", "").replace('"', "")
    for name in names:
        own = (name.class_name, name.name)
        if plain in own or plain in [f"{name.schema}.{one}" for one in own]:
            yield name


def module_labels(connection: Connection, schemas: Collection[str]) -> dict[str, str]:
    """Return the names of the modules that hold the classes of schemas, where they are known (DIA-9)."""
    labels: dict[str, str] = {}
    todo: list[type] = [Table]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        binding = cls.__dict__.get("_binding")
        if binding is None or binding.connection is not connection or binding.name.schema not in schemas:
            continue
        if not cls.__module__.startswith(("datajoint.", "__main__")) and cls.__module__ != "datajoint":
            labels.setdefault(binding.name.schema, cls.__module__)
    return labels
