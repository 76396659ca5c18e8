"""Conditions that rows keep: ``check`` lines, enforced by the database, and checks of a class."""

# ruff: noqa: N803, N806 - tables are named as users name them

import datetime as dt
import warnings
from decimal import Decimal

import pytest

import datajoint as dj
from datajoint.errors import CheckError, DataJointError, DataJointWarning, DeclarationError

SUBJECT = """
subject_id : int32
---
name : varchar(20)
age : int16
weight=null : decimal(5,2)
born=null : date
kind='wild' : enum('wild', 'lab')
check adult (age >= 18 and age < 100)   # only adults take part
check (weight is null or weight > 1.5 * 2)
check lower (name regexp '^[a-z_]+$')
check short (name like 'a%' or name like '_!_%' escape '!' or char_length(name) < 10)
check bred (kind <> 'lab' or born >= '2020-01-01')
"""
GOOD = {"subject_id": 1, "name": "ann", "age": 20}
BROKEN = [
    ("adult", {"age": 17}),
    ("1", {"weight": 3}),
    ("lower", {"name": "Ann"}),
    ("short", {"name": "bartholomew"}),
    ("bred", {"kind": "lab", "born": dt.date(2019, 12, 31)}),
]


@pytest.fixture
def Subject(declare):
    return declare("Subject", SUBJECT)


def events(schema, kind="check"):
    table = dj.FreeTable(schema.connection, f"{schema.database}.~events") & {"kind": kind}
    return table.to_dicts(order_by="event")


@pytest.mark.statement("TYP-22")
def test_rows_that_keep_the_checks_are_stored(Subject):
    Subject.insert1({**GOOD, "weight": Decimal("3.01"), "born": "2024-01-01", "kind": "lab"})
    Subject.insert1({**GOOD, "subject_id": 2, "name": "a" * 20, "age": 99})
    Subject.insert1(
        {**GOOD, "subject_id": 3, "name": "x_bcdefghijkl", "kind": "lab"}
    )  # unknown is no violation
    Subject.insert([{**GOOD, "subject_id": n} for n in range(10, 60)])
    assert 53 == len(Subject())
    assert all(Subject.run_checks())


@pytest.mark.statement("TYP-22", "INS-15")
@pytest.mark.parametrize(("name", "values"), BROKEN, ids=[name for name, _ in BROKEN])
@pytest.mark.parametrize("count", [3, 60])
def test_a_row_that_breaks_a_check_is_named(Subject, name, values, count):
    rows = [{**GOOD, "subject_id": n} for n in range(count)]
    rows[2] |= values
    with pytest.raises(CheckError) as caught:
        Subject.insert(rows)
    text = str(caught.value)
    assert text.startswith(f"`Subject`, row 2: the check `{name}` (")
    assert all(word in text for word in values)
    assert (name == "adult") == text.endswith("only adults take part")
    assert 0 == len(Subject())
    problem = Subject.validate(rows).errors
    assert [2] == [row for row, _, _ in problem]
    assert f"`{name}`" in problem[0][2]


@pytest.mark.statement("TYP-22")
@pytest.mark.parametrize(("name", "values"), BROKEN, ids=[name for name, _ in BROKEN])
def test_an_update_that_breaks_a_check_is_refused(Subject, name, values):
    Subject.insert1({**GOOD, "born": dt.date(2010, 1, 1)})
    before = Subject.fetch1()
    with pytest.raises(CheckError, match=f"the check `{name}`"):
        Subject.update1({"subject_id": 1, **values})
    assert before == Subject.fetch1()
    with pytest.raises(CheckError):
        Subject.insert1({**GOOD, **values}, replace=True)
    with pytest.raises(CheckError, match=f"the check `{name}`"):
        (Subject & "subject_id > 0").update(values, prompt=False)
    assert before == Subject.fetch1()


@pytest.mark.statement("TYP-22")
def test_rows_of_a_query_are_checked_too(Subject, declare):
    Other = declare("Other", "subject_id : int32\n---\nname : varchar(20)\nage : int16")
    Other.insert([{"subject_id": 1, "name": "ann", "age": 20}, {"subject_id": 2, "name": "Bob", "age": 20}])
    with pytest.raises(CheckError, match="the check `lower`"):
        Subject.insert(Other())
    Subject.insert(Other & "subject_id = 1")
    assert 1 == len(Subject())


@pytest.mark.statement("TYP-22")
@pytest.mark.parametrize("name", ["adult", "1", "short", "bred"])
def test_the_database_itself_refuses(Subject, name):
    values = {"subject_id": 5, "name": "ann", "age": 20, "weight": None, "born": None, "kind": "wild"}
    values |= dict(BROKEN)[name]
    dialect = Subject.connection.dialect
    columns = [(n, Subject.heading[n].dtype) for n in values]
    row = [
        encode(v) if (encode := dialect.encoder(dtype)) and v is not None else v
        for (_, dtype), v in zip(columns, values.values(), strict=True)
    ]
    places = ", ".join(dialect.parameter(n) for n in range(1, len(row) + 1))
    with pytest.raises(CheckError):
        Subject.connection.session.execute(
            f"INSERT INTO {Subject.full_table_name} ({', '.join(map(dialect.quote, values))}) VALUES ({places})",
            row,
        )


