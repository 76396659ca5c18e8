"""History: rows as they were at any time, and events taken back (PRV-6, PRV-9)."""

import random
import threading
import time

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import ConfigurationError, DataJointError, IntegrityError
from datajoint.heading.names import TableName
from datajoint.sql.system_tables.images import shadow_name


@pytest.fixture
def session(schema):
    class Session(dj.Manual):
        definition = """
        session : int32
        ---
        note="" : varchar(20)
        quality="good" : enum("good", "bad")
        trace=null : <blob>
        """

    return schema(Session)


@pytest.fixture
def scan(schema, session):
    class Scan(dj.Manual):
        definition = """
        -> Session
        scan : int16
        ---
        depth=null : float64
        """

        class Cell(dj.Part):
            definition = """
            -> master
            cell : int16
            """

    return schema(Scan, context={"Session": session})


def now(schema):
    """The time of the last event."""
    return schema.events.to_arrays("finished", order_by="finished DESC", limit=1)[0]


def tick():
    """Let the clock go on by more than a millisecond, which is as fine as SQLite tells the time."""
    start = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 < start + 2:
        pass


def last(schema, kind):
    return int((schema.events & {"kind": kind}).to_arrays("event", order_by="finished DESC", limit=1)[0])


def rows(expression):
    return sorted(expression.to_dicts(), key=lambda row: row["session"])


@pytest.mark.statement("PRV-6")
def test_rows_as_they_were(schema, session):
    session.insert([{"session": n, "note": "first", "trace": np.arange(n)} for n in range(3)])
    begin, at_first = now(schema), rows(session)
    tick()
    session.update1({"session": 1, "note": "second", "quality": "bad"})
    (session & {"session": 2}).delete(prompt=False)
    session.insert1({"session": 0, "note": "replaced"}, replace=True)

    then = rows(session.as_of(begin))

    assert ["first"] * 3 == [row["note"] for row in at_first]
    assert ["first"] * 3 == [row["note"] for row in then]
    assert ["good"] * 3 == [row["quality"] for row in then]
    assert [[0, 1][:n] for n in range(3)] == [row["trace"].tolist() for row in then]
    assert ["replaced", "second"] == [row["note"] for row in rows(session)]


@pytest.mark.statement("PRV-6")
@pytest.mark.parametrize("seed", range(3))
def test_any_time_of_a_random_history(schema, session, seed):
    chance = random.Random(seed)
    moments = []
    for n in range(12):
        tick()
        key = {"session": chance.randrange(3)}
        action = chance.choice(["insert", "replace", "update", "update_many", "delete", "block"])
        row = {**key, "note": str(n), "quality": chance.choice(["good", "bad"])}
        if action == "insert":
            session.insert1(row, skip_duplicates=True)
        elif action == "replace":
            session.insert1(row, replace=True)
        elif action == "update" and session & key:
            session.update1(row)
        elif action == "update_many":
            (session & key).update({"note": str(n)}, prompt=False)
        elif action == "delete":
            (session & key).delete(prompt=False)
        elif action == "block":
            with session.connection.transaction:
                session.insert1({**row, "note": "unseen"}, replace=True)
                session.update1(row)
        if schema.events:
            moments.append((now(schema), rows(session.proj(..., "-trace"))))

    assert len(moments) > 5
    for moment, expected in moments:
        assert expected == rows(session.as_of(moment).proj(..., "-trace")), moment


@pytest.mark.statement("PRV-6")
def test_what_a_block_wrote_itself_is_no_version(schema, session):
    with session.connection.transaction:
        session.insert1({"session": 1, "note": "a"})
        session.update1({"session": 1, "note": "b"})
        (session & {"session": 1}).delete(prompt=False)

    versions = session.old_versions()
    assert 0 == (0 if versions is None else len(versions))


@pytest.mark.statement("PRV-9", "DEL-1")
def test_a_cascade_is_taken_back_whole(schema, session, scan):
    session.insert([{"session": n, "trace": np.arange(3.0)} for n in range(2)])
    scan.insert([{"session": n, "scan": k, "depth": 1.5} for n in range(2) for k in range(2)])
    scan.Cell.insert([{"session": 1, "scan": 0, "cell": n} for n in range(4)])
    before = rows(scan)
    (session & {"session": 1}).delete(prompt=False)
    assert 2 == len(scan())

    steps = schema.events & {"kind": "delete"}
    whole = set(steps.to_arrays("event").tolist()) - set(
        (steps & "parent IS NOT NULL").to_arrays("event").tolist()
    )
    restored = schema.restore(whole.pop())

    assert {1, 2, 4} == set(restored.values())
    assert before == rows(scan)
    assert [0, 1, 2, 3] == sorted(scan.Cell.to_arrays("cell").tolist())
    assert np.array_equal((session & {"session": 1}).fetch1("trace"), np.arange(3.0))
    assert 1 == len(schema.events & {"kind": "restore"})


@pytest.mark.statement("PRV-9")
def test_an_update_is_taken_back(schema, session):
    session.insert1({"session": 1, "note": "right", "quality": "bad"})
    session.update1({"session": 1, "note": "wrong", "quality": "good"})

    schema.restore(last(schema, "update"))

    assert {"note": "right", "quality": "bad"}.items() <= session.fetch1().items()


@pytest.mark.statement("PRV-9")
def test_what_was_written_again_is_not_overwritten(schema, session):
    session.insert1({"session": 1, "note": "a"})
    session.update1({"session": 1, "note": "b"})
    event = last(schema, "update")
    session.update1({"session": 1, "note": "c"})

    with pytest.raises(IntegrityError, match=r"`Session` session=1 cannot be restored: it was written again"):
        schema.restore(event)
    assert "c" == session.fetch1("note")


