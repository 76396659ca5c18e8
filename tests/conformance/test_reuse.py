"""Results that were deleted come back without being computed, where nothing speaks against it."""

import os
import sys
import textwrap
import time
import uuid
from decimal import Decimal

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from plugins.trips import trips

ROWS = [{"subject_id": n, "x": n / 2} for n in (1, 2, 3)]


def keyed(table):
    return table.to_dicts(order_by="KEY")


@pytest.fixture
def lab(schema):
    """Give `Subject`, `Trial` by name in a dict that `computed` adds to."""
    tables = {"calls": []}

    def declare(name, definition, tier=dj.Manual, **members):
        body = {"definition": definition, **members}
        tables[name] = schema(type(tier)(name, (tier,), body), context=tables)
        return tables[name]

    declare("Subject", "subject_id : int32\n---\nx=null : float64\nnote='' : varchar(20)")
    declare("Trial", "-> Subject\ntrial : int32\n---\nrt : float64")
    tables["Subject"].insert(ROWS)
    tables["declare"] = declare
    return tables


@pytest.fixture
def fit(lab):
    """Give a function that declares `Fit` of one number per subject; `lab["calls"]` tells its makes."""

    def declare(ask=lambda lab, key: (lab["Subject"] & key).fetch1("x"), tier=dj.Computed, **members):
        def make(self, key, offset=0):
            lab["calls"].append(key["subject_id"])
            self.insert1({**key, "y": (ask(lab, key) or 0) + offset})

        body = {"make": make, "make_version": "1", **members}
        return lab["declare"]("Fit", "-> Subject\n---\ny=null : float64", tier, **body)

    return declare


def again(lab, rows=ROWS):
    """Delete all subjects, with all that depends on them, and insert them again."""
    lab["Subject"].delete(prompt=False)
    lab["Subject"].insert(rows)
    lab["calls"].clear()


def tick():
    """Let the clock go on by more than a millisecond, which is as fine as SQLite tells the time."""
    start = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 < start + 2:
        pass


@pytest.mark.statement("POP-26", "PRV-7")
def test_what_a_cascade_deleted_comes_back_without_being_computed(lab, fit, schema):
    table = fit()
    assert {"success_count": 3, "error_list": []} == table.populate()
    made = (table & {"subject_id": 2}).event().fetch1()
    before = keyed(table)
    again(lab)
    assert {"success_count": 3, "error_list": [], "reused_count": 3} == table.populate()
    assert [] == lab["calls"]
    assert before == keyed(table)
    assert [] == table.stale().reasons()
    event = (table & {"subject_id": 2}).event().fetch1()
    assert ("reuse", 1, {"reuses": made["event"]}) == (event["kind"], event["row_count"], event["details"])
    assert (made["code"], made["environment"]) == (event["code"], event["environment"])
    again(lab)
    assert 3 == table.populate()["reused_count"]
    lab["Subject"].update1({"subject_id": 2, "x": 7})
    assert [2] == table.stale().keys.to_arrays("subject_id").tolist()


@pytest.mark.statement("POP-26")
@pytest.mark.parametrize(
    "ask",
    [
        lambda lab, key: len(lab["Trial"] & key),
        lambda lab, key: bool(lab["Trial"] & key & "rt > 2"),
        lambda lab, key: sum((lab["Subject"] * lab["Trial"] & key).to_arrays("rt")),
        lambda lab, key: sum(row["rt"] for row in lab["Trial"] & key),
        lambda lab, key: (lab["Subject"] & key).aggr(lab["Trial"], m="max(rt)").fetch1("m"),
        lambda lab, key: (lab["Trial"] & key).to_dicts(order_by="rt DESC", limit=1)[0]["rt"],
        lambda lab, key: len(lab["Subject"] - (lab["Trial"] & "rt > 100")),
        lambda lab, key: key["subject_id"],
    ],
    ids=["count", "exists", "join", "stream", "aggregation", "first", "antijoin", "nothing"],
)  # fmt: skip
def test_whatever_a_make_asks_it_is_compared_by_value(lab, fit, ask):
    def fill():
        lab["Trial"].insert(
            [{"subject_id": s, "trial": t, "rt": s * t} for s in (1, 2, 3) for t in range(1, 4)]
        )

    fill()
    table = fit(ask)
    table.populate()
    before = keyed(table)
    again(lab)
    fill()
    assert 3 == table.populate()["reused_count"]
    assert (before, []) == (keyed(table), table.stale().reasons())


