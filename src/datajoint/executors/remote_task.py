"""Execution of a task in the worker of a cluster, in a child process.

The child isolates the worker from the make, which may exit, hang, print, or change global state. The worker
can stop the child.
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
    """Child process of this worker and its running task.

    `lock` admits one task at a time; `stopping` guards `running`. Lock order: `lock`, then `stopping`.
    """

    lock = threading.Lock()
    stopping = threading.Lock()
    executor: ProcessExecutor | None = None
    devices: str | None = None
    running: str | None = None


def run_task(task: MakeTask, name: str = "") -> MakeOutcome:
    """Compute a task and return its outcome.

    In the process that created the task, the make runs directly. In another process, which received the task
    as a pickle, it runs in a child process with its own connection, one task at a time.

    Parameters
    ----------
    task
        Task to compute.
    name
        Name of the task for `stop_tasks`.

    Returns
    -------
    MakeOutcome
        Outcome of the key, including errors of its make.

    Raises
    ------
    ComputeError
        If this process cannot import the class of the table; the key is not at fault.

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
    """Compute a task and return its pickled outcome; see `pack` for errors that cannot be pickled."""
    return pack(run_task(task, name), known=not isinstance(task.target, Target))


@contextmanager
def _running(name: str) -> Generator[ProcessExecutor]:
    devices = os.environ.get(_DEVICES)
    if _Here.executor is None or _Here.devices != devices:  # a child keeps the devices of its start
        if _Here.executor is not None:
            _Here.executor.close()
        _Here.executor, _Here.devices = ProcessExecutor(1), devices
    _Here.running = name
    try:
        yield _Here.executor
    finally:
        with _Here.stopping:  # a late stop must not reach the next task
            _Here.running = None


def stop_tasks(names: Collection[str]) -> None:
    """Stop the running task of this process if it has one of the names; it leaves no rows.

    Examples
    --------
    >>> stop_tasks(["nothing runs here"])
    """
    with _Here.stopping:
        executor = _Here.executor
        if executor is not None and _Here.running in names:
            executor.interrupt()
