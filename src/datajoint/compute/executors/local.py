"""Computes in this process, one key after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datajoint.compute.job import run_job
from datajoint.compute.task import MakeOutcome, MakeTask

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
        pass

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task, in order."""
        for task in tasks:
            yield run_job(task.target.table, task, task.target.make_kwargs)

    def close(self) -> None:
        """Nothing to release."""
