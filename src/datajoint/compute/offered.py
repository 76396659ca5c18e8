"""What users and authors of executors import, as `datajoint.executors`."""

from __future__ import annotations

from datajoint.compute.batch.kubernetes import KubernetesJob, kubernetes
from datajoint.compute.batch.slurm import SlurmArray, slurm
from datajoint.compute.cancel import JobCancelled
from datajoint.compute.executors.base import EXECUTORS, Executor
from datajoint.compute.executors.dask import DaskExecutor
from datajoint.compute.executors.elsewhere import run_packed, run_task
from datajoint.compute.executors.local import LocalExecutor
from datajoint.compute.executors.processes import ProcessExecutor
from datajoint.compute.executors.ray import RayExecutor
from datajoint.compute.executors.submitting import Submitting
from datajoint.compute.executors.worker import unpack
from datajoint.compute.resources import Resources
from datajoint.compute.task import DONE, FAILED, NOTHING, SKIPPED, MakeOutcome, MakeTask

__all__ = [
    "DONE",
    "EXECUTORS",
    "FAILED",
    "NOTHING",
    "SKIPPED",
    "DaskExecutor",
    "Executor",
    "JobCancelled",
    "KubernetesJob",
    "LocalExecutor",
    "MakeOutcome",
    "MakeTask",
    "ProcessExecutor",
    "RayExecutor",
    "Resources",
    "SlurmArray",
    "Submitting",
    "kubernetes",
    "run_packed",
    "run_task",
    "slurm",
    "unpack",
]
