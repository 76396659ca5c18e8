"""The stream of tasks of a worker: it does not end where there is nothing to do, but waits."""

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
"""Seconds after which who waits looks about, so that a signal handler need not wake anybody."""

_AFTER_FAILURE = 60.0
"""Seconds until a table is looked at again whose keys could not be found."""


class Ending(Value):
    """When a worker ends by itself.

    Attributes
    ----------
    until_done
        As soon as nothing is left to do, here or in the hands of other workers.
    max_idle
        After so many seconds without anything to do.
    """

    until_done: bool = False
    max_idle: float | None = None


class LiveStream(Stream):
    """Hands out tasks until the worker is to end.

    Parameters
    ----------
    lanes, most, worker
        As for `Stream`.
    ending
        When it ends.
    reactions
        Asked now and then what they want to do.

    Attributes
    ----------
    running
        What has been handed out and not settled, by table and key.
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
        """Return a task; where there is none, wait, unless others run whose outcomes are to be heard of."""
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
        """The tables that keys come from."""
        return frozenset[TableName]().union(*(lane.sources for lane in self._lanes))

    def touch(self, tables: frozenset[TableName] | None) -> None:
        """Look again for keys that come from tables which have changed; None: at all, when it is time."""
        with self.lock:
            if tables is None:
                self._sweep = True
            else:
                for lane in self._lanes:
                    lane.dirty = lane.dirty or not lane.sources.isdisjoint(tables)
            self.lock.notify_all()

    def stop(self) -> None:
        """Hand out nothing more; may be called by a signal handler, whatever the program is at."""
        self._ended = True

    def settle(self, outcome: MakeOutcome) -> None:
        """Take note of what became of a task."""
        with self.lock:
            super().settle(outcome)
            self.running.pop((outcome.table, *outcome.key.values()), None)
            self._busy_at = time.monotonic()
            self._reactions.tell(outcome)

    def tick(self) -> None:
        """Ask those who react; for a thread that may use the connection while all keys are made elsewhere."""
        with self.lock:
            if not self._ended:
                self._reactions.tick()

    # ---------------------------------------------------------------------------------------------- waiting

    def _next(self) -> MakeTask | None:
        self._reactions.tick()
        if self._ended:  # as one of them wanted
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
        """Return the priority of the next key; where something is wrong, leave the table alone a while."""
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
        """Whether nothing is left to do, here or in the hands of other workers."""
        now = time.monotonic()
        well = [lane for lane in self._lanes if not lane.is_suspended]
        if self._sweep or any(lane.dirty or lane.wake(now) < float("inf") for lane in well):
            return False
        return not sum(count_all([jobs.reserved for jobs in self._queues if jobs.is_declared]))
