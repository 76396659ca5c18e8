"""Projection: choosing, renaming and computing attributes."""

from decimal import Decimal

import pytest

import datajoint as dj
from plugins.lab import bag, join, pick


@pytest.mark.statement("QRY-27")
def test_what_a_projection_keeps(lab):
    rows = lab.rows["Subject"]
    names = list(rows[0])

    def same(expected, *attributes):
        expression = lab.Subject.proj(*attributes)
        assert expected == expression.heading.names
        assert bag(pick(rows, *expected)) == bag(expression)

    same(["subject_id"])
    same(["subject_id", "weight"], "weight")
    same(["subject_id", "name", "weight"], "weight", "name")
    same(["subject_id", "name"], "subject_id", "name")
    same(names, ...)
    same([n for n in names if n != "weight"], ..., "-weight")
    same([n for n in names if n not in ("weight", "tag")], ..., "-weight", "-tag")
    same(["subject_id"], "-weight")
    same(["subject_id"], "weight", "-weight")


@pytest.mark.statement("QRY-27")
def test_a_key_attribute_stays(lab):
    with pytest.raises(dj.DataJointError, match="subject_id") as caught:
        lab.Session.proj(..., "-subject_id")
    assert "`subject_id`" in str(caught.value)
    assert ["subject_id", "session"] == lab.Session.proj("day").primary_key


@pytest.mark.statement("QRY-28")
def test_renaming(lab):
    rows = lab.rows["Session"]
    renamed = lab.Session.proj("day", animal="subject_id", points="score")
    assert ["animal", "session"] == renamed.primary_key
    assert {"animal", "session", "day", "points"} == set(renamed.heading.names)
    assert bag(pick(rows, "session", "day", animal="subject_id", points="score")) == bag(renamed)
    assert "subject_id" not in lab.Session.proj(..., animal="subject_id").heading.names
    swapped = lab.Session.proj(experimenter="analyst", analyst="experimenter")
    assert bag(pick(rows, "subject_id", "session", experimenter="analyst", analyst="experimenter")) == bag(
        swapped
    )
    twice = lab.Session.proj(a="note", b="note")
    assert bag(pick(rows, "subject_id", "session", a="note", b="note")) == bag(twice)
    keys = lab.Session.proj(session="subject_id", subject_id="session")
    assert bag(pick(rows, session="subject_id", subject_id="session")) == bag(keys)
    spaced = lab.Subject.proj(mass=" weight ")
    assert bag(pick(lab.rows["Subject"], "subject_id", mass="weight")) == bag(spaced)


@pytest.mark.statement("QRY-28")
def test_duplicating(lab):
    rows = lab.rows["Session"]
    copies = lab.Session.proj("note", copy="(note)", again="(subject_id)")
    assert ["subject_id", "session"] == copies.primary_key
    assert bag(pick(rows, "subject_id", "session", "note", copy="note", again="subject_id")) == bag(copies)


@pytest.mark.statement("QRY-28")
@pytest.mark.parametrize(
    "project",
    [lambda t: t.proj(a="wieght"), lambda t: t.proj("wieght"), lambda t: t.proj("-wieght"), lambda t: t.proj(..., "-wieght"),
     lambda t: t.proj(a="(wieght)"), lambda t: t.proj(a="wieght + 1"), lambda t: t.proj("weight", "wieght")],
)  # fmt: skip
def test_an_unknown_name_is_refused(lab, project):
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght") as caught:
        project(lab.Subject)
    assert "weight" in str(caught.value).replace("wieght", "")


@pytest.mark.statement("QRY-28", "QRY-29")
@pytest.mark.parametrize(
    "project",
    [lambda t: t.proj(..., weight="subject_id + 1"), lambda t: t.proj(subject_id="weight"), lambda t: t.proj("name", name="nick"),
     lambda t: t.proj(..., name="nick"), lambda t: t.proj(subject_id="5"), lambda t: t.proj(subject_id="(weight)"),
     lambda t: t.proj("weight", weight="abs(subject_id)")],
)  # fmt: skip
def test_a_name_already_present_is_refused(lab, project):
    with pytest.raises(dj.DataJointError, match=r"weight|subject_id|name"):
        project(lab.Subject)


@pytest.mark.statement("QRY-29")
def test_a_computed_attribute_may_take_the_name_of_one_left_out(lab):
    rows = lab.Subject.proj(weight="subject_id * 2").to_dicts()
    assert bag({"subject_id": n, "weight": 2 * n} for n in range(9)) == bag(rows)


