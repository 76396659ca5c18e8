"""Workers that die, block and meet: every key has one result or one error, and nothing stays reserved."""

import random
import signal
import sys
import threading
import time

import pytest

from .conftest import FULL, PATIENCE

KILLS = 100 if FULL else 3
CLAIMERS = 40 if FULL else 6
CLAIMS = 50 if FULL else 20

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def test_workers_that_are_killed(workers):
    workers.Subject.insert({"subject_id": n} for n in range(30))
    for _ in range(KILLS):
        process = workers.start(work="time.sleep(0.01)")
        time.sleep(random.uniform(0.02, 0.5))
        process.kill()
        process.wait()
        if workers.Fit.jobs.progress()["pending"] < 5:
            first = max(workers.Subject.to_arrays("subject_id").tolist()) + 1
            workers.Subject.insert({"subject_id": n} for n in range(first, first + 20))
    assert [] == workers.finish()
    failed = workers.Fit.jobs.errors.to_arrays("error_message").tolist()  # of those that five have died of
    assert all("died while it held this job. So did 4 others" in message for message in failed)
    workers.check(errors=len(failed))


def test_a_worker_that_holds_a_job_is_missed_within_its_lease(workers):
    workers.Subject.insert1({"subject_id": 1})
    process = workers.start(work="print('at it', flush=True); time.sleep(60)")
    assert "at it\n" == process.stdout.readline()
    assert 0 == workers.Fit.jobs.refresh()["orphaned"]
    process.kill()
    process.wait()
    end = time.monotonic() + PATIENCE
    while not (taken := workers.Fit.jobs.refresh()["orphaned"]) and time.monotonic() < end:
        time.sleep(0.1)
    assert 1 == taken
    workers.finish()
    workers.check()


def test_a_live_worker_keeps_its_job_though_it_holds_the_interpreter(workers):
    workers.Subject.insert1({"subject_id": 1})
    block = (
        "print('at it', flush=True); end = time.time() + 5\n    while time.time() < end: sum(range(10**8))"
    )
    process = workers.start(work=block)
    assert "at it\n" == process.stdout.readline()
    while process.poll() is None:
        assert 0 == workers.Fit.jobs.refresh()["orphaned"]
        assert 0 == workers.Fit.populate(reserve_jobs=True)["success_count"]
        time.sleep(0.2)
    assert [process.pid] == workers.Fit.to_arrays("pid").tolist()
    workers.check()


@pytest.mark.backends("postgresql", "mysql")
def test_a_worker_that_wakes_after_its_lease_stores_nothing(workers):
    workers.Subject.insert1({"subject_id": 1})
    process = workers.start(work="print('at it', flush=True); time.sleep(1)")
    assert "at it\n" == process.stdout.readline()
    (row,) = workers.Fit.jobs.reserved.to_dicts()
    from datajoint.sql.system_tables.jobs import Owner

    process.send_signal(signal.SIGSTOP)
    owner = Owner(row["host"], row["pid"], row["connection_id"])
    assert 1 == workers.Fit.jobs.release([{"subject_id": 1}], owner)  # as if its lease had ended
    assert 1 == workers.Fit.populate(reserve_jobs=True)["success_count"]
    process.send_signal(signal.SIGCONT)
    assert 0 == process.wait(300)
    assert process.pid not in workers.Fit.to_arrays("pid").tolist()
    workers.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_gives_everything_back(workers, number):
    workers.Subject.insert({"subject_id": n} for n in range(20))
    process = workers.start(work="key['subject_id'] and (print('at it', flush=True), time.sleep(60))")
    assert "at it\n" == process.stdout.readline()
    process.send_signal(number)
    assert process.wait(300) != 0
    counts = workers.Fit.jobs.progress()
    assert (0, 0) == (counts["reserved"], counts["error"])  # N7: the key is pending again
    assert [] == workers.Fit.jobs.connection.query(workers_left(workers)).fetchall()
    workers.finish()
    workers.check()


def workers_left(workers):
    from datajoint.heading.names import TableName

    name = workers.Fit.connection.dialect.table(TableName(workers.schema, "~workers"))
    return f"SELECT host FROM {name}"


