"""The stream of tasks of a worker: it does not end where there is nothing to do, but waits."""

from __future__ import annotations

import time
from collections.abc import Sequence

from datajoint import logging
from datajoint._value import Value
from datajoint.compute.pipeline.lanes import ReservedLane
from datajoint.compute.pipeline.status import count_all
from datajoint.compute.pipeline.stream import Stream
from datajoint.compute.reacting.protocol import Reaction
from datajoint.compute.task import MakeOutcome, MakeTask
from datajoint.compute.workers import Worker

__all__ = ["Ending", "LiveStream"]

_NAP = 0.5
"""Seconds after which who waits looks about, so that a signal handler need not wake anybody."""

_AFTER_FAILURE = 60.0
"""Seconds until a reaction that has failed is asked again."""


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
    """

    def __init__(
        self, lanes: Sequence[ReservedLane], most: int | None, worker: Worker, ending: Ending,
        reactions: Sequence[Reaction] = (),
    ) -> None:  # fmt: skip
        super().__init__(lanes, most, worker)
        self._queues = [lane.jobs for lane in lanes]
        self._ending = ending
        self._running = 0
        self._reactions = dict.fromkeys(reactions, 0.0)
        self._busy_at = time.monotonic()

    def __next__(self) -> MakeTask:
        """Return a task; where there is none, wait, unless others run whose outcomes are to be heard of."""
        with self.lock:
            while not self._ended:
                task = self._take()
                if task is not None:
                    self._running += 1
                    return task
                if self._running or self._is_over():
                    break
                self.lock.wait(self._nap())
            raise StopIteration

    def touch(self) -> None:
        """Look at all tables again: something may have changed."""
        with self.lock:
            for lane in self._lanes:
                lane.dirty = True
            self.lock.notify_all()

    def stop(self) -> None:
        """Hand out nothing more; may be called by a signal handler, whatever the program is at."""
        self._ended = True

    def settle(self, outcome: MakeOutcome) -> None:
        """Take note of what became of a task."""
        super().settle(outcome)
        with self.lock:
            self._running -= 1
            self._busy_at = time.monotonic()
            for reaction in self._reactions:
                self._guarded(reaction, outcome)

    def tick(self) -> None:
        """Ask all reactions that want to be asked by now."""
        with self.lock:
            now = time.monotonic()
            for reaction in [reaction for reaction, due in self._reactions.items() if due <= now]:
                self._reactions[reaction] = time.monotonic() + self._guarded(reaction, None)

    def _guarded(self, reaction: Reaction, outcome: MakeOutcome | None) -> float:
        """Let a reaction look, or tell it of an outcome; return the seconds until its next look."""
        try:
            if outcome is not None:
                reaction.on_outcome(outcome)
                return 0.0
            seconds = reaction.tick(time.time())
        except Exception:  # noqa: BLE001 - written by users, and no reason to stop working
            logging.logger.exception("%r failed", reaction)
            return _AFTER_FAILURE
        return float("inf") if seconds is None else max(0.0, seconds)

    # ---------------------------------------------------------------------------------------------- waiting

    def _next(self) -> MakeTask | None:
        self.tick()
        now = time.monotonic()
        for lane in reversed(self._lanes):
            lane.wake(now)
            if lane.may_look():
                lane.look()
            if (task := lane.take()) is not None:
                self._busy_at = now
                return task
        return None

    def _nap(self) -> float:
        now = time.monotonic()
        due = [lane.next_look if lane.dirty else lane.wake(now) for lane in self._lanes]
        return max(0.001, min([*due, *self._reactions.values(), now + _NAP]) - now)

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
        if any(lane.dirty or lane.wake(now) < float("inf") for lane in self._lanes):
            return False
        return not sum(count_all([jobs.reserved for jobs in self._queues if jobs.is_declared]))
