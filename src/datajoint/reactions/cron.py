"""Cron expressions: minute, hour, day of the month, month, day of the week."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from datajoint._value import Value
from datajoint.errors import DataJointError

__all__ = ["Cron", "parse_cron"]

_SHORT = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Sequence[tuple[str, int, int, Sequence[str]]] = (
    ("minute", 0, 59, ()), ("hour", 0, 23, ()), ("day", 1, 31, ()), ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)  # fmt: skip
_FARTHEST_DAYS = 8 * 366
"""29 February comes every four years, but once a century after eight."""


class Cron(Value):
    """Parsed cron expression.

    Attributes
    ----------
    either
        Whether a match of day or day of the week is enough: True if the text restricts both.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def before(self, now: dt.datetime) -> dt.datetime:
        """Return the last matching time that is not after `now`.

        Examples
        --------
        >>> parse_cron("30 3 * * *").before(dt.datetime(2026, 3, 1, 2, 0))
        datetime.datetime(2026, 2, 28, 3, 30)
        """
        times = [dt.time(h, m) for h in reversed(self.hours) for m in reversed(self.minutes)]
        for day in self._days(now.date(), -1):
            for time in times:
                found = dt.datetime.combine(day, time, now.tzinfo)
                if found <= now:
                    return found
        raise self._never()

    def after(self, now: dt.datetime) -> dt.datetime:
        """Return the first matching time after `now`.

        Examples
        --------
        >>> parse_cron("*/15 9-17 * * mon-fri").after(dt.datetime(2026, 2, 27, 17, 50))
        datetime.datetime(2026, 3, 2, 9, 0)
        """
        times = [dt.time(h, m) for h in self.hours for m in self.minutes]
        for day in self._days(now.date(), 1):
            for time in times:
                found = dt.datetime.combine(day, time, now.tzinfo)
                if found > now:
                    return found
        raise self._never()

    def _days(self, first: dt.date, step: int) -> Iterator[dt.date]:
        for n in range(_FARTHEST_DAYS):
            day = first + dt.timedelta(days=step * n)
            if self._meets(day):
                yield day

    def _meets(self, day: dt.date) -> bool:
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_month or by_week if self.either else by_month and by_week)

    def _never(self) -> DataJointError:
        return DataJointError(f"There is no day such as {self.text!r} means.")


def parse_cron(text: str) -> Cron:
    """Parse five fields of cron (``*``, numbers, names, ranges, lists, steps), or a named time.

    The named times are ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``.

    Raises
    ------
    DataJointError
        If a field is invalid, or no day matches.

    Examples
    --------
    >>> parse_cron("0 3 * * mon").hours
    (3,)
    """
    fields = _SHORT.get(text.strip().lower(), text).split()
    if len(fields) != len(_FIELDS):
        raise DataJointError(
            f"{text!r} has {len(fields)} fields instead of 5.",
            hint="Write minute, hour, day, month, day of the week: '0 3 * * mon'; or @hourly, @daily …",
        )
    read = [_read(text, field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)]
    weekdays = frozenset(day % 7 for day in read[4])
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    minutes, hours = (tuple(sorted(numbers)) for numbers in read[:2])
    found = Cron(text, minutes, hours, frozenset(read[2]), frozenset(read[3]), weekdays, either)
    found.after(dt.datetime(2000, 1, 1))  # noqa: DTZ001 - any start; raises if no day matches
    return found


def _read(text: str, field: str, what: str, low: int, high: int, names: Sequence[str]) -> set[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        spread, slash, step = part.partition("/")
        first, dash, last = spread.partition("-")
        try:
            every = int(step) if slash else 1
            start = low if first == "*" else _number(first, low, names)
            end = _number(last, low, names) if dash else high if first == "*" or slash else start
        except ValueError:
            raise _wrong(text, part, what, low, high) from None
        if every < 1 or not low <= start <= end <= high:
            raise _wrong(text, part, what, low, high)
        found |= set(range(start, end + 1, every))
    return found


def _number(text: str, low: int, names: Sequence[str]) -> int:
    return names.index(text) + low if text in names else int(text)


def _wrong(text: str, part: str, what: str, low: int, high: int) -> DataJointError:
    return DataJointError(f"{part!r} in {text!r} is no {what}: it goes from {low} to {high}.")
