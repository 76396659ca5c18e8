"""Values on their way to SQLite and back, also those that are only compared."""

# ruff: noqa: DTZ001 - naive UTC by convention

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from datajoint.backends.sqlite import types
from datajoint.heading.types import parse_type

AT = datetime(2024, 1, 1)


def encode(text, value):
    encoder = types.encoder(parse_type(text))
    return encoder(value) if encoder else value


def compare(text, value):
    encoder = types.operand_encoder(parse_type(text))
    return encoder(value) if encoder else value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("decimal(6,2)", [Decimal("-9999.99"), Decimal("-0.01"), Decimal("0.00"), Decimal("0.10"),
        Decimal("12.00")]),
        ("decimal(30,3)", [Decimal("-" + "9" * 27 + ".999"), Decimal("-2.000"), Decimal("-1.999"),
        Decimal("0.000"),
                           Decimal("0.001"), Decimal("10.000"), Decimal("9" * 27 + ".999")]),
        ("uint64", [0, 1, 255, 256, 2**63, 2**64 - 1]),
        ("datetime(4)", [AT, AT + timedelta(microseconds=100), AT + timedelta(seconds=1)]),
        ("date", [date(1, 1, 1), date(999, 12, 31), date(2024, 2, 29)]),
        ("time", [-timedelta(hours=800), timedelta(0), timedelta(microseconds=1)]),
    ],
)  # fmt: skip
def test_stored_values_sort_as_they_are_and_come_back(text, values):
    stored = [encode(text, value) for value in values]
    assert stored == sorted(stored)
    decode = types.decoder(parse_type(text))
    assert values == [decode(value) for value in stored]
    assert [*values, None] == types.decode_column(parse_type(text))([*stored, None])


@pytest.mark.parametrize(
    ("text", "below", "operand", "above"),
    [
        ("decimal(6,2)", "1.23", Decimal("1.235"), "1.24"), ("decimal(6,2)", "-1.24", -1.235, "-1.23"),
        ("decimal(6,2)", "9999.99", Decimal("1e30"), None), ("decimal(6,2)", None, float("-inf"), "-9999.99"),
        ("decimal(30,1)", "1.2", Decimal("1.25"), "1.3"), ("decimal(30,1)", "-1.3", Decimal("-1.25"), "-1.2"),
        ("decimal(30,1)", "0.0", Decimal("1e40"), None), ("decimal(30,1)", None, Decimal("-1e40"), "-1.0"),
        ("uint64", 5, 5.5, 6), ("uint64", None, -1, 0), ("uint64", 2**64 - 1, 2**64, None),
        ("int64", 2**63 - 2000, 2**70, None), ("int8", 1, Decimal("1.5"), 2),
        ("datetime", AT, AT.replace(microsecond=1), AT + timedelta(seconds=1)),
        ("datetime(3)", AT, AT.replace(microsecond=1), AT.replace(microsecond=1000)),
        ("date", date(2024, 1, 1), datetime(2024, 1, 1, 12), date(2024, 1, 2)),
    ],
)  # fmt: skip
def test_an_operand_lies_between_its_neighbours(text, below, operand, above):
    kind = parse_type(text).kind
    neighbours = [Decimal(v) if kind == "decimal" and v is not None else v for v in (below, above)]
    low, high = (None if v is None else encode(text, v) for v in neighbours)
    middle = compare(text, operand)
    assert low is None or low < middle
    assert high is None or middle < high


@pytest.mark.parametrize(
    ("text", "value"),
    [("decimal(6,2)", Decimal("1.50")), ("decimal(30,2)", Decimal("-1.50")), ("uint64", 7),
     ("datetime(2)", AT), ("int8", 3),
     ("date", date(2024, 1, 1)), ("varchar(3)", "x")],
)  # fmt: skip
def test_an_operand_that_fits_is_encoded_as_stored(text, value):
    assert encode(text, value) == compare(text, value)
