"""Executors: the public names for users and for authors of executors."""

from datajoint._lazy import names_from

__all__, __getattr__ = names_from(
    {
        "clusters.kubernetes": "KubernetesJob kubernetes",
        "clusters.slurm": "SlurmArray slurm",
        "executors.base": "EXECUTORS Executor",
        "executors.child_main": "unpack",
        "executors.cluster_base": "Submitting",
        "executors.dask": "DaskExecutor",
        "executors.local": "LocalExecutor",
        "executors.processes": "ProcessExecutor",
        "executors.ray": "RayExecutor",
        "executors.remote_task": "run_packed run_task",
        "jobs.cancel": "JobCancelled",
        "make.resources": "Resources",
        "make.task": "DONE FAILED NOTHING SKIPPED MakeOutcome MakeTask",
    }
)
