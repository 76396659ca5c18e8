"""Computes in this process, one key after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from datajoint.compute.cancel import Cancels, JobCancelled
from datajoint.compute.group import Group
from datajoint.compute.job import run_job, start_job
from datajoint.compute.task import FAILED, MakeOutcome, MakeTask
from datajoint.engine.observe import observing

__all__ = ["LocalExecutor"]

T = TypeVar("T")


class LocalExecutor:
    """Runs each task here.

    Parameters
    ----------
    workers
        Without effect: there is one.

    Examples
    --------
    >>> list(LocalExecutor().run([]))
    []
    """

    def __init__(self, workers: int | None = None) -> None:
        self._cancels: Cancels | None = None

    def heed(self, cancels: Cancels) -> None:
        """End a make whose job is cancelled."""
        self._cancels = cancels

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task, in order: of short makes when several have been written."""
        group, tasks = Group(self._cancellable), iter(tasks)
        try:
            yield from self._run(tasks, group)
        except GeneratorExit:  # nobody wants to know more
            raise
        except BaseException as error:
            group.write()  # what was made before is not lost
            try:
                yield from group.written()
            except GeneratorExit:
                raise error from None
            raise

    def _run(self, tasks: Iterator[MakeTask], group: Group) -> Iterator[MakeOutcome]:
        while True:
            for task in tasks:
                outcome = self._outcome(task, group)
                if outcome is not None or group.is_due or not task.more:
                    yield from group.outcomes()
                if outcome is not None:
                    yield outcome
            if not group:
                return
            yield from group.outcomes()  # which may make further tasks possible

    def _outcome(self, task: MakeTask, group: Group) -> MakeOutcome | None:
        if self._cancels is not None and (message := self._cancels.of(task)) is not None:  # while it waited
            return MakeOutcome(dict(task.key), FAILED, JobCancelled(message), table=task.table)
        outcome = self._cancellable(task, partial(self._start, task, group))
        if outcome is not None and isinstance(outcome.error, JobCancelled):
            group.forget(task)
        return outcome

    def _cancellable(self, task: MakeTask, make: Callable[[], T]) -> T | MakeOutcome:
        """Make a key, of which the job may be cancelled meanwhile."""
        cancels = self._cancels
        if cancels is None or task.owner is None:
            return make()
        try:
            with cancels.running(task):
                made = make()
        except JobCancelled as error:  # a moment before, or after
            made = MakeOutcome(dict(task.key), FAILED, error, table=task.table)
        if isinstance(made, MakeOutcome) and isinstance(made.error, JobCancelled) and not made.error.args:
            made.error.args = (cancels.of(task),)
        return made

    @staticmethod
    def _start(task: MakeTask, group: Group) -> MakeOutcome | None:
        """Make a key; None where its results wait with those before it."""
        table, arguments = task.target.table, task.target.make_kwargs
        if not (task.more or group):
            return run_job(table, task, arguments)
        with observing(group):
            return start_job(table, task, arguments, group)

    def close(self) -> None:
        """Nothing to release."""