@pytest.mark.statement("PRV-9")
def test_parents_must_be_there(schema, session, scan):
    session.insert1({"session": 1})
    scan.insert1({"session": 1, "scan": 1})
    scan.delete(prompt=False)
    event = last(schema, "delete")
    session.delete(prompt=False)

    with pytest.raises(IntegrityError):
        schema.restore(event)
    assert not scan()


@pytest.mark.statement("PRV-9")
def test_nothing_to_restore(schema, session):
    session.insert1({"session": 1})

    with pytest.raises(DataJointError, match=r"ended no rows"):
        schema.restore(last(schema, "insert"))
    with pytest.raises(DataJointError, match=r"has no event 7"):
        schema.restore(7)


@pytest.mark.statement("PRV-9")
def test_history_is_pruned(schema, session):
    session.insert1({"session": 1, "note": "a"})
    session.update1({"session": 1, "note": "b"})

    assert {} == schema.prune_history(1)
    assert {session.table_name: 1} == schema.prune_history(0)
    assert not session.old_versions()
    assert 1 == len(session())


@pytest.mark.statement("PRV-9")
def test_history_off_and_required(schema, session, instance):
    session.insert1({"session": 1, "note": "a"})
    with instance.config.override(provenance__history="off"):
        session.update1({"session": 1, "note": "b"})
    assert session.old_versions() is None

    settings = {"provenance__history": "required", "database__create_tables": False}
    with instance.config.override(**settings), pytest.raises(ConfigurationError, match="'required'"):
        session.update1({"session": 1, "note": "c"})
    assert "b" == session.fetch1("note")


@pytest.mark.statement("PRV-9", "TXN-2")
def test_the_first_version_is_kept_in_a_block_too(schema, session):
    session.insert1({"session": 1, "note": "a"})
    before = now(schema)
    tick()
    with session.connection.transaction:
        session.update1({"session": 1, "note": "b"})

    assert ["a"] == [row["note"] for row in rows(session.as_of(before))]


@pytest.mark.statement("PRV-9", "TXN-2")
def test_a_block_undone_leaves_no_version(schema, session):
    session.insert1({"session": 1, "note": "a"})
    with pytest.raises(ValueError, match="stop"), session.connection.transaction:
        session.update1({"session": 1, "note": "b"})
        raise ValueError("stop")
    session.update1({"session": 1, "note": "c"})

    assert ["a"] == session.old_versions().to_arrays("note").tolist()


@pytest.mark.statement("PRV-6")
def test_rows_of_others_are_told(schema, session):
    session.insert1({"session": 1, "note": "ours"})
    table = session.connection.dialect.table(session().name)
    session.connection.query(f"INSERT INTO {table} (session, note, quality) VALUES (2, 'theirs', 'good')")

    with pytest.warns(dj.errors.DataJointWarning, match="rows of unknown origin"):
        assert 2 == len(session.as_of(now(schema)))


@pytest.mark.statement("DEL-9")
def test_a_dropped_table_takes_its_history_along(schema, session):
    session.insert1({"session": 1})
    session.update1({"session": 1, "note": "b"})
    name = shadow_name(TableName(schema.database, session.table_name))
    assert session.connection.catalog.find(name) is not None

    session.drop(prompt=False)

    session.connection.catalog.clear()
    assert session.connection.catalog.find(name) is None


@pytest.mark.statement("SCH-6")
def test_shadows_are_not_listed(schema, session):
    session.insert1({"session": 1})
    session.update1({"session": 1, "note": "b"})

    assert [session.table_name] == schema.list_tables()
    assert [session.table_name] == [table.table_name for table in schema]


@pytest.mark.statement("PRV-6")
def test_a_time_that_is_none(schema, session):
    with pytest.raises(DataJointError, match="is no time"):
        session.as_of("yesterday")


@pytest.mark.statement("PRV-6")
def test_the_past_of_some_rows_is_asked_for_by_restricting_it(schema, session):
    session.insert([{"session": n} for n in range(3)])
    then = now(schema)

    with pytest.raises(DataJointError, match=r"as_of\(time\) & condition"):
        (session & "session = 1").as_of(then)
    assert 1 == len(session.as_of(then) & "session = 1")


@pytest.mark.statement("PRV-9")
@pytest.mark.parametrize("event", ["abc", {"event": 1}, None, 1.5])
def test_an_event_is_restored_by_its_number(schema, session, event):
    session.insert1({"session": 1})
    with pytest.raises(DataJointError, match="number of an event"):
        schema.restore(event)


@pytest.mark.statement("PRV-6", "TXN-4")
def test_every_version_is_kept_when_many_update_one_row(schema, session, connect):
    session.insert1({"session": 1, "note": "first"})
    session.update1({"session": 1, "note": "second"})
    name, start = session().name, threading.Barrier(3, timeout=300)
    notes = [[f"{thread}-{n}" for n in range(10)] for thread in range(3)]

    def work(own):
        table = connect().FreeTable(str(name))
        start.wait()
        for note in own:
            table.update1({"session": 1, "note": note})

    threads = [threading.Thread(target=work, args=[own]) for own in notes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    shadow = schema.connection.dialect.table(shadow_name(name))
    kept = [row[0] for row in schema.connection.query(f"SELECT note FROM {shadow}").fetchall()]
    assert sorted(["first", "second", *(note for own in notes for note in own)]) == sorted(
        [*kept, session.fetch1("note")]
    )
