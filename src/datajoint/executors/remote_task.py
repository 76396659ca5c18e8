"""Makes a task wherever it has come to: here, or in a worker of a cluster, there in a child of its own.

A child keeps what a make does from the worker: it may end, hang, print, change what is global. And the worker
can stop it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Generator
from contextlib import contextmanager

from datajoint.executors.child_main import pack
from datajoint.executors.processes import ProcessExecutor
from datajoint.executors.run_job import run_job
from datajoint.make.target import Target
from datajoint.make.task import MakeOutcome, MakeTask

__all__ = ["run_packed", "run_task", "stop_tasks"]

_DEVICES = "CUDA_VISIBLE_DEVICES"


class _Here:
    """The child of this process, which one task at a time uses; `stopping` guards which one that is."""

    lock = threading.Lock()
    stopping = threading.Lock()
    executor: ProcessExecutor | None = None
    devices: str | None = None
    running: str | None = None


def run_task(task: MakeTask, name: str = "") -> MakeOutcome:
    """Make a task and return what became of it.

    In the process where the task was made, the make runs in that process. Elsewhere, where the
    task has come pickled, it runs in a child process with a connection of its own, one task at a time.

    Parameters
    ----------
    name
        What it is called, for `stop_tasks`.

    Raises
    ------
    ComputeError
        When the class of the table cannot be had here; the key is not to blame.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> run_task(MakeTask({"subject_id": 1}, target=Target(Fit(), {}))).status
    'done'
    """
    if isinstance(task.target, Target):
        return run_job(task.target.table, task, task.target.make_kwargs)
    with _Here.lock, _running(name) as executor:
        (outcome,) = executor.run([task])
        return outcome


def run_packed(task: MakeTask, name: str = "") -> bytes:
    """Make a task and return its outcome packed: errors that cannot be pickled are told."""
    return pack(run_task(task, name), known=not isinstance(task.target, Target))


@contextmanager
def _running(name: str) -> Generator[ProcessExecutor]:
    devices = os.environ.get(_DEVICES)
    if _Here.executor is None or _Here.devices != devices:  # a child has those with which it was started
        if _Here.executor is not None:
            _Here.executor.close()
        _Here.executor, _Here.devices = ProcessExecutor(1), devices
    _Here.running = name
    try:
        yield _Here.executor
    finally:
        with _Here.stopping:  # a stop that is late must not reach the task that comes next
            _Here.running = None


def stop_tasks(names: Collection[str]) -> None:
    """Stop what runs here if it is one of some tasks; nothing of it is left.

    Examples
    --------
    >>> stop_tasks(["nothing runs here"])
    """
    with _Here.stopping:
        executor = _Here.executor
        if executor is not None and _Here.running in names:
            executor.interrupt()
