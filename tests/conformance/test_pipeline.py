"""Whole pipelines: each key goes on as soon as what it is made from is there."""

import os

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, TransactionError, UnknownAttributeError
from datajoint.executors.processes import usable_cpus


@pytest.fixture
def pipe(schema):
    """A pipeline of a manual table and three computed ones; `calls` tells in which order they are made."""

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Method(dj.Lookup):
        definition = "method : varchar(8)"
        contents = (("a",), ("b",))

    @schema
    class Scan(dj.Imported):
        definition = "-> Subject"

        def make(self, key):
            note(self, key)
            self.insert1(key)

    @schema
    class Fit(dj.Computed):
        definition = "-> Scan\n-> Method\n---\npid : int64"

        class Cell(dj.Part):
            definition = "-> master\ncell : int32"

        def make(self, key):
            note(self, key)
            self.insert1({**key, "pid": os.getpid()})
            self.Cell.insert([{**key, "cell": n} for n in range(2)])

    @schema
    class Size(dj.Computed):
        definition = "-> Fit.Cell"

        def make(self, key):
            note(self, key)
            self.insert1(key)

    calls, broken = [], set()

    def note(table, key):
        calls.append((type(table).__name__, key["subject_id"]))
        if (type(table).__name__, key["subject_id"]) in broken:
            raise ValueError(f"number {key['subject_id']}")

    schema.tables = [Subject, Scan, Fit, Size]
    schema.calls, schema.broken = calls, broken
    Subject.insert([{"subject_id": n} for n in range(3)])
    return schema


def counts(pipe):
    return [len(table()) for table in pipe.tables]


def look_at_once(monkeypatch):
    """Let new keys be looked for after each outcome, however short the makes."""
    for module in ("lanes", "stream"):
        monkeypatch.setattr(f"datajoint.compute.pipeline.{module}.SHARE", 0)


def made(result):
    return {table.class_name: table.success_count for table in result}


@pytest.mark.statement("SCH-12")
def test_all_tables_are_computed_in_dependency_order(pipe):
    result = pipe.populate()
    assert {"Scan": 3, "Fit": 6, "Size": 12} == made(result)
    assert (21, 0, []) == (result.success_count, result.remaining, result.error_list)
    assert [3, 3, 6, 12] == counts(pipe)
    assert 0 == pipe.populate().success_count


@pytest.mark.statement("SCH-12")
def test_a_key_goes_on_before_its_table_is_complete(pipe, monkeypatch):
    look_at_once(monkeypatch)
    dj.populate(pipe)
    one = ["Scan", "Fit", "Size", "Size", "Fit", "Size", "Size"]
    assert [(name, n) for n in range(3) for name in one] == pipe.calls


@pytest.mark.statement("SCH-12")
@pytest.mark.parametrize("reserve_jobs", [False, True])
def test_what_depends_on_a_failed_key_is_not_attempted(pipe, reserve_jobs):
    pipe.broken.add(("Scan", 1))
    result = pipe.populate(suppress_errors=True, reserve_jobs=reserve_jobs)
    assert [("Scan", {"subject_id": 1}, "ValueError: number 1")] == result.error_list
    assert {"Scan": 2, "Fit": 4, "Size": 8} == made(result)
    assert (1, 0) == (result["Scan"].remaining, result["Fit"].remaining)
    assert ("Fit", 1) not in pipe.calls
    assert 1 == pipe.calls.count(("Scan", 1))


@pytest.mark.statement("SCH-12")
def test_the_first_error_is_raised_as_itself(pipe):
    pipe.broken.add(("Fit", 0))
    with pytest.raises(ValueError, match="number 0"):
        pipe.populate()
    pipe.broken.clear()
    pipe.populate()
    assert [3, 3, 6, 12] == counts(pipe)


@pytest.mark.statement("SCH-12")
def test_tables_can_be_named_in_any_order(pipe):
    _, scan, fit, _ = pipe.tables
    assert {"Scan": 3, "Fit": 6} == made(dj.populate(fit, scan))
    assert [3, 3, 6, 0] == counts(pipe)
    assert {"Size": 5} == made(dj.populate(pipe.tables[3](), max_calls=5))


@pytest.mark.statement("SCH-12")
def test_restrictions_reach_the_tables_that_have_their_attributes(pipe):
    assert {"Scan": 1, "Fit": 2, "Size": 4} == made(pipe.populate({"subject_id": 1}))
    assert {"Scan": 2, "Fit": 2, "Size": 4} == made(pipe.populate("method = 'a'"))
    assert {"Scan": 0, "Fit": 1, "Size": 2} == made(pipe.populate({"method": "b"}, {"subject_id": 0}))
    with pytest.raises(UnknownAttributeError, match="subjet_id"):
        pipe.populate({"subjet_id": 1})


@pytest.mark.statement("SCH-12")
def test_a_reference_outside_the_key_is_waited_for(schema):
    @schema
    class Subject(dj.Lookup):
        definition = "subject_id : int32"
        contents = ((1,), (2,), (3,))

    @schema
    class Mask(dj.Computed):
        definition = "-> Subject"

        def make(self, key):
            if key["subject_id"] == 2:
                raise ValueError("two")
            self.insert1(key)

    @schema
    class Clean(dj.Computed):
        definition = "-> Mask"

        def make(self, key):
            self.insert1(key)

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\n-> Clean"

        def make(self, key):
            self.insert1(key)

    result = schema.populate(suppress_errors=True)
    assert [("Mask", {"subject_id": 2}, "ValueError: two")] == result.error_list
    assert [1, 3] == sorted(Fit.to_arrays("subject_id").tolist())


