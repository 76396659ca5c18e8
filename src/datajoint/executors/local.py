"""Computes in this process, one key after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datajoint.executors.run_job import run_job
from datajoint.jobs.cancel import Cancels, JobCancelled
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

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
        """Yield an outcome for each task, in order."""
        for task in tasks:
            yield self._outcome(task)

    def _outcome(self, task: MakeTask) -> MakeOutcome:
        cancels = self._cancels
        if cancels is None or task.owner is None:
            return run_job(task.target.table, task, task.target.make_kwargs)
        if (message := cancels.of(task)) is not None:  # while it waited
            return MakeOutcome(dict(task.key), FAILED, JobCancelled(message), table=task.table)
        try:
            with cancels.running(task):
                outcome = run_job(task.target.table, task, task.target.make_kwargs)
        except JobCancelled as error:  # a moment before, or after
            outcome = MakeOutcome(dict(task.key), FAILED, error, table=task.table)
        if isinstance(outcome.error, JobCancelled) and not outcome.error.args:
            outcome.error.args = (cancels.of(task),)
        return outcome

    def close(self) -> None:
        """Nothing to release."""
