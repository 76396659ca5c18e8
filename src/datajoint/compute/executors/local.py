"""Computes in this process, one key after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datajoint.compute.cancel import Cancels, JobCancelled
from datajoint.compute.group import Group
from datajoint.compute.job import run_job, start_job
from datajoint.compute.task import FAILED, MakeOutcome, MakeTask
from datajoint.engine.observe import observing

__all__ = ["LocalExecutor"]


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
        group = Group()
        tasks = iter(tasks)
        while True:
            for task in tasks:
                try:
                    outcome = self._outcome(task, group)
                except BaseException:
                    yield from group.outcomes()  # what was made before is not lost
                    raise
                if outcome is not None or group.is_due or not task.more:
                    yield from group.outcomes()
                if outcome is not None:
                    yield outcome
            if not group:
                return
            yield from group.outcomes()  # which may make further tasks possible

    def _outcome(self, task: MakeTask, group: Group) -> MakeOutcome | None:
        cancels = self._cancels
        if cancels is None or task.owner is None:
            return self._start(task, group)
        if (message := cancels.of(task)) is not None:  # while it waited
            return MakeOutcome(dict(task.key), FAILED, JobCancelled(message), table=task.table)
        try:
            with cancels.running(task):
                outcome = self._start(task, group)
        except JobCancelled as error:  # a moment before, or after
            group.forget(task)
            outcome = MakeOutcome(dict(task.key), FAILED, error, table=task.table)
        if outcome is not None and isinstance(outcome.error, JobCancelled) and not outcome.error.args:
            outcome.error.args = (cancels.of(task),)
        return outcome

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