@pytest.mark.statement("SCH-12")
@pytest.mark.parametrize("reserve_jobs", [False, True])
def test_what_summarises_several_rows_waits_for_all_of_them(schema, pipe, monkeypatch, reserve_jobs):
    look_at_once(monkeypatch)
    fit = pipe.tables[2]

    @schema
    class Summary(dj.Computed):
        definition = "-> Subject\n---\nfits : int32"

        @property
        def key_source(self):
            return pipe.tables[0] & fit

        def make(self, key):
            self.insert1({**key, "fits": len(fit & key)})

    pipe.broken.add(("Fit", 1))
    result = pipe.populate(suppress_errors=True, reserve_jobs=reserve_jobs)
    assert 2 == len(result.error_list)
    assert [(0, 2), (2, 2)] == list(
        zip(*Summary.to_arrays("subject_id", "fits", order_by="KEY"), strict=True)
    )


@pytest.mark.statement("SCH-12")
def test_a_table_without_a_make_is_left_to_others(schema, pipe, caplog):
    @schema
    class Elsewhere(dj.Computed):
        definition = "-> Subject"

    with caplog.at_level("WARNING"):
        assert "Elsewhere" not in made(pipe.populate())
    assert "Elsewhere" in caplog.text


@pytest.mark.statement("SCH-12", "POP-5")
def test_misuse_is_refused(pipe, schema):
    subject, scan, *_ = pipe.tables
    with pytest.raises(DataJointError, match="Nothing to compute"):
        dj.populate()
    with pytest.raises(DataJointError, match="its rows are inserted"):
        dj.populate(subject)
    with pytest.raises(DataJointError, match="restricted"):
        dj.populate(scan & "subject_id = 1")
    with pytest.raises(DataJointError, match="neither a schema"):
        dj.populate("lab")
    with pytest.raises(TransactionError), schema.connection.transaction:
        pipe.populate()
    assert [3, 0, 0, 0] == counts(pipe)


@pytest.mark.statement("SCH-12")
@pytest.mark.skipif(usable_cpus() < 2, reason="processes are capped by the processors")
@pytest.mark.parametrize("reserve_jobs", [False, True])
def test_several_processes_make_each_key_once(pipe, reserve_jobs):
    result = pipe.populate(processes=2, reserve_jobs=reserve_jobs)
    assert {"Scan": 3, "Fit": 6, "Size": 12} == made(result)
    assert [3, 3, 6, 12] == counts(pipe)
    assert os.getpid() not in pipe.tables[2].to_arrays("pid").tolist()


@pytest.mark.statement("SCH-12")
def test_progress_of_all_tables_is_one_statement(pipe, monkeypatch):
    pipe.tables[1].populate(max_calls=2, reserve_jobs=True)
    pipe.progress()  # reads the catalog
    statements = []
    execute = type(pipe.connection.session).execute
    monkeypatch.setattr(
        type(pipe.connection.session),
        "execute",
        lambda self, text, *rest, **options: statements.append(text) or execute(self, text, *rest, **options),
    )
    progress = pipe.progress()
    assert 1 == len(statements)
    told = [(t.class_name, t.remaining, t.total, t.pending) for t in progress]
    assert [("Scan", 1, 3, 1), ("Fit", 4, 4, 0), ("Size", 0, 0, 0)] == told
    assert (5, 7, 2) == (progress.remaining, progress.total, progress["Scan"].done)


@pytest.mark.statement("SCH-12", "JOB-10")
def test_urgent_jobs_go_first_whatever_their_table(pipe):
    _, scan, fit, size = pipe.tables
    scan.populate(max_calls=2)
    scan.jobs.refresh(priority=1)
    size.jobs.refresh()
    fit.jobs.refresh({"subject_id": 0}, priority=3)
    fit.jobs.refresh(priority=0)
    del pipe.calls[:]
    dj.populate(scan, fit, reserve_jobs=True, refresh=False)
    assert [("Fit", 1), ("Fit", 1), ("Scan", 2), ("Fit", 0), ("Fit", 0)] == pipe.calls


@pytest.mark.statement("SCH-12", "JOB-10")
def test_only_urgent_jobs_are_made_where_told_so(pipe):
    _, scan, fit, _ = pipe.tables
    scan.jobs.refresh({"subject_id": 1}, priority=2)
    scan.jobs.refresh(priority=7)
    assert 1 == dj.populate(scan, fit, reserve_jobs=True, refresh=False, priority=2).success_count
    assert [("Scan", 1)] == pipe.calls


@pytest.mark.statement("SCH-12", "JOB-8")
def test_ignored_keys_and_what_comes_of_them_are_left_out(pipe):
    pipe.tables[1].jobs.ignore({"subject_id": 1})
    assert {"Scan": 2, "Fit": 4, "Size": 8} == made(pipe.populate())


@pytest.mark.statement("SCH-12")
def test_a_key_source_of_ones_own_may_need_other_tables_than_the_references(schema, pipe):
    fit = pipe.tables[2]

    class Report(dj.Computed):
        definition = "report : varchar(8)\n---\nfits : int32"

        @property
        def key_source(self):
            return (dj.U("method") & fit).proj(report="method")

        def make(self, key):
            self.insert1({**key, "fits": len(fit & {"method": key["report"]})})

    with schema.connection.config.override(jobs__allow_new_pk_fields_in_computed_tables=True):
        schema(Report)
        result = pipe.populate()
    assert 2 == result["Report"].success_count
    assert [3, 3] == Report.to_arrays("fits").tolist()
