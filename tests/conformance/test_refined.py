"""Of reads of many rows history tells whether what has changed was read."""

import datetime as dt

import pytest

import datajoint as dj
from datajoint.journal.events import event as events
from datajoint.provenance.staleness.search import stale

MANY = 120
"""Of so many rows no digest is kept."""


@pytest.fixture
def lab(schema):
    """Give `Subject` and `Trial`, of many rows each, by name in a dict; `fit` declares what is computed."""
    tables = {}

    def declare(name, definition, tier=dj.Manual, **members):
        tables[name] = schema(
            type(tier)(name, (tier,), {"definition": definition, **members}), context=tables
        )
        return tables[name]

    def fit(ask):
        def make(self, key):
            ask(key)
            self.insert1(key)

        table = declare("Fit", "-> Group", dj.Computed, make=make)
        table.populate()
        assert [] == states(table)
        return table

    declare("Group", "group_id : int32")
    declare("Subject", "-> Group\nsubject : int32\n---\nx=null : float64\nnote='' : varchar(20)")
    declare(
        "Trial",
        "-> Subject\ntrial : int32\n---\nrt : int32\nkind='a' : enum('a', 'b')\nseen=null : datetime\n"
        "data=null : <blob>",
    )
    declare("Blocked", "-> Subject")
    tables["Group"].insert([{"group_id": g} for g in (1, 2)])
    tables["Subject"].insert([{"group_id": g, "subject": n, "x": n / 2} for g in (1, 2) for n in range(MANY)])
    tables["Trial"].insert(
        [{"group_id": g, "subject": n, "trial": 1, "rt": n} for g in (1, 2) for n in range(MANY)]
    )
    tables["fit"] = fit
    return tables


def states(table):
    return [(row.key["group_id"], row.state) for row in table.stale().reasons()]


def reason_of(table):
    """Return the only reason for the only row that is not fresh."""
    ((reason,),) = [row.reasons for row in table.stale().reasons()]
    return reason


def raw(table, text):
    quote = table().connection.dialect.quote
    table().connection.query(text.format(table=table().full_table_name, event=quote("_event")))


ONE = {"group_id": 2, "subject": 7}
TRIAL = {**ONE, "trial": 1}

ASKED = {
    "rows": lambda lab, key: (lab["Subject"] & key).to_arrays("x"),
    "rows of all keys": lambda lab, key: lab["Subject"].to_arrays("x"),
    "a condition": lambda lab, key: (lab["Subject"] & key & "x >= 0").to_arrays("x"),
    "a computed attribute": lambda lab, key: (lab["Subject"] & key).proj(z="x + 1").to_dicts(),
    "a renamed attribute": lambda lab, key: (lab["Subject"] & key).proj(z="x").to_arrays("z"),
    "a join": lambda lab, key: (lab["Subject"].proj("x") * lab["Trial"].proj("rt") & key).to_dicts(),
    "a left join": lambda lab, key: (lab["Subject"].proj("x") & key).join(
        lab["Blocked"].proj(), left=True, allow_nullable_pk=True).to_dicts(),
    "a semijoin": lambda lab, key: ((lab["Subject"] & key & lab["Trial"]).proj("x")).to_dicts(),
    "an antijoin": lambda lab, key: (((lab["Subject"] & key) - lab["Blocked"]).proj("x")).to_dicts(),
    "the first rows": lambda lab, key: (lab["Subject"] & key).proj("x").to_dicts(order_by="x", limit=110),
    "a union": lambda lab, key: (
        (lab["Subject"] & key & "x > 2").proj("x") + (lab["Subject"] & key & "x < 8").proj("x")).to_dicts(),
    "a stream": lambda lab, key: list((lab["Subject"] & key).proj("x")),
    "values of its own": lambda lab, key: (
        lab["Subject"] & key & f"x > {-key['group_id']}").to_arrays("x"),
}  # fmt: skip


