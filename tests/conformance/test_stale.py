"""Rows whose inputs or code have changed are told, with the reason."""

import datetime as dt
import importlib

import numpy as np
import pytest

import datajoint as dj


@pytest.fixture
def lab(schema):
    """Give `Subject`, `Trial`, `Blocked` by name in a dict that `computed` adds to."""
    tables = {}

    def declare(name, definition, tier=dj.Manual, **members):
        tables[name] = schema(
            type(tier)(name, (tier,), {"definition": definition, **members}), context=tables
        )
        return tables[name]

    declare("Subject", "subject_id : int32\n---\nx=null : float64\nnote='' : varchar(20)")
    declare("Trial", "-> Subject\ntrial : int32\n---\nrt : float64")
    declare("Blocked", "-> Trial")
    tables["Subject"].insert([{"subject_id": n, "x": n / 2} for n in (1, 2, 3)])
    tables["Trial"].insert([{"subject_id": s, "trial": t, "rt": s * t} for s in (1, 2, 3) for t in (1, 2, 3)])
    tables["Blocked"].insert([{"subject_id": s, "trial": 1} for s in (1, 2)])
    tables["declare"] = declare
    return tables


@pytest.fixture
def fit(lab):
    """Give a function that declares `Fit` of one number per subject, and populates it."""

    def declare(ask):
        def make(self, key):
            self.insert1({**key, "y": ask(key)})

        table = lab["declare"]("Fit", "-> Subject\n---\ny=null : float64", dj.Computed, make=make)
        table.populate()
        assert [] == states(table)
        return table

    return declare


def states(table, **options):
    """Return pairs of subject and state of the rows that are not fresh."""
    return [(row.key["subject_id"], row.state) for row in table.stale(**options).reasons()]


def raw(table, text, *values):
    quote = table().connection.dialect.quote
    table().connection.query(text.format(table=table().full_table_name, event=quote("_event")), values)


ASKED = {
    "one row": lambda lab, key: (lab["Subject"] & key).fetch1("x"),
    "rows": lambda lab, key: sum((lab["Trial"] & key).to_arrays("rt")),
    "joined rows": lambda lab, key: len((lab["Subject"] * lab["Trial"] & key).to_dicts()),
    "a number of rows": lambda lab, key: len(lab["Trial"] & key & "rt > 1"),
    "whether": lambda lab, key: bool(lab["Trial"] & key & "rt > 100"),
    "a semijoin": lambda lab, key: len((lab["Trial"] & (lab["Subject"] & key)).to_dicts()),
    "an antijoin": lambda lab, key: len(((lab["Trial"] & key) - lab["Blocked"]).to_dicts()),
    "an aggregation": lambda lab, key: (
        (lab["Subject"] & key).aggr(lab["Trial"], m="max(rt)").fetch1("m")
    ),
    "the first row": lambda lab, key: (lab["Trial"] & key).to_dicts(order_by="rt DESC", limit=1)[0]["rt"],
    "other values": lambda lab, key: len(lab["Trial"] & key & {"trial": 9}) + len(lab["Trial"] & {"trial": 1}),
    "a stream": lambda lab, key: sum(row["rt"] for row in lab["Trial"] & key),
    "keys": lambda lab, key: len((lab["Trial"] & key).keys()),
    "a union": lambda lab, key: len((lab["Trial"] & key & "rt > 4") + (lab["Trial"] & key & "trial = 1")),
}  # fmt: skip


@pytest.mark.statement("PRV-7", "UPD-6")
@pytest.mark.parametrize("name", ASKED)
def test_whatever_a_make_asks_for_it_is_known_to_change(lab, fit, name):
    table = fit(lambda key: ASKED[name](lab, key))
    subject, trial = lab["Subject"], lab["Trial"]
    subject.insert1({"subject_id": 9, "x": 1})  # nobody has asked for that
    assert [] == states(table)
    subject.update1({"subject_id": 2, "x": 7})
    trial.insert1({"subject_id": 2, "trial": 9, "rt": 500})
    lab["Blocked"].insert1({"subject_id": 2, "trial": 2})
    assert [(2, "stale")] == states(table)


@pytest.mark.statement("PRV-7", "UPD-6")
def test_what_was_not_read_makes_nothing_stale(lab, fit):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    lab["Subject"].update1({"subject_id": 2, "note": "new"})
    lab["Subject"].update1({"subject_id": 3, "x": 1.5})
    assert [] == states(table)
    assert not table.stale()


