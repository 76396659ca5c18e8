"""How far a table is: counted by one statement, shown while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

from datajoint.compute.task import FAILED, SKIPPED, MakeOutcome
from datajoint.query.expression import QueryExpression
from datajoint.sql.select import count_each
from datajoint.sql.statement import Statement

__all__ = ["count_remaining", "shown"]

_WIDTH = 24
_LIVE_SECONDS = 0.1
_PLAIN_SECONDS = 5.0


def count_remaining(missing: QueryExpression, keys: QueryExpression) -> tuple[int, int]:
    """Return the numbers of missing keys and of all keys, by one statement.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
    >>> count_remaining(Subject & "subject_id > 1", Subject())
    (1, 2)
    """
    connection = keys.connection
    plan = missing.query.plan
    cached = ("remaining", connection.dialect.name, keys.query.plan)
    statement: Statement | None = plan.statements.get(cached)
    if statement is None:
        statement = plan.statements[cached] = count_each([plan, keys.query.plan], connection.dialect)
    values = missing.query.values + keys.query.values
    remaining, total = connection.fetch_all(statement.text, statement.bind(values))[0]
    return int(remaining), int(total)


def shown(outcomes: Iterable[MakeOutcome], label: str, total: int) -> Iterator[MakeOutcome]:
    """Pass outcomes on, and show how many there were: one live line on a terminal, else a line now and then.

    Examples
    --------
    >>> list(shown([], "Fit", 0))
    []
    """
    line = _Line(label, total)
    try:
        for outcome in outcomes:
            line.count(outcome)
            yield outcome
        line.done, line.skipped = (
            total,
            line.skipped + total - line.done,
        )  # the rest was not to be made any more
    finally:
        line.end()


class _Line:
    """The line that is shown, on standard error."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        self.done = self.failed = self.skipped = 0
        self.live = _is_live()
        self.started = self.written = time.monotonic()
        if self.live:
            self.write()

    def count(self, outcome: MakeOutcome) -> None:
        self.done += 1
        self.failed += outcome.status == FAILED
        self.skipped += outcome.status == SKIPPED
        if time.monotonic() - self.written >= (_LIVE_SECONDS if self.live else _PLAIN_SECONDS):
            self.write()

    def end(self) -> None:
        self.write(last=True)

    def write(self, last: bool = False) -> None:
        self.written = time.monotonic()
        text = self.text(self.written - self.started, last)
        live = f"\r{text}\x1b[K" + ("\n" if last else "")
        sys.stderr.write(live if self.live else f"{text}\n")
        sys.stderr.flush()

    def text(self, seconds: float, last: bool) -> str:
        percent = f"{self.done}/{self.total} ({100 * self.done // self.total if self.total else 100}%)"
        failed = f", {self.failed} failed" if self.failed else ""
        skipped = f", {self.skipped} made by others" if self.skipped else ""
        bar = f" {_bar(self.done, self.total)}" if self.live else ":"
        if last or not self.done:
            when = f" in {_duration(seconds)}" if last else ""
        else:
            when = f", about {_duration(seconds / self.done * (self.total - self.done))} left"
        return f"{self.label}{bar} {percent}{when}{failed}{skipped}"


def _is_live() -> bool:
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


def _bar(done: int, total: int) -> str:
    filled = _WIDTH * done // total if total else _WIDTH
    full, empty = ("█", "░") if (sys.stderr.encoding or "").lower().startswith("utf") else ("#", ".")
    return full * filled + empty * (_WIDTH - filled)


def _duration(seconds: float) -> str:
    """Return a duration as people read it.

    Examples
    --------
    >>> _duration(3.21), _duration(75), _duration(7500)
    ('3.2 s', '1:15 min', '2:05 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"
