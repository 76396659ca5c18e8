"""Unions."""

import warnings

import pytest

import datajoint as dj
from plugins.lab import bag, join, pick


def united(left, right, key, names):
    """Return a union in Python: each key once, the values of the left win."""
    found = {}
    for row in [*right, *left]:
        k = tuple(row[n] for n in key)
        found[k] = {**found.get(k, {}), **row}
    return [{**dict.fromkeys(names), **row} for row in found.values()]


@pytest.mark.statement("QRY-46")
def test_each_key_once(lab):
    rows = lab.rows["Session"]
    key = ["subject_id", "session"]
    left, right = (
        pick([r for r in rows if r["session"] < 3], *key, "note"),
        pick([r for r in rows if r["session"] > 1], *key, "score"),
    )
    result = (lab.Session & "session < 3").proj("note") + (lab.Session & "session > 1").proj("score")
    assert ["subject_id", "session", "note", "score"] == result.heading.names
    assert key == result.primary_key
    assert bag(united(left, right, key, [*key, "note", "score"])) == bag(result)
    assert result.heading["note"].nullable
    keys = (lab.Session & "session < 3").proj() + (lab.Session & "session > 1").proj()
    assert bag(pick(rows, *key)) == bag(keys)
    assert bag(rows) == bag(lab.Session + lab.Session)
    assert (
        bag(lab.rows["Subject"])
        == bag(lab.Subject + (lab.Subject & False))
        == bag((lab.Subject & False) + lab.Subject)
    )


@pytest.mark.statement("QRY-46")
def test_keys_of_different_tables(lab):
    animals = {r["subject_id"] for r in lab.rows["Session"]} | {r["subject_id"] for r in lab.rows["Loan"]} - {
        None
    }
    seen = (dj.U("subject_id") & lab.Session) + (dj.U("subject_id") & (lab.Loan & "subject_id is not null"))
    assert bag({"subject_id": k} for k in animals) == bag(seen)
    swapped = (dj.U("session", "subject_id") & lab.Session) + lab.Session.proj()
    assert len(lab.rows["Session"]) == len(swapped)


@pytest.mark.statement("QRY-46")
def test_other_keys_are_refused(lab):
    for left, right in (
        (lab.Session, lab.Subject),
        (lab.Subject, lab.User),
        (lab.Subject, lab.Subject.proj(k="subject_id")),
    ):
        with pytest.raises(dj.DataJointError, match="primary key"):
            left + right


@pytest.mark.statement("QRY-47")
def test_the_left_side_wins(lab):
    subjects = lab.rows["Subject"]
    left = lab.Subject.proj("species", "nick") & "subject_id < 6"
    right = lab.Subject.proj("nick", "weight") & "subject_id > 3"
    rows = united(
        pick([s for s in subjects if s["subject_id"] < 6], "subject_id", "species", "nick"),
        pick([s for s in subjects if s["subject_id"] > 3], "subject_id", "nick", "weight"),
        ["subject_id"], ["subject_id", "species", "nick", "weight"],
    )  # fmt: skip
    assert bag(rows) == bag(left + right)
    # the left value wins also where it is NULL
    flag = lab.Subject.proj(mark="nick")
    other = flag.proj(mark="mark")
    assert bag(pick(subjects, "subject_id", mark="nick")) == bag(flag + other)


@pytest.mark.statement("QRY-47")
def test_two_restrictions_of_one_table(lab):
    rows = lab.rows["Session"]
    for left, right, wanted in (
        ("session = 1", "session = 2", lambda r: r["session"] < 3),
        ("session < 3", "session > 1", lambda r: True),
        ({"good": None}, "good", lambda r: r["good"] is not False),
        ({"analyst": None}, {"analyst": "ann"}, lambda r: r["analyst"] != "bob"),
        ("score > 0", {"score": None}, lambda r: r["score"] is None or r["score"] > 0),
    ):
        assert bag([r for r in rows if wanted(r)]) == bag((lab.Session & left) + (lab.Session & right))
    documents = (lab.Document & "document < 3") + (lab.Document & "document > 1")
    assert bag(lab.rows["Document"]) == bag(documents)