@pytest.mark.statement("POP-26", "PRV-7")
def test_other_inputs_are_computed_with(lab, fit):
    table = fit()
    table.populate()
    again(lab, [{**row, "x": 9 if row["subject_id"] == 2 else row["x"], "note": "new"} for row in ROWS])
    assert {"success_count": 3, "error_list": [], "reused_count": 2} == table.populate()
    assert ([2], 9) == (lab["calls"], (table & {"subject_id": 2}).fetch1("y"))
    again(lab)  # of several earlier results the one that fits
    assert 3 == table.populate()["reused_count"]
    assert 1 == (table & {"subject_id": 2}).fetch1("y")


@pytest.mark.statement("PRV-7")
def test_other_code_computes(lab, fit):
    table = fit()
    table.populate()
    again(lab)
    table.make_version = "2"
    assert "reused_count" not in table.populate()
    again(lab)
    table.make_version = "1"
    assert 3 == table.populate()["reused_count"]


@pytest.mark.statement("PRV-7")
def test_other_packages_compute_other_machines_need_not(lab, fit, schema):
    table = fit()
    table.populate()
    connection = schema.connection
    quote = connection.dialect.quote
    environments, events = (
        connection.dialect.table(TableName(schema.database, name)) for name in ("~environments", "~events")
    )
    columns = ", ".join(map(quote, ("environment", "python", "platform", "packages")))
    mine = (table & {"subject_id": 3}).event().fetch1("environment")
    for subject, python in ((1, "'3.0.1'"), (2, quote("python"))):
        values = f"'{str(subject) * 26}', {python}, 'elsewhere', {quote('packages')}"
        copied = f"SELECT {values} FROM {environments} WHERE {quote('environment')} = '{mine}'"
        connection.query(f"INSERT INTO {environments} ({columns}) {copied}")
        event = (table & {"subject_id": subject}).event().fetch1("event")
        connection.query(f"UPDATE {events} SET environment = '{str(subject) * 26}' WHERE event = {event}")
    again(lab)
    assert 2 == table.populate()["reused_count"]
    assert [1] == lab["calls"]
    assert "2" * 26 == (table & {"subject_id": 2}).event().fetch1("environment")


@pytest.mark.statement("PRV-9")
def test_what_is_pruned_is_computed(lab, fit, schema):
    table = fit()
    table.populate()
    again(lab)
    tick()
    schema.prune_history(0)
    assert "reused_count" not in table.populate()


@pytest.mark.statement("POP-1")
def test_who_calls_the_setting_and_the_class_decide(lab, fit, schema):
    table, config = fit(), schema.connection.config
    table.populate()

    def reused(**options):
        again(lab)
        return table.populate(**options).get("reused_count", 0)

    assert 0 == reused(reuse=False)
    assert 3 == reused()
    config.provenance.reuse = False
    assert 0 == reused()
    assert 3 == reused(reuse=True)
    config.provenance.reuse = True
    table.reuse = False
    assert 0 == reused(reuse=True)
    table.reuse = lambda self: "a method of the user"
    assert 3 == reused()
    table.reuse = "sometimes"
    again(lab)
    with pytest.raises(DataJointError, match="reuse of `Fit` is 'sometimes'"):
        table.populate()


@pytest.mark.statement("POP-1")
def test_what_is_imported_is_imported_again_unless_the_class_says_otherwise(lab, fit):
    table = fit(tier=dj.Imported)
    table.populate()
    again(lab)
    assert "reused_count" not in table.populate()
    again(lab)
    assert 3 == table.populate(reuse=True)["reused_count"]
    table.reuse = True
    again(lab)
    assert 3 == table.populate()["reused_count"]


@pytest.mark.statement("POP-11")
def test_further_arguments_are_inputs_that_nobody_records(lab, fit):
    table = fit()
    table.populate(make_kwargs={"offset": 1})
    again(lab)
    assert "reused_count" not in table.populate()
    again(lab)
    assert "reused_count" not in table.populate(make_kwargs={"offset": 2})
    assert 2.5 == (table & {"subject_id": 1}).fetch1("y")


def by_sql(self, key, lab):
    quote = self.connection.dialect.quote
    name = lab["Subject"]().full_table_name
    text = f"SELECT {quote('x')} FROM {name} WHERE subject_id = {key['subject_id']}"
    self.insert1({**key, "y": next(iter(self.connection.query(text)))[0]})


def elsewhere(self, key, lab):
    self.insert1({**key, "y": 1})
    lab["Log"].insert1({"entry": len(lab["Log"]())}, skip_duplicates=True)


def own_rows(self, key, lab):
    self.insert1({**key, "y": len(self & key)})


