"""Ordinary programs that keep state at module level, run as processes of their own: once to populate, once to ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_HEAD = """
import json, os, sys
import datajoint as dj
settings = json.loads(os.environ["JOB"])
schema = dj.Instance(**settings["settings"]).Schema(settings["schema"])
"""
_TABLES = """
@schema
class Subject(dj.Manual):
    definition = "subject : int32"

@schema
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\ny : float64"
    def make(self, key):
        y = work(key)
        self.insert1({**key, "y": y})

if __name__ == "__main__":
    Subject.insert([{"subject": n} for n in range(1, 5)], skip_duplicates=True)
    report = Fit.stale()
    done = Fit.populate() if settings["populate"] else {}
    kinds = ("stale", "possibly_stale", "unknown", "partly")
    print(json.dumps({kind: len(getattr(report, kind)) for kind in kinds} | {"said": str(report)}))
    print("DONE", done.get("success_count"), done.get("error_list"))
"""

PROGRAMS = {
    "a counter": """
COUNT = 0
def work(key):
    global COUNT
    COUNT += 1
    print(COUNT, file=sys.stderr)
    return key["subject"] * 2
""",
    "a memo in a dict": """
MEMO = {}
def square(n):
    if n not in MEMO:
        MEMO[n] = n * n
    return MEMO[n]
def work(key):
    return square(key["subject"])
""",
    "a memo that is passed on": """
MEMO = {}
def remembered(memo, n):
    held = memo
    held[n] = n * n
    return held[n]
def work(key):
    return remembered(MEMO, key["subject"])
""",
    "an lru_cache": """
import functools
@functools.lru_cache(maxsize=None)
def square(n):
    return n * n
def work(key):
    return square(key["subject"])
""",
    "the time of the start": """
import time
START = time.time()
def work(key):
    elapsed = time.time() - START
    return key["subject"] if elapsed >= 0 else 0
""",
    "a model that is loaded when it is needed": """
MODEL = None
class Model:
    def __init__(self):
        self.weights = [0.5, 2.0]
    def predict(self, n):
        return n * self.weights[1]
def model():
    global MODEL
    if MODEL is None:
        MODEL = Model()
    return MODEL
def work(key):
    return model().predict(key["subject"])
""",
    "flags of the command line": """
import argparse
PARSER = argparse.ArgumentParser()
PARSER.add_argument("--level", type=float, default=1.0)
PARSER.add_argument("--verbose", action="store_true")
ARGS = PARSER.parse_args()
def work(key):
    return key["subject"] * ARGS.level
""",
    "handlers of logging": """
import logging
LOG = logging.getLogger("fit")
HANDLER = logging.StreamHandler(sys.stderr)
LOG.addHandler(HANDLER)
def work(key):
    LOG.warning("%s", key)
    return key["subject"]
""",
    "a random generator": """
import numpy as np
RNG = np.random.default_rng(3)
def work(key):
    return float(RNG.normal()) * 0 + key["subject"]
""",
    "an open connection and a file": """
import sqlite3
CACHE = sqlite3.connect(":memory:")
CACHE.execute("create table seen (n integer)")
LOG = open("/dev/null", "w")
def work(key):
    CACHE.execute("insert into seen values (?)", (key["subject"],))
    LOG.write("one")
    return key["subject"]
""",
    "a registry that is filled at import": """
STEPS = {}
def step(function):
    STEPS[function.__name__] = function
    return function
@step
def double(n):
    return 2 * n
@step
def half(n):
    return n / 2
def work(key):
    return STEPS["double"](key["subject"])
""",
    "a progress bar": """
class Bar:
    def __init__(self, total):
        self.total, self.n = total, 0
    def update(self):
        self.n += 1
        print(f"{self.n}/{self.total}", file=sys.stderr)
BAR = Bar(4)
def work(key):
    BAR.update()
    return key["subject"]
""",
    "a path from the environment": """
import os
from pathlib import Path
ROOT = Path(os.environ.get("LAB_ROOT", "/tmp"))
def work(key):
    return len(str(ROOT / "raw")) * key["subject"]
""",
    "a heap and a pool of threads": """
import heapq
from concurrent.futures import ThreadPoolExecutor
HEAP = []
POOL = ThreadPoolExecutor(2)
def work(key):
    heapq.heappush(HEAP, key["subject"])
    return POOL.submit(lambda: key["subject"]).result()
""",
}
"""Programs by what they keep; `work` is what their make calls."""


def run(
    name: str,
    folder: Path,
    schema: str,
    settings: dict[str, Any],
    *flags: str,
    populate: bool = False,
    **variables: str,
) -> dict[str, Any]:
    """Run a program in a process of its own; return how many rows are in which state before it populates."""
    file = folder / "program.py"
    if not file.exists():
        file.write_text(_HEAD + PROGRAMS[name] + _TABLES, "utf-8")
    job = json.dumps({"settings": settings, "schema": schema, "populate": populate})
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "JOB": job, **variables}
    done = subprocess.run(
        [sys.executable, str(file), *flags], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    told, last = done.stdout.splitlines()[-2:]
    assert not populate or last == "DONE 4 []", done.stdout
    return json.loads(told)  # type: ignore[no-any-return]
