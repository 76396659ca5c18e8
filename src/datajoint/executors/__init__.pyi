"""Executors: where makes run. Users and authors of executors import these names."""

from datajoint.clusters.kubernetes import KubernetesJob as KubernetesJob, kubernetes as kubernetes
from datajoint.clusters.slurm import SlurmArray as SlurmArray, slurm as slurm
from datajoint.executors.base import EXECUTORS as EXECUTORS, Executor as Executor
from datajoint.executors.child_main import unpack as unpack
from datajoint.executors.cluster_base import Submitting as Submitting
from datajoint.executors.dask import DaskExecutor as DaskExecutor
from datajoint.executors.local import LocalExecutor as LocalExecutor
from datajoint.executors.processes import ProcessExecutor as ProcessExecutor
from datajoint.executors.ray import RayExecutor as RayExecutor
from datajoint.executors.remote_task import run_packed as run_packed, run_task as run_task
from datajoint.jobs.cancel import JobCancelled as JobCancelled
from datajoint.make.resources import Resources as Resources
from datajoint.make.task import (
    DONE as DONE,
    FAILED as FAILED,
    NOTHING as NOTHING,
    SKIPPED as SKIPPED,
    MakeOutcome as MakeOutcome,
    MakeTask as MakeTask,
)