def updated(self, key, lab):
    self.insert1({**key, "y": 1})
    (self & key).delete_quick()
    self.insert1({**key, "y": 2})


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("how", [by_sql, elsewhere, own_rows, updated])
def test_what_depends_on_more_than_its_reads_is_computed(lab, how):
    lab["declare"]("Log", "entry : int32")

    def make(self, key):
        lab["calls"].append(key["subject_id"])
        how(self, key, lab)

    table = lab["declare"](
        "Fit", "-> Subject\n---\ny=null : float64", dj.Computed, make=make, make_version="1"
    )
    table.populate()
    before = keyed(table)
    again(lab)
    lab["Log"].delete(prompt=False)
    assert {"success_count": 3, "error_list": []} == table.populate()
    assert ([1, 2, 3], before) == (lab["calls"], keyed(table))


PARTED = """
-> Subject
---
label : enum("good", "bad")
amount=null : decimal(6,2)
tag=null : uuid
day=null : date
at=null : datetime(3)
content=null : json
trace=null : <blob>
raw=null : bytes
ok=null : bool
small=null : float32
"""


def three_parts(lab):
    return {
        "make_fetch": lambda self, key: ((lab["Subject"] & key).fetch1("x"),),
        "make_compute": lambda self, key, x: (x, lab["calls"].append(key["subject_id"])),
        "make_insert": lambda self, key, x, _: put(self, key, x),
    }


def generator(lab):
    def make(self, key):
        x = (lab["Subject"] & key).fetch1("x")
        yield (x,)
        lab["calls"].append(key["subject_id"])
        yield (x,)
        put(self, key, x)

    return {"make": make}


def plain(lab):
    def make(self, key):
        x = (lab["Subject"] & key).fetch1("x")
        lab["calls"].append(key["subject_id"])
        put(self, key, x)

    return {"make": make}


def put(table, key, x):
    day = np.datetime64("2026-02-03").item()
    row = {
        "label": "bad", "amount": Decimal("1.50"), "tag": uuid.UUID(int=7), "day": day,
        "at": f"{day} 12:00:00.125", "content": {"a": [1, None]}, "trace": np.arange(4) * x, "raw": b"\x00\xff",
        "ok": True, "small": 0.1,
    }  # fmt: skip
    table.insert1({**key, **row})
    table.Cell.insert([{**key, "cell": n, "kind": "a"} for n in range(30)])
    table.Peak.insert([{**key, "cell": n, "height": None} for n in range(2)])


@pytest.mark.statement("POP-15", "POP-17", "POP-26")
@pytest.mark.parametrize("form", [plain, three_parts, generator])
def test_every_form_of_make_and_every_type_come_back_with_their_parts(lab, form):
    class Cell(dj.Part):
        definition = '-> master\ncell : int32\n---\nkind : enum("a", "b")'

    class Peak(dj.Part):
        definition = "-> Fit.Cell\n---\nheight=null : float64"

    body = {"Cell": Cell, "Peak": Peak, "make_version": "1", **form(lab)}
    table = lab["declare"]("Fit", PARTED, dj.Computed, **body)
    table.populate()
    before = keyed(table), keyed(table.Cell), keyed(table.Peak)
    again(lab)
    assert 3 == table.populate()["reused_count"]
    assert [] == lab["calls"]
    after = keyed(table), keyed(table.Cell), keyed(table.Peak)
    assert repr(before) == repr(after)
    assert [] == table.stale().reasons()
    again(lab)  # and once more, from what was reused
    assert 3 == table.populate()["reused_count"]
    assert repr(before) == repr((keyed(table), keyed(table.Cell), keyed(table.Peak)))


@pytest.mark.statement("PRV-7")
def test_half_a_result_is_none(lab, schema):
    class Cell(dj.Part):
        definition = "-> master\ncell : int32"

    def make(self, key):
        lab["calls"].append(key["subject_id"])
        self.insert1({**key, "y": (lab["Subject"] & key).fetch1("x")})
        self.Cell.insert([{**key, "cell": n} for n in range(4)])

    body = {"Cell": Cell, "make": make, "make_version": "1"}
    table = lab["declare"]("Fit", "-> Subject\n---\ny : float64", dj.Computed, **body)
    table.populate()
    config = schema.connection.config.provenance
    config.history = "off"
    (table.Cell & {"subject_id": 1, "cell": 2}).delete(prompt=False, part_integrity="ignore")
    config.history = "best_effort"
    (table.Cell & {"subject_id": 2, "cell": 2}).delete(prompt=False, part_integrity="ignore")
    again(lab)
    assert 2 == table.populate()["reused_count"]
    assert [1] == lab["calls"]
    assert 12 == len(table.Cell())


