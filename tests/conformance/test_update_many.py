"""Changing attributes of many rows by one call: what is set, shown, recorded and refused."""

import sys

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import (
    CheckError,
    DataJointError,
    DataJointWarning,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    QueryError,
    TransactionError,
    UnknownAttributeError,
)
from datajoint.heading.names import TableName


@pytest.fixture
def subject(declare):
    table = declare(
        "Subject",
        """
        subject_id : int32
        ---
        name : varchar(12)
        weight=null : float64
        sex="U" : enum('M','F','U')
        at=CURRENT_TIMESTAMP : datetime(3)
        picture=null : <blob>
        tag=null : int16
        info=null : json
        unique index (tag)
        """,
    )
    table.insert([{"subject_id": k, "name": f"n{k}", "weight": k, "sex": "M", "tag": k} for k in range(8)])
    return table


@pytest.fixture
def answer(monkeypatch):
    """Let a terminal give answers."""

    def give(*answers):
        waiting = list(answers)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt="": waiting.pop(0))

    return give


def events(table):
    free = dj.FreeTable(table.connection, f"{table.database}.~events")
    rows = (free & "kind = 'update'").proj("table_name", "row_count", "parent", "details")
    return rows.to_dicts(order_by="event")


def column(table, name):
    return [row[name] for row in table().to_dicts(order_by="KEY")]


@pytest.mark.statement("UPD-4")
def test_many_rows_by_one_event(subject):
    assert 3 == (subject & "subject_id >= 5").update({"name": "it's 100%", "weight": "2.5"})
    assert ["n0", "n1", "n2", "n3", "n4", *["it's 100%"] * 3] == column(subject, "name")
    assert [0, 1, 2, 3, 4, 2.5, 2.5, 2.5] == column(subject, "weight")
    assert [("subject", 3)] == [(e["table_name"], e["row_count"]) for e in events(subject)]
    assert 3 == len(subject & f"_event = {last(subject)}")


def last(table):
    free = dj.FreeTable(table.connection, f"{table.database}.~events")
    return free.to_arrays("event", order_by="event").tolist()[-1]


@pytest.mark.statement("UPD-4")
def test_rows_by_any_restriction(subject):
    assert 8 == subject.update({"weight": 1})
    assert 8 == subject().update({"weight": 2})
    assert 2 == (subject & [{"subject_id": 0}, {"name": "n1"}]).update({"name": "a"})
    assert 3 == (subject & dj.Top(3, order_by="subject_id DESC")).update({"name": "b"})
    assert 2 == (subject & (subject & {"name": "a"}).proj()).update({"name": "c"})
    assert 5 == (subject - {"name": "b"}).update({"sex": "F"})
    assert 0 == (subject & "subject_id > 100").update({"sex": "F"})
    assert 0 == (subject & []).update({"sex": "F"})
    assert 8 == (subject & subject.keys()).update({"weight": 3})
    assert ["c", "c", "n2", "n3", "n4", "b", "b", "b"] == column(subject, "name")
    assert ["F"] * 5 + ["M"] * 3 == column(subject, "sex")
    assert 1 == (subject & {"subject_id": 1, "name": "c"}).update({"name": "d"})


@pytest.mark.statement("UPD-4")
def test_values_of_many_types(subject):
    picture = np.arange(6).reshape(2, 3)
    assert 2 == (subject & "subject_id < 2").update(
        {"picture": picture, "info": {"a": [1, "x"]}, "tag": None}
    )
    rows = (subject & "subject_id < 2").to_dicts(order_by="KEY")
    assert [picture.tolist()] * 2 == [row["picture"].tolist() for row in rows]
    assert [{"a": [1, "x"]}] * 2 == [row["info"] for row in rows]
    assert [None, None] == [row["tag"] for row in rows]


@pytest.mark.statement("UPD-4", "UPD-3")
def test_none_resets(subject):
    subject.update({"at": "2001-02-03 04:05:06", "sex": "F"})
    assert 2 == (subject & "subject_id < 2").update({"weight": None, "sex": None, "at": None})
    assert [None, None, 2] == column(subject, "weight")[:3]
    assert ["U", "U", "F"] == column(subject, "sex")[:3]
    assert [False, False, True] == [at.year == 2001 for at in column(subject, "at")][:3]
    with pytest.raises(MissingAttributeError, match="required attribute `name`"):
        subject.update({"name": None})


