"""Which attributes of tables decide what a plan gives."""

import pytest

from datajoint.algebra.analysis.needed import needed
from datajoint.algebra.analysis.watch import watch
from datajoint.testing.strategies import evaluate_code, offline, resolved

TABLES = offline(
    resolved({"a": "a : int32\n---\nx=null : int32\ny=null : int32", "b": "-> A\nb : int32\n---\nz : int32"})
)


def told(code, names=None):
    plan = evaluate_code(code, TABLES).query.plan
    found = needed(plan, names)
    assert len(watch(plan).marks) == len(found)
    return [("".join(sorted(one.shown)), "".join(sorted(one.decide))) for one in found]


@pytest.mark.parametrize(("code", "names", "expected"), [
    ("A", None, [("axy", "")]),
    ("A", ("x",), [("x", "")]),
    ("A", (), [("", "")]),
    ("A & 'x > 1'", ("a",), [("a", "x")]),
    ("A & {'x': 1, 'y': None}", ("a",), [("a", "xy")]),
    ("A.proj(u='x', v='y + 1')", None, [("ax", "y")]),
    ("A.proj(u='x', v='y + 1')", ("u",), [("x", "")]),
    ("A.proj(u='x') & 'u > 1'", ("a",), [("a", "x")]),
    ("A * B", ("z",), [("", "a"), ("z", "a")]),
    ("A.join(B, left=True, allow_nullable_pk=True)", ("x",), [("x", "a"), ("", "a")]),
    ("A & B", ("x",), [("x", "a")]),
    ("A - B", ("x",), [("x", "a")]),
    ("A & (B & 'z > 1')", ("x",), [("x", "a")]),
    ("A & dj.Top(1, 'y')", ("x",), [("x", "y")]),
    ("A.aggr(B, n='sum(z)', m='max(b)')", ("a", "n"), [("a", "a"), ("", "az")]),
    ("A.aggr(B, n='count(b)') & 'n > 1'", ("a",), [("a", "a"), ("", "ab")]),
    ("dj.U('x') & A", None, [("", "x")]),
    ("dj.U('x').aggr(A, n='sum(y)')", None, [("", "xy")]),
    ("dj.U('x').aggr(A, n='sum(y)')", ("x",), [("", "x")]),
    ("(A & 'x > 1') + (A & 'y > 1')", ("x",), [("", "ax"), ("", "axy")]),
])  # fmt: skip
def test_attributes_that_are_shown_and_those_that_decide(code, names, expected):
    assert expected == told(code, names)
