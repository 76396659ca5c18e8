"""What computes keys: the contract of executors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from datajoint.compute.task import MakeOutcome, MakeTask

__all__ = ["Executor"]


class Executor(Protocol):
    """Computes tasks, in any order."""

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task; stops what runs when the iterator is closed."""
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...
