"""Restriction: ``&``, ``-`` and ``restrict`` by text, dicts, collections and expressions."""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

import datetime as dt
import warnings
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest

import datajoint as dj
from plugins.lab import NASTY, bag, matches


def keys_of(expression):
    return {tuple(row.values()) for row in expression.keys()}  # noqa: SIM118 - the keys of a query


def subjects(lab, condition):
    return {(row["subject_id"],) for row in lab.rows["Subject"] if condition(row)}


# --------------------------------------------------------------------------------------------------- NULL


@pytest.mark.statement("QRY-21")
def test_null_never_empties_an_antijoin(lab):
    lent = {row["subject_id"] for row in lab.rows["Loan"]} - {None}
    assert None in {row["subject_id"] for row in lab.rows["Loan"]}
    assert subjects(lab, lambda r: r["subject_id"] not in lent) == keys_of(lab.Subject - lab.Loan)
    assert subjects(lab, lambda r: r["subject_id"] in lent) == keys_of(lab.Subject & lab.Loan)
    assert subjects(lab, lambda r: r["subject_id"] not in lent) == keys_of(
        lab.Subject - lab.Loan.proj("subject_id")
    )


@pytest.mark.statement("QRY-21")
def test_null_on_the_left_matches_nothing(lab):
    alone = {(row["loan"],) for row in lab.rows["Loan"] if row["subject_id"] is None}
    assert alone
    assert alone == keys_of(lab.Loan - lab.Subject)
    assert keys_of(lab.Loan()) - alone == keys_of(lab.Loan & lab.Subject)


@pytest.mark.statement("QRY-21", "QRY-58")
@pytest.mark.parametrize("materialised", [False, True], ids=["plain", "limited"])
def test_null_under_nested_negation(lab, materialised):
    loans, people = (
        (lab.Loan & dj.Top(50), lab.Subject & dj.Top(50)) if materialised else (lab.Loan(), lab.Subject())
    )
    lent = {row["subject_id"] for row in lab.rows["Loan"]} - {None}
    free = subjects(lab, lambda r: r["subject_id"] not in lent)
    assert free == keys_of(lab.Subject & dj.Not(loans))
    assert free == keys_of(lab.Subject - [loans])
    assert free == keys_of(lab.Subject - [loans, "subject_id = 99"])
    assert free == keys_of(lab.Subject & dj.Not([loans, {"subject_id": 99}]))
    assert free == keys_of(lab.Subject & dj.Not(dj.AndList([loans, True])))
    assert keys_of(lab.Subject()) - free == keys_of(lab.Subject & dj.Not(dj.Not(loans)))
    alone = {(row["loan"],) for row in lab.rows["Loan"] if row["subject_id"] is None}
    assert alone == keys_of(lab.Loan - [people])
    assert alone == keys_of(lab.Loan & dj.Not(dj.AndList([people, "loan > 0"])))
    assert keys_of(lab.Loan()) - alone == keys_of(lab.Loan - [dj.Not(people)])


# --------------------------------------------------------------------------------------------------- text


@pytest.mark.statement("QRY-10")
def test_text_conditions(lab):
    def same(text, condition):
        assert subjects(lab, condition) == keys_of(lab.Subject & text), text

    same("weight > 0", lambda r: r["weight"] is not None and r["weight"] > 0)
    same("species = 'rat' AND subject_id < 5", lambda r: r["species"] == "rat" and r["subject_id"] < 5)
    same("species = 'it''s' or subject_id=0", lambda r: r["species"] == "it's" or r["subject_id"] == 0)
    same("name = 'back\\slash' or name = 'plain'", lambda r: r["name"] in ("back\\slash", "plain"))
    same("name like '%slash'", lambda r: r["name"].endswith("slash"))
    same("name LIKE '1%'", lambda r: r["name"].startswith("1"))
    same("name LIKE '%'", lambda r: True)
    same("name = '100% of %s'", lambda r: r["name"] == "100% of %s")
    same("name = 'žluťoučký 犬 🐁'", lambda r: r["name"] == NASTY[5])
    same('name = "it\'s"', lambda r: r["name"] == "it's")
    same("nick is null", lambda r: r["nick"] is None)
    same("nick IS NOT NULL and not nick = ''", lambda r: r["nick"] not in (None, ""))
    same("subject_id in (1, 2, 3)", lambda r: r["subject_id"] in (1, 2, 3))
    same("subject_id not in (1, 2, 3)", lambda r: r["subject_id"] not in (1, 2, 3))
    same("subject_id between 2 and 4", lambda r: 2 <= r["subject_id"] <= 4)
    same("born > '2024-01-03'", lambda r: r["born"] is not None and r["born"] > dt.date(2024, 1, 3))
    same("subject_id % 2 = 1", lambda r: r["subject_id"] % 2 == 1)


