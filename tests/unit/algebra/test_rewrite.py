"""Lowering: neighbouring operators become one SELECT where that is allowed, and only there."""

import pytest

from datajoint.algebra.plans.blocks import Block, P_Any, P_Exists, P_Not, UnionBlock
from datajoint.algebra.plans.rewrite import lower
from datajoint.heading.names import TableName


def depth(block):
    """Number of SELECTs below one another."""
    below = [item.relation for item in block.sources if not isinstance(item.relation, TableName)]
    inner = [branch for one in below for branch in (one.branches if isinstance(one, UnionBlock) else [one])]
    return 1 + max(map(depth, inner), default=0)


def flat(tables, code):
    return depth(lower(tables.query(code).query.plan))


@pytest.mark.parametrize(
    "code",
    [
        "Session & 'score > 1' & {'note': 'a'}",
        "Session.proj(x='session + 1') & 'x > 2'",
        "(Session.proj(x='session + 1') & 'x > 2').proj(y='x * 2') & 'y > 3'",
        "Session * Subject * User.proj(analyst='user') & 'score > 1'",
        "(Session & 'score > 1') * (Subject & {'species': 'rat'})",
        "Session.extend(Subject).extend(User.proj(analyst='user'))",
        "Subject.aggr(Session, 'name', n='count(session)') & {'name': 'x'}",
        "Subject.aggr(Session, n='count(session)').proj(m='n + 1')",
        "dj.U('note') & Session & {'note': 'a'}",
        "dj.U('note').aggr(Session & 'score > 1', n='count(*)')",
        "Session & dj.Top(3)",
        "(Session & 'score > 1').proj('note') & dj.Top(3, 'note')",
        "Subject.aggr(Session, n='count(session)') & dj.Top(3, 'n')",
        "Session & (Subject & 'weight > 1') & Session",
    ],
)
def test_one_select_is_enough(tables, code):
    assert 1 == flat(tables, code)


@pytest.mark.parametrize(
    "code",
    [
        "(Session & dj.Top(3)) & 'score > 1'",
        "(Session & dj.Top(3)) * Subject",
        "(Session & dj.Top(3)) & dj.Top(2, 'note')",
        "Subject.aggr(Session, n='count(session)') & 'n > 1'",
        "Subject.aggr(Session, n='count(session)') * Session",
        "dj.U().aggr(Session, n='count(*)') & 'n > 1'",
        "dj.U().aggr(Session, n='count(*)') & False",
        "(dj.U('note') & Session) * User",
        "(dj.U('note') & Session) & dj.Top(1)",
        "Loan.extend(Subject & 'weight > 1')",
        "Loan.extend(Subject.proj(w='weight + 1'))",
        "dj.U('c').aggr(Session.proj(c='1'), n='count(*)')",
        "Session + Session",
    ],
)
def test_a_select_of_its_own_where_rows_would_differ(tables, code):
    assert 2 == flat(tables, code)


def test_aliases_are_numbered_within_one_compilation(tables):
    plan = tables.query("Session * Subject & (Loan & 'loan > 1')").query.plan
    first, second = lower(plan), lower(plan)
    assert first == second
    assert ["t1", "t2"] == [item.alias for item in first.sources]


def test_negation_moves_to_the_leaves(tables):
    """Where an antijoin is written, which knows about NULL."""
    block = lower(tables.query("Subject - [Session, {'weight': None}]").query.plan)
    assert 2 == len(block.where)
    assert all(isinstance(term, P_Not) for term in block.where)
    assert isinstance(block.where[0].term, P_Exists)
    block = lower(tables.query("Subject & dj.Not(dj.AndList([Session, {'weight': None}]))").query.plan)
    (either,) = block.where
    assert isinstance(either, P_Any)
    block = lower(tables.query("Subject & dj.Not(dj.Not(Session))").query.plan)
    assert isinstance(block.where[0], P_Exists)


def test_the_columns_are_those_of_the_heading_in_order(tables):
    for code in (
        "Session * Subject", "Subject * Session", "Session.proj(..., animal='subject_id')", "Session.proj('note') + Session.proj('day')",
        "Subject.aggr(Session, ..., n='count(session)')", "dj.U('note', 'day') & Session", "dj.U('note', 'day').aggr(Session, n='count(*)')",
        "Session.extend(Subject) & dj.Top(2)", "dj.U() & Session", "Setup",
    ):  # fmt: skip
        expression = tables.query(code)
        block = lower(expression.query.plan)
        assert isinstance(block, Block)
        assert expression.heading.names == list(block.columns)


def test_a_limited_semijoin_is_a_list(tables):
    (exists,) = lower(tables.query("Subject & (Session & dj.Top(3))").query.plan).where
    assert exists.whole
    (exists,) = lower(tables.query("Subject & (Session & 'score > 1')").query.plan).where
    assert not exists.whole


def test_unions_of_unions_do_not_grow_with_each_operand(tables):
    """In a chain, each would read its left side twice: a chain of twenty would not end."""
    code = " + ".join(f"(Session & {{'session': {n}}})" for n in range(8))
    assert 4 == flat(tables, code)


def test_a_long_union_of_restrictions_of_one_table_is_one_condition(tables):
    code = " + ".join(f"(Session & {{'session': {n}}})" for n in range(20))
    block = lower(tables.query(code).query.plan)
    (choices,) = block.where
    assert 20 == len(choices.terms)
    assert 1 == flat(tables, code)


def test_a_long_union_of_other_expressions_is_one_union(tables):
    code = " + ".join(f"(Session * (Subject & {{'subject_id': {n}}}).proj())" for n in range(20))
    (union,) = lower(tables.query(code).query.plan).sources
    assert union.relation.keys is not None


def test_expressions_over_expressions_do_not_double(tables):
    code = "Session.proj(x='session + session')" + ".proj(x='x + x')" * 20
    assert 4 < flat(tables, code) < 12
