"""What passes between a worker process and its parent."""

import io
import pickle
import sys

import pytest

from datajoint.errors import DataJointError, DuplicateError, MakeError
from datajoint.executors import child_main
from datajoint.executors.child_main import READY, Definition, Order, pack, serve, unpack
from datajoint.make.target import import_class
from datajoint.make.task import DONE, FAILED, MakeOutcome, MakeTask


class Unsendable(Exception):  # noqa: N818 - of a test
    pass


class Target:
    table = None
    make_kwargs = {"scale": 2}  # noqa: RUF012


class Pipe(io.BytesIO):
    def fileno(self):
        return -1


def talk(monkeypatch, messages, run_job):
    """Let a worker read messages and return what it answers."""
    monkeypatch.setattr(child_main, "run_job", run_job)
    monkeypatch.setattr(child_main, "prepare", lambda description, strict: Target())
    monkeypatch.setattr(child_main._Watch, "start", lambda self: None)
    written = Pipe()
    serve(Pipe(b"".join(map(pickle.dumps, messages))), written, {})
    written.seek(0)
    answers = []
    while written.tell() < len(written.getbuffer()):
        answers.append(pickle.load(written))
    return answers


def caught(error):
    try:
        raise error
    except type(error) as raised:
        return MakeOutcome({}, FAILED, raised)


def test_a_worker_says_that_it_is_ready_and_answers_each_task(monkeypatch):
    def run_job(table, task, make_kwargs):
        return MakeOutcome({**task.key, **make_kwargs}, DONE)

    orders = [Definition(5, b"", False), *(Order(5, MakeTask({"a": n})) for n in (1, 2))]
    ready, prepared, *made = talk(monkeypatch, orders, run_job)
    assert (READY, READY) == (ready, prepared)
    assert [MakeOutcome({"a": n, "scale": 2}, DONE) for n in (1, 2)] == [unpack(answer) for answer in made]


def test_a_worker_ends_when_its_parent_is_gone(monkeypatch):
    assert [READY] == talk(monkeypatch, [], None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are those of Linux")
def test_a_limit_of_memory_holds_for_one_make(monkeypatch):
    def run_job(table, task, make_kwargs):
        try:
            bytearray(2 * 10**9)
        except MemoryError as error:
            return MakeOutcome({}, FAILED, error)
        return MakeOutcome({}, DONE)

    orders = [Definition(0, b"", False), Order(0, MakeTask({}), 10**9), Order(0, MakeTask({}))]
    _, _, limited, free = talk(monkeypatch, orders, run_job)
    assert [FAILED, DONE] == [unpack(limited).status, unpack(free).status]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("x"), DuplicateError("twice", hint="skip")])
def test_errors_arrive_as_themselves_with_their_traceback(error):
    error.add_note("while making")
    outcome = unpack(pack(caught(error)))
    assert (type(error), str(error)) == (type(outcome.error), str(outcome.error))
    assert "while making" == outcome.error.__notes__[0]
    assert "raise error" in outcome.error.__notes__[1]


def test_an_error_that_cannot_be_sent_is_told():
    outcome = unpack(pack(caught(Unsendable(lambda: None))))
    assert isinstance(outcome.error, MakeError)
    assert "Unsendable" in str(outcome.error)
    assert "in worker process" in outcome.error.__notes__[0]


def test_an_error_that_is_not_known_here_is_told(monkeypatch):
    sent = pack(caught(Unsendable("far away")))
    monkeypatch.delitem(globals(), "Unsendable")
    assert "far away" in str(unpack(sent).error)
    assert isinstance(unpack(sent).error, MakeError)


def test_classes_are_found_by_path():
    assert DataJointError is import_class("datajoint.errors", "DataJointError")
    with pytest.raises(AttributeError):
        import_class("datajoint.errors", "Nothing")


def test_a_class_of_a_program_is_found_by_its_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    program = tmp_path / "program.py"
    program.write_text("class Fit:\n    class Cell:\n        pass\nassert __name__ != '__main__'\n")
    assert "Fit.Cell" == import_class("__main__", "Fit.Cell", str(program)).__qualname__


def test_tasks_and_outcomes_can_be_sent():
    for value in (MakeTask({"a": 1}), MakeOutcome({"a": 1}, DONE, None, 0.5)):
        assert value == pickle.loads(pickle.dumps(value))
