"""The universal set."""

import pytest

import datajoint as dj
from plugins.lab import bag


def distinct(rows, *names):
    return [dict(zip(names, values, strict=True)) for values in {tuple(r[n] for n in names) for r in rows}]


@pytest.mark.statement("QRY-50")
def test_distinct_values(lab):
    sessions = lab.rows["Session"]
    result = dj.U("day", "note") & lab.Session
    assert ["day", "note"] == result.primary_key == result.heading.names
    assert bag(distinct(sessions, "day", "note")) == bag(result)
    assert bag(distinct(sessions, "note")) == bag(dj.U("note") & lab.Session)
    assert bag(distinct(sessions, "session")) == bag(dj.U("session") & lab.Session())
    assert bag(distinct([s for s in sessions if s["good"]], "session")) == bag(
        dj.U("session") & (lab.Session & "good")
    )
    computed = [{**s, "odd": s["session"] % 2} for s in sessions]
    assert bag(distinct(computed, "odd", "note")) == bag(
        dj.U("odd", "note") & lab.Session.proj("note", odd="session % 2")
    )
    assert bag(distinct(sessions, "note")) == bag(dj.U("note").restrict(lab.Session))
    assert bag(distinct(lab.rows["Trial"], "outcome")) == bag(dj.U("outcome") & lab.Trial)
    assert len(distinct(sessions, "note")) == len(dj.U("note") & lab.Session)


@pytest.mark.statement("QRY-50")
def test_distinct_values_are_an_expression(lab):
    sessions = lab.rows["Session"]
    result = dj.U("note", "session") & lab.Session
    rows = distinct(sessions, "note", "session")
    assert bag([r for r in rows if r["session"] > 1]) == bag(result & "session > 1")
    assert bag([r for r in rows if r["note"] == "ok"]) == bag(result & {"note": "ok"})
    assert sorted(rows, key=lambda r: (r["session"], r["note"])) == result.to_dicts(
        order_by=["session", "note"]
    )
    assert sorted(rows, key=lambda r: (r["note"], r["session"]))[:2] == result.head(2)
    assert bag({"session": r["session"], "text": r["note"]} for r in rows) == bag(result.proj(text="note"))
    assert bag({**r, "n": r["session"] * 2} for r in rows) == bag(result.proj(n="session * 2"))
    assert bag(sessions) == bag(lab.Session & (dj.U("session") & lab.Session))
    assert bag(distinct(sessions, "session")) == bag(dj.U("session") & result)
    assert bag({"animals": len({s["subject_id"] for s in sessions})} for _ in range(1)) == bag(
        dj.U().aggr(dj.U("subject_id") & lab.Session, animals="count(*)")
    )
    nights = dj.U("subject_id", "day") & lab.Session
    assert bag({**s, "n": len({x["day"] for x in sessions if x["subject_id"] == s["subject_id"]})}
               for s in [{"subject_id": k} for k in range(9)]) == bag(lab.Subject.aggr(nights, n="count(day)"))  # fmt: skip
    assert len(distinct(sessions, "subject_id", "day")) == len(nights * lab.Subject)
    assert bag([r for r in rows if r["session"] < 3]) == bag(
        (result & "session = 1") + (result & "session = 2")
    )


@pytest.mark.statement("QRY-51")
def test_grouping(lab):
    sessions = lab.rows["Session"]
    result = dj.U("note").aggr(lab.Session, n="count(*)", last="max(day)")
    expected = [
        {
            "note": note,
            "n": sum(s["note"] == note for s in sessions),
            "last": max(s["day"] for s in sessions if s["note"] == note),
        }
        for note in {s["note"] for s in sessions}
    ]
    assert ["note"] == result.primary_key
    assert ["note", "n", "last"] == result.heading.names
    assert bag(expected) == bag(result)
    assert bag([r for r in expected if r["n"] > 3]) == bag(result & "n > 3")
    assert bag([r for r in expected if r["note"] == "ok"]) == bag(result & {"note": "ok"})
    assert bag({"note": r["note"], "m": r["n"] + 1} for r in expected) == bag(result.proj(m="n + 1"))
    two = dj.U("session", "good").aggr(lab.Session, n="count(*)")
    assert bag(
        {"session": k, "good": g, "n": sum(s["session"] == k and s["good"] is g for s in sessions)}
        for k, g in {(s["session"], s["good"]) for s in sessions}
    ) == bag(two)
    mixed = dj.U("session").aggr(lab.Session, m="session * 10 + count(*)")
    assert bag(
        {"session": k, "m": k * 10 + sum(s["session"] == k for s in sessions)}
        for k in {s["session"] for s in sessions}
    ) == bag(mixed)
    assert bag({"session": k} for k in {s["session"] for s in sessions}) == bag(
        dj.U("session").aggr(lab.Session)
    )


