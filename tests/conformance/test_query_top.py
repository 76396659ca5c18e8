"""Top, order and NULL."""

import numpy as np
import pytest

import datajoint as dj
from plugins.lab import bag, join, matches

SPECIES = {"mouse": 0, "rat": 1, "it's": 2}


def _place(name, value):
    return 0 if value is None else SPECIES[value] if name == "species" else value


def ordered(rows, *terms):
    """Sort in Python: NULL first ascending, last descending; texts by code point, species by their place."""
    rows = list(rows)
    for term in reversed(terms):
        name, _, direction = term.partition(" ")
        rows.sort(
            key=lambda r, n=name: (r[n] is not None, _place(n, r[n])),
            reverse=direction == "DESC",
        )
    return rows


KEY = ("subject_id", "session")


@pytest.mark.statement("QRY-56")
def test_the_first_rows(lab):
    rows = ordered(lab.rows["Session"], *KEY)

    def same(expected, *args, **kwargs):
        assert bag(expected) == bag(lab.Session & dj.Top(*args, **kwargs))
        assert expected == (lab.Session & dj.Top(*args, **kwargs)).to_dicts()

    same(rows[:1])
    same(rows[:3], 3)
    same(rows[2:5], 3, offset=2)
    same(rows[-2:][::-1], 2, "KEY DESC")
    same(ordered(rows, "day DESC", *KEY)[:4], 4, ["day DESC", "KEY"])
    same(
        ordered(rows, "day DESC", "subject_id DESC", "session")[:4],
        4,
        ["day DESC", "subject_id DESC", "session"],
    )
    same(ordered(rows, "session", "subject_id")[:4], limit=4, order_by=["session", "subject_id"])
    same(ordered(rows, "session", "subject_id")[:4], limit=4, order_by="session, subject_id")
    same(ordered(rows, "session DESC", "subject_id"), None, ["session desc", "subject_id asc"])
    same(rows[9:], None, offset=9)
    same([], 0)
    same([], 5, offset=100)
    same(rows, 1000)
    same(rows[:2], np.int64(2))


@pytest.mark.statement("QRY-56")
def test_order_by_what_is_computed_hidden_away_or_not_fetched(lab):
    rows = [{**r, "neg": -r["session"]} for r in lab.rows["Session"]]
    computed = lab.Session.proj(..., neg="-session")
    expected = ordered(rows, "neg", "subject_id")
    assert expected[:3] == (computed & dj.Top(3, ["neg", "subject_id"])).to_dicts()
    assert [r["note"] for r in expected] == list(computed.to_arrays("note", order_by=["neg", "subject_id"]))
    assert [{n: r[n] for n in KEY} for r in expected] == computed.keys(order_by=["neg", "subject_id"])
    assert [{n: r[n] for n in (*KEY, "note")} for r in expected[:2]] == (
        computed & dj.Top(2, ["neg", "subject_id"])
    ).proj("note").to_dicts()
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght"):
        lab.Subject & dj.Top(1, "wieght")
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght"):
        lab.Subject.to_dicts(order_by="wieght DESC")
    with pytest.raises(dj.DataJointError, match="order"):
        lab.Subject & dj.Top(1, "weight; drop table x")


@pytest.mark.statement("QRY-57")
def test_two_tops(lab):
    rows = ordered(lab.rows["Session"], *KEY)
    assert rows[2:4] == (lab.Session & dj.Top(6, offset=1) & dj.Top(2, offset=1)).to_dicts()
    assert rows[1:3] == (lab.Session & dj.Top(6, offset=1) & dj.Top(2, None)).to_dicts()
    assert rows[:2] == (lab.Session & dj.Top(2) & dj.Top(6)).to_dicts()
    assert rows[1:2] == (lab.Session & dj.Top(2) & dj.Top(6, offset=1)).to_dicts()
    assert [] == (lab.Session & dj.Top(2) & dj.Top(6, offset=2)).to_dicts()
    assert rows[::-1][1:3] == (lab.Session & dj.Top(None, "KEY DESC") & dj.Top(2, None, offset=1)).to_dicts()
    # another order applies to the result of the first
    assert (
        ordered(rows[:5], "session DESC", "subject_id DESC")[:2]
        == (lab.Session & dj.Top(5) & dj.Top(2, ["session DESC", "subject_id DESC"])).to_dicts()
    )
    assert rows[:5][::-1] == (lab.Session & dj.Top(5)).to_dicts(order_by="KEY DESC")
    assert rows[:3] == (lab.Session & dj.Top(5)).to_dicts(order_by="KEY", limit=3)
    assert rows[:5][-2:] == (lab.Session & dj.Top(5)).tail(2)


