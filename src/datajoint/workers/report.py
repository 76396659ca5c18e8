"""Status of a worker as JSON, and its metrics as text for Prometheus."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from datajoint._value import Value
from datajoint.make.task import FAILED, NOTHING, SKIPPED, MakeOutcome
from datajoint.version import __version__

__all__ = ["COMPUTING", "IDLE", "LOST", "STOPPED", "STOPPING", "Record", "Running", "metrics", "told_as"]

IDLE, COMPUTING, LOST, STOPPING, STOPPED = "idle", "computing", "out of reach", "stopping", "stopped"


class Running(Value):
    """Running key, and its start by ``time.monotonic()``."""

    table: str
    key: Mapping[str, Any]
    since: float


class Record:
    """Record of a worker since its start.

    Attributes
    ----------
    state
        One of `IDLE`, `COMPUTING`, `LOST` (the database), `STOPPING`, `STOPPED`.
    outcomes
        Number of keys by table and outcome.
    seconds
        Time of the makes by table.

    Examples
    --------
    >>> record = Record()
    >>> record.told([])["state"]
    'idle'
    """

    def __init__(self) -> None:
        self.state = IDLE
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.seconds: Counter[str] = Counter()
        self._started = time.time()
        self._outcome_at: float | None = None
        self._error = ""

    def note(self, outcome: MakeOutcome) -> None:
        """Record the outcome of a key."""
        self.outcomes[str(outcome.table), told_as(outcome)] += 1
        self.seconds[str(outcome.table)] += outcome.seconds  # type: ignore[assignment] - counts of float are sums
        self._outcome_at = time.time()
        if outcome.status == FAILED:
            self._error = f"{outcome.table} {outcome.key}: {type(outcome.error).__name__}: {outcome.error}"[
                :500
            ]

    def told(self, running: list[Running]) -> dict[str, Any]:
        """Return the status with values of JSON types."""
        now = time.monotonic()
        return {
            "state": self.state if not running or self.state != IDLE else COMPUTING,
            "host": platform.node(),
            "pid": os.getpid(),
            "version": __version__,
            "started": _moment(self._started),
            "last_outcome": _moment(self._outcome_at),
            "last_error": self._error,
            "outcomes": self._by_table(),
            "running": [
                {
                    "table": r.table,
                    "key": {n: _plain(v) for n, v in r.key.items()},
                    "seconds": round(now - r.since, 3),
                }
                for r in running
            ],
        }

    def _by_table(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (table, status), count in sorted(self.outcomes.items()):
            found.setdefault(table, {})[status] = count
        return found

    def lines(self, running: list[Running]) -> Iterator[str]:
        """Yield the lines of the text format of Prometheus."""
        yield from _family("datajoint_worker_up", "gauge", "Whether the database is within reach.",
                           [("", int(self.state != LOST))])  # fmt: skip
        yield from _family("datajoint_worker_start_time_seconds", "gauge", "When the worker was started.",
                           [("", round(self._started, 3))])  # fmt: skip
        yield from _family(
            "datajoint_worker_running", "gauge", "Keys that are being made.", [("", len(running))]
        )
        counts = [
            (f'{{table="{table}",outcome="{status}"}}', count)
            for (table, status), count in sorted(self.outcomes.items())
        ]
        yield from _family("datajoint_makes_total", "counter", "Keys by table and outcome.", counts)
        seconds = [(f'{{table="{table}"}}', round(float(s), 6)) for table, s in sorted(self.seconds.items())]
        yield from _family("datajoint_make_seconds_total", "counter", "Time that makes took.", seconds)


def told_as(outcome: MakeOutcome) -> str:
    """Return the outcome of a key as one word.

    Examples
    --------
    >>> told_as(MakeOutcome({}, "done", reused=True))
    'reused'
    """
    if outcome.status == NOTHING:
        return SKIPPED
    return "reused" if outcome.reused else outcome.status


def metrics(record: Record, running: list[Running]) -> str:
    """Return the metrics in the text format of Prometheus.

    Examples
    --------
    >>> print(metrics(Record(), []).splitlines()[2])
    datajoint_worker_up 1
    """
    return "\n".join(record.lines(running)) + "\n"


def _family(name: str, kind: str, what: str, samples: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {what}"
    yield f"# TYPE {name} {kind}"
    yield from (f"{name}{labels} {value}" for labels, value in samples)


def _moment(seconds: float | None) -> str | None:
    return (
        None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)
