"""Limits of time: of statements, and of waiting for another session."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic, sleep

__all__ = ["is_timed", "milliseconds", "wait_until"]

_TIMED = re.compile(
    r"(?:[\s(]|/\*.*?\*/)*(?:select|with|insert|update|delete|replace|values)\b", re.IGNORECASE | re.DOTALL
)


def is_timed(text: str) -> bool:
    """Whether a time limit holds for a statement: it reads or writes rows, and ends no transaction.

    Examples
    --------
    >>> is_timed("(SELECT 1) UNION SELECT 2"), is_timed("COMMIT")
    (True, False)
    """
    return _TIMED.match(text) is not None


PATIENCE = 10.0
"""Seconds to wait for the end of another session."""


def wait_until(is_over: Callable[[], bool]) -> None:
    """Ask again and again, at growing distances and for some seconds, whether something is over.

    Examples
    --------
    >>> answers = [True, False]
    >>> wait_until(answers.pop)
    >>> answers
    []
    """
    end, pause = monotonic() + PATIENCE, 0.001
    while not is_over() and monotonic() < end:
        sleep(pause)
        pause = min(2 * pause, 0.1)


def milliseconds(seconds: float) -> int:
    """Return a time limit as servers take it.

    Examples
    --------
    >>> milliseconds(0.25), milliseconds(1e-9), milliseconds(1e300)
    (250, 1, 2000000000)
    """
    return max(1, int(min(seconds * 1000, 2_000_000_000)))
