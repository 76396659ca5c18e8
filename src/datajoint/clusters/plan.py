"""Plan of the workers of a cluster: their tables, resources, and start command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.compute.pipeline.targets import targets_of
from datajoint.errors import ComputeError
from datajoint.make.resources import Resources, resources_of
from datajoint.make.target import Target

__all__ = ["WorkerPlan", "plan_workers"]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class WorkerPlan(Value):
    """Identical workers for a cluster to start.

    Attributes
    ----------
    name
        Name of the job in the cluster.
    tables
        Import paths of the classes that they compute, ``module:Class``.
    workers
        Number of workers.
    resources
        Largest need of one make.
    until_done
        Whether they end when no work remains.
    """

    name: str
    tables: tuple[str, ...]
    workers: int
    resources: Resources
    until_done: bool

    def command(self, python: str) -> list[str]:
        """Return the command that starts one worker."""
        ends = ["--until-done"] if self.until_done else list[str]()
        return [python, "-m", "datajoint.clusters.start", *ends, *self.tables]


def plan_workers(given: Sequence[Any], workers: int, name: str | None, until_done: bool) -> WorkerPlan:
    """Return the plan of workers for schemas, modules or table classes.

    Raises
    ------
    ComputeError
        If workers cannot import a class, or the name or number of workers is invalid.

    Examples
    --------
    >>> plan_workers([], 0, None, True)
    Traceback (most recent call last):
    ...
    datajoint.errors.ComputeError: There must be at least one worker, not 0.
    """
    if workers < 1:
        raise ComputeError(f"There must be at least one worker, not {workers}.")
    tables = targets_of(given).tables
    if not tables:
        raise ComputeError(
            "There is no table to compute.", hint="Import the modules that define the computed tables."
        )
    for table in tables:
        target = Target(table, {})
        if target.obstacle is not None or type(table).__module__ == "__main__":
            raise target.refusal(target.obstacle or "it is in the main program")
    classes = [type(table) for table in tables]
    chosen = name or f"datajoint-{classes[-1].__module__.rpartition('.')[2]}".lower().replace("_", "-")[:63]
    if not _NAME.fullmatch(chosen):
        raise ComputeError(
            f"{chosen!r} cannot be the name of jobs: lower-case letters, digits and - within, 63 at most.",
            hint="Give name=.",
        )
    paths = tuple(f"{cls.__module__}:{cls.__qualname__}" for cls in classes)
    return WorkerPlan(chosen, paths, workers, _most(resources_of(cls) for cls in classes), until_done)


def _most(needs: Iterable[Resources]) -> Resources:
    """Return the maximum of each resource."""
    every = list(needs)
    fields = Resources.__match_args__
    return Resources(**{
        name: max((value for each in every if (value := getattr(each, name)) is not None), default=None)
        for name in fields
    })  # fmt: skip