@pytest.mark.statement("QRY-10")
def test_texts_combine_by_and(lab):
    expected = subjects(lab, lambda r: r["species"] != "rat" and r["subject_id"] > 3)
    assert expected == keys_of(lab.Subject & "species = 'mouse' or species = 'it''s'" & "subject_id > 3")
    assert expected == keys_of(lab.Subject & "subject_id > 3" & "species = 'mouse' OR species = 'it''s'")


@pytest.mark.statement("QRY-10")
def test_a_text_under_minus_keeps_what_is_false(lab):
    assert subjects(lab, lambda r: r["species"] != "rat") == keys_of(lab.Subject - "species = 'rat'")
    assert subjects(lab, lambda r: r["subject_id"] != 1) == keys_of(lab.Subject & dj.Not("subject_id = 1"))


@pytest.mark.statement("QRY-11")
@pytest.mark.parametrize(
    "text", ["wieght > 1", "subject_id = 1 and wieght = 2", "abs(wieght) > 1", "wieght is null"]
)
def test_an_unknown_name_in_a_text(lab, text):
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght") as caught:
        lab.Subject & text
    assert "weight" in str(caught.value).replace("wieght", "")


@pytest.mark.statement("QRY-10")
@pytest.mark.parametrize(
    "text", ["", "  ", "subject_id =", "subject_id = 1; drop table x", "and", "(subject_id = 1"]
)
def test_texts_that_are_no_conditions(lab, text):
    with pytest.raises(dj.errors.QueryError):
        lab.Subject & text
    assert 9 == len(lab.Subject())


# --------------------------------------------------------------------------------------------------- dicts


@pytest.mark.statement("QRY-12")
def test_a_dict_is_and_of_equalities(lab, monkeypatch):
    assert subjects(lab, lambda r: r["species"] == "rat" and r["weight"] == 0.0) == keys_of(
        lab.Subject & {"species": "rat", "weight": 0.0, "session": 5}
    )
    assert keys_of(lab.Subject()) == keys_of(lab.Subject & {"session": 5})
    monkeypatch.setitem(lab.Subject().connection.config, "query.unknown_names", "warn")
    with pytest.warns(dj.errors.DataJointWarning, match="`qx_no_such`"):
        assert keys_of(lab.Subject()) == keys_of(lab.Subject & {"qx_no_such": 5})
    assert keys_of(lab.Subject()) == keys_of(lab.Subject & {})
    with pytest.warns(dj.errors.DataJointWarning, match="`qx_no_such`"):
        assert set() == keys_of(lab.Subject - {"qx_no_such": 5})
    assert subjects(lab, lambda r: r["species"] != "rat") == keys_of(lab.Subject - {"species": "rat"})


@pytest.mark.statement("QRY-13")
@pytest.mark.parametrize("number", range(9))
def test_every_value_of_a_row_finds_the_row(lab, number):
    row = lab.rows["Subject"][number]
    for name, value in row.items():
        expected = subjects(lab, lambda r, n=name, v=value: r[n] == v and (r[n] is None) == (v is None))
        assert expected == keys_of(lab.Subject & {name: value}), name
        assert keys_of(lab.Subject()) - expected >= keys_of(lab.Subject - {name: value}), name
    assert {(number,)} == keys_of(lab.Subject & row)


