"""How far tables are: counted by one statement, shown while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any, cast

from datajoint.compute import progress_display
from datajoint.compute.bar import Bar
from datajoint.heading.names import TableName
from datajoint.make.task import MakeOutcome, MakeTask
from datajoint.query.expression import QueryExpression
from datajoint.sql.select import count_each
from datajoint.sql.statement import Statement

__all__ = ["Meter", "count_remaining", "shown"]

_RECOUNT_SECONDS = 2.0
_RECOUNT_SHARE = 20
"""Time between two counts, in times of what one takes."""


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


class Meter:
    """Counts the keys of several tables, and shows how far they are.

    Parameters
    ----------
    totals
        Keys to be made, by table.
    recount
        Tells how many keys of each table remain: where some are made from others there will be more.
    """

    def __init__(
        self, totals: Mapping[TableName, int], recount: Callable[[], Mapping[TableName, int]] | None = None
    ) -> None:
        plain = [name.class_name for name in totals]
        self._bars = {
            name: Bar(name.class_name if plain.count(name.class_name) == 1 else
                      f"{name.schema}.{name.class_name}", total)
            for name, total in totals.items()
        }  # fmt: skip
        self._recount, self._counted, self._pause = recount, time.monotonic(), _RECOUNT_SECONDS
        self._display = progress_display.choose(list(self._bars.values()))

    def _bar(self, table: TableName | None) -> Bar:
        if table is not None and table in self._bars:
            return self._bars[table]
        return next(iter(self._bars.values()))

    def take(self, task: MakeTask) -> None:
        """Note that a key is being made."""
        with self._display.lock:
            self._bar(task.table).take(time.monotonic())
        self._display.changed()

    def note(self, outcome: MakeOutcome) -> MakeOutcome:
        """Note what became of a key, and return it."""
        with self._display.lock:
            self._bar(outcome.table).note(outcome, time.monotonic())
        now = time.monotonic()
        if self._recount is not None and now - self._counted > self._pause:
            self.update(self._recount())
            self._counted = time.monotonic()
            self._pause = max(_RECOUNT_SECONDS, _RECOUNT_SHARE * (self._counted - now))
        self._display.changed()
        return outcome

    def update(
        self, remaining: Mapping[TableName, int], running: Mapping[TableName, int] | None = None
    ) -> None:
        """Take up how many keys of each table remain, and how many are being made."""
        with self._display.lock:
            for name, number in remaining.items():
                bar = self._bars[name]
                bar.total = max(bar.made + bar.skipped + number, bar.finished + bar.running)
                if running is not None:
                    bar.running = running.get(name, 0)
        self._display.changed()

    def complete(self) -> Iterator[MakeOutcome]:
        """Yield nothing, and note that nothing is left: the remaining keys were made by other processes."""
        if self._recount is None:
            for bar in self._bars.values():
                bar.skipped += max(0, bar.total - bar.finished)
        yield from ()

    def close(self) -> None:
        """Show the end."""
        self._display.close()


class _Taken(Iterator[MakeTask]):
    """Tasks that are noted when they are taken; by several threads, where one may wait for another."""

    def __init__(self, tasks: Iterable[MakeTask], meter: Meter) -> None:
        self._tasks, self._meter = iter(tasks), meter

    def __next__(self) -> MakeTask:
        task = next(self._tasks)
        self._meter.take(task)
        return task


@contextmanager
def shown(
    run: Callable[[Iterable[MakeTask]], Iterator[MakeOutcome]], tasks: Iterable[MakeTask],
    totals: Mapping[TableName, int], recount: Callable[[], Mapping[TableName, int]] | None = None,
) -> Generator[Iterator[MakeOutcome]]:  # fmt: skip
    """Run tasks and show how far they are: live on a terminal or in a notebook, else a line now and then.

    Parameters
    ----------
    run
        What makes outcomes of tasks.
    totals, recount
        As for `Meter`.

    Examples
    --------
    >>> with shown(lambda tasks: (outcome for outcome in ()), [], {TableName("lab", "__fit"): 0}) as outcomes:
    ...     list(outcomes)
    []
    """
    meter = Meter(totals, recount)
    try:
        outcomes = run(_Taken(tasks, meter))
        with closing(cast("Any", outcomes)):
            yield map(meter.note, chain(outcomes, meter.complete()))  # which adds no frame to the user's make
    finally:
        meter.close()
