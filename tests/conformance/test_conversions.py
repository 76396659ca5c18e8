"""What an insert converts: empty texts, whole floats, fractions, zones, times for dates; each is said once."""

# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention

import datetime as dt
import math
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from datajoint.errors import DataJointWarning, MissingAttributeError

NUMBERS = ("n : int32", "u : uint64", "x : float64", "y : float32", "b : bool", "d : decimal(6,2)")
EAST = dt.timezone(dt.timedelta(hours=2))


@pytest.fixture
def numbers(declare):
    lines = "\n".join(f"{line.replace(' :', '=null :')}" for line in NUMBERS)
    return declare("Numbers", f"id : int32\n---\n{lines}\nneeded=7 : int32\ncost : float64")


@pytest.mark.statement("TYP-24", "INS-1")
@pytest.mark.parametrize("name", [line[0] for line in NUMBERS])
def test_empty_text_for_a_number_is_null_with_one_notice(numbers, name):
    with pytest.warns(DataJointWarning, match=f"`Numbers.{name}`.*empty text is stored as NULL") as told:
        numbers.insert1({"id": 1, "cost": 1, name: ""})
    assert 1 == len(told)
    numbers.insert([{"id": 2, "cost": 1, name: " "}, {"id": 3, "cost": 1, name: "1"}])
    numbers.insert1({"id": 4, "cost": "2", name: ""})
    numbers.update1({"id": 3, name: ""})
    assert {None} == {row[name] for row in numbers.to_dicts()}
    with pytest.raises(MissingAttributeError, match="row 1: '' means missing, but `cost` is required"):
        numbers.insert([{"id": 5, "cost": 1}, {"id": 6, "cost": ""}])
    assert not numbers.validate([{"id": 5, "cost": ""}])
    assert numbers.validate([{"id": 5, "cost": 1, name: ""}])


@pytest.mark.statement("TYP-24", "INS-1", "INS-13")
def test_integers_that_became_floats_in_a_frame_are_integers(numbers):
    frame = pd.DataFrame(
        {"id": [1.0, 2.0], "n": [5, None], "u": [7, math.nan], "b": [1.0, None], "cost": [1, 2]}
    )
    assert frame["n"].dtype == np.float64
    numbers.insert(frame)
    assert [(5, 7, True), (None, None, None)] == [
        (row["n"], row["u"], row["b"]) for row in numbers.to_dicts(order_by="id")
    ]
    numbers.insert1({"id": 3, "n": math.nan, "cost": 1})
    numbers.insert1({"id": 4, "n": np.float32("nan"), "cost": 1})
    numbers.update1({"id": 1, "n": math.nan})
    assert {None} == {row["n"] for row in numbers.to_dicts()}
    with pytest.raises(MissingAttributeError, match="nan means missing, but `id` is required"):
        numbers.insert1({"id": math.nan, "cost": 1})


@pytest.fixture
def times(declare):
    return declare("Times", "id : int32\n---\nt=null : datetime\nf=null : datetime(3)\nd=null : date")


def stored(times, number=1):
    return (times & {"id": number}).fetch1()


@pytest.mark.statement("TYP-25", "TYP-8")
def test_fractions_are_cut_with_one_notice(times):
    last = dt.datetime(2024, 2, 29, 23, 59, 59, 999999)
    with pytest.warns(DataJointWarning, match=r"`Times.t` \(datetime\): it holds whole seconds") as told:
        times.insert1({"id": 1, "t": last})
    assert 1 == len(told)
    assert dt.datetime(2024, 2, 29, 23, 59, 59) == stored(times)["t"]
    with pytest.warns(DataJointWarning, match="it holds 3 digits of a second"):
        times.insert([{"id": 2, "t": "2024-02-29 23:59:59.9", "f": last}])
    assert dt.datetime(2024, 2, 29, 23, 59, 59) == stored(times, 2)["t"]
    assert dt.datetime(2024, 2, 29, 23, 59, 59, 999000) == stored(times, 2)["f"]
    times.insert(pd.DataFrame({"id": [3], "t": [pd.Timestamp("2024-02-29 23:59:59.999999999")]}))
    times.update1({"id": 1, "f": np.datetime64("2024-01-01T00:00:00.1239")})
    assert dt.datetime(2024, 1, 1, 0, 0, 0, 123000) == stored(times)["f"]
    assert {dt.datetime(2024, 2, 29, 23, 59, 59)} == set(times.to_arrays("t"))


