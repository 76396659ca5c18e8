"""Makes that do not return, exhaust the memory, fork, or are too much for a populate in some other way."""

import sys

import pytest

from .conftest import FULL

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

FORKS = {
    "os.fork() or os._exit(0)": "",
    "os.fork() or sys.exit(0)": "",
    "os.fork() or [][0]": "",
    "os.fork()": "",
    "os.fork() or (time.sleep(3), os._exit(0))": "",
}
ANYWHERE = {"pass": "", **FORKS, "bytearray(1 << 60)": "MemoryError"}
IN_CHILDREN = {
    **ANYWHERE,
    "time.sleep(1000)": "was stopped after 2 s",
    "while True: pass": "was stopped after 2 s",
    "os.kill(os.getpid(), 9)": "was killed by signal 9",
    "os._exit(3)": "ended with exit code 3",
    "[os.close(n) for n in range(3)]": "",
}


@pytest.mark.parametrize(
    ("what", "settings"), [(ANYWHERE, {}), (IN_CHILDREN, {"jobs__timeout": 2})], ids=["here", "in children"]
)
def test_makes_that_do_no_good(workers, what, settings):
    """One worker makes a key with each of them: it gets to the end, with one result or error for each."""
    workers.Subject.insert({"subject_id": n} for n in range(len(what)))
    body = "print('made', Fit.populate(reserve_jobs=True, suppress_errors=True)['success_count'])"
    process = workers.start(
        body, work="exec(ACTS[key['subject_id']])", before=f"ACTS = {list(what)!r}", settings=settings
    )
    out, error = process.communicate(timeout=300)
    assert 0 == process.returncode, error
    failed = {n: message for n, message in enumerate(what.values()) if message}
    assert [f"made {len(what) - len(failed)}"] == out.splitlines()
    told = {row["subject_id"]: row["error_message"] for row in workers.Fit.jobs.errors.to_dicts()}
    assert failed.keys() == told.keys()
    assert all(message in told[n] for n, message in failed.items()), told
    workers.check(errors=len(failed))


@pytest.mark.skipif(not FULL, reason="takes a minute")
@pytest.mark.parametrize("settings", [{}, {"jobs__timeout": 100}], ids=["here", "in a child"])
def test_a_make_that_prints_a_gigabyte(workers, settings):
    workers.Subject.insert1({"subject_id": 1})
    process = workers.start(
        work="[print('x' * 10**6) for _ in range(1000)]", settings=settings,
        body="sys.stdout = sys.stderr = open(os.devnull, 'w')\nFit.populate(reserve_jobs=True)",
    )  # fmt: skip
    process.communicate(timeout=300)
    workers.check()
