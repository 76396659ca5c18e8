"""Hooks: actions for computed keys, failures, and stale rows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from datajoint import logging
from datajoint.errors import DataJointError
from datajoint.heading.values import key_text
from datajoint.make.task import DONE, FAILED, MakeOutcome
from datajoint.reactions.actions import Delivery, Doing, Notice
from datajoint.reactions.once_only import Marks, Place, place_of
from datajoint.reactions.stale_watch import StaleWatch

__all__ = ["Hook"]

_WHEN = {DONE: "success", FAILED: "failure"}
_STALE = "stale"
_LONGEST_LOG = 2000


class Hook:
    """Action for computed keys, for failures, or for stale rows.

    A failure of the action never stops the worker. Each notice records an event ``sensor``.

    Parameters
    ----------
    where
        Schema or table to observe.
    do
        A `Command`, `Webhook` or `Mail`, which run in a thread, or a function of the `Notice`, which runs
        immediately and should be short.
    on
        ``failure``, ``success``, ``stale``, or a list of these. ``stale`` reports a table with stale rows, or
        with more than before. The table ``~sensors`` of the schema stores their number, so that one worker
        reports them once.
    again
        Seconds for which the hook does not repeat the same kind of failure of the same table.
    every
        Shortest time between two searches for stale rows, in seconds. Searches take at most a twentieth of
        the time.
    name
        Name in logs and events, which also identifies the stored numbers of stale rows: two hooks of one
        schema on ``stale`` need two names.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> hook = dj.Hook(schema, lambda notice: print(notice.text), on="success")
    >>> dj.Worker(schema, reactions=[hook]).run(until_done=True)
    Fit made: subject_id=1
    1
    """

    def __init__(
        self, where: Any, do: Doing, *, on: str | Iterable[str] = "failure", again: float = 0.0,
        every: float = 60.0, name: str = "hook",
    ) -> None:  # fmt: skip
        self._on = {on} if isinstance(on, str) else set(on)
        if unknown := self._on - {*_WHEN.values(), _STALE}:
            raise DataJointError(
                f"A hook knows no {min(unknown)!r}.", hint="on='failure', 'success', 'stale', or a list."
            )
        if every <= 0:
            raise DataJointError(f"every is a number of seconds above 0, not {every}.")
        self._every = every
        self._watch: StaleWatch | None = None
        self._where, self._again, self._name = where, again, name
        self.delivery = Delivery(do)
        self._place: Place | None = None
        self._marks: Marks | None = None
        self._told: dict[tuple[Any, ...], float] = {}

    def __repr__(self) -> str:
        return f"Hook({self._name!r})"

    def tick(self, now: float) -> float | None:
        """Search for stale rows if the hook is on ``stale``."""
        if _STALE not in self._on:
            return None
        place = self._place = self._place or place_of(self._where)
        if self._watch is None:
            self._watch = StaleWatch(place, self._known(), self._every)
        for found in self._watch.look():
            details = {"table": str(found.table), "rows": found.rows, "before": found.before}
            self._known().fired({"what": _STALE, **details})
            logging.logger.log(logging.JOBS, "%r: %s", self, found)
            told = {**details, "examples": "\n".join(found.examples)}
            self.delivery.send(Notice(_STALE, self._name, place.schema, str(found), told))
        return self._watch.pause

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Send a notice for an outcome that the hook is on."""
        what = _WHEN.get(outcome.status)
        if what not in self._on or not self._is_mine(outcome) or self._was_told(outcome):
            return
        place, table = self._place, outcome.table
        assert place is not None  # noqa: S101 - known by now
        assert table is not None  # noqa: S101
        details = _details(outcome)
        self._known().fired({"what": what, "table": str(table)})
        key = key_text(outcome.key)
        text = (
            f"{table.class_name} made: {key}" if what == "success" else f"{table.class_name} failed: {key}: "
        )
        text += str(details.get("error", ""))
        logging.logger.log(logging.JOBS, "%r: %s", self, text)
        self.delivery.send(Notice(str(what), self._name, place.schema, text, details))

    def _known(self) -> Marks:
        if self._marks is None:
            assert self._place is not None  # noqa: S101 - known by now
            self._marks = Marks(self._place, self._name)
        return self._marks

    def _is_mine(self, outcome: MakeOutcome) -> bool:
        place = self._place = self._place or place_of(self._where)
        table = outcome.table
        return table is not None and table.schema == place.schema and place.table in (None, table)

    def _was_told(self, outcome: MakeOutcome) -> bool:
        """Whether the hook has reported the same failure within `again` seconds."""
        if not self._again or outcome.status != FAILED:
            return False
        kind = (outcome.table, outcome.signature or type(outcome.error).__name__)
        last, now = self._told.get(kind), time.monotonic()
        if last is not None and now - last < self._again:
            return True
        self._told[kind] = now
        return False


def _details(outcome: MakeOutcome) -> dict[str, Any]:
    found: dict[str, Any] = {
        "table": str(outcome.table), "key": dict(outcome.key), "seconds": round(outcome.seconds, 3),
    }  # fmt: skip
    error = outcome.error
    if outcome.status == FAILED and error is not None:
        found |= {"error": f"{type(error).__name__}: {error}", "traceback": outcome.stack,
                  "log": outcome.log[-_LONGEST_LOG:]}  # fmt: skip
    return found
