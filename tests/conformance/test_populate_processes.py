"""Populate in several processes: the same rows and errors as in one."""

import importlib
import os
import sys
import textwrap

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, MakeError
from datajoint.executors.processes import usable_cpus

pytestmark = pytest.mark.skipif(usable_cpus() < 2, reason="processes are capped by the processors")

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
    definition = '''
    -> Subject
    ---
    pid : int64
    scale = 1 : float64
    '''

    def make(self, key, scale=1):
        if key["subject_id"] == 13:
            raise LookupError("thirteen")
        assert 1 == len(Subject & key)
        self.insert1({{**key, "pid": os.getpid(), "scale": scale}})
"""


DEFERRED = """
import os
import datajoint as dj
from {first} import Fit

schema = dj.Schema()

@schema
class Next(dj.Computed):
    definition = "-> Fit\\n---\\npid : int64"

    def make(self, key):
        self.insert1({{**key, "pid": os.getpid()}})
"""


@pytest.fixture
def fit(schema):
    """A table whose class is local to this function, so that no other process can import it."""

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\npid : int64"

        def make(self, key):
            number = key["subject_id"]
            if number == 13:
                raise LookupError("thirteen")
            if number == 14:
                raise Unsendable(lambda: None)
            if number == 15:
                os._exit(7)
            if number != 16:
                assert 1 == len(Subject & key)
                self.insert1({**key, "pid": os.getpid()})

    Fit.Subject = Subject
    return Fit


class Unsendable(Exception):  # noqa: N818 - of a test
    pass


@pytest.fixture
def module(instance, schema_name, tmp_path, monkeypatch):
    """A module of a pipeline that any Python can import."""
    settings = {**dict(instance.config.database), "safemode": False}
    chosen = {
        name: settings[name]
        for name in ("host", "user", "password", "port", "backend")
        if settings[name] is not None
    }
    if settings["name"]:
        chosen["database__name"] = settings["name"]
    name = f"pipeline_{os.getpid()}_{tmp_path.name}".replace("-", "_")
    text = textwrap.dedent(MODULE).format(settings=plain(chosen), schema=schema_name())
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(name)
    yield module
    module.instance.close()
    del sys.modules[name]


def plain(settings):
    return {name: str(value) if isinstance(value, str) else value for name, value in settings.items()}


def subjects(table, numbers):
    table.insert({"subject_id": n} for n in numbers)


def pids(table):
    return set(table.to_arrays("pid").tolist())


@pytest.mark.statement("POP-10")
def test_forks_make_what_cannot_be_imported(fit):
    subjects(fit.Subject, range(10))
    assert {"success_count": 10, "error_list": []} == fit.populate(processes=2)
    assert list(range(10)) == sorted(fit.to_arrays("subject_id").tolist())
    assert os.getpid() not in pids(fit)
    assert (0, 10) == fit.progress()


@pytest.mark.statement("POP-10", "POP-11")
def test_fresh_processes_make_what_can_be_imported(module, monkeypatch):
    monkeypatch.delattr(os, "fork")
    subjects(module.Subject, range(6))
    assert {"success_count": 6, "error_list": []} == module.Fit.populate(
        processes=2, make_kwargs={"scale": 3}
    )
    assert os.getpid() not in pids(module.Fit)
    assert {3.0} == set(module.Fit.to_arrays("scale").tolist())


@pytest.mark.statement("POP-10", "POP-7")
def test_an_error_in_a_fresh_process_is_raised_as_itself(module, monkeypatch):
    monkeypatch.delattr(os, "fork")
    subjects(module.Subject, [1, 13])
    with pytest.raises(LookupError, match="thirteen"):
        module.Fit.populate(processes=2)
    assert 2 == len(module.Subject())
    module.Fit.populate("subject_id = 1", processes=2)
    assert (0, 1) == module.Fit.progress("subject_id = 1")


@pytest.mark.statement("POP-10")
@pytest.mark.parametrize("way", ["fork", "fresh"])
def test_schemas_that_are_activated_later(module, instance, schema_name, way, tmp_path, monkeypatch):
    if way == "fresh":
        monkeypatch.delattr(os, "fork")
    text = DEFERRED.format(first=module.__name__)
    (tmp_path / f"{module.__name__}_later.py").write_text(text)
    later = importlib.import_module(f"{module.__name__}_later")
    later.schema.activate(schema_name("later"), connection=module.instance.connection)
    subjects(module.Subject, range(4))
    module.Fit.populate()
    try:
        if way == "fork":
            assert 4 == later.Next.populate(processes=2)["success_count"]
            assert os.getpid() not in pids(later.Next)
        else:
            with pytest.raises(DataJointError, match="not attached when"):
                later.Next.populate(processes=2)
    finally:
        del sys.modules[later.__name__]


@pytest.mark.statement("POP-10")
def test_where_neither_way_is_open_it_says_so(fit, monkeypatch):
    monkeypatch.delattr(os, "fork")
    subjects(fit.Subject, range(4))
    with pytest.raises(DataJointError, match="module that a new Python can import"):
        fit.populate(processes=2)
    assert 4 == fit.populate()["success_count"]


@pytest.mark.statement("POP-10", "POP-7")
def test_errors_are_those_of_one_process(fit):
    subjects(fit.Subject, [1, 2, 13, 14, 16])
    result = fit.populate(processes=2, suppress_errors=True, return_exception_objects=True)
    assert 2 == result["success_count"]
    errors = {key["subject_id"]: error for key, error in result["error_list"]}
    assert 1 == result["skipped_count"]  # 16, for which nothing is inserted
    assert {13: LookupError, 14: MakeError} == {n: type(error) for n, error in errors.items()}
    assert "Unsendable" in str(errors[14])
    assert any("in worker process" in note for note in errors[13].__notes__)
    again = fit.populate(processes=2, suppress_errors=True)
    texts = {key["subject_id"]: text for key, text in again["error_list"]}
    assert "LookupError: thirteen" == texts[13]


@pytest.mark.statement("POP-10", "POP-7")
def test_the_first_error_is_raised_and_the_session_stays_usable(fit):
    subjects(fit.Subject, [1, 13])
    with pytest.raises(LookupError, match="thirteen"):
        fit.populate(processes=2)
    assert 2 == len(fit.Subject())
    subjects(fit.Subject, range(20, 24))
    assert 4 == fit.populate("subject_id >= 20", processes=2)["success_count"]


@pytest.mark.statement("POP-10")
def test_a_worker_that_dies_is_an_error_of_its_key(fit):
    subjects(fit.Subject, [1, 2, 3, 15, 20, 21])
    result = fit.populate(processes=2, suppress_errors=True)
    assert 5 == result["success_count"]
    ((key, text),) = result["error_list"]
    assert {"subject_id": 15} == key
    assert "exit code 7" in text


@pytest.mark.statement("POP-10")
def test_processes_are_capped_by_keys(fit):
    subjects(fit.Subject, [1])
    assert 1 == fit.populate(processes=8)["success_count"]
    assert {os.getpid()} == pids(fit)  # one key: no other process is worth starting
    with pytest.raises(DataJointError, match="processes"):
        fit.populate(processes=0)
    assert {"success_count": 0, "error_list": []} == fit.populate(processes=4)
