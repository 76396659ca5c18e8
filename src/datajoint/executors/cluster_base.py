"""Base class of executors that submit tasks to a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from datajoint.jobs.cancel import Cancels, JobCancelled
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

__all__ = ["Submitting"]

_LOOK = 1.0
"""Interval of the polls for new tasks."""


class Submitting(ABC):
    """Executor that submits tasks and waits for outcomes; subclasses define the cluster."""

    _cancels: Cancels | None = None

    def heed(self, cancels: Cancels) -> None:
        """Stop each task whose job is cancelled, according to `cancels`."""
        self._cancels = cancels

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task as it ends; see `Executor.run`."""
        source = iter(tasks)
        running: dict[Any, MakeTask] = {}
        try:
            while self._fill(source, running):
                yield from self._cancelled(running)
                done = self.wait(running, _LOOK) if running else None
                if done is not None:
                    task = running.pop(done)
                    outcome = self.result(done, task)
                    self._fill(source, running)  # refill the cluster before the caller handles this outcome
                    yield outcome
        finally:
            if running:
                self.stop(running)

    def _cancelled(self, running: dict[Any, MakeTask]) -> Iterator[MakeOutcome]:
        """Stop the cancelled tasks, and yield their outcomes."""
        told = {} if self._cancels is None else {one: self._cancels.of(task) for one, task in running.items()}
        for one, message in told.items():
            if message is not None:
                task = running.pop(one)
                self.stop({one: task})
                yield MakeOutcome(dict(task.key), FAILED, JobCancelled(message), table=task.table)

    def _fill(self, source: Iterator[MakeTask], running: dict[Any, MakeTask]) -> bool:
        while len(running) < self.room():
            task = next(source, None)
            if task is None:
                break
            _ = task.target.description  # refuses a class that workers cannot import, before any start
            running[self.submit(task)] = task
        return bool(running)

    @abstractmethod
    def room(self) -> int:
        """Return the maximum number of submitted tasks."""

    @abstractmethod
    def submit(self, task: MakeTask) -> Any:
        """Submit a task and return a hashable handle for it."""

    @abstractmethod
    def wait(self, running: Mapping[Any, MakeTask], seconds: float) -> Any:
        """Return the handle of a finished task; None if none finishes within `seconds`."""

    @abstractmethod
    def result(self, done: Any, task: MakeTask) -> MakeOutcome:
        """Return the outcome of a finished task."""

    @abstractmethod
    def stop(self, running: Mapping[Any, MakeTask]) -> None:
        """Stop tasks, whether they have started or not."""

    @abstractmethod
    def close(self) -> None:
        """Release the clients and clusters that this executor started."""
