"""Joins: ``*``, ``join``, ``extend``, their keys and what they refuse."""

import pytest

import datajoint as dj
from plugins.lab import bag, join, matches


def extended(rows, others, names, attributes):
    """Return a left join in Python."""
    found = []
    for row in rows:
        partners = [other for other in others if matches(row, other, *names)] or [dict.fromkeys(attributes)]
        found += [{**other, **row} for other in partners]
    return found


@pytest.mark.statement("QRY-30")
def test_pairs_of_equal_rows(lab):
    r = lab.rows
    assert bag(join(r["Session"], r["Subject"], "subject_id")) == bag(lab.Session * lab.Subject)
    assert bag(join(r["Trial"], r["Session"], "subject_id", "session")) == bag(lab.Trial * lab.Session)
    assert bag(join(r["Recording"], r["Trial"], "subject_id", "session")) == bag(lab.Recording * lab.Trial)
    loans = [
        {**a, **b} for a in r["Loan"] for b in r["Recording"] if matches(a, b, "recording_id", "subject_id")
    ]
    assert loans
    assert bag(loans) == bag(lab.Loan * lab.Recording)
    assert bag({**a, **b} for a in r["Subject"] for b in r["User"]) == bag(lab.Subject * lab.User)
    assert [] == (lab.Subject * lab.Ghost).to_dicts()
    assert [] == (lab.User * lab.Ghost).to_dicts()


@pytest.mark.statement("QRY-30")
def test_two_references_to_one_parent(lab):
    people = {u["user"]: u["full_name"] for u in lab.rows["User"]}
    named = (
        lab.Session
        * lab.User.proj(experimenter="user", e="full_name")
        * lab.User.proj(analyst="user", a="full_name")
    )
    expected = [
        {**s, "e": people[s["experimenter"]], "a": people[s["analyst"]]}
        for s in lab.rows["Session"]
        if s["experimenter"] and s["analyst"]
    ]
    assert expected
    assert bag(expected) == bag(named)
    # one reference under the name of the parent
    expected = [
        {
            "subject_id": s["subject_id"],
            "session": s["session"],
            "user": s["analyst"],
            "full_name": people[s["analyst"]],
        }
        for s in lab.rows["Session"]
        if s["analyst"]
    ]
    assert bag(expected) == bag(lab.Session.proj(user="analyst") * lab.User)


@pytest.mark.statement("QRY-30")
def test_joins_of_restricted_limited_grouped_and_united_operands(lab):
    sessions, subjects, trials = lab.rows["Session"], lab.rows["Subject"], lab.rows["Trial"]
    rats = [s for s in subjects if s["species"] == "rat"]
    assert bag(join(sessions, rats, "subject_id")) == bag(lab.Session * (lab.Subject & {"species": "rat"}))
    first = sorted(sessions, key=lambda s: (s["subject_id"], s["session"]))[:4]
    assert bag(join(first, subjects, "subject_id")) == bag((lab.Session & dj.Top(4)) * lab.Subject)
    assert bag(join(first, subjects, "subject_id")) == bag(lab.Subject * (lab.Session & dj.Top(4)))
    counted = [{**s, "n": sum(matches(s, t, "subject_id", "session") for t in trials)} for s in sessions]
    assert bag(join(counted, subjects, "subject_id")) == bag(
        lab.Session.aggr(lab.Trial, ..., n="count(trial)") * lab.Subject
    )
    united = (lab.Session & "session = 1") + (lab.Session & "session = 2")
    assert bag(join([s for s in sessions if s["session"] < 3], subjects, "subject_id")) == bag(
        united * lab.Subject
    )
    assert bag(join([s for s in sessions if s["session"] < 3], subjects, "subject_id")) == bag(
        lab.Subject * united
    )


@pytest.mark.statement("QRY-31")
def test_key_where_the_left_determines_the_right(lab):
    for joined, key in (
        (lab.Session * lab.Subject, ["subject_id", "session"]),
        (lab.Recording * lab.Session, ["recording_id"]),
        (lab.Loan * lab.Subject, ["loan"]),
    ):
        assert key == joined.primary_key
        assert key == joined.heading.names[: len(key)]
        assert len(joined) == len({tuple(r[n] for n in key) for r in joined})
    names = (lab.Session * lab.Subject).heading.names
    assert lab.Session.heading.names == names[: len(lab.Session.heading.names)]


