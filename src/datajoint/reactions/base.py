"""Protocol of reactions: periodic calls, and the outcomes of keys."""

from __future__ import annotations

from typing import Protocol

from datajoint.make.task import MakeOutcome

__all__ = ["Reaction"]


class Reaction(Protocol):
    """Sensor, schedule, freshness rule or hook; pass it to a worker as ``reactions=[…]``.

    Both methods run in the process of the worker, one at a time, and never during another statement on its
    connection. So they may query and insert through the tables of that connection. Keep them short: the
    worker starts no key during a call. The worker logs their exceptions and calls them again later.
    """

    def tick(self, now: float) -> float | None:
        """Do the due work; the worker calls this first at its start.

        The worker detects inserted rows immediately, like those of another process.

        Parameters
        ----------
        now
            Seconds since 1970, as of ``time.time()``.

        Returns
        -------
        float or None
            Seconds until the next call; None if only outcomes matter.
        """
        ...

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Handle the outcome of a key: success, failure or skip; ``outcome.table`` names its table."""
        ...