@pytest.mark.statement("QRY-29")
def test_computing(lab):
    def same(text, function, table="Subject"):
        rows = lab.rows[table]
        key = getattr(lab, table).primary_key
        expected = [{**{n: r[n] for n in key}, "x": function(r)} for r in rows]
        assert bag(expected) == bag(getattr(lab, table).proj(x=text)), text

    same("subject_id * 2 + 1", lambda r: r["subject_id"] * 2 + 1)
    same("subject_id - 1", lambda r: r["subject_id"] - 1)
    same("-subject_id", lambda r: -r["subject_id"])
    same("weight * 2", lambda r: None if r["weight"] is None else r["weight"] * 2)
    same("subject_id / 4", lambda r: r["subject_id"] / 4)
    same("upper(species)", lambda r: r["species"].upper())
    same("concat(species, ' ', name)", lambda r: f"{r['species']} {r['name']}")
    same("length(name)", lambda r: len(r["name"]))
    same("coalesce(nick, 'none')", lambda r: "none" if r["nick"] is None else r["nick"])
    same("case when weight > 1 then 'heavy' when weight <= 1 then 'light' end",
         lambda r: None if r["weight"] is None else "heavy" if r["weight"] > 1 else "light")  # fmt: skip
    same("weight > 1", lambda r: None if r["weight"] is None else r["weight"] > 1)
    same("nick is null", lambda r: r["nick"] is None)
    same("'it''s 100% \\ ok'", lambda r: "it's 100% \\ ok")
    same("'犬'", lambda r: "犬")
    same("5", lambda r: 5)
    same("1.50", lambda r: Decimal("1.50"))
    same("1e2", lambda r: 100.0)
    same("null", lambda r: None)
    same("true", lambda r: True)
    same("species = 'rat' and subject_id > 3", lambda r: r["species"] == "rat" and r["subject_id"] > 3)
    same("year(day) * 100 + month(day)", lambda r: r["day"].year * 100 + r["day"].month, "Session")
    same("score + 1", lambda r: None if r["score"] is None else r["score"] + 1, "Session")


@pytest.mark.statement("QRY-29")
def test_constants_given_as_numbers(lab):
    row = (lab.Subject & "subject_id = 1").proj(a=5, b=2.5, c=True).fetch1()
    assert {"subject_id": 1, "a": 5, "c": True} == {n: row[n] for n in ("subject_id", "a", "c")}
    assert 2.5 == float(row["b"])


@pytest.mark.statement("QRY-29")
def test_computed_attributes_are_used_like_others(lab):
    rows = [{**r, "double": r["session"] * 2} for r in lab.rows["Session"]]
    computed = lab.Session.proj(..., double="session * 2")
    assert bag([r for r in rows if r["double"] > 4]) == bag(computed & "double > 4")
    assert bag([r for r in rows if r["double"] == 4]) == bag(computed & {"double": 4})
    assert bag([r for r in rows if r["double"] in (4, 6)]) == bag(computed & [{"double": 4}, {"double": 6}])
    assert [10, 8, 6, 6] == [
        r["double"] for r in computed.to_dicts(order_by=["double DESC", "subject_id"], limit=4)
    ]
    assert bag(
        {"subject_id": r["subject_id"], "session": r["session"], "more": r["double"] + 1} for r in rows
    ) == bag(computed.proj(more="double + 1"))
    assert bag(pick(rows, "subject_id", "session", twice="double")) == bag(computed.proj(twice="double"))
    both = computed.proj("double") * lab.Subject.proj("species")
    assert bag(
        pick(join(rows, lab.rows["Subject"], "subject_id"), "subject_id", "session", "double", "species")
    ) == bag(both)
    assert bag([r for r in rows if r["double"] > 4]) == bag(computed & (computed & "double > 4"))
    assert bag({"double": n} for n in {r["double"] for r in rows}) == bag(dj.U("double") & computed)


@pytest.mark.statement("QRY-29")
def test_constants_are_grouped_and_ordered_like_others(lab):
    flat = lab.Subject.proj(c="2", t="'text'", n="null")
    assert [{"c": 2}] == (dj.U("c") & flat).to_dicts()
    assert [{"c": 2, "n": 9}] == dj.U("c").aggr(flat.proj("c"), n="count(*)").to_dicts()
    assert [{"t": "text", "k": 9}] == dj.U("t").aggr(flat, k="count(*)").to_dicts()
    assert list(range(9)) == [
        r["subject_id"] for r in flat.to_dicts(order_by=["c", "t DESC", "n", "subject_id"])
    ]
    kept = flat.aggr(lab.Session, ..., k="count(session)")
    assert 9 == len(kept)
    assert {2} == {r["c"] for r in kept}


@pytest.mark.statement("QRY-29")
@pytest.mark.parametrize(
    "text", ["", "subject_id +", "sum(subject_id)", "(select 1)", "subject_id; drop table x"]
)
def test_texts_that_are_no_expressions(lab, text):
    with pytest.raises(dj.DataJointError):
        lab.Subject.proj(x=text)


@pytest.mark.statement("QRY-27", "QRY-29")
@pytest.mark.parametrize(
    "arguments", [((5,), {}), ((None,), {}), ((), {"x": None}), ((["name"],), {}), ((), {"X": "weight"})]
)
def test_other_arguments_are_refused(lab, arguments):
    names, named = arguments
    with pytest.raises(dj.DataJointError):
        lab.Subject.proj(*names, **named)
