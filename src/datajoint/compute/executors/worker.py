"""What a worker process does: it makes the keys that it is sent and tells what became of them.

It talks to its parent through two pipes, in pickles. A worker that was started afresh gets a `Setup` first
and imports the class by its path; a forked one has everything but needs a connection of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, BinaryIO

from datajoint._value import Value, replace
from datajoint.compute.job import run_job
from datajoint.compute.task import MakeOutcome, MakeTask
from datajoint.engine.connection import Connection
from datajoint.engine.instance import default_instance, thread_safe
from datajoint.errors import ComputeError, MakeError
from datajoint.heading.names import TableName
from datajoint.settings.backend import ConnectionSettings
from datajoint.table.binding import Binding
from datajoint.table.table import Table

__all__ = [
    "PREPARING", "READY", "Setup", "Wanted", "import_class", "main", "run_program", "serve", "serve_forked",
    "subclasses",
]  # fmt: skip

READY = "ready"
PREPARING = "DJ_WORKER_PREPARING"
"""Set in the environment while a worker imports the user's module, so that populate is refused there."""


class Wanted(Value):
    """A table that a worker makes: the import path of its class, and the name it is to lead to."""

    module: str
    qualname: str
    name: TableName


class Setup(Value):
    """What a worker that was started afresh needs to know.

    Attributes
    ----------
    tables
        What it makes.
    main
        File of the main program, where classes are in it.
    settings
        Their database, to check that the classes lead there.
    assigned
        Settings assigned in the parent to the default instance; None where the tables are on another one.
    attached
        What the classes of the parent are attached to on this connection, by import path.
    forkable
        Whether the parent can fork instead, which is better where this process does not come out the same.
    """

    tables: tuple[Wanted, ...]
    main: str | None
    settings: ConnectionSettings
    assigned: dict[str, Any] | None
    make_kwargs: dict[str, Any]
    attached: dict[tuple[str, str], TableName]
    forkable: bool


def main() -> None:
    """Run as a fresh process, its pipes being standard input and output."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # what a make reads or prints must not meet what we send
    os.dup2(2, 1)
    sys.excepthook = lambda _kind, error, _trace: _send(writer, f"{type(error).__name__}: {error}")
    setup: Setup = _receive(reader)
    tables = _prepare(setup)
    sys.excepthook = sys.__excepthook__
    serve(tables, setup.make_kwargs, reader, writer)


def _prepare(setup: Setup) -> list[Table]:
    """Import the classes and see that they lead to the same tables as in the parent."""
    if setup.assigned is not None and not thread_safe():
        default_instance().config.update(setup.assigned)
    os.environ[PREPARING] = "1"
    program = run_program(setup.main) if setup.main is not None else None
    classes = [import_class(wanted.module, wanted.qualname, program) for wanted in setup.tables]
    del os.environ[PREPARING]
    for wanted, cls in zip(setup.tables, classes, strict=True):
        _attach(setup, wanted, cls)
    tables = [cls() for cls in classes]
    for wanted, table in zip(setup.tables, tables, strict=True):
        _check(setup, wanted, table)
    return tables


def _check(setup: Setup, wanted: Wanted, table: Table) -> None:
    there = replace(table.connection.settings, announced=False)
    if (table.name, there) != (wanted.name, setup.settings):
        raise ComputeError(
            f"`{wanted.qualname}` is `{table.name}` on {there} when `{wanted.module}` is imported afresh, "
            f"but `{wanted.name}` on {setup.settings} here."
        )


def _attach(setup: Setup, wanted: Wanted, cls: type[Table]) -> None:
    """Attach classes of schemas that the parent activated after it had imported them."""
    missing = [
        other for other in subclasses(Table) if other._binding is None and _path(other) in setup.attached
    ]
    if not missing:
        return
    if setup.forkable or (setup.assigned is None and cls._binding is None):
        raise ComputeError(f"`{missing[0].__qualname__}` is not attached when `{wanted.module}` is imported.")
    connection = cls().connection if cls._binding is not None else default_instance().connection
    for other in missing:
        other._binding = Binding(connection, setup.attached[_path(other)])


def _path(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def subclasses(cls: type[Table]) -> Iterator[type[Table]]:
    """Yield all classes that derive from one.

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


