"""Workers that are killed at any statement, before it and after it."""

import random
import subprocess
import sys

import pytest

from .conftest import FULL

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

ROUNDS = 100 if FULL else 1
POINTS = 10

FORKS = """
import signal

NAMES = ("execute", "execute_batch", "execute_many", "load_rows", "begin", "commit")
seen = 0

def counted(act, last, after):
    def run(*arguments, **options):
        global seen
        seen += 1
        if seen == last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = act(*arguments, **options)
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return run

def child(last, after):
    instance.connection.after_fork()
    kind = type(instance.connection.session)
    for name in NAMES:
        setattr(kind, name, counted(getattr(kind, name), last, after))
    Fit.populate(reserve_jobs=True, suppress_errors=True, max_calls=2)
    print("statements", seen, flush=True)
    os._exit(0)

for line in sys.stdin:
    last, after = map(int, line.split())
    if (pid := os.fork()) == 0:
        child(last, after)
    print("ended", os.waitpid(pid, 0)[1], flush=True)
"""


class Forks:
    """A program that forks workers, which is faster than to start them."""

    def __init__(self, workers):
        self._process = workers.start(FORKS, stdin=subprocess.PIPE)

    def run(self, last=0, after=False):
        """Run a worker that is killed at a statement; return how many statements it came to, 0 if killed."""
        self._process.stdin.write(f"{last} {int(after)}\n")
        self._process.stdin.flush()
        word, number = self._process.stdout.readline().split()
        if word == "statements":
            assert ["ended", "0"] == self._process.stdout.readline().split()
            return int(number)
        assert "9" == number
        return 0


@pytest.mark.statement("JOB-14", "JOB-6")
def test_workers_that_are_killed_at_a_statement(workers):
    forks = Forks(workers)
    workers.Subject.insert({"subject_id": n} for n in range(2))
    forks.run()
    workers.Subject.insert({"subject_id": n} for n in range(2, 4))
    statements = forks.run()
    for number in range(1, ROUNDS + 1):
        workers.Subject.insert({"subject_id": 10 * number + n} for n in range(10))
        for _ in range(POINTS):
            forks.run(random.randint(1, statements), random.random() < 0.5)
        workers.finish()
        workers.check(errors=workers.Fit.jobs.progress()["error"])  # a key that five have died of