@pytest.mark.statement("UPD-4", "UPD-5")
def test_what_is_refused(subject):
    with pytest.raises(DataJointError, match="`subject_id` is in the primary key of `Subject`"):
        subject.update({"subject_id": 3, "name": "x"})
    with pytest.raises(UnknownAttributeError, match=r"(?s)no attribute `nane`.*Did you mean `name`"):
        subject.update({"nane": "x"})
    with pytest.raises(DataJointError, match="hidden column"):
        subject.update({"_event": 3})
    for wrong in ({}, None, ["name", "x"]):
        with pytest.raises(DataJointError, match="takes a dict of attributes"):
            subject.update(wrong)
    for name, value in (("name", "x" * 20), ("sex", "X"), ("tag", 10**6), ("weight", "heavy")):
        with pytest.raises(QueryError, match=f"attribute `{name}`"):
            subject.update({name: value})
    with pytest.raises(DuplicateError, match=r"`Subject`.*tag.*must be unique"):
        (subject & "subject_id > 5").update({"tag": 100})
    with pytest.raises(DuplicateError, match=r"`Subject`: tag=0 must be unique"):
        (subject & "subject_id = 5").update({"tag": 0})
    assert [f"n{k}" for k in range(8)] == column(subject, "name")
    assert list(range(8)) == column(subject, "tag")
    assert [] == events(subject)


@pytest.mark.statement("UPD-4", "QRY-12")
def test_a_misspelt_name_changes_nothing(subject, monkeypatch):
    monkeypatch.setattr(subject.connection.config.query, "unknown_names", "warn")
    with pytest.warns(DataJointWarning, match="`nane`"):
        rows = subject & {"nane": "n1"}
    for query in (rows, rows & {"subject_id": 1}, subject & {"subject_id": 1, "wieght": 1}):
        with pytest.raises(UnknownAttributeError, match=r"(?s)`Subject`.*(`nane`|`wieght`).*updated"):
            query.update({"sex": "F"})
    assert ["M"] * 8 == column(subject, "sex")


@pytest.mark.statement("UPD-4", "FK-5", "FK-16")
def test_references(declare, subject):
    declare("Spot", "row : int16\ncol : int16").insert([{"row": r, "col": c} for r in (1, 2) for c in (1, 2)])
    cage = declare("Cage", "cage : int16\n---\n-> [nullable] Spot\n-> [nullable] Subject")
    cage.insert(
        [{"cage": 1, "row": 1, "col": 1, "subject_id": 1}, {"cage": 2}, {"cage": 3, "row": 1, "col": 2}]
    )
    with pytest.raises(IntegrityError, match=r"`Cage`: the parent `Subject` with subject_id=77 does not"):
        cage.update({"subject_id": 77})
    with pytest.warns(DataJointWarning, match=r"a reference is NULL in part \(row=2, col=None\)"):
        assert 3 == cage.update({"row": 2})
    assert 3 == cage.update({"row": None})  # it is said once
    assert [1] == list((cage & "col = 1").to_arrays("cage"))
    (cage & "cage < 3").update({"row": 1, "col": 1})
    (cage & "cage = 2").update({"row": None, "col": None})
    cage.update1({"cage": 3, "row": 1, "col": 2})
    assert 2 == (cage & "row = 1").update({"row": 2})
    assert 1 == (cage & "row is null").update({"row": None})
    assert 3 == cage.update({"row": 1, "col": 2, "subject_id": 3})
    assert 3 == cage.update({"row": None, "col": None, "subject_id": None})


@pytest.mark.statement("UPD-4", "TYP-22")
def test_conditions_of_the_definition(declare):
    rig = declare(
        "Rig",
        "rig : int16\n---\nname : varchar(10)\nrate=1 : float64\n"
        "check (rate > 0)\ncheck lower (name regexp '^[a-z]+$')",
    )
    rig.insert([{"rig": 1, "name": "a"}, {"rig": 2, "name": "b"}])
    with pytest.raises(CheckError, match=r"rate > 0"):
        rig.update({"rate": -1})
    with pytest.raises(CheckError, match="the check `lower`"):
        (rig & "rig = 1").update({"name": "A"})
    assert 2 == rig.update({"name": "c", "rate": 2})
    assert ["c", "c"] == column(rig, "name")


@pytest.mark.statement("UPD-4", "DEL-2")
def test_it_shows_and_asks(subject, answer, capsys):
    answer("no", "yes")
    rows = subject & "subject_id > 1"
    assert 0 == rows.update({"name": "new", "weight": None, "sex": None}, prompt=True)
    assert "n7" == column(subject, "name")[-1]
    shown = capsys.readouterr().out.splitlines()
    assert "Rows to update: 6 of `Subject`." == shown[0]
    assert "  subject_id=2: name 'n2' → 'new', weight 2.0 → NULL, sex 'M' → 'U'" == shown[1].replace('"', "'")
    assert ("  subject_id=6:", "  … and 1 more") == (shown[5].split(" name")[0], shown[6])
    assert 6 == rows.update({"name": "new", "picture": 5}, prompt=True)
    assert "picture <blob> → 5" in capsys.readouterr().out
    assert ["n0", "n1", *["new"] * 6] == column(subject, "name")
    assert [6] == [event["row_count"] for event in events(subject)]
    assert 0 == (subject & "subject_id < 0").update({"name": "x"}, prompt=True)
    assert "Nothing to update.\n" == capsys.readouterr().out
    answer("yes")
    assert 8 == subject.update({"tag": None}, prompt=True)
    assert "8 of `Subject`, all there are: nothing is restricted." in capsys.readouterr().out


