"""What passes between a worker process and its parent."""

import io
import pickle

import pytest

from datajoint.compute.executors import worker
from datajoint.compute.executors.local import LocalExecutor
from datajoint.compute.executors.worker import READY, import_class, run_program, serve
from datajoint.compute.task import DONE, FAILED, MakeOutcome, MakeTask
from datajoint.errors import DataJointError, DuplicateError, MakeError


class Unsendable(Exception):  # noqa: N818 - of a test
    pass


def talk(monkeypatch, messages, run_job):
    """Let a worker read messages and return what it answers."""
    monkeypatch.setattr(worker, "run_job", run_job)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    given = io.BytesIO(b"".join(map(pickle.dumps, messages)))
    written = io.BytesIO()
    serve([None], {"scale": 2}, given, written)
    written.seek(0)
    answers = []
    while written.tell() < len(written.getbuffer()):
        answers.append(pickle.load(written))
    return answers


def failing(error):
    def run_job(table, task, make_kwargs):
        try:
            raise error
        except type(error) as caught:
            return MakeOutcome(task.key, FAILED, caught)

    return run_job


def test_a_worker_says_that_it_is_ready_and_answers_each_task(monkeypatch):
    def run_job(table, task, make_kwargs):
        return MakeOutcome({**task.key, **make_kwargs}, DONE)

    answers = talk(monkeypatch, [MakeTask({"a": 1}), MakeTask({"a": 2}), None, MakeTask({"a": 3})], run_job)
    assert [
        READY,
        MakeOutcome({"a": 1, "scale": 2}, DONE),
        MakeOutcome({"a": 2, "scale": 2}, DONE),
    ] == answers


def test_a_worker_ends_when_its_parent_is_gone(monkeypatch):
    assert [READY] == talk(monkeypatch, [], None)


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("x"), DuplicateError("twice", hint="skip")])
def test_errors_arrive_as_themselves_with_their_traceback(monkeypatch, error):
    error.add_note("while making")
    _, outcome = talk(monkeypatch, [MakeTask({})], failing(error))
    assert (type(error), str(error)) == (type(outcome.error), str(outcome.error))
    assert "while making" == outcome.error.__notes__[0]
    assert "raise error" in outcome.error.__notes__[1]


def test_an_error_that_cannot_be_sent_is_told(monkeypatch):
    _, outcome = talk(monkeypatch, [MakeTask({})], failing(Unsendable(lambda: None)))
    assert isinstance(outcome.error, MakeError)
    assert "Unsendable" in str(outcome.error)


def test_classes_are_found_by_path():
    assert DataJointError is import_class("datajoint.errors", "DataJointError")
    with pytest.raises(AttributeError):
        import_class("datajoint.errors", "Nothing")


def test_a_class_of_a_program_is_found_by_its_file(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    program = tmp_path / "program.py"
    program.write_text("class Fit:\n    class Cell:\n        pass\nassert __name__ != '__main__'\n")
    assert "Fit.Cell" == import_class("__main__", "Fit.Cell", run_program(str(program))).__qualname__


def test_the_local_executor_keeps_the_order():
    executor = LocalExecutor(lambda task: MakeOutcome(task.key, DONE))
    tasks = [MakeTask({"n": n}) for n in range(3)]
    assert [0, 1, 2] == [outcome.key["n"] for outcome in executor.run(tasks)]
    executor.close()


def test_tasks_and_outcomes_can_be_sent():
    for value in (MakeTask({"a": 1}), MakeOutcome({"a": 1}, DONE, None, 0.5)):
        assert value == pickle.loads(pickle.dumps(value))
