"""One running job is cancelled from another process; workers of one machine share a beat."""

import signal
import sys
import time

import pytest

from .conftest import FULL, PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

WORK = "print('at', key['subject_id'], flush=True); key['subject_id'] == 1 and time.sleep(60)"
BUSY = WORK.replace("time.sleep(60)", "exec('while True: pass')")
COUNT = "print(Fit.populate(reserve_jobs=True)['error_list'])"
IN_THREAD = """
import threading
thread = threading.Thread(target=lambda: print(Fit.populate(reserve_jobs=True)['error_list']))
thread.start()
thread.join()
"""
BY_WORKER = "dj.Worker(Fit).run(until_done=True); print([({'subject_id': 1}, 'JobCancelled: by')])"
WAYS = {
    "asleep": (COUNT, WORK, {}),
    "busy": (COUNT, BUSY, {}),
    "busy in a thread": (IN_THREAD, BUSY, {}),
    "in a process": (COUNT, WORK, {"jobs__timeout": 100}),
    "of a dj.Worker": (BY_WORKER, WORK, {}),
}
SOME = WAYS if FULL else ["asleep", "busy in a thread", "in a process"]


def started(workers, body, work, settings):
    workers.Subject.insert({"subject_id": n} for n in range(3))
    process = workers.start(body, work=work, settings=settings)
    assert "at 0\n" == process.stdout.readline()
    assert "at 1\n" == process.stdout.readline()
    return process


@pytest.mark.statement("JOB-13", "JOB-7")
@pytest.mark.parametrize("how", SOME)
def test_a_running_job_is_cancelled(workers, how):
    process = started(workers, *WAYS[how])
    jobs = workers.Fit.jobs
    assert not jobs.cancel({"subject_id": 7})  # which nobody makes
    assert jobs.cancel({"subject_id": 1}, "it takes too long")
    assert not jobs.cancel({"subject_id": 1})
    out, error = process.communicate(timeout=300)
    assert 0 == process.returncode, error
    assert "at 2" in out  # the worker went on
    assert "({'subject_id': 1}, 'JobCancelled: by" in out
    job = jobs.errors.fetch1()
    assert job["error_message"].startswith("JobCancelled: by ")
    assert job["error_message"].endswith(": it takes too long")
    workers.check(errors=1)
    (attempt,) = (jobs.attempts & {"outcome": "cancelled"}).to_dicts()
    assert ("cancelled", 1) == (attempt["outcome"], attempt["attempt"])
    assert attempt["started"] < attempt["ended"]
    jobs.errors.delete()
    jobs.refresh()
    workers.finish()
    workers.check()


def test_a_job_that_ends_before_its_worker_hears_is_an_error_all_the_same(workers):
    workers.Subject.insert1({"subject_id": 1})
    work = "print('at', flush=True); sys.stdin.readline()"
    process = workers.start("print(Fit.populate(reserve_jobs=True))", work=work, stdin=-1)
    assert "at\n" == process.stdout.readline()
    assert workers.Fit.jobs.cancel({"subject_id": 1})
    _, error = process.communicate("\n", timeout=300)
    assert 0 == process.returncode, error
    workers.check(errors=1)


@pytest.mark.backends("postgresql", "mysql")
def test_workers_of_one_machine_share_a_beat(workers):
    workers.Subject.insert({"subject_id": n} for n in range(4))
    work = "print('at', flush=True); sys.stdin.readline()"
    running = [workers.start(work=work, stdin=-1) for _ in range(2)]
    for process in running:
        assert "at\n" == process.stdout.readline()
    others = set(workers.everybody()) - {process.pid for process in running}
    assert 1 == len(others)
    running[0].kill()  # perhaps the one that has started it
    running[0].wait()
    end = time.monotonic() + PATIENCE
    while not (taken := workers.Fit.jobs.refresh()["orphaned"]) and time.monotonic() < end:
        time.sleep(0.05)
    assert 1 == taken
    signal_all(others)  # another one is started
    while not set(workers.everybody()) - others - {running[1].pid}:
        assert time.monotonic() < end
        time.sleep(0.05)
    _, error = running[1].communicate(timeout=PATIENCE)
    assert 0 == running[1].returncode, error
    workers.finish()
    workers.check()


def signal_all(processes):
    import os

    for pid in processes:
        os.kill(pid, signal.SIGKILL)


def test_what_a_worker_makes_is_seen_by_others(workers):
    process = started(workers, COUNT, WORK, {})
    listed, end = workers.Fit.jobs.workers, time.monotonic() + PATIENCE
    while not (keys := [row["current_key"] for row in listed.to_dicts()])[0] and time.monotonic() < end:
        time.sleep(0.1)
    assert ([process.pid], [{"subject_id": 1}]) == (listed.to_arrays("pid").tolist(), keys)
