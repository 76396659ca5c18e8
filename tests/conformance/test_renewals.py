"""Stale rows are made again by several processes, through the queue, by whole pipelines and by workers."""

import importlib
import os
import sys

import pytest

import datajoint as dj
from datajoint.compute.refresh_queue import Renewals
from datajoint.errors import ComputeError
from datajoint.jobs.jobs import Jobs
from datajoint.make.recompute.refresh import stale_keys
from datajoint.table import prompt as prompts

pytestmark = pytest.mark.statement("POP-27")

MODULE = """
import os
import datajoint as dj

instance = dj.Instance(**{settings!r})
schema = instance.Schema({schema!r})
pid = os.getpid()

@schema
class Subject(dj.Manual):
    definition = "subject : int32\\n---\\nx : int32"

@schema
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\ny : int32"

    class Cell(dj.Part):
        definition = "-> master\\ncell : int32"

    def make(self, key):
        x = (Subject & key).fetch1("x")
        if x == 13:
            raise LookupError("thirteen")
        self.insert1({{**key, "y": x}})
        self.Cell.insert({{**key, "cell": n}} for n in range(x % 10))

@schema
class Last(dj.Computed):
    definition = "-> Fit\\n---\\nz : int32"

    def make(self, key):
        self.insert1({{**key, "z": (Fit & key).fetch1("y")}})

@schema
class Mark(dj.Manual):
    definition = "-> Fit.Cell\\n---\\nmark : varchar(8)"
"""


