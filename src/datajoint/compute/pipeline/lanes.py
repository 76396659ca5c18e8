"""The keys of each table on their way: found, handed out, settled."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from datajoint._value import Value, replace
from datajoint.compute import populate as populating, refresh_queue
from datajoint.compute.pipeline.readiness import Readiness
from datajoint.heading.names import TableName
from datajoint.jobs import jobs as queues, reserve, skipped_keys
from datajoint.jobs.lease.worker_lease import Worker
from datajoint.jobs.recover import recover
from datajoint.make import key_source as sources
from datajoint.make.recompute.refresh import stale_keys
from datajoint.make.reuse import Reuse
from datajoint.make.task import FAILED, NOTHING, MakeOutcome, MakeTask
from datajoint.query.expression import QueryExpression
from datajoint.table.table import Table

# ruff: noqa: D102 - the methods are documented in the base class

if TYPE_CHECKING:
    from datajoint.provenance.reuse import Candidate

__all__ = ["SHARE", "DirectLane", "DirectRenewals", "Lane", "ReservedLane", "Stale"]

SHARE = 20
"""A look at the keys may take one part in so many of the time."""
_PAGE, _LARGEST_PAGE = 100, 10_000
"""Keys found by one look."""
_PAGE_SECONDS = 1.0
"""Age from which found keys are looked for again: others may have made them, or added more urgent ones."""
_MARGIN = 0.1
"""Seconds by which the clock of the server may be behind when a job is to be tried again."""


class Lane(ABC):
    """The keys of one table.

    Attributes
    ----------
    table
        What is made.
    inputs
        The tables of the pipeline that new keys come from.
    sources
        All tables that new keys come from.
    dirty
        Whether there may be keys that were not seen yet.
    cost
        Seconds that the last look for keys took.
    """

    def __init__(self, table: Table, readiness: Readiness, restrictions: Sequence[Any]) -> None:
        self.table = table
        self.inputs, self.sources = readiness.inputs, readiness.sources
        self.dirty = True
        self._readiness = readiness
        self._restrictions = tuple(restrictions)
        self._looked = -1e9
        self._resume_at = 0.0
        self.cost = 0.0

    @property
    def next_look(self) -> float:
        """When, by ``time.monotonic()``, it is worth while to look again, considering what that costs."""
        return max(self._looked + SHARE * self.cost, self._resume_at)

    def may_look(self) -> bool:
        """Whether there may be keys, and it is worth while to look."""
        return self.dirty and time.monotonic() >= self.next_look

    def learn(self) -> None:
        """Take up that the make reads further tables: keys that have to wait for these are dropped."""
        self._readiness.learn()
        self.inputs |= self._readiness.inputs
        self.sources |= self._readiness.sources
        self.dirty = True

    def awaits(self, name: TableName) -> bool:
        """Whether keys wait for a table that their make reads, as long as that can be made."""
        return any(other.name == name for other in self._readiness.late)

    def relax(self) -> bool:
        """Wait no longer for what the make reads; return False where it does not wait, or has to."""
        if not self._readiness.late:
            return False
        self._readiness.relax()
        self.dirty = True
        return True

    def force(self) -> None:
        """Let the next look be worth while."""
        self._looked = -1e9

    def look(self) -> None:
        """Look for keys that can be made."""
        started = time.monotonic()
        self.dirty = False
        self.dirty = self._find()
        self._looked = time.monotonic()
        self.cost = self._looked - started

    @abstractmethod
    def _find(self) -> bool:
        """Look for keys and return whether there may be more than were found."""

    @abstractmethod
    def urgency(self) -> int | None:
        """Return the priority of what would be taken, from 0, the most urgent; None if there is nothing."""

    @abstractmethod
    def take(self) -> MakeTask | None:
        """Return a task for one of the keys found, None if there is none."""

    @abstractmethod
    def settle(self, outcome: MakeOutcome) -> None:
        """Take note of what became of a task."""

    def suspend(self, seconds: float) -> None:
        """Look again for keys only after a while, because something is wrong."""
        self.dirty = True
        self._resume_at = time.monotonic() + seconds

    @property
    def is_suspended(self) -> bool:
        """Whether something is wrong."""
        return time.monotonic() < self._resume_at

    def wake(self, now: float) -> float:
        """Let what had to wait until now be taken; return when more will be, by ``time.monotonic()``."""
        return float("inf")

    def close(self, cause: BaseException | None = None) -> None:  # noqa: B027 - most have nothing to give back
        """Give back what was handed out and not settled."""


class DirectLane(Lane):
    """Keys that are made without a queue.

    Parameters
    ----------
    reuse
        Whether earlier results may be used again; None leaves it to the class and the setting.
    """

    def __init__(
        self, table: Table, readiness: Readiness, restrictions: Sequence[Any], reuse: bool | None = None
    ) -> None:  # fmt: skip
        super().__init__(table, readiness, restrictions)
        self._reuse = Reuse(table, reuse)
        self._earlier: dict[tuple[Any, ...], tuple[Candidate, ...]] = {}
        self._page: deque[dict[str, Any]] = deque()
        self._size = _PAGE
        self._unmade: set[tuple[Any, ...]] = set()  # handed out, or failed: missing, but not to be had

    def learn(self) -> None:
        super().learn()
        self._page.clear()

    def _find(self) -> bool:
        used_up = not self._page
        self._size = min(2 * self._size, _LARGEST_PAGE) if used_up and self._looked > 0 else _PAGE
        most = self._size + len(self._unmade)
        keys = populating.listed(self.table, self._readiness.keys(self._restrictions), most)
        self._page = deque(key for key in keys if tuple(key.values()) not in self._unmade)
        self._earlier = self._reuse.earlier(list(self._page))
        return len(keys) == most

    def urgency(self) -> int | None:
        if self._page and time.monotonic() - self._looked > max(_PAGE_SECONDS, SHARE * self.cost):
            self.look()
        return 0 if self._page else None

    def take(self) -> MakeTask | None:
        if not self._page:
            return None
        key = self._page.popleft()
        place = tuple(key.values())
        self._unmade.add(place)
        return MakeTask(key, table=self.table.name, earlier=self._earlier.get(place, ()))

    def settle(self, outcome: MakeOutcome) -> None:
        if outcome.status not in (FAILED, NOTHING):
            self._unmade.discard(tuple(outcome.key.values()))


class Stale(Value):
    """How stale keys are made again.

    Attributes
    ----------
    again
        As of `MakeTask`.
    after
        The tables that are made again; what depends on stale rows of them waits.
    besides
        Whether missing keys are made, too.
    """

    again: str
    after: frozenset[TableName]
    besides: bool = False


class DirectRenewals(DirectLane):
    """Stale keys that are made again without a queue, each once.

    Parameters
    ----------
    stale
        How that is done.
    """

    def __init__(self, table: Table, readiness: Readiness, restrictions: Sequence[Any], stale: Stale) -> None:
        super().__init__(table, readiness, restrictions)
        self._stale = stale
        self.inputs = stale.after - {table.name}

    def _find(self) -> bool:
        keys = stale_keys(self.table, self._restrictions, after=self._stale.after)
        self._page = deque(key for key in keys if tuple(key.values()) not in self._unmade)
        return False

    def urgency(self) -> int | None:
        return 0 if self._page else None

    def take(self) -> MakeTask | None:
        task = super().take()
        return task and replace(task, again=self._stale.again)

    def settle(self, outcome: MakeOutcome) -> None:
        """Do nothing: what is stale still, for whatever reason, is not tried a second time."""


class ReservedLane(Lane):
    """Keys that are shared with other workers by the job queue of the table.

    Parameters
    ----------
    priority
        Take only jobs at least so urgent; jobs that are added get this priority.
    refresh
        Whether to bring the queue up to date; otherwise it is used as it is.
    worker
        Who holds the jobs.
    reuse
        As for `DirectLane`.
    stale
        How stale keys are made again; None where only missing ones are made.

    Attributes
    ----------
    jobs
        The queue.
    """

    def __init__(
        self, table: Table, readiness: Readiness, restrictions: Sequence[Any], priority: int | None,
        refresh: bool, worker: Worker, reuse: bool | None = None, stale: Stale | None = None,
    ) -> None:  # fmt: skip
        super().__init__(table, readiness, restrictions)
        self.jobs = queues.Jobs(table)
        self._priority = priority
        self._held: list[reserve.Reservations] = []
        self._renewals: refresh_queue.Renewals | None = None
        if stale is None or stale.besides:
            among = self._among()
            self._held.append(reserve.Reservations(self.jobs, among, priority, None, worker, reuse))
        self._refresh = refresh and bool(self._held)
        if stale is not None:
            self._renewals = refresh_queue.Renewals(
                self.jobs, restrictions, priority, None, stale.again, worker, stale.after,
                once=not stale.besides,
            )  # fmt: skip
            self._held.append(self._renewals)
            self.inputs |= stale.after - {table.name}
            self.sources |= frozenset(table.connection.catalog.graph.ancestors(table.name))
        self._drained = False

    def _among(self) -> QueryExpression | None:
        if self._readiness.late:
            return self._readiness.among(self._restrictions)
        return sources.all_keys(self.table, self._restrictions) if self._restrictions else None

    def learn(self) -> None:
        super().learn()
        for held in self._held:
            if held is not self._renewals:
                held.restrict(self._among())

    def relax(self) -> bool:
        """Wait no longer, unless other workers make something of what is awaited."""
        queues_of = [queues.Jobs(other) for other in self._readiness.late]
        if any(jobs.is_declared and len(jobs.reserved) for jobs in queues_of) or not super().relax():
            return False
        for held in self._held:
            if held is not self._renewals:
                held.restrict(self._among())
        return True

    def _find(self) -> bool:
        if self._refresh:
            conditions = (*self._restrictions, *self._readiness.conditions())
            self.jobs.refresh(*conditions, delay=-1, priority=self._priority)
        else:
            recover(self.jobs)
        skipped_keys.take_changed(self.jobs)
        if self._renewals is not None:
            self._renewals.find()
        self._drained = False
        return False

    def suspend(self, seconds: float) -> None:
        super().suspend(seconds)
        self._drained = True

    def urgency(self) -> int | None:
        found = None if self._drained else self._first()
        self._drained = found is None
        return found[0] if found else None

    def _first(self) -> tuple[int, reserve.Reservations] | None:
        """Return the most urgent key, and who holds it; of equal ones those that are missing."""
        known = [(urgency, held) for held in self._held if (urgency := held.urgency()) is not None]
        return min(known, key=lambda one: one[0], default=None)

    def take(self) -> MakeTask | None:
        found = self._first()
        return found[1].take() if found else None

    def settle(self, outcome: MakeOutcome) -> None:
        holding = [held for held in self._held if held.holds(outcome.key)]
        (holding or self._held)[0].settle(outcome)

    def wake(self, now: float) -> float:
        soonest = float("inf")
        for held in self._held:
            if held.retry_at + _MARGIN <= now:
                held.retry_at = float("inf")
                self._drained = False
            soonest = min(soonest, held.retry_at + _MARGIN)
        return soonest

    def close(self, cause: BaseException | None = None) -> None:
        with ExitStack() as stack:  # all of them, whatever fails
            for held in self._held:
                stack.callback(held.close, cause)