@pytest.mark.statement("PRV-7", "UPD-6")
@pytest.mark.parametrize("name", ASKED)
def test_what_was_not_read_of_many_rows_makes_nothing_stale(lab, name):
    table = lab["fit"](lambda key: ASKED[name](lab, key))
    lab["Subject"].update1({**ONE, "note": "new"})
    lab["Subject"].update1({**ONE, "note": "newer"})
    assert [] == states(table)
    lab["Subject"].update1({**ONE, "x": 3.0})
    everybody = "all keys" in name
    assert [(1, "stale"), (2, "stale")] if everybody else [2] == [key for key, _ in states(table)]
    reason = table.stale().reasons()[-1].reasons[0]
    assert ("Subject", ONE, "x", 3.5, 3.0) == (
        reason.table, reason.row, reason.attribute, reason.old, reason.new,
    )  # fmt: skip
    assert reason.event == max(lab["Subject"].events.to_arrays("event"))


@pytest.mark.statement("PRV-7")
def test_what_was_read_as_it_is_makes_stale_what_only_decided_possibly(lab):
    table = lab["fit"](lambda key: (lab["Trial"] & key & "rt < 1000").to_arrays("trial"))
    lab["Trial"].update1({**TRIAL, "rt": 8})
    assert [(2, "possibly stale")] == states(table)
    assert ("rt", 7, 8) == (reason_of(table).attribute, reason_of(table).old, reason_of(table).new)


@pytest.mark.statement("PRV-7")
def test_attributes_of_all_types_are_compared(lab):
    table = lab["fit"](lambda key: (lab["Trial"] & key).to_dicts())
    time = dt.datetime(2026, 11, 28, 12)  # noqa: DTZ001 - as the database has it
    for name, value, shown in (
        ("kind", "b", "`kind` 'a' → 'b'"),
        ("seen", time, f"`seen` None → {time!r}"),
        ("data", [1, 2], "`data` has changed"),
    ):
        lab["Trial"].update1({**TRIAL, name: value})
        assert "stale" == reason_of(table).state
        assert f"`Trial` {TRIAL!r}: {shown}, by event" in str(reason_of(table))
        lab["Trial"].update1({**TRIAL, name: "a" if name == "kind" else None})
        assert [] == states(table)


@pytest.mark.statement("PRV-7")
def test_numbers_of_many_rows_are_compared(lab):
    table = lab["fit"](lambda key: (len(lab["Trial"] & key & "rt >= 0"), bool(lab["Trial"] & key)))
    lab["Trial"].update1({**TRIAL, "rt": 9})
    assert [] == states(table)
    lab["Trial"].update1({**TRIAL, "rt": -9})
    assert [(2, "stale")] == states(table)


@pytest.mark.statement("PRV-7")
def test_rows_that_came_or_went_are_changes(lab):
    table = lab["fit"](lambda key: (lab["Trial"] & key).to_arrays("rt"))
    (lab["Trial"] & TRIAL).delete(prompt=False)
    assert f"{MANY} rows of `Trial` were read, now there are {MANY - 1}" == str(reason_of(table))
    lab["Trial"].insert1({**TRIAL, "rt": 7})
    assert [(2, "possibly stale")] == states(table)  # it may have been read while the row was absent
    lab["Trial"].insert1({**TRIAL, "trial": 2, "rt": 7})
    assert [(2, "stale")] == states(table)


@pytest.mark.statement("PRV-7")
def test_rows_that_moved_in_and_out_are_no_unread_change(lab):
    table = lab["fit"](lambda key: (lab["Trial"] & key & "rt > 9").to_arrays("rt"))
    lab["Trial"].update1({**ONE, "trial": 1, "rt": 11})
    lab["Trial"].update1({**ONE, "subject": 11, "trial": 1, "rt": 0})
    assert "fresh" not in {state for _, state in states(table)}
    assert [2] == [key for key, _ in states(table)]


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("write", ["update", "replace", "block", "replace in a block"])
def test_however_a_row_was_written_again(lab, write):
    table, trial = lab["fit"](lambda key: (lab["Trial"] & key).to_arrays("rt")), lab["Trial"]
    row = {**TRIAL, "rt": 7, "kind": "b"}
    with trial().connection.transaction:
        if write == "update":
            (trial & TRIAL).update({"kind": "b"})
        elif write == "replace":
            trial.insert1(row, replace=True)
        elif write == "block":
            trial.update1({**TRIAL, "rt": 70})
            trial.update1({**TRIAL, "rt": 7})
        else:
            (trial & TRIAL).delete(prompt=False)
            trial.insert1(row)
            trial.insert1(row, replace=True)
    assert [] == states(table)