@pytest.mark.statement("UPD-6", "PRV-7")
def test_rows_changed_by_hand_are_not_what_was_computed(lab, fit):
    table = fit()
    table.populate()
    table.update1({"subject_id": 2, "y": 99}, allow_direct_update=True)
    again(lab)
    assert 3 == table.populate()["reused_count"]
    assert 1 == (table & {"subject_id": 2}).fetch1("y")


@pytest.mark.statement("POP-27")
def test_what_was_made_again_in_place_comes_back_as_it_was_then(lab):
    class Cell(dj.Part):
        definition = "-> master\ncell : int32\n---\nz : float64"

    def make(self, key):
        lab["calls"].append(key["subject_id"])
        x = (lab["Subject"] & key).fetch1("x")
        self.insert1({**key, "y": x})
        self.Cell.insert([{**key, "cell": n, "z": n if key["subject_id"] == 1 else x} for n in range(3)])

    body = {"Cell": Cell, "make": make, "make_version": "1"}
    table = lab["declare"]("Fit", "-> Subject\n---\ny : float64", dj.Computed, **body)
    table.populate()
    changed = [{**row, "x": 8.0} for row in ROWS]
    for row in changed:
        lab["Subject"].update1(row)
    assert 3 == table.populate(stale=True)["success_count"]
    before = keyed(table), keyed(table.Cell)
    again(lab, changed)
    assert 2 == table.populate()["reused_count"]  # that of 1 was written half by the one, half by the other
    assert [1] == lab["calls"]
    assert before == (keyed(table), keyed(table.Cell))


@pytest.mark.statement("POP-26")
def test_many_rows_are_compared_where_their_digest_is_kept(lab, fit, schema):
    def fill():
        lab["Trial"].insert([{"subject_id": 1, "trial": t, "rt": t} for t in range(300)])

    fill()
    table = fit(lambda lab, key: sum((lab["Trial"] & key).to_arrays("rt")))
    table.populate()
    again(lab)
    fill()
    assert 2 == table.populate()["reused_count"]
    schema.connection.config.provenance.digests = True
    (table & {"subject_id": 1}).delete(prompt=False)
    assert 1 == table.populate()["reused_count"]  # the same versions are the same values
    again(lab)
    fill()
    assert 3 == table.populate()["reused_count"]  # which was the occasion to keep the digest


@pytest.mark.statement("JOB-5", "POP-26")
def test_reserved_jobs_are_reused_and_done(lab, fit):
    table = fit()
    table.populate(reserve_jobs=True)
    again(lab)
    assert 3 == table.populate(reserve_jobs=True)["reused_count"]
    assert ([], 0) == (lab["calls"], len(table.jobs))
    assert [] == table.stale().reasons()


@pytest.mark.statement("SCH-12", "POP-24")
def test_pipelines_and_workers_reuse_one_table_after_the_other(lab, fit, schema):
    first = fit()

    def make(self, key):
        lab["calls"].append("next")
        self.insert1({**key, "z": (first & key).fetch1("y")})

    second = lab["declare"]("Next", "-> Fit\n---\nz : float64", dj.Computed, make=make, make_version="1")
    schema.populate()
    again(lab)
    result = schema.populate()
    assert (6, 6) == (result.success_count, result.reused_count)
    assert ["table", "made", "reused", "failed", "remaining"] == repr(result).splitlines()[0].split()
    assert [] == lab["calls"]
    again(lab)
    worker = dj.Worker(schema)
    assert 6 == worker.run(until_done=True)
    assert {"reused": 3} == worker.status()["outcomes"][str(second().name)]
    assert [] == [*first.stale().reasons(), *second.stale().reasons()]
    again(lab)
    assert 0 == schema.populate(reuse=False).reused_count
    assert 6 == len(lab["calls"])


MODULE = """
import os
import datajoint as dj

instance = dj.Instance(**{settings!r})
schema = instance.Schema({schema!r})

@schema
class Subject(dj.Manual):
    definition = "subject_id : int32"

@schema
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\npid : int64"

    def make(self, key):
        assert 1 == len(Subject & key)
        self.insert1({{**key, "pid": os.getpid()}})
"""


@pytest.mark.statement("POP-10", "POP-26")
def test_other_processes_reuse(backend, schema_name, tmp_path, monkeypatch):
    import importlib

    name = f"reuse_{uuid.uuid4().hex[:8]}"
    where = {**backend.settings, "safemode": False}
    if backend.name == "sqlite":
        where["database__name"] = str(tmp_path / "test.db")
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(MODULE.format(settings=where, schema=schema_name())))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(name)
    try:
        rows = [{"subject_id": n} for n in range(6)]
        module.Subject.insert(rows)
        module.Fit.populate(processes=2)
        before = keyed(module.Fit)
        module.Subject.delete(prompt=False)
        module.Subject.insert(rows)
        assert {"success_count": 6, "error_list": [], "reused_count": 6} == module.Fit.populate(processes=2)
        assert before == keyed(module.Fit)
        assert os.getpid() not in {row["pid"] for row in before}
    finally:
        module.instance.connection.close()
        del sys.modules[name]


