"""Tasks and their outcomes: what passes between populate and whatever computes."""

from __future__ import annotations

from typing import Any

from datajoint._value import Value
from datajoint.sql.jobs import Owner

__all__ = ["DONE", "FAILED", "SKIPPED", "MakeOutcome", "MakeTask"]

DONE, SKIPPED, FAILED = "done", "skipped", "failed"


class MakeTask(Value):
    """One key to be made; picklable.

    Attributes
    ----------
    owner
        Who holds the job of the key; None without a queue.
    """

    key: dict[str, Any]
    owner: Owner | None = None


class MakeOutcome(Value):
    """What became of a key: `DONE`, `SKIPPED` (somebody else made it) or `FAILED` with its error.

    Attributes
    ----------
    stack
        Traceback of the error, as text.
    """

    key: dict[str, Any]
    status: str
    error: BaseException | None = None
    seconds: float = 0.0
    stack: str = ""
