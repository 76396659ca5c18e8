"""Computes in this process, one key after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from datajoint.compute.task import MakeOutcome, MakeTask

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """Runs each task here.

    Parameters
    ----------
    run
        Makes one key.
    """

    def __init__(self, run: Callable[[MakeTask], MakeOutcome]) -> None:
        self._run = run

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task, in order."""
        for task in tasks:
            yield self._run(task)

    def close(self) -> None:
        """Nothing to release."""