@pytest.mark.statement("QRY-58")
def test_later_operations_see_the_selected_rows_only(lab):
    rows = ordered(lab.rows["Session"], *KEY)
    top = lab.Session & dj.Top(4, offset=1)
    four = rows[1:5]
    assert bag([r for r in four if r["session"] == 1]) == bag(top & "session = 1")
    assert bag([r for r in four if r["session"] != 1]) == bag(top - "session = 1")
    assert bag([r for r in four if any(matches(r, t, *KEY) for t in lab.rows["Trial"])]) == bag(
        top & lab.Trial
    )
    assert bag(four) == bag(lab.Session & top)
    assert bag([r for r in rows if r not in four]) == bag(lab.Session - top)
    assert bag(join(four, lab.rows["Subject"], "subject_id")) == bag(top * lab.Subject)
    assert 4 == len(top)
    assert top
    assert not lab.Session & dj.Top(0)
    assert bag(
        {**{n: r[n] for n in KEY}, "n": sum(matches(r, t, *KEY) for t in lab.rows["Trial"])} for r in four
    ) == bag(top.aggr(lab.Trial, n="count(trial)"))
    assert bag({"subject_id": k, "n": sum(r["subject_id"] == k for r in four)} for k in range(9)) == bag(
        lab.Subject.aggr(top, n="count(session)")
    )
    assert [{"n": 4}] == dj.U().aggr(top, n="count(*)").to_dicts()
    assert bag({"note": n} for n in {r["note"] for r in four}) == bag(dj.U("note") & top)
    assert bag({**{n: r[n] for n in KEY}, "x": r["session"] * 2} for r in four) == bag(
        top.proj(x="session * 2")
    )
    assert bag(r for r in top.proj(x="session * 2") & "x > 2") == bag(
        {**{n: r[n] for n in KEY}, "x": r["session"] * 2} for r in four if r["session"] > 1
    )
    assert bag(four[:2] + [r for r in rows if r["subject_id"] == 5]) == bag(
        (lab.Session & dj.Top(2, offset=1)) + (lab.Session & "subject_id = 5")
    )


@pytest.mark.statement("QRY-58")
def test_top_of_every_kind_of_expression(lab):
    counted = lab.Subject.aggr(lab.Session, n="count(session)")
    expected = ordered(counted.to_dicts(), "n DESC", "subject_id")[:3]
    assert expected == (counted & dj.Top(3, ["n DESC", "subject_id"])).to_dicts()
    days = ordered((dj.U("day") & lab.Session).to_dicts(), "day DESC")
    assert days[:2] == ((dj.U("day") & lab.Session) & dj.Top(2, "day DESC")).to_dicts()
    joined = ordered((lab.Session * lab.Subject).to_dicts(), "species", *KEY)
    assert joined[:5] == (lab.Session * lab.Subject & dj.Top(5, ["species", "KEY"])).to_dicts()
    extended = lab.Loan.extend(lab.Recording)
    assert ordered(extended.to_dicts(), "path", "loan") == extended.to_dicts(order_by=["path", "loan"])


