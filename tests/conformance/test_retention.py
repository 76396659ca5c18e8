"""What history takes, and forgetting it: by age, by size, by workers (PRV-9)."""

import datetime as dt

import pytest

import datajoint as dj
from datajoint.errors import DataJointError


@pytest.fixture
def session(schema):
    class Session(dj.Manual):
        definition = """
        session : int32
        ---
        note="" : varchar(2000)
        trace=null : <blob>
        """

    return schema(Session)


@pytest.fixture
def other(schema):
    class Other(dj.Manual):
        definition = "other : int32\n---\nnote='' : varchar(20)"

    return schema(Other)


def sizes(schema):
    return {kept.table: kept for kept in schema.history_sizes()}


def versions(table):
    found = table.old_versions()
    return [] if found is None else sorted(found.to_dicts(), key=lambda row: row["session"])


def make_older(schema, **ages):
    """Let the events that ended the versions of tables be some days older."""
    quote = schema.connection.dialect.quote
    full = schema.connection.dialect.table(dj.FreeTable(schema.connection, f"{schema.database}.~events").name)
    for table, days in ages.items():
        then = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(days=days)
        schema.connection.query(
            f"UPDATE {full} SET {quote('finished')} = '{then.isoformat(' ', 'microseconds')}' "
            f"WHERE {quote('table_name')} = '{table}' AND kind IN ('delete', 'update')"
        )


def pruned(schema):
    return schema.events & {"kind": "prune"}


@pytest.mark.statement("PRV-9")
def test_sizes(schema, session, other):
    assert [] == schema.history_sizes()
    session.insert([{"session": n, "note": "x" * 1000} for n in range(10)])
    other.insert1({"other": 1})
    assert [] == schema.history_sizes()
    (session & "session < 4").delete(prompt=False)
    session.update1({"session": 5, "trace": list(range(5000))})
    session.update1({"session": 5, "trace": None})

    (kept,) = schema.history_sizes()
    assert ("session", 6) == (kept.table, kept.versions)
    assert 6000 < kept.bytes < 60_000
    events = (schema.events & {"table_name": "session", "kind": ["delete", "update"]}).to_arrays("finished")
    assert (min(events), max(events)) == (kept.oldest, kept.newest)


@pytest.mark.statement("PRV-9")
def test_what_is_older_is_forgotten(schema, session, other):
    for table, key in ((session, "session"), (other, "other")):
        table.insert([{key: n} for n in range(5)])
        (table & f"{key} < 3").delete(prompt=False)
    make_older(schema, session=10, other=3)

    assert {} == schema.prune_history(11)
    assert {"session": 3} == schema.prune_history(5, dry_run=True)
    assert ["other", "session"] == sorted(sizes(schema))
    assert not pruned(schema)
    assert {"session": 3} == schema.prune_history(5)
    assert ["other"] == sorted(sizes(schema))
    row = pruned(schema).fetch1()
    assert (3, {"session": 3}) == (row["row_count"], row["details"]["tables"])
    assert {"other": 3} == schema.prune_history(2.5)
    assert [3, 4] == session.to_arrays("session").tolist()


@pytest.mark.statement("PRV-9", "PRV-6")
def test_a_past_that_was_forgotten_is_not_told(schema, session, other):
    session.insert([{"session": n} for n in range(3)])
    other.insert1({"other": 1})
    then = schema.events.to_arrays("finished").max()
    (session & "session = 1").delete(prompt=False)
    gone = (schema.events & {"kind": "delete"}).fetch1("event")
    make_older(schema, session=5)
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=7)
    schema.prune_history(3)

    with pytest.raises(DataJointError, match=r"`Session` at .* is not known any more.* by event \d+"):
        session.as_of(long_ago)
    with pytest.raises(DataJointError, match="forgotten") as error:
        schema.restore(gone)
    assert "delete()" not in str(error.value)
    assert [0, 2] == session.as_of(then).to_arrays("session", order_by="session").tolist()
    assert 0 == len(other.as_of(long_ago))


@pytest.mark.statement("PRV-9")
def test_the_newest_are_kept_up_to_a_size(schema, session, other):
    session.insert([{"session": n, "note": "x" * 1000} for n in range(6)])
    other.insert1({"other": 1})
    for n in range(3):
        (session & {"session": [2 * n, 2 * n + 1]}).delete(prompt=False)
    other.delete(prompt=False)
    quote = schema.connection.dialect.quote
    table = schema.connection.dialect.table(
        dj.FreeTable(schema.connection, f"{schema.database}.~events").name
    )
    deletes = (schema.events & {"kind": "delete"}).to_arrays("event", order_by="event").tolist()
    for day, event in enumerate(deletes, 1):
        schema.connection.query(
            f"UPDATE {table} SET {quote('finished')} = '2020-01-{day:02} 00:00:00.000000' WHERE {quote('event')} = {event}"
        )

    assert {} == schema.prune_history(bytes=100_000)
    assert {"session": 2} == schema.prune_history(bytes=5000, dry_run=True)
    assert {"session": 2} == schema.prune_history(bytes=5000)
    assert [2, 3, 4, 5] == [row["session"] for row in versions(session)]
    assert {"session": 4} == schema.prune_history(bytes=1000)
    assert ["other"] == sorted(sizes(schema))
    assert {"other": 1} == schema.prune_history(bytes=0)
    assert [] == schema.history_sizes()


