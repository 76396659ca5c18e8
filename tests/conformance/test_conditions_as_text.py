"""Conditions as text (move-in, section 3): `make_condition`, `restriction`, `where_clause()`."""

import datetime as dt
import decimal
import uuid

import pytest
from datajoint.condition import make_condition

import datajoint as dj

pytestmark = pytest.mark.statement("QRY-16")
ONE = uuid.UUID(int=1)


@pytest.fixture
def trial(schema, declare):
    declare("Person", "person : varchar(12)\n---\ncity='' : varchar(20)")
    trial = declare(
        "Trial",
        """
        trial : int32
        ---
        -> Person
        day : date
        at=null : datetime
        score=null : float32
        price=null : decimal(6,2)
        token=null : uuid
        state='on' : enum('on', 'off')
        key=null : int32
        """,
    )
    declare.known["Person"].insert([{"person": "ann", "city": "it's"}, {"person": "bob"}])
    trial.insert(
        [
            {
                "trial": n,
                "person": "ann" if n < 3 else "bob",
                "day": dt.date(2024, 1, n),
                "at": dt.datetime.fromisoformat(f"2024-01-0{n} 10:30"),
                "score": n / 2,
                "price": decimal.Decimal(n) / 4,
                "token": uuid.UUID(int=n),
                "key": n,
            }
            for n in range(1, 6)
        ]
    )
    return trial


CONDITIONS = [
    {"trial": 1},
    {"trial": 1, "person": "ann"},
    {"person": 'it\'s ? "so"'},
    {"day": dt.date(2024, 1, 2)},
    {"at": dt.datetime.fromisoformat("2024-01-02 10:30")},
    {"score": 1.5},
    {"price": decimal.Decimal("0.75")},
    {"token": ONE},
    {"state": "on"},
    {"key": None},
    {"key": 3},
    [{"trial": 1}, {"trial": 3}],
    [{"trial": 1, "person": "ann"}, {"trial": 3, "person": "ann"}],
    [{"trial": 1}, "person = 'bob'"],
    [],
    "person like 'a%' and trial between 1 and 2",
    "trial in (1, 2) or not score > 1",
    'day > "2024-01-02"',
    "`key` = 4",
    dj.Not({"trial": 1}),
    dj.AndList(["trial > 1", {"person": "ann"}]),
    dj.AndList(),
    True,
    False,
]


def test_conditions_as_text_keep_the_same_rows(trial):
    for condition in CONDITIONS:
        text = make_condition(trial, condition, set())
        assert isinstance(text, (str, bool)), condition
        assert (trial & condition).keys(order_by="KEY") == (trial & text).keys(order_by="KEY"), condition


def test_restrictions_restrict_to_the_same_rows(trial):
    for condition in CONDITIONS:
        restricted = trial & condition & "trial < 5"
        expected = restricted.keys(order_by="KEY")
        assert expected == (trial & restricted.restriction).keys(order_by="KEY"), condition


def test_names_that_a_condition_uses(trial):
    names = {"other"}
    make_condition(trial, ["trial > 1 and score > 2", {"person": "ann"}], names)
    assert {"other", "trial", "score", "person"} == names


def test_the_restriction_of_a_table(trial):
    restricted = trial & {"trial": 1} & "person='ann'"
    assert ["`trial`=1", "person = 'ann'"] == restricted.restriction
    assert {"trial", "person"} == restricted.restriction_attributes
    assert " WHERE (`trial`=1)AND(person = 'ann')" == restricted.where_clause()


def test_of_a_whole_table_nothing_is_restricted(trial):
    assert ([], set(), "") == (trial.restriction, trial().restriction_attributes, trial().where_clause())


def test_a_restriction_by_a_query_is_shown_as_sql(trial, declare):
    restricted = trial & (declare.known["Person"] & {"person": "ann"})
    assert {"person"} == restricted.restriction_attributes
    clause = restricted.where_clause()
    query = f"SELECT count(*) FROM {trial.full_table_name}{clause}"
    if trial.connection.backend.name == "mysql":
        query = query.replace("%", "%%")
    assert 2 == trial.connection.query(query).fetchone()[0]
