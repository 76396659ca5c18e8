"""What computes keys: the contract of executors, and how one is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

from datajoint._registry import Registry
from datajoint.errors import ConfigurationError, nearest
from datajoint.make.task import MakeOutcome, MakeTask

__all__ = ["EXECUTORS", "Executor", "find_executor"]


@runtime_checkable
class Executor(Protocol):
    """Computes tasks, in any order.

    One that can end single makes has a method ``heed(cancels)``, too, which is called before `run`:
    ``cancels.of(task)`` tells who has cancelled the job of a task, or None.
    """

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task as it comes; stop what runs when the iterator is closed.

        A task is reserved when it is taken from `tasks`: take one when it can be begun. What is
        raised ends the populate and gives reserved tasks back; what is wrong with one key is an outcome. Ask
        `tasks` again after an outcome, and now and then, even if it had no more: there may be new ones.
        """
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...


_OWN = {
    name: f"datajoint.executors.{name}:{kind}Executor"
    for name, kind in (("local", "Local"), ("processes", "Process"), ("dask", "Dask"), ("ray", "Ray"))
}

EXECUTORS: Registry[Callable[..., Executor]] = Registry("datajoint.executors", own=_OWN)
"""What makes executors, by name: it is called with the number of workers, or None."""


def find_executor(given: Any, workers: int | None) -> tuple[Executor, bool]:
    """Return an executor by its name, or as it is, and whether it is to be closed after use.

    Raises
    ------
    ConfigurationError
        When there is none by that name.

    Examples
    --------
    >>> executor, ours = find_executor("local", None)
    >>> find_executor(executor, None) == (executor, False)
    True
    """
    if isinstance(given, str):
        make = EXECUTORS.find(given)
        if make is None:
            raise ConfigurationError(
                f"There is no executor {given!r}. Executors: {', '.join(EXECUTORS.names())}.",
                hint=nearest(given, EXECUTORS.names()) or "Install the package that brings it.",
            )
        return make(workers), True
    if isinstance(given, type) or not isinstance(given, Executor):
        raise ConfigurationError(
            f"{given!r} is no executor.",
            hint="Give the name of one, or an object with the methods run(tasks) and close().",
        )
    return given, False
