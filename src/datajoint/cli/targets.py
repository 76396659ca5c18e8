"""What is meant on the command line: modules, tables of modules, schemas of the database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

from datajoint import logging
from datajoint._value import Value
from datajoint.compute.autopopulate import AutoPopulate
from datajoint.engine.connection import Connection
from datajoint.engine.instance import default_instance
from datajoint.errors import ConfigurationError, DataJointError, MissingTableError, nearest
from datajoint.heading.names import PART, TableName
from datajoint.make.methods import can_make
from datajoint.make.target import subclasses
from datajoint.schemas import virtual
from datajoint.schemas.module import VirtualModule
from datajoint.schemas.schema import Schema, list_schemas
from datajoint.settings.backend import resolve_connection
from datajoint.table.table import Table

__all__ = [
    "NoSingleTableError", "Pipeline", "computed", "connection", "database_text", "find_schemas", "find_table",
    "find_tables", "is_computed", "makeable", "virtual_module", "with_code",
]  # fmt: skip

_MOST_SCHEMAS = 20
"""Schemas looked at where none is named."""
_MOST_NAMED = 5
"""Schemas named in a message."""


class NoDatabaseError(ConfigurationError):
    """The database of the settings is a file that is not there."""


class NoSingleTableError(MissingTableError):
    """A module or a schema was named where one table is wanted."""


class Pipeline(Value):
    """Tables that were named together, parents first, and the schemas they are in.

    Attributes
    ----------
    module
        That was named; None for a schema of the database, whose classes have no code.
    """

    connection: Connection
    schemas: tuple[str, ...]
    tables: tuple[Table, ...]
    module: ModuleType | None = None


def connection() -> Connection:
    """Return the connection of the settings; a SQLite file that is not there is not made.

    Raises
    ------
    ConfigurationError
        When nothing is there to be looked at.
    """
    instance = default_instance("the command line")
    settings = resolve_connection(instance.config)
    file = str(settings.name)
    if settings.backend == "sqlite" and not file.startswith((":", "file:")) and not os.path.exists(file):
        raise NoDatabaseError(
            f"There is no database file {file}.",
            hint="Name the database in datajoint.json or by DJ_HOST, DJ_DATABASE_NAME …, "
            "or name the module of your pipeline.",
        )
    return instance.connection


def database_text(of: Connection | None = None) -> str:
    """Say where the database is.

    Examples
    --------
    >>> import datajoint as dj
    >>> database_text(dj.Instance(backend="sqlite", database__name=":memory:").connection)
    'sqlite :memory:'
    """
    settings = (of or connection()).settings
    if settings.backend == "sqlite":
        return f"sqlite {settings.name}"
    return f"{settings.backend} {settings.user}@{settings.host}:{settings.port}"


def virtual_module(name: str) -> VirtualModule:
    """Return a module of classes for the tables of a schema of the database.

    Raises
    ------
    MissingTableError
        When there is no such schema.
    """
    where = connection()
    found = list_schemas(where)
    if name not in found:
        raise MissingTableError(f"The database has no schema `{name}`.", hint=nearest(name, found))
    return VirtualModule(name, name, connection=where)


# ---------------------------------------------------------------------------------------------------- many


def find_tables(names: Sequence[str], schemas: Sequence[str] = ()) -> list[Pipeline]:
    """Return the tables that are meant; without names those of all schemas that may be seen.

    Parameters
    ----------
    names
        ``module``, ``module:Table``, ``schema``, ``schema:Table``.
    schemas
        Schemas of the database.
    """
    if not names and not schemas:
        return _of_all_schemas()
    return [*(_of_name(name) for name in names), *(_of_schema(name) for name in schemas)]


def find_schemas(names: Sequence[str], schemas: Sequence[str], what: str) -> Iterator[tuple[Connection, str]]:
    """Yield the schemas that are meant, with their connections.

    Parameters
    ----------
    names, schemas
        As for `find_tables`, but for tables.
    what
        What is done schema by schema, for messages.

    Raises
    ------
    DataJointError
        When a table is named.
    """
    if single := next((name for name in names if ":" in name), None):
        where = single.partition(":")[0]
        raise DataJointError(
            f"{what} schema by schema, not by the table `{single}`.", hint=f"Name `{where}`."
        )
    for pipeline in find_tables(names, schemas):
        for schema in dict.fromkeys(pipeline.schemas):
            yield pipeline.connection, schema


def _of_all_schemas(name: str | None = None) -> list[Pipeline]:
    """Return the tables of all schemas, among which one of this name may be."""
    found: list[Pipeline] = []
    for schema in _all_schemas(name):
        with suppress(MissingTableError):  # others drop schemas meanwhile
            found.append(_of_schema(schema))
    return found


def _all_schemas(name: str | None) -> list[str]:
    found = list_schemas(connection())
    if len(found) > _MOST_SCHEMAS:
        if name is not None:
            _refuse_whole(name, found)
        raise ConfigurationError(
            f"There are {len(found)} schemas, among them {', '.join(found[:5])}.",
            hint="Name those that you mean: --schema NAME.",
        )
    return found


def _of_name(name: str) -> Pipeline:
    first, colon, table = name.partition(":")
    module = _import(first)
    pipeline = (
        _of_schema(first, f"`{first}` is neither a module nor a schema")
        if module is None
        else _of_module(module)
    )
    return _restricted(pipeline, first, table) if colon else pipeline


def _restricted(pipeline: Pipeline, where: str, name: str) -> Pipeline:
    found = _named(pipeline.tables, name)
    if not found:
        names = [table.class_name for table in pipeline.tables]
        raise MissingTableError(
            f"`{where}` has no table `{name}`.",
            hint=nearest(name, names) or f"It has {', '.join(names) or 'no tables'}.",
        )
    return Pipeline(pipeline.connection, pipeline.schemas, tuple(found), pipeline.module)


def find_table(name: str, schemas: Sequence[str] = ()) -> Table:
    """Return the one table that is meant: ``module:Table``, ``schema:Table``, or just ``Table``.

    Raises
    ------
    MissingTableError
        When there is none, or more than one.
    """
    if ":" in name:
        return _of_name(name).tables[0]
    pipelines = [_of_schema(schema) for schema in schemas] or _of_all_schemas(name)
    tables = [table for pipeline in pipelines for table in pipeline.tables]
    found = _named(tables, name)
    if len(found) == 1:
        return found[0]
    if not found:
        named = [p.schemas[0] for p in pipelines]
        _refuse_whole(name, named)
        raise MissingTableError(
            f"There is no table `{name}` in {_listed(named)}.",
            hint=nearest(name, [table.class_name for table in tables])
            or "Write module:Table or schema:Table.",
        )
    raise MissingTableError(
        f"There are several tables `{name}`.",
        hint=f"Write {' or '.join(f'{table.database}:{name}' for table in found)}.",
    )


def _refuse_whole(name: str, schemas: Sequence[str]) -> None:
    """Refuse the name of a module or schema where one table is wanted."""
    if name in schemas or _import(name) is not None:
        raise NoSingleTableError(f"`{name}` is no single table.", hint=f"Name one of it: {name}:TABLE.")


def _named(tables: Sequence[Table], name: str) -> list[Table]:
    """Return the tables of a name, those that are no parts first of all."""
    parts = (part for table in tables for part in table.parts(as_objects=True))
    return _of_that_name(tables, name) or _of_that_name(parts, name)


def _of_that_name(tables: Iterable[Table], name: str) -> list[Table]:
    return [table for table in tables if name in (table.class_name, table.table_name)]


def is_computed(table: Table) -> bool:
    """Whether a table is one that is populated."""
    return isinstance(table, AutoPopulate)


def computed(table: Table, what: str) -> Any:
    """Return a table that is populated.

    Raises
    ------
    DataJointError
        When it is not.
    """
    if table.name.master is not None:
        master = table.name.master.class_name
        raise DataJointError(f"`{table.class_name}` is a part of `{master}`.", hint=f"Ask for `{master}`.")
    if not is_computed(table):
        raise DataJointError(
            f"`{table.class_name}` is a {table.name.tier} table: nothing computes it, so it never {what}."
        )
    return table


def makeable(pipelines: Sequence[Pipeline]) -> list[Table]:
    """Return the tables that can be computed here; those without code are named and left out.

    Raises
    ------
    ConfigurationError
        When there is none.
    """
    tables = [table for pipeline in pipelines for table in pipeline.tables if is_computed(table)]
    found = [table for table in tables if can_make(type(table))]
    without = [pipeline.schemas[0] for pipeline in pipelines if pipeline.module is None]
    if without:
        raise ConfigurationError(
            f"`{without[0]}` is a schema of the database, without the code that computes its tables.",
            hint="Name the module that defines its tables.",
        )
    if not found:
        raise ConfigurationError("None of the tables is computed.", hint="dj status shows what there is.")
    lacking = [table.class_name for table in tables if not can_make(type(table))]
    if lacking:
        logging.logger.warning("left out, since no class with a make was found: %s", ", ".join(lacking))
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} other schemas" if len(names) > _MOST_NAMED else ""
    return (", ".join(f"`{name}`" for name in names[:_MOST_NAMED]) or "the database") + more


# ------------------------------------------------------------------------------------------------- schemas


def _of_schema(name: str, otherwise: str = "") -> Pipeline:
    """Return the tables of a schema of the database, without their code."""
    try:
        where = connection()
    except NoDatabaseError as error:
        if otherwise:
            raise ConfigurationError(
                f"There is no module `{name}` in {os.getcwd()}, and no database that might have a schema of "
                f"that name: {error.message}",
                hint=nearest(name, _modules_here()) or error.hint,
            ) from None
        raise
    found = list_schemas(where)
    if name not in found:
        hint = nearest(name, [*found, *_modules_here()])
        raise MissingTableError(f"{otherwise or f'The database has no schema `{name}`'}.", hint=hint)
    schema = Schema(name, connection=where, create_schema=False, create_tables=False)
    return Pipeline(where, (name,), tuple(_tables(schema, {})))


def with_code(pipeline: Pipeline) -> list[Table]:
    """Return the tables of all classes with code in the schemas of a pipeline, their parts included.

    Those that the database has come first, parents before children.
    """
    classes = _classes_on(pipeline.connection)
    tables = [
        cls()
        for name, cls in classes.items()
        if name.schema in pipeline.schemas and not virtual.is_virtual(cls)
    ]
    there = {table.name for table in tables if table.is_declared}
    order = {name: n for n, name in enumerate(pipeline.connection.catalog.graph.sorted(list(there)))}
    return sorted(tables, key=lambda table: order.get(table.name, len(order)))


def _tables(schema: Schema, classes: dict[TableName, type[Table]]) -> list[Table]:
    """Return the tables of a schema, parents first, with their classes where there are any."""
    names = [TableName(schema.database, name) for name in schema.list_tables()]
    lacking = [name for name in names if name not in classes]
    made = virtual.table_classes(schema.connection, lacking, schema.database)
    classes = {**{cls._binding.name: cls for cls in made.values() if cls._binding}, **classes}
    return [classes[name]() for name in names if name.tier not in (None, PART) and name in classes]


# ------------------------------------------------------------------------------------------------- modules


def _modules_here() -> list[str]:
    import pkgutil

    return [module.name for module in pkgutil.iter_modules([os.getcwd()])]


def _import(name: str) -> ModuleType | None:
    """Return a module, or None where there is none of that name.

    Raises
    ------
    ConfigurationError
        When its code fails.
    """
    import importlib
    import traceback
    from importlib.util import find_spec

    here = os.getcwd() in sys.path or "" in sys.path
    if not here and not sys.flags.safe_path:  # an installed command does not look here
        sys.path.insert(0, os.getcwd())
    try:
        if name.partition(".")[0] in sys.stdlib_module_names or find_spec(name) is None:
            return None
    except (ModuleNotFoundError, ValueError):
        return None
    try:
        return importlib.import_module(name)
    except DataJointError as error:
        _say_where(error, name)
        raise
    except Exception as error:  # noqa: BLE001 - it is the user's code
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigurationError(
            f"The module `{name}` cannot be imported: {type(error).__name__}: {error} "
            f"({os.path.relpath(frame.filename)}:{frame.lineno})."
        ) from None


def _say_where(error: DataJointError, name: str) -> None:
    """Say of an error in the code of a module that this was being imported, and on which line."""
    import traceback

    file = getattr(sys.modules.get(name), "__file__", None) or f"{name.replace('.', os.sep)}.py"
    lines = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(os.path.basename(file))
    ]
    where = f", line {lines[-1].lineno}" if lines else ""
    error.suggest(
        f"This happened while `{name}` was imported{where}. What is to run only when the module is run "
        "itself belongs under `if __name__ == '__main__':`."
    )


def _of_module(module: ModuleType) -> Pipeline:
    """Return the tables of all schemas that a module uses, or whose classes are in it."""
    name = module.__name__
    mine = [
        cls for cls in subclasses(Table) if f"{cls.__module__}.".startswith(f"{name}.") and _is_there(cls)
    ]
    schemas = {id(s): s for s in vars(module).values() if isinstance(s, Schema)}
    active = [schema for schema in schemas.values() if schema.is_activated()]
    seen = {(id(schema.connection), schema.database) for schema in active}
    for cls in mine:
        binding = cls._binding
        if binding is not None and (id(binding.connection), binding.name.schema) not in seen:
            seen.add((id(binding.connection), binding.name.schema))
            active.append(Schema(binding.name.schema, connection=binding.connection, create_schema=False))
    if not active:
        raise ConfigurationError(
            f"The module `{name}` has no tables that are attached to a database.",
            hint="Name the module that activates its schemas."
            if schemas or mine
            else "Name the module that declares them.",
        )
    tables = [table for schema in active for table in _tables(schema, _classes_on(schema.connection))]
    return Pipeline(active[0].connection, tuple(s.database for s in active), tuple(_sorted(tables)), module)


def _is_there(cls: type) -> bool:
    """Whether a class is what its module has under its name, not that of a module loaded earlier."""
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


def _classes_on(where: Connection) -> dict[TableName, type[Table]]:
    """Return the classes that are attached through a connection; those with code before those without."""
    bound = [
        cls for cls in subclasses(Table) if cls._binding is not None and cls._binding.connection is where
    ]
    bound.sort(key=lambda cls: not virtual.is_virtual(cls))
    return {cls._binding.name: cls for cls in bound if cls._binding is not None and _is_class_of_table(cls)}


def _is_class_of_table(cls: Any) -> bool:
    return cls.__dict__.get("_binding") is not None


def _sorted(tables: Sequence[Table]) -> list[Table]:
    by_connection: dict[int, list[Table]] = {}
    for table in tables:
        by_connection.setdefault(id(table.connection), []).append(table)
    found: list[Table] = []
    for some in by_connection.values():
        named = {table.name: table for table in some}
        found += [named[name] for name in some[0].connection.catalog.graph.sorted(list(named))]
    return found
