"""Contract of executors, and their registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

from datajoint._registry import Registry
from datajoint.errors import ConfigurationError, nearest
from datajoint.make.task import MakeOutcome, MakeTask

__all__ = ["EXECUTORS", "Executor", "find_executor"]


@runtime_checkable
class Executor(Protocol):
    """Object that computes tasks, in any order.

    An executor that can interrupt single makes also has a method ``heed(cancels)``. The caller calls it
    before `run`; ``cancels.of(task)`` returns the text of the cancellation of a task, or None.
    """

    def run(self, tasks: Iterable[MakeTask]) -> Iterator[MakeOutcome]:
        """Yield an outcome for each task as it ends; stop the running makes when the iterator closes.

        A task is reserved when it is taken from `tasks`: take one only when it can start. An exception ends
        the populate and releases the reserved tasks; report an error of a single key as an outcome. After
        each outcome, and from time to time, call ``next(tasks)`` again even if it was exhausted: new tasks
        may have arrived.

        Parameters
        ----------
        tasks
            Iterator of the tasks.

        Returns
        -------
        Iterator
            One `MakeOutcome` for each task taken.
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
"""Executor factories by name; the argument is the number of workers, or None."""


def find_executor(given: Any, workers: int | None) -> tuple[Executor, bool]:
    """Return an executor by its name, or unchanged, and whether the caller must close it.

    Raises
    ------
    ConfigurationError
        If no executor has that name.

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
