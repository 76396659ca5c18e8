"""Fetched values are compared by value, arrays and NaN included."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from datajoint.make.value_equality import same

NAN = float("nan")


class Plain:
    """A class whose objects are equal to themselves only."""

    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


MAKERS = {
    "none": lambda: None,
    "numbers": lambda: [1, 2.5, 3 + 1j, True, Decimal("1.50")],
    "nan": lambda: (NAN, [NAN, {"x": NAN}]),
    "texts": lambda: {"a": "b", "c": b"d"},
    "times": lambda: [dt.date(2024, 1, 2), UUID(int=7)],
    "sets": lambda: {1, 2, frozenset([3])},
    "array": lambda: np.array([1.0, NAN, 3.0]),
    "complex": lambda: np.array([1 + 1j, NAN]),
    "empty": lambda: np.zeros((0, 3)),
    "texts in an array": lambda: np.array(["a", "b"]),
    "objects in an array": lambda: np.array([None, [NAN], np.arange(3)], dtype=object),
    "records": lambda: np.array([(1, NAN)], dtype=[("a", int), ("b", float)]),
    "missing times": lambda: np.array(["NaT", "2024-01-01"], dtype="M8[s]"),
    "numpy scalar": lambda: np.float64(NAN),
    "frame": lambda: pd.DataFrame({"a": [1, 2], "b": [NAN, "x"]}),
    "object": lambda: Plain(np.arange(3)),
    "slots": lambda: Slotted([NAN]),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_value_made_again_is_the_same(make):
    assert same(make(), make())


@pytest.mark.parametrize("first", MAKERS)
def test_values_that_differ_are_not_the_same(first):
    others = [name for name in MAKERS if name != first and same(MAKERS[first](), MAKERS[name]())]
    assert [] == others


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1, 3]),
        ([1, 2], [1, 2, 3]),
        ([1], (1,)),
        ({"a": 1}, {"b": 1}),
        (1, "1"),
        (None, 0),
        (np.zeros(3), np.zeros(4)),
        (np.zeros(3), np.zeros(3, dtype="f4")),
        (np.array([1.0, NAN]), np.array([NAN, 1.0])),
        (np.zeros(3), [0.0, 0.0, 0.0]),
        (Plain(1), Plain(2)),
        (Slotted(1), Slotted(2)),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})),
    ],
)
def test_what_differs(one, other):
    assert not same(one, other)


def test_numbers_of_different_kinds_compare_by_value():
    assert same(1, 1.0)
    assert not same(1, 1.5)