def run_program(main_file: str) -> ModuleType:
    """Run the file of the main program under another name, so that its classes are there.

    Examples
    --------
    >>> import os, tempfile
    >>> file = os.path.join(tempfile.mkdtemp(), "program.py")
    >>> with open(file, "w") as program:
    ...     _ = program.write("answer = 42")
    >>> main = sys.modules["__main__"]
    >>> run_program(file).answer
    42
    >>> sys.modules["__main__"] = main
    """
    import runpy

    names = runpy.run_path(main_file, run_name="__mp_main__")
    program = sys.modules["__main__"] = ModuleType("__mp_main__")
    program.__dict__.update(names)
    return program


def import_class(module: str, qualname: str, program: ModuleType | None = None) -> Any:
    """Return a class by its import path, where `program` stands for the module ``__main__``.

    Examples
    --------
    >>> import_class("datajoint.errors", "QueryError").__name__
    'QueryError'
    """
    found: Any = program if program is not None and module == "__main__" else import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def serve_forked(
    tables: Sequence[Table], make_kwargs: Mapping[str, Any], reader: int, writer: int, foreign: list[int]
) -> None:
    """Run as a fork of the parent; `foreign` are its ends of pipes, which are not ours."""
    for descriptor in foreign:
        os.close(descriptor)
    connections: list[Connection] = [table.connection for table in tables]
    if not thread_safe() and default_instance()._connection is not None:
        connections.append(default_instance().connection)
    for connection in dict.fromkeys(connections):
        connection.after_fork()
    serve(tables, make_kwargs, os.fdopen(reader, "rb"), os.fdopen(writer, "wb"))


def serve(
    tables: Sequence[Table], make_kwargs: Mapping[str, Any], reader: BinaryIO, writer: BinaryIO
) -> None:
    """Make keys until the parent has no more, or is gone."""
    import signal

    signal.signal(signal.SIGTERM, _stop)  # so that a make can clean up
    signal.signal(signal.SIGINT, _leave_to_parent)
    _send(writer, READY)
    while True:
        try:
            task: MakeTask | None = _receive(reader)
        except EOFError:
            return
        if task is None:
            return
        _send(writer, _portable(run_job(_table_of(tables, task), task, make_kwargs)))


def _table_of(tables: Sequence[Table], task: MakeTask) -> Table:
    return tables[0] if task.table is None else next(table for table in tables if table.name == task.table)


def _stop(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _leave_to_parent(number: int, frame: Any) -> None:
    """A key pressed in the terminal reaches every process of it; the parent stops us."""


def _receive(reader: BinaryIO) -> Any:
    import pickle

    return pickle.load(reader)  # noqa: S301 - from our own parent


def _send(writer: BinaryIO, message: Any) -> None:
    import pickle

    try:
        pickle.dump(message, writer)
        writer.flush()
    except BrokenPipeError:  # the parent is gone
        raise SystemExit(1) from None


def _portable(outcome: MakeOutcome) -> MakeOutcome:
    """Return an outcome whose error can be sent, with the traceback of here as a note."""
    import pickle
    import traceback

    error = outcome.error
    if error is None:
        return outcome
    text = "".join(traceback.format_exception(error))
    error.add_note(f"in worker process {os.getpid()}:\n{text}")
    try:
        same = type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - our own
    except (
        pickle.PicklingError,
        TypeError,
        AttributeError,
        ValueError,
        LookupError,
        ImportError,
        RecursionError,
    ):
        same = False
    if same:
        return outcome
    told = MakeError(
        f"{type(error).__name__}: {error}", hint="The exception itself cannot be sent between processes."
    )
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return replace(outcome, error=told)
