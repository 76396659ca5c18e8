"""Makes that do not return, exhaust the memory, fork, or are too much for a populate in some other way."""

import sys

import pytest

from .conftest import FULL

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

ONE = "if key['subject_id'] == 1: "
IN_CHILDREN = {"jobs__timeout": 30}


def run(workers, work, settings=()):
    """Let one worker make three keys, of which the second does something; return what it printed."""
    workers.Subject.insert({"subject_id": n} for n in range(3))
    body = "print(Fit.populate(reserve_jobs=True, suppress_errors=True)['success_count'])"
    process = workers.start(body, work=ONE + work, settings=settings)
    out, error = process.communicate(timeout=120)
    assert 0 == process.returncode, error
    return out.splitlines()


def errors(workers):
    return workers.Fit.jobs.errors.to_arrays("error_message").tolist()


@pytest.mark.parametrize("work", ["time.sleep(1000)", "exec('while True: pass')"])
def test_a_make_that_never_returns(workers, work):
    assert ["2"] == run(workers, work, {"jobs__timeout": 1})
    (error,) = errors(workers)
    assert "was stopped after 1 s" in error
    workers.check(errors=1)


def test_a_make_that_exhausts_the_memory(workers):
    assert ["2"] == run(workers, "bytearray(1 << 60)")
    assert errors(workers)[0].startswith("MemoryError")
    workers.check(errors=1)


def test_a_make_that_is_killed_for_its_memory(workers):
    assert ["2"] == run(workers, "os.kill(os.getpid(), 9)", IN_CHILDREN)
    assert "killed by signal 9" in errors(workers)[0]
    workers.check(errors=1)


FORKS = {
    "ends at once": "os.fork() or os._exit(0)",
    "leaves by SystemExit": "os.fork() or sys.exit(0)",
    "fails": "os.fork() or [][0]",
    "goes on as its parent does": "os.fork()",
    "stays for a while": "os.fork() or (time.sleep(3), os._exit(0))",
}


@pytest.mark.parametrize("settings", [{}, IN_CHILDREN], ids=["here", "in a child"])
@pytest.mark.parametrize("fork", FORKS if FULL else ["leaves by SystemExit", "goes on as its parent does"])
def test_a_make_that_forks(workers, fork, settings):
    lines = run(workers, FORKS[fork], settings)
    assert ["3"] == lines
    workers.check()


@pytest.mark.skipif(not FULL, reason="takes a minute")
@pytest.mark.parametrize("settings", [{}, IN_CHILDREN], ids=["here", "in a child"])
def test_a_make_that_prints_a_gigabyte(workers, settings):
    text = "[print('x' * 10**6) for _ in range(1000)]"
    workers.Subject.insert1({"subject_id": 1})
    workers.start(work=text, settings=settings, before="sys.stdout = sys.stderr = open(os.devnull, 'w')")
    workers.finish()
    workers.check()


def test_a_make_that_closes_what_it_should_not(workers):
    """Standard streams of a worker process are its own."""
    run(workers, "os.close(0), os.close(1), os.close(2)", IN_CHILDREN)
    workers.finish()
    workers.check(errors=len(errors(workers)))
