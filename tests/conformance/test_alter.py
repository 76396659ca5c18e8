"""Tables that hold rows are altered to what their classes define, on every backend."""

import re

import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DataJointWarning,
    DeclarationError,
    DuplicateError,
    TransactionError,
)

OLD = """
# animals
subject : int32
---
weight : int32 # grams
name="x" : varchar(6)
sex="m" : enum("m", "f")
dose=null : decimal(6,2)
seen=null : date
unique index (weight)
check heavy (weight > 0)
"""
NEW = """
# animals of the colony
subject : int32 # number of the cage
---
site=1 : int16
mass : int64 # {weight} in grams
name="y" : varchar(30)
sex="m" : enum("m", "f", "u")
seen=null : datetime(3)
note=null : varchar(80) # what "it" is: 100% 'so'
index (name)
check heavy (mass > 0)
"""


@pytest.fixture
def subject(declare):
    table = declare("Subject", OLD)
    table.insert([{"subject": n, "weight": n + 1, "dose": n, "seen": "2026-12-03"} for n in range(4)])
    table.update1({"subject": 0, "weight": 77})
    return table


def alter(table, definition):
    table.definition = definition
    table.alter(prompt=False)


def column(table, name):
    return [row[name] for row in table.proj(name).to_dicts(order_by="subject")]


@pytest.mark.statement("ALT-1", "ALT-3")
def test_all_at_once(subject, connect, schema, capsys):
    written = subject.with_metadata().to_arrays("event", order_by="subject").tolist()

    alter(subject, NEW)

    assert [77, 2, 3, 4] == column(subject, "mass")
    assert ["x"] * 4 == column(subject, "name")
    assert [1] * 4 == column(subject, "site")
    assert [None] * 4 == column(subject, "note")
    assert ["2026-12-03 00:00:00"] * 4 == list(map(str, column(subject, "seen")))
    assert "dose" not in subject.heading
    assert written == subject.with_metadata().to_arrays("event", order_by="subject").tolist()
    subject.insert1({"subject": 9, "mass": 2, "sex": "u"})  # the unique index is gone
    assert ("y", 1) == (subject & "subject = 9").fetch1("name", "site")
    with pytest.raises(DataJointError, match="heavy"):
        subject.insert1({"subject": 10, "mass": 0})
    other = connect().Schema(schema.database)
    seen = dj.FreeTable(other.connection, f"{schema.database}.subject")
    assert seen.heading["mass"].comment == "in grams"
    assert "animals of the colony" == seen.heading.comment
    assert "what \"it\" is: 100% 'so'" == seen.heading["note"].comment
    assert ("name",) in seen.heading.indexes
    assert ("mass",) not in seen.heading.indexes

    capsys.readouterr()
    subject.alter(prompt=False)

    assert "Nothing to alter" in capsys.readouterr().out


@pytest.mark.statement("ALT-1", "PRV-6")
def test_the_event_and_the_history_of_an_alter(subject, schema):
    alter(subject, NEW)

    event = (schema.events & {"kind": "alter"}).fetch1()

    assert ("subject", 4) == (event["table_name"], event["row_count"])
    assert {"weight": "mass"} == event["details"]["renamed"]
    assert ["dose"] == event["details"]["dropped"]
    assert "weight" in event["details"]["from"]
    assert "mass" in event["details"]["to"]
    old = {(r["subject"], r["ended"]): r for r in subject.old_versions().to_dicts()}
    first = next(row for row in old.values() if row["mass"] == 1)
    assert (0, None, "x") == (first["subject"], first["site"], first["name"])
    kept = [row for row in old.values() if row["ended"] == event["event"]]
    assert [0, 1, 2, 3] == sorted(int(row["dose"]) for row in kept)
    subject.update1({"subject": 0, "mass": 78})
    ended = (schema.events & {"kind": "update"}).to_arrays("event", order_by="finished").tolist()
    assert 77 == next(row["mass"] for key, row in
                      {(r["subject"], r["ended"]): r for r in subject.old_versions().to_dicts()}.items()
                      if key == (0, ended[-1]))  # fmt: skip
    schema.restore(ended[-1])
    assert 77 == (subject & "subject = 0").fetch1("mass")