@pytest.mark.statement("PRV-7", "UPD-6")
def test_the_report_is_an_expression_a_list_and_a_text(lab, fit):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    lab["Subject"].update1({"subject_id": 2, "x": 8})
    report = table.stale()
    assert report
    assert 1 == len(report)
    assert [{"subject_id": 2, "y": 1.0}] == report.keys.to_dicts()
    assert [{"subject_id": 2}] == [row.key for row in report]
    (reason,) = next(iter(report)).reasons
    assert ("input", "Subject", "x", 1.0, 8.0) == (
        reason.kind, reason.table, reason.attribute, reason.old, reason.new,
    )  # fmt: skip
    assert {"subject_id": 2} == reason.row
    assert reason.event == lab["Subject"].events.proj().to_arrays("event", order_by="event")[-1]
    assert f"`Subject` {{'subject_id': 2}}: `x` 1.0 → 8.0, by event {reason.event}" in repr(report)
    shown = report._repr_html_()
    assert "Fit: 1 stale" in shown
    assert "<td>2</td><td>stale</td>" in shown
    assert "x` 1.0 → 8.0" in shown
    assert [] == list(table.stale({"subject_id": 1}))
    assert "Fit: 1 fresh, known in part" in table.stale({"subject_id": 1})._repr_html_()
    assert 1 == len((table & "y > 0.6").stale("y < 1.1"))


@pytest.mark.statement("PRV-7")
def test_rows_that_come_and_go_are_told(lab, fit):
    table = fit(lambda key: len(lab["Trial"] & key))
    (lab["Trial"] & {"subject_id": 3, "trial": 3}).delete(prompt=False)
    ((reason,),) = [row.reasons for row in table.stale()]
    assert "3 rows of `Trial` were read, now there are 2" == str(reason)


@pytest.mark.statement("PRV-7")
def test_values_of_queries_are_told_apart(lab, fit):
    notes = {1: "a'%", 2: "A'%", 3: "a'% "}
    for number, note in notes.items():
        lab["Subject"].update1({"subject_id": number, "note": note})
    table = fit(lambda key: len((lab["Subject"] & {"note": notes[key["subject_id"]]}).to_dicts()))
    lab["Subject"].insert1({"subject_id": 9, "note": "A'%"})
    assert [(2, "stale")] == states(table)


UNDER = {
    "alike": lambda key: 'note <> "o\'ld"',
    "one by one": lambda key: f"x < {key['subject_id'] + 1}",
    "in groups": lambda key: {"note": "new" if key["subject_id"] == 2 else ""},
}


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("name", UNDER)
def test_one_row_of_the_key_under_a_condition(lab, fit, name):
    """A row that was read has changed, one has left the condition, one has entered it, another is new."""
    subject = lab["Subject"]
    table = fit(lambda key: len((subject & key & UNDER[name](key)).to_dicts()))
    subject.update1({"subject_id": 1, "note": "o'ld", "x": 9})
    assert [(1, "stale")] == states(table)
    subject.update1({"subject_id": 2, "note": "new", "x": 0.25})
    assert [(1, "stale"), (2, "stale")] == states(table)
    subject.insert1({"subject_id": 4, "x": 1})
    table.populate({"subject_id": 4})
    subject.update1({"subject_id": 3, "x": 1.5})
    assert [(1, "stale"), (2, "stale")] == states(table)
    (table & "subject_id in (1, 2)").delete(prompt=False)
    table.populate()
    assert [] == states(table)
    subject.update1({"subject_id": 1, "note": "", "x": 0.5})
    assert [(1, "stale")] == states(table)