@pytest.mark.statement("QRY-51")
def test_one_row_for_everything(lab):
    assert [{"n": len(lab.rows["Session"])}] == dj.U().aggr(lab.Session, n="count(*)").to_dicts()
    assert [{"n": 0, "m": None}] == dj.U().aggr(lab.Ghost, n="count(*)", m="max(volume)").to_dicts()
    assert [{"n": 0}] == dj.U().aggr(lab.Session & False, n="count(*)").to_dicts()
    assert 1 == len(dj.U().aggr(lab.Ghost, n="count(*)"))
    assert dj.U().aggr(lab.Ghost, n="count(*)")
    assert {"n": 0} == dj.U().aggr(lab.Ghost, n="count(*)").fetch1()
    assert 0 == dj.U().aggr(lab.Ghost, n="count(*)").fetch1("n")
    assert [] == (dj.U().aggr(lab.Ghost, n="count(*)") & "n > 0").to_dicts()
    assert [] == dj.U("ghost").aggr(lab.Ghost, n="count(*)").to_dicts()
    total = dj.U().aggr(lab.Session, total="count(*)")
    shares = (dj.U("note").aggr(lab.Session, n="count(*)") * total).proj(share="n / total")
    assert abs(1 - sum(shares.to_arrays("share"))) < 1e-12


@pytest.mark.statement("QRY-52")
def test_the_empty_row(lab):
    assert [{}] == (dj.U() & lab.Session).to_dicts()
    assert [] == (dj.U() & lab.Ghost).to_dicts()
    assert 1 == len(dj.U() & lab.Session)
    assert 0 == len(dj.U() & lab.Ghost)
    assert dj.U() & lab.Session
    assert not dj.U() & lab.Ghost
    assert [{}] == (dj.U() & lab.Session).keys()
    assert {} == (dj.U() & lab.Session).fetch1()
    assert [{}] == list(dj.U() & lab.Session)
    assert 9 == len(lab.Subject & (dj.U() & lab.Session))
    assert 0 == len(lab.Subject & (dj.U() & lab.Ghost))
    assert bag(lab.rows["User"]) == bag(lab.User * (dj.U() & lab.Session))


@pytest.mark.statement("QRY-53")
def test_other_operators_are_refused_with_the_alternative(lab):
    u = dj.U("subject_id")
    for combine in (
        lambda: u - lab.Subject, lambda: u * lab.Subject, lambda: lab.Subject * u, lambda: lab.Subject - u, lambda: u + lab.Subject,
        lambda: lab.Subject + u, u.proj, lambda: u & u, lambda: lab.Subject.extend(u), lambda: lab.Subject.aggr(u, n="count(*)"),
        lambda: u.aggr(lab.Session, n="count(*)", exclude_nonmatching=False), lambda: u.join(lab.Subject), lambda: lab.Subject() * u,
    ):  # fmt: skip
        with pytest.raises(dj.DataJointError, match=r"dj\.U") as caught:
            combine()
        assert "\n" in str(caught.value)  # what to do instead


@pytest.mark.statement("QRY-54")
def test_an_absent_attribute_is_refused_by_name(lab):
    for combine in (
        lambda: dj.U("wieght") & lab.Subject,
        lambda: dj.U("species", "wieght").aggr(lab.Subject, n="count(*)"),
        lambda: dj.U("weight") & lab.Subject.proj(wieght="weight"),
    ):
        with pytest.raises(dj.errors.UnknownAttributeError, match=r"wieght|weight") as caught:
            combine()
        assert "weight" in str(caught.value).replace("wieght", "")
    with pytest.raises(dj.DataJointError):
        dj.U(5)
    with pytest.raises(dj.DataJointError, match="session"):
        dj.U("note").aggr(lab.Session, n="session + 1")


@pytest.mark.statement("QRY-55")
def test_null_is_one_group(lab):
    subjects = lab.rows["Subject"]
    assert sum(s["nick"] is None for s in subjects) > 1
    assert bag(distinct(subjects, "nick")) == bag(dj.U("nick") & lab.Subject)
    grouped = dj.U("nick").aggr(lab.Subject, n="count(*)", m="count(nick)")
    expected = [
        {
            "nick": k,
            "n": sum(s["nick"] == k for s in subjects),
            "m": 0 if k is None else sum(s["nick"] == k for s in subjects),
        }
        for k in {s["nick"] for s in subjects}
    ]
    assert bag(expected) == bag(grouped)
    assert bag([r for r in expected if r["nick"] is None]) == bag(grouped & {"nick": None})
    assert grouped.heading.nullable_key
    # texts that differ in case, accents or emptiness are groups of their own
    assert {None, "", "Zoe", "zoe", "abel", "Ábel"} == {r["nick"] for r in dj.U("nick") & lab.Subject}