@pytest.mark.statement("QRY-32")
def test_key_where_the_right_determines_the_left(lab):
    joined = lab.Subject * lab.Session
    assert ["subject_id", "session"] == joined.primary_key
    assert lab.Session.heading.names == joined.heading.names[: len(lab.Session.heading.names)]
    assert ["recording_id"] == (lab.Session * lab.Recording).primary_key


@pytest.mark.statement("QRY-33")
def test_key_where_neither_determines_the_other(lab):
    joined = lab.Trial * lab.Recording
    assert ["subject_id", "session", "trial", "recording_id"] == joined.primary_key
    assert len(joined) == len({tuple(r[n] for n in joined.primary_key) for r in joined})
    assert ["subject_id", "user"] == (lab.Subject * lab.User).primary_key
    assert ["user", "subject_id"] == (lab.User * lab.Subject).primary_key


@pytest.mark.statement("QRY-34")
def test_both_directions_and_both_orders(lab):
    same = lab.Session * lab.Session.proj()
    assert ["subject_id", "session"] == same.primary_key
    swapped = lab.Session.proj(session="subject_id", subject_id="session", x="note")
    with pytest.raises(dj.DataJointError):
        lab.Session * swapped  # equal names, other meanings
    for left, right in (
        (lab.Session, lab.Subject), (lab.Trial, lab.Recording), (lab.Loan, lab.Recording), (lab.Subject, lab.User),
        (lab.Session & "good", lab.Trial), (lab.Session, lab.Session.proj("day")),
    ):  # fmt: skip
        assert bag(left * right) == bag(right * left)


@pytest.mark.statement("QRY-35")
def test_extend_keeps_every_row(lab):
    r = lab.rows
    extension = lab.Loan.extend(lab.Recording.proj("path", "level"))
    expected = extended(
        r["Loan"], [{n: x[n] for n in ("recording_id", "path", "level")} for x in r["Recording"]], ["recording_id"],
        ["path", "level"],
    )  # fmt: skip
    assert any(x["path"] is None for x in expected)
    assert bag(expected) == bag(extension)
    assert ["loan"] == extension.primary_key
    assert extension.heading["path"].nullable
    # the right side is restricted before the join, the result after it
    rats = [s for s in r["Subject"] if s["species"] == "rat"]
    names = [n for n in r["Subject"][0] if n != "subject_id"]
    assert bag(extended(r["Session"], rats, ["subject_id"], names)) == bag(
        lab.Session.extend(lab.Subject & "species = 'rat'")
    )
    assert bag(
        [x for x in extended(r["Session"], rats, ["subject_id"], names) if x["species"] is None]
    ) == bag(lab.Session.extend(lab.Subject & "species = 'rat'") & "species is null")


@pytest.mark.statement("QRY-35")
def test_extend_by_expressions(lab):
    r = lab.rows
    counts = lab.Subject.aggr(lab.Session, exclude_nonmatching=True, n="count(session)")
    n = {
        s["subject_id"]: sum(x["subject_id"] == s["subject_id"] for x in r["Session"]) or None
        for s in r["Subject"]
    }
    assert bag({**s, "n": n[s["subject_id"]]} for s in r["Subject"]) == bag(lab.Subject.extend(counts))
    two = lab.Session.extend(lab.Subject.proj("species")).extend(
        lab.User.proj(experimenter="user", who="full_name")
    )
    people = {u["user"]: u["full_name"] for u in r["User"]}
    species = {s["subject_id"]: s["species"] for s in r["Subject"]}
    assert bag(
        {**s, "species": species[s["subject_id"]], "who": people.get(s["experimenter"])} for s in r["Session"]
    ) == bag(two)
    first = lab.Session.extend(lab.Subject.proj("species") & dj.Top(3))
    assert bag(
        {**s, "species": species[s["subject_id"]] if s["subject_id"] < 3 else None} for s in r["Session"]
    ) == bag(first)