@pytest.mark.statement("TYP-22", "DEF-26", "DEF-27")
def test_checks_are_described_and_read_back(Subject, schema, connect, declare):
    described = Subject.describe()
    for line in (
        "check adult (age >= 18 and age < 100)  # only adults take part",
        "check (weight is null or weight > 1.5 * 2)",
        "check lower (name regexp '^[a-z_]+$')",
        "check short (name like 'a%' or name like '_!_%' escape '!' or char_length(name) < 10)",
        "check bred (kind <> 'lab' or born >= '2020-01-01')",
    ):
        assert line in described.splitlines()
    again = connect().Schema(schema.database)
    with warnings.catch_warnings(action="error"):
        found = declare.on(again)("Subject", described)
    assert sorted(described.splitlines()) == sorted(found.describe().splitlines())
    for old, new, told in (
        ("age < 100", "age < 90", "the check `adult` is (age >= 18 and age < 100), defined as"),
        ("check lower", "check small", "the check `lower` is not in the definition"),
    ):
        with pytest.warns(DataJointWarning) as caught:
            declare.on(connect().Schema(schema.database))("Subject", SUBJECT.replace(old, new))
        assert any(told in str(warning.message) for warning in caught)


@pytest.mark.statement("TYP-22")
@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("agee > 3", "`agee`"),
        ("age >", "The check `1` of `Subject` cannot be used"),
        ("age = 'x'", "`age`"),
        ("born < curdate()", "depends on the time"),
        ("count(age) > 1", "The check `1` of `Subject` cannot be used"),
    ],
)
def test_a_check_that_cannot_be_used_is_refused(declare, inventory, condition, told):
    with pytest.raises(DeclarationError) as caught:
        declare("Subject", f"age : int16\n---\nborn : date\ncheck ({condition})")
    assert told in str(caught.value)
    assert not [name for name in inventory() if "subject" in name]


@pytest.mark.statement("TYP-22")
def test_long_names_of_tables_and_checks(declare):
    Long = declare(
        "VeryLongNameOfATableIndeedForChecks", f"a : int16\ncheck {'c' * 50} (a > 0)\ncheck (a < 9)"
    )
    with pytest.raises(CheckError, match=f"the check `{'c' * 50}`"):
        Long.insert1({"a": 0})
    with pytest.raises(CheckError, match="the check `1`"):
        Long.insert1({"a": 9})


# -------------------------------------------------------------------------------------- checks of a class

RULES = [
    dj.Check("positive", "rate > 0"),
    dj.Check("smooth", lambda rows: [row["rate"] < 100 for row in rows], severity="warn"),
    dj.Check("few", lambda rows: "too many rows" if len(rows) > 3 else None),
]


@pytest.fixture
def Trace(declare):
    return declare("Trace", "trace_id : int16\n---\nrate=1 : float64\nsignal=null : <blob>", checks=RULES)


@pytest.mark.statement("TYP-22")
def test_checks_of_a_class_run_at_insert(Trace, schema):
    with pytest.raises(CheckError) as caught:
        Trace.insert([{"trace_id": 1, "rate": 2}, {"trace_id": 2, "rate": -2}])
    assert "`Trace`: the check `positive` (rate > 0) fails for trace_id=2." == str(caught.value)
    with pytest.raises(CheckError, match="the check `few` fails: too many rows"):
        Trace.insert([{"trace_id": n} for n in range(4)])
    assert 0 == len(Trace())
    with pytest.warns(DataJointWarning, match="the check `smooth` fails for trace_id=3"):
        Trace.insert([{"trace_id": 3, "rate": 200, "signal": [1, 2]}, {"trace_id": 4}])
    assert 2 == len(Trace())
    outcomes = [event["details"]["outcomes"] for event in events(schema)]
    assert [[False, True, True], [True, True, False], [True, False, True]] == [
        [one["passed"] for one in group] for group in outcomes
    ]
    assert [{"trace_id": 2}] == outcomes[0][0]["failed"]


@pytest.mark.statement("TYP-22")
def test_checks_of_a_class_run_on_demand(Trace, schema):
    with warnings.catch_warnings(action="ignore"):
        Trace.insert([{"trace_id": 3, "rate": 200}, {"trace_id": 4}])
    dj.FreeTable(schema.connection, f"{schema.database}.trace").insert(
        [{"trace_id": n, "rate": -1} for n in (5, 6)]
    )
    outcomes = Trace.run_checks()
    assert [("positive", False), ("smooth", False), ("few", False)] == [(o.check, o.passed) for o in outcomes]
    assert ({"trace_id": 5}, {"trace_id": 6}) == outcomes[0].failed
    assert all((Trace & "trace_id = 4").run_checks())
    assert 1 == events(schema)[-1]["row_count"]


