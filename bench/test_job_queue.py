"""Job queues: one with 100 000 keys is refreshed; eight workers on one, against programs written by hand."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import datajoint as dj

KEYS, ROUNDS = 100_000, 3
WORKERS, JOBS, FIRST = 8, 800, 5
"""Each worker makes a few keys before it is measured: until then it has not loaded what it needs."""

TABLES = """
import json, os, sys, time
import datajoint as dj
schema = dj.Instance(**{settings!r}).Schema({schema!r})

@schema
class Subject(dj.Manual):
    definition = "subject_id : int32\\n---\\nx : float64"

@schema
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\ny : float64\\npid : int64"

    def make(self, key):
        x = (Subject & key).fetch1("x")
        time.sleep({work})
        self.insert1({{**key, "y": 2 * x, "pid": os.getpid()}})
"""
OURS = """
Fit.populate(reserve_jobs=True, refresh=False, max_calls={first})
print("ready", flush=True)
sys.stdin.readline()
Fit.populate(reserve_jobs=True, refresh=False)
"""
BY_HAND = """
import os, sys, time
jobs, fit, source = {jobs!r}, {fit!r}, {source!r}
sqlite = {name!r} == "sqlite"
mark = "?" if sqlite else "%s"
{connect}
cursor = connection.cursor()
lock = "" if sqlite else " FOR UPDATE SKIP LOCKED"
begin = "BEGIN IMMEDIATE" if sqlite else "BEGIN"
urgent = "ORDER BY priority, scheduled_time LIMIT 10"
pending = f"SELECT subject_id FROM {{jobs}} WHERE status = 'pending' {{urgent}}"
insert = f"INSERT INTO {{fit}} (subject_id, y, pid) VALUES ({{mark}}, {{mark}}, {{mark}})"

def take():
    cursor.execute(begin)
    cursor.execute(pending + lock)
    keys = [row[0] for row in cursor.fetchall()]
    if keys:
        listed = ", ".join(map(str, keys))
        cursor.execute(f"UPDATE {{jobs}} SET status = 'reserved' WHERE subject_id IN ({{listed}})")
    cursor.execute("COMMIT")
    return keys

print("ready", flush=True)
sys.stdin.readline()
while keys := take():
    for key in keys:
        cursor.execute(f"SELECT x FROM {{source}} WHERE subject_id = {{mark}}", (key,))
        x = cursor.fetchone()[0]
        time.sleep({work})
        cursor.execute(begin)
        cursor.execute(insert, (key, 2 * x, os.getpid()))
        cursor.execute(f"DELETE FROM {{jobs}} WHERE subject_id = {{mark}}", (key,))
        cursor.execute("COMMIT")
"""
CONNECT = {
    "sqlite": "import sqlite3; connection = sqlite3.connect({path!r}, timeout=30, isolation_level=None)",
    "postgresql": "import psycopg; connection = psycopg.connect(host={host!r}, port={port}, user={user!r}, "
    "password={password!r}, dbname='postgres', autocommit=True)",
    "mysql": "import pymysql; connection = pymysql.connect(host={host!r}, port={port}, user={user!r}, "
    "password={password!r}, autocommit=True)",
}


def test_refreshing_a_queue_of_many_keys(schema: Any, backend: Any, figure: Callable[[str], None]) -> None:
    """All keys are new; against one INSERT … SELECT into the same table (bound: 3 times as long)."""

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx : float64"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

    Subject.insert({"subject_id": n, "x": n / 7} for n in range(KEYS))
    connection, jobs = schema.connection, Fit.jobs
    jobs.refresh()
    queue, source, made = (connection.dialect.table(t.name) for t in (jobs, Subject(), Fit()))
    statement = (
        f"INSERT INTO {queue} (subject_id, status, priority, scheduled_time) "
        f"SELECT subject_id, 'pending', 5, {connection.dialect.now(3)} FROM {source} s WHERE NOT EXISTS "
        f"(SELECT 1 FROM {made} r WHERE r.subject_id = s.subject_id) AND NOT EXISTS "
        f"(SELECT 1 FROM {queue} j WHERE j.subject_id = s.subject_id)"
    )
    ours, by_hand, known = [], [], []
    for _ in range(ROUNDS):
        jobs.delete()
        start = time.perf_counter()
        assert jobs.refresh()["added"] == KEYS
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        assert jobs.refresh()["added"] == 0
        known.append(time.perf_counter() - start)
        jobs.delete()
        start = time.perf_counter()
        connection.query(statement)
        by_hand.append(time.perf_counter() - start)
    ratio = min(ours) / min(by_hand)
    figure(
        f"{backend.name}: refresh of {KEYS} new keys {min(ours):.2f} s, INSERT SELECT {min(by_hand):.2f} s: "
        f"{ratio:.2f} times; nothing new {min(known):.2f} s"
    )
    assert ratio <= 3


@pytest.mark.parametrize("work", [0.0, 0.02], ids=["trivial", "20 ms"])
def test_eight_workers(
    work: float, tmp_path: Path, backend: Any, schema_name: Any, figure: Callable[[str], None]
) -> None:
    """Keys per second, and how evenly they are spread (bound: 80 % of what is written by hand at 20 ms)."""
    path = str(tmp_path / "test.db")
    settings = {**backend.settings, **({"database__name": path} if backend.name == "sqlite" else {})}
    settings["database__use_tls"] = False  # what is written by hand does not encrypt either
    text = TABLES.format(settings=settings, schema=schema_name(), work=work)
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 - our own
    fit, jobs, subject = names["Fit"], names["Fit"].jobs, names["Subject"]
    subject.insert({"subject_id": n, "x": n / 7} for n in range(JOBS + WORKERS * FIRST))
    dialect, where = fit.connection.dialect, vars(backend)
    by_hand = BY_HAND.format(
        name=backend.name, work=work, fit=dialect.table(fit().name), jobs=dialect.table(jobs.name),
        source=dialect.table(subject().name), connect=CONNECT[backend.name].format(path=path, **where),
    )  # fmt: skip
    rates: dict[str, list[float]] = {"ours": [], "by hand": []}
    spread = {}
    for _ in range(ROUNDS):
        for name, program in (("ours", text + OURS.format(first=FIRST)), ("by hand", by_hand)):
            fit().delete_quick()
            jobs.refresh(delay=-1)
            if name == "by hand":
                (jobs & f"subject_id >= {JOBS}").delete()
            rates[name].append(JOBS / run(program, tmp_path))
            assert (len(fit()), len(jobs)) == (JOBS + WORKERS * FIRST * (name == "ours"), 0)
            made = [fit.to_arrays("pid").tolist().count(pid) for pid in set(fit.to_arrays("pid").tolist())]
            spread[name] = f"{min(made)} to {max(made)} by {len(made)}"
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["by hand"])
    figure(
        f"{backend.name}: {WORKERS} workers, makes of {1e3 * work:g} ms: {max(rates['ours']):.0f} keys/s "
        f"({spread['ours']}); by hand {max(rates['by hand']):.0f} ({spread['by hand']}): {100 * ratio:.0f} %"
    )
    if work:
        assert ratio >= 0.8


def run(program: str, folder: Path) -> float:
    """Start the workers, let them go at once, and return how long they take together."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            cwd=folder, text=True,
        )
        for _ in range(WORKERS)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    start = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    return time.perf_counter() - start
