"""Aggregation: ``aggr``, its options, functions and what can be done with its result."""

import math
import statistics
import warnings
from decimal import Decimal

import pytest

import datajoint as dj
from plugins.lab import bag, join, matches, pick


def grouped(lab, left, right, names, aggregates, keep=True):
    """Return rows of `left` key with aggregates over the matching rows of `right`, in Python."""
    found = []
    for row in lab.rows[left]:
        members = [other for other in lab.rows[right] if matches(row, other, *names)]
        if members or keep:
            key = {n: row[n] for n in getattr(lab, left).primary_key}
            found.append({**key, **{new: function(members) for new, function in aggregates.items()}})
    return found


def known(name):
    return lambda rows: [r[name] for r in rows if r[name] is not None]


@pytest.mark.statement("QRY-39")
def test_one_row_per_row_of_the_left_side(lab):
    expected = grouped(lab, "Subject", "Session", ["subject_id"], {"n": len})
    result = lab.Subject.aggr(lab.Session, n="count(session)")
    assert ["subject_id", "n"] == result.heading.names
    assert ["subject_id"] == result.primary_key
    assert bag(expected) == bag(result)
    assert bag(grouped(lab, "Session", "Trial", ["subject_id", "session"], {"n": len})) == bag(
        lab.Session.aggr(lab.Trial, n="count(trial)")
    )
    # the group may hold the key outside its own
    assert bag(grouped(lab, "Session", "Recording", ["subject_id", "session"], {"n": len})) == bag(
        lab.Session.aggr(lab.Recording, n="count(recording_id)")
    )
    assert bag(grouped(lab, "Subject", "Loan", ["subject_id"], {"n": len})) == bag(
        lab.Subject.aggr(lab.Loan, n="count(loan)")
    )
    renamed = lab.User.aggr(lab.Session.proj(user="analyst"), n="count(session)")
    assert bag({"user": u["user"], "n": sum(s["analyst"] == u["user"] for s in lab.rows["Session"])}
               for u in lab.rows["User"]) == bag(renamed)  # fmt: skip


@pytest.mark.statement("QRY-39")
def test_a_group_without_the_key_is_refused(lab):
    with pytest.raises(dj.DataJointError, match="Missing: session"):
        lab.Session.aggr(lab.Subject, n="count(*)")
    with pytest.raises(dj.DataJointError, match="Missing: subject_id"):
        lab.Subject.aggr(lab.User, n="count(*)")


@pytest.mark.statement("QRY-40")
def test_rows_without_a_match(lab):
    functions = {"n": len, "m": lambda rows: sum(known("rt")(rows)) if known("rt")(rows) else None}
    named = {"n": "count(trial)", "m": "sum(rt)"}
    assert bag(grouped(lab, "Session", "Trial", ["subject_id", "session"], functions)) == bag(
        lab.Session.aggr(lab.Trial, **named)
    )
    dropped = grouped(lab, "Session", "Trial", ["subject_id", "session"], functions, keep=False)
    assert len(dropped) < len(lab.rows["Session"])
    assert bag(dropped) == bag(lab.Session.aggr(lab.Trial, exclude_nonmatching=True, **named))
    assert bag({"subject_id": n, "g": 0, "v": None} for n in range(9)) == bag(
        lab.Subject.aggr(lab.Ghost, g="count(ghost)", v="max(volume)")
    )
    assert [] == lab.Subject.aggr(lab.Ghost, exclude_nonmatching=True, g="count(ghost)").to_dicts()