@pytest.mark.statement("PRV-7", "PRV-5")
def test_keys_may_be_called_as_columns_of_ours(lab):
    trial = lab["declare"](
        "Odd",
        "event : int32\nn : int32\nshape : varchar(8)\nkind : int16\n---\nx : float64\ncode='' : varchar(9)",
    )
    trial.insert([{"event": n, "n": 7 - n, "shape": "round", "kind": n % 2, "x": n / 2} for n in range(4)])

    def make(self, key):
        found = (trial & key).to_dicts()
        self.insert1({**key, "y": found[0]["x"] + len(lab["Subject"] & f"subject_id <= {key['event']}")})

    table = lab["declare"]("Fit", "-> Odd\n---\ny : float64", dj.Computed, make=make)
    table.populate()
    assert [] == list(table.stale())
    trial.update1({"event": 2, "n": 5, "shape": "round", "kind": 0, "x": 9})
    lab["Subject"].insert1({"subject_id": 0})
    assert [0, 1, 2, 3] == [row.key["event"] for row in table.stale()]
    written = (table & "event = 1").event().fetch1()
    assert ("make", 6, 1) == (written["event_kind"], written["n"], written["event"])
    assert written["event_event"] in table.events.to_arrays("event")
    assert 4 == table.populate(stale=True)["success_count"]
    assert [] == list(table.stale())
    assert {"fresh, known in part"} == {row.state for row in table.why()}


@pytest.mark.statement("PRV-7", "PRV-9")
def test_what_is_restored_is_known_as_what_was_made(lab, fit, schema):
    """Rows that went with their inputs, one of them made again and confirmed before."""
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    below = lab["declare"](
        "Below", "-> Fit\n---\nz : float64", dj.Computed,
        make=lambda self, key: self.insert1({**key, "z": (table & key).fetch1("y")}),
    )  # fmt: skip
    below.populate()
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    lab["Subject"].update1({"subject_id": 3, "note": "no matter"})
    assert 1 == table.populate(stale=True)["success_count"]
    before = {t: t.to_dicts(order_by="KEY") for t in (table, below)}
    stale = states(below)
    (lab["Subject"] & "subject_id < 3").delete(prompt=False)
    (event,) = (schema.events & {"kind": "delete"} & "parent IS NULL").to_arrays("event")
    schema.restore(int(event))
    assert before == {t: t.to_dicts(order_by="KEY") for t in (table, below)}
    assert [] == states(table)
    assert stale == states(below)
    assert {"make", "restore"} == set(table().event().to_arrays("kind"))
    lab["Subject"].update1({"subject_id": 1, "x": 9})
    assert [(1, "stale")] == states(table)
    assert [(1, "stale"), (2, "stale")] == states(below)
    assert 1 == table.populate(stale=True)["success_count"]
    assert [9.0, 7.0, 1.5] == table.to_arrays("y", order_by="KEY").tolist()
    assert [] == states(table)


@pytest.mark.statement("PRV-7")
def test_of_many_values_each_is_asked(lab, fit):
    many = [{"subject_id": n, "x": n} for n in range(10, 130)]
    lab["Subject"].insert(many)
    table = fit(lambda key: len((lab["Trial"] & f"rt > {key['subject_id'] - 10}").to_dicts()))
    lab["Trial"].insert1({"subject_id": 1, "trial": 9, "rt": 100})
    lab["Trial"].insert1({"subject_id": 1, "trial": 10, "rt": 0})
    assert [(n, "stale") for n in (1, 2, 3, *range(10, 110))] == states(table)


@pytest.mark.statement("PRV-7")
def test_other_code_is_a_reason(lab, fit, schema):
    table = fit(lambda key: 1)
    event = (table & {"subject_id": 2}).with_metadata().fetch1("event")
    raw(table, "UPDATE " + schema.connection.dialect.table(schema_events(schema)) + " SET code = %s WHERE event = %s",
        "c" * 26, event)  # fmt: skip
    assert [(2, "stale")] == states(table)
    ((reason,),) = [row.reasons for row in table.stale()]
    assert ("code", "c" * 26) == (reason.kind, reason.old)


@pytest.mark.statement("PRV-7", "POP-27")
def test_what_is_made_again_by_other_code_says_so(lab, fit):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    table.make_version = "other"
    assert 3 == table.populate(stale=True)["success_count"]
    assert [] == states(table)


def schema_events(schema):
    return dj.FreeTable(schema.connection, f"{schema.database}.~events").name


@pytest.mark.statement("PRV-7")
def test_what_depends_on_stale_rows_is_stale(lab, fit):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))

    def make(self, key):
        self.insert1({**key, "z": (table & key).fetch1("y")})

    def nothing(self, key):
        self.insert1(key)

    lab["declare"]("Note", "-> Fit\nnote_id : int32")
    lab["Note"].insert([{"subject_id": n, "note_id": 1} for n in (1, 2, 3)])
    last = lab["declare"]("Last", "-> Note\n---\nz=null : float64", dj.Computed, make=make)
    last.populate()
    lab["Subject"].update1({"subject_id": 2, "x": 3.5})
    assert [(2, "stale")] == states(last)
    ((reason,),) = [row.reasons for row in last.stale()]
    assert "because of `Fit`, which is stale" == str(reason)


