"""How values differ, and within which tolerance they do not."""

from decimal import Decimal

import numpy as np
import pytest

from datajoint.make.value_diff import Difference, difference

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1.0, 1.0 + 1e-9),
        (1e9, 1e9 + 10),
        (0.0, 1e-9),
        (NAN, NAN),
        (INF, INF),
        (1 + 1j, 1 + 1.000000001j),
        (Decimal("1.0000001"), Decimal("1.0000002")),
        (np.float32(1), np.float32(1.0000001)),
        (np.array([1.0, NAN, INF]), np.array([1.0 + 1e-9, NAN, INF])),
        ({"a": [1.0, (2.0, "x")]}, {"a": [1.0, (2.0 + 1e-9, "x")]}),
        (np.array([(1, 0.5)], "i4,f8"), np.array([(1, 0.5 + 1e-9)], "i4,f8")),
        (np.array([0.5, "a"], object), np.array([0.5 + 1e-9, "a"], object)),
    ],
)
def test_near_enough(old, new):
    assert difference(old, new, 1e-6) is None


@pytest.mark.parametrize(
    ("old", "new", "size"),
    [
        (1.0, 1.1, 0.1),
        (1, 2, 1.0),
        (INF, 1.0, INF),
        (1.0, -INF, INF),
        (True, False, None),
        ("a", "b", None),
        (None, 1.0, None),
        (1.0, "1.0", None),
        (np.arange(3), np.arange(3) + 10**9, 1e9),
        (np.array([1.0, INF]), np.array([1.0, 2.0]), INF),
        (np.array([0.0]), np.array([NAN]), NAN),
        (np.array(["a"]), np.array(["b"]), None),
        (np.array([True]), np.array([False]), None),
        (np.zeros(3), np.zeros(3, "f4"), None),
        ([1.0], [1.0, 2.0], None),
        ({"a": 1}, {"b": 1}, None),
        ({1, 2}, {1, 3}, None),
    ],
    ids=str,
)
def test_too_far(old, new, size):
    found = difference(old, new, 1e-6)
    assert found is not None
    assert size == pytest.approx(found.size, nan_ok=True) if size is not None else found.size is None


def test_whole_numbers_have_a_tolerance_where_it_is_theirs():
    assert difference(10**6, 10**6 + 1, 1e-3) == Difference(1.0)
    assert difference(10**6, 10**6 + 1, 1e-3, whole=True) is None
    assert difference(np.array([10**6]), np.array([10**6 + 1]), 1e-3, whole=True) is None


def test_parts_are_counted():
    old = {"x": np.zeros((2, 5)), "n": [1.0, 2.0], "t": "a"}
    new = {"x": np.eye(2, 5), "n": [1.0, 2.5], "t": "b"}
    assert difference(old, new) == Difference(1.0, 4, 13)
    assert "4 of 13 elements, largest difference 1" == str(difference(old, new))
    assert "float → str" == str(difference(1.0, "a"))
    assert "length 1 → 2" == str(difference([1], [1, 2]))
    assert "names: a, b" == str(difference({"a": 1}, {"b": 1}))
