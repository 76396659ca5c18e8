"""Which executor computes, and what can be made elsewhere."""

import os
import pickle
import subprocess
import sys
import textwrap
from typing import ClassVar

import pytest

import datajoint as dj
from datajoint.errors import ComputeError, ConfigurationError
from datajoint.executors import EXECUTORS, DaskExecutor, LocalExecutor, MakeOutcome
from datajoint.make.target import Target
from datajoint.testing import InProcessExecutorTests
from datajoint.testing.executors import subjects

from .test_on_every_database import OnBackends

SCRIPT = """
import datajoint as dj

instance = dj.Instance(backend="sqlite", database__name={file!r})
schema = instance.Schema("lab")

@schema
class Subject(dj.Manual):
    definition = "subject_id : int32"

@schema
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\npid : int64"

    def make(self, key):
        import os
        self.insert1({{**key, "pid": os.getpid()}})

if __name__ == "__main__":
    import os
    Subject.insert([{{"subject_id": n}} for n in range(4)])
    print(Fit.populate(executor={executor!r}, processes={processes}))
    assert os.getpid() not in Fit.to_arrays("pid").tolist()
"""


class Noting(LocalExecutor):
    """Notes how it was made and whether it is closed."""

    made: ClassVar[list[int | None]]
    closed = False

    def __init__(self, workers=None):
        super().__init__(workers)
        type(self).made.append(workers)

    def close(self):
        type(self).closed = True


@pytest.fixture
def noting():
    class Mine(Noting):
        made: ClassVar[list[int | None]] = []

    return Mine


@pytest.mark.backends("sqlite")
class TestChoice(OnBackends):
    pipeline = InProcessExecutorTests.pipeline

    def test_by_argument_by_setting_and_as_an_object(self, pipeline, noting, monkeypatch):
        monkeypatch.setitem(EXECUTORS._items, "noting", noting)
        subjects(pipeline, *[""] * 4)
        pipeline.Fit.populate("subject_id = 0", executor="noting")
        assert ([None], True) == (noting.made, noting.closed)
        with pipeline.instance.config.override(jobs__executor="noting"):
            pipeline.Fit.populate("subject_id = 1", processes=3)
            assert [None, 3] == noting.made
            pipeline.Fit.populate("subject_id = 2", executor="local")
            pipeline.schema.populate()
        assert [None, 3, None] == noting.made
        noting.closed = False
        executor = noting()
        pipeline.Fit.populate(executor=executor)
        assert not noting.closed
        assert (0, 4) == pipeline.Fit.progress()

    def test_what_is_none_is_refused_by_name(self, pipeline):
        subjects(pipeline, "")
        with pytest.raises(ConfigurationError, match=r"no executor 'dusk'.*\n.*`dask`"):
            pipeline.Fit.populate(executor="dusk")
        with pytest.raises(ConfigurationError, match="no executor"):
            pipeline.Fit.populate(executor=7)
        with pytest.raises(ConfigurationError, match="no executor"):
            pipeline.Fit.populate(executor=LocalExecutor)
        assert (1, 1) == pipeline.Fit.progress()

    def test_hints_that_are_wrong_are_refused_before_anything_is_made(self, pipeline):
        subjects(pipeline, "")
        pipeline.Fit.resources = {"memory": "much"}
        with pytest.raises(ConfigurationError, match=r"Fit.resources"):
            pipeline.Fit.populate()
        assert (1, 1) == pipeline.Fit.progress()

    def test_installed_packages_bring_executors(self, pipeline, tmp_path):
        """In a fresh Python: entry points are read once."""
        (tmp_path / "their_package.py").write_text(
            "from datajoint.executors import LocalExecutor\nclass Theirs(LocalExecutor):\n"
            "    def run(self, tasks):\n        print('theirs')\n        yield from super().run(tasks)\n"
        )
        info = tmp_path / "their_package-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[datajoint.executors]\ntheirs = their_package:Theirs\n")
        subjects(pipeline, "", "")
        code = f"import {pipeline.__name__} as p; print(p.Fit.populate(executor='theirs'))"
        path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        said = run(["-c", code], {"PYTHONPATH": path})
        assert "theirs\n{'success_count': 2, 'error_list': []}\n" == said

    @pytest.mark.backends("postgresql", "mysql")
    def test_a_password_goes_with_a_task_only_if_it_was_assigned_here(self, pipeline):
        import zlib

        pipeline.instance.config["database.password"] = "secret-of-the-lab"
        described = pickle.loads(zlib.decompress(Target(pipeline.Fit(), {}).description))
        assert (None, None) == (described.settings.password, described.assigned)

    def test_what_nobody_else_can_reach_is_said(self, pipeline):
        instance = dj.Instance(backend="sqlite", database__name=":memory:")
        schema = instance.Schema("lab")

        @schema
        class Subject(dj.Lookup):
            definition = "subject_id : int32"
            contents = ({"subject_id": 1},)

        @schema
        class Fit(dj.Computed):
            definition = "-> Subject"

            def make(self, key):
                self.insert1(key)

        with pytest.raises(ComputeError, match="memory of this process"):
            Fit.populate(executor=Sending())
        subjects(pipeline, "")
        with pytest.raises(ComputeError, match="cannot be sent elsewhere"):
            pipeline.Fit.populate(executor=Sending(), make_kwargs={"scale": lambda: 1})
        instance.connection.close()


class Sending(LocalExecutor):
    """Pickles its tasks."""

    def run(self, tasks):
        for task in tasks:
            yield MakeOutcome(pickle.loads(pickle.dumps(task)).key, "done")


@pytest.mark.parametrize(("executor", "processes"), [("dask", 2), ("processes", 2)])
def test_classes_of_a_program_are_made_elsewhere(tmp_path, executor, processes):
    script = tmp_path / "program.py"
    file = str(tmp_path / "lab.db")
    script.write_text(SCRIPT.format(file=file, executor=executor, processes=processes))
    assert "{'success_count': 4, 'error_list': []}\n" == run([str(script)])


def test_classes_of_a_notebook_are_refused_by_dask(tmp_path):
    code = textwrap.dedent(SCRIPT.format(file=str(tmp_path / "lab.db"), executor="dask", processes=1))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert "it was written in a notebook or at a prompt" in done.stderr
    assert "Put the class into a module" in done.stderr


def run(arguments, environment=None):
    done = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **(environment or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", resources={"GPU": 1}
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.mark.backends("sqlite")
class TestHintsOnDask(OnBackends):
    pipeline = InProcessExecutorTests.pipeline

    def test_they_choose_workers_that_declare_as_much(self, pipeline, client):
        executor = DaskExecutor(client=client)
        subjects(pipeline, "", "")
        pipeline.Fit.resources = {"gpus": 2, "cpus": 1}
        with pytest.raises(ConfigurationError, match=r"wants gpus = 2.*more than 1"):
            pipeline.Fit.populate(executor=executor)
        assert (2, 2) == pipeline.Fit.progress()
        pipeline.Fit.resources = {"gpus": 1, "cpus": 1}
        assert 2 == pipeline.Fit.populate(executor=executor)["success_count"]
