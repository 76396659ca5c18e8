"""Outer joins: every row of both operands, under the union of their keys."""

import pytest

import datajoint as dj
from datajoint.errors import QueryError
from plugins.lab import bag, matches


def outer(rows, others, names, left, right):
    """Return an outer join in Python; `left` and `right` are the attributes of the operands."""
    found = []
    for row in rows:
        partners = [other for other in others if matches(row, other, *names)] or [dict.fromkeys(right)]
        found += [{**other, **row} for other in partners]
    alone = [other for other in others if not any(matches(row, other, *names) for row in rows)]
    return [*found, *({**dict.fromkeys(left), **other} for other in alone)]


def expected(lab, left, right, *names, only_left=None, only_right=None):
    rows = [r for r in lab.rows[left] if only_left is None or only_left(r)]
    others = [r for r in lab.rows[right] if only_right is None or only_right(r)]
    return bag(outer(rows, others, names, lab.rows[left][0], lab.rows[right][0]))


@pytest.mark.statement("QRY-36", "QRY-2")
def test_every_row_of_both(lab):
    joined = lab.Session.join(lab.Subject, outer=True)
    assert expected(lab, "Session", "Subject", "subject_id") == bag(joined)
    assert ["subject_id", "session"] == joined.primary_key
    assert joined.heading["session"].nullable
    assert not joined.heading["subject_id"].nullable
    assert len(joined) == len(joined.to_dicts())
    assert expected(lab, "Subject", "Session", "subject_id") == bag(lab.Subject.join(lab.Session, outer=True))
    joined = lab.Recording.join(lab.Trial, outer=True)
    assert expected(lab, "Recording", "Trial", "subject_id", "session") == bag(joined)
    assert {"recording_id", "subject_id", "session", "trial"} == set(joined.primary_key)
    assert all(joined.heading[name].nullable for name in ("recording_id", "trial"))


@pytest.mark.statement("QRY-36", "QRY-5")
def test_restricted_operands(lab):
    def is_rat(row):
        return row["species"] == "rat"

    rats = lab.Subject & {"species": "rat"}
    good = lab.Session & "session = 1"
    first = {"only_left": lambda r: r["session"] == 1, "only_right": is_rat}
    assert expected(lab, "Session", "Subject", "subject_id", **first) == bag(good.join(rats, outer=True))
    first = sorted(lab.rows["Session"], key=lambda s: (s["subject_id"], s["session"]))[:4]
    rows = outer(first, lab.rows["Subject"], ["subject_id"], lab.rows["Session"][0], lab.rows["Subject"][0])
    assert bag(rows) == bag((lab.Session & dj.Top(4)).join(lab.Subject, outer=True))
    rows = outer(lab.rows["Subject"], first, ["subject_id"], lab.rows["Subject"][0], lab.rows["Session"][0])
    assert bag(rows) == bag(lab.Subject.join(lab.Session & dj.Top(4), outer=True))


@pytest.mark.statement("QRY-36", "QRY-6")
def test_what_is_made_of_it(lab):
    joined = lab.Session.join(lab.Subject & "species <> 'rat'", outer=True)
    rows = joined.to_dicts()
    assert bag(r for r in rows if r["session"] is None) == bag(joined & "session is null")
    assert bag(r for r in rows if r["session"] is None) == bag(joined & {"session": None})
    assert bag(r for r in rows if r["subject_id"] == 3) == bag(joined & {"subject_id": 3})
    assert bag(r for r in rows if r["species"]) == bag(joined - {"species": None})
    counted = dj.U("species").aggr(joined, n="count(session)").to_dicts()
    assert {r["species"] for r in rows} == {r["species"] for r in counted}
    assert sum(r["session"] is not None for r in rows) == sum(r["n"] for r in counted)
    named = joined.proj(s="session", x="concat(note, '!')")
    assert bag(
        {
            "subject_id": r["subject_id"],
            "s": r["session"],
            "x": None if r["note"] is None else r["note"] + "!",
        }
        for r in rows
    ) == bag(named)
    ordered = joined.to_dicts(order_by="KEY", limit=3, offset=1)
    key = [(r["subject_id"], -1 if r["session"] is None else r["session"]) for r in rows]
    assert sorted(key)[1:4] == [
        (r["subject_id"], -1 if r["session"] is None else r["session"]) for r in ordered
    ]
    assert {r["subject_id"] for r in rows} == {k["subject_id"] for k in lab.Subject & joined.proj()}


@pytest.mark.statement("QRY-36", "LIN-3")
def test_empty_operands_and_no_shared_attribute(lab):
    ghosts = lab.Subject.join(lab.Ghost, outer=True)
    assert len(lab.rows["Subject"]) == len(ghosts)
    assert bag(ghosts) == bag(lab.Ghost.join(lab.Subject, outer=True))
    nobody = lab.User & False
    everybody = lab.Subject.join(nobody, outer=True)
    assert bag({**s, "user": None, "full_name": None} for s in lab.rows["Subject"]) == bag(everybody)
    assert bag(everybody) == bag(nobody.join(lab.Subject, outer=True))
    assert len(lab.rows["Subject"]) * len(lab.rows["User"]) == len(lab.Subject.join(lab.User, outer=True))
    assert bag(lab.Session()) == bag(lab.Session.join(lab.Session, outer=True))


@pytest.mark.statement("QRY-36")
def test_nulls_match_nothing(lab):
    names = lab.User.proj(experimenter="user", full="full_name")
    joined = lab.Session.join(names, outer=True)
    users = [{"experimenter": u["user"], "full": u["full_name"]} for u in lab.rows["User"]]
    rows = outer(lab.rows["Session"], users, ["experimenter"], lab.rows["Session"][0], users[0])
    assert any(r["subject_id"] is None for r in rows)
    assert any(r["experimenter"] is None for r in rows)
    assert bag(rows) == bag(joined)
    assert {"subject_id", "session", "experimenter"} == set(joined.primary_key)


@pytest.mark.statement("QRY-36", "TYP-1")
def test_what_is_refused(lab, schema):
    with pytest.raises(QueryError, match="left or outer"):
        lab.Session.join(lab.Subject, left=True, outer=True)
    with pytest.raises(QueryError, match="joined with"):
        lab.Session.join(dj.U("subject_id"), outer=True)

    @schema
    class One(dj.Manual):
        definition = "number : int8"

    @schema
    class Two(dj.Manual):
        definition = "number : int64"

    with pytest.raises(QueryError, match="`number` is int8 on one side and int64 on the other"):
        One.join(Two, semantic_check=False, outer=True)
    with pytest.raises(QueryError, match="lineage"):
        One.join(Two, outer=True)
    One.insert([{"number": 1}, {"number": 2}])
    Two.insert([{"number": 2}, {"number": 3000}])
    assert 2 == len(Two.join(Two & "number = 2", outer=True))