@pytest.mark.statement("QRY-13")
def test_values_of_every_type(lab):
    def same(table, name, given, value):
        expected = [row for row in lab.rows[table] if row[name] is not None and row[name] == value]
        assert expected, name
        assert bag(expected) == bag(getattr(lab, table) & {name: given}), (name, given)

    same("Subject", "tag", UUID(int=3), UUID(int=3))
    same("Subject", "tag", str(UUID(int=3)), UUID(int=3))
    same("Subject", "born", dt.date(2024, 1, 4), dt.date(2024, 1, 4))
    same("Subject", "born", "2024-01-04", dt.date(2024, 1, 4))
    same("Subject", "born", np.datetime64("2024-01-04"), dt.date(2024, 1, 4))
    same("Subject", "born", pd.Timestamp("2024-01-04"), dt.date(2024, 1, 4))
    moment = lab.rows["Session"][0]["started"]
    for given in (moment, str(moment), moment.isoformat(), np.datetime64(moment), pd.Timestamp(moment)):
        same("Session", "started", given, moment)
    same("Session", "score", Decimal("1.5"), Decimal("1.50"))
    same("Session", "score", 1.5, Decimal("1.50"))
    same("Session", "good", True, True)
    same("Session", "good", np.bool_(False), False)
    same("Session", "session", np.int64(2), 2)
    same("Session", "session", np.uint8(2), 2)
    same("Session", "session", 2.0, 2)
    same("Subject", "weight", np.float32(18.25), 18.25)
    same("Subject", "weight", 1e300, 1e300)
    same("Subject", "name", np.str_("it's"), "it's")
    same("Recording", "level", 0.25, 0.25)
    same("Recording", "recording_id", 10**12, 10**12)
    same("Session", "note", "50% \\ o'clock", "50% \\ o'clock")
    same("Recording", "path", "C:\\data\\1%.bin", "C:\\data\\1%.bin")


@pytest.mark.statement("QRY-13")
def test_values_that_no_row_can_have_match_nothing(lab):
    for condition in (
        {"session": 2.5}, {"session": 10**12}, {"session": -(10**30)}, {"subject_id": 2**31}, {"score": Decimal("1.505")},
        {"name": "x" * 500}, {"started": dt.datetime(2024, 2, 2, 12, 30, 0, 125001)}, {"score": 10**9},
        {"nick": "ZOE"}, {"nick": "abel "}, {"nick": "zoé"},
    ):  # fmt: skip
        table = lab.Session if set(condition) & {"session", "score", "started"} else lab.Subject
        assert [] == (table & condition).keys(), condition
        assert [] == (table & [condition, condition]).keys(), condition
        (name,) = condition
        not_null = [r for r in lab.rows[table.__name__] if r[name] is not None]
        assert len(not_null) == len(table - condition), condition


@pytest.mark.statement("QRY-13")
def test_nan_matches_no_number(lab):
    for nan in (float("nan"), np.float32("nan"), np.nan):
        assert subjects(lab, lambda r: r["weight"] is None) == keys_of(lab.Subject & {"weight": nan})


@pytest.mark.statement("QRY-13")
@pytest.mark.parametrize(
    "condition",
    [{"subject_id": "seven"}, {"born": "yesterday"}, {"tag": "no uuid"}, {"weight": "heavy"}, {"born": 5}, {"name": 5},
     {"subject_id": ...}, {"species": "cat"}],
    ids=str,
)  # fmt: skip
def test_values_that_make_no_sense_are_refused_by_name(lab, condition):
    (name,) = condition
    with pytest.raises(dj.DataJointError, match=name):
        lab.Subject & condition
    with pytest.raises(dj.DataJointError, match=name):
        lab.Subject & [condition, condition]


@pytest.mark.statement("QRY-14")
@pytest.mark.parametrize(
    "kind", [list, tuple, set, frozenset, np.array, iter, pd.Series], ids=lambda k: k.__name__
)
def test_several_values_mean_in(lab, kind):
    assert {(1,), (4,)} == keys_of(lab.Subject & {"subject_id": kind([1, 4])})
    expected = subjects(lab, lambda r: r["nick"] in ("Zoe", "it's"))
    assert expected == keys_of(lab.Subject & {"nick": kind(["Zoe", "it's"])})
    assert {(8,)} <= keys_of(lab.Subject - {"subject_id": kind([1, 4])})


