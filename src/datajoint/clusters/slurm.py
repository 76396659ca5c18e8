"""Arrays of SLURM jobs that run workers."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from datajoint._value import Value
from datajoint.clusters.plan import WorkerPlan, plan_workers
from datajoint.errors import ComputeError
from datajoint.make.resources import resources_of

__all__ = ["SlurmArray", "slurm"]

_MAKES = 10
"""Number of the longest makes that fit into the default time of a worker."""
_WARNING = 60
"""Seconds before the end of its time at which SLURM signals a worker."""


class SlurmArray(Value):
    """Array of SLURM jobs that run workers.

    Attributes
    ----------
    script
        Batch script.
    """

    script: str

    def submit(self, sbatch: Sequence[str] = ("sbatch",)) -> str:
        """Submit the script and return the number of the job.

        SLURM passes the environment on, so settings in ``DJ_...`` variables reach the workers.

        Parameters
        ----------
        sbatch
            Command to run, with further options.

        Returns
        -------
        str
            Number of the job.

        Raises
        ------
        ComputeError
            If the command does not exist, or refuses the script.
        """
        import subprocess

        command = [*sbatch, "--parsable"]
        try:
            done = subprocess.run(  # noqa: S603 - a command that the user gives
                command, input=self.script, capture_output=True, text=True, check=True
            )
        except FileNotFoundError:
            raise ComputeError(
                f"The command {sbatch[0]!r} is not found.", hint="Call submit() on a host of the cluster."
            ) from None
        except subprocess.CalledProcessError as error:
            raise ComputeError(f"{sbatch[0]} refused the jobs: {error.stderr.strip()}") from None
        return done.stdout.strip().partition(";")[0]


def slurm(
    *targets: Any, workers: int = 1, name: str | None = None, time: float | str | None = None,
    until_done: bool = True, python: str | None = None, folder: str | None = None,
    setup: Sequence[str] = (), options: Mapping[str, Any] | None = None,
) -> SlurmArray:  # fmt: skip
    """Return a SLURM array of ordinary workers, which share the keys through the job queues.

    The class of a table declares the needs of its make:
    ``resources = {"cpus": 2, "memory": "8 GB", "time": "2h"}``.

    Parameters
    ----------
    *targets
        Schemas, modules with a `schema`, and classes of computed tables, all importable on the nodes.
    workers
        Number of workers.
    name
        Name of the jobs; the default is derived from the name of the module.
    time
        Time limit of a worker; the default is ten times the longest make. The worker finishes or releases
        its key before the limit.
    until_done
        End when no work remains; if False, wait for more.
    python
        Interpreter on the nodes; the default is this one.
    folder
        Working directory; the default is the current one.
    setup
        Shell lines to run first, such as ``"module load cuda"``.
    options
        Options of sbatch by name, which extend or replace the ones above: ``{"partition": "gpu"}``. None
        removes an option; True gives an option without a value.

    Returns
    -------
    SlurmArray
        Array with its batch script; call its `submit`.

    Raises
    ------
    ComputeError
        If workers cannot import a class, or an option, the name or the number of workers is invalid.

    Examples
    --------
    >>> import datajoint.executors
    >>> datajoint.executors.slurm(workers=0)
    Traceback (most recent call last):
    ...
    datajoint.errors.ComputeError: There must be at least one worker, not 0.
    """
    plan = plan_workers(targets, workers, name, until_done)
    given = _options(plan, time) | {name.replace("_", "-"): value for name, value in (options or {}).items()}
    lines = [f"#SBATCH --{option}{_valued(value)}" for option, value in given.items() if value is not None]
    command = shlex.join(plan.command(python or sys.executable))
    inside = [f"cd {shlex.quote(folder or os.getcwd())}", *setup, f"exec {command}"]
    return SlurmArray("\n".join(["#!/bin/bash", *lines, "set -eu", *inside, ""]))


def _valued(value: Any) -> str:
    text = "" if value is True else f"={value}"
    if "\n" in text:
        raise ComputeError(f"{value!r} cannot be an option of sbatch: it has several lines.")
    return text


def _options(plan: WorkerPlan, time: float | str | None) -> dict[str, Any]:
    needs = plan.resources
    seconds = None if needs.time is None else _MAKES * needs.time
    if time is not None:
        seconds = resources_of(type("time of workers", (), {"resources": {"time": time}})).time
    return {
        "job-name": plan.name,
        "array": f"1-{plan.workers}",
        "output": f"{plan.name}-%A_%a.log",
        "requeue": True,
        "signal": f"B:TERM@{_WARNING}",
        "cpus-per-task": None if needs.cpus is None else ceil(needs.cpus),
        "mem": None if needs.memory is None else f"{ceil(needs.memory / 2**20)}M",
        "gpus": None if not needs.gpus else ceil(needs.gpus),
        "time": None if seconds is None else _clock(seconds),
    }


def _clock(seconds: float) -> str:
    """Return a time in the format of SLURM.

    Examples
    --------
    >>> _clock(90061)
    '1-01:01:01'
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}"
