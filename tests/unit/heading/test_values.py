"""What users may give for each type, and what it becomes."""

# ruff: noqa: DTZ001 - naive UTC by convention

import math
import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from datajoint.heading.types import INTEGER_RANGES, parse_type
from datajoint.heading.values import ColumnError, check_column, json_text, normaliser, operand

ID = UUID("12345678-1234-5678-1234-567812345678")
MOMENT = datetime(2024, 2, 29, 23, 59, 58)


def make(type_, value):
    return normaliser(parse_type(type_))(value)


ACCEPTED = [
    ("int8", 5, 5), ("int8", True, 1), ("int8", np.int64(-128), -128), ("int8", "7", 7), ("int8", 3.0, 3),
    ("int8", Decimal("4.0"), 4), ("int64", "9223372036854775807", 2**63 - 1), ("int8", np.array(3), 3),
    ("uint64", 2**64 - 1, 2**64 - 1), ("int8", pd.NA, None), ("int8", math.nan, None), ("int8", np.float64("nan"), None), ("int8", " ", None),
    ("float64", "", None), ("decimal(5,2)", "", None), ("bool", "", None), ("year", "", None),
    ("float64", 1, 1.0), ("float64", "1e-3", 0.001), ("float64", np.float32(0.5), 0.5), ("float64",
    math.nan, None),
    ("float64", math.inf, math.inf), ("float64", Decimal("0.1"), 0.1), ("float64", np.float64("nan"), None),
    ("float32", struct.unpack("f", struct.pack("f", 0.1))[0], 0.1), ("float32", math.nan, None),
    ("bool", True, True), ("bool", 0, False), ("bool", np.bool_(True), True), ("bool", "false", False),
    ("bool", 1.0, True),
    ("decimal(5,2)", 1, Decimal("1.00")), ("decimal(5,2)", "1.005", Decimal("1.01")),
    ("decimal(5,2)", 0.1, Decimal("0.10")), ("decimal(5,2)", -0.001, Decimal("0.00")),
    ("decimal(5,2)", math.nan, None), ("decimal(5,2)", np.int8(-3), Decimal("-3.00")),
    ("decimal(65,30)", "9" * 35 + "." + "9" * 30, Decimal("9" * 35 + "." + "9" * 30)),
    ("char(3)", "ab ", "ab"), ("varchar(3)", "ab ", "ab "), ("varchar(3)", np.str_("ü日"), "ü日"),
    ("varchar(9)", 12, "12"), ("varchar(9)", 1.5, "1.5"), ("varchar(9)", 5.0, "5"), ("varchar(9)", True, "1"),
    ("varchar(9)", np.float32(15.3), "15.3"), ("varchar(9)", np.bool_(False), "0"), ("varchar(9)", 1e20, "1e20"),
    ("varchar(9)", Decimal("1.50"), "1.50"), ("varchar(40)", ID, str(ID)), ("varchar(9)", math.nan, None),
    ("enum('a','b c')", "b c", "b c"),
    ("date", date(2024, 2, 29), date(2024, 2, 29)), ("date", "2024-02-29", date(2024, 2, 29)),
    ("date", datetime(2024, 2, 29), date(2024, 2, 29)), ("date", np.datetime64("2024-02-29"), date(2024, 2,
    29)),
    ("date", pd.NaT, None), ("date", MOMENT, date(2024, 2, 29)), ("date", "2024/2/29", date(2024, 2, 29)),
    ("date", "20240229", date(2024, 2, 29)), ("date", 20240229, date(2024, 2, 29)),
    ("datetime", "20240229 23:59:58", MOMENT), ("datetime", "20240229T235958", MOMENT),
    ("datetime", "2024.02.29 23:59:58", MOMENT), ("date", "2024-02-29T00:00", date(2024, 2, 29)),
    ("datetime", MOMENT, MOMENT), ("datetime", "2024-02-29T23:59:58.5", MOMENT),
    ("datetime", "2024-02-29 23:59:58", MOMENT), ("datetime", "2024-02-29 23:59:57.4999999999",
    MOMENT - timedelta(0, 1)),
    ("datetime", date(2024, 2, 29), datetime(2024, 2, 29)),
    ("datetime(3)", MOMENT.replace(microsecond=1500), MOMENT.replace(microsecond=1000)),
    ("datetime(6)", pd.Timestamp("2024-02-29 23:59:58.000001500"), MOMENT.replace(microsecond=1)),
    ("datetime(6)", np.datetime64("2024-02-29T23:59:58.000000499"), MOMENT),
    ("datetime", MOMENT.replace(tzinfo=timezone(timedelta(hours=1))), MOMENT - timedelta(hours=1)),
    ("datetime", "2024-02-29T23:59:58Z", MOMENT), ("datetime", "2024-02-29T23:59:58-01:30", datetime(2024,
    3, 1, 1, 29, 58)),
    ("datetime", pd.Timestamp(MOMENT, tz=UTC), MOMENT), ("datetime", np.datetime64("NaT"), None),
    ("datetime", datetime(2024, 12, 31, 23, 59, 59, 500000), datetime(2024, 12, 31, 23, 59, 59)),
    ("time", time(1, 2, 3), timedelta(hours=1, minutes=2, seconds=3)), ("time", "-10:00",
    -timedelta(hours=10)),
    ("time(3)", "00:00:00.0015", timedelta(milliseconds=2)),
    ("uuid", ID, ID), ("uuid", str(ID), ID), ("uuid", ID.bytes, ID), ("uuid", "{" + str(ID) + "}", ID),
    ("json", {"a": [1, None]}, {"a": [1, None]}), ("json", {"a": np.int8(1)}, {"a": 1}), ("json", math.nan,
    None),
    ("bytes", b"x", b"x"), ("bytes", bytearray(b"x"), b"x"), ("bytes", memoryview(b"x"), b"x"),
    ("year", 2024, 2024),
]  # fmt: skip

