"""Executor that computes in this process, one key after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datajoint.executors.run_job import run_job
from datajoint.jobs.cancel import Cancels, JobCancelled
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """Executor that runs each task in this process.

    Parameters
    ----------
    workers
        Ignored: there is one worker.

    Examples
    --------
    >>> list(LocalExecutor().run([]))
    []
    """

    def __init__(self, workers: int | None = None) -> None:
        self._cancels: Cancels | None = None

    def heed(self, cancels: Cancels) -> None:
        """Interrupt a make whose job is cancelled, according to `cancels`."""
        self._cancels = cancels

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task, in order."""
        for task in tasks:
            target, cancels = task.target, self._cancels
            if cancels is None or task.owner is None:
                yield run_job(target.table, task, target.make_kwargs)
                continue
            try:
                with cancels.running(task):
                    outcome = run_job(target.table, task, target.make_kwargs)
            except JobCancelled as error:  # raised before the make or after it
                outcome = MakeOutcome(dict(task.key), FAILED, error, table=task.table)
            if isinstance(outcome.error, JobCancelled) and not outcome.error.args:
                outcome.error.args = (cancels.of(task),)
            yield outcome

    def close(self) -> None:
        """Do nothing: this executor holds no resources."""
