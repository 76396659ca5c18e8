"""Workers in processes of their own, which are killed, blocked and confused.

`FAULTS=full` (make test-faults) does it often enough to find what is rare.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

FULL = os.environ.get("FAULTS") == "full"
PATIENCE = 300

POPULATE = "Fit.populate(reserve_jobs=True, suppress_errors=True)"
START = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is off where tests run in the background
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
        self.folder, self.schema = folder, schema
        self.settings = {**settings, "jobs__lease": 1, "safemode": False}
        self.processes = []
        names = {}
        exec(self.text(), names)
        self.Fit, self.Subject, self.instance = names["Fit"], names["Subject"], names["instance"]

    def text(self, body="", work="pass", before="", settings=()):
        """Return a program that declares the tables and goes on with `body`."""
        given = {**self.settings, **dict(settings)}
        start = START.format(settings=given, schema=self.schema, work=work, before=before)
        return start + textwrap.dedent(body)

    def start(self, body=POPULATE, stdin=None, **text):
        """Start a program and wait until it has everything imported."""
        path = self.folder / f"worker{len(self.processes)}.py"
        path.write_text(self.text(body, **text))
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            stdin=stdin,
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

    def everybody(self):
        """Return the numbers of all processes that were started in our folder, ours excepted."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and (entry / "cwd").resolve() == self.folder:
                    found.append(int(entry.name))
        return found

    def check(self, errors=0):
        """See that every key has exactly one result or one error, and that nothing is held."""
        counts = self.Fit.jobs.progress()
        assert (0, 0, errors) == (counts["pending"], counts["reserved"], counts["error"])
        assert len(self.Subject()) == len(self.Fit()) + errors
        assert 3 * len(self.Fit()) == len(self.Fit.Part())
        assert 0 == len(self.Subject - self.Fit - self.Fit.jobs.errors)


@pytest.fixture
def runtime_folder(monkeypatch):
    """A folder in which nobody else's workers share a beat: tests stop beats, and count them."""
    folder = tempfile.mkdtemp(prefix="djt-")  # sockets have short names
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_workers(tmp_path, schema_name, runtime_folder):
    """Give a function that makes `Workers` on a database."""
    made = []

    def make(settings):
        made.append(Workers(tmp_path, settings, schema_name()))
        return made[-1]

    yield make
    for found in made:
        stop(found)


@pytest.fixture
def workers(make_workers, tmp_path, backend):
    """Workers on the backend."""
    where = {"database__name": str(tmp_path / "test.db")} if backend.name == "sqlite" else {}
    return make_workers({**backend.settings, **where})


def stop(found):
    """End all programs of a test."""
    for process in found.processes:
        process.kill()
        process.communicate()
    found.instance.connection.close()
