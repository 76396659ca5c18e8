"""Iterating over a million rows: a process that does only this stays below 100 MB on every database."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datajoint as dj

ROWS, MOST_MB = 1_000_000, 100

# VmHWM, as ru_maxrss of a new process begins with that of its parent.
ITERATE = """
import json, sys, time
import datajoint as dj
settings, name = json.loads(sys.argv[1])
Sample = dj.Instance(**settings).Schema(name, create_tables=False).get_table("sample")
start = time.perf_counter()
total = sum(row["n"] for row in Sample)
seconds = time.perf_counter() - start
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([total, seconds, int(peak.split()[1]) / 1024]))
"""


def test_a_million_rows(schema: Any, backend: Any, tmp_path: Path, figure: Callable[[str], None]) -> None:
    """Iterate in a process of its own, and look at its peak (Linux)."""

    @schema
    class Sample(dj.Manual):
        definition = "n : int32\n---\nx : float64\nlabel : varchar(20)"

    Sample.insert({"n": n, "x": n / 7, "label": f"sample {n}"} for n in range(ROWS))
    where = {**backend.settings}
    if backend.name == "sqlite":
        where["database__name"] = str(tmp_path / "test.db")
    arguments = json.dumps([where, schema.database], default=str)
    run = subprocess.run(
        [sys.executable, "-c", ITERATE, arguments], capture_output=True, text=True, check=True
    )
    total, seconds, megabytes = json.loads(run.stdout)
    figure(f"{backend.name}: {ROWS} rows in {seconds:.1f} s, peak {megabytes:.0f} MB")
    assert total == ROWS * (ROWS - 1) // 2
    assert megabytes < MOST_MB