@pytest.mark.statement("QRY-48")
def test_a_union_is_an_expression(lab):
    rows = [r for r in lab.rows["Session"] if r["session"] in (1, 2)]
    union = (lab.Session & "session = 1") + (lab.Session & "session = 2")
    in_order = sorted(rows, key=lambda r: (r["subject_id"], r["session"]))
    assert bag([r for r in rows if r["subject_id"] > 1]) == bag(union & "subject_id > 1")
    assert bag([r for r in rows if r["session"] == 2]) == bag(union & {"session": 2})
    assert bag([r for r in rows if r["note"] == "ok"]) == bag(union & {"note": "ok"})
    assert in_order == union.to_dicts(order_by="KEY")
    assert in_order[1:3] == union.to_dicts(order_by="KEY", limit=2, offset=1)
    assert in_order[:2] == union.head(2)
    assert in_order[-2:] == union.tail(2)
    assert in_order[:2] == (union & dj.Top(2)).to_dicts(order_by="KEY")
    assert len(rows) == len(union)
    assert bag(pick(rows, "subject_id", "session", "day")) == bag(union.proj("day"))
    assert bag(
        {"subject_id": r["subject_id"], "session": r["session"], "n": r["session"] + 1} for r in rows
    ) == bag(union.proj(n="session + 1"))
    assert (
        bag(join(rows, lab.rows["Subject"], "subject_id"))
        == bag(union * lab.Subject)
        == bag(lab.Subject * union)
    )
    counts = {
        s["subject_id"]: sum(r["subject_id"] == s["subject_id"] for r in rows) for s in lab.rows["Subject"]
    }
    assert bag({"subject_id": k, "n": n} for k, n in counts.items()) == bag(
        lab.Subject.aggr(union, n="count(session)")
    )
    trials = list(lab.rows["Trial"])
    assert bag({"subject_id": r["subject_id"], "session": r["session"],
                "n": sum(t["subject_id"] == r["subject_id"] and t["session"] == r["session"] for t in trials)}
               for r in rows) == bag(union.aggr(lab.Trial, n="count(trial)"))  # fmt: skip
    assert bag(lab.rows["Session"]) == bag(union + lab.Session)
    assert bag(lab.rows["Session"]) == bag(lab.Session + union)
    assert bag(rows) == bag(lab.Session & union)
    assert bag([r for r in lab.rows["Session"] if r not in rows]) == bag(lab.Session - union)
    assert bag({"day": d} for d in {r["day"] for r in rows}) == bag(dj.U("day") & union)
    assert [{"n": len(rows)}] == dj.U().aggr(union, n="count(*)").to_dicts()
    assert bag(rows) == bag(union * union)
    text = repr(union)
    assert f"(Total: {len(rows)})" in text
    assert "*subject_id" in text


@pytest.mark.statement("QRY-48")
def test_unions_of_joins_projections_and_unions(lab):
    joined = lab.Session * lab.Subject.proj("species")
    union = (joined & "session = 1") + (joined & "species = 'rat'")
    rows = join(lab.rows["Session"], pick(lab.rows["Subject"], "subject_id", "species"), "subject_id")
    assert bag([r for r in rows if r["session"] == 1 or r["species"] == "rat"]) == bag(union)
    three = (lab.Session & "session = 1") + (lab.Session & "session = 2") + (lab.Session & "session = 3")
    assert bag([r for r in lab.rows["Session"] if r["session"] < 4]) == bag(three)
    nested = (lab.Session & "session = 1") + ((lab.Session & "session = 2") + (lab.Session & "session = 1"))
    assert bag([r for r in lab.rows["Session"] if r["session"] < 3]) == bag(nested)
    lean = three.proj("note") + lab.Session.proj("score")
    expected = [{**r, "note": r["note"] if r["session"] < 4 else None}
                for r in pick(lab.rows["Session"], "subject_id", "session", "note", "score")]  # fmt: skip
    assert bag(expected) == bag(lean)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counted = lab.Session.aggr(lab.Trial, n="count(trial)")
    assert bag(counted) == bag((counted & "n > 0") + (counted & "n = 0"))


@pytest.mark.statement("QRY-49")
def test_an_operand_keeps_its_limit(lab):
    rows = sorted(lab.rows["Session"], key=lambda r: (r["subject_id"], r["session"]))
    top, last = lab.Session & dj.Top(2), lab.Session & dj.Top(2, "KEY DESC")
    assert bag(rows[:2] + rows[-2:]) == bag(top + last)
    assert bag(rows[-2:] + rows[:2]) == bag(last + top)
    assert bag(rows[:2] + [r for r in rows[2:] if r["session"] == 1]) == bag(
        top + (lab.Session & "session = 1")
    )
    assert bag(rows[:2] + [r for r in rows[2:] if r["session"] == 1]) == bag(
        (lab.Session & "session = 1") + top
    )
    lean = top.proj("note") + last.proj("score")
    assert bag(
        [{**p, "score": None} for p in pick(rows[:2], "subject_id", "session", "note")]
        + [{**p, "note": None} for p in pick(rows[-2:], "subject_id", "session", "score")]
    ) == bag(lean)