@pytest.mark.statement("UPD-4", "DEL-2")
def test_when_it_asks(subject, instance, answer):
    with pytest.raises(DataJointError, match=r"(?s)no answer can be read.*prompt=False.*safemode"):
        subject.update({"name": "x"}, prompt=True)
    instance.config.safemode = True
    with pytest.raises(DataJointError, match="no answer can be read"):
        subject.update({"name": "x"})
    assert 8 == subject.update({"name": "x"}, prompt=False)
    answer()
    with (
        instance.connection.transaction,
        pytest.raises(TransactionError, match="Cannot ask for confirmation of an update"),
    ):
        subject.update({"name": "y"})


@pytest.mark.statement("UPD-4")
def test_rows_that_change_while_it_asks(subject, connect, monkeypatch, capsys, backend):
    if backend.name == "sqlite":
        other = subject
    else:
        other = dj.FreeTable(connect().connection, subject.full_table_name)
    answers = []

    def input_(prompt=""):
        if not answers:
            other.insert1({"subject_id": 100, "name": "n", "tag": 100})
        answers.append(prompt)
        return "yes"

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", input_)
    assert 9 == subject.update({"name": "x"}, prompt=True)
    assert 2 == len(answers)
    assert ["Update 8 rows", "Update 9 rows"] == [text.partition(" of")[0] for text in answers]
    assert "nothing has been updated" in capsys.readouterr().out
    assert [9] == [event["row_count"] for event in events(subject)]


@pytest.mark.statement("UPD-4", "TXN-1", "TXN-6")
def test_in_a_block(subject, instance):
    with instance.connection.transaction:
        assert 8 == subject.update({"name": "x"})
        with pytest.raises(DuplicateError):
            subject.update({"tag": 5})
        assert 1 == (subject & "subject_id = 1").update({"name": "y"})
    assert ["x", "y", "x"] == column(subject, "name")[:3]
    assert [8, 1] == [event["row_count"] for event in events(subject)]
    assert 1 == len({event["parent"] for event in events(subject)} - {None})
    with pytest.raises(ZeroDivisionError), instance.connection.transaction:
        subject.update({"name": "z"})
        1 / 0  # noqa: B018
    assert ["x", "y", "x"] == column(subject, "name")[:3]


@pytest.mark.statement("UPD-7", "UPD-4")
def test_computed_tables(declare, subject):
    def make(self, key):
        self.insert1({**key, "x": 1})
        self.Cell.insert([{**key, "cell": n, "y": 0} for n in range(2)])
        (self.Cell & key & "cell = 1").update({"y": 5})

    cell = declare.part("Cell", "-> master\ncell : int16\n---\ny : float64")
    fit = declare("Fit", "-> Subject\n---\nx : float64", dj.Computed, make=make, Cell=cell)
    fit.populate()
    assert [0, 5] * 8 == column(fit.Cell, "y")
    for table, name in ((fit, "x"), (fit.Cell, "y")):
        with pytest.raises(DataJointError, match="allow_direct_update=True"):
            table.update({name: 2})
        assert len(table()) == table.update({name: 2}, allow_direct_update=True)
    assert [2] * 8 == column(fit, "x")


@pytest.mark.statement("UPD-4", "TAB-20")
def test_a_table_without_event_column(instance, schema, subject):
    connection = instance.connection
    plain = TableName(schema.database, "plain")
    connection.query(f"CREATE TABLE {connection.dialect.table(plain)} (a INTEGER PRIMARY KEY, b INTEGER)")
    connection.catalog.clear()
    table = dj.FreeTable(connection, f"{schema.database}.plain")
    table.insert([{"a": n, "b": n} for n in range(3)])
    assert 2 == (table & "a > 0").update({"b": 7})
    assert [0, 7, 7] == table.to_arrays("b", order_by="KEY").tolist()
    details = events(subject)[-1]["details"]
    assert {"keys": [["1"], ["2"]], "more": 0} == details


@pytest.mark.statement("UPD-4")
def test_a_table_of_one_row(declare):
    setup = declare("Setup", "---\nrig : varchar(20)")
    setup.insert1({"rig": "a"})
    assert 1 == setup.update({"rig": "b"})
    assert 1 == (setup & {"rig": "b"}).update({"rig": "c"})
    assert 0 == (setup & {"rig": "b"}).update({"rig": "d"})
    assert 1 == (setup & setup).update({"rig": "e"})
    assert "e" == setup.fetch1("rig")
