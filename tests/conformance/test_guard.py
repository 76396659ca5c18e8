"""Changes of rows in place by other programs: the guard makes such rows forget their event (provenance §10)."""

import sqlite3
import warnings
from contextlib import closing

import pytest

import datajoint as dj
from datajoint.errors import DataJointWarning


@pytest.fixture
def instance(connect):
    return connect(provenance__guard=True)


@pytest.fixture
def lab(schema):
    """`Subject`, `Trial` that refers to it, and `Fit` that reads both; declared by `declare`."""
    tables = {}

    def declare(name, definition, tier=dj.Manual, **members):
        tables[name] = schema(
            type(tier)(name, (tier,), {"definition": definition, **members}), context=tables
        )
        return tables[name]

    def make(self, key):
        found = (tables["Subject"] & key).fetch1("x")
        self.insert1({**key, "y": found + sum((tables["Trial"] & key).to_arrays("rt"))})

    declare("Subject", "subject_id : int32\n---\nx : float64\nnote='' : varchar(20)")
    declare("Trial", "-> Subject\ntrial : int32\n---\nrt : float64")
    declare("Fit", "-> Subject\n---\ny : float64", dj.Computed, make=make)
    tables["Subject"].insert([{"subject_id": n, "x": n / 2} for n in (1, 2, 3)])
    tables["Trial"].insert([{"subject_id": n, "trial": 1, "rt": 0.5} for n in (1, 2, 3)])
    tables["Fit"].populate()
    tables["declare"] = declare
    return tables


@pytest.fixture
def other(backend, tmp_path):
    """Run a statement by the driver itself, in a session of its own."""

    def run(table, text):
        quote = table().connection.dialect.quote
        statement = text.format(table=table().full_table_name, event=quote("_event"))
        if backend.name == "sqlite":
            session = sqlite3.connect(tmp_path / "test.db")
            session.execute("PRAGMA foreign_keys = ON")
        else:
            session = backend.connect()
        with closing(session):
            session.cursor().execute(statement)
            session.commit()

    return run


def events(table):
    """Return the event of each row by key, None where it names none."""
    rows = table().with_metadata().proj("event").to_dicts()
    return {tuple(row[name] for name in table().primary_key): row["event"] for row in rows}


def unknown(table):
    return [key for key, event in sorted(events(table).items()) if event is None]


def stale(table):
    return [(row.key["subject_id"], row.state) for row in table.stale()]


@pytest.mark.statement("PRV-7")
def test_an_update_by_another_program_is_noticed(lab, other):
    assert [] == stale(lab["Fit"])
    other(lab["Subject"], "UPDATE {table} SET x = 9 WHERE subject_id = 2")

    assert [(2, "stale")] == stale(lab["Fit"])
    assert [(2,)] == unknown(lab["Subject"])


@pytest.mark.statement("PRV-7")
def test_an_update_of_an_event_alone_or_of_a_row_without_one(lab, other):
    before = events(lab["Subject"])
    other(lab["Subject"], "UPDATE {table} SET {event} = 7, x = 8 WHERE subject_id = 1")
    other(lab["Subject"], "UPDATE {table} SET {event} = NULL WHERE subject_id = 2")
    other(lab["Subject"], "UPDATE {table} SET note = 'x' WHERE subject_id = 2")

    assert {(1,): 7, (2,): None, (3,): before[3,]} == events(lab["Subject"])


@pytest.mark.statement("PRV-7")
@pytest.mark.backends("sqlite", "postgresql")
def test_keys_that_a_cascade_of_the_database_changes(lab, other):
    other(lab["Subject"], "UPDATE {table} SET subject_id = 7 WHERE subject_id = 2")

    assert [(7,)] == unknown(lab["Subject"])
    assert [(7, 1)] == unknown(lab["Trial"])
    assert [(7,)] == unknown(lab["Fit"])


@pytest.mark.statement("PRV-7")
@pytest.mark.backends("mysql")
def test_insert_that_leaves_what_is_there_changes_nothing(lab, other):
    other(
        lab["Subject"],
        "INSERT INTO {table} (subject_id, x) VALUES (1, 5) ON DUPLICATE KEY UPDATE subject_id = subject_id",
    )
    assert [] == unknown(lab["Subject"])
    other(lab["Subject"], "INSERT INTO {table} (subject_id, x) VALUES (1, 5) ON DUPLICATE KEY UPDATE x = 5")
    assert [(1,)] == unknown(lab["Subject"])


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize(("old", "new"), [("a", "A"), ("a", "a "), ("é", "e"), ("", " ")])
def test_texts_that_a_database_takes_for_equal_differ(lab, other, old, new):
    lab["Subject"].update1({"subject_id": 1, "note": old})
    other(lab["Subject"], f"UPDATE {{table}} SET note = '{new}' WHERE subject_id = 1")
    assert [(1,)] == unknown(lab["Subject"])