@pytest.mark.statement("TYP-22", "POP-6")
@pytest.mark.parametrize("pinned", [False, True])
def test_checks_run_at_the_end_of_make(declare, schema, pinned):
    Source = declare("Source", "source_id : int16")
    Source.insert([{"source_id": n} for n in range(3)])

    def make(self, key):
        self.insert1({**key, "total": 6 if key["source_id"] else 5})
        if pinned:
            assert 1 == len(self & key)
        for n in range(3):
            self.Piece.insert1({**key, "piece": n, "value": n + 1 + (key["source_id"] == 2) * 1})

    six = dj.Check("six", lambda rows: sum(row["value"] for row in rows) == 6)
    Fit = declare(
        "Fit", "-> Source\n---\ntotal : int16", dj.Computed, make=make, checks=[dj.Check("even", "total % 2 = 0")],
        Piece=declare.part("Piece", "-> master\npiece : int16\n---\nvalue : int16", checks=[six]),
    )  # fmt: skip
    errors = Fit.populate(suppress_errors=True)["error_list"]
    assert ["the check `even` (total % 2 = 0) fails for source_id=0", "the check `six` fails"] == [
        next(
            t
            for t in ("the check `even` (total % 2 = 0) fails for source_id=0", "the check `six` fails")
            if t in text
        )
        for _, text in errors
    ]
    assert [{"source_id": 1}] == Fit.keys()
    assert 3 == len(Fit.Piece())
    found = events(schema)
    assert {False, True} == {one["passed"] for event in found for one in event["details"]["outcomes"]}
    made = {event["event"] for event in events(schema, "make")}
    assert made == {event["parent"] for event in found} - {None}


@pytest.mark.statement("TYP-22", "UPD-1", "UPD-4")
def test_checks_run_on_rows_that_are_updated(declare, schema):
    seen = []

    def few(rows):
        seen.extend(rows)
        return len(rows) < 3

    few_rows = dj.Check("few", few)
    Other = declare(
        "Other", "a : int16\n---\nb=1 : int16\nblob=null : <blob>",
        checks=[dj.Check("even", "b % 2 = 1"), dj.Check("small", "b < 10", severity="warn"), few_rows],
    )  # fmt: skip
    for a in range(4):
        Other.insert1({"a": a, "blob": [a]})
    before, count = Other.to_dicts(order_by="a"), len(events(schema))
    seen.clear()
    with pytest.raises(CheckError, match=r"the check `even` .* fails for a=1"):
        Other.update1({"a": 1, "b": 4})
    with pytest.raises(CheckError, match=r"the check `even` .* fails for a=2; a=3"):
        (Other & "a > 1").update({"b": 6}, prompt=False)
    with pytest.raises(CheckError, match="the check `few` fails"):
        Other.update({"b": 3}, prompt=False)
    assert [1, 2, 3, 0, 1, 2, 3] == [row["a"] for row in seen]
    assert [2] == seen[1]["blob"]
    assert before == Other.to_dicts(order_by="a")
    assert [] == events(schema, "update")
    with pytest.warns(DataJointWarning, match="the check `small`"):
        Other.update1({"a": 1, "b": 11})
    assert 2 == (Other & "b = 1 and a < 3").update({"b": 5}, prompt=False)  # by what is changed
    assert [5, 11, 5, 1] == Other.to_arrays("b", order_by="a").tolist()
    found = events(schema)[count:]
    assert [False, False, False, False, True] == [
        all(one["passed"] for one in event["details"]["outcomes"]) for event in found
    ]
    assert 2 == len(events(schema, "update"))
    with schema.connection.transaction:
        with pytest.raises(CheckError):
            Other.update1({"a": 3, "b": 2})
        Other.update1({"a": 3, "b": 7})
    assert [5, 11, 5, 7] == Other.to_arrays("b", order_by="a").tolist()


@pytest.mark.statement("TYP-22")
def test_a_check_is_refused_where_it_is_written():
    with pytest.raises(DataJointError, match="severity of the check `x`"):
        dj.Check("x", "a > 0", severity="fatal")
    with pytest.raises(DataJointError, match="condition of the check `x` is 5"):
        dj.Check("x", 5)  # type: ignore[arg-type]


@pytest.mark.statement("TYP-22")
def test_a_function_that_fails_is_a_failed_check(declare):
    def broken(rows):
        raise KeyError("rat")

    Other = declare("Other", "a : int16", checks=[dj.Check("odd", broken)])
    with pytest.raises(CheckError, match="the check `odd` fails: 'rat'"):
        Other.insert1({"a": 1})
    One = declare("One", "a : int16", checks=[dj.Check("odd", lambda row: row["a"] == 1)])
    with pytest.raises(CheckError, match=r"the check `odd` fails: TypeError: .* is given a list of rows"):
        One.insert1({"a": 1})