def test_many_claim_one_key_and_one_gets_it(workers):
    workers.Subject.insert({"subject_id": n} for n in range(CLAIMS))
    workers.Fit.jobs.refresh()
    body = f"""
    import multiprocessing
    fork = multiprocessing.get_context("fork")

    def claim(n, start, got):
        for connection in [instance.connection]:
            connection.after_fork()
        start.wait()
        for number in range({CLAIMS}):
            if Fit.jobs.reserve({{"subject_id": number}}):
                got.put(number)
        got.put(None)

    start, got = fork.Barrier({CLAIMERS}), fork.Queue()
    children = [fork.Process(target=claim, args=(n, start, got)) for n in range({CLAIMERS})]
    for child in children:
        child.start()
    claimed, ended = [], 0
    while ended < {CLAIMERS}:
        number = got.get()
        ended += number is None
        claimed += [] if number is None else [number]
    for child in children:
        child.join()
    print(sorted(claimed) == list(range({CLAIMS})), flush=True)
    """
    out, error = workers.start(body).communicate(timeout=300)
    assert "True\n" == out, error


def test_several_workers_make_each_key_once(workers):
    workers.Subject.insert({"subject_id": n} for n in range(200 if FULL else 60))
    workers.Fit.jobs.refresh()
    running = [workers.start(work="time.sleep(0.002)") for _ in range(4 if FULL else 2)]
    for process in running:
        _, error = process.communicate(timeout=300)
        assert "" == error
    workers.check()


def test_a_make_that_says_a_lot_is_kept_short(workers):
    import datajoint as dj

    workers.Subject.insert1({"subject_id": 1})
    process = workers.start(
        work="[print('x' * 10**6) for _ in range(20)]; import logging; logging.getLogger('mine').error('done')"
    )
    process.communicate(timeout=300)
    workers.check()
    workers.instance.connection.catalog.clear()
    attempt = dj.FreeTable(workers.instance.connection, f"{workers.schema}.~attempts").fetch1()
    assert ("success", 1) == (attempt["outcome"], attempt["attempt"])
    assert len(attempt["log"]) <= 65_536
    assert attempt["log"].endswith("ERROR mine: done\n")


def test_a_worker_whose_clock_is_an_hour_off(workers):
    workers.Subject.insert({"subject_id": n} for n in range(6))
    before = "real = time.time; time.time = lambda: real() {}"
    ahead = workers.start(before=before.format("+ 3600"), work="time.sleep(0.1)")
    behind = workers.start(before=before.format("- 3600"), work="time.sleep(0.1)")
    while ahead.poll() is None or behind.poll() is None:
        assert 0 == workers.Fit.jobs.refresh()["orphaned"]
        time.sleep(0.1)
    workers.check()


@pytest.mark.parametrize("what", ["raise SystemExit(3)", "os._exit(5)", "os.kill(os.getpid(), 9)"])
def test_a_make_that_ends_its_process(workers, what):
    workers.Subject.insert({"subject_id": n} for n in range(3))
    workers.start(work=f"if key['subject_id'] == 1: {what}").communicate(timeout=300)
    workers.finish()
    workers.check()


@pytest.mark.backends("postgresql", "mysql")
def test_workers_of_the_existing_client_on_the_same_queue(workers, peer):
    workers.Subject.insert({"subject_id": n} for n in range(60))
    workers.Fit.jobs.refresh()
    script = f"""
    import os, time
    schema = dj.Schema({workers.schema!r})

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Fit(dj.Computed):
        definition = '''
        -> Subject
        ---
        pid : int64
        '''

        class Part(dj.Part):
            definition = '''
            -> master
            n : int32
            '''

        def make(self, key):
            if key["subject_id"] == 59:
                raise ValueError("fifty-nine")
            time.sleep(0.01)
            self.insert1({{**key, "pid": -1}})
            self.Part.insert([{{**key, "n": n}} for n in range(3)])

    print(Fit.populate(reserve_jobs=True, suppress_errors=True)["success_count"])
    """
    said = []
    thread = threading.Thread(target=lambda: said.append(peer(script)))
    thread.start()
    ours = 0
    while thread.is_alive():
        ours += workers.Fit.populate(reserve_jobs=True, suppress_errors=True, max_calls=2)["success_count"]
        time.sleep(0.01)
    thread.join()
    workers.finish()
    counts = workers.Fit.jobs.progress()
    workers.check(errors=counts["error"])
    assert said
