"""Plans are interned, values lie beside them; headings and refusals of every operator."""

import pytest

import datajoint as dj
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.nodes import (
    All,
    Any_,
    Const,
    Equals,
    InValues,
    IsNull,
    Matches,
    Not,
    Query,
    Text,
)
from datajoint.errors import QueryError, UnknownAttributeError
from plugins.tables import make_tables

SAME_STRUCTURE = [
    ("Session & {'subject_id': 1}", "Session & {'subject_id': 2}"),
    ("Session & {'subject_id': 1, 'session': 2}", "Session & {'subject_id': 7, 'session': 8}"),
    ("Session & 'session > 1'", "Session & 'session > 25'"),
    ("Session & \"note = 'a'\"", "Session & \"note = 'it''s'\""),
    ("Session & [{'session': 1}, {'session': 2}]", "Session & [{'session': n} for n in range(5)]"),
    ("Session & {'session': [1, 2]}", "Session & {'session': []}"),
    ("Session & dj.Top(3)", "Session & dj.Top(5)"),
    ("Session & dj.Top(3, 'note', offset=1)", "Session & dj.Top(5, 'note', offset=7)"),
    ("(Session & {'session': 1}) * Subject", "(Session & {'session': 9}) * Subject"),
    ("Subject.aggr(Session & {'session': 1}, n='count(session)')", "Subject.aggr(Session & {'session': 3}, n='count(session)')"),
    ("Subject & (Session & 'score > 1')", "Subject & (Session & 'score > 2')"),
    ("Subject - (Session & 'score > 1')", "Subject - (Session & 'score > 2')"),
    ("(Session & {'session': 1}) + (Session & {'session': 2})", "(Session & {'session': 3}) + (Session & {'session': 4})"),
    ("Session & {'session': 1} & {'note': 'a'}", "Session & dj.AndList([{'session': 3}, {'note': 'b'}])"),
    ("Session.proj('note')", "Session.proj('note', '-day')"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME_STRUCTURE)
def test_equal_structures_are_one_plan(tables, one, other):
    first, second = tables.query(one).query, tables.query(other).query
    assert first.plan is second.plan
    assert first.plan.statements is second.plan.statements
    assert first.plan.arity == len(first.values) == len(second.values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Session & {'note': None}", "Session & {'note': 'a'}"),
        ("Session & {'subject_id': 1}", "Session & {'session': 1}"),
        ("Session & dj.Top(3)", "Session & dj.Top(3, offset=1)"),
        ("Session & dj.Top(3)", "Session & dj.Top(3, 'KEY DESC')"),
        ("Session & {'session': 1}", "Session - {'session': 1}"),
        ("Session.proj(x='session + 1')", "Session.proj(x='session + 2')"),
        (
            "Subject.aggr(Session, n='count(session)')",
            "Subject.aggr(Session, n='count(session)', exclude_nonmatching=True)",
        ),
    ],
)
def test_other_structures_are_other_plans(tables, one, other):
    assert tables.query(one).query.plan is not tables.query(other).query.plan


def test_plans_may_be_forgotten(tables):
    plan = tables.Session.query.plan
    for n in range(2100):
        plan.keep(("filler", n), n)
    again = tables.Session & {"session": 1}
    assert ["subject_id", "session"] == again.primary_key


def test_values_come_in_the_order_of_the_plan(tables):
    query = tables.query(
        "((Session & {'session': 1} & 'score > 2') * (Subject & (Loan & {'loan': 3})) & dj.Top(4, 'note', offset=5))"
    ).query
    assert ["1", "2.00", "3", "4", "5"] == [str(value) for value in query.values]
    assert query.plan.arity == len(query.values)


