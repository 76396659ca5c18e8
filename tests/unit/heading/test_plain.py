"""What is taken at a glance is what a closer look would take, too."""

import datetime as dt
import math
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from datajoint.heading.plain import plain_test
from datajoint.heading.types import parse_type
from datajoint.heading.values import ColumnError, check_column

TYPES = [
    "int8", "uint16", "int64", "uint64", "float32", "float64", "bool", "decimal(4,1)", "char(4)", "varchar(4)",
    "text", "enum('a','b')", "date", "datetime", "datetime(3)", "timestamp", "time", "uuid", "json", "bytes",
]  # fmt: skip
MOMENT = dt.datetime(2024, 2, 29, 1, 2, 3)  # noqa: DTZ001 - naive, as stored
VALUES = [
    None, True, False, 0, 1, -1, 127, 128, 65535, 1 << 63, 0.0, -0.0, 1.5, 1e300, math.inf, math.nan,
    Decimal("1.25"), "", "a", "ab ", "abcde", "a\0", "ä", "\ud800", "2024-01-01", b"", b"abc", MOMENT.date(), MOMENT,
    MOMENT.replace(microsecond=1000), MOMENT.replace(microsecond=1), MOMENT.replace(tzinfo=dt.UTC), UUID(int=7),
    np.int8(1), np.float64(1.5), np.str_("a"), [], {},
]  # fmt: skip


@pytest.mark.parametrize("text", TYPES)
def test_a_glance_agrees_with_a_closer_look(text):
    dtype = parse_type(text)
    test = plain_test(dtype)
    if test is None:
        return
    for value in filter(test, VALUES):
        column = [value]
        assert value is not None
        assert check_column(dtype, column) is column


@pytest.mark.parametrize(
    ("text", "value"),
    [("int8", 127), ("float64", 1.5), ("varchar(4)", "abcd"), ("text", "a b"), ("date", MOMENT.date()),
     ("datetime", MOMENT), ("bool", True), ("uuid", UUID(int=7)), ("enum('a','b')", "a"), ("bytes", b"abc")],
)  # fmt: skip
def test_common_values_need_no_closer_look(text, value):
    assert plain_test(parse_type(text))(value)


def test_what_not_every_database_holds_is_looked_at():
    assert not plain_test(parse_type("float64"))(math.inf)
    assert plain_test(parse_type("timestamp")) is None


@pytest.mark.parametrize("value", [1 << 63, "x", 1.5])
def test_what_is_refused_is_not_taken_at_a_glance(value):
    dtype = parse_type("int64")
    assert not plain_test(dtype)(value)
    with pytest.raises(ColumnError):
        check_column(dtype, [value])
