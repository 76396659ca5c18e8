"""One make fills several tables: rows of the tables in `writes` are results like those of its own table."""

import sys

import pytest

import datajoint as dj
from datajoint.errors import ContractError, DataJointError

pytestmark = pytest.mark.statement("POP-25")


class Terminal:
    """Standard input that answers may come from."""

    def isatty(self):
        return True


@pytest.fixture
def lab(schema):
    """Files, and a table whose make loads each into sessions and trials."""

    @schema
    class File(dj.Manual):
        definition = "file : int32\n---\nname : varchar(20)"

    @schema
    class Session(dj.Manual):
        definition = "session : int32\n---\nname : varchar(20)"

    @schema
    class Trial(dj.Manual):
        definition = "-> Session\ntrial : int32"

    class Lab:
        broken = False
        extra = None
        trials = 2

        def __init__(self):
            self.schema, self.file, self.session, self.trial, self.load = schema, File, Session, Trial, None

        def loads(self, written=(Session, Trial), **attributes):
            lab = self

            class Load(dj.Computed):
                definition = "-> File\n---\nn : int32"
                writes = tuple(written)

                class Line(dj.Part):
                    definition = "-> master\nline : int32"

                def make(self, key):
                    name = (lab.file & key).fetch1("name")
                    lab.session.insert1({"session": 10 * key["file"], "name": name})
                    lab.trial.insert({"session": 10 * key["file"], "trial": n} for n in range(lab.trials))
                    self.insert1({**key, "n": lab.trials})
                    lab.load.Line.insert1({**key, "line": 1})
                    if lab.extra is not None:
                        lab.extra(key)
                    if lab.broken:
                        raise ValueError("broken")

            for name, value in attributes.items():
                setattr(Load, name, value)
            self.load = schema(Load, context={"File": File})
            return self

        def cleans(self):
            lab = self

            class Clean(dj.Computed):
                definition = "-> Session\n---\nname : varchar(20)"

                def make(self, key):
                    self.insert1({**key, "name": (lab.session & key).fetch1("name").upper()})

            self.clean = schema(Clean, context={"Session": Session})
            return self

        def counts(self):
            return len(self.load()), len(self.load.Line()), len(self.session()), len(self.trial())

    File.insert([{"file": 1, "name": "a"}, {"file": 2, "name": "b"}])
    return Lab()


def test_all_rows_name_the_make_and_come_in_one_transaction(lab, instance):
    lab.loads()
    lab.load.populate()
    assert (2, 2, 2, 4) == lab.counts()
    made = (lab.load & "file = 1").event().fetch1()
    for rows in (lab.session & "session = 10", lab.trial & "session = 10", lab.load.Line & "file = 1"):
        assert {made["event"]} == set(rows.event().to_arrays("parent").tolist())
    assert made["details"] is None  # nothing beside its code and reads


def test_a_make_that_fails_leaves_nothing(lab):
    lab.loads().broken = True
    lab.load.populate(suppress_errors=True)
    assert (0, 0, 0, 0) == lab.counts()


def test_what_reads_its_own_writes_is_one_transaction_too(lab):
    seen = []
    lab.loads().extra = lambda key: seen.append(len(lab.session & {"session": 10 * key["file"]}))
    lab.load.populate()
    assert [1, 1] == seen
    assert (2, 2, 2, 4) == lab.counts()
    lab.schema.connection.query("SELECT 1")
    lab.broken = True
    (lab.load & "file = 2").delete(prompt=False)
    lab.load.populate(suppress_errors=True, reuse=False)
    assert (1, 1, 1, 2) == lab.counts()


def test_lineage_leads_to_the_make_and_its_inputs(lab):
    lab.loads()
    lab.load.populate()
    [row] = (lab.session & "session = 20").lineage()
    [load] = row.sources
    assert ("Load", "written by", [{"file": 2}]) == (load.name, load.link, [dict(key) for key in load.keys])
    assert [("File", "read", ("name",))] == [(one.name, one.link, one.what) for one in load.sources]
    assert "written by" in str((lab.trial & "session = 20" & "trial = 0").lineage())