@pytest.mark.statement("PRV-7")
def test_of_rows_of_others_nothing_is_known(lab, fit):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    raw(table, "UPDATE {table} SET {event} = NULL WHERE subject_id = 1")
    table.update1({"subject_id": 3, "y": 0}, allow_direct_update=True)
    report = table.stale()
    assert report
    assert 2 == len(report)
    assert [] == report.keys.to_dicts()
    assert [(1, "unknown"), (3, "unknown")] == states(table)
    assert [1, 3] == sorted(report.unknown.to_arrays("subject_id"))
    assert ["another program wrote it", "it was not made: update"] == [
        str(row.reasons[0]) for row in report.reasons()
    ]


@pytest.mark.statement("PRV-7")
def test_makes_without_events_are_unknown(lab, fit, schema):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    lab["Subject"].insert1({"subject_id": 4, "x": 1})
    schema.connection.config.provenance.events = False
    table.populate()
    schema.connection.config.provenance.events = True
    assert [(4, "unknown")] == states(table)


@pytest.mark.statement("PRV-7")
def test_inputs_of_others_are_compared_by_value(lab, fit):
    raw(lab["Subject"], "UPDATE {table} SET {event} = NULL WHERE subject_id < 3")
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    raw(lab["Subject"], "UPDATE {table} SET note = 'new'")
    assert [] == states(table)
    raw(lab["Subject"], "UPDATE {table} SET x = 9 WHERE subject_id = 2")
    assert [(2, "stale")] == states(table)


@pytest.mark.statement("PRV-7")
def test_exact_notices_what_others_changed_in_our_rows(lab, fit):
    lab["Subject"].connection.config.provenance.guard = False
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))
    raw(lab["Subject"], "UPDATE {table} SET x = 9 WHERE subject_id = 2")
    assert [(2, "stale")] == states(table, exact=True)


@pytest.mark.statement("PRV-7")
def test_a_make_that_reads_its_own_table_is_never_told_fresh_when_that_changed(lab, fit):
    table = lab["Fit"] = fit(lambda key: 1)
    del lab["Fit"]

    def make(self, key):
        self.insert1({**key, "y": len(type(self)())})

    own = lab["declare"]("Own", "-> Subject\n---\ny : int32", dj.Computed, make=make)
    own.populate()
    assert {"unknown"} == {state for _, state in states(own)}
    assert table


@pytest.mark.statement("PRV-7")
def test_tables_that_are_gone_make_reads_unreadable(lab, fit):
    lab["declare"]("Extra", "extra : int32")
    table = fit(lambda key: len(lab["Extra"]()))
    lab["Extra"].drop(prompt=False)
    assert [(n, "unknown") for n in (1, 2, 3)] == states(table)


@pytest.mark.statement("POP-27")
def test_what_comes_out_as_before_is_confirmed_and_stays(lab, fit, schema):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x") > 0)
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    before = table.with_metadata().to_dicts(order_by="KEY")
    assert {"success_count": 1, "error_list": []} == table.populate(stale=True)
    assert before == table.with_metadata().to_dicts(order_by="KEY")
    assert [] == states(table)
    (confirm,) = (schema.events & {"kind": "confirm"}).to_dicts()
    assert (before[1]["event"], 1) == (confirm["confirms"], confirm["row_count"])
    lab["Subject"].update1({"subject_id": 2, "x": 8})
    assert [(2, "stale")] == states(table)
    table.populate(stale=True)
    assert [] == states(table)
    assert 0 == table.populate(stale=True)["success_count"]


def three_parts(lab):
    return {
        "make_fetch": lambda self, key: ((lab["Subject"] & key).fetch1("x"),),
        "make_compute": lambda self, key, x: (2 * x,),
        "make_insert": lambda self, key, y: self.insert1({**key, "y": y}),
    }


def a_generator(lab):
    def make(self, key):
        x = (lab["Subject"] & key).fetch1("x")
        yield (x,)
        yield (2 * x,)
        self.insert1({**key, "y": 2 * x})

    return {"make": make}


