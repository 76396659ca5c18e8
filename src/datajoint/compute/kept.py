"""Report of the stored results after Ctrl-C."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from datajoint.engine.blocks import Block
from datajoint.logging import logger

__all__ = ["ReportsKept", "kept"]


class _Counts(Protocol):
    success: int


class ReportsKept(Block):
    """Block that logs the number of stored keys when Ctrl-C or SIGTERM ends it.

    Parameters
    ----------
    counts
        Numbers of keys computed, by table.
    is_queued
        Whether the keys come from job queues.
    is_single
        Whether one key is computed at a time.

    Examples
    --------
    >>> with ReportsKept([], True):
    ...     pass
    """

    def __init__(self, counts: Collection[_Counts], is_queued: bool, is_single: bool = True) -> None:
        self._counts, self._is_queued, self._is_single = counts, is_queued, is_single

    def leave(self, error: BaseException | None) -> None:
        """Log the report after an interruption."""
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            count = sum(counts.success for counts in self._counts)
            logger.warning("%s", kept(count, self._is_queued, self._is_single))


def kept(count: int, is_queued: bool, is_single: bool = True) -> str:
    """Return the text of the report.

    Examples
    --------
    >>> kept(12, True)
    '12 keys were computed and kept; the one that was interrupted is pending again.'
    >>> kept(0, False, False)
    'No key was computed; those that were interrupted stored nothing and are still to be computed.'
    """
    done = {0: "No key was computed", 1: "1 key was computed and kept"}
    start = done.get(count, f"{count} keys were computed and kept")
    which, verb = ("the one that was", "is") if is_single else ("those that were", "are")
    again = f"{verb} pending again" if is_queued else f"stored nothing and {verb} still to be computed"
    return f"{start}; {which} interrupted {again}."
