"""Times as cron writes them."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest

from datajoint.errors import DataJointError
from datajoint.reactions.cron import parse_cron

NOW = dt.datetime(2026, 2, 27, 17, 50, tzinfo=dt.UTC)  # a Friday


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("* * * * *", "2026-02-27 17:50", "2026-02-27 17:51"),
        ("0 3 * * *", "2026-02-27 03:00", "2026-02-28 03:00"),
        ("*/20 * * * *", "2026-02-27 17:40", "2026-02-27 18:00"),
        ("5/20 * * * *", "2026-02-27 17:45", "2026-02-27 18:05"),
        ("10-20/5 9-17 * * *", "2026-02-27 17:20", "2026-02-28 09:10"),
        ("0 0 1 * *", "2026-02-01 00:00", "2026-03-01 00:00"),
        ("0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00"),
        ("0 0 29 2 *", "2024-02-29 00:00", "2028-02-29 00:00"),
        ("0 12 * * mon-fri", "2026-02-27 12:00", "2026-03-02 12:00"),
        ("0 12 * * 0", "2026-02-22 12:00", "2026-03-01 12:00"),
        ("0 12 * * 7", "2026-02-22 12:00", "2026-03-01 12:00"),
        ("0 12 * jun,dec *", "2025-12-31 12:00", "2026-06-01 12:00"),
        ("0 0 13 * fri", "2026-02-27 00:00", "2026-03-06 00:00"),  # one of both is enough
        ("0 0 */2 * fri", "2026-02-27 00:00", "2026-03-13 00:00"),  # both, as in Vixie cron
        ("@daily", "2026-02-27 00:00", "2026-02-28 00:00"),
        ("@hourly", "2026-02-27 17:00", "2026-02-27 18:00"),
        ("@yearly", "2026-01-01 00:00", "2027-01-01 00:00"),
    ],
)
def test_times(text, before, after):
    cron = parse_cron(text)
    assert (before, after) == tuple(f"{time:%Y-%m-%d %H:%M}" for time in (cron.before(NOW), cron.after(NOW)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 3 * *", "4 fields instead of 5"),
        ("", "0 fields instead of 5"),
        ("60 * * * *", "'60' in '60 * * * *' is no minute: it goes from 0 to 59"),
        ("0 24 * * *", "no hour"),
        ("0 0 0 * *", "no day"),
        ("0 0 * foo *", "no month"),
        ("0 0 * * 8", "no day of the week"),
        ("5-1 * * * *", "no minute"),
        ("*/0 * * * *", "no minute"),
        ("1,,2 * * * *", "no minute"),
        ("0 0 30 2 *", "There is no day"),
    ],
)
def test_what_cannot_be_read(text, said):
    with pytest.raises(DataJointError, match=re.escape(said)):
        parse_cron(text)


def test_a_time_that_the_clock_skips_is_reached_all_the_same():
    paris = ZoneInfo("Europe/Paris")  # on 29 March 2026 the clock goes from 2:00 to 3:00
    night = parse_cron("30 2 * * *")
    before = dt.datetime(2026, 3, 29, 1, 0, tzinfo=paris)
    due = night.after(before)
    assert before.timestamp() < due.timestamp() <= dt.datetime(2026, 3, 29, 3, 30, tzinfo=paris).timestamp()
