"""What computes keys: the contract of executors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from datajoint._value import Value

__all__ = ["DONE", "FAILED", "SKIPPED", "Executor", "MakeOutcome", "MakeTask"]

DONE, SKIPPED, FAILED = "done", "skipped", "failed"


class MakeTask(Value):
    """One key to be made; picklable."""

    key: dict[str, Any]


class MakeOutcome(Value):
    """What became of a key: `DONE`, `SKIPPED` (somebody else made it) or `FAILED` with its error."""

    key: dict[str, Any]
    status: str
    error: BaseException | None = None
    seconds: float = 0.0


class Executor(Protocol):
    """Computes tasks, in any order."""

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task; stops what runs when the iterator is closed."""
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...
