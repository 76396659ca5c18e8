"""Freshness rules: the maximum age of the newest row of a table."""

from __future__ import annotations

import datetime as dt
from typing import Any

from datajoint import logging
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.errors import DataJointError, UnknownAttributeError, nearest
from datajoint.journal.events.event import time_of
from datajoint.make.task import MakeOutcome
from datajoint.query.universal import U
from datajoint.reactions.actions import Delivery, Doing, Notice
from datajoint.reactions.once_only import Marks, Place, place_of

__all__ = ["Freshness"]

_STALE = "stale"


class Freshness:
    """Rule that sends a notice when a table has no row younger than a limit.

    One worker sends the notice, once, and another one when the table is fresh again. The table ``~sensors``
    of the schema stores what has been sent. Each notice records an event ``sensor``.

    Parameters
    ----------
    table
        A table, or a restricted one: ``Session & "rig = 1"``.
    within
        Maximum age of the newest row: a `datetime.timedelta`, or seconds.
    do
        A `Command`, `Webhook` or `Mail`, or a function of the `Notice`, whose ``what`` is ``stale``, later
        ``fresh``.
    by
        Attribute with the time of a row, a date or datetime in local time; the default is the time at which
        the row was written.
    every
        Seconds between two checks.
    name
        Name that identifies the rule after a restart; the default is the table.

    Examples
    --------
    >>> import datetime as dt
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Session(dj.Manual):
    ...     definition = "session : int32"
    >>> rule = dj.Freshness(Session, dt.timedelta(days=2), lambda notice: print(notice.text))
    >>> _ = rule.tick(0)
    Session has no row younger than 2 days, 0:00:00: it is empty
    """

    def __init__(
        self, table: Any, within: dt.timedelta | float, do: Doing, *, by: str | None = None,
        every: float = 60.0, name: str | None = None,
    ) -> None:  # fmt: skip
        self._within = within if isinstance(within, dt.timedelta) else dt.timedelta(seconds=within)
        if self._within <= dt.timedelta(0):
            raise DataJointError(f"within is a time above 0, not {within}.")
        self._table, self._by, self._every, self._name = table, by, every, name
        self.delivery = Delivery(do)
        self._marks: Marks | None = None
        self._place: Place | None = None

    def __repr__(self) -> str:
        return f"Freshness({self._name or getattr(self._table, '__name__', 'table')!r})"

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Do nothing: the rule polls the table."""

    def tick(self, now: float) -> float:
        """Check the table, and send a notice if its state has changed."""
        marks, newest = self._known(), self._newest()
        stale = newest is None or self._now() - newest > self._within
        told = _STALE in marks.all()
        if stale and not told and marks.add(_STALE):
            self._tell(marks, _STALE, newest)
        elif told and not stale:
            marks.forget(_STALE)
            self._tell(marks, "fresh", newest)
        return self._every

    def _known(self) -> Marks:
        if self._marks is None:
            self._place = place_of(self._table)
            table = self._place.table
            if table is None:
                raise DataJointError("A rule of freshness is about a table, not about a schema.")
            self._name = self._name or f"fresh {table.class_name}"
            self._marks = Marks(self._place, self._name)
        return self._marks

    def _now(self) -> dt.datetime:
        now = dt.datetime.now(dt.UTC if self._by is None else None)
        return now.replace(tzinfo=None)

    def _newest(self) -> dt.datetime | None:
        """Return the time of the newest row; None if the table is empty."""
        table = self._table() if isinstance(self._table, type) else self._table
        if self._by is None:
            newest = U().aggr(table._dated(), newest=f"max({WRITTEN})").fetch1("newest")
            return None if newest is None else time_of(int(newest))
        if self._by not in table.heading:
            raise UnknownAttributeError(
                f"`{table.class_name}` has no attribute `{self._by}`.", hint=nearest(self._by, table.heading)
            )
        newest = U().aggr(table, newest=f"max({self._by})").fetch1("newest")
        if newest is None or isinstance(newest, dt.datetime):
            return newest
        if isinstance(newest, dt.date):
            return dt.datetime.combine(newest, dt.time.max)  # the row may be from the end of that day
        raise DataJointError(f"`{self._by}` of `{table.class_name}` is neither a date nor a datetime.")

    def _tell(self, marks: Marks, what: str, newest: dt.datetime | None) -> None:
        place = self._place
        assert place is not None  # noqa: S101 - known by now
        assert place.table is not None  # noqa: S101
        since = "it is empty" if newest is None else f"the newest is of {newest:%Y-%m-%d %H:%M}"
        has = "has a" if what == "fresh" else "has no"
        text = f"{place.table.class_name} {has} row younger than {self._within}: {since}"
        marks.fired({"what": what})
        logging.logger.log(logging.JOBS, "%s", text)
        details = {"table": str(place.table), "newest": newest and str(newest)}
        self.delivery.send(Notice(what, self._name or "", place.schema, text, details))
