"""What a worker asks of those who react: to be looked at now and then, and to be told what was made."""

from __future__ import annotations

from typing import Protocol

from datajoint.make.task import MakeOutcome

__all__ = ["Reaction"]


class Reaction(Protocol):
    """A sensor, a schedule, a watch over freshness, a hook; given to a worker as ``reactions=[…]``.

    Both methods run in the process of the worker, never two at once and never beside a statement of its own
    on its connection, so they may query and insert by the tables of that connection. They should be short:
    no key is handed out meanwhile. What one raises is logged, and it is asked again next time.
    """

    def tick(self, now: float) -> float | None:
        """Do what is due; return the seconds until the next look, None if outcomes alone matter.

        The first look is at the start of the worker. What is inserted is noticed at once, as from anybody.

        Parameters
        ----------
        now
            Seconds since 1970, as of ``time.time()``.
        """
        ...

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Take note of a key that was made, has failed or was skipped; ``outcome.table`` names its table."""
        ...
