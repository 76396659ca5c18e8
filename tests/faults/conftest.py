"""Workers in processes of their own, which are killed, blocked and confused.

`FAULTS=full` (make test-faults) does it often enough to find what is rare.
"""

import os
import subprocess
import sys
import textwrap
import time

import pytest

FULL = os.environ.get("FAULTS") == "full"
PATIENCE = 60

START = """
import os, sys, time
{before}
import datajoint as dj

instance = dj.Instance(**{settings!r})
schema = instance.Schema({schema!r})

@schema
class Subject(dj.Manual):
    definition = "subject_id : int32"

parts = 3

def work(self, key):
    {work}

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
        work(self, key)
        self.insert1({{**key, "pid": os.getpid()}})
        self.Part.insert({{**key, "n": n}} for n in range(parts))

print("ready", flush=True)
"""


class Workers:
    """Starts workers of one table; `Fit` and `Subject` are its classes here."""

    def __init__(self, folder, settings, schema):
        self.folder, self.settings, self.schema = folder, settings, schema
        self.processes = []
        names = {}
        exec(self.text(), names)
        self.Fit, self.Subject, self.instance = names["Fit"], names["Subject"], names["instance"]

    def text(self, body="", work="pass", before=""):
        settings = {**self.settings, "jobs__lease": 1, "safemode": False}
        start = START.format(settings=settings, schema=self.schema, work=work, before=before)
        return start + textwrap.dedent(body)

    def start(self, body="Fit.populate(reserve_jobs=True, suppress_errors=True)", work="pass", before=""):
        """Start a program and wait until it has everything imported."""
        path = self.folder / f"worker{len(self.processes)}.py"
        path.write_text(self.text(body, work, before))
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )
        self.processes.append(process)
        assert "ready\n" == process.stdout.readline(), process.communicate()[1]
        return process

    def finish(self):
        """Let a worker here do what is left, and what the dead have left, and return its errors."""
        end = time.monotonic() + PATIENCE
        errors = []
        while time.monotonic() < end:
            errors += self.Fit.populate(reserve_jobs=True, suppress_errors=True)["error_list"]
            counts = self.Fit.jobs.progress()
            if not counts["pending"] + counts["reserved"]:
                break
            time.sleep(0.1)
        return errors

    def check(self, errors=0):
        """See that every key has exactly one result or one error, and that nothing is held."""
        counts = self.Fit.jobs.progress()
        assert (0, 0, errors) == (counts["pending"], counts["reserved"], counts["error"])
        assert len(self.Subject()) == len(self.Fit()) + errors
        assert 3 * len(self.Fit()) == len(self.Fit.Part())
        assert 0 == len(self.Subject - self.Fit - self.Fit.jobs.errors)


@pytest.fixture
def workers(tmp_path, backend, schema_name):
    where = dict(backend.settings)
    if backend.name == "sqlite":
        where["database__name"] = str(tmp_path / "test.db")
    found = Workers(tmp_path, where, schema_name())
    yield found
    for process in found.processes:
        process.kill()
        process.communicate()
    found.instance.connection.close()