@pytest.mark.statement("TYP-8", "TYP-21")
def test_a_time_with_a_zone_becomes_utc_with_one_notice(times, connect):
    given = dt.datetime(2024, 1, 1, 0, 30, tzinfo=EAST)
    utc, wall = dt.datetime(2023, 12, 31, 22, 30), dt.datetime(2024, 1, 1, 0, 30)
    times.insert1({"id": 1, "t": utc.replace(tzinfo=dt.UTC)})
    with pytest.warns(DataJointWarning, match=r"`Times.t`.*stored as UTC.*interop.zones = 'keep'") as told:
        times.insert1({"id": 2, "t": given})
    assert 1 == len(told)
    times.insert([{"id": 3, "t": "2024-01-01T00:30:00+02:00"}, {"id": 4, "t": pd.Timestamp(given)}])
    assert {utc} == set(times.to_arrays("t"))
    assert 4 == len(times & {"t": given}) == len(times & [{"t": given}, {"id": 9}])

    keeping = connect(interop__zones="keep").FreeTable(str(times.name))
    keeping.insert(
        [{"id": n, "t": value} for n, value in enumerate((given, str(given), pd.Timestamp(given)), 5)]
    )
    keeping.update1({"id": 1, "t": given})
    assert 4 == len(times & {"t": wall}) == len(keeping & {"t": given}) == len(keeping & {"t": [str(given)]})
    keeping.insert1({"id": 8, "d": given.replace(hour=0, minute=0)})
    assert dt.date(2024, 1, 1) == stored(times, 8)["d"]


@pytest.mark.statement("TYP-8")
def test_a_datetime_for_a_date_is_cut_with_a_notice(times):
    times.insert1({"id": 1, "d": dt.datetime(2024, 1, 2)})
    with pytest.warns(DataJointWarning, match=r"`Times.d` \(date\): it holds dates: the time of day is cut"):
        times.insert1({"id": 2, "d": dt.datetime(2024, 1, 2, 23, 59, 59, 999999)})
    times.insert1({"id": 3, "d": "2024-01-02 10:00"})
    times.insert(pd.DataFrame({"id": [4], "d": [pd.Timestamp("2024-01-02 10:00")]}))
    assert {dt.date(2024, 1, 2)} == set(times.to_arrays("d"))


@pytest.mark.statement("TYP-8", "QRY-11", "QRY-64")
@pytest.mark.parametrize("text", ["2024/01/02", "20240102", "2024/1/2", "2024.01.02", 20240102])
def test_other_spellings_of_dates_are_read(times, text):
    times.insert1({"id": 1, "d": text, "t": text})
    assert {"id": 1, "d": dt.date(2024, 1, 2), "t": dt.datetime(2024, 1, 2), "f": None} == stored(times)
    assert 1 == len(times & {"d": text}) == len(times & {"t": text})
    if isinstance(text, str):
        times.insert1({"id": 2, "t": f"{text} 10:20:30"})
        assert dt.datetime(2024, 1, 2, 10, 20, 30) == stored(times, 2)["t"]
        assert 1 == len(times & f"d = '{text}'") == len(times & f"t = '{text} 10:20:30'")


@pytest.mark.statement("TYP-6")
def test_numbers_for_a_text_are_its_digits(declare):
    table = declare("Texts", "id : int32\n---\nv : varchar(20)")
    given = [1.5, 5.0, True, False, np.float32(15.3), np.bool_(True), Decimal("1.50"), 12]
    table.insert({"id": n, "v": value} for n, value in enumerate(given))
    assert ["1.5", "5", "1", "0", "15.3", "1", "1.50", "12"] == list(table.to_arrays("v", order_by="id"))


@pytest.mark.statement("TYP-8", "TYP-24")
def test_nothing_is_said_of_ordinary_values(times, numbers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times.insert1(
            {"id": 1, "t": "2024-01-02 10:00:00", "f": "2024-01-02T10:00:00.125", "d": "2024-01-02"}
        )
        times.insert1({"id": 2, "t": dt.date(2024, 1, 2), "d": pd.NaT, "f": pd.NaT})
        numbers.insert1({"id": 1, "n": "5", "x": math.nan, "cost": "1.5"})


@pytest.mark.statement("TYP-24")
def test_a_required_number_that_is_missing_is_refused_with_advice(numbers):
    with pytest.raises(MissingAttributeError, match="declare `cost=null : float64`"):
        numbers.insert1({"id": 1, "cost": math.nan})
    with pytest.raises(MissingAttributeError, match="a key attribute always has a value"):
        numbers.insert1({"id": "", "cost": 1})