def test_conditions(tables):
    def condition(operand):
        return (tables.Session & operand).query.plan.condition

    assert Equals("session") == condition({"session": 1})
    assert IsNull("note") == condition({"note": None})
    assert All((Equals("session"), IsNull("note"))) == condition({"session": 1, "note": None})
    assert InValues(("session",)) == condition({"session": (1, 2)})
    keys = condition([{"subject_id": 1, "session": 1}, {"session": 2, "subject_id": 1}])
    assert {"session", "subject_id"} == set(keys.names)
    assert Any_((Equals("session"), Equals("note"))) == condition([{"session": 1}, {"note": "a"}])
    assert Not(Equals("session")) == condition(dj.Not({"session": 1}))
    assert Equals("session") == condition(dj.Not(dj.Not({"session": 1})))
    assert isinstance(condition("session > 1"), Text)
    assert Matches(tables.Subject.query.plan, ("subject_id",)) == condition(tables.Subject)
    assert Const(False) == condition(False)
    assert tables.Session.query.plan is (tables.Session & True).query.plan


def test_what_a_semijoin_compares(tables):
    def compared(code):
        return tables.query(code).query.plan.condition.on

    assert ("subject_id", "session") == compared("Session & (Session & 'score > 1')")
    assert ("subject_id",) == compared("Loan & Subject")
    assert ("loan",) == compared("Loan & Loan")  # what the key determines is left out, NULL or not
    assert ("loan",) == compared("Loan & Loan.proj('subject_id')")
    assert () == compared("Subject & User")


def test_keys_and_headings(tables):
    def heading(code):
        expression = tables.query(code)
        return expression.primary_key, expression.heading.secondary_attributes

    assert (
        ["subject_id", "session"],
        ["day", "analyst", "score", "note", "name", "species", "weight"],
    ) == heading("Session * Subject")
    assert (
        ["subject_id", "session"],
        ["day", "analyst", "score", "note", "name", "species", "weight"],
    ) == heading("Subject * Session")
    assert (["subject_id", "user"], ["name", "species", "weight", "full_name"]) == heading("Subject * User")
    assert (["subject_id"], ["name", "n"]) == heading("Subject.aggr(Session, 'name', n='count(session)')")
    assert (["note", "day"], []) == heading("dj.U('note', 'day') & Session")
    assert (["note"], ["n"]) == heading("dj.U('note').aggr(Session, n='count(*)')")
    assert ([], ["n"]) == heading("dj.U().aggr(Session, n='count(*)')")
    assert ([], []) == heading("dj.U() & Session")
    assert (["subject_id", "session"], ["note", "score"]) == heading(
        "Session.proj('note') + Session.proj('score')"
    )
    assert (["animal", "session"], ["copy"]) == heading(
        "Session.proj(animal='subject_id', copy='(subject_id)')"
    )


def test_what_may_be_null(tables):
    def nullable(code):
        return [a.name for a in tables.query(code).heading.values() if a.nullable]

    assert ["analyst", "score"] == nullable("Session")
    assert ["analyst", "score", "note"] == nullable(
        "Session.proj(...) + Session.proj('score', 'day', 'analyst')"
    )
    assert ["name", "species", "weight"] == nullable("Session.proj().extend(Subject)")
    assert [] == nullable("Session.proj(user='analyst').proj() * User")
    assert ["s"] == nullable("Subject.aggr(Session, n='count(session)', s='sum(session)')")
    assert ["session", "day", "analyst", "score", "note"] == nullable(
        "Subject.proj().join(Session, left=True, allow_nullable_pk=True)"
    )
    assert ["x"] == nullable("Session.proj(x='score + 1', y='session + 1', z='score is null')")