@pytest.mark.statement("PRV-7")
def test_columns_that_others_drop_or_rename_keep_nobody_from_updating(lab, other):
    other(lab["Subject"], "ALTER TABLE {table} DROP COLUMN note")
    other(lab["Subject"], "ALTER TABLE {table} RENAME COLUMN x TO z")
    other(lab["Subject"], "UPDATE {table} SET z = 9 WHERE subject_id = 1")
    assert [(1,)] == unknown(lab["Subject"])


# ------------------------------------------------------------------------------------ our own changes


@pytest.mark.statement("PRV-5", "PRV-7")
@pytest.mark.parametrize("block", [False, True])
def test_changes_of_ours_keep_their_events(lab, block):
    subject, connection = lab["Subject"], lab["Subject"].connection
    old = set(events(subject).values())

    def change():
        subject.update1({"subject_id": 1, "x": 3.0})
        subject.update1({"subject_id": 1, "x": 4.0})
        subject.insert1({"subject_id": 1, "x": 5.0}, replace=True)
        subject.insert1({"subject_id": 1, "x": 6.0}, skip_duplicates=True)
        (subject & "subject_id > 1").update({"note": "a"}, prompt=False)
        (subject & {"subject_id": [2, 3]}).update({"note": "b"}, prompt=False)
        subject.insert(
            [{"subject_id": n, "x": 1.0} for n in range(60)] + [{"subject_id": 2, "x": 3.0}], replace=True
        )
        subject.insert([{"subject_id": n, "x": 2.0} for n in range(90)], skip_duplicates=True)
        (subject & "subject_id > 50").delete(prompt=False)

    if block:
        with connection.transaction:
            change()
    else:
        change()

    assert [] == unknown(subject)
    assert not old & set(events(subject).values())
    assert set(events(subject).values()) <= set(subject.events.to_arrays("event").tolist())
    assert 3.0 == (subject & {"subject_id": 2}).fetch1("x")


@pytest.mark.statement("PRV-5", "PRV-7")
def test_rows_of_one_insert_that_replace_each_other(lab):
    rows = [{"subject_id": 1, "x": 1.0}, {"subject_id": 1, "x": 2.0, "note": "second"}]
    lab["Subject"].insert(rows, replace=True)
    lab["Subject"].insert(
        [*rows, *({"subject_id": n, "x": 0.0} for n in range(4, 60)), rows[0]], replace=True
    )

    assert [] == unknown(lab["Subject"])


@pytest.mark.statement("PRV-5", "PRV-7")
@pytest.mark.parametrize("pinned", [False, True])
def test_rows_that_one_make_writes_again(lab, pinned):
    def make(self, key):
        self.insert1({**key, "y": 1.0})
        self.Cell.insert([{**key, "cell": n, "z": 0.0} for n in range(2)])
        if pinned:
            assert 1 == len(self & key)
        self.insert1({**key, "y": 3.0}, replace=True)
        self.Cell.insert([{**key, "cell": n, "z": 4.0} for n in range(60)], replace=True)

    cell = type(dj.Part)("Cell", (dj.Part,), {"definition": "-> master\ncell : int32\n---\nz : float64"})
    again = lab["declare"]("Again", "-> Subject\n---\ny : float64", dj.Computed, make=make, Cell=cell)
    again.populate()

    assert [] == unknown(again) + unknown(again.Cell)
    assert set(events(again).values()) == set((again.events & {"kind": "make"}).to_arrays("event").tolist())
    assert [3.0] * 3 == again.to_arrays("y").tolist()
    assert [] == list(again.stale())


@pytest.mark.statement("PRV-7", "JOB-16")
def test_rows_keep_their_make_when_its_duration_is_noted(lab):
    lab["Subject"].connection.config.jobs.add_job_metadata = True

    def make(self, key):
        self.insert1({**key, "y": 1.0})

    timed = lab["declare"]("Timed", "-> Subject\n---\ny : float64", dj.Computed, make=make)
    timed.populate()

    assert set(events(timed).values()) == set((timed.events & {"kind": "make"}).to_arrays("event").tolist())
    hidden = [a.name for a in timed().connection.catalog.spec(timed().name).hidden]
    assert "_job_duration" in hidden


