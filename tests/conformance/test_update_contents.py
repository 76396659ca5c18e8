"""Rows of lookups are brought to the contents of their classes, on every backend."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, DataJointWarning, IntegrityError, TransactionError

TEXT = """
kind : varchar(8)
---
x=1 : float64
day=null : date
size=null : decimal(6,2)
"""
FIRST = [{"kind": "a", "x": 2.5, "day": "2026-01-01", "size": "1.5"}, {"kind": "b"}, {"kind": "c", "x": 3}]
THEN = [{"kind": "a", "x": 4.5, "day": "2026-01-01", "size": "1.50"}, {"kind": "b"}, {"kind": "d", "x": 7}]


@pytest.fixture
def kind(declare):
    return declare("Kind", TEXT, dj.Lookup, contents=FIRST)


@pytest.fixture
def result(kind, declare):
    def make(self, key):
        self.insert1({**key, "y": (kind & key).fetch1("x")})

    table = declare("Result", "-> Kind\n---\ny : float64", dj.Computed, make=make)
    table.populate()
    return table


def values(kind):
    return {row["kind"]: row["x"] for row in kind.to_dicts()}


@pytest.mark.statement("TAB-7")
def test_a_dry_run_shows_what_differs_and_what_becomes_stale(kind, result, schema):
    events = len(schema.events)
    kind.contents = THEN

    report = kind.update_contents(dry_run=True)

    assert [{"kind": "d", "x": 7}] == list(report.missing)
    assert [({"kind": "a"}, {"x": 2.5}, {"x": 4.5})] == [(c.key, c.old, c.new) for c in report.changed]
    assert [{"kind": "c"}] == list(report.extra)
    assert {"Result": 1} == report.stale
    assert not report.is_applied
    for part in ("missing: kind='d'", "kind='a': x 2.5 -> 4.5", "becomes stale: 1 of `Result`"):
        assert part in str(report)
    assert {"a": 2.5, "b": 1, "c": 3} == values(kind)
    assert events == len(schema.events)
    assert 0 == len(result.stale())


@pytest.mark.statement("TAB-7", "PRV-7")
def test_policies(kind, result, schema):
    kind.contents = THEN

    assert kind.update_contents("add", prompt=False).is_applied
    assert {"a": 2.5, "b": 1, "c": 3, "d": 7} == values(kind)
    assert kind.update_contents("update", prompt=False).is_applied
    assert {"a": 4.5, "b": 1, "c": 3, "d": 7} == values(kind)
    assert [{"kind": "a"}] == [row.key for row in result.stale().outdated]
    assert 2.5 in [row["x"] for row in kind.old_versions().to_dicts()]
    with pytest.raises(IntegrityError):
        kind.update_contents("exact", prompt=False)
    assert {"a": 4.5, "b": 1, "c": 3, "d": 7} == values(kind)
    (result & {"kind": "c"}).delete(prompt=False)
    assert [{"kind": "c"}] == list(kind.update_contents("exact", prompt=False).extra)
    assert {"a": 4.5, "b": 1, "d": 7} == values(kind)

    events = len(schema.events)
    again = kind.update_contents("exact", prompt=False)

    assert "`Kind` holds its contents." == str(again)
    assert not again.is_applied
    assert events == len(schema.events)


@pytest.mark.statement("TAB-7")
@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([{"kind": "a", "x": 9}, {"kind": "e", "x": "many"}], "x"),
        ([{"kind": "a", "x": 9}, {"kind": "a", "x": 8}], "two rows with the key"),
        ([{"kind": "a", "x": 9}, {"kind": "b", "y": 8}], "y"),
        ({"kind": "a"}, "a list of rows"),
    ],
)
def test_contents_that_are_no_rows_change_nothing(kind, contents, message):
    kind.contents = contents
    with pytest.raises(DataJointError, match=message):
        kind.update_contents(prompt=False)
    assert {"a": 2.5, "b": 1, "c": 3} == values(kind)


@pytest.mark.statement("TAB-7")
def test_where_it_is_refused(kind, schema):
    with schema.connection.transaction, pytest.raises(TransactionError, match="inside a transaction"):
        kind.update_contents(prompt=False)
    with pytest.raises(DataJointError, match="restricted"):
        (kind & "x > 1").update_contents(prompt=False)
    with pytest.raises(DataJointError, match="Policies are"):
        kind.update_contents("all", prompt=False)


@pytest.mark.statement("TAB-7")
def test_the_question(kind, monkeypatch, capsys):
    monkeypatch.setattr("datajoint.table.prompt._answers", lambda: True)
    answers = iter(["no", "yes"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    kind.contents = THEN

    assert not kind.update_contents(prompt=True).is_applied
    assert {"a": 2.5, "b": 1, "c": 3} == values(kind)
    assert "x 2.5 -> 4.5" in capsys.readouterr().out
    assert kind.update_contents(prompt=True).is_applied
    assert {"a": 4.5, "b": 1, "c": 3, "d": 7} == values(kind)


@pytest.mark.statement("TAB-7")
def test_the_warning_names_it(kind, declare, connect, schema):
    there = declare.on(connect().Schema(schema.database))
    with pytest.warns(DataJointWarning, match=r"Kind\.update_contents\(dry_run=True\)"):
        again = there("Kind", TEXT, dj.Lookup, contents=THEN)
    assert ["a"] == [row.key["kind"] for row in again.update_contents(prompt=False).changed]
