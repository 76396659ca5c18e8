"""Cancellations as the worker receives them, and the interruption of the running make."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from datajoint.jobs.attempts import key_text
from datajoint.journal.digest import text_digest

if TYPE_CHECKING:
    from datajoint.heading.names import TableName
    from datajoint.make.task import MakeTask

__all__ = ["Cancels", "JobCancelled"]


_Job = tuple[object, ...]


class JobCancelled(KeyboardInterrupt):
    """Raised inside a make whose job has been cancelled; clean up, then let it propagate."""


class Cancels:
    """Cancelled jobs of a worker; interrupts the make that runs in this process.

    A lock guards the held jobs, the messages and the running make. `add` runs in the heartbeat thread, and
    `running` in the thread of the make.

    Code that does not return to Python, such as a call into a C library, ends when it returns. The parent
    process kills a make in a child process (`processes`, ``jobs.timeout``) immediately.

    Attributes
    ----------
    by_signal
        Whether the handler of SIGTERM calls `take_signal`.

    Examples
    --------
    >>> from datajoint.make.task import MakeTask
    >>> from datajoint.heading.names import TableName
    >>> task, cancels = MakeTask({"subject_id": 1}, table=TableName("lab", "__fit")), Cancels()
    >>> cancels.begin(task)
    >>> cancels.add("__fit", text_digest(key_text({"subject_id": 1})), "by somebody")
    >>> cancels.of(task)
    'by somebody'
    >>> cancels.end(task.table, task.key)
    >>> cancels.of(task) is None
    True
    """

    def __init__(self) -> None:
        self._held: dict[_Job, MakeTask] = {}
        self._told: dict[_Job, str] = {}
        self._lock = threading.Lock()
        self._running: MakeTask | None = None
        self._thread = 0
        self._signals = 0
        self._raised = False
        self.by_signal = False

    def begin(self, task: MakeTask) -> None:
        """Record that the worker holds a job."""
        with self._lock:
            self._held[_job(task.table, task.key)] = task

    def end(self, table: TableName | None, key: Mapping[str, Any]) -> None:
        """Record that a job has ended."""
        with self._lock:
            self._held.pop(_job(table, key), None)
            self._told.pop(_job(table, key), None)

    def add(self, table: str, key_digest: str, message: str) -> None:
        """Record that a job was cancelled; call this from a thread other than that of the make."""
        with self._lock:
            for job, task in self._held.items():
                if task.table is not None and task.table.name == table and _is(task, key_digest):
                    self._told[job] = message
            if self._running is not None and self.of(self._running) is not None:
                self._interrupt()

    def current(self, schema: str) -> str | None:
        """Return the running keys of a schema as JSON: one key, or a list of keys."""
        with self._lock:
            keys = [t.key for t in self._held.values() if t.table is not None and t.table.schema == schema]
        texts = [key_text(key) for key in keys]
        return f"[{', '.join(texts)}]" if len(texts) > 1 else "".join(texts) or None

    def of(self, task: MakeTask) -> str | None:
        """Return the user that cancelled a task, and the reason; None if it is not cancelled."""
        return self._told.get(_job(task.table, task.key)) if self._told else None

    @contextmanager
    def running(self, task: MakeTask) -> Generator[None]:
        """Allow the make in this thread to be interrupted; raise `JobCancelled` if it is cancelled."""
        with self._lock:
            if (message := self.of(task)) is not None:
                raise JobCancelled(message)
            self._running, self._thread, self._raised = task, threading.get_ident(), False
        try:
            yield
        finally:
            self._running = None
            with self._lock:
                if self._raised:
                    _swallow()

    def take_signal(self) -> bool:
        """Handle SIGTERM if it is a cancellation; return whether it was."""
        if not self._signals:
            return False
        self._signals = 0
        task = self._running
        if task is not None and (message := self.of(task)) is not None:
            raise JobCancelled(message)
        return True

    def _interrupt(self) -> None:
        if self.by_signal and self._thread == threading.main_thread().ident and sys.platform != "win32":
            self._signals += 1
            signal.pthread_kill(self._thread, signal.SIGTERM)  # interrupts blocking system calls, too
        else:
            self._raised = True
            _raise_in(self._thread, JobCancelled)


def _job(table: TableName | None, key: Mapping[str, Any]) -> _Job:
    return (*key.values(),) if table is None else (table.schema, table.name, *key.values())


def _is(task: MakeTask, key_digest: str) -> bool:
    return text_digest(key_text(task.key)) == key_digest


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    """Raise an exception in another thread when it next runs Python code."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))


def _swallow() -> None:
    """Consume the exception that was set for this thread, if it has not been raised yet.

    Python 3.11 cannot withdraw it: setting NULL leaves a flag that is never cleared, and the next function
    call under a profiler loops forever. The backward jump of this loop raises the exception.
    """
    with suppress(JobCancelled):
        for _ in range(2):
            pass