@pytest.mark.statement("QRY-40")
def test_count_of_everything_warns_once_per_place(lab):
    with pytest.warns(dj.errors.DataJointWarning, match=r"count\(") as caught:
        counted = lab.Subject.aggr(lab.Session, n="count(*)")
    assert 1 == len(caught)
    assert __file__ == caught[0].filename
    assert bag(
        grouped(lab, "Subject", "Session", ["subject_id"], {"n": lambda rows: max(1, len(rows))})
    ) == bag(counted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inner = lab.Subject.aggr(lab.Session, n="count(*)", exclude_nonmatching=True)
        dj.U("day").aggr(lab.Session, n="count(*)")
    assert bag(grouped(lab, "Subject", "Session", ["subject_id"], {"n": len}, keep=False)) == bag(inner)


@pytest.mark.statement("QRY-41")
def test_attributes_of_the_left_side_stay(lab):
    counts = {r["subject_id"]: r["n"] for r in grouped(lab, "Subject", "Session", ["subject_id"], {"n": len})}
    rows = [{**s, "n": counts[s["subject_id"]]} for s in lab.rows["Subject"]]
    assert bag(pick(rows, "subject_id", "name", "tag", "n")) == bag(
        lab.Subject.aggr(lab.Session, "name", "tag", n="count(session)")
    )
    assert bag(rows) == bag(lab.Subject.aggr(lab.Session, ..., n="count(session)"))
    assert bag({k: v for k, v in r.items() if k != "weight"} for r in rows) == bag(
        lab.Subject.aggr(lab.Session, ..., "-weight", n="count(session)")
    )
    assert bag(pick(rows, "subject_id", "n", kind="species")) == bag(
        lab.Subject.aggr(lab.Session, kind="species", n="count(session)")
    )
    assert bag(pick(rows, "n", animal="subject_id")) == bag(
        lab.Subject.proj(animal="subject_id").aggr(lab.Session.proj(animal="subject_id"), n="count(session)")
    )


@pytest.mark.statement("QRY-41")
def test_blobs_and_json_stay_too(lab):
    kept = lab.Document.aggr(lab.Document.proj(), ..., n="count(document)")
    assert bag({**d, "n": 1} for d in lab.rows["Document"]) == bag(kept)


@pytest.mark.statement("QRY-42")
def test_restriction_after_aggregation(lab):
    counts = {r["subject_id"]: r["n"] for r in grouped(lab, "Subject", "Session", ["subject_id"], {"n": len})}
    rows = [{**s, "n": counts[s["subject_id"]]} for s in lab.rows["Subject"]]
    counted = lab.Subject.aggr(lab.Session, ..., n="count(session)")
    for condition, wanted in (
        ("n > 1", lambda r: r["n"] > 1),
        ("n > 1 and species = 'rat'", lambda r: r["n"] > 1 and r["species"] == "rat"),
        ("species = 'rat'", lambda r: r["species"] == "rat"),
        ({"n": 2}, lambda r: r["n"] == 2),
        ([{"n": 2}, "subject_id = 0"], lambda r: r["n"] == 2 or r["subject_id"] == 0),
        (lab.Recording, lambda r: any(matches(r, x, "subject_id") for x in lab.rows["Recording"])),
        (
            dj.Not(lab.Recording),
            lambda r: not any(matches(r, x, "subject_id") for x in lab.rows["Recording"]),
        ),
    ):
        assert bag([r for r in rows if wanted(r)]) == bag(counted & condition), condition
        assert len([r for r in rows if wanted(r)]) == len(counted & condition)
    assert bag([r for r in rows if r["n"] > 0 and r["subject_id"] < 3]) == bag(
        counted & "n > 0" & "subject_id < 3"
    )


@pytest.mark.statement("QRY-42")
def test_an_aggregation_is_a_query(lab):
    counts = {r["subject_id"]: r["n"] for r in grouped(lab, "Subject", "Session", ["subject_id"], {"n": len})}
    rows = [{"subject_id": s["subject_id"], "n": counts[s["subject_id"]]} for s in lab.rows["Subject"]]
    counted = lab.Subject.aggr(lab.Session, n="count(session)")
    assert bag(join(rows, pick(lab.rows["Subject"], "subject_id", "species"), "subject_id")) == bag(
        counted * lab.Subject.proj("species")
    )
    assert bag({"subject_id": r["subject_id"], "m": r["n"] * 10} for r in rows) == bag(
        counted.proj(m="n * 10")
    )
    assert bag(rows) == bag((counted & "n > 1") + (counted & "n < 3"))
    trials = lab.Subject.aggr(lab.Trial, t="count(trial)", worst="max(rt)")
    t = {r["subject_id"]: r for r in grouped(lab, "Subject", "Trial", ["subject_id"], {
        "t": len, "worst": lambda x: max(known("rt")(x), default=None)})}  # fmt: skip
    assert bag({**r, **t[r["subject_id"]]} for r in rows) == bag(counted + trials)
    assert bag({**r, **t[r["subject_id"]]} for r in rows) == bag(counted * trials)
    three = [r for r in rows if r["subject_id"] < 3]
    assert bag(
        [{**r, "t": None, "worst": None} for r in three]
        + [{**t[r["subject_id"]], "n": None} for r in rows if r["subject_id"] > 6]
    ) == bag((counted & "subject_id < 3") + (trials & "subject_id > 6"))


@pytest.mark.statement("QRY-42", "QRY-51")
def test_aggregating_an_aggregation(lab):
    counts = grouped(lab, "Subject", "Session", ["subject_id"], {"n": len})
    counted = lab.Subject.aggr(lab.Session, n="count(session)")
    total = sum(r["n"] for r in counts)
    assert [{"total": total, "most": max(r["n"] for r in counts)}] == dj.U().aggr(
        counted, total="sum(n)", most="max(n)"
    ).to_dicts()
    sizes = {r["n"] for r in counts}
    assert bag({"n": n, "k": sum(r["n"] == n for r in counts)} for n in sizes) == bag(
        dj.U("n").aggr(counted, k="count(*)")
    )
    assert bag({"n": n} for n in sizes) == bag(dj.U("n") & counted)
    per_session = lab.Session.aggr(lab.Trial, n="count(trial)")
    per_subject = grouped(lab, "Subject", "Trial", ["subject_id"], {"total": len})
    with_session = {s["subject_id"] for s in lab.rows["Session"]}
    assert bag(
        {**r, "total": r["total"] if r["subject_id"] in with_session else None} for r in per_subject
    ) == bag(lab.Subject.aggr(per_session, total="sum(n)"))
    assert bag({"n": n, "k": sum(r["n"] == n for r in counts if r["n"] > 1)} for n in sizes if n > 1) == bag(
        dj.U("n").aggr(counted & "n > 1", k="count(*)")
    )


@pytest.mark.statement("QRY-43")
def test_aggregate_functions(lab):
    rows = lab.rows["Trial"]
    rts = known("rt")(rows)
    result = dj.U().aggr(
        lab.Trial, c="count(*)", d="count(distinct outcome)", k="count(rt)", s="sum(rt)", a="avg(rt)", lo="min(rt)",
        hi="max(rt)", sd="std(rt)", sd2="stddev(rt)", v="variance(rt)", ss="stddev_samp(rt)", vs="var_samp(rt)",
        hits="sum(outcome = 'hit')", i="sum(trial)", ai="avg(trial)",
    ).fetch1()  # fmt: skip
    expected = {
        "c": len(rows), "d": 2, "k": len(rts), "s": sum(rts), "a": statistics.fmean(rts), "lo": min(rts), "hi": max(rts),
        "sd": statistics.pstdev(rts), "sd2": statistics.pstdev(rts), "v": statistics.pvariance(rts),
        "ss": statistics.stdev(rts), "vs": statistics.variance(rts), "hits": sum(r["outcome"] == "hit" for r in rows),
        "i": sum(r["trial"] for r in rows), "ai": statistics.fmean(r["trial"] for r in rows),
    }  # fmt: skip
    assert {n: type(v) for n, v in expected.items()} == {n: type(v) for n, v in result.items()}
    assert all(math.isclose(expected[n], result[n], rel_tol=1e-12) for n in expected)


@pytest.mark.statement("QRY-43")
def test_aggregates_of_texts_dates_and_decimals(lab):
    sessions = lab.rows["Session"]
    scores = known("score")(sessions)
    result = dj.U().aggr(
        lab.Session, first="min(day)", last="max(started)", low="min(score)", total="sum(score)", mean="avg(score)",
        note="max(note)", who="min(analyst)", good="sum(good)", all_days="count(distinct day)",
    ).fetch1()  # fmt: skip
    expected = {
        "first": min(s["day"] for s in sessions), "last": max(known("started")(sessions)), "low": min(scores),
        "total": sum(scores), "note": max(s["note"] for s in sessions), "who": min(known("analyst")(sessions)),
        "good": sum(known("good")(sessions)), "all_days": len({s["day"] for s in sessions}),
    }  # fmt: skip
    mean = result.pop("mean")
    assert bag([expected]) == bag([result])
    assert isinstance(mean, Decimal)
    assert abs(mean - sum(scores) / len(scores)) < Decimal("0.00000001")
    listed = lab.Subject.aggr(
        lab.Session, exclude_nonmatching=True, l="group_concat(session order by session desc separator '|')"
    )
    assert {1: "1", 2: "2|1", 3: "3|2|1", 5: "5|4|3|2|1"} == {r["subject_id"]: r["l"] for r in listed}
    plain = lab.Subject.aggr(lab.Session, l="string_agg(session, '+')") & "subject_id = 5"
    assert "1+2+3+4+5" == plain.fetch1("l")
    assert lab.Subject.aggr(lab.Session, l="group_concat(session)").to_arrays("l", order_by="KEY")[0] is None


@pytest.mark.statement("QRY-43")
def test_aggregates_of_nothing_and_of_null(lab):
    assert {"c": 0, "k": 0, "s": None, "a": None, "lo": None, "sd": None, "g": None} == dj.U().aggr(
        lab.Ghost, c="count(*)", k="count(volume)", s="sum(volume)", a="avg(volume)", lo="min(volume)",
        sd="std(volume)", g="group_concat(ghost)",
    ).fetch1()  # fmt: skip
    lonely = lab.Trial & "trial = 2" & "session = 1" & "subject_id = 1"
    assert {"k": 0, "s": None, "ss": None} == dj.U().aggr(
        lonely, k="count(rt)", s="sum(rt)", ss="stddev_samp(rt)"
    ).fetch1()


@pytest.mark.statement("QRY-39", "QRY-43")
def test_expressions_of_aggregates(lab):
    spread = lab.Session.aggr(
        lab.Trial, spread="max(rt) - min(rt)", share="sum(outcome = 'hit') / count(trial)"
    )

    def expected(rows):
        rts = known("rt")(rows)
        return {"spread": max(rts) - min(rts) if rts else None,
                "share": sum(r["outcome"] == "hit" for r in rows) / len(rows) if rows else None}  # fmt: skip

    assert bag(
        {**pick([s], "subject_id", "session")[0],
         **expected([t for t in lab.rows["Trial"] if matches(s, t, "subject_id", "session")])}
        for s in lab.rows["Session"]
    ) == bag(spread)  # fmt: skip
    mixed = lab.Subject.aggr(lab.Session, n="count(session) + subject_id", m="max(session * 2)")
    n = {
        s["subject_id"]: [x["session"] for x in lab.rows["Session"] if matches(s, x, "subject_id")]
        for s in lab.rows["Subject"]
    }
    assert bag(
        {"subject_id": k, "n": len(v) + k, "m": max(v) * 2 if v else None} for k, v in n.items()
    ) == bag(mixed)


@pytest.mark.statement("QRY-39")
def test_groups_of_every_kind(lab):
    sessions = lab.rows["Session"]

    def counts(rows):
        return bag(
            {"subject_id": s["subject_id"], "n": sum(matches(s, r, "subject_id") for r in rows)}
            for s in lab.rows["Subject"]
        )

    in_order = sorted(sessions, key=lambda s: (s["subject_id"], s["session"]))
    for group, rows in (
        (lab.Session & "session > 1", [s for s in sessions if s["session"] > 1]),
        (lab.Session & dj.Top(4), in_order[:4]),
        ((lab.Session & "session = 1") + (lab.Session & "session = 2"), [s for s in sessions if s["session"] < 3]),
        (lab.Session * lab.User.proj(analyst="user"), [s for s in sessions if s["analyst"]]),
        (lab.Session - lab.Trial, [s for s in sessions if not any(matches(s, t, "subject_id", "session") for t in lab.rows["Trial"])]),
        (lab.Session.proj(other="session").proj(session="other"), sessions),
    ):  # fmt: skip
        assert counts(rows) == bag(lab.Subject.aggr(group, n="count(session)"))
    few = (lab.Subject & dj.Top(3)).aggr(lab.Session, n="count(session)")
    assert bag({"subject_id": k, "n": sum(s["subject_id"] == k for s in sessions)} for k in range(3)) == bag(
        few
    )


@pytest.mark.statement("QRY-39")
@pytest.mark.parametrize(
    "named",
    [
        {"n": "session"},
        {"n": "no_such + 1"},
        {"n": 5},
        {"n": ""},
        {"subject_id": "count(*)"},
        {"N": "count(session)"},
    ],
)
def test_faulty_aggregates_are_refused(lab, named):
    with pytest.raises(dj.DataJointError):
        lab.Subject.aggr(lab.Session, **named)


@pytest.mark.statement("QRY-44")
def test_scalar_functions(lab):
    def value(text, table=None):
        return (
            ((lab.Session if table is None else table) & "subject_id = 2 and session = 1")
            .proj(x=text)
            .fetch1("x")
        )

    for text, expected in (
        ("round(2.567e0, 1)", 2.6), ("abs(-3)", 3), ("mod(7, 3)", 1), ("power(2, 10)", 1024.0), ("sqrt(9)", 3.0),
        ("concat('a', 'b', 'c')", "abc"), ("substring('abcdef', 2, 3)", "bcd"), ("upper('straße1')", None),
        ("lower('ABC')", "abc"), ("length('žluť')", 4), ("replace('banana', 'an', 'x')", "bxxa"),
        ("coalesce(null, null, 5)", 5), ("ifnull(null, 'x')", "x"), ("if(1 > 2, 'a', 'b')", "b"), ("year(day)", 2024),
        ("month(day)", 2), ("day(day)", 4), ("hour('2024-05-06 07:08:09')", 7), ("date_format(day, '%Y/%m')", "2024/02"),
        ("timestampdiff(day, '2024-01-01', '2024-01-31')", 30), ("datediff('2024-03-01', '2024-02-28')", 2),
    ):  # fmt: skip
        found = value(text)
        if expected is not None:
            assert bag([{"x": expected}]) == bag([{"x": found}]), text
    assert value("curdate()") == value("now()").date()


@pytest.mark.statement("QRY-45")
def test_older_spellings(lab):
    expected = bag(lab.Subject.aggr(lab.Session, n="count(session)"))
    assert expected == bag(lab.Subject.aggregate(lab.Session, n="count(session)"))
    assert expected == bag(lab.Subject.aggr(lab.Session, keep_all_rows=True, n="count(session)"))
    matched = bag(lab.Subject.aggr(lab.Session, exclude_nonmatching=True, n="count(session)"))
    assert matched == bag(lab.Subject.aggr(lab.Session, keep_all_rows=False, n="count(session)"))
    assert bag(dj.U("day").aggr(lab.Session, n="count(*)")) == bag(
        dj.U("day").aggregate(lab.Session, n="count(*)")
    )