@pytest.mark.statement("QRY-59")
def test_top_carries_its_limit_into_delete(schema):
    @schema
    class Parent(dj.Manual):
        definition = "parent : int32"

    @schema
    class Child(dj.Manual):
        definition = "-> Parent\nchild : int32"

    Parent().insert({"parent": n} for n in range(6))
    Child().insert({"parent": n, "child": k} for n in range(6) for k in range(2))
    (Parent & dj.Top(2, "KEY DESC", offset=1)).delete()
    assert [0, 1, 2, 5] == sorted(Parent().to_arrays("parent"))
    assert [0, 0, 1, 1, 2, 2, 5, 5] == sorted(Child().to_arrays("parent"))
    (Child & dj.Top(3)).delete_quick()
    assert [1, 2, 2, 5, 5] == sorted(Child().to_arrays("parent"))


@pytest.mark.statement("QRY-60")
def test_where_a_top_cannot_stand(lab):
    for combine in (
        lambda: lab.Session & [dj.Top(1)],
        lambda: lab.Session & ["session = 1", dj.Top(1)],
        lambda: lab.Session & dj.Not(dj.Top(1)),
        lambda: lab.Session - dj.Top(1),
        lambda: lab.Session - [dj.Top(1)],
        lambda: lab.Session & dj.Not([dj.Top(1)]),
    ):
        with pytest.raises(dj.DataJointError, match="Top") as caught:
            combine()
        assert "dj.Top" in str(caught.value)


@pytest.mark.statement("QRY-60")
@pytest.mark.parametrize(
    "arguments",
    [{"limit": -1}, {"limit": 1.5}, {"limit": "3"}, {"limit": True}, {"offset": -1}, {"offset": 0.5}, {"offset": "1"}, {"order_by": 5},
     {"order_by": [5]}, {"offset": None}],
    ids=str,
)  # fmt: skip
def test_wrong_limits(lab, arguments):
    with pytest.raises((TypeError, ValueError)):
        lab.Session & dj.Top(**arguments)
    if "order_by" not in arguments and arguments != {"offset": None}:
        with pytest.raises((TypeError, ValueError)):
            lab.Session.to_dicts(**arguments)


@pytest.mark.statement("QRY-61")
@pytest.mark.parametrize("name", ["weight", "born", "nick", "tag", "name", "species"])
def test_null_first_ascending_last_descending(lab, name):
    rows, table = lab.rows["Subject"], lab.Subject()
    up, down = ordered(rows, name, "subject_id"), ordered(rows, f"{name} DESC", "subject_id")
    assert up == table.to_dicts(order_by=[name, "subject_id"])
    assert down == table.to_dicts(order_by=[f"{name} DESC", "subject_id"])
    assert up[:4] == (table & dj.Top(4, [name, "subject_id"])).to_dicts()
    assert down[:4] == (table & dj.Top(4, [f"{name} DESC", "subject_id"])).to_dicts()


@pytest.mark.statement("QRY-61")
def test_null_in_derived_columns(lab):
    extended = lab.Loan.extend(lab.Recording.proj("path"))
    rows = extended.to_dicts()
    assert any(r["path"] is None for r in rows)
    assert ordered(rows, "path", "loan") == extended.to_dicts(order_by=["path", "loan"])
    assert ordered(rows, "path DESC", "loan") == extended.to_dicts(order_by=["path DESC", "loan"])
    sums = lab.Session.aggr(lab.Trial, s="sum(rt)")
    rows = sums.to_dicts()
    assert ordered(rows, "s", *KEY) == sums.to_dicts(order_by=["s", "KEY"])
    union = lab.Session.proj("note") + lab.Session.proj("score")
    assert ordered(union.to_dicts(), "score DESC", *KEY) == union.to_dicts(order_by=["score DESC", "KEY"])
    computed = lab.Subject.proj(half="weight / 2", gone="nullif(subject_id, 3)")
    assert ordered(computed.to_dicts(), "half", "subject_id") == computed.to_dicts(
        order_by=["half", "subject_id"]
    )
    assert ordered(computed.to_dicts(), "gone DESC") == computed.to_dicts(order_by="gone DESC")
    nicks = dj.U("nick") & lab.Subject
    assert ordered(nicks.to_dicts(), "nick") == nicks.head()
    assert ordered(nicks.to_dicts(), "nick")[-2:] == nicks.tail(2)
