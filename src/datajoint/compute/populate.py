"""Populate: make the rows of a computed table for all keys that lack them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

from datajoint import logging
from datajoint._value import Value
from datajoint.compute import dispatch, progress as counting, refresh_queue
from datajoint.compute.kept import ReportsKept
from datajoint.compute.notices import Notices
from datajoint.engine.connection import Connection
from datajoint.errors import ComputeError, DataJointError, TransactionError
from datajoint.graph import restrict
from datajoint.jobs import cancel, jobs as queues, reserve, skipped_keys
from datajoint.jobs.appeared import has_appeared
from datajoint.jobs.recover import recover
from datajoint.make import key_source as sources, reuse as reusing, target as targets, task as tasks
from datajoint.make.recompute import refresh as renewing
from datajoint.provenance.staleness.report import forget_count
from datajoint.provenance.staleness.stale_inputs import forget
from datajoint.query.expression import QueryExpression
from datajoint.query.operand import unshared
from datajoint.query.restriction import Not
from datajoint.table import misspelt
from datajoint.table.table import Table

if TYPE_CHECKING:
    from datajoint.compute.options import PopulateOptions
    from datajoint.make.task import MakeOutcome
    from datajoint.provenance.reuse import Candidate

__all__ = ["PopulateResult", "Progress", "Results", "listed", "populate", "progress", "refuse_misuse"]

_CHECKED_SECONDS = 0.05
"""Keys found missing so long ago are looked at again: somebody else may have made them."""

_CHECKED_KEYS = 100
_KNOWN_KEYS = 500
"""So many keys at a time are looked for in the history."""


class PopulateResult(TypedDict):
    """What `populate` returns: the number of keys made, and pairs of key and error.

    Where earlier results were used again instead of computing, also how many of the keys made these are.
    Where makes inserted nothing, for how many keys: these stay to do.
    """

    success_count: int
    error_list: list[tuple[dict[str, Any], Any]]
    reused_count: NotRequired[int]
    skipped_count: NotRequired[int]


def populate(table: Table, restrictions: Sequence[Any], options: PopulateOptions) -> PopulateResult:
    """Make all keys of a table that lack rows; see `AutoPopulate.populate`."""
    _refuse_restricted(table)
    refuse_misuse(table.connection, options.processes)
    _refuse_misspelt(table, restrictions)
    forget(table.connection)
    forget_count(table)
    results = Results(options.suppress_errors, options.return_exception_objects)
    target = targets.Target(table, options.make_kwargs or {})
    work = _work_of(table, restrictions, options)
    shows_nothing = options.display_progress and work.held is None and not options.stale
    if work.count or shows_nothing:
        with (
            ReportsKept([results], work.held is not None, options.processes == 1),
            work.holding(),
            dispatch.outcomes_of(
                work.tasks, [target], executor=options.executor, processes=options.processes,
                count=work.count, shown=options.display_progress, cancels=work.cancels,
            ) as outcomes,
        ):  # fmt: skip
            for outcome in outcomes:
                work.settle(outcome)
                results.add(outcome)
    if options.stale:
        forget_count(table)
    return results.told()


class _Work(Value):
    """What one populate makes.

    Attributes
    ----------
    tasks, count
        The tasks, and how many there are, or may be.
    held
        The jobs of a queue that they come from; None without one.
    """

    tasks: Iterator[tasks.MakeTask]
    count: int
    held: reserve.Reservations | None = None

    @property
    def cancels(self) -> cancel.Cancels | None:
        """Which of the jobs have been cancelled."""
        return self.held.cancels if self.held is not None else None

    def holding(self) -> AbstractContextManager[Any]:
        """Context at whose end the jobs that are left are released."""
        return self.held.holding() if self.held is not None else nullcontext()

    def settle(self, outcome: MakeOutcome) -> None:
        """Record what became of a job."""
        if self.held is not None:
            self.held.settle(outcome)


def _work_of(table: Table, restrictions: Sequence[Any], options: PopulateOptions) -> _Work:
    """Return the keys to be made: missing or stale ones, shared with other workers or not."""
    if options.reserve_jobs:
        held = _reservations(queues.Jobs(table), restrictions, options)
        count = held.count() if options.display_progress or options.processes != 1 else 1
        return _Work(held.tasks(), count, held)
    if options.stale:
        again = renewing.how_again(table.connection.config, options.prompt, options.is_here)
        keys = renewing.stale_keys(table, restrictions, options.max_calls)
        return _Work((tasks.MakeTask(key, table=table.name, again=again) for key in keys), len(keys))
    missing = sources.missing_keys(table, sources.all_keys(table, restrictions))
    keys = listed(table, missing, options.max_calls)
    return _Work(_still_missing(table, keys, reusing.Reuse(table, options.reuse)), len(keys))


def _reservations(
    jobs: queues.Jobs, restrictions: Sequence[Any], options: PopulateOptions
) -> reserve.Reservations:
    """Bring the queue up to date and return what is to be held of it."""
    most, priority, refresh = options.max_calls, options.priority, options.refresh
    if options.stale:
        recover(jobs)
        again = renewing.how_again(jobs.connection.config, options.prompt, options.is_here)
        return refresh_queue.Renewals(jobs, restrictions, priority, most, again)
    if jobs.connection.config.jobs.auto_refresh if refresh is None else refresh:
        jobs.refresh(*restrictions, delay=-1, priority=priority)
    else:
        recover(jobs)
    skipped_keys.take_again(jobs)
    among = sources.all_keys(jobs.target, restrictions) if restrictions else None
    return reserve.Reservations(jobs, among, priority, most, reuse=options.reuse)


class Progress(tuple[int, int]):  # noqa: SLOT001 - a tuple takes no slots
    """How many keys remain, and how many there are; it is that pair.

    Attributes
    ----------
    stale
        How many rows are stale or possibly stale, None unless that was asked for.
    skipped
        How many of the remaining keys were tried, and their make inserted nothing.

    Examples
    --------
    >>> remaining, total = Progress((1, 3))
    >>> Progress((1, 3)) == (1, 3), Progress((1, 3)).stale
    (True, None)
    """

    stale: int | None = None
    skipped: int = 0


def progress(table: Table, restrictions: Sequence[Any], display: bool, stale: bool = False) -> Progress:
    """Return how many keys of a table remain, and how many there are; see `AutoPopulate.progress`."""
    keys = sources.all_keys(table, restrictions)
    missing = sources.missing_keys(table, keys)
    remaining, total = counting.count_remaining(missing, keys)
    skipped = skipped_keys.count_skipped(table, missing) if remaining else 0
    old = renewing.count_stale(table, restrictions) if stale else None
    if display:
        done = total - remaining
        percent = 100 * done // total if total else 100
        more = f", {skipped} of them skipped" if skipped else ""
        more += "" if old is None else f", {old} stale"
        print(f"{table.class_name}: {done} of {total} done ({percent}%), {remaining} to go{more}")  # noqa: T201
    found = Progress((remaining, total))
    found.stale, found.skipped = old, skipped
    return found


def _refuse_restricted(table: Table) -> None:
    if table.is_restricted:
        misspelt.refuse_ignored(table.query, table.heading, table.class_name, "computed")
        raise DataJointError(
            "Cannot call populate on a restricted table.", hint="Pass conditions to populate() as arguments."
        )


def refuse_misuse(connection: Connection, processes: int | None) -> None:
    """Refuse to compute inside a transaction, with no process, or while a worker imports the program.

    Examples
    --------
    >>> import datajoint as dj
    >>> refuse_misuse(dj.Instance(backend="sqlite", database__name=":memory:").connection, 1)
    """
    if connection.is_atomic:
        raise TransactionError(
            "Populate cannot be called during a transaction or inside make().",
            hint="Call it before or after.",
        )
    if processes is not None and (not isinstance(cast("Any", processes), int) or processes < 1):
        raise DataJointError(f"processes must be a positive number, not {processes!r}.")
    if os.environ.get(targets.PREPARING):
        raise ComputeError(
            "populate() is called while a worker process imports this module.",
            hint="Call it under `if __name__ == '__main__':`, so that importing the module computes nothing.",
        )


def _refuse_misspelt(table: Table, restrictions: Sequence[Any]) -> None:
    """Refuse to compute everything where a dict shares no name with the keys (QRY-12)."""
    if not restrictions:
        return
    source = sources.key_source_of(table)
    for restriction in restrictions:
        names = unshared(source.heading, restriction)
        if not names and not restrict.ignored(
            source.query.plan
        ):  # which the class itself may have, and was warned of
            names = restrict.ignored((source & restriction).query.plan)
        if names:
            misspelt.refuse_names(names, source.heading, f"{table.class_name}.key_source", "computed")


def listed(table: Table, missing: QueryExpression, most: int | None) -> list[dict[str, Any]]:
    """Return keys to make, in key order; those that the queue says to ignore are left out (JOB-8).

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,), (2,)]
    >>> listed(Subject(), Subject(), 1)
    [{'subject_id': 1}]
    """
    keys = _listed(table, missing, most)
    if keys and has_appeared(table):  # others have made the queue since we looked at the schema
        keys = _listed(table, missing, most)
    return keys


def _listed(table: Table, missing: QueryExpression, most: int | None) -> list[dict[str, Any]]:
    jobs = queues.Jobs(table)
    if jobs.is_declared:
        missing = missing.restrict(Not(jobs.ignored.proj()), semantic_check=False)
    return missing.keys(order_by="KEY", limit=most)


class Results:
    """What populate returns, counted as outcomes come.

    Parameters
    ----------
    suppress
        Collect errors instead of raising the first one.
    as_objects
        Collect the exceptions themselves.

    Attributes
    ----------
    success, reused, skipped, errors
        Number of keys made, of those for which an earlier result was used, of keys whose make inserted
        nothing, and pairs of key and error.

    Examples
    --------
    >>> results = Results(suppress=True, as_objects=False)
    >>> results.add(tasks.MakeOutcome({"subject_id": 1}, tasks.DONE))
    >>> results.success
    1
    """

    def __init__(self, suppress: bool, as_objects: bool) -> None:
        self._suppress, self._as_objects = suppress, as_objects
        self.success = self.reused = self.skipped = 0
        self._notices = Notices()
        self.errors: list[tuple[dict[str, Any], Any]] = []

    def add(self, outcome: MakeOutcome) -> None:
        """Count an outcome; raise its error unless errors are collected."""
        self.success += outcome.status == tasks.DONE
        self.reused += outcome.reused
        self.skipped += outcome.status == tasks.NOTHING
        self._notices.tell(outcome)
        if outcome.status != tasks.FAILED:
            return
        error = cast("BaseException", outcome.error)
        if not self._suppress and not isinstance(error, cancel.JobCancelled):
            raise error
        text = f"{type(error).__name__}: {error}"
        note = error.__notes__[0] if getattr(error, "__notes__", None) else outcome.key
        logging.logger.error("%s%s%s", text, "\n" if text.endswith(".") else ", ", note)
        self.errors.append((outcome.key, error if self._as_objects else text))

    def again(self) -> Results:
        """Return results of a second pass of the same run, which repeats no advice."""
        other = Results(self._suppress, self._as_objects)
        other._notices = self._notices
        return other

    def told(self) -> PopulateResult:
        """Return it as `populate` does."""
        told: PopulateResult = {"success_count": self.success, "error_list": self.errors}
        if self.reused:
            told["reused_count"] = self.reused
        if self.skipped:
            told["skipped_count"] = self.skipped
        return told


def _still_missing(
    table: Table, keys: Sequence[dict[str, Any]], reuse: reusing.Reuse
) -> Iterator[tasks.MakeTask]:
    """Yield a task for each key, but for those that somebody else has made since they were listed."""
    made: set[tuple[Any, ...]] = set()
    checked, until = time.monotonic(), len(keys)
    earlier: dict[tuple[Any, ...], tuple[Candidate, ...]] = {}
    for n, key in enumerate(keys):
        if n % _KNOWN_KEYS == 0:
            earlier = reuse.earlier(keys[n : n + _KNOWN_KEYS])
        if n >= until or time.monotonic() - checked > _CHECKED_SECONDS:
            until = min(n + _CHECKED_KEYS, len(keys))
            made = _made(table, keys[n:until])
            checked = time.monotonic()
        place = tuple(key.values())
        if place not in made:
            yield tasks.MakeTask(key, table=table.name, earlier=earlier.get(place, ()))


def _made(table: Table, keys: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    names = list(keys[0])
    found = (table & list(keys)).proj(*(name for name in names if name not in table.primary_key))
    return {tuple(row[name] for name in names) for row in found.to_dicts()}