@pytest.mark.statement("PRV-7")
def test_without_history_it_cannot_be_told(lab, schema):
    table, config = lab["fit"](lambda key: (lab["Trial"] & key).to_arrays("rt")), schema.connection.config
    config.provenance.history = "off"
    lab["Trial"].update1({**TRIAL, "kind": "b"})
    config.provenance.history = "best_effort"
    assert [(2, "possibly stale")] == states(table)
    lab["Trial"].update1({**TRIAL, "kind": "a"})
    assert [(2, "possibly stale")] == states(table)


@pytest.mark.statement("PRV-7")
def test_what_was_pruned_cannot_be_told(lab, schema):
    table = lab["fit"](lambda key: (lab["Trial"] & key).to_arrays("rt"))
    lab["Trial"].update1({**TRIAL, "kind": "b"})
    assert [] == states(table)
    schema.prune_history(0)
    assert [(2, "possibly stale")] == states(table)


@pytest.mark.statement("PRV-7")
def test_what_others_wrote_cannot_be_told(lab):
    table = lab["fit"](lambda key: (lab["Trial"] & key).to_arrays("rt"))
    raw(lab["Trial"], "UPDATE {table} SET kind = 'b', {event} = NULL WHERE group_id = 2 AND subject = 7")
    assert [(2, "possibly stale")] == states(table)
    lab["Trial"].update1({**TRIAL, "kind": "a"})
    assert [(2, "possibly stale")] == states(table)


@pytest.mark.statement("PRV-7")
def test_no_clock_makes_a_row_falsely_fresh(lab, monkeypatch):
    # Three rows of one event. The make reads two of them; clocks ahead and behind say that it read two others.
    trial, group = lab["Trial"], {"group_id": 1}
    rows = [{**group, "subject": 1, "trial": t, "rt": 500} for t in (8, 9)]
    trial.insert(rows)
    clock = events.time.time

    def at(seconds):
        monkeypatch.setattr(events.time, "time", lambda: clock() + seconds)

    at(3600)
    trial.update1({**rows[0], "rt": -1})  # out of what will be read, by a clock that is ahead
    at(0)
    table = lab["fit"](lambda key: (trial & key & "rt >= 0").to_arrays("rt", "trial"))
    at(-3600)
    (trial & rows[1]).delete(prompt=False)  # by a clock that is behind
    at(7200)
    trial.update1(rows[0])  # in again, as it was when it was inserted
    assert [(1, "possibly stale")] == states(table)


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_that_is_wrong_hides_no_change(lab, monkeypatch, seconds):
    table = lab["fit"](lambda key: (lab["Trial"] & key).to_arrays("rt"))
    clock = events.time.time
    monkeypatch.setattr(events.time, "time", lambda: clock() + seconds)
    lab["Trial"].update1({**TRIAL, "rt": 8})
    assert [2] == [key for key, _ in states(table)]
    lab["Trial"].update1({**TRIAL, "rt": 7})
    assert states(table) in ([], [(2, "possibly stale")])


@pytest.mark.statement("PRV-7")
def test_a_budget_bounds_what_is_asked_one_by_one(lab):
    table = lab["fit"](
        lambda key: (lab["Trial"] & key & f"rt > {-key['group_id']}").to_dicts(order_by="rt", limit=110)
    )
    lab["Trial"].update1({**TRIAL, "rt": 8})
    assert {"unknown"} == {row.state for row in stale(table(), budget=0).reasons()}
    assert [(2, "stale")] == states(table)
