"""Executor for Dask clusters.

Each worker runs one make at a time in a child process. A make that ends its child is an error of its key. If
Dask loses a worker, it retries the key on another worker, a limited number of times.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from datajoint.errors import ComputeError, ConfigurationError, MakeError
from datajoint.executors.child_main import unpack
from datajoint.executors.cluster_base import Submitting
from datajoint.executors.processes import usable_cpus
from datajoint.executors.remote_task import run_packed, stop_tasks
from datajoint.logging import logger
from datajoint.make.task import FAILED, MakeOutcome, MakeTask

if TYPE_CHECKING:
    from datajoint.make.resources import Resources

__all__ = ["DaskExecutor"]

_COUNTED = 1.0
"""Seconds for which the number of workers is cached."""
_PATIENCE = 60.0
"""Seconds without any worker after which a warning or an error follows."""
_NAMES = {"cpus": ("CPU", "CPUS", "cpu", "cpus"), "gpus": ("GPU", "GPUS", "gpu", "gpus"),
          "memory": ("MEMORY", "memory", "MEM", "mem")}  # fmt: skip
"""Names that workers use for their resources (``dask worker --resources``)."""


class DaskExecutor(Submitting):
    """Executor for a Dask cluster: that of `client`, or the default one of Dask, or a new local one.

    Parameters
    ----------
    workers
        Number of workers of a new local cluster.
    client
        ``distributed.Client`` to use.

    Examples
    --------
    >>> executor = DaskExecutor(workers=2)  # the cluster starts with the first task
    >>> list(executor.run([]))
    []
    >>> executor.close()
    """

    def __init__(self, workers: int | None = None, *, client: Any = None) -> None:
        from queue import SimpleQueue

        self._workers, self._client = workers, client
        self._ours: list[Any] = []
        self._is_local = False
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._room, self._counted, self._alive = 1, 0.0, 0.0
        self._said = False

    def close(self) -> None:
        """Close the client and the cluster that this executor started."""
        for each in self._ours:
            each.close()
        self._ours, self._client = [], None

    # ------------------------------------------------------------------------------------------------ tasks

    def room(self) -> int:
        """Return twice the number of workers: one key runs, one waits."""
        now = time.monotonic()
        if self._client is not None and now - self._counted > _COUNTED:
            there = len(self._client.nthreads())
            self._room, self._counted = 2 * max(1, there), now
            self._alive = now if there or not self._alive else self._alive
            if now - self._alive > _PATIENCE:
                self._miss_workers()
        return self._room

    def _miss_workers(self) -> None:
        """Warn that the cluster has no workers; raise on a local cluster, which never recovers."""
        if self._is_local:
            raise ComputeError(
                "The workers of the local Dask cluster are gone, and none was started in their place.",
                hint="Populate again; fewer processes may do if the machine is overloaded.",
            )
        logger.warning("the Dask cluster has had no workers for %g s: waiting", _PATIENCE)
        self._alive = time.monotonic()

    def submit(self, task: MakeTask) -> Any:
        """Submit a task to the scheduler."""
        client, name = self._connected(task), f"{task.target.class_name}-{uuid4().hex}"
        future = client.submit(
            run_packed, task, name, resources=self._resources(task) or None, key=name, pure=False
        )
        future.add_done_callback(self._done.put)
        return future

    def wait(self, running: Mapping[Any, MakeTask], seconds: float) -> Any:
        """Return the handle of a finished task, or None after `seconds`."""
        from queue import Empty

        try:
            done = self._done.get(timeout=seconds)
        except Empty:
            return None
        return done if done in running else None

    def result(self, done: Any, task: MakeTask) -> MakeOutcome:
        """Return the outcome that a worker sent."""
        try:
            return unpack(done.result())
        except _distributed().KilledWorker as error:
            told = MakeError(
                f"Workers died while making `{task.target.class_name}` for the key {task.key}: {error}",
                hint="They may have run out of memory. The key is not made.",
            )
            return MakeOutcome(task.key, FAILED, told, table=task.table)

    def stop(self, running: Mapping[Any, MakeTask]) -> None:
        """Withdraw waiting tasks and stop running ones."""
        client: Any = self._client
        client.cancel(list(running), force=True)
        with suppress(OSError, TimeoutError, ValueError):  # from dead workers
            client.run(stop_tasks, [future.key for future in running], on_error="ignore")

    # ---------------------------------------------------------------------------------------------- cluster

    def _connected(self, task: MakeTask) -> Any:
        """Return the client; find or create it for the first task."""
        if self._client is None:
            self._client = _known_client() or self._new_client(task.target.resources)
        return self._client

    def _new_client(self, resources: Resources) -> Any:
        distributed = _distributed()
        address = import_module("dask").config.get("scheduler-address", None)
        if address is not None:
            client = distributed.Client(address, set_as_default=False)
            self._ours = [client]
            return client
        workers = self._workers or max(1, int(usable_cpus() // (resources.cpus or 1)))
        cluster = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
        client = distributed.Client(cluster, set_as_default=False)
        self._ours = [client, cluster]
        self._is_local = True
        return client

    def _resources(self, task: MakeTask) -> dict[str, float]:
        """Return the resource hints that workers declare, under the names that they use."""
        wanted = {name: getattr(task.target.resources, name) for name in _NAMES}
        wanted = {name: amount for name, amount in wanted.items() if amount}
        if not wanted or self._is_local:  # the number of local workers follows the first hints
            return {}
        declared = _declared(self._client)
        found: dict[str, float] = {}
        for name, amount in wanted.items():
            known = next((other for other in _NAMES[name] if other in declared), None)
            if known is not None and declared[known] < amount:
                raise ConfigurationError(
                    f"`{task.target.class_name}.resources` wants {name} = {amount:g}, but no worker of the "
                    f"Dask cluster has more than {declared[known]:g}.",
                    hint=f"Start workers with --resources {known}={amount:g}, or ask for less.",
                )
            if known is not None:
                found[known] = amount
            elif not self._said:
                self._said = True
                logger.info("no worker of the Dask cluster says how much it has of: %s", name)
        return found


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ConfigurationError(
            'The executor "dask" needs the package distributed, which is not installed.',
            hint="pip install 'datajoint[dask]'",
        ) from error


def _known_client() -> Any:
    try:
        return _distributed().default_client()
    except ValueError:  # no default client
        return None


def _declared(client: Any) -> dict[str, float]:
    """Return the largest amount of each resource that a worker declares."""
    most: dict[str, float] = {}
    workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    for worker in workers.values():
        resources: dict[str, float] = worker.get("resources") or {}
        for name, amount in resources.items():
            most[name] = max(most.get(name, 0), amount)
    return most