REFUSED = [
    ("int8", 128, "outside the range of int8: -128 to 127"), ("uint8", -1, "outside the range"),
    ("int8", 1.5, "whole number"), ("int8", "x", "does not read as"),
    ("int8", [1], "list"), ("int8", b"1", "bytes"), ("int8", math.inf,
    "whole"),
    ("float64", "x", "does not read"), ("float64", "1e999", "too large"), ("float64", 10**400, "too large"),
    ("float32", 1e39, "outside the range of float32"), ("float64", [1.0], "list"),
    ("bool", 2, "is no bool"), ("bool", "yes", "is no bool"),
    ("decimal(5,2)", "1000", "does not fit into decimal(5,2)"), ("decimal(5,2)", "999.995", "does not fit"),
    ("decimal(5,2)", math.inf, "does not fit"), ("decimal(5,2)", "1e1000000", "does not fit"),
    ("varchar(2)", "abc", "3 characters; at most 2"), ("varchar(9)", "a\0", "NUL"), ("varchar(9)", "\ud800",
    "Unicode"),
    ("varchar(9)", b"a", "bytes"),
    ("enum('a','b')", "c", "is none of 'a', 'b'"), ("enum('a','b')", "A", "is none of"),
    ("date", "2024/02-03", "does not read as a date"), ("date", "2024-02-30", "does not read as a date: write"), ("date", 5,
    "no date"),
    ("datetime", "yesterday", "does not read as a time"), ("datetime", "2024-01-01 25:00:00",
    "does not read"),
    ("datetime", 1.5, "no date or time"), ("datetime", "9999-12-31 23:59:59-01:00",
    "outside the years"),
    ("uuid", "123", "is no UUID"), ("uuid", 5, "is no UUID"),
    ("json", {1, 2}, "cannot be written as JSON"), ("json", [math.nan], "cannot be written as JSON"),
    ("json", {"a": "\0"}, "NUL"),
    ("bytes", "text", "declare the attribute as `<blob>`"), ("bytes", np.zeros(3), "<blob>"),
    ("time", "25", "does not read"), ("varbinary(2)", b"abc", "3 bytes; at most 2"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value", "expected"), ACCEPTED)
def test_accepted(type_, value, expected):
    actual = make(type_, value)
    assert expected == actual
    if type_ != "json":
        assert type(expected) is type(actual)


@pytest.mark.parametrize(("type_", "value", "reason"), REFUSED)
def test_refused(type_, value, reason):
    with pytest.raises(ValueError, match=None) as caught:
        make(type_, value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(("type_", "value", "expected"), ACCEPTED)
def test_a_column_is_checked_as_its_values_are(type_, value, expected):
    assert [expected, None, expected] == list(check_column(parse_type(type_), [value, None, value]))
    assert [expected] == list(check_column(parse_type(type_), [value]))


@pytest.mark.parametrize(("type_", "value", "reason"), REFUSED)
def test_a_refused_value_is_found_in_its_column(type_, value, reason):
    with pytest.raises(ColumnError) as caught:
        check_column(parse_type(type_), [None, value, value])
    assert 1 == caught.value.index
    assert value is caught.value.value
    assert reason in caught.value.reason


PLAIN = {
    "int8": [-128, 127], "uint64": [2**64 - 1], "float64": [0.5, math.inf], "bool": [True, False],
    "char(3)": ["abc", ""],
    "varchar(3)": ["日本語", " a "], "enum('a','b')": ["a", "b"], "date": [date(1, 1, 1)],
    "datetime": [MOMENT],
    "datetime(6)": [MOMENT.replace(microsecond=1)], "uuid": [ID], "bytes": [b""], "longtext": ["x\u00a0"],
}  # fmt: skip


@pytest.mark.parametrize("type_", PLAIN)
def test_a_plain_column_is_not_touched(type_):
    for values in (PLAIN[type_], [*PLAIN[type_], None]):
        assert values is check_column(parse_type(type_), values)


def test_codecs_take_anything():
    assert normaliser(parse_type("<blob>")) is None
    values = [object()]
    assert values is check_column(parse_type("<blob>"), values)


def test_infinities_of_both_signs_are_no_nan():
    values = [math.inf, -math.inf, 1.0]
    assert values == list(check_column(parse_type("float64"), values))
    assert values == list(check_column(parse_type("float32"), values))


@pytest.mark.parametrize("kind", sorted(INTEGER_RANGES))
def test_every_integer_range_is_kept(kind):
    low, high = INTEGER_RANGES[kind]
    assert [low, high] == [make(kind, low), make(kind, high)]
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError):
            make(kind, value)


OPERANDS = [
    ("int8", 1000, 1000), ("int8", 1.5, 1.5), ("int8", "12", 12), ("int8", "1.5", Decimal("1.5")),
    ("decimal(5,2)", "1.23456", Decimal("1.23456")), ("decimal(5,2)", 1e9, 1e9), ("float32", 0.1,
    0.1),
    ("varchar(2)", "abcdef", "abcdef"), ("char(2)", "a ", "a"), ("datetime", "2024-02-29T23:59:58.25",
                                                                 MOMENT.replace(microsecond=250000)),
    ("date", "2024-02-29 12:00", datetime(2024, 2, 29, 12)), ("date", "2024-02-29", date(2024, 2, 29)),
    ("bool", "true", True), ("uuid", str(ID), ID), ("int8", math.nan, None), ("year", 1800, 1800),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "value", "expected"), OPERANDS)
def test_operands_keep_what_an_insert_would_round(type_, value, expected):
    actual = operand(parse_type(type_))(value)
    assert (type(expected), expected) == (type(actual), actual)


@pytest.mark.parametrize(
    ("type_", "value"), [("varchar(5)", 5), ("int8", "x"), ("enum('a','b')", "c"), ("uuid", "x")]
)
def test_operands_of_another_kind_are_refused(type_, value):
    with pytest.raises(ValueError):
        operand(parse_type(type_))(value)


def test_json_is_compact_and_keeps_unicode():
    assert '{"ü":[1,2.5,"\\\\u0000"]}' == json_text({"ü": [1, 2.5, "\\u0000"]})