@pytest.mark.statement("QRY-14")
def test_several_values_of_other_sizes(lab):
    assert set() == keys_of(lab.Subject & {"subject_id": []})
    assert keys_of(lab.Subject()) == keys_of(lab.Subject - {"subject_id": []})
    assert keys_of(lab.Subject()) == keys_of(lab.Subject & {"subject_id": range(-5000, 5000)})
    assert {(2,)} == keys_of(lab.Subject & {"subject_id": [2], "species": ["it's", "rat"]})
    assert subjects(lab, lambda r: r["nick"] is None or r["nick"] == "Zoe") == keys_of(
        lab.Subject & {"nick": ["Zoe", None]}
    )
    assert subjects(lab, lambda r: r["tag"] in (UUID(int=2), UUID(int=4))) == keys_of(
        lab.Subject & {"tag": [UUID(int=2), str(UUID(int=4))]}
    )


@pytest.mark.statement("QRY-26")
@pytest.mark.parametrize(
    "text",
    [
        "' OR '1'='1",
        "\\' OR 1=1 -- ",
        "'; DROP TABLE x; --",
        '" OR ""="',
        "%",
        "_",
        "\\",
        "''",
        "%(a)s",
        "{}",
        "?",
        ":a",
        "$1",
    ],
)
def test_a_value_is_never_sql(lab, text):
    for condition in ({"name": text}, {"name": [text, text + "x"]}, [{"name": text}, {"name": text + "x"}]):
        assert [] == (lab.Subject & condition).keys()
    assert 9 == len(lab.Subject - {"name": text})


# --------------------------------------------------------------------------------------------- collections


@pytest.mark.statement("QRY-15")
def test_collections_are_or(lab):
    expected = subjects(lab, lambda r: r["species"] == "rat" or r["subject_id"] == 3 or r["nick"] is None)
    items = ["species = 'rat'", {"subject_id": 3}, {"nick": None}]
    for collection in (
        items,
        tuple(items),
        (item for item in items),
        dict.fromkeys(range(3)).keys() and items,
    ):
        assert expected == keys_of(lab.Subject & collection)
    assert {(1,), (2,)} == keys_of(lab.Subject & {"subject_id = 1", "subject_id = 2"})
    assert {(1,), (2,)} == keys_of(lab.Subject & ({"subject_id": n} for n in (1, 2)))
    assert {(1,), (2,)} == keys_of(lab.Subject & ({"subject_id": n} for n in (1, 2)))
    assert keys_of(lab.Subject()) - expected - subjects(lab, lambda r: r["nick"] is None) == keys_of(
        lab.Subject - items
    )


@pytest.mark.statement("QRY-15")
@pytest.mark.parametrize("empty", [[], (), set(), {}.keys(), np.array([]), iter(()), pd.DataFrame(), pl.DataFrame()],
                         ids=lambda e: type(e).__module__ + type(e).__name__)  # fmt: skip
def test_an_empty_collection_selects_nothing(lab, empty):
    assert [] == (lab.Subject & empty).to_dicts()


@pytest.mark.statement("QRY-15")
def test_minus_an_empty_collection_keeps_everything(lab):
    for empty in ([], (), set(), np.array([]), pd.DataFrame({"subject_id": []})):
        assert 9 == len(lab.Subject - empty)


@pytest.mark.statement("QRY-15")
def test_keys_of_another_query(lab):
    keys = (lab.Session & "session = 1").keys()
    assert keys
    assert {tuple(k.values()) for k in keys} == keys_of(lab.Session & keys)
    assert {(k["subject_id"],) for k in keys} == keys_of(lab.Subject & keys)
    mixed = [
        {"subject_id": 1},
        {"session": 2},
        {"subject_id": 3, "session": 3, "note": None},
        {"qx_other": 5},
    ]
    with pytest.raises(dj.errors.UnknownAttributeError, match="`qx_other`"):
        lab.Session & mixed
    mixed[-1] = {"species": 5}
    assert len(lab.rows["Session"]) == len(lab.Session & mixed)
    expected = [r for r in lab.rows["Session"] if r["subject_id"] == 1 or r["session"] == 2]
    assert bag(expected) == bag(lab.Session & mixed[:3])