@pytest.mark.statement("ALT-1", "PRV-6")
def test_a_dropped_attribute_comes_back(subject, schema):
    doses = column(subject, "dose")
    alter(subject, OLD.replace("dose=null : decimal(6,2)\n", ""))
    dropped = (schema.events & {"kind": "alter"}).fetch1("event")
    (subject & "subject = 3").delete(prompt=False)
    assert "dose" not in subject.heading
    alter(subject, OLD)
    assert [None] * 3 == column(subject, "dose")

    schema.restore(dropped)

    assert doses[:3] == column(subject, "dose")[:3]


@pytest.mark.statement("ALT-1", "PRV-6")
def test_as_of_before_an_alter(subject, schema):
    moment = schema.events.to_arrays("finished", order_by="finished DESC", limit=1)[0]
    alter(subject, NEW)
    (subject & "subject = 1").delete(prompt=False)
    subject.update1({"subject": 2, "mass": 100})

    then = subject.as_of(moment).to_dicts(order_by="subject")

    assert [(0, 77), (1, 2), (2, 3), (3, 4)] == [(row["subject"], row["mass"]) for row in then]


@pytest.mark.statement("ALT-1")
@pytest.mark.parametrize(
    ("old", "values", "new", "expected"),
    [
        ("int16", [1, -2], "int64", [1, -2]),
        ("int64", [0, 1], "bool", [False, True]),
        ("bool", [True, False], "int8", [1, 0]),
        ("int32", [5, -70], "varchar(3)", ["5", "-70"]),
        ("varchar(9)", ["5", "-70"], "int8", [5, -70]),
        ("uint64", [2**63 - 1, 0], "int64", [2**63 - 1, 0]),
        ("int64", [7, 8], "uint8", [7, 8]),
        ("int32", [7, 8], "float64", [7.0, 8.0]),
        ("float64", [7.0, -8.0], "int16", [7, -8]),
        ("float64", [0.5, 0.1], "float32", [0.5, 0.1]),
        ("int32", [7, 8], "decimal(5,2)", ["7.00", "8.00"]),
        ("decimal(5,2)", ["7.00", "-8.50"], "decimal(30,4)", ["7.0000", "-8.5000"]),
        ("decimal(5,2)", ["7.00", "-8.00"], "int8", [7, -8]),
        ("decimal(5,2)", ["7.00", "-8.50"], "varchar(9)", ["7.00", "-8.50"]),
        ("enum('a','b')", ["a", "b"], "varchar(1)", ["a", "b"]),
        ("varchar(4)", ["a", "b"], "enum('b','a')", ["a", "b"]),
        ("varchar(400)", ["aü", "b"], "varchar(2)", ["aü", "b"]),
        ("varchar(4)", ["ab", "b"], "char(2)", ["ab", "b"]),
        ("datetime(3)", ["2026-01-02 03:04:05", "2026-01-02 00:00:00"], "datetime",
         ["2026-01-02 03:04:05", "2026-01-02 00:00:00"]),
        ("datetime", ["2026-01-02 00:00:00"] * 2, "date", ["2026-01-02"] * 2),
    ],
)  # fmt: skip
def test_values_are_converted(declare, old, values, new, expected):
    table = declare("Subject", f"subject : int32\n---\nx=null : {old}")
    table.insert([{"subject": n, "x": value} for n, value in enumerate([*values, None])])

    alter(table, f"subject : int32\n---\nx=null : {new}")

    found = column(table, "x")
    assert [*expected, None] == [
        *(str(v) if isinstance(expected[0], str) else v for v in found[:-1]),
        found[-1],
    ]
    table.insert1({"subject": 7, "x": values[0]})


