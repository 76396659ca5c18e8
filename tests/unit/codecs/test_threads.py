"""Large values are encoded by several threads, small ones by the one that asks."""

import os
import threading

import numpy as np
import pytest

from datajoint.codecs import threads

LARGE = bytes(1 << 19)


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_each_in_its_place():
    values = [LARGE, None, LARGE + b"a", np.zeros(1 << 18, "u1"), LARGE + b"bc"]
    assert [1 << 19, None, (1 << 19) + 1, 1 << 18, (1 << 19) + 2] == threads.by_threads(len, values)


def test_it_is_more_than_one_thread():
    seen, together = set(), threading.Barrier(2, timeout=300)

    def note(value):
        seen.add(threading.get_ident())
        together.wait()

    assert [None] * 4 == threads.by_threads(note, [LARGE] * 4)
    assert 2 == len(seen)


@pytest.mark.parametrize(
    "values",
    [[], [LARGE * 4], [b"a"] * 1000, [LARGE, LARGE, "a"], [LARGE, LARGE, {"a": 1}], [b"a" * 1000] * 2000],
)
def test_where_one_is_enough(values):
    assert threads.by_threads(len, values) is None


def test_one_processor(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.by_threads(len, [LARGE] * 4) is None


def test_an_error_is_raised():
    with pytest.raises(ZeroDivisionError):
        threads.by_threads(lambda value: 1 // (len(value) % 2), [LARGE + b"a", LARGE, LARGE + b"a"])