@pytest.mark.statement("PRV-7", "PRV-9")
def test_restored_and_renewed_rows_name_their_events(lab, schema, other):
    subject, fit = lab["Subject"], lab["Fit"]
    subject.update1({"subject_id": 1, "x": 5.0})
    schema.restore(int((schema.events & {"kind": "update"}).fetch1("event")))
    (subject & {"subject_id": 2}).delete(prompt=False)
    whole = (schema.events & {"kind": "delete"} & "parent IS NULL").fetch1("event")
    schema.restore(int(whole))
    assert [] == unknown(subject)

    other(subject, "UPDATE {table} SET x = 9 WHERE subject_id = 3")
    fit.populate(stale=True)
    assert 9.5 == (fit & {"subject_id": 3}).fetch1("y")
    assert [] == unknown(fit)
    assert [] == stale(fit)


# ------------------------------------------------------------------------------- adding and removing


def statuses(report):
    return [detail["status"] for detail in report["details"]]


@pytest.mark.statement("PRV-7")
def test_guards_are_taken_away_and_added(lab, schema, other):
    assert ["already_present"] * 3 == statuses(dj.deploy.guard(schema))
    planned = dj.deploy.guard(schema, remove=True)
    assert ["pending"] * 3 == statuses(planned)
    assert all(text.startswith("DROP TRIGGER") for text in planned["ddl"])
    assert ["already_present"] * 3 == statuses(dj.deploy.guard(schema))

    assert 3 == dj.deploy.guard(schema, dry_run=False, remove=True)["tables_modified"]
    other(lab["Subject"], "UPDATE {table} SET x = 9 WHERE subject_id = 2")
    assert [] == stale(lab["Fit"])
    assert ["absent"] * 3 == statuses(dj.deploy.guard(schema, remove=True))

    assert ["added"] == statuses(dj.deploy.guard(lab["Subject"], dry_run=False))
    other(lab["Subject"], "UPDATE {table} SET x = 8 WHERE subject_id = 2")
    assert [(2, "stale")] == stale(lab["Fit"])
    assert ["already_present", "pending", "pending"] == statuses(dj.deploy.guard(schema))


@pytest.mark.statement("PRV-7", "PRV-4")
def test_columns_that_are_added_later_are_watched(lab, schema, other):
    subject = lab["Subject"]
    dj.deploy.add_prov_column(subject, dry_run=False)
    subject.update1({"subject_id": 1, "x": 5.0})
    prov = subject().connection.dialect.quote("_prov")
    other(subject, f"UPDATE {{table}} SET {prov} = '{{{{}}}}' WHERE subject_id = 1")
    assert [(1,)] == unknown(subject)
    assert ["already_present"] * 3 == statuses(dj.deploy.guard(schema))


@pytest.mark.statement("PRV-7")
@pytest.mark.backends("mysql")
def test_a_guard_that_others_have_outdated_is_made_anew(lab, other, connect, schema):
    other(lab["Subject"], "ALTER TABLE {table} ADD COLUMN added int")
    again = connect(provenance__guard=True).Schema(schema.database)
    assert ["pending", "already_present", "already_present"] == statuses(dj.deploy.guard(again))
    dj.deploy.guard(again, dry_run=False)
    other(lab["Subject"], "UPDATE {table} SET added = 1 WHERE subject_id = 3")
    assert [(3,)] == unknown(lab["Subject"])


@pytest.mark.statement("PRV-7")
def test_the_default_is_to_watch_files_only(connect, schema_name, backend):
    schema = connect().Schema(schema_name())

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    expected = "already_present" if backend.name == "sqlite" else "pending"
    assert [expected] == statuses(dj.deploy.guard(schema))
    assert "~" not in "".join(detail["table"] for detail in dj.deploy.guard(schema)["details"])


@pytest.mark.statement("SCH-5", "DEL-9")
def test_guarded_tables_and_schemas_are_dropped(lab, schema, instance):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataJointWarning)
        lab["Trial"].drop(prompt=False)
        schema.drop(prompt=False)
    assert schema.database not in instance.list_schemas()
