"""What executors have in common that hand tasks to a cluster and wait for what comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from datajoint.jobs.cancel import Cancels, JobCancelled
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

__all__ = ["Submitting"]

_LOOK = 1.0
"""Seconds after which it is looked for tasks again, where there were none."""


class Submitting(ABC):
    """An executor that submits tasks; derived classes say how."""

    _cancels: Cancels | None = None

    def heed(self, cancels: Cancels) -> None:
        """Stop a task whose job is cancelled."""
        self._cancels = cancels

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task as it comes."""
        source = iter(tasks)
        running: dict[Any, MakeTask] = {}
        try:
            while self._fill(source, running):
                yield from self._cancelled(running)
                done = self.wait(running, _LOOK) if running else None
                if done is not None:
                    task = running.pop(done)
                    outcome = self.result(done, task)
                    self._fill(source, running)  # nobody waits while the outcome is dealt with
                    yield outcome
        finally:
            if running:
                self.stop(running)

    def _cancelled(self, running: dict[Any, MakeTask]) -> Iterator[MakeOutcome]:
        """Stop what has been cancelled, and yield that as its outcome."""
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
            _ = task.target.description  # refuses what nobody else can make, before anything is started
            running[self.submit(task)] = task
        return bool(running)

    @abstractmethod
    def room(self) -> int:
        """Return how many tasks may be under way."""

    @abstractmethod
    def submit(self, task: MakeTask) -> Any:
        """Begin a task and return what stands for it."""

    @abstractmethod
    def wait(self, running: Mapping[Any, MakeTask], seconds: float) -> Any:
        """Return one of those that have ended, or None if none does for so long."""

    @abstractmethod
    def result(self, done: Any, task: MakeTask) -> MakeOutcome:
        """Return what became of a task."""

    @abstractmethod
    def stop(self, running: Mapping[Any, MakeTask]) -> None:
        """Stop tasks, whether they have begun or not."""

    @abstractmethod
    def close(self) -> None:
        """Release what is ours."""