def rows_of_a_query(lab):
    return {"make": lambda self, key: self.insert((lab["Subject"] & key).proj(y="2 * x"))}


@pytest.mark.statement("POP-27")
@pytest.mark.parametrize("form", [three_parts, a_generator, rows_of_a_query])
def test_makes_of_all_forms_are_run_again(lab, form):
    table = lab["declare"]("Fit", "-> Subject\n---\ny=null : float64", dj.Computed, **form(lab))
    table.populate()
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    assert [2] == [subject for subject, _ in states(table)]
    assert {"success_count": 1, "error_list": []} == table.populate(stale=True)
    assert 14 == (table & {"subject_id": 2}).fetch1("y")
    assert [] == states(table)


@pytest.mark.statement("POP-27")
def test_values_of_codecs_are_compared_as_they_come_back(lab, schema):
    def make(self, key):
        (lab["Subject"] & key).fetch1("x")
        self.insert1({**key, "v": {"n": np.int64(3), "x": np.float32(0.5), "t": (1, np.bool_(True))}})

    table = lab["declare"]("Fit", "-> Subject\n---\nv : <blob>", dj.Computed, make=make)
    table.populate()
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    before = table.with_metadata().proj("event").to_dicts(order_by="KEY")
    table.populate(stale=True)
    assert before == table.with_metadata().proj("event").to_dicts(order_by="KEY")
    assert 1 == len(schema.events & {"kind": "confirm"})


@pytest.mark.statement("POP-27")
def test_what_differs_is_changed_in_place(lab, fit):
    table = fit(lambda key: (lab["Subject"] & key).fetch1("x"))

    def make(self, key):
        self.insert1({**key, "z": (table & key).fetch1("y")})

    last = lab["declare"]("Last", "-> Fit\n---\nz=null : float64", dj.Computed, make=make)
    last.populate()
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    table.populate(stale=True)
    assert [0.5, 7.0, 1.5] == table.to_arrays("y", order_by="KEY").tolist()
    assert [{"subject_id": 2, "y": 1.0}] == table.old_versions().proj("y").to_dicts()
    assert [] == states(table)
    assert [(2, "stale")] == states(last)
    assert "`y` 1.0 → 7.0" in repr(last.stale())
    last.populate(stale=True)
    assert [] == states(last)
    assert 7.0 == (last & {"subject_id": 2}).fetch1("z")


@pytest.mark.statement("POP-27")
def test_parts_come_and_go(lab, schema):
    def make(self, key):
        trials = (lab["Trial"] & key).to_dicts(order_by="trial")
        self.insert1({**key, "n": 1})
        self.Cell.insert([{**key, "cell": t["trial"], "rt": t["rt"]} for t in trials])

    cell = type("Cell", (dj.Part,), {"definition": "-> master\ncell : int32\n---\nrt : float64"})
    table = lab["declare"]("Sum", "-> Subject\n---\nn : int32", dj.Computed, make=make, Cell=cell)
    table.populate()
    before = {
        row["cell"]: row["event"] for row in (table.Cell & {"subject_id": 2}).with_metadata().to_dicts()
    }
    (lab["Trial"] & {"subject_id": 2, "trial": 1}).delete(prompt=False)
    lab["Trial"].update1({"subject_id": 2, "trial": 2, "rt": 9})
    lab["Trial"].insert1({"subject_id": 2, "trial": 7, "rt": 1})
    assert {"success_count": 1, "error_list": []} == table.populate(stale=True)
    rows = (table.Cell & {"subject_id": 2}).with_metadata().to_dicts(order_by="cell")
    assert [(2, 9.0), (3, 6.0), (7, 1.0)] == [(row["cell"], row["rt"]) for row in rows]
    assert [False, True, False] == [before.get(row["cell"]) == row["event"] for row in rows]
    assert [] == states(table)


@pytest.mark.statement("POP-27")
def test_a_make_that_fails_again_leaves_the_rows(lab, fit):
    table = fit(lambda key: 1 / (lab["Subject"] & key).fetch1("x"))
    lab["Subject"].update1({"subject_id": 2, "x": 0})
    result = table.populate(stale=True, suppress_errors=True)
    assert 1 == len(result["error_list"])
    assert 1.0 == (table & {"subject_id": 2}).fetch1("y")
    assert [(2, "stale")] == states(table)


