"""Executor for processes of this machine, each with its own connection.

A worker is a fresh Python process that imports the class by its path. So threads, locks and open files of
this process cannot disturb it, and it works on every platform. Classes that cannot be imported, such as those
of a notebook or a function, run in forks of this process, if the platform supports forks.

Listener threads only read answers. The thread that iterates over the outcomes does all other work, because
it may hold locks that a fork inherits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from datajoint.executors.child_main import READY, unpack
from datajoint.executors.child_process import Child
from datajoint.jobs.cancel import Cancels
from datajoint.logging import logger
from datajoint.make.target import Described, Target
from datajoint.make.task import MakeOutcome, MakeTask

if TYPE_CHECKING:
    from queue import SimpleQueue

__all__ = ["ProcessExecutor", "usable_cpus"]

_LOOK = 0.25
"""Interval of the polls for new tasks."""


def usable_cpus() -> int:
    """Return the number of processors that this process may use.

    Examples
    --------
    >>> usable_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessExecutor:
    """Executor that runs tasks in worker processes and starts them on demand.

    Pass one object to each ``populate(executor=executor)`` to reuse its fresh workers for half a minute after
    their last key. They keep the code that they have imported.

    Parameters
    ----------
    workers
        Maximum number of processes; None for the number of processors.

    Examples
    --------
    >>> executor = ProcessExecutor(2)
    >>> list(executor.run([]))
    []
    >>> executor.close()
    """

    def __init__(self, workers: int | None = None) -> None:
        from queue import SimpleQueue

        self._most = workers or usable_cpus()
        self._cancels: Cancels | None = None
        self._children: list[Child] = []
        self._targets: list[Target | Described] = []
        self._to_fork: set[int] = set()
        self._answers: SimpleQueue[tuple[Child, bytes | str | None]] = SimpleQueue()

    def heed(self, cancels: Cancels) -> None:
        """Kill a make whose job is cancelled, according to `cancels`."""
        self._cancels = cancels

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task as it ends; see `Executor.run`."""
        source = iter(tasks)
        try:
            while self._fill(source):
                outcome = self._next()
                if outcome is not None:
                    self._fill(source)  # refill the idle process before the caller handles this outcome
                    yield outcome
        finally:
            self._stop([child for child in self._children if child.task is not None])

    def close(self) -> None:
        """End all workers; a running make stops and leaves no rows."""
        self._stop(self._children)

    def interrupt(self) -> None:
        """Stop the running makes, from another thread; their keys become errors."""
        for child in tuple(self._children):
            if child.task is not None:
                child.terminate()

    def _fill(self, source: Iterator[MakeTask]) -> bool:
        """Send tasks to idle workers, and return True if any worker is busy."""
        while sum(child.task is not None for child in self._children) < self._most:
            task = next(source, None)
            if task is None:
                break
            self._give(task)
        return any(child.task is not None for child in self._children)

    def _next(self) -> MakeOutcome | None:
        """Wait for an answer and return its outcome, or None if it has none."""
        from queue import Empty

        if self._cancels is not None:
            for child in self._children:
                child.stop_cancelled(self._cancels)
        deadlines = [child.deadline for child in self._children if child.deadline is not None]
        try:
            wait = min([_LOOK, *(max(0.0, deadline - time.monotonic()) for deadline in deadlines)])
            child, answer = self._answers.get(timeout=wait)
        except Empty:
            for child in self._children:
                child.stop_overdue()
            return None
        return self._outcome(child, answer) if child in self._children else None

    def _outcome(self, child: Child, answer: bytes | str | None) -> MakeOutcome | None:
        if answer == READY:
            child.ready()
        elif isinstance(answer, bytes):
            child.take()
            return unpack(answer)
        elif isinstance(answer, str):
            self._fork_instead(child, answer)
        elif child.task is not None and not child.is_prepared:
            self._fork_instead(child, "the new process ended at once")
        else:  # the process has died
            self._children.remove(child)
            if child.task is not None:
                return child.death()
            child.stop()
        return None

    # ------------------------------------------------------------------------------------------------- start

    def _give(self, task: MakeTask) -> None:
        """Send a task to an idle worker, or to a new one."""
        target: Target | Described = task.target
        number = self._number(target)
        importable = number not in self._to_fork
        idle = [child for child in self._children if child.task is None]
        child = next((child for child in idle if child.serves(number, importable)), None)
        if child is None:
            if len(self._children) >= self._most:
                self._stop(idle[:1])
            child = self._started(importable)
        child.give(task, number, strict=_can_fork(target))

    def _number(self, target: Target | Described) -> int:
        """Return the number of a target; assign one to a new target."""
        for number, known in enumerate(self._targets):
            if target.is_same(known):
                return number
        self._targets.append(target)
        if target.to_fork and _can_fork(target):
            self._to_fork.add(len(self._targets) - 1)
        return len(self._targets) - 1

    def _started(self, importable: bool) -> Child:
        child = (
            Child.fresh(self._answers)
            if importable
            else Child.forked(cast("list[Target]", self._targets), self._children, self._answers)
        )
        self._children.append(child)
        return child

    def _fork_instead(self, child: Child, reason: str) -> None:
        """Move the task of a fresh process that cannot prepare it to a fork, if forks are possible."""
        self._children.remove(child)
        child.stop()
        task = child.take()
        target: Target | Described = task.target
        if child.is_fork or not _can_fork(target):
            raise target.refusal(reason)
        logger.debug("fresh worker processes cannot be used, forking instead: %s", reason)
        self._to_fork.add(self._number(target))
        self._give(task)

    def _stop(self, children: list[Child]) -> None:
        for child in children:
            if child.task is not None:
                child.terminate()
        for child in list(children):
            child.stop()
            self._children.remove(child)


def _can_fork(target: Target | Described) -> bool:
    return isinstance(target, Target) and hasattr(os, "fork")
