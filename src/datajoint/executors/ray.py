"""Executor for Ray clusters.

Each worker runs a make in a child process. A make that ends its child is an error of its key. If Ray loses a
worker, it retries the key on another worker, a limited number of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from datajoint.errors import ConfigurationError, MakeError
from datajoint.executors.child_main import unpack
from datajoint.executors.cluster_base import Submitting
from datajoint.executors.processes import usable_cpus
from datajoint.executors.remote_task import run_packed
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

__all__ = ["RayExecutor"]

_RETRIES = 3


class RayExecutor(Submitting):
    """Executor for the connected Ray cluster, or the one of RAY_ADDRESS, or a new local one.

    Parameters
    ----------
    workers
        Number of processors of a local Ray.

    Examples
    --------
    >>> executor = RayExecutor()  # Ray starts with the first task
    >>> list(executor.run([]))
    []
    >>> executor.close()
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers
        self._ray: Any = None
        self._ours = False
        self._remote: Any = None

    def close(self) -> None:
        """Shut Ray down if this executor started it."""
        if self._ours:
            self._ray.shutdown()
        self._ray, self._remote, self._ours = None, None, False

    def room(self) -> int:
        """Return twice the number of processors: one key runs, one waits."""
        if self._ray is None:
            return 1
        return 2 * max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def submit(self, task: MakeTask) -> Any:
        """Submit a task to Ray."""
        if self._ray is None:
            self._connect()
        needs = task.target.resources
        wanted = {"num_cpus": needs.cpus, "num_gpus": needs.gpus, "memory": needs.memory}
        options = {name: amount for name, amount in wanted.items() if amount is not None}
        self._check(task, options)
        return self._remote.options(name=task.target.class_name, max_retries=_RETRIES, **options).remote(task)

    def wait(self, running: Mapping[Any, MakeTask], seconds: float) -> Any:
        """Return the handle of a finished task, or None after `seconds`."""
        done, _ = self._ray.wait(list(running), num_returns=1, timeout=seconds)
        return done[0] if done else None

    def result(self, done: Any, task: MakeTask) -> MakeOutcome:
        """Return the outcome that a worker sent."""
        try:
            return unpack(self._ray.get(done))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.OutOfMemoryError) as error:
            told = MakeError(
                f"Workers died while making `{task.target.class_name}` for the key {task.key}: {error}",
                hint="They may have run out of memory. The key is not made.",
            )
            return MakeOutcome(task.key, FAILED, told, table=task.table)

    def stop(self, running: Mapping[Any, MakeTask]) -> None:
        """Withdraw waiting tasks, and end the workers of running ones with their child processes."""
        for reference in running:
            self._ray.cancel(reference, force=True)
        self._ray.wait(list(running), num_returns=len(running), timeout=10)

    def _connect(self) -> None:
        try:
            self._ray = import_module("ray")
        except ImportError as error:
            raise ConfigurationError(
                'The executor "ray" needs the package ray, which is not installed.',
                hint="pip install 'datajoint[ray]'",
            ) from error
        if not self._ray.is_initialized():
            import os

            address = os.environ.get("RAY_ADDRESS")
            cpus = None if address else self._workers or usable_cpus()
            self._ray.init(address=address, num_cpus=cpus, include_dashboard=False, log_to_driver=False)
            self._ours = True
        self._remote = self._ray.remote(run_packed)

    def _check(self, task: MakeTask, options: Mapping[str, float]) -> None:
        """Refuse a task that needs more than the whole cluster has."""
        there: dict[str, float] = self._ray.cluster_resources()
        for name, other in (("num_gpus", "GPU"), ("num_cpus", "CPU"), ("memory", "memory")):
            if options.get(name, 0) > there.get(other, 0):
                raise ConfigurationError(
                    f"`{task.target.class_name}.resources` wants {options[name]:g} of {other}, but the Ray "
                    f"cluster has {there.get(other, 0):g}.",
                    hint="Ask for less, or add nodes.",
                )