@pytest.mark.statement("DEL-10")
def test_what_another_process_makes_is_known_here(connect, schema_name):
    name = schema_name()

    def attach():
        schema = connect().Schema(name)

        class Subject(dj.Manual):
            definition = "subject_id : int32\n---\nx=null : float64"

        class Fit(dj.Computed):
            definition = "-> Subject\n---\ny=null : float64"

            def make(self, key):
                self.insert1({**key, "y": (Subject & key).fetch1("x")})

        return schema, schema(Subject, context={}), schema(Fit, context={"Subject": Subject})

    (_, subject, fit), there = attach(), attach()
    subject.insert1({"subject_id": 1, "x": 1.0})
    assert [] == states(fit)
    there[2].populate(reserve_jobs=True)
    assert [] == states(fit)
    there[1].update1({"subject_id": 1, "x": 2.0})
    assert [(1, "stale")] == states(fit)
    assert [1.0] == subject.old_versions().to_arrays("x").tolist()
    (there[2] & {"subject_id": 1}).delete()
    fit.drop(prompt=False)
    left = [table for table in connect().connection.catalog.tables(name) if "fit" in table.name]
    assert [] == left


@pytest.mark.statement("PRV-7", "PRV-5", "POP-27")
def test_an_attribute_called_event_is_none_of_ours(lab):
    def make(self, key):
        self.insert1({**key, "event": int((lab["Subject"] & key).fetch1("x") * 2)})

    table = lab["declare"]("Fit", "-> Subject\n---\nevent : int32", dj.Computed, make=make)
    table.populate()
    assert [] == states(table)
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    assert [(2, "stale")] == states(table)
    assert ["make"] * 3 == table().event().to_arrays("kind").tolist()
    table.populate(stale=True)
    assert [1, 14, 3] == table.to_arrays("event", order_by="KEY").tolist()
    assert [] == states(table)
    heard = []
    dj.Freshness(table, 3600, heard.append).tick(0)
    assert [] == heard


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize(
    "code", ["eval('1')", "globals()['FACTOR']", "getattr(key, 'get' + '')('subject') ** 0"]
)
def test_rows_whose_code_is_known_in_part_have_a_state_of_their_own(schema, lab_module, code):
    """A1: fresh as far as that is known, listed, and never used again."""
    lab = lab_module(schema, code)
    lab.Fit.populate()

    report = lab.Fit.stale()

    assert not report
    assert [] == list(report)
    assert [1, 2] == sorted(report.partly.to_arrays("subject"))
    assert "2 fresh, known in part" == report.summary
    assert "not all of its code is known" in str(report)
    lab.Fit.delete(prompt=False)
    assert "reused_count" not in lab.Fit.populate()


@pytest.fixture
def lab_module(tmp_path, monkeypatch):
    """Give a function that imports a pipeline whose make uses some code."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(schema, code):
        name = f"partly_{schema.database}"
        text = f"""
import datajoint as dj
FACTOR, FACTORS = 1, type("Factors", (), {{"1": 1, "2": 1}})
class Subject(dj.Manual):
    definition = "subject : int32"
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\ny : float64"
    def make(self, key):
        self.insert1({{**key, "y": {code} * len(Subject & key)}})
"""
        (tmp_path / f"{name}.py").write_text(text)
        module = importlib.import_module(name)
        schema(module.Subject, context=vars(module))
        schema(module.Fit, context=vars(module))
        module.Subject.insert([{"subject": 1}, {"subject": 2}])
        return module

    return load


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("way", ["with_metadata", "as_of", "old_versions"])
def test_reads_of_the_past_are_known(schema, lab, fit, way):
    """U1: a make that asks who wrote its inputs, or what they were, is not unknown for ever."""
    subject = lab["Subject"]
    before = dt.datetime(2100, 1, 1)  # noqa: DTZ001 - UTC, as events have it
    subject.update1({"subject_id": 1, "x": 7.0})

    def read(key):
        if way == "with_metadata":
            return (subject & key).with_metadata().fetch1("x")
        if way == "as_of":
            return (subject.as_of(before) & key).fetch1("x")
        return float(len(subject.old_versions() & key))

    table = fit(read)

    assert [] == states(table)
    subject.update1({"subject_id": 1, "x": 9.0})
    assert [1] == [key["subject_id"] for key in table.stale().keys.to_dicts()]
