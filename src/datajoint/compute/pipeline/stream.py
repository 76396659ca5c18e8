"""One stream of tasks from the tables of a pipeline: a key goes on as soon as what it needs is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from datajoint.compute.pipeline.lanes import SHARE, Lane
from datajoint.compute.pipeline.order import Order, warn_of
from datajoint.heading.names import TableName
from datajoint.jobs.cancel import Cancels
from datajoint.jobs.lease.worker_lease import Holding, Worker
from datajoint.make.task import DONE, FAILED, NOTHING, MakeOutcome, MakeTask

__all__ = ["Stream"]


class Stream(Iterator[MakeTask]):
    """Hands out tasks, the most urgent and of those the last tables first, until nothing can be made.

    It may have none for now: it is asked again after an outcome, which may make some possible.

    Parameters
    ----------
    lanes
        The tables, parents first.
    most
        The most tasks to hand out.
    worker
        Who holds the jobs of the queues, where there are some; ends with the stream.
    order
        Which tables wait for which; learns what makes are seen to read.

    Attributes
    ----------
    early
        Keys made, by table, whose make was seen to read tables that it had not waited for.
    lock
        Held while the connection is used.
    """

    def __init__(
        self, lanes: Sequence[Lane], most: int | None = None, worker: Worker | None = None,
        order: Order | None = None,
    ) -> None:  # fmt: skip
        self.lock = threading.Condition()
        self._worker = worker
        self._lanes = tuple(lanes)
        self._by_name = {lane.table.name: lane for lane in lanes}
        self._left = most
        self._ahead: MakeTask | None = None
        self._ended = False
        self._next_look = 0.0
        self._flying: set[tuple[Any, ...]] = set()
        self._early: set[tuple[Any, ...]] = set()
        self._seen: dict[TableName, set[TableName]] = {}
        self._order = order
        self.early: dict[TableName, list[dict[str, Any]]] = {}

    _may_relax = True
    """Whether the end of what can be made now is the end of the stream."""

    def __next__(self) -> MakeTask:
        with self.lock:
            task = None if self._ended else self._take()
            if task is None:
                raise StopIteration
            return task

    def peek(self) -> bool:
        """Return whether there is a task."""
        with self.lock:
            self._ahead = self._ahead or self._take()
            return self._ahead is not None

    def settle(self, outcome: MakeOutcome) -> None:
        """Take note of what became of a task."""
        name = outcome.table
        assert name is not None  # noqa: S101 - all tasks here name their table
        with self.lock:
            self._flying.discard((name, *outcome.key.values()))
            self._by_name[name].settle(outcome)
            if outcome.beside:
                self._learn(name, outcome)
            self._touch(name, outcome.status in (FAILED, NOTHING))

    def _learn(self, name: TableName, outcome: MakeOutcome) -> None:
        """Let the other keys of a table wait for what its make was seen to read."""
        new = (outcome.beside & self._by_name.keys()) - self._seen.setdefault(name, set())
        place = (name, *outcome.key.values())
        if new and self._order is not None:
            self._seen[name] |= new
            if not new <= self._order.reads(name):
                warn_of(self._order.add(name, new))
                self._early |= {place, *(one for one in self._flying if one[0] == name)}
                self._by_name[name].learn()
        if place in self._early and outcome.status == DONE:
            self.early.setdefault(name, []).append(outcome.key)

    def _touch(self, name: TableName, has_failed: bool) -> None:
        for lane in self._lanes:
            if lane.awaits(name) if has_failed else name in lane.inputs:
                lane.dirty = True

    def end(self) -> None:
        """Hand out nothing more."""
        with self.lock:
            self._ended = True

    @property
    def cancels(self) -> Cancels | None:
        """Which of the jobs have been cancelled; None without queues."""
        return self._worker.cancels if self._worker is not None else None

    @property
    def is_queued(self) -> bool:
        """Whether the keys come from job queues."""
        return self._worker is not None

    def holding(self) -> Holding:
        """Context that closes the stream, or lets the next statement do so after an interruption."""
        return Holding(self._worker, self.close)

    def close(self, cause: BaseException | None = None) -> None:
        """Give back what was handed out and not settled."""
        self.end()
        with self.lock, ExitStack() as stack:  # all of it, whatever fails
            if self._worker is not None:
                stack.callback(self._worker.close)
            for lane in self._lanes:
                stack.callback(lane.close, cause)

    # ---------------------------------------------------------------------------------------------- taking

    def _take(self) -> MakeTask | None:
        if self._ahead is not None:
            task, self._ahead = self._ahead, None
            return task
        if self._left == 0:
            return None
        task = self._next() or self._relaxed()
        if task is not None:
            self._flying.add((task.table, *task.key.values()))
            self._left = None if self._left is None else self._left - 1
        return task

    def _relaxed(self) -> MakeTask | None:
        """Where nothing else can be made, take keys whose make reads what cannot be made now."""
        if self._flying or self._ended or not self._may_relax:
            return None
        for lane in self._lanes:
            if lane.relax() and (task := self._next()) is not None:
                return task
        return None

    def _next(self) -> MakeTask | None:
        """Take the most urgent key; where there is none, look for keys whatever it costs."""
        while True:
            task = self._most_urgent()
            if task is not None:
                return task
            if not self._look_anyway():
                return None

    def _look_anyway(self) -> bool:
        """Look for keys whatever it costs; return False if there is no table that may have some."""
        for lane in reversed(self._lanes):
            if lane.dirty and not lane.is_suspended:
                self._next_look = 0.0
                lane.force()
                return True
        return False

    def _urgency_of(self, lane: Lane) -> int | None:
        if lane.may_look() and time.monotonic() >= self._next_look:
            lane.look()
            self._next_look = time.monotonic() + SHARE * lane.cost
        return lane.urgency()

    def _most_urgent(self) -> MakeTask | None:
        """Take the most urgent key that is known, of the last table that has one."""
        while True:
            best: tuple[int, Lane] | None = None
            for lane in reversed(self._lanes):
                urgency = self._urgency_of(lane)
                if urgency is not None and (best is None or urgency < best[0]):
                    best = urgency, lane
                if urgency == 0:
                    break
            if best is None:
                return None
            if (task := best[1].take()) is not None:  # unless others were faster
                return task
