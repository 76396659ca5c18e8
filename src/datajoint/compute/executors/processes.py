"""Computes in several processes of this machine, each with a connection of its own (POP-10).

A worker is a fresh Python that imports the class by its path; so nothing of this process (threads, locks,
open files) can disturb it, and it works on every platform. Classes that cannot be imported, such as those
written in a notebook or in a function, are made in forks of this process, where the platform has them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from datajoint._value import replace
from datajoint.compute.executors.worker import (
    READY,
    Setup,
    Wanted,
    import_class,
    serve,
    serve_forked,
    subclasses,
)
from datajoint.compute.task import FAILED, MakeOutcome, MakeTask
from datajoint.engine.instance import default_instance, thread_safe
from datajoint.errors import ComputeError, MakeError
from datajoint.heading.names import TableName
from datajoint.logging import logger
from datajoint.table.table import Table

if TYPE_CHECKING:
    from queue import SimpleQueue

__all__ = ["ProcessExecutor", "usable_cpus"]

_GRACE = 5.0
"""Seconds that a worker has to end before it is killed."""


def usable_cpus() -> int:
    """Return how many processors this process may use.

    Examples
    --------
    >>> usable_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Process(Protocol):
    """A process that was started: `subprocess.Popen`, or a fork that behaves like one."""

    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> Any: ...