@pytest.mark.statement("PRV-7")
def test_they_are_stale_as_the_row_of_the_make_is(lab):
    lab.loads().cleans()
    dj.populate(lab.schema)
    for table in (lab.load, lab.load.Line, lab.session, lab.trial, lab.clean):
        assert not table.stale()
    lab.file.update1({"file": 2, "name": "c"})
    assert [{"session": 20}] == [dict(row.key) for row in lab.session.stale()]
    assert [0, 1] == [row.key["trial"] for row in lab.trial.stale()]
    assert [2] == [row.key["file"] for row in lab.load.Line.stale()]
    assert [20] == [row.key["session"] for row in lab.clean.stale()]
    assert "`Load`, which is stale" in str(lab.session.stale())
    [row] = (lab.session & "session = 20").why()
    assert ("stale", ["Load"]) == (row.state, [one.table for one in row.above])
    assert "name 'b' → 'c'" in str((lab.session & "session = 20").why())
    assert "name 'b' → 'c'" in str((lab.clean & "session = 20").why())
    assert "fresh" == (lab.session & "session = 10").why().rows[0].state


def test_what_no_make_writes_is_refused_by_name(lab):
    lab.loads()
    with pytest.raises(DataJointError, match=r"No make writes rows of `File`.*\n.*writes = \[File\]"):
        lab.file.stale()
    lab.session.insert1({"session": 99, "name": "by hand"})
    assert not lab.session.stale()
    assert "unknown" == (lab.session & "session = 99").why().rows[0].state


def test_verify_compares_them(lab):
    lab.loads()
    lab.load.populate()
    assert lab.load.verify()
    lab.session.update1({"session": 20, "name": "z"})
    (lab.trial & "session = 10" & "trial = 1").delete(prompt=False)
    report = lab.load.verify()
    assert [1, 2] == [one.key["file"] for one in report.differing]
    assert {"Trial", "Session"} == {found.table for one in report.differing for found in one.differences}
    assert (2, 2, 2, 3) == lab.counts()


def test_stale_ones_are_made_again_in_place(lab):
    lab.loads().cleans()
    dj.populate(lab.schema)
    lab.file.update1({"file": 2, "name": "c"})
    lab.trials = 1
    dj.populate(lab.schema, stale=True, prompt=False)
    assert (2, 2, 2, 3) == lab.counts()
    assert "c" == (lab.session & "session = 20").fetch1("name")
    assert "C" == (lab.clean & "session = 20").fetch1("name")
    for table in (lab.load, lab.session, lab.clean):
        assert not table.stale()
    [row] = (lab.session & "session = 20").lineage()
    assert ["Load"] == [one.name for one in row.sources]
    assert lab.load.verify({"file": 2})


@pytest.mark.statement("POP-26")
def test_they_are_deleted_and_restored_with_the_row_of_the_make(lab):
    lab.loads().cleans()
    dj.populate(lab.schema)
    before = [rows.to_dicts(order_by="KEY") for rows in (lab.load, lab.session, lab.trial, lab.clean)]
    latest = lab.schema.events.to_arrays("event").max()
    (lab.file & "file = 2").delete(prompt=False)
    assert (1, 1, 1, 2) == lab.counts()
    assert 1 == len(lab.clean())
    whole = lab.schema.events & f"event > {latest}" & "kind = 'delete'" & "parent IS NULL"
    lab.schema.restore(whole.fetch1("event"))
    after = [rows.to_dicts(order_by="KEY") for rows in (lab.load, lab.session, lab.trial, lab.clean)]
    assert before == after
    for table in (lab.load, lab.session, lab.clean):
        assert not table.stale()
    assert ["Load"] == [one.name for one in (lab.session & "session = 20").lineage().rows[0].sources]
    assert lab.load.verify()


@pytest.mark.statement("POP-26")
def test_they_are_used_again(lab):
    lab.loads()
    lab.load.populate()
    (lab.load & "file = 2").delete(prompt=False)
    assert (1, 1, 1, 2) == lab.counts()
    assert 1 == lab.load.populate()["reused_count"]
    assert (2, 2, 2, 4) == lab.counts()
    assert not lab.session.stale()
    assert ["Load"] == [one.name for one in (lab.session & "session = 20").lineage().rows[0].sources]


