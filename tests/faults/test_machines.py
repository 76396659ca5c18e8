"""What happens to machines: they sleep, servers are restarted, disks are full."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest

from .conftest import FULL, PATIENCE

RESTARTS = 20 if FULL else 2
MOUNTABLE = sys.platform == "linux" and os.geteuid() == 0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def wait_until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@contextmanager
def asleep(workers):
    """Stop all that the workers run, as a machine that sleeps does."""
    sleeping = workers.everybody()
    for pid in sleeping:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in sleeping:
            with suppress(ProcessLookupError):  # a helper has ended: what failed is the block
                os.kill(pid, signal.SIGCONT)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.statement("JOB-14", "JOB-6")
def test_a_machine_that_sleeps_past_its_lease_and_wakes(workers):
    workers.Subject.insert({"subject_id": n} for n in range(2))
    workers.settings["jobs__lease"] = 3
    work = "print('at', key['subject_id'], flush=True); sys.stdin.readline()"  # it works until it may go on
    process = workers.start(work=work, stdin=subprocess.PIPE)
    assert "at 0\n" == process.stdout.readline()
    with asleep(workers):
        if workers.instance.connection.dialect.features.server:
            wait_until(lambda: 1 == workers.Fit.jobs.refresh()["orphaned"])
            made = workers.Fit.populate({"subject_id": 0}, reserve_jobs=True)
            assert 1 == made["success_count"]
        else:  # its lock says that it is there
            assert 0 == workers.Fit.jobs.refresh()["orphaned"]
    process.stdin.write("go on\n")
    process.stdin.flush()
    assert "at 1\n" == process.stdout.readline()  # it goes on with the next, and is known again
    process.kill()
    process.wait()
    wait_until(lambda: workers.Fit.jobs.refresh() and not len(workers.Fit.jobs.reserved))
    workers.finish()
    workers.check()


PATIENT = """
while True:
    try:
        Fit.populate(reserve_jobs=True, suppress_errors=True)
        if not len(Subject - Fit):
            break
        if failed := Fit.jobs.errors.to_dicts():
            raise SystemExit(f"no error was to be expected: {failed}")
        time.sleep(0.05)
    except dj.errors.LostConnectionError:
        time.sleep(0.05)
"""


@pytest.mark.backends("postgresql", "mysql")
@pytest.mark.statement("TXN-3", "JOB-14")
def test_a_server_that_is_restarted_while_workers_work(make_workers, throwaway):
    workers = make_workers(throwaway.server.settings)
    workers.Subject.insert({"subject_id": n} for n in range(15 * RESTARTS))
    running = [workers.start(PATIENT, work="time.sleep(0.02)") for _ in range(2)]
    for number in range(1, RESTARTS + 1):
        wait_until(lambda: len(workers.Fit()) >= 10 * number)  # noqa: B023
        throwaway.restart(at_once=bool(number % 2))
    for process in running:
        _, error = process.communicate(timeout=300)
        assert 0 == process.returncode, error
    assert [] == workers.finish()
    workers.check()


FULL_DISKS = {
    "no more pages": "instance.connection.query('PRAGMA max_page_count = 150').fetchall()",
    "a limit of the user": (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))"
    ),
}


@pytest.mark.backends("sqlite")
@pytest.mark.statement("JOB-14", "ERR-2")
@pytest.mark.parametrize("how", FULL_DISKS)
def test_a_disk_that_is_full(workers, how):
    workers.Subject.insert({"subject_id": n} for n in range(40))
    process = workers.start(f"parts = 1500; {FULL_DISKS[how]}\nFit.populate(reserve_jobs=True)")
    _, error = process.communicate(timeout=300)
    assert process.returncode
    assert "datajoint.errors." in error.partition("direct cause")[2]
    check_after_full_disk(workers)


def check_after_full_disk(workers):
    assert [("ok",)] == workers.instance.connection.query("PRAGMA integrity_check").fetchall()
    assert 1500 * len(workers.Fit()) == len(workers.Fit.Part())
    workers.Fit.Part().delete_quick()
    workers.Fit().delete_quick()
    workers.Fit.jobs.errors.delete()
    assert [] == workers.finish()
    workers.check()


@pytest.mark.backends("sqlite")
@pytest.mark.skipif(not MOUNTABLE, reason="only the administrator mounts a file system")
def test_a_file_system_that_is_full(make_workers, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], check=True)
    try:
        workers = make_workers({"backend": "sqlite", "database__name": str(disk / "test.db")})
        workers.Subject.insert({"subject_id": n} for n in range(40))
        process = workers.start("parts = 1500\nFit.populate(reserve_jobs=True)")
        _, error = process.communicate(timeout=300)
        assert process.returncode
        assert "datajoint.errors." in error.partition("direct cause")[2]
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        check_after_full_disk(workers)
        workers.instance.connection.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
