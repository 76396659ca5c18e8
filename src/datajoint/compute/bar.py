"""Counts of the keys of one table during its computation."""

from __future__ import annotations

from collections import deque

from datajoint.make.task import DONE, FAILED, NOTHING, MakeOutcome

__all__ = ["Bar"]


_RECENT = 64
"""Number of latest keys that determine the rate."""


class Bar:
    """Progress of one table.

    Attributes
    ----------
    total
        Number of keys to compute, as far as known.
    made, reused, failed, skipped, running
        Numbers of keys. `made` includes `reused`; other processes have computed the `skipped` keys.
    empty
        Number of keys whose make inserted nothing.
    started, ended
        Start of the first key, and end of the last one.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        self.made = self.reused = self.failed = self.skipped = self.empty = self.running = 0
        self.started: float | None = None
        self.ended: float | None = None
        self._recent: deque[float] = deque(maxlen=_RECENT)

    @property
    def finished(self) -> int:
        """Number of finished keys."""
        return self.made + self.failed + self.skipped + self.empty

    def take(self, now: float) -> None:
        """Record the start of a key."""
        self.started = now if self.started is None else self.started
        self.running += 1

    def note(self, outcome: MakeOutcome, now: float) -> None:
        """Record the outcome of a key."""
        self.started = now - outcome.seconds if self.started is None else self.started
        self.running = max(0, self.running - 1)
        self.made += outcome.status == DONE
        self.reused += outcome.reused
        self.failed += outcome.status == FAILED
        self.skipped += outcome.status not in (DONE, FAILED, NOTHING)
        self.empty += outcome.status == NOTHING
        self.total = max(self.total, self.finished + self.running)
        self.ended = now
        self._recent.append(now)

    def seconds(self, now: float) -> float:
        """Return the seconds since the first key started."""
        return 0.0 if self.started is None else max(0.0, now - self.started)

    def rate(self, now: float) -> float:
        """Return the recent number of finished keys per second."""
        full = len(self._recent) == _RECENT
        since = self._recent[0] if full else self.started
        if since is None or not self._recent:
            return 0.0
        return (len(self._recent) - full) / max(now - since, 1e-6)