@pytest.mark.statement("PRV-9")
def test_settings_say_what_is_forgotten(schema, session, instance):
    with pytest.raises(DataJointError, match=r"history_days"):
        schema.prune_history()
    session.insert1({"session": 1})
    session.delete(prompt=False)
    make_older(schema, session=3)
    with instance.config.override(provenance__history_days=4):
        assert {} == schema.prune_history()
        assert {"session": 1} == schema.prune_history(2, dry_run=True)  # what is given goes first
    with instance.config.override(provenance__history_bytes=10, provenance__history_days=30):
        assert {"session": 1} == schema.prune_history()


@pytest.mark.statement("PRV-9")
@pytest.mark.parametrize("wrong", [{"days": -1}, {"bytes": -5}, {"days": "3"}, {"days": float("nan")}])
def test_wrong_limits_change_nothing(schema, session, wrong):
    session.insert1({"session": 1})
    session.delete(prompt=False)
    with pytest.raises(DataJointError, match=next(iter(wrong))):
        schema.prune_history(**wrong)
    assert 1 == sizes(schema)["session"].versions


@pytest.mark.statement("PRV-9")
def test_what_is_forgotten_is_not_restored(schema, session):
    session.insert1({"session": 1})
    session.delete(prompt=False)
    event = int((schema.events & {"kind": "delete"}).fetch1("event"))
    schema.prune_history(0)
    with pytest.raises(DataJointError, match="kept"):
        schema.restore(event)


@pytest.mark.statement("PRV-9", "POP-24")
def test_workers_forget_once_an_hour(schema, session, instance):
    class Fit(dj.Computed):
        definition = "-> Session"

        def make(self, key):
            self.insert1(key)

    fit = schema(Fit, context={"Session": session})
    session.insert([{"session": n} for n in range(4)])
    (session & "session > 1").delete(prompt=False)
    make_older(schema, session=3)
    assert 2 == dj.Worker(fit).run(until_done=True)
    assert 2 == sizes(schema)["session"].versions

    instance.config.provenance.history_days = 2
    dj.Worker(fit).run(until_done=True)
    assert [] == schema.history_sizes()
    assert 1 == len(pruned(schema))

    (session & "session = 1").delete(prompt=False)
    make_older(schema, session=3)
    dj.Worker(fit).run(until_done=True)  # another worker, within the same hour
    assert {"session", "__fit"} == set(sizes(schema))


@pytest.mark.statement("DEL-2", "PRV-9")
@pytest.mark.parametrize("mode", ["best_effort", "off"])
def test_the_question_says_what_history_will_take(schema, session, instance, mode, monkeypatch, capsys):
    session.insert([{"session": n, "note": "x" * 1500} for n in range(200)])
    instance.config.provenance.history = mode
    monkeypatch.setattr("datajoint.table.prompt._answers", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    (session & "session < 100").delete(prompt=True)

    said = capsys.readouterr().out
    if mode == "off":
        assert "No history of them is kept" in said
    else:
        assert "About 15" in said
        assert " kB of history" in said
    assert 200 == len(session())


@pytest.mark.statement("PRV-9")
def test_the_command_line(shop):
    shop.dj("populate", "lab", "--quiet")
    assert "no history is kept\n" == shop.dj("history", "lab").out
    shop.module.Fit.delete(prompt=False)
    rows = len(shop.module.Scan())

    (told,) = shop.json("history", "lab")
    assert (f"{shop.module.schema.database}.__fit", rows) == (told["table"], told["versions"])
    assert f"__fit  {rows:>8}" in shop.dj("history", "show", "lab").out
    assert "nothing to forget\n" == shop.dj("history", "prune", "lab", "--days", "1").out
    assert "would be forgotten" in shop.dj("history", "prune", "lab", "--days", "0", "--dry-run").out
    assert {told["table"]: rows} == shop.json("history", "prune", "lab", "--days", "0", "--dry-run")
    assert (
        f"{rows} versions of {told['table']} forgotten\n"
        == shop.dj("history", "prune", "lab", "--bytes", "0").out
    )
    assert "no history is kept\n" == shop.dj("history", "lab").out
    assert "history_days" in shop.dj("history", "prune", "lab", status=1).err
    assert "Name the module" in shop.dj("history", "prune", status=1).err
    assert "schema by schema" in shop.dj("history", "lab:Fit", status=1).err