@pytest.fixture
def lab(backend, connect, schema_name, tmp_path, monkeypatch):
    """A module with tables whose rows of the subjects 2 and 3 are stale, on a database that others can reach."""
    connect()  # closes what it opens, and knows what to drop
    settings = {**backend.settings, "safemode": False}
    if backend.name == "sqlite":
        settings["database__name"] = str(tmp_path / "lab.db")
    name, module = schema_name(), f"renewed_{schema_name('m')}"
    (tmp_path / f"{module}.py").write_text(MODULE.format(settings=settings, schema=name), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = importlib.import_module(module)
    found.Subject.insert({"subject": n, "x": n} for n in (1, 2, 3, 4))
    found.schema.populate()
    found.Subject.update1({"subject": 2, "x": 22})
    found.Subject.update1({"subject": 3, "x": 33})
    yield found
    found.schema.connection.close()
    del sys.modules[module]


def ys(lab):
    return lab.Fit.to_arrays("y", order_by="KEY").tolist()


def zs(lab):
    return lab.Last.to_arrays("z", order_by="KEY").tolist()


DONE = [1, 22, 33, 4]


@pytest.mark.parametrize("how", [{}, {"processes": 2}, {"reserve_jobs": True}, {"processes": 2, "reserve_jobs": True},
                                 {"executor": "processes"}, {"display_progress": True}], ids=str)  # fmt: skip
def test_however_stale_rows_are_made_again(lab, how, capsys):
    assert {"success_count": 2, "error_list": []} == lab.Fit.populate(stale=True, **how)
    assert DONE == ys(lab)
    assert not lab.Fit.stale()
    assert {"success_count": 0, "error_list": []} == lab.Fit.populate(stale=True, **how)
    if "reserve_jobs" in how:
        assert 0 == len(lab.Fit.jobs)


def test_what_comes_out_as_before_ends_its_job(lab):
    lab.Fit.populate(stale=True)
    lab.Subject.update1({"subject": 2, "x": 23})
    lab.Subject.update1({"subject": 2, "x": 22})
    events = lab.Fit.with_metadata().to_arrays("event", order_by="KEY").tolist()
    lab.Fit.populate(stale=True, reserve_jobs=True)
    assert events == lab.Fit.with_metadata().to_arrays("event", order_by="KEY").tolist()
    assert not lab.Fit.stale()
    assert 0 == len(lab.Fit.jobs)


def test_jobs_that_are_kept_are_done_again(lab):
    with lab.instance.config.override(jobs__keep_completed=True):
        lab.Subject.insert1({"subject": 5, "x": 5})
        lab.Fit.populate(reserve_jobs=True)
        lab.Subject.update1({"subject": 5, "x": 55})
        assert 3 == lab.Fit.populate(stale=True, reserve_jobs=True)["success_count"]
        assert [2, 3, 5] == sorted(lab.Fit.jobs.completed.to_arrays("subject"))
    assert [*DONE, 55] == ys(lab)


def test_restrictions_and_max_calls(lab):
    assert 1 == lab.Fit.populate("subject = 3", stale=True, reserve_jobs=True)["success_count"]
    assert [1, 2, 33, 4] == ys(lab)
    lab.Subject.update1({"subject": 4, "x": 44})
    assert 1 == lab.Fit.populate(stale=True, reserve_jobs=True, max_calls=1)["success_count"]
    assert 1 == len(stale_keys(lab.Fit(), ()))


def test_errors_are_those_of_jobs(lab):
    lab.Subject.update1({"subject": 2, "x": 13})
    found = lab.Fit.populate(stale=True, reserve_jobs=True, suppress_errors=True)
    assert 1 == found["success_count"]
    assert [2] == [job["subject"] for job in lab.Fit.jobs.errors.to_dicts()]
    assert 2 == (lab.Fit & "subject = 2").fetch1("y")
    assert 0 == lab.Fit.populate(stale=True, reserve_jobs=True, suppress_errors=True)["success_count"]


def test_a_key_that_somebody_else_holds_is_left_out(lab):
    lab.Fit.jobs.refresh()
    lab.Fit.jobs.insert1({"subject": 2, "status": "reserved", "priority": 5, "host": "elsewhere", "pid": 1,
                          "connection_id": 0}, ignore_extra_fields=True)  # fmt: skip
    held = Renewals(Jobs(lab.Fit()), (), None, None, "delete")
    tasks = list(held.tasks())
    held.close()
    assert [3] == [task.key["subject"] for task in tasks]


def test_a_key_that_somebody_else_has_made_again_is_left_out(lab):
    held = Renewals(Jobs(lab.Fit()), (), None, None, "delete")
    assert 2 == held.count()
    lab.Fit.populate("subject = 2", stale=True)
    tasks = list(held.tasks())
    held.close()
    assert [3] == [task.key["subject"] for task in tasks]


@pytest.mark.parametrize("how", [{}, {"reserve_jobs": True}, {"processes": 2}], ids=str)
def test_a_pipeline_is_made_again_what_others_depend_on_first(lab, how):
    found = lab.schema.populate(stale=True, **how)
    assert {"Fit": (2, 0), "Last": (2, 0)} == {t.class_name: (t.success_count, t.remaining) for t in found}
    assert DONE == ys(lab) == zs(lab)
    assert not lab.Fit.stale()
    assert not lab.Last.stale()
    assert 0 == dj.populate(lab.Fit, lab.Last, stale=True).success_count


def test_what_depends_on_a_key_that_fails_waits(lab):
    lab.Subject.update1({"subject": 2, "x": 13})
    found = lab.schema.populate(stale=True, suppress_errors=True)
    assert {"Fit": (1, 1), "Last": (1, 1)} == {t.class_name: (t.success_count, t.remaining) for t in found}
    assert [1, 2, 33, 4] == ys(lab) == zs(lab)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_worker_makes_what_is_stale_and_what_is_missing(lab, concurrency):
    lab.Subject.insert1({"subject": 5, "x": 5})
    worker = dj.Worker(lab.schema, stale=True, concurrency=concurrency)
    assert 6 == worker.run(until_done=True)
    assert [*DONE, 5] == ys(lab) == zs(lab)
    assert 0 == dj.Worker(lab.schema, stale=True).run(until_done=True)
    assert 0 == len(lab.Fit.jobs)


def test_a_worker_without_it_leaves_stale_rows(lab):
    assert 0 == dj.Worker(lab.schema).run(until_done=True)
    assert [1, 2, 3, 4] == ys(lab)


# ------------------------------------------------------------------------- rows that are not made any more


@pytest.fixture
def fewer(lab):
    """The fit of subject 3 loses two of its cells, of which others tell something."""
    lab.Fit.populate(stale=True)
    lab.Mark.insert({"subject": 3, "cell": n, "mark": "x"} for n in (0, 1, 2))
    lab.Subject.update1({"subject": 3, "x": 31})
    return lab


@pytest.mark.parametrize("how", [{}, {"reserve_jobs": True}, {"processes": 2}], ids=str)
def test_rows_of_others_are_not_deleted_unasked(fewer, how):
    found = fewer.Fit.populate(
        stale=True, prompt=True, suppress_errors=True, return_exception_objects=True, **how
    )
    ((key, error),) = found["error_list"]
    assert {"subject": 3} == key
    assert isinstance(error, ComputeError)
    assert "has fewer rows than before" in str(error)
    assert "2 of `Mark`" in str(error)
    assert "prompt=False" in str(error)
    assert [33, 3] == [(fewer.Fit & "subject = 3").fetch1("y"), len(fewer.Mark())]
    assert {"success_count": 1, "error_list": []} == fewer.Fit.populate(stale=True, prompt=False)
    assert [31, 1] == [(fewer.Fit & "subject = 3").fetch1("y"), len(fewer.Mark())]


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_it_is_asked_for(fewer, answer, monkeypatch, capsys):
    monkeypatch.setattr(prompts, "_answers", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    found = fewer.Fit.populate(stale=True, prompt=True)
    assert {"success_count": int(answer == "yes"), "error_list": []} == found
    assert "depend rows of other tables: 2 of `Mark`." in capsys.readouterr().out
    left = {"yes": [31, 1], "no": [33, 3]}[answer]
    assert left == [(fewer.Fit & "subject = 3").fetch1("y"), len(fewer.Mark())]


def test_own_rows_and_parts_are_exchanged_without_a_question(lab):
    lab.Subject.update1({"subject": 3, "x": 31})
    assert 2 == lab.Fit.populate(stale=True, prompt=True)["success_count"]
    assert 1 == len(lab.Fit.Cell & "subject = 3")


def test_the_command(lab, tmp_path, monkeypatch):
    from datajoint.cli.main import run

    monkeypatch.setenv("NO_COLOR", "1")
    assert 0 == run(["populate", lab.__name__, "--stale", "--quiet", "-n", "2"])
    assert DONE == ys(lab) == zs(lab)
    lab.Subject.update1({"subject": 2, "x": 42})
    assert 0 == run(["worker", lab.__name__, "--stale", "--drain", "--quiet"])
    assert [1, 42, 33, 4] == ys(lab) == zs(lab)
    assert os.getpid() == lab.pid
