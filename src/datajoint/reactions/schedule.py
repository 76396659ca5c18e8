"""Schedules: actions at an interval, or at the times of a cron expression."""

from __future__ import annotations

import datetime as dt
from typing import Any

from datajoint import logging
from datajoint.errors import DataJointError
from datajoint.make.task import MakeOutcome
from datajoint.reactions.actions import Delivery, Doing, Notice
from datajoint.reactions.cron import parse_cron
from datajoint.reactions.once_only import Marks, Place, place_of

__all__ = ["Schedule"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOST_SECONDS = 3600.0
"""Longest time between two checks, because the clock may be set."""


class Schedule:
    """Action at an interval or at the times of a cron expression, in one of the workers.

    The table ``~sensors`` of the schema stores the last time. After a restart the schedule continues from
    there, and runs once for all times that it missed. Each run records an event ``sensor``.

    Parameters
    ----------
    where
        Schema, or a table of it.
    do
        A function of the `Notice`, which may use the tables, or a `Command`, `Webhook` or `Mail`.
    every
        Interval in seconds; the first run is at the start of the worker.
    cron
        Minute, hour, day, month, day of the week: ``"0 3 * * mon"``; or ``@hourly``, ``@daily`` and so on.
    zone
        Time zone of `cron`, such as ``Europe/Paris``; the default is that of the machine of the worker.
    name
        Name that identifies the schedule after a restart; the default is the function and the times.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> schedule = dj.Schedule(schema, lambda notice: print("good morning"), every=3600, name="greeting")
    >>> _ = schedule.tick(1_800_000_000.0)
    good morning
    >>> schedule.tick(1_800_000_010.0)
    3590.0
    """

    def __init__(
        self, where: Any, do: Doing, *, every: float | None = None, cron: str | None = None,
        zone: str | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        if (every is None) == (cron is None):
            raise DataJointError("A schedule needs either every= or cron=.")
        if every is not None and every < 1:
            raise DataJointError(f"every is a number of seconds from 1 on, not {every}.")
        self._where, self._every = where, every
        self._cron = parse_cron(cron) if cron is not None else None
        self._zone = _zone_of(zone)
        self._name = name or f"{getattr(do, '__name__', type(do).__name__)} {cron or f'every {every:g}'}"[:64]
        self.delivery = Delivery(do)
        self._marks: Marks | None = None
        self._place: Place | None = None
        self._last: str | None = None

    def __repr__(self) -> str:
        return f"Schedule({self._name!r})"

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Do nothing: only the time matters."""

    def tick(self, now: float) -> float:
        """Run the action if it is due; return the seconds until the next check."""
        marks, due = self._known(now), self._due(now)
        label = _label(due)
        if self._last is None or label > self._last:
            if self._last is None and self._cron is not None:
                marks.add(label, "start")  # the schedule starts now, without earlier times
            elif marks.add(label):  # otherwise another worker runs it
                self._fire(marks, due, label)
            marks.keep_only(label)
            self._last = label
        return min(_MOST_SECONDS, self._next(now) - now)

    def _known(self, now: float) -> Marks:
        if self._marks is None:
            self._place = place_of(self._where)
            self._marks = Marks(self._place, self._name)
            self._last = max(self._marks.all(), default=None)
        return self._marks

    def _fire(self, marks: Marks, due: dt.datetime, label: str) -> None:
        schema = self._place.schema if self._place else ""
        marks.fired({"what": "schedule", "due": label})
        logging.logger.log(logging.JOBS, "%r: due at %s", self, label)
        text = f"{self._name}: due at {due:%Y-%m-%d %H:%M}"
        self.delivery.send(Notice("schedule", self._name, schema, text, {"due": label}))

    def _due(self, now: float) -> dt.datetime:
        """Return the last due time."""
        if self._cron is None:
            every = self._every or 1.0
            return _EPOCH + dt.timedelta(seconds=now // every * every)
        return self._cron.before(self._local(now))

    def _next(self, now: float) -> float:
        if self._cron is None:
            every = self._every or 1.0
            return (now // every + 1) * every
        return max(now, self._cron.after(self._local(now)).timestamp())

    def _local(self, now: float) -> dt.datetime:
        """Return the time in the zone, or the naive local time if no zone is set."""
        return dt.datetime.fromtimestamp(now, self._zone)


def _label(due: dt.datetime) -> str:
    """Return a time as text whose alphabetical order is the order of times."""
    return due.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _zone_of(name: str | None) -> dt.tzinfo | None:
    if name is None:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise DataJointError(f"There is no time zone {name!r}.", hint="For example Europe/Paris.") from None
