"""Queue of existing keys to recompute, shared with other workers through the job queue."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from datajoint._value import replace
from datajoint.heading.names import TableName
from datajoint.jobs.jobs import Jobs
from datajoint.jobs.lease.worker_lease import Worker
from datajoint.jobs.reserve import Reservations
from datajoint.make.recompute.refresh import stale_keys
from datajoint.make.task import FAILED, MakeOutcome, MakeTask
from datajoint.provenance.staleness.search import versions

__all__ = ["Renewals"]

Key = dict[str, Any]

_AGAIN, _AGAIN_AFTER_FAILURE = 60.0, 3600.0
"""Seconds before a long-running worker recomputes the same key once more."""


class Renewals(Reservations):
    """Stale keys that one populate holds; it adds the job of a key right before the reservation.

    So the job never waits in the queue for workers that compute only missing keys. A key that another worker
    has recomputed since the search is left out.

    Parameters
    ----------
    jobs, priority, most, worker
        As for `Reservations`; `priority` is the priority of the new jobs.
    restrictions
        Conditions on the keys; all must hold.
    again
        As for `MakeTask`.
    after
        Tables to recompute before this one.
    once
        Whether to try each key only once.
    """

    def __init__(
        self, jobs: Jobs, restrictions: Sequence[Any], priority: int | None, most: int | None, again: str,
        worker: Worker | None = None, after: Collection[TableName] = (), once: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(jobs, None, priority, most, worker, reuse=False)
        self._restrictions, self._again = tuple(restrictions), again
        self._after, self._once = after, once
        self._tried: dict[tuple[Any, ...], float] = {}
        self._listed: dict[tuple[Any, ...], frozenset[Any]] = {}
        self._is_found = False

    def count(self) -> int:
        """Return the number of keys to recompute."""
        self._look()
        return len(self._page) if self._left is None else min(len(self._page), self._left)

    def find(self) -> None:
        """Repeat the search for stale keys at the next reservation."""
        self._is_found = False

    def settle(self, outcome: MakeOutcome) -> None:
        """Record the outcome of a job."""
        super().settle(outcome)
        if outcome.status == FAILED and not self._once:
            self._tried[tuple(outcome.key.values())] = time.monotonic() + _AGAIN_AFTER_FAILURE

    def _skip(self, key: Key) -> None:
        self._complete(key)  # its rows exist, so the key is not missing

    def _task(self, key: Key) -> MakeTask:
        return replace(super()._task(key), again=self._again)

    def _look(self) -> None:
        """Search for stale keys once; a search costs more than a query of the queue."""
        if self._is_found:
            return
        self._is_found = True
        table, now = self._jobs.target, time.monotonic()
        found = stale_keys(table, self._restrictions, after=self._after)
        keys = [key for key in found if self._tried.get(tuple(key.values()), now) <= now]
        self._listed = versions(table, keys)
        default = self._jobs.connection.config.jobs.default_priority
        urgency = int(default if self._priority is None else self._priority)
        self._page = [(urgency, key) for key in keys]

    def _reserve(self) -> list[tuple[int, Key]] | None:
        return self._reserve_known()

    def _collide(self) -> None:
        self._contended = True

    def _choose(self) -> list[tuple[int, Key]]:
        """Add jobs for the next keys that no other worker has recomputed, and return them."""
        chosen = super()._choose()
        until = float("inf") if self._once else time.monotonic() + _AGAIN
        self._tried |= {tuple(key.values()): until for _, key in chosen}
        now = versions(self._jobs.target, [key for _, key in chosen])
        some = [(n, key) for n, key in chosen if now.get(p := tuple(key.values())) == self._listed.get(p)]
        if some:
            self._jobs.add([key for _, key in some], some[0][0])
        return some