@pytest.mark.statement("QRY-15")
def test_many_items(lab):
    many = [{"subject_id": n, "nick": None if n % 2 else "Zoe"} for n in range(3000)]
    expected = subjects(lab, lambda r: r["nick"] == (None if r["subject_id"] % 2 else "Zoe"))
    assert expected == keys_of(lab.Subject & many)
    assert {(1,), (2,)} == keys_of(lab.Subject & [f"subject_id = {n}" for n in (*range(1000, 2500), 1, 2)])


@pytest.mark.statement("QRY-15")
def test_arrays_and_frames(lab):
    rows = lab.Session.to_arrays()
    chosen = rows[rows["subject_id"] == 3]
    expected = {(3, 1), (3, 2), (3, 3)}
    assert expected == keys_of(lab.Session & chosen[["subject_id", "session"]])
    assert expected == keys_of(lab.Session & chosen)
    assert {(3, int(chosen[0]["session"]))} == keys_of(lab.Session & chosen[0])
    assert expected == keys_of(lab.Session & chosen.view(np.recarray)[["subject_id", "session"]])
    frame = lab.Session.to_pandas().loc[3:3]
    assert expected == keys_of(lab.Session & frame)
    assert expected == keys_of(lab.Session & frame.reset_index()[["subject_id", "session", "started"]])
    assert expected == keys_of(lab.Session & lab.Session.to_polars().filter(pl.col("subject_id") == 3))
    assert expected == keys_of(
        lab.Session & lab.Session.to_polars().filter(pl.col("subject_id") == 3).to_arrow()
    )
    missing = pd.DataFrame({"nick": ["Zoe", None], "weight": [18.25, np.nan]})
    wanted = [(18.25, "Zoe"), (None, None)]
    assert subjects(lab, lambda r: (r["weight"], r["nick"]) in wanted) == keys_of(lab.Subject & missing)
    whole = pd.DataFrame({"subject_id": pd.array([1, None], dtype="Int64")})
    assert {(1,)} == keys_of(lab.Subject & whole)


@pytest.mark.statement("QRY-16")
def test_and_list_and_not(lab):
    both = dj.AndList(["species = 'rat'", {"weight": 0.0}])
    assert subjects(lab, lambda r: r["species"] == "rat" and r["weight"] == 0.0) == keys_of(
        lab.Subject & both
    )
    assert keys_of(lab.Subject()) == keys_of(lab.Subject & dj.AndList([]))
    assert set() == keys_of(lab.Subject - dj.AndList([]))
    assert subjects(lab, lambda r: r["species"] != "rat") == keys_of(lab.Subject & dj.Not("species = 'rat'"))
    nested = [both, dj.Not(["subject_id < 5", dj.AndList(["subject_id > 6", "subject_id < 8"])])]
    assert subjects(
        lab,
        lambda r: (
            (r["species"] == "rat" and r["weight"] == 0.0)
            or not (r["subject_id"] < 5 or (6 < r["subject_id"] < 8))
        ),
    ) == keys_of(lab.Subject & nested)
    lent = {r["subject_id"] for r in lab.rows["Loan"]} - {None}
    assert subjects(lab, lambda r: r["subject_id"] not in lent and r["subject_id"] > 3) == keys_of(
        lab.Subject & dj.AndList([dj.Not(lab.Loan), "subject_id > 3"])
    )
    grown = dj.AndList(["subject_id > 1"])
    grown.append(dj.AndList(["subject_id < 4", dj.Not({"subject_id": 2})]))
    assert {(3,)} == keys_of(lab.Subject & grown)


@pytest.mark.statement("QRY-17")
def test_true_and_false_on_every_expression(lab):
    expressions = [
        lab.Session(), lab.Session * lab.Subject, lab.Subject.aggr(lab.Session, n="count(session)"),
        (lab.Session & "session < 3") + (lab.Session & "session > 1"), lab.Session.proj(n="session + 1"),
        dj.U("day") & lab.Session, dj.U().aggr(lab.Session, n="count(*)"), dj.U("day").aggr(lab.Session, n="count(*)"),
        lab.Session & dj.Top(3), lab.Session.extend(lab.Subject), lab.Ghost(), dj.U() & lab.Session,
    ]  # fmt: skip
    for expression in expressions:
        rows = bag(expression)
        for true in (True, np.True_, dj.Not(False), [True], [False, True], dj.AndList([True]), "true"):
            assert rows == bag(expression & true), true
        for false in (False, np.False_, dj.Not(True), [False], dj.AndList([True, False]), "FALSE"):
            assert [] == (expression & false).to_dicts(), false
            assert rows == bag(expression - false), false
            assert 0 == len(expression & false)