def test_tops_merge_where_the_order_allows(tables):
    def shape(code):
        query = tables.query(code).query
        levels = 0
        plan = query.plan
        while isinstance(plan, nodes.Top):
            levels, plan = levels + 1, plan.operand
        return levels, query.values

    assert (1, (2,)) == shape("Session & dj.Top(5) & dj.Top(2)")
    assert (1, (3, 3)) == shape("Session & dj.Top(5, offset=1) & dj.Top(9, None, offset=2)")
    assert (1, (0, 7)) == shape("Session & dj.Top(5) & dj.Top(9, None, offset=7)")
    assert (2, (5, 2)) == shape("Session & dj.Top(5) & dj.Top(2, 'note')")
    assert (1, (4,)) == shape("Session & dj.Top(None, 'note') & dj.Top(4, None)")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Session & 'no_te = 1'", ["no_te", "note"]),
        ("Session.proj('no_te')", ["no_te", "note"]),
        ("Session.proj(a='no_te')", ["no_te", "note"]),
        ("Session.proj('-no_te')", ["no_te", "note"]),
        ("Session & dj.Top(1, 'no_te')", ["no_te", "note"]),
        ("dj.U('no_te') & Session", ["no_te", "note"]),
        ("Subject.aggr(Session, n='count(no_te)')", ["no_te", "note"]),
        ("dj.U('day').aggr(Session, n='max(no_te)')", ["no_te", "note"]),
        ("Subject.aggr(Session, 'nam', n='count(session)')", ["nam", "name"]),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(tables, code, words):
    with pytest.raises(UnknownAttributeError) as caught:
        tables.query(code)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Session.proj('-session')", "Cannot remove primary key attribute `session`"),
        ("Session.proj(subject_id='session')", "`subject_id` exists already"),
        ("Session.proj(..., note='score')", "`note` exists already"),
        ("Session.proj(..., note='session + 1')", "`note` exists already"),
        ("Session.proj(A='note')", "`A` is not an attribute name"),
        ("Subject.extend(Session)", "the left operand lacks `session`"),
        ("Session.aggr(Subject, n='count(name)')", "Missing: session"),
        ("Subject + User", r"share the same primary key: \(subject_id\) vs \(user\)"),
        ("Subject.aggr(Session, n='session')", "`session` outside an aggregate function"),
        ("dj.U('day').aggr(Session, n='session + count(*)')", "`session` outside an aggregate function"),
        (
            "Session.proj(x='session') * Session.proj(x='note')",
            "Cannot join on attribute `x`: different lineages",
        ),
        ("Session.proj(x='1') + Session.proj(x='2')", "Cannot unite on attribute `x`"),
        (
            "User * Subject.proj(user='name')",
            r"different lineages \(lab.user.user vs no lineage, from lab.subject.name\)",
        ),
    ],
)
def test_refusals(tables, code, message):
    with pytest.raises(QueryError, match=message):
        tables.query(code)


def test_origins_of_computed_attributes(tables):
    query = tables.query
    computed = "Session.proj(..., x='session * 2')"
    assert "x" in query(f"{computed} * {computed}").heading
    assert "x" in query(f"({computed} & 'x > 2') * {computed}").heading
    with pytest.raises(QueryError, match="`x`"):
        query(f"{computed} * Session.proj(x='session * 3')")
    with pytest.raises(QueryError, match="`x`"):
        query(f"{computed}.proj('x', other='subject_id') * {computed}")
    with pytest.raises(QueryError, match=r"`n`.*different data"):
        query(
            "Subject.aggr(Session & {'session': 1}, n='count(session)') * Subject.aggr(Session & {'session': 2}, n='count(session)')"
        )


def test_rows_without_a_partner_end_an_origin(tables):
    """What a left join or a union fills with NULL is not what the table holds under that key."""
    with pytest.raises(QueryError, match="`name`"):
        tables.query("Loan.extend(Subject) * Subject")
    with pytest.raises(QueryError, match="`note`"):
        tables.query("(Session.proj('note') + Session.proj('score')) * Session")
    assert tables.Session.heading.names == tables.query("(Session + Session) * Session").heading.names
    assert "name" in tables.query("Loan.extend(Subject) * Loan.extend(Subject)").heading


def test_queries_are_values():
    one, other = make_tables(), make_tables()
    assert Query(one.Session.query.plan) == one.Session.query
    assert one.Session.query != other.Session.query
    with pytest.raises(QueryError):
        build.project(one.Session.query, (["note"],), {})
