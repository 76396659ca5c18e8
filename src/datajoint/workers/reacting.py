"""Reactions of a running worker, and the times of their next calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from datajoint import logging
from datajoint.make.task import MakeOutcome
from datajoint.make.user_code import raised_by
from datajoint.reactions.base import Reaction

__all__ = ["Reactions"]

_AFTER_FAILURE = 60.0
"""Seconds until the next call of a reaction that has failed."""


class Reactions:
    """Caller of the reactions: `tick` for those that are due, and `on_outcome` for all.

    Parameters
    ----------
    reactions
        Reactions in the order of their calls.

    Examples
    --------
    >>> Reactions([]).due
    inf
    """

    def __init__(self, reactions: Sequence[Reaction]) -> None:
        self._reactions = tuple(reactions)
        self._due = [0.0] * len(self._reactions)

    @property
    def due(self) -> float:
        """Time of the next due call, by ``time.monotonic()``."""
        return min(self._due, default=float("inf"))

    def tick(self) -> None:
        """Call the due reactions."""
        for n, reaction in enumerate(self._reactions):
            if self._due[n] <= time.monotonic():
                seconds = _guarded(reaction, lambda r=reaction: r.tick(time.time()), _AFTER_FAILURE)
                self._due[n] = float("inf") if seconds is None else time.monotonic() + max(0.0, seconds)

    def tell(self, outcome: MakeOutcome) -> None:
        """Report an outcome to all reactions."""
        for reaction in self._reactions:
            _guarded(reaction, lambda r=reaction: r.on_outcome(outcome), None)


def _guarded(reaction: Reaction, act: Callable[[], float | None], otherwise: float | None) -> float | None:
    answers: list[float | None] = []
    error = raised_by(lambda: answers.append(act()))
    if error is None:
        return answers[0]
    logging.logger.error("%r failed", reaction, exc_info=error)  # user code must not stop the worker
    return otherwise
