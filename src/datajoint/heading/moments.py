"""What names a moment: datetimes, dates, texts, with a zone or without; as naive UTC (TYP-8, TYP-21)."""

from __future__ import annotations

import re
import reprlib
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

__all__ = ["cut", "dashed", "moment", "without_zone"]

_TEMPORAL = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T ](?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d+))?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
)
_DATE = re.compile(r"(\d{4})([/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?=\D|$|\d{6}$)")
_COMPACT_TIME = re.compile(r"-(\d{2})T?(\d{2})(\d{2})(\d{2})$")


def moment(value: Any) -> tuple[datetime, int]:
    """Return anything that names a time as (naive UTC, nanoseconds of its second).

    Raises
    ------
    ValueError
        When it names none.

    Examples
    --------
    >>> moment("2024/01/02 10:00:00.5+02:00")
    (datetime.datetime(2024, 1, 2, 8, 0), 500000000)
    """
    if isinstance(value, datetime):
        extra = int(getattr(value, "nanosecond", 0))
        to_python = getattr(value, "to_pydatetime", None)
        plain: datetime = to_python(warn=False) if to_python else value
        plain = _as_utc(plain)
        return plain, plain.microsecond * 1000 + extra
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day), 0  # noqa: DTZ001 - naive UTC by convention (TYP-21)
    if isinstance(value, str):
        return _read_moment(value)
    if type(value).__name__ == "datetime64" or (type(value) is int and len(str(value)) == len("20241231")):
        return _read_moment(str(value))
    raise ValueError(f"{reprlib.repr(value):.60} ({type(value).__name__}) is no date or time.")


def dashed(text: str) -> str:
    """Return a time in the usual spelling of dates, with dashes; other texts as they are.

    Examples
    --------
    >>> dashed("2024/1/2 10:00"), dashed("20240102"), dashed("20240102T103000")
    ('2024-1-2 10:00', '2024-01-02', '2024-01-02 10:30:00')
    """
    text = text.strip()
    if _DATE.match(text):
        return _DATE.sub(r"\1-\3-\4", text, count=1)
    if _COMPACT_DATE.match(text):
        return _COMPACT_TIME.sub(r"-\1 \2:\3:\4", _COMPACT_DATE.sub(r"\1-\2-\3", text, count=1))
    return text


def _read_moment(text: str) -> tuple[datetime, int]:
    match = _TEMPORAL.fullmatch(dashed(text))
    try:
        if match is None:
            raise ValueError  # noqa: TRY301
        year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
        hour, minute, second = (int(match[part] or 0) for part in "hms")
        found = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        raise ValueError(f"{text!r:.60} does not read as a time: write 2024-12-31 23:59:59.") from None
    zone = match["zone"]
    if zone and zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        found = _as_utc(found.replace(tzinfo=timezone(offset if zone[0] == "+" else -offset)))
    fraction = match["f"] or ""
    nanoseconds = int(fraction[:9].ljust(9, "0")) if fraction else 0
    return found, nanoseconds


def cut(found: datetime, nanoseconds: int, digits: int) -> datetime:
    """Return a time with as many digits of its fraction (`nanoseconds`, instead of its own) as are stored.

    Examples
    --------
    >>> cut(datetime(2024, 1, 2), 999_999_999, 3)
    datetime.datetime(2024, 1, 2, 0, 0, 0, 999000)
    """
    unit = 10 ** (9 - digits)
    return found.replace(microsecond=nanoseconds // unit * unit // 1000)


def _as_utc(found: datetime) -> datetime:
    if found.tzinfo is None:
        return found
    try:
        return found.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{found} lies outside the years 1 to 9999.") from None


def without_zone(value: Any) -> Any:
    """Return a time without its zone, as the clock there shows it; anything else as it is.

    Examples
    --------
    >>> without_zone("2024-01-02 10:00:00+02:00"), without_zone("Z")
    ('2024-01-02 10:00:00', 'Z')
    """
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.replace(tzinfo=None)
    return _cut_zone(value) if isinstance(value, str) else value


def _cut_zone(text: str) -> str:
    match = _TEMPORAL.fullmatch(dashed(text))
    return text if match is None or not match["zone"] else match.string[: match.start("zone")].rstrip()
