"""Plans that give at most one row for a key."""

import pytest

from datajoint.algebra.analysis.pinned import is_pinned
from datajoint.testing.strategies import evaluate_code, offline, resolved

TABLES = offline(resolved({"a": "a : int32\n---\nx=null : int32", "b": "-> A\nb : int32\n---\ny : int32"}))


@pytest.mark.parametrize(("code", "taken", "expected"), [
    ("A & {'a': 1}", {0}, True),
    ("A & {'a': 1}", set(), False),
    ("A & 'x > 1' & {'a': 1}", {0}, False),
    ("A & 'x > 1' & {'a': 1}", {1}, True),
    ("B & {'a': 1}", {0}, False),
    ("B & {'a': 1, 'b': 2}", {0, 1}, True),
    ("B & {'a': 1, 'b': 2}", {0}, False),
    ("B & {'a': 1, 'y': 2}", {0, 1}, False),
    ("A.proj(c='a') & {'c': 1}", {0}, True),
    ("A.proj('x') & {'a': 1}", {0}, True),
    ("A & {'a': 1} & dj.Top(None, 'x')", {0}, True),
    ("A & {'a': 1} & dj.Top(1)", {0}, False),
    ("A & [{'a': 1}, {'x': 1}]", {0, 1}, False),
    ("A - {'a': 1}", {0}, False),
    ("(A & {'a': 1}) * B", {0}, False),
    ("A.aggr(B & {'a': 1, 'b': 1}, n='count(b)')", {0, 1}, False),
])  # fmt: skip
def test_the_whole_key_is_compared(code, taken, expected):
    assert expected == is_pinned(evaluate_code(code, TABLES).query.plan, taken)