class _Fork:
    """A fork of this process."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.terminate = process.terminate
        self.kill = process.kill

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError
        return int(self._process.exitcode)


class _Worker:
    """A worker process and the pipes to it."""

    def __init__(self, process: _Process, reader: BinaryIO, writer: BinaryIO) -> None:
        self.process, self.reader, self.writer = process, reader, writer
        self.timed_out = False

    def send(self, message: Any) -> None:
        import pickle

        pickle.dump(message, self.writer)
        self.writer.flush()

    def receive(self) -> Any:
        """Return what the worker sends; raises EOFError when it is gone."""
        import pickle

        return pickle.load(self.reader)  # noqa: S301 - from our own child

    def make(self, task: MakeTask, timeout: float | None = None) -> MakeOutcome:
        import threading

        self.timed_out = False
        clock = threading.Timer(timeout, self._end) if timeout else None
        if clock is not None:
            clock.daemon = True
            clock.start()
        try:
            self.send(task)
            outcome: MakeOutcome = self.receive()
        finally:
            if clock is not None:
                clock.cancel()
        return outcome

    def _end(self) -> None:
        self.timed_out = True
        self.process.kill()

    def stop(self) -> int:
        """Let the process end, see that it does, and return its exit code."""
        import contextlib
        import subprocess

        with contextlib.suppress(OSError):
            self.writer.close()
        try:
            code = self.process.wait(_GRACE)
        except (subprocess.TimeoutExpired, TimeoutError):
            self.process.kill()
            code = self.process.wait()
        self.reader.close()
        return int(code)


class ProcessExecutor:
    """Runs tasks in worker processes.

    Parameters
    ----------
    tables
        What is made: tables of one connection.
    processes
        Number of workers.
    make_kwargs
        Further arguments of `make`.
    timeout
        Seconds after which a make is stopped; None for never.
    quiet
        A lock, to be entered again by its holder, that others hold while they use the connection.
    """

    def __init__(
        self, tables: Sequence[Table], processes: int, make_kwargs: Mapping[str, Any],
        timeout: float | None = None,
        quiet: AbstractContextManager[Any] | None = None,
    ) -> None:  # fmt: skip
        import threading

        self._tables = tuple(tables)
        self._quiet = quiet or threading.RLock()
        self._timeout = timeout
        self._make_kwargs = dict(make_kwargs)
        self._setup = _setup(self._tables, self._make_kwargs)
        self._workers: list[_Worker] = []
        self._stopping = self._finished = False
        self._start(processes)

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task as it comes."""
        import threading
        from queue import SimpleQueue

        source, lock = iter(tasks), self._quiet
        outcomes: SimpleQueue[MakeOutcome | None] = SimpleQueue()

        def take() -> MakeTask | None:
            with lock:
                return None if self._stopping else next(source, None)

        feeders = [
            threading.Thread(target=self._feed, args=(n, take, outcomes), daemon=True)
            for n in range(len(self._workers))
        ]
        for feeder in feeders:
            feeder.start()
        working = len(feeders)
        while working:
            outcome = outcomes.get()
            if outcome is None:
                working -= 1
            else:
                yield outcome
        self._finished = True
        for feeder in feeders:
            feeder.join()

    def _feed(self, n: int, take: Any, outcomes: SimpleQueue[MakeOutcome | None]) -> None:
        """Give tasks to one worker; a worker that died is replaced."""
        try:
            while (task := take()) is not None:
                try:
                    outcomes.put(self._workers[n].make(task, self._timeout))
                except (EOFError, OSError, ValueError):  # the last of a pipe that we have closed
                    if self._stopping:
                        return
                    outcomes.put(MakeOutcome(task.key, FAILED, self._died(n, task), table=task.table))
                    with self._quiet:  # a fork inherits what other threads hold
                        self._workers[n] = self._fresh() if self._setup else self._forked()
                    if self._workers[n].receive() != READY:
                        return
        finally:
            outcomes.put(None)

    def _died(self, n: int, task: MakeTask) -> MakeError:
        code, name = self._workers[n].stop(), (task.table or self._tables[0].name).class_name
        if self._workers[n].timed_out:
            return MakeError(
                f"The make of `{name}` for the key {task.key} was stopped after {self._timeout:g} s.",
                hint="The setting jobs.timeout says how long a make may take.",
            )
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return MakeError(
            f"The worker process {how} while making `{name}` for the key {task.key}.",
            hint="It may have run out of memory. The key is not made.",
        )

    def close(self) -> None:
        """End all workers; a make that runs is stopped and leaves nothing."""
        at_once, self._stopping = not self._finished, True
        if at_once:
            for worker in self._workers:
                worker.process.terminate()
        for worker in self._workers:
            worker.stop()
        self._workers = []

    # ------------------------------------------------------------------------------------------------- start

    def _start(self, processes: int) -> None:
        if self._setup is not None:
            self._workers = [self._fresh() for _ in range(processes)]
            answers = [_answer(worker) for worker in self._workers]
            refusals = [answer for answer in answers if answer != READY]
            if not refusals:
                return
            for worker in self._workers:
                worker.process.terminate()
                worker.stop()
            self._setup = None
            if not hasattr(os, "fork"):
                raise _refusal(self._tables, refusals[0])
            logger.debug("fresh worker processes cannot be used, forking instead: %s", refusals[0])
        elif not hasattr(os, "fork"):
            raise _refusal(self._tables, "it is not at the top level of a module")
        self._workers = []
        for _ in range(processes):
            self._workers.append(self._forked())
        for worker in self._workers:
            worker.receive()

    def _fresh(self) -> _Worker:
        """Start a new Python that imports the class."""
        import pickle
        import subprocess

        path = [entry or os.getcwd() for entry in sys.path]
        code = f"import sys; sys.path[:] = {path!r}; from {serve.__module__} import main; main()"
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        worker = _Worker(process, cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin))
        try:
            worker.send(self._setup)
        except OSError:  # it ended at once: its answer says so
            pass
        except (pickle.PicklingError, TypeError, AttributeError):
            worker.process.terminate()
            worker.stop()
            raise
        return worker

    def _forked(self) -> _Worker:
        """Fork this process."""
        import multiprocessing
        import warnings

        child_reads, parent_writes = os.pipe()
        parent_reads, child_writes = os.pipe()
        reader, writer = os.fdopen(parent_reads, "rb"), os.fdopen(parent_writes, "wb")
        theirs = [stream for worker in self._workers for stream in (worker.reader, worker.writer)]
        ours = [stream.fileno() for stream in (reader, writer, *theirs) if not stream.closed]
        process = multiprocessing.get_context("fork").Process(
            target=serve_forked, args=(self._tables, self._make_kwargs, child_reads, child_writes, ours)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of others: there is nothing better
            process.start()
        os.close(child_reads)
        os.close(child_writes)
        return _Worker(_Fork(process), reader, writer)


def _setup(tables: Sequence[Table], make_kwargs: dict[str, Any]) -> Setup | None:
    """Return what a fresh worker needs, or None where it cannot import the classes."""
    main, connection = _main_file(), tables[0].connection
    if not all(_can_import(type(table), main) for table in tables):
        return None
    shared = not thread_safe() and default_instance()._connection is connection
    config = connection.config
    assigned = {name: config[name] for name in config if config.origin(name) == "assigned"}
    classes = [type(table) for table in tables]
    return Setup(
        tuple(
            Wanted(cls.__module__, cls.__qualname__, table.name)
            for cls, table in zip(classes, tables, strict=True)
        ),
        main if any(cls.__module__ == "__main__" for cls in classes) else None,
        replace(connection.settings, announced=False),
        assigned if shared else None,
        make_kwargs,
        _attached(tables[0]),
        hasattr(os, "fork"),
    )


def _main_file() -> str | None:
    """Return the file of the main program, to be run again where nothing can be forked."""
    return None if hasattr(os, "fork") else getattr(sys.modules.get("__main__"), "__file__", None)


def _can_import(cls: type[Table], main: str | None) -> bool:
    if cls.__module__ == "__main__":
        return main is not None
    return getattr(sys.modules.get(cls.__module__), "__spec__", None) is not None and _leads_to(cls)


def _attached(table: Table) -> dict[tuple[str, str], TableName]:
    """Return what importable classes are attached to on the connection of a table."""
    classes = [cls for cls in subclasses(Table) if cls._binding is not None and "<" not in cls.__qualname__]
    mine = [cls for cls in classes if cls._binding.connection is table.connection]
    return {(cls.__module__, cls.__qualname__): cls._binding.name for cls in mine}


def _leads_to(cls: type[Table]) -> bool:
    try:
        return import_class(cls.__module__, cls.__qualname__) is cls
    except (ImportError, AttributeError):
        return False


def _answer(worker: _Worker) -> Any:
    try:
        return worker.receive()
    except EOFError:
        return "the new process ended at once"


def _refusal(tables: Sequence[Table], reason: str) -> ComputeError:
    classes = [type(table) for table in tables]
    cls = next((cls for cls in classes if not _can_import(cls, _main_file())), classes[0])
    return ComputeError(
        f"`{cls.__qualname__}` of module `{cls.__module__}` cannot be made in other processes: {reason}.",
        hint="Put the class into a module that a new Python can import and that attaches it to its schema, "
        "or call populate() with processes=1.",
    )
