"""Digests of values: equal for equal ones, none for what cannot be digested, samples of what is large."""

from __future__ import annotations

from collections import Counter, deque
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from datajoint.journal.ran import weigh as module
from datajoint.journal.ran.weigh import weigh


class Mode(Enum):
    A = 1
    B = 2


class Options(NamedTuple):
    level: int


VALUES: dict[str, Any] = {
    "none": None, "true": True, "one": 1, "float": 1.0, "nan": float("nan"), "text": "1", "bytes": b"1", "list": [1],
    "tuple": (1,), "nested": [[1], []], "other nesting": [[1, []]], "dict": {"a": 1, "b": 2}, "other order": {"b": 2, "a": 1},
    "set": {1, 2}, "deque": deque([1]), "counter": Counter("a"), "date": date(2024, 1, 1), "path": Path("a"),
    "a member": Mode.A, "another member": Mode.B, "options": Options(1), "range": range(3), "array": np.arange(3),
    "other type": np.arange(3.0), "other shape": np.arange(3).reshape(3, 1), "huge": 10**5000,
}  # fmt: skip


def test_different_values_have_different_digests() -> None:
    found = {name: weigh(value) for name, value in VALUES.items()}
    assert None not in found.values()
    assert len(set(found.values())) == len(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_equal_values_have_the_same_digest(name: str) -> None:
    value = VALUES[name]
    assert weigh(value) == weigh(value.copy() if hasattr(value, "copy") else value)


def test_what_has_no_digest() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), [object()], loop, open, Counter):
        assert weigh(value) is None


def test_large_values_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 10_000_000)
    for value in (np.zeros(2_000_000), "a" * 12_000_000):
        weight = weigh(value)
        assert weight is not None
        assert not weight.is_whole


def test_the_order_of_a_set_does_not_count() -> None:
    names = [f"name{n}" for n in range(100)]
    backwards = names[::-1]
    assert weigh(set(names)) == weigh(set(backwards))