# ------------------------------------------------------------------------------------------- expressions


@pytest.mark.statement("QRY-18")
def test_semijoin_and_antijoin(lab):
    trials, sessions = lab.rows["Trial"], lab.rows["Session"]

    def has(row, others, *names):
        return any(matches(row, other, *names) for other in others)

    expected = [s for s in sessions if has(s, trials, "subject_id", "session")]
    assert bag(expected) == bag(lab.Session & lab.Trial)
    assert bag([s for s in sessions if s not in expected]) == bag(lab.Session - lab.Trial)
    hits = [t for t in trials if t["outcome"] == "hit" and t["rt"] > 3]
    assert bag([s for s in sessions if has(s, hits, "subject_id", "session")]) == bag(
        lab.Session & (lab.Trial & "outcome = 'hit'" & "rt > 3")
    )
    # secondary attributes take part: a recording names its session outside its key
    recordings = lab.rows["Recording"]
    assert bag([s for s in sessions if has(s, recordings, "subject_id", "session")]) == bag(
        lab.Session & lab.Recording
    )
    assert bag([s for s in sessions if not has(s, recordings, "subject_id", "session")]) == bag(
        lab.Session - lab.Recording
    )
    rats = [s for s in lab.rows["Subject"] if s["species"] == "rat"]
    assert bag([r for r in recordings if has(r, rats, "subject_id")]) == bag(
        lab.Recording & (lab.Subject & {"species": "rat"})
    )


@pytest.mark.statement("QRY-18")
def test_semijoin_by_renamed_references(lab):
    people = {s["experimenter"] for s in lab.rows["Session"]} - {None}
    idle = {u["user"] for u in lab.rows["User"]} - {s["analyst"] for s in lab.rows["Session"]}
    assert people != {u["user"] for u in lab.rows["User"]}
    assert {(p,) for p in people} == keys_of(lab.User & lab.Session.proj(user="experimenter"))
    assert {(p,) for p in idle} == keys_of(lab.User - lab.Session.proj(user="analyst"))
    assert bag([s for s in lab.rows["Session"] if s["analyst"] == "ann"]) == bag(
        lab.Session & (lab.User & "full_name like 'Ann%'").proj(analyst="user")
    )


@pytest.mark.statement("QRY-18")
def test_semijoin_with_every_kind_of_expression(lab):
    sessions = lab.rows["Session"]
    counts = {
        s["subject_id"]: sum(k["subject_id"] == s["subject_id"] for k in sessions)
        for s in lab.rows["Subject"]
    }
    cases = [
        (lab.Subject.aggr(lab.Session, n="count(session)") & "n = 2", lambda i: counts[i] == 2),
        ((lab.Session & "session = 2") + (lab.Session & "session = 3"), lambda i: counts[i] > 1),
        (dj.U("subject_id") & lab.Session, lambda i: counts[i] > 0),
        (dj.U("subject_id").aggr(lab.Session, n="count(*)") & "n > 2", lambda i: counts[i] > 2),
        (lab.Session & dj.Top(1, "KEY DESC"), lambda i: i == 5),
        (lab.Session.proj(double="session * 2") & "double > 4", lambda i: counts[i] > 2),
        (lab.Session * lab.Subject & "species = 'rat'", lambda i: counts[i] > 0 and i % 3 == 1),
    ]
    for expression, wanted in cases:
        assert subjects(lab, lambda r, w=wanted: w(r["subject_id"])) == keys_of(lab.Subject & expression)
        assert subjects(lab, lambda r, w=wanted: not w(r["subject_id"])) == keys_of(lab.Subject - expression)


