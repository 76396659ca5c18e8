"""Jobs of workers that are gone are pending again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datajoint.compute.attempts import DIED, add_attempt, last_outcomes, trailing
from datajoint.compute.workers import Abandoned, abandoned, forget
from datajoint.logging import logger

if TYPE_CHECKING:
    from datajoint.compute.jobs import Jobs

__all__ = ["recover"]

_DEATHS = 5
"""A key that so many workers in a row have died of is an error."""


def recover(jobs: Jobs) -> int:
    """Make the jobs pending whose workers are gone, and return their number.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    >>> recover(Fit.jobs)
    0
    """
    found = abandoned(jobs)
    taken = sum(_take_back(jobs, job) for job in found)
    for worker in {job.worker for job in found}:
        forget(jobs.connection, jobs.database, worker)
    if taken:
        logger.info("%d jobs of `%s` were held by workers that are gone", taken, jobs.target.class_name)
    return taken


def _take_back(jobs: Jobs, job: Abandoned) -> bool:
    deaths = trailing(last_outcomes(jobs, job.key), DIED) + 1
    message = f"The worker {job.owner.host}:{job.owner.pid} died while it held this job."
    if deaths < _DEATHS:
        ours = bool(jobs.release([job.key], job.owner))
    else:
        ours = jobs.fail(job.key, f"{message} So did {deaths - 1} others before it.", None, job.owner)
    if ours:  # and nobody else's who recovers at the same time
        told = {"error": message, "error_class": "WorkerDied"}
        add_attempt(jobs, job.key, job.worker, DIED, 0.0, told=told)
    return ours
