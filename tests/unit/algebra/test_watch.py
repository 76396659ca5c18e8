"""Watched plans: what they add, and where events do not suffice."""

import pytest

from datajoint.algebra.analysis.watch import summary, watch
from datajoint.testing.strategies import evaluate_code, offline, resolved

TABLES = offline(resolved({"a": "a : int32\n---\nx=null : int32", "b": "-> A\nb : int32\n---\ny : int32"}))


def plan_of(code):
    return evaluate_code(code, TABLES).query.plan


@pytest.mark.parametrize("code", [
    "A", "A & 'x > 1'", "(A & {'a': 1}) * B", "A.proj(z='x + 1')", "A.aggr(B, n='count(b)')",
    "dj.U('x') & A", "dj.U('x').aggr(A, n='count(a)')", "A.join(B.proj(), left=True, allow_nullable_pk=True)",
])  # fmt: skip
def test_events_suffice_where_more_rows_mean_more_results(code):
    assert not watch(plan_of(code)).identified


@pytest.mark.parametrize("code", [
    "A & dj.Top(1)", "A & B", "A - B", "A.aggr(B, n='count(b)') & 'n > 1'", "(A & 'x > 1') + A.proj()",
    "A.join(B, left=True, allow_nullable_pk=True) & 'y is null'", "A.join(B, outer=True)",
    "(dj.U('x') & A) & 'x > 1'", "dj.U('n').aggr(A.aggr(B, n='count(b)'), m='count(a)')",
])  # fmt: skip
def test_identities_where_what_is_absent_decides(code):
    assert watch(plan_of(code)).identified


def test_a_plan_is_watched_once():
    plan = plan_of("A * B")
    assert watch(plan) is watch(plan)
    assert summary(plan) is summary(plan)


def test_marks_are_those_of_the_tables_read_and_not_of_conditions():
    marks = watch(plan_of("A * A.aggr(B, n='count(b)') & B")).marks
    assert ["a", "a", "b"] == [mark.table.name for mark in marks]
    assert [(), (), 7] == [mark.sums and len(mark.sums) for mark in marks]


def test_values_stay_in_place():
    plan = plan_of("(A & {'a': 1}) * (B & 'y > 3') & dj.Top(2)")
    assert plan.arity == watch(plan).plan.arity