@pytest.mark.statement("ALT-1")
@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("int16", 300, "int8"), ("int16", -1, "uint16"), ("int16", 2, "bool"), ("int32", 1000, "varchar(3)"),
        ("varchar(9)", "007", "int32"), ("varchar(9)", "x", "int32"), ("float64", 0.5, "int32"),
        ("float64", 0.1234567890123, "float32"), ("int64", 2**60, "float64"), ("decimal(5,2)", "1.25", "decimal(5,1)"),
        ("varchar(9)", "abc", "varchar(2)"), ("enum('a','b')", "b", "enum('a')"), ("varchar(2)", "c", "enum('a')"),
        ("datetime(3)", "2026-01-02 03:04:05.125", "datetime"), ("datetime", "2026-01-02 03:04:05", "date"),
    ],
)  # fmt: skip
def test_what_would_be_lost_is_refused(declare, schema, old, value, new):
    table = declare("Subject", f"subject : int32\n---\nx=null : {old}\ny=0 : int32")
    table.insert1({"subject": 5, "x": value})
    before, told = table.fetch1(), table.describe()
    table.definition = f"subject : int32\n---\nx=null : {new}\nz=0 : int32"

    with pytest.raises(DataJointError, match=r"stays as it is.*subject=5"):
        table.alter(prompt=False)

    assert (before, told) == (table.fetch1(), table.describe())
    assert not schema.events & {"kind": "alter"}


@pytest.mark.statement("ALT-1")
def test_other_changes_that_rows_refuse(subject):
    subject.insert1({"subject": 8, "weight": 80})
    for line, message in [
        ("dose=null : json", "not converted"),
        ("dose : decimal(6,2)", "NULL"),
        ("dose=null : decimal(6,2)\nage : int16", "neither a default"),
        ("dose=null : decimal(6,2)\nunique index (name)", "more than once"),
        ("dose=null : decimal(6,2)\ncheck light (weight < 20)", "light"),
    ]:
        subject.definition = OLD.replace("dose=null : decimal(6,2)", line)
        with pytest.raises(DataJointError, match=message):
            subject.alter(prompt=False)
    assert ["subject", "weight", "name", "sex", "dose", "seen"] == subject.heading.names


@pytest.mark.statement("ALT-2")
def test_keys_and_references_are_refused(subject, declare):
    session = declare("Session", "-> Subject\nsession : int16\n---\nday=null : date")
    for table, definition in [
        (subject, OLD.replace("subject : int32", "subject : int64")),
        (subject, OLD.replace("subject : int32", "animal : int32 # {subject}")),
        (subject, OLD.replace("---", "session : int16\n---")),
        (session, "session : int16\n---\nday=null : date"),
        (session, "-> Subject\nsession : int16\n---\nday=null : date\n-> [nullable] Subject.proj(mother='subject')"),
    ]:  # fmt: skip
        table.definition = definition
        with pytest.raises(DeclarationError, match=r"alter\(\) changes neither keys nor references"):
            table.alter(prompt=False)


@pytest.mark.statement("ALT-3")
def test_names_that_are_not_clear(subject):
    for text, message in [
        ("a=0 : int32 # {dose}\nb=0 : int32 # {dose}", "both say"),
        ("dose=null : decimal(6,2)\na=null : decimal(6,2) # {dose}", "has, too"),
    ]:
        subject.definition = OLD.replace("dose=null : decimal(6,2)", text)
        with pytest.raises(DeclarationError, match=message):
            subject.alter(prompt=False)
    alter(subject, OLD.replace("dose=null : decimal(6,2)", "amount=null : decimal(6,2) # was: dose; in mg"))
    assert [0, 1, 2, 3] == list(map(int, column(subject, "amount")))
    assert "in mg" == subject.heading["amount"].comment
    alter(subject, OLD.replace("dose=null : decimal(6,2)", "dose=7 : int32\namount=null : decimal(6,2)"))
    subject.definition = OLD.replace("dose=null : decimal(6,2)", "amount=null : decimal(6,2) # {dose}")
    with pytest.raises(DeclarationError, match="the table has both"):
        subject.alter(prompt=False)


