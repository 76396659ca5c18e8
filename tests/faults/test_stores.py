"""Writers that are killed while they store an object: row and object, neither, or an object without a row."""

import json
import os
import subprocess
import sys

import pytest

from datajoint.gc import GarbageCollector
from datajoint.storage.local import DRAFTS
from datajoint.storage.paths import content_hash

from .conftest import FULL

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

POINTS = None if FULL else 20

WRITER = """
import json, os, signal, sys
import datajoint as dj

given = json.loads(sys.argv[1])
instance = dj.Instance(**given["settings"])
instance.config["stores"] = given["stores"]
schema = instance.Schema(given["schema"])

@schema
class Scan(dj.Manual):
    definition = "scan : int32\\n---\\nraw : <hash@>\\nimage : <blob@>"

PLACES = ("datajoint/storage/", "datajoint/codecs/contents", "datajoint/table/", "datajoint/journal/events/",
          "datajoint/engine/")
seen = 0

def traced(frame, event, argument):
    global seen
    if not any(place in frame.f_code.co_filename for place in PLACES):
        return None
    if event == "line":
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
    return traced

def write(n):
    Scan.insert1({"scan": n, "raw": b"content of %d" % n, "image": ["image", n]})

write(0)
for line in sys.stdin:
    last, n = map(int, line.split())
    if (pid := os.fork()) == 0:
        instance.connection.after_fork()
        sys.settrace(traced)
        write(n)
        sys.settrace(None)
        print("lines", seen, flush=True)
        os._exit(0)
    print("ended", os.waitpid(pid, 0)[1], flush=True)
"""


class Writer:
    """A program that forks writers."""

    def __init__(self, settings, stores, schema):
        given = json.dumps({"settings": settings, "stores": stores, "schema": schema})
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, given],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, last, n):
        """Write row n and die at a line; return how many lines there are where it came to the end."""
        self.process.stdin.write(f"{last} {n}\n")
        self.process.stdin.flush()
        word, number = self.process.stdout.readline().split()
        if word == "lines":
            assert ["ended", "0"] == self.process.stdout.readline().split()
            return int(number)
        assert "9" == number
        return 0


@pytest.mark.statement("INS-16", "STO-8")
def test_writers_that_are_killed_at_a_line(backend, connect, schema_name, make_store, tmp_path):
    store, name = make_store("file"), schema_name()
    settings = dict(backend.settings)
    if backend.name == "sqlite":
        settings["database__name"] = str(tmp_path / "test.db")
    writer = Writer(settings, store.settings, name)
    try:
        lines = writer.run(0, 1)
        assert lines > 100
        step = max(1, lines // POINTS) if POINTS else 1
        for n, last in enumerate(range(1, lines + 1, step), start=2):
            writer.run(last, n)
    finally:
        writer.process.stdin.close()
        assert 0 == writer.process.wait(300)
        writer.process.stdout.close()
    instance = connect()
    instance.config["stores"] = store.settings
    schema = instance.Schema(name)
    scan = schema.Scan if hasattr(schema, "Scan") else instance.virtual_schema(name).Scan
    rows = scan.to_dicts()
    assert {0, 1} <= {row["scan"] for row in rows}
    for row in rows:
        n = row["scan"]
        assert (b"content of %d" % n, ["image", n]) == (row["raw"], row["image"])
    for path, data in store.objects().items():
        assert os.path.basename(path) == content_hash(data)  # whole, whether or not it has a row
    report = GarbageCollector(schema, grace=0, window=0).collect(dry_run=False)
    assert 2 * len(rows) == report["hash_paths_referenced"] == len(store.objects())
    assert [] == list(store.medium.listing(DRAFTS))
    assert rows == scan.to_dicts()