@pytest.mark.statement("POP-26")
def test_history_that_another_process_has_begun_is_found(lab, fit, schema, connect):
    table = fit()
    table.populate()
    elsewhere = connect()
    subject = dj.FreeTable(elsewhere.connection, lab["Subject"]().full_table_name)
    subject.delete(prompt=False)
    lab["Subject"].insert(ROWS)
    assert 3 == table.populate()["reused_count"]


@pytest.mark.statement("POP-22", "POP-26")
def test_what_cannot_be_put_back_is_computed(lab, fit, schema, monkeypatch):
    from datajoint.make import reuse

    table = fit()
    table.populate()
    again(lab)
    find = reuse.earlier_results

    def found(table, key, makes, origin):
        result = list(find(table, key, makes, origin))
        if key["subject_id"] == 1:  # somebody prunes the history
            tick()
            schema.prune_history(0)
        if key["subject_id"] == 3:  # somebody changes what was read
            lab["Subject"].update1({"subject_id": 3, "x": 10})
        return result

    monkeypatch.setattr(reuse, "earlier_results", found)
    table.populate({"subject_id": 3}, reuse=True)
    assert ([3], 10) == (lab["calls"], (table & {"subject_id": 3}).fetch1("y"))
    assert "reused_count" not in table.populate()
    assert [3, 1, 2] == lab["calls"]
    assert [] == table.stale().reasons()
    assert 3 == len(table())


@pytest.mark.statement("POP-22", "POP-26")
def test_a_key_that_somebody_else_reuses_first_is_skipped(lab, fit, connect, monkeypatch):
    from datajoint.make import reuse

    table = fit()
    table.populate()
    again(lab)
    find = reuse.earlier_results
    other = dj.FreeTable(connect().connection, table().full_table_name)

    def found(table, key, makes, origin):
        result = list(find(table, key, makes, origin))
        if key["subject_id"] == 2:
            other.insert1({**key, "y": 1}, allow_direct_insert=True)
        return result

    monkeypatch.setattr(reuse, "earlier_results", found)
    assert {"success_count": 2, "error_list": [], "reused_count": 2} == table.populate()
    assert [] == lab["calls"]


@pytest.mark.statement("UPD-6")
def test_rows_written_while_events_are_off_are_not_reused(lab, fit, schema):
    config = schema.connection.config.provenance
    table = fit()
    config.events = False
    table.populate()
    config.events = True
    again(lab)
    assert "reused_count" not in table.populate()
    again(lab)
    config.events = False
    assert "reused_count" not in table.populate()


@pytest.mark.statement("POP-14")
def test_a_make_that_fails_leaves_nothing_to_reuse(lab, fit):
    table = fit(lambda lab, key: lab["broken"] and 1 / 0)
    lab["broken"] = True
    table.populate(suppress_errors=True)
    lab["broken"] = False
    again(lab)
    assert {"success_count": 3, "error_list": []} == table.populate()


@pytest.mark.statement("POP-26")
def test_what_is_used_again_takes_no_more_statements_than_to_compute_it(lab, fit, schema):
    lab["Subject"].insert({"subject_id": n, "x": n} for n in range(10, 60))
    table = fit()

    def took(**how):
        with trips(schema.connection) as sent:
            done = table.populate(**how)
        assert 53 == done["success_count"]
        return done.get("reused_count", 0), len(sent)

    took()
    table.delete_quick()
    reused = took()
    table.delete_quick()
    computed = took(reuse=False)
    assert (53, 0) == (reused[0], computed[0])
    assert reused[1] <= 1.3 * computed[1] + 10


@pytest.mark.statement("POP-26")
def test_what_others_have_changed_in_place_is_not_what_was_read(lab, fit, schema):
    table = fit()
    table.populate()
    table.delete_quick()
    Subject = lab["Subject"]()  # noqa: N806
    name = schema.connection.dialect.table(Subject.name)
    schema.connection.query(f"UPDATE {name} SET x = 70 WHERE subject_id = 2")
    lab["calls"].clear()
    assert 2 == table.populate()["reused_count"]
    assert ([2], 70) == (lab["calls"], (table & {"subject_id": 2}).fetch1("y"))
