"""Stream of tasks of a worker, which waits for new keys."""

from __future__ import annotations

import time
from collections.abc import Sequence

from datajoint import logging
from datajoint._value import Value
from datajoint.compute.pipeline.lanes import SHARE, Lane, ReservedLane
from datajoint.compute.pipeline.order import Order
from datajoint.compute.pipeline.status import count_all
from datajoint.compute.pipeline.stream import Stream
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.heading.names import TableName
from datajoint.jobs.lease.worker_lease import Worker
from datajoint.make.task import MakeOutcome, MakeTask
from datajoint.workers.reacting import Reactions
from datajoint.workers.report import Running

__all__ = ["Ending", "LiveStream"]

_NAP = 0.5
"""Longest sleep of a waiting thread, in seconds, so that a signal handler need not wake it."""

_AFTER_FAILURE = 60.0
"""Seconds for which a table is suspended after its key query has failed."""


class Ending(Value):
    """Conditions under which a worker ends automatically.

    Attributes
    ----------
    until_done
        End when no work remains for this worker or any other.
    max_idle
        End after this number of idle seconds.
    """

    until_done: bool = False
    max_idle: float | None = None


class LiveStream(Stream):
    """Iterator of tasks that waits for new keys until the worker ends.

    `lock` guards the lanes, `running` and the connection; waiting threads release it. `stop` takes no lock,
    so that a signal handler may call it.

    Parameters
    ----------
    lanes, most, worker
        As for `Stream`.
    ending
        Conditions under which the stream ends.
    reactions
        Reactions to call when they are due.

    Attributes
    ----------
    running
        Tasks in progress, by table and key.
    """

    def __init__(
        self, lanes: Sequence[ReservedLane], most: int | None, worker: Worker, ending: Ending,
        reactions: Reactions, order: Order | None = None,
    ) -> None:  # fmt: skip
        super().__init__(lanes, most, worker, order)
        self.running: dict[tuple[object, ...], Running] = {}
        self._holder = worker
        self._queues = [lane.jobs for lane in lanes]
        self._ending, self._reactions = ending, reactions
        self._busy_at = time.monotonic()
        self._sweep, self._sweep_at = False, 0.0

    _may_relax = False

    def __next__(self) -> MakeTask:
        """Return a task; wait for one unless other tasks run, whose outcomes the caller must handle."""
        with self.lock:
            while not self._ended:
                task = self._take()
                if task is not None:
                    self.running[task.table, *task.key.values()] = Running(
                        str(task.table), task.key, time.monotonic()
                    )
                    return task
                if self.running or self._is_over():
                    break
                self.lock.wait(self._nap())
            raise StopIteration

    @property
    def sources(self) -> frozenset[TableName]:
        """Tables that the keys are derived from."""
        return frozenset[TableName]().union(*(lane.sources for lane in self._lanes))

    def touch(self, tables: frozenset[TableName] | None) -> None:
        """Mark the lanes of changed tables for a new key query; None marks all lanes, at a limited rate."""
        with self.lock:
            if tables is None:
                self._sweep = True
            else:
                for lane in self._lanes:
                    lane.dirty = lane.dirty or not lane.sources.isdisjoint(tables)
            self.lock.notify_all()

    def stop(self) -> None:
        """End the stream after the running tasks; a signal handler may call this at any time."""
        self._ended = True

    def settle(self, outcome: MakeOutcome) -> None:
        """Record the outcome of a task."""
        with self.lock:
            super().settle(outcome)
            self.running.pop((outcome.table, *outcome.key.values()), None)
            self._busy_at = time.monotonic()
            self._reactions.tell(outcome)

    def tick(self) -> None:
        """Call the due reactions, from a thread, while other processes compute all keys."""
        with self.lock:
            if not self._ended:
                self._reactions.tick()

    # ---------------------------------------------------------------------------------------------- waiting

    def _next(self) -> MakeTask | None:
        self._reactions.tick()
        if self._ended:  # a reaction has stopped the worker
            return None
        now = time.monotonic()
        if self._sweep and now >= self._sweep_at:
            self._sweep, self._sweep_at = False, now + SHARE * sum(lane.cost for lane in self._lanes)
            for lane in self._lanes:
                lane.dirty = True
        for lane in self._lanes:
            lane.wake(now)
        task = super()._next()
        if task is not None:
            self._busy_at = now
        return task

    def _urgency_of(self, lane: Lane) -> int | None:
        """Return the priority of the next key; suspend the table if its query fails."""
        try:
            return super()._urgency_of(lane)
        except LostConnectionError:
            raise
        except DataJointError as error:
            logging.logger.error(
                "`%s` is left alone for %g s: %s", lane.table.class_name, _AFTER_FAILURE, error
            )
            lane.suspend(_AFTER_FAILURE)
            return None

    def _nap(self) -> float:
        self._holder.look()
        now = time.monotonic()
        due = [lane.next_look if lane.dirty else lane.wake(now) for lane in self._lanes]
        sweep = self._sweep_at if self._sweep else now + _NAP
        return max(0.001, min([*due, sweep, self._reactions.due, now + _NAP]) - now)

    def _is_over(self) -> bool:
        ending = self._ending
        if self._left == 0:
            return True
        if ending.max_idle is not None and time.monotonic() - self._busy_at >= ending.max_idle:
            return True
        return ending.until_done and self._is_done()

    def _is_done(self) -> bool:
        """Whether no work remains for this worker or any other."""
        now = time.monotonic()
        well = [lane for lane in self._lanes if not lane.is_suspended]
        if self._sweep or any(lane.dirty or lane.wake(now) < float("inf") for lane in well):
            return False
        return not sum(count_all([jobs.reserved for jobs in self._queues if jobs.is_declared]))
