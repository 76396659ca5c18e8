"""States of rows and the reasons for them, as text and as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datajoint._value import Value
from datajoint.heading.values import show

__all__ = ["FRESH", "PARTLY", "POSSIBLY", "STALE", "UNKNOWN", "StaleReason", "StaleRow", "worst"]

FRESH, POSSIBLY, STALE, UNKNOWN = "fresh", "possibly stale", "stale", "unknown"
PARTLY = "fresh, known in part"
_ORDER = (FRESH, PARTLY, UNKNOWN, POSSIBLY, STALE)


class StaleReason(Value):
    """Why a row is not fresh.

    Attributes
    ----------
    state
        ``stale``, ``possibly stale``, ``unknown`` or ``fresh, known in part``.
    kind
        ``input`` (what its make read has changed), ``code``, ``upstream`` (a row that it depends on is
        stale), ``origin`` (nothing is known of its make), ``unchecked``, ``unreadable``.
    table
        Name of the table that it is about.
    old, new
        What was, and what is: value of the attribute, else number of rows; digest of the code.
    event
        The latest event among what has changed.
    note
        What else there is to say.
    row, attribute
        A row that was read, by its key, and an attribute of it whose value is another one now, where that is
        known from history.
    """

    state: str
    kind: str
    table: str = ""
    old: Any = None
    new: Any = None
    event: int | None = None
    note: str = ""
    row: Mapping[str, Any] | None = None
    attribute: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "input" if self.attribute:
                said = _said(self)
            case "input" if self.old != self.new:
                read = "row of `{}` was" if self.old == 1 else "rows of `{}` were"
                now = "is" if self.new == 1 else "are"
                said = f"{self.old} {read.format(self.table)} read, now there {now} {self.new}"
            case "input":
                said = f"what was read of `{self.table}` was written again" + (
                    f" by event {self.event}" if self.event else ""
                )
            case "code" if self.state == PARTLY:
                said = f"not all of its code is known: {self.note}"
            case "code" if self.state == POSSIBLY:
                what = f": {self.note}" if self.note else ""
                said = f"a value that its code reads differs in this process{what}"
            case "code":
                said = f"the code has changed{f': {self.note}' if self.note else ''}"
            case "upstream":
                said = f"because of `{self.table}`, which is {self.old}"
            case _:
                said = self.note
        return said if self.kind != "input" or not self.note else f"{said}; {self.note}"


def _said(reason: StaleReason) -> str:
    changed = f"`{reason.table}` {dict(reason.row or {})}: `{reason.attribute}`"
    what = "" if reason.old is reason.new else f" {show(reason.old)} → {show(reason.new)}"
    return f"{changed}{what or ' has changed'}, by event {reason.event}"


class StaleRow(Value):
    """A row that is not fresh.

    Attributes
    ----------
    key
        Its primary key.
    state
        The worst state of its reasons.
    reasons
        All of them.
    """

    key: Mapping[str, Any]
    state: str
    reasons: tuple[StaleReason, ...]

    def __str__(self) -> str:
        return f"{dict(self.key)}: {self.state}: {'; '.join(map(str, self.reasons))}"


def worst(reasons: tuple[StaleReason, ...]) -> str:
    """Return the worst state: stale before possibly stale before unknown before known in part.

    Examples
    --------
    >>> worst((StaleReason(UNKNOWN, "origin"), StaleReason(STALE, "code")))
    'stale'
    """
    return max((reason.state for reason in reasons), key=_ORDER.index, default=FRESH)
