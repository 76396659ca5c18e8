"""What a worker process does: it makes the keys that it is sent and tells what became of them.

It talks to its parent through two pipes, in pickles. A worker that was started afresh gets a `Setup` first
and imports the class by its path; a forked one has everything but needs a connection of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
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

__all__ = ["PREPARING", "READY", "Setup", "import_class", "main", "serve", "serve_forked", "subclasses"]

READY = "ready"
PREPARING = "DJ_WORKER_PREPARING"
"""Set in the environment while a worker imports the user's module, so that populate is refused there."""


class Setup(Value):
    """What a worker that was started afresh needs to know.

    Attributes
    ----------
    module, qualname
        Import path of the class.
    main
        File of the main program, where the class is in it.
    name, settings
        The table and its database, to check that the class leads there.
    assigned
        Settings assigned in the parent to the default instance; None where the table is on another instance.
    attached
        What the classes of the parent are attached to on this connection, by import path.
    forkable
        Whether the parent can fork instead, which is better where this process does not come out the same.
    """

    module: str
    qualname: str
    main: str | None
    name: TableName
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
    table = _prepare(setup)
    sys.excepthook = sys.__excepthook__
    serve(table, setup.make_kwargs, reader, writer)


def _prepare(setup: Setup) -> Table:
    """Import the class and see that it leads to the same table as in the parent."""
    if setup.assigned is not None and not thread_safe():
        default_instance().config.update(setup.assigned)
    os.environ[PREPARING] = "1"
    cls = import_class(setup.module, setup.qualname, setup.main)
    del os.environ[PREPARING]
    _attach(setup, cls)
    table: Table = cls()
    there = replace(table.connection.settings, announced=False)
    if (table.name, there) != (setup.name, setup.settings):
        raise ComputeError(
            f"`{setup.qualname}` is `{table.name}` on {there} when `{setup.module}` is imported afresh, "
            f"but `{setup.name}` on {setup.settings} here."
        )
    return table


def _attach(setup: Setup, cls: type[Table]) -> None:
    """Attach classes of schemas that the parent activated after it had imported them."""
    missing = [
        other for other in subclasses(Table) if other._binding is None and _path(other) in setup.attached
    ]
    if not missing:
        return
    if setup.forkable or (setup.assigned is None and cls._binding is None):
        raise ComputeError(f"`{missing[0].__qualname__}` is not attached when `{setup.module}` is imported.")
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


def import_class(module: str, qualname: str, main_file: str | None = None) -> Any:
    """Return a class by its import path; one of the main program by running its file under another name.

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


def serve_forked(
    table: Table, make_kwargs: Mapping[str, Any], reader: int, writer: int, foreign: list[int]
) -> None:  # fmt: skip
    """Run as a fork of the parent; `foreign` are its ends of pipes, which are not ours."""
    for descriptor in foreign:
        os.close(descriptor)
    connections: list[Connection] = [table.connection]
    if not thread_safe() and default_instance()._connection is not None:
        connections.append(default_instance().connection)
    for connection in dict.fromkeys(connections):
        connection.after_fork()
    serve(table, make_kwargs, os.fdopen(reader, "rb"), os.fdopen(writer, "wb"))


def serve(table: Table, make_kwargs: Mapping[str, Any], reader: BinaryIO, writer: BinaryIO) -> None:
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
        _send(writer, _portable(run_job(table, task, make_kwargs)))


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