@pytest.mark.statement("QRY-19")
def test_an_expression_restricts_the_table_it_came_from(lab):
    for table, rows, condition, wanted in (
        (lab.Subject, lab.rows["Subject"], "species = 'rat'", lambda r: r["species"] == "rat"),
        (lab.Session, lab.rows["Session"], {"good": None}, lambda r: r["good"] is None),
        (lab.Recording, lab.rows["Recording"], "level > 0.1", lambda r: r["level"] and r["level"] > 0.1),
    ):
        assert bag([r for r in rows if wanted(r)]) == bag(table & (table & condition))
        assert bag([r for r in rows if not wanted(r)]) == bag(table - (table & condition))
        assert bag(rows) == bag(table & table)
        assert [] == (table - table).to_dicts()
        assert bag([r for r in rows if wanted(r)]) == bag(table & (table & condition).proj())


@pytest.mark.statement("QRY-20")
def test_without_shared_attributes(lab):
    assert 9 == len(lab.Subject & lab.User)
    assert 0 == len(lab.Subject - lab.User)
    assert 0 == len(lab.Subject & (lab.User & False))
    assert 9 == len(lab.Subject - (lab.User & False))
    assert 0 == len(lab.User & lab.Ghost)
    assert 3 == len(lab.User - lab.Ghost)
    assert 9 == len(lab.Subject & (lab.User & dj.Top(1)))
    assert 0 == len(lab.Subject - (lab.User & dj.Top(1)))
    assert 0 == len(lab.Subject & (lab.User & dj.Top(1, offset=5)))


@pytest.mark.statement("QRY-22")
def test_restriction_by_the_universal_set(lab):
    assert 9 == len(lab.Subject & dj.U())
    assert 9 == len(lab.Subject & dj.U("species"))
    assert 9 == len(lab.Subject & dj.U("no_such_attribute"))


@pytest.mark.statement("QRY-23")
@pytest.mark.parametrize(
    "other", [None, 5, 1.5, np.int64(3), ..., b"bytes", print, [5], [None], ("a = 1", 3)], ids=repr
)
def test_other_objects_are_refused(lab, other):
    with pytest.raises(dj.DataJointError, match=r"[Ii]nvalid restriction type|no attribute|has no"):
        lab.Subject & other
    with pytest.raises(dj.DataJointError):
        lab.Subject - other


# --------------------------------------------------------------------------------------- paths and checks


@pytest.mark.statement("QRY-24")
def test_json_paths_in_dict_keys(lab):
    def keys(condition):
        return [row["document"] for row in (lab.Document & condition).keys(order_by="KEY")]

    assert [1] == keys({"content.a.b[0]": 5})
    assert [2] == keys({"content.a.b[0]": 7})
    assert [] == keys({"content.a.b[0]": 6})
    assert [1] == keys({"content.n": 2.5})
    assert [1] == keys({"content.s": "it's"})
    assert [1] == keys({"content.a.b[1]": "x"})
    assert [1, 2] == keys({"content.a.b[0]:unsigned": [5, 7]})
    assert [1] == keys([{"content.n": 2.5}, {"document": 99}])
    assert [1] == keys("content.a.b[0] < 6")


@pytest.mark.statement("QRY-24")
def test_json_paths_in_projections(lab):
    rows = lab.Document.proj(
        first="content.a.b[0]:int32", text="content.s", number="content.n:float64"
    ).to_dicts(order_by="KEY")
    assert [5, 7, None, None] == [row["first"] for row in rows]
    assert ["it's", None, None, None] == [row["text"] for row in rows]
    assert [2.5, None, None, None] == [row["number"] for row in rows]


@pytest.mark.statement("QRY-25")
def test_restrict_without_the_semantic_check(lab):
    other = lab.User.proj(experimenter="full_name")
    with pytest.raises(dj.DataJointError, match="experimenter"):
        lab.Session & other
    assert [] == lab.Session.restrict(other, semantic_check=False).to_dicts()
    names = lab.User.proj(name="user")
    expected = [r for r in lab.rows["Subject"] if r["name"] in ("ann", "bob", "cyd")]
    assert bag(expected) == bag(lab.Subject.restrict(names, semantic_check=False))
    assert 9 == len(lab.Subject.restrict(True))
    assert 1 == len(lab.Subject.restrict({"subject_id": 1}).restrict("subject_id = 1"))


@pytest.mark.statement("QRY-10")
def test_restrictions_warn_about_nothing(lab):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 9 == len(lab.Subject & "subject_id >= 0")
