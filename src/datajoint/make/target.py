"""Targets: tables with the arguments of their make, and descriptions for other processes.

A worker in another process receives no connection and no class, but a description: the import path of the
class, the table and database that it must lead to, and the assigned settings. It opens its own connection.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Any

from datajoint._value import Value, replace
from datajoint.engine.instance import default_instance, thread_safe
from datajoint.errors import ComputeError
from datajoint.heading.names import TableName
from datajoint.make.methods import refuse_async, refuse_signature
from datajoint.make.resources import Resources, resources_of
from datajoint.settings.backend import ConnectionSettings
from datajoint.table.bound import Binding
from datajoint.table.table import Table

__all__ = [
    "PREPARING",
    "Described",
    "Description",
    "Target",
    "import_class",
    "prepare",
    "refusal",
    "subclasses",
]

PREPARING = "DJ_WORKER_PREPARING"
"""Environment variable that is set while a worker imports a user module, where populate is refused."""

MEMORY = ":memory:"


class Description(Value):
    """Description of a table for a worker.

    Attributes
    ----------
    module, qualname
        Import path of the class.
    main
        File of the main program, if it defines the class.
    path
        Search path for modules in this process.
    name, settings
        Table and database (without the password), to verify the imported class.
    assigned
        Settings assigned to the default instance; None if the table belongs to another instance.
    make_kwargs
        Further arguments of `make`.
    attached
        Tables of the classes on this connection, by import path.
    """

    module: str
    qualname: str
    main: str | None
    path: tuple[str, ...]
    name: TableName
    settings: ConnectionSettings
    assigned: dict[str, Any] | None
    make_kwargs: dict[str, Any]
    attached: dict[tuple[str, str], TableName]


class Target:
    """Table to compute, with the further arguments of its make; its pickle is a `Described`.

    Parameters
    ----------
    table
        Table to compute.
    make_kwargs
        Further arguments of `make`.

    Attributes
    ----------
    resources
        Resources that the class declares.
    timeout
        Time limit of a make in seconds, or None.
    """

    def __init__(self, table: Table, make_kwargs: Mapping[str, Any]) -> None:
        refuse_async(type(table))
        refuse_signature(table, make_kwargs)
        self.table = table
        self.make_kwargs = dict(make_kwargs)
        self.resources = resources_of(type(table))
        self.timeout: float | None = table.connection.config.jobs.timeout or None

    @cached_property
    def description(self) -> bytes:
        """Pickled description.

        Raises
        ------
        ComputeError
            If no other process could import the class, or reach the database.
        """
        import pickle
        import zlib

        reason = self.obstacle
        if reason is not None:
            raise self.refusal(reason)
        try:
            return zlib.compress(pickle.dumps(_describe(self.table, self.make_kwargs)), 1)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ComputeError(
                f"The arguments of `{self.table.class_name}.make` cannot be sent elsewhere: {error}.",
                hint="Give make_kwargs that can be pickled.",
            ) from error

    @cached_property
    def obstacle(self) -> str | None:
        """Reason why no other process can compute this table, or None."""
        cls = type(self.table)
        module = sys.modules.get(cls.__module__)
        if self.table.connection.settings.name == MEMORY:
            return "its database is in the memory of this process"
        if cls.__module__ == "__main__":
            has_file = os.path.isfile(getattr(module, "__file__", None) or "")
            return None if has_file else "it was written in a notebook or at a prompt"
        if "<locals>" in cls.__qualname__:
            return "it was defined in a function"
        if getattr(module, "__spec__", None) is None or not _leads_to(cls):
            return "its module cannot be imported, or has another class by that name"
        return None

    @property
    def class_name(self) -> str:
        """Class name of the table."""
        return self.table.class_name

    @property
    def to_fork(self) -> bool:
        """Whether forks are required, or preferable because they do not run the main program again."""
        return self.obstacle is not None or type(self.table).__module__ == "__main__"

    def is_same(self, other: Any) -> bool:
        """Whether another target is the same."""
        return other is self

    def refusal(self, reason: str) -> ComputeError:
        """Return the error that says why it cannot be made."""
        return refusal(type(self.table), reason)

    def __reduce__(self) -> Any:
        return Described, (self.description, str(self.table.class_name), self.resources, self.timeout)


class Described:
    """Target of another process.

    Parameters
    ----------
    description
        Pickled description.
    class_name
        Class name of the table.
    resources, timeout
        Resources that the class declares, and the time limit of a make in seconds.
    """

    def __init__(
        self, description: bytes, class_name: str, resources: Resources, timeout: float | None
    ) -> None:
        self.description, self.class_name = description, class_name
        self.resources, self.timeout = resources, timeout

    to_fork = False

    def is_same(self, other: Any) -> bool:
        """Whether another target is the same."""
        return isinstance(other, Described) and other.description == self.description

    def refusal(self, reason: str) -> ComputeError:
        """Return the error that says why it cannot be made."""
        return ComputeError(
            f"`{self.class_name}` cannot be made in a worker on {platform.node()}: {reason}.",
            hint="Its module must be importable there and attach it to the same database.",
        )


def refusal(cls: type, reason: str) -> ComputeError:
    """Return the error for a class that other processes cannot compute.

    Examples
    --------
    >>> print(refusal(Resources, "it is not a table"))
    `Resources` of module `datajoint.make.resources` cannot be made in other processes: it is not a table.
    Put the class into a module that a new Python can import and that attaches it to its schema, or call
    populate() with processes=1 and no executor.
    """
    return ComputeError(
        f"`{cls.__qualname__}` of module `{cls.__module__}` cannot be made in other processes: {reason}.",
        hint="Put the class into a module that a new Python can import and that attaches it to its schema, "
        "or call populate() with processes=1 and no executor.",
    )


def _describe(table: Table, make_kwargs: dict[str, Any]) -> Description:
    cls, connection = type(table), table.connection
    config = connection.config
    shared = not thread_safe() and default_instance()._connection is connection
    assigned = {name: config[name] for name in config if config.origin(name) == "assigned"}
    main = None
    if cls.__module__ == "__main__":
        main = os.path.abspath(str(sys.modules["__main__"].__file__))
    return Description(
        cls.__module__,
        cls.__qualname__,
        main,
        tuple(entry or os.getcwd() for entry in sys.path),
        table.name,
        _where(table),
        assigned if shared else None,
        make_kwargs,
        _attached(table),
    )


def _where(table: Table) -> ConnectionSettings:
    """Return the database of a table, without the password."""
    return replace(table.connection.settings, announced=False, password=None)


def _attached(table: Table) -> dict[tuple[str, str], TableName]:
    """Return the tables of the importable classes on the connection of a table."""
    classes = [cls for cls in subclasses(Table) if cls._binding is not None and "<" not in cls.__qualname__]
    mine = [cls for cls in classes if cls._binding.connection is table.connection]
    return {_path(cls): cls._binding.name for cls in mine}


def _leads_to(cls: type[Table]) -> bool:
    try:
        return import_class(cls.__module__, cls.__qualname__) is cls
    except (ImportError, AttributeError):
        return False


def _path(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def subclasses(cls: type[Table]) -> Iterator[type[Table]]:
    """Yield all subclasses of a class, at any depth.

    Examples
    --------
    >>> class Base(Table):
    ...     pass
    >>> list(subclasses(Base))
    []
    """
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


# ------------------------------------------------------------------------------------------------- elsewhere


def prepare(description: bytes, strict: bool = False) -> Target:
    """Import a described class and check that it belongs to the described table.

    Parameters
    ----------
    strict
        Refuse classes that the import of their modules does not attach, instead of attaching them.
    """
    import pickle
    import zlib

    told: Description = pickle.loads(zlib.decompress(description))  # noqa: S301 - from the parent process
    sys.path += [entry for entry in told.path if entry not in sys.path and os.path.exists(entry)]
    if told.assigned is not None and not thread_safe():
        default_instance().config.update(told.assigned)
    os.environ[PREPARING] = "1"
    cls = import_class(told.module, told.qualname, told.main)
    del os.environ[PREPARING]
    _attach(told, cls, strict)
    table: Table = cls()
    there = _where(table)
    if (table.name, there) != (told.name, told.settings):
        raise ComputeError(
            f"`{told.qualname}` is `{table.name}` on {there} when `{told.module}` is imported afresh, "
            f"but `{told.name}` on {told.settings} here."
        )
    return Target(table, told.make_kwargs)


def import_class(module: str, qualname: str, main_file: str | None = None) -> Any:
    """Return a class by its import path; run `main_file` under another name for the main program.

    Examples
    --------
    >>> import_class("datajoint.errors", "QueryError").__name__
    'QueryError'
    """
    if main_file is not None:
        import runpy
        import types

        names = runpy.run_path(main_file, run_name="__mp_main__")
        program = sys.modules["__main__"] = types.ModuleType("__mp_main__")
        program.__dict__.update(names)
        found: Any = program
    else:
        found = import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _attach(told: Description, cls: type[Table], strict: bool) -> None:
    """Attach classes whose schemas were activated after the import of their modules."""
    missing = [o for o in subclasses(Table) if o._binding is None and _path(o) in told.attached]
    if not missing:
        return
    if strict or (told.assigned is None and cls._binding is None):
        raise ComputeError(f"`{missing[0].__qualname__}` is not attached when `{told.module}` is imported.")
    connection = cls().connection if cls._binding is not None else default_instance().connection
    for other in missing:
        other._binding = Binding(connection, told.attached[_path(other)])
