"""Kubernetes jobs that run workers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, cast

from datajoint._value import Value
from datajoint.clusters.plan import plan_workers
from datajoint.make.resources import Resources

__all__ = ["KubernetesJob", "kubernetes"]

_GRACE = 60
"""Seconds for a worker to finish its key after the request to stop."""


class KubernetesJob(Value):
    """Kubernetes job that runs workers.

    Attributes
    ----------
    manifest
        Manifest of the job, as the Kubernetes API takes it.
    """

    manifest: dict[str, Any]

    def json(self) -> str:
        """Return the manifest for ``kubectl apply -f -``."""
        return json.dumps(self.manifest, indent=2)

    def yaml(self) -> str:
        """Return the manifest as YAML.

        Examples
        --------
        >>> print(
        ...     KubernetesJob({"kind": "Job", "spec": {"command": ["python", "-m"], "n": 1}}).yaml(), end=""
        ... )
        kind: "Job"
        spec:
          command:
          - "python"
          - "-m"
          n: 1
        """
        return "\n".join([*_yaml(self.manifest, 0), ""])


def kubernetes(
    *targets: Any, image: str, workers: int = 1, name: str | None = None, namespace: str | None = None,
    secret: str | None = None, environment: Mapping[str, str] | None = None, until_done: bool = True,
    python: str = "python", retries: int = 6, gpu: str = "nvidia.com/gpu",
) -> KubernetesJob:  # fmt: skip
    """Return a Kubernetes job of ordinary workers, which share the keys through the job queues.

    The class of a table declares the needs of its make:
    ``resources = {"cpus": 2, "memory": "8 GB", "gpus": 1}``.

    Parameters
    ----------
    *targets
        Schemas, modules with a `schema`, and classes of computed tables, all importable in the image.
    image
        Image of the containers, with Python, DataJoint and the pipeline.
    workers
        Number of workers.
    name, namespace
        Name and namespace of the job; the default name is derived from the name of the module.
    secret
        Name of a Secret whose keys are variables, such as DJ_HOST, DJ_USER, DJ_PASS. The manifest contains
        no password.
    environment
        Further variables.
    until_done
        End when no work remains; if False, wait for more.
    python
        Interpreter in the image.
    retries
        Number of failed workers to replace.
    gpu
        Resource name of the graphics processors in the cluster.

    Returns
    -------
    KubernetesJob
        Job with its manifest; nothing is sent to the cluster.

    Raises
    ------
    ComputeError
        If workers cannot import a class, or the name or number of workers is invalid.

    Examples
    --------
    >>> import datajoint.executors
    >>> datajoint.executors.kubernetes(image="lab/pipeline:1", workers=0)
    Traceback (most recent call last):
    ...
    datajoint.errors.ComputeError: There must be at least one worker, not 0.
    """
    plan = plan_workers(targets, workers, name, until_done)
    labels = {"app.kubernetes.io/name": plan.name, "app.kubernetes.io/part-of": "datajoint"}
    container: dict[str, Any] = {
        "name": "worker", "image": image, "command": plan.command(python),
        "resources": _resources(plan.resources, gpu),
        "env": [{"name": key, "value": value} for key, value in (environment or {}).items()],
    }  # fmt: skip
    if secret is not None:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    pod = {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": _GRACE, "containers": [container],
    }  # fmt: skip
    metadata: dict[str, Any] = {"name": plan.name, "labels": labels}
    return KubernetesJob({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata if namespace is None else {**metadata, "namespace": namespace},
        "spec": {
            "parallelism": plan.workers,
            "backoffLimit": retries,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    })  # fmt: skip


def _resources(needs: Resources, gpu: str) -> dict[str, Any]:
    """Return the requests and limits of a container."""
    wanted: dict[str, str] = {}
    if needs.cpus is not None:
        wanted["cpu"] = f"{needs.cpus:g}"
    limits: dict[str, str] = {}
    if needs.memory is not None:
        limits["memory"] = str(needs.memory)
    if needs.gpus:
        limits[gpu] = str(ceil(needs.gpus))
    found = {"requests": wanted | limits, "limits": limits}
    return {name: amounts for name, amounts in found.items() if amounts}


def _yaml(value: Any, depth: int) -> list[str]:
    """Return the lines of a mapping or sequence; scalars are JSON, which is valid YAML."""
    lines: list[str] = []
    indent = "  " * depth
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            lines += _entry(f"{indent}{_key(key)}:", item, depth)
        return lines
    for item in cast("Sequence[Any]", value):
        inner = _yaml(item, depth + 1) if isinstance(item, Mapping) else [json.dumps(item)]
        lines += [f"{indent}- {inner[0].lstrip()}", *inner[1:]]
    return lines


def _entry(head: str, item: Any, depth: int) -> list[str]:
    if isinstance(item, Mapping | list) and item:
        return [head, *_yaml(item, depth + isinstance(item, Mapping))]
    return [f"{head} {json.dumps(item)}"]


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() else json.dumps(key)