def test_what_was_changed_by_hand_stays(lab, caplog):
    lab.loads()
    lab.load.populate()
    lab.session.update1({"session": 20, "name": "mine"})
    (lab.load & "file = 2").delete(prompt=False)
    assert "mine" == (lab.session & "session = 20").fetch1("name")
    [(_, error)] = lab.load.populate(suppress_errors=True)["error_list"]
    assert "Session" in error  # which names what is in the way


def test_a_delete_that_asks_lists_them(lab, instance, monkeypatch, capsys):
    lab.loads()
    lab.load.populate()
    monkeypatch.setattr("builtins.input", lambda *_: "no")
    monkeypatch.setattr(sys, "stdin", Terminal())
    with instance.config.override(safemode=True):
        (lab.load & "file = 2").delete()
    shown = capsys.readouterr().out
    assert "session" in shown
    assert "trial" in shown
    assert (2, 2, 2, 4) == lab.counts()


def test_a_table_that_refers_to_them_comes_after(lab):
    lab.loads().cleans()
    result = dj.populate(lab.schema)
    assert ["Load", "Clean"] == [one.class_name for one in result.tables]
    assert 0 == result.remaining
    assert 2 == len(lab.clean())


@pytest.mark.parametrize(
    "how", [{"reserve_jobs": True}, {"processes": 2}, {"processes": 2, "reserve_jobs": True}]
)
def test_with_queues_and_processes(lab, how):
    lab.loads().cleans()
    result = dj.populate(lab.schema, **how)
    assert (2, 2, 2, 4) == lab.counts()
    assert 2 == len(lab.clean())
    assert 0 == result.remaining


def test_a_summary_that_only_reads_them_waits(lab):
    lab.loads()

    class Group(dj.Lookup):
        definition = "one : int32"
        contents = ({"one": 1},)

    class Sum(dj.Computed):
        definition = "-> Group\n---\nn : int32"
        reads = (lab.trial,)

        def make(self, key):
            self.insert1({**key, "n": len(lab.trial())})

    group = lab.schema(Group)
    total = lab.schema(Sum, context={"Group": group})
    result = dj.populate(lab.schema)
    assert ["Load", "Sum"] == [one.class_name for one in result.tables]
    assert 4 == total.fetch1("n")


def test_what_is_written_and_not_declared_breaks_a_strict_contract(lab, caplog):
    lab.loads(written=[lab.session], contract="error")
    [(_, error), _] = lab.load.populate(suppress_errors=True)["error_list"]
    assert "it writes to `Trial`" in error
    assert (0, 0, 0, 0) == lab.counts()
    lab.load.writes = [lab.session, lab.trial]
    assert not lab.load.populate()["error_list"]


def test_own_rows_are_still_of_the_own_key(lab):
    lab.loads().extra = lambda key: lab.load.Line.insert1({"file": 3 - key["file"], "line": 2})
    with pytest.raises(ContractError, match="inserts a row of another key"):
        lab.load.populate()


def test_tables_of_another_schema(lab, instance, schema_name):
    other = instance.Schema(schema_name("other"))

    @other
    class Note(dj.Manual):
        definition = "note : int32"

    lab.loads(written=[lab.session, lab.trial, Note]).extra = lambda key: Note.insert1({"note": key["file"]})
    lab.load.populate()
    assert 2 == len(Note())
    made = (lab.load & "file = 1").event().fetch1("event")
    assert made == (Note & "note = 1").event().fetch1("parent")
    assert made in other.events.to_arrays("event").tolist()
    assert lab.load.verify()
    (lab.load & "file = 1").delete(prompt=False)
    assert [2] == Note.to_arrays("note").tolist()
    assert (1, 1, 1, 2) == lab.counts()
    assert {"success_count": 1, "error_list": []} == lab.load.populate()  # computed: history is by schema


def test_three_parts(lab):
    class Load3(dj.Computed):
        definition = "-> File"
        writes = (lab.session,)

        def make_fetch(self, key):
            return (lab.file & key).fetch1("name")

        def make_compute(self, key, name):
            return (name.upper(),)

        def make_insert(self, key, name):
            lab.session.insert1({"session": key["file"], "name": name})
            self.insert1(key)

    load = lab.schema(Load3, context={"File": lab.file})
    load.populate()
    assert ["A", "B"] == lab.session.to_arrays("name").tolist()
    assert ["Load3"] == [one.name for one in (lab.session & "session = 1").lineage().rows[0].sources]
    assert load.verify()