@pytest.mark.statement("ALT-4")
def test_where_alter_is_refused(subject, schema, connect):
    with schema.connection.transaction, pytest.raises(TransactionError, match="inside a transaction"):
        subject.alter(prompt=False)
    free = dj.FreeTable(schema.connection, f"{schema.database}.subject")
    with pytest.raises(DataJointError, match="no definition beside"):
        free.alter(prompt=False)
    with pytest.raises(DataJointError, match="restricted"):
        (subject & "subject = 1").alter(prompt=False)


@pytest.mark.statement("ALT-4")
def test_names_of_a_context(declare, schema, subject):
    table = declare("Session", "session : int16\n---\n-> [nullable] Subject\nx=0 : int8")
    table.definition = "session : int16\n---\n-> [nullable] Mouse\nx=0 : int16"

    table.alter(prompt=False, context={"Mouse": subject})

    assert "int16" == table.heading["x"].type


@pytest.mark.statement("ALT-1")
def test_what_is_asked(subject, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("datajoint.table.prompt._answers", lambda: True)
    answers = iter(["no", "yes"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    subject.definition = NEW
    subject.alter(prompt=True)
    told = capsys.readouterr().out
    assert "dose" in subject.heading
    assert re.search(r"4 rows.*`weight` is now `mass`.*`note` is not in the table", told, re.DOTALL)
    subject.alter(prompt=True)
    assert "mass" in subject.heading


@pytest.mark.statement("ALT-1", "FK-13")
def test_tables_that_refer_to_an_altered_one(subject, declare):
    session = declare("Session", "-> Subject\nsession : int16\n---\nday=null : date")
    session.insert1({"subject": 1, "session": 1})

    alter(subject, NEW)

    with pytest.raises(DataJointError):
        session.insert1({"subject": 44, "session": 1})
    with pytest.raises(DuplicateError):
        session.insert1({"subject": 1, "session": 1})
    (subject & "subject = 1").delete(prompt=False)
    assert 0 == len(session)


@pytest.mark.statement("DEF-27")
def test_drift_names_the_command(subject, declare, connect, schema):
    there = declare.on(connect().Schema(schema.database))
    with pytest.warns(DataJointWarning, match=r"`weight` is now `mass`.*Subject\.alter\(\)"):
        again = there("Subject", NEW)
    with pytest.raises(DataJointError, match=r"(?s)`note`.*Subject\.alter\(\)"):
        again.insert1({"subject": 20, "note": "x"})
    again.alter(prompt=False)
    again.insert1({"subject": 20, "mass": 3, "note": "x"})


@pytest.mark.statement("ALT-3", "PRV-7")
@pytest.mark.parametrize("line", ["mass : int32 # {weight}", ""])
def test_staleness_after_an_attribute_that_was_read_is_renamed_or_dropped(subject, declare, line):
    def make(self, key):
        self.insert1({**key, "y": (subject & key).fetch1("weight")})

    result = declare("Result", "-> Subject\n---\ny : float64", dj.Computed, make=make)
    result.populate()
    text = OLD.replace("unique index (weight)\n", "").replace("check heavy (weight > 0)\n", "")
    alter(subject, text.replace("weight : int32 # grams", line))
    assert 0 == len(result.stale().stale)

    subject.update1({"subject": 2, "name": "other"})

    (row,) = [row for row in result.stale().outdated if row.key == {"subject": 2}]
    assert "`weight` of `Subject` was read, which has another name now or is gone" in str(row)
    assert "weight" in str((result & "subject = 2").why())
    assert "Subject" in str((result & "subject = 2").lineage())
