"""Worker process as its parent sees it: start, tasks, time limits, and end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from datajoint._value import replace
from datajoint.errors import MakeError
from datajoint.executors.child_main import Definition, Order, main, serve_forked
from datajoint.jobs.cancel import Cancels, JobCancelled
from datajoint.make.target import Described, Target
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

if TYPE_CHECKING:
    from queue import SimpleQueue

__all__ = ["FRESH_SECONDS", "GONE", "Child"]

_GRACE = 5.0
"""Seconds for a worker to end before it is killed."""
FRESH_SECONDS = 30.0
"""Seconds for which an idle worker is used again; later it ends automatically."""
GONE = None
"""Last answer of a worker."""


class _Process(Protocol):
    """Started process: `subprocess.Popen`, or a fork with the same methods."""

    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> Any: ...


class _Fork:
    """Fork of this process."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.terminate = process.terminate
        self.kill = process.kill

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError
        return int(self._process.exitcode)


class Child:
    """Worker process and the pipes to it.

    A thread reads the answers into a queue; the thread of the executor does all other work.

    Attributes
    ----------
    task
        Running task, or None.
    deadline
        Time limit of the task, by `time.monotonic`.
    """

    def __init__(self, process: _Process, reader: BinaryIO, writer: BinaryIO, forked: int | None) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._forked = forked
        self._listener: Any = None
        self._known: set[int] = set()
        self._waiting = 1  # number of expected answers: the first is READY
        self._rested = time.monotonic()
        self._begun = time.monotonic()
        self._timed_out = self._asked_to_end = False
        self._cancelled: str | None = None
        self.task: MakeTask | None = None
        self.deadline: float | None = None

    @classmethod
    def fresh(cls, answers: SimpleQueue[Any]) -> Child:
        """Start a new Python process."""
        import subprocess

        path = [entry or os.getcwd() for entry in sys.path]
        code = f"import sys; sys.path[:] = {path!r}; from {main.__module__} import main; main()"
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        child = cls(process, cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin), None)
        return child._listening(answers)

    @classmethod
    def forked(cls, targets: Sequence[Target], others: Sequence[Child], answers: SimpleQueue[Any]) -> Child:
        """Fork this process, which has the targets; the fork closes the pipes of the other children."""
        import multiprocessing
        import warnings

        child_reads, parent_writes = os.pipe()
        parent_reads, child_writes = os.pipe()
        reader, writer = os.fdopen(parent_reads, "rb"), os.fdopen(parent_writes, "wb")
        theirs = [stream for child in others for stream in (child._reader, child._writer)]
        ours = [stream.fileno() for stream in (reader, writer, *theirs) if not stream.closed]
        process = multiprocessing.get_context("fork").Process(
            target=serve_forked, args=(tuple(targets), child_reads, child_writes, ours)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads run; no better way exists
            process.start()
        os.close(child_reads)
        os.close(child_writes)
        return cls(_Fork(process), reader, writer, len(targets))._listening(answers)

    def _listening(self, answers: SimpleQueue[Any]) -> Child:
        import threading

        self._listener = threading.Thread(target=self._listen, args=[answers], daemon=True)
        self._listener.start()
        return self

    def _listen(self, answers: SimpleQueue[Any]) -> None:
        import pickle

        with self._reader as reader, suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                answers.put((self, pickle.load(reader)))  # noqa: S301 - from a child process
        answers.put((self, GONE))

    # ----------------------------------------------------------------------------------------------- tasks

    def serves(self, target: int, importable: bool) -> bool:
        """Whether the process can compute a target: it is not ending, and a fork is newer than the target."""
        if self._asked_to_end:
            return False
        if self._forked is None:
            return importable and time.monotonic() - self._rested < FRESH_SECONDS
        return target < self._forked

    @property
    def is_fork(self) -> bool:
        """Whether the process is a fork of this process."""
        return self._forked is not None

    def give(self, task: MakeTask, number: int, strict: bool) -> None:
        """Send a task; `number` identifies its target."""
        self.task = task
        target = cast("Target | Described", task.target)
        with suppress(OSError):  # the process has ended: its listener reports that
            if not self.is_fork and number not in self._known:
                self._send(Definition(number, target.description, strict))
                self._known.add(number)
                self._waiting += 1
            self._send(Order(number, replace(task, target=None), target.resources.memory))
        self._run_clock()

    def ready(self) -> None:
        """Record an answer that is not the outcome of the task."""
        self._waiting -= 1
        self._run_clock()

    def _run_clock(self) -> None:
        """Start the time limit when the make starts."""
        if self.task is not None and not self._waiting:
            self._begun, seconds = time.monotonic(), _seconds(self.task)
            self.deadline = None if seconds is None else time.monotonic() + seconds

    def take(self) -> MakeTask:
        """Return the finished task; the process is idle again."""
        task, self.task, self.deadline = cast("MakeTask", self.task), None, None
        self._rested = time.monotonic()
        return task

    @property
    def is_prepared(self) -> bool:
        """Whether the process has prepared its target, so that only the task itself can fail."""
        return not self._waiting

    def stop_overdue(self) -> None:
        """Kill the process if its task exceeds the time limit, or ignores the request to end."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self._timed_out, self.deadline = not self._asked_to_end, None
            self._process.kill()

    def stop_cancelled(self, cancels: Cancels) -> None:
        """Kill the process if its task has been cancelled."""
        if self.task is not None and self._cancelled is None:
            self._cancelled = cancels.of(self.task)
            if self._cancelled is not None:
                self._process.kill()

    def death(self) -> MakeOutcome:
        """Return the outcome of the task of a dead process."""
        seconds = time.monotonic() - self._begun
        code, task = self.stop(), self.take()
        if self._cancelled is not None:
            return MakeOutcome(task.key, FAILED, JobCancelled(self._cancelled), seconds, table=task.table)
        name = task.target.class_name
        if self._timed_out:
            error = MakeError(
                f"The make of `{name}` for the key {task.key} was stopped after {_seconds(task):g} s.",
                hint="The setting jobs.timeout, or `resources` of the table, says how long a make may take.",
            )
            return MakeOutcome(task.key, FAILED, error, seconds, table=task.table)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        error = MakeError(
            f"The worker process {how} while making `{name}` for the key {task.key}.",
            hint="It may have run out of memory. The key is not made.",
        )
        return MakeOutcome(task.key, FAILED, error, seconds, table=task.table)

    # ------------------------------------------------------------------------------------------------- end

    def terminate(self) -> None:
        """Ask the process to end immediately; its make can clean up."""
        self._asked_to_end = True
        self.deadline = min(time.monotonic() + _GRACE, self.deadline or float("inf"))
        self._process.terminate()

    def stop(self) -> int:
        """End the process, by force if necessary, and return its exit code."""
        import subprocess

        with suppress(OSError):
            self._writer.close()
        try:
            code = self._process.wait(_GRACE)
        except (subprocess.TimeoutExpired, TimeoutError):
            self._process.kill()
            code = self._process.wait()
        self._listener.join(_GRACE)
        return int(code)

    def _send(self, message: Any) -> None:
        import pickle

        pickle.dump(message, self._writer)
        self._writer.flush()


def _seconds(task: MakeTask) -> float | None:
    """Return the time limit of a task."""
    limits = [task.target.resources.time, task.target.timeout]
    return min((limit for limit in limits if limit), default=None)