@pytest.mark.statement("QRY-35")
def test_extend_is_refused_without_determination(lab):
    with pytest.raises(dj.DataJointError, match=r"determine.*`session`"):
        lab.Subject.extend(lab.Session)
    with pytest.raises(dj.DataJointError, match=r"determine.*`trial`"):
        lab.Session.extend(lab.Trial)


@pytest.mark.statement("QRY-36")
def test_left_join(lab):
    r = lab.rows
    assert bag(lab.Session.extend(lab.Subject)) == bag(lab.Session.join(lab.Subject, left=True))
    with pytest.raises(dj.DataJointError, match="determine"):
        lab.Subject.join(lab.Session, left=True)
    allowed = lab.Subject.proj("species").join(lab.Session.proj("day"), left=True, allow_nullable_pk=True)
    subjects = [{n: s[n] for n in ("subject_id", "species")} for s in r["Subject"]]
    sessions = [{n: s[n] for n in ("subject_id", "session", "day")} for s in r["Session"]]
    expected = extended(subjects, sessions, ["subject_id"], ["session", "day"])
    assert any(x["session"] is None for x in expected)
    assert bag(expected) == bag(allowed)
    assert ["subject_id", "session"] == allowed.primary_key
    assert allowed.heading["session"].nullable
    assert bag([x for x in expected if x["session"] is None]) == bag(allowed & "session is null")
    assert bag([x for x in expected if x["session"] is None]) == bag(allowed & {"session": None})
    assert len(expected) == len(allowed)


@pytest.mark.statement("QRY-37")
def test_a_shared_attribute_of_another_origin_is_refused(lab):
    with pytest.raises(dj.DataJointError, match="`note`") as caught:
        lab.Session * lab.Subject.proj(note="name")
    assert "proj" in str(caught.value)
    with pytest.raises(dj.DataJointError, match="`name`"):
        lab.Subject * lab.User.proj(name="full_name")
    with pytest.raises(dj.DataJointError, match="`x`"):
        lab.Session.proj(x="session + 1") * lab.Subject.proj(x="subject_id + 1")


@pytest.mark.statement("QRY-38")
def test_a_table_joined_with_itself_is_the_table(lab):
    for name in ("Subject", "Session", "Recording", "Loan", "Trial"):
        table, rows = getattr(lab, name), lab.rows[name]
        assert bag(rows) == bag(table * table)
        assert table.primary_key == (table * table).primary_key
        assert table.heading.names == (table * table).heading.names
        assert bag(rows) == bag(table.extend(table))
    wide = lab.Loan * lab.Subject
    assert bag(wide) == bag(wide * wide)
    assert bag(wide) == bag(wide & wide)
    some = lab.Subject & "weight > 1"
    assert bag(some) == bag(some * lab.Subject) == bag(lab.Subject * some)


@pytest.mark.statement("QRY-30", "QRY-39")
def test_a_table_without_a_key(lab):
    (setup,) = lab.rows["Setup"]
    assert [setup] == lab.Setup.to_dicts()
    assert bag({**u, **setup} for u in lab.rows["User"]) == bag(lab.User * lab.Setup)
    assert bag({**u, **setup} for u in lab.rows["User"]) == bag(lab.Setup * lab.User)
    assert [{"n": 3}] == lab.Setup.aggr(lab.User, n="count(user)").to_dicts()
    assert [{**setup, "n": 3}] == lab.Setup.aggr(lab.User, ..., n="count(user)").to_dicts()
    assert [{"n": 0}] == lab.Setup.aggr(lab.Ghost, n="count(ghost)").to_dicts()
    assert [] == lab.Setup.aggr(lab.Ghost, exclude_nonmatching=True, n="count(ghost)").to_dicts()
    assert [] == (lab.Setup & False).aggr(lab.User, n="count(user)").to_dicts()
    assert [] == (lab.Setup.proj() & "1 = 0").aggr(lab.User, n="count(user)").to_dicts()
    assert [setup] == (lab.Setup & lab.User).to_dicts()
    assert [{}] == lab.Setup.proj().to_dicts()
    assert [{}] == lab.Setup.keys()
    assert {} == lab.Setup.fetch1("KEY")
    assert [setup] == (lab.Setup * lab.Setup).to_dicts()
