"""What every executor has to bear; derive a class from `ExecutorTests` to test one of your own."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from datajoint.jobs.jobs import jobs_of
from datajoint.make.task import MakeTask
from datajoint.table.free import FreeTable

__all__ = ["ExecutorTests", "InProcessExecutorTests"]

_MODULE = '''
import os, signal, sys, time
from pathlib import Path
import datajoint as dj

SETTINGS = {settings!r}
instance = dj.Instance(**SETTINGS)
schema = instance.Schema({schema!r})


class Unsendable(Exception):
    def __reduce__(self):
        raise TypeError("not to be sent")


@schema
class Subject(dj.Manual):
    definition = """
    subject_id : int32
    ---
    what = '' : varchar(20)
    """


@schema
class Fit(dj.Computed):
    definition = """
    -> Subject
    ---
    pid : int64
    scale : float64
    """

    def make(self, key, scale=1):
        what = (Subject & key).fetch1("what")
        if what:
            getattr(sys.modules[__name__], what)(key)
        self.insert1({{**key, "pid": os.getpid(), "scale": scale}})


def error(key):
    raise LookupError(f"no luck with {{key['subject_id']}}")


def unsendable(key):
    raise Unsendable("only here")


def system_exit(key):
    sys.exit(3)


def end(key):
    os._exit(7)


def kill(key):
    os.kill(os.getpid(), signal.SIGKILL)


def once(key):
    mark = Path(__file__).with_name(f"tried_{{key['subject_id']}}")
    if not mark.exists():
        mark.touch()
        raise LookupError("the first time")


def worker_once(key):
    """Kill the process that started this one, the first time."""
    mark = Path(__file__).with_name(f"tried_{{key['subject_id']}}")
    if not mark.exists():
        mark.touch()
        worker_always(key)


def worker_always(key):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def loud(key):
    line = "x" * 1023 + "\\n"
    for _ in range({output} // 1024):
        sys.stdout.write(line)


def forks(key):
    """Leave a process behind that returns from make, as this one does."""
    os.fork()


def leaves(key):
    """Leave a process behind that goes on for long, and end."""
    child = os.fork()
    if not child:
        time.sleep(600)
        os._exit(0)
    Path(__file__).with_name("left").write_text(str(child))
    os._exit(1)


def hog(key):
    bytearray(10**10)[::4096]


def slow(key):
    time.sleep(0.5)


def meets(key):
    """Wait for another process that does the same."""
    here = Path(__file__).parent
    (here / f"here_{{os.getpid()}}").touch()
    end = time.monotonic() + 60
    while len(list(here.glob("here_*"))) < 2:
        if time.monotonic() > end:
            raise TimeoutError("nobody came")
        time.sleep(0.02)


def waits(key):
    """Go on when somebody says so."""
    Path(__file__).with_name("at").write_text(str(os.getpid()))
    end = time.monotonic() + 60
    while not Path(__file__).with_name("go").exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody said so")
        time.sleep(0.02)


def blocks(key):
    """Compute what does not return to Python."""
    Path(__file__).with_name("at").write_text(str(os.getpid()))
    sum(range(10**10))


def never(key):
    Path(__file__).with_name("begun").touch()
    while True:
        time.sleep(1)
'''


class InProcessExecutorTests:
    """What holds for executors that make in this process, too.

    A derived class has a fixture ``executor``, and may override the fixture ``database_settings``.
    """

    output = 10**9
    """Bytes that a make prints."""

    @pytest.fixture
    def executor(self) -> Iterator[Any]:
        """The executor to be tested."""
        raise NotImplementedError("write a fixture `executor` that yields the executor and closes it")

    @pytest.fixture
    def database_settings(self, tmp_path: Path) -> dict[str, Any]:
        """Settings of an instance on the database to be used."""
        return {"backend": "sqlite", "database__name": str(tmp_path / "lab.db")}

    @pytest.fixture
    def schema_of_test(self) -> str:
        """Name of the schema to be used."""
        return "lab"

    @pytest.fixture
    def pipeline(
        self, tmp_path: Path, database_settings: dict[str, Any], schema_of_test: str
    ) -> Iterator[Any]:
        """A module with the tables `Subject` and `Fit`, which workers can import."""
        name = f"pipeline_{os.getpid()}_{tmp_path.name}".replace("-", "_")
        settings = {"safemode": False, "jobs__retry_delay": 0, **database_settings}
        text = _MODULE.format(settings=settings, schema=schema_of_test, output=self.output)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        sys.path.append(str(tmp_path))
        module = import_module(name)
        yield module
        module.instance.connection.close()
        sys.path.remove(str(tmp_path))
        del sys.modules[name]

    # ------------------------------------------------------------------------------------------------ tests

    def test_every_key_is_made_once(self, executor: Any, pipeline: Any) -> None:
        """Tasks become rows, whose number is told."""
        subjects(pipeline, *[""] * 10)
        assert pipeline.Fit.populate(executor=executor) == {"success_count": 10, "error_list": []}
        assert pipeline.Fit.populate(executor=executor) == {"success_count": 0, "error_list": []}
        assert pipeline.Fit.progress() == (0, 10)

    def test_an_executor_serves_more_than_once(self, executor: Any, pipeline: Any) -> None:
        """What is given to populate is not closed by it; arguments of make arrive each time."""
        for n, scale in enumerate((2, 3)):
            subjects(pipeline, "", first=n)
            pipeline.Fit.populate(executor=executor, make_kwargs={"scale": scale})
        assert pipeline.Fit.to_arrays("scale", order_by="KEY").tolist() == [2.0, 3.0]

    def test_tasks_are_taken_in_order_when_they_can_be_begun(self, executor: Any, pipeline: Any) -> None:
        """A task that is taken is reserved: others cannot have it."""
        subjects(pipeline, *[""] * 100)
        taken: list[int] = []
        first: int | None = None
        run = executor.run

        class Counting:
            def run(self, tasks: Any) -> Iterator[Any]:
                nonlocal first

                def counted() -> Iterator[MakeTask]:
                    for task in tasks:
                        taken.append(task.key["subject_id"])
                        yield task

                for outcome in run(counted()):
                    first = first or len(taken)
                    yield outcome

            def close(self) -> None:
                executor.close()

        assert pipeline.Fit.populate(executor=Counting())["success_count"] == 100
        assert sorted(taken) == taken
        assert first is not None
        assert first < 50

    def test_the_first_error_is_raised_as_itself(self, executor: Any, pipeline: Any) -> None:
        """And everything can be used afterwards."""
        subjects(pipeline, "", "error", "")
        with pytest.raises(LookupError, match="no luck with 1"):
            pipeline.Fit.populate(executor=executor)
        (pipeline.Subject & "what = 'error'").delete()
        pipeline.Fit.populate(executor=executor)
        assert pipeline.Fit.progress() == (0, 2)

    def test_errors_are_collected(self, executor: Any, pipeline: Any) -> None:
        """One a key."""
        subjects(pipeline, "error", "", "unsendable", "", "error")
        result = pipeline.Fit.populate(executor=executor, suppress_errors=True)
        texts = {key["subject_id"]: text for key, text in result["error_list"]}
        assert (2, {0, 2, 4}) == (result["success_count"], set(texts))
        assert texts[4] == "LookupError: no luck with 4"
        assert "Unsendable" in texts[2]

    def test_a_failing_key_is_tried_again(self, executor: Any, pipeline: Any) -> None:
        """As often as `max_attempts` says, each time on record."""
        pipeline.Fit.max_attempts = 2
        subjects(pipeline, "once", "", "error")
        texts = errors(pipeline.Fit.populate(executor=executor, reserve_jobs=True, suppress_errors=True))
        while pipeline.Fit.jobs.progress()["pending"]:
            texts |= errors(pipeline.Fit.populate(executor=executor, reserve_jobs=True, suppress_errors=True))
        assert (len(pipeline.Fit.jobs.errors), len(pipeline.Fit())) == (1, 2)
        assert {2} == set(pipeline.Fit.jobs.errors.to_arrays("subject_id").tolist())

    def test_what_is_printed_is_kept_within_bounds(self, executor: Any, pipeline: Any) -> None:
        """A make may print without end."""
        subjects(pipeline, "loud")
        assert pipeline.Fit.populate(executor=executor, reserve_jobs=True)["success_count"] == 1
        pipeline.instance.connection.catalog.clear()  # others may have made it
        attempts = FreeTable(pipeline.instance.connection, f"{pipeline.schema.database}.~attempts")
        (log,) = attempts.to_arrays("log").tolist()
        assert 0 < len(log) < 100_000

    def test_what_a_cancelled_job_makes_is_not_stored(self, executor: Any, pipeline: Any) -> None:
        """Whether its make hears of it or not; the others are made."""
        subjects(pipeline, "", "waits", "")
        with cancelling(pipeline, 1):
            result = pipeline.Fit.populate(executor=executor, reserve_jobs=True)
        assert (2, set()) == (result["success_count"], set(errors(result)) - {1})
        assert pipeline.Fit.to_arrays("subject_id", order_by="KEY").tolist() == [0, 2]
        assert pipeline.Fit.jobs.errors.fetch1("error_message").startswith("JobCancelled: by ")


class ExecutorTests(InProcessExecutorTests):
    """What every executor has to bear whose makes run in other processes.

    Examples
    --------
    >>> from datajoint.testing import ExecutorTests
    >>> class TestMine(ExecutorTests):
    ...     @pytest.fixture
    ...     def executor(self):
    ...         executor = MyExecutor()
    ...         yield executor
    ...         executor.close()
    """

    def test_makes_run_elsewhere(self, executor: Any, pipeline: Any) -> None:
        """With connections of their own."""
        subjects(pipeline, "", "")
        pipeline.Fit.populate(executor=executor)
        assert os.getpid() not in pipeline.Fit.to_arrays("pid").tolist()

    @pytest.mark.parametrize("reserve_jobs", [False, True])
    def test_a_process_that_ends_is_one_error(self, executor: Any, pipeline: Any, reserve_jobs: bool) -> None:
        """However it ends."""
        subjects(pipeline, "", "end", "kill", "", "system_exit", "")
        result = pipeline.Fit.populate(executor=executor, suppress_errors=True, reserve_jobs=reserve_jobs)
        assert (3, {1, 2, 4}) == (result["success_count"], set(errors(result)))
        assert "signal 9" in errors(result)[2]
        if reserve_jobs:
            assert {1, 2, 4} == set(pipeline.Fit.jobs.errors.to_arrays("subject_id").tolist())
        assert pipeline.Fit.progress() == (3, 6)

    def test_a_make_that_never_returns_is_stopped(self, executor: Any, pipeline: Any) -> None:
        """After the time that it is given."""
        subjects(pipeline, "never", "")
        pipeline.instance.config["jobs.timeout"] = 1
        result = pipeline.Fit.populate(executor=executor, suppress_errors=True)
        assert result["success_count"] == 1
        assert "was stopped after 1 s" in errors(result)[0]

    def test_a_make_is_ended_whose_job_is_cancelled(self, executor: Any, pipeline: Any) -> None:
        """Though it does not return to Python, if the executor can end single makes."""
        if not hasattr(executor, "heed"):
            pytest.skip("it cannot end a single make: it has no method heed(cancels)")
        subjects(pipeline, "", "blocks", "")
        with cancelling(pipeline, 1):
            result = pipeline.Fit.populate(executor=executor, reserve_jobs=True)
        assert (2, {1}) == (result["success_count"], set(errors(result)))
        assert errors(result)[1].startswith("JobCancelled: by ")
        (attempt,) = (pipeline.Fit.jobs.attempts & {"outcome": "cancelled"}).to_dicts()
        assert attempt["ended"] is not None
        maker = int(Path(pipeline.__file__).with_name("at").read_text(encoding="utf-8"))
        wait_until(lambda: is_gone(maker))

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can fork here")
    def test_makes_that_fork(self, executor: Any, pipeline: Any) -> None:
        """A copy of the process makes nothing, and nobody waits for one that stays."""
        subjects(pipeline, "forks", "leaves", "")
        result = pipeline.Fit.populate(executor=executor, suppress_errors=True)
        assert (2, {1}) == (result["success_count"], set(errors(result)))
        os.kill(int(Path(pipeline.__file__).with_name("left").read_text(encoding="utf-8")), 9)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are those of Linux")
    def test_memory_has_a_limit(self, executor: Any, pipeline: Any) -> None:
        """What a make may use at most is said by its class."""
        pipeline.Fit.resources = {"memory": "2 GB"}
        subjects(pipeline, "hog", "")
        result = pipeline.Fit.populate(executor=executor, suppress_errors=True)
        assert (1, {0}) == (result["success_count"], set(errors(result)))

    def test_a_stop_ends_what_runs(self, executor: Any, pipeline: Any) -> None:
        """When the populate is over, nothing of it goes on and nothing is held."""
        subjects(pipeline, "never", "error")
        with pytest.raises(LookupError):
            pipeline.Fit.populate(executor=executor, reserve_jobs=True)
        counts = pipeline.Fit.jobs.progress()
        assert (counts["pending"], counts["reserved"], counts["error"]) == (1, 0, 1)
        pipeline.Subject.delete()
        subjects(pipeline, "")
        assert pipeline.Fit.populate(executor=executor)["success_count"] == 1


def subjects(pipeline: Any, *what: str, first: int = 0) -> None:
    """Insert subjects, and say what their makes do."""
    pipeline.Subject.insert({"subject_id": n, "what": each} for n, each in enumerate(what, first))


@contextmanager
def cancelling(pipeline: Any, subject: int) -> Generator[None]:
    """Cancel a job from another connection as soon as its make has begun; then say that it may go on."""
    folder = Path(pipeline.__file__).parent
    queue, instance = pipeline.Fit.jobs.name, pipeline.dj.Instance(**pipeline.SETTINGS)

    def cancel() -> None:
        wait_until((folder / "at").exists)
        jobs: Any = jobs_of(queue, instance.connection)
        wait_until(lambda: jobs.cancel({"subject_id": subject}))
        (folder / "go").touch()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        instance.connection.close()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has asked for yet is not counted."""
    try:
        os.kill(process, 0)
        return "(zombie)" in Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return True


def errors(result: Any) -> dict[int, str]:
    """Return the errors of a populate by subject."""
    return {key["subject_id"]: text for key, text in result["error_list"]}
