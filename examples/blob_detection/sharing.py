"""Several workers on one pipeline: processes that know nothing of each other but the database."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import datajoint as dj
from pipeline import schema

HERE = Path(__file__).parent
WORKER = [sys.executable, "-m", "datajoint", "worker", "attached", "--drain", "--quiet"]


def share(backend: str, workers: int) -> str:
    """Let workers compute until nothing is left, and say who made how many rows."""
    environment = {**os.environ, "BACKEND": backend}
    started = [subprocess.Popen(WORKER, cwd=HERE, env=environment) for _ in range(workers)]
    try:
        codes = [worker.wait() for worker in started]
    except KeyboardInterrupt:
        stop(started)
        raise
    if any(codes):
        raise dj.DataJointError(f"{sum(map(bool, codes))} of {workers} workers failed, see above.")
    return shares([worker.pid for worker in started])


def stop(started: list[subprocess.Popen[bytes]]) -> None:
    """Let the workers finish what they compute."""
    for worker in started:
        worker.send_signal(signal.SIGTERM)
    for worker in started:
        worker.wait()


def shares(pids: list[int]) -> str:
    """Say how many rows each process made, as the events of the rows tell."""
    made = schema.events & {"kind": "make"} & [{"pid": pid} for pid in pids]
    counts = {row["pid"]: row["n"] for row in dj.U("pid").aggr(made, n="count(*)")}
    return f"{' + '.join(str(counts.get(pid, 0)) for pid in pids)} rows made by {len(pids)} workers"
