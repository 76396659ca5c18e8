"""Compute a whole pipeline in one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from datajoint import logging
from datajoint._edge import edge
from datajoint.compute import populate as populating
from datajoint.compute.dispatch import Remaining, outcomes_of
from datajoint.compute.kept import ReportsKept
from datajoint.compute.options import PopulateOptions
from datajoint.compute.pipeline.lanes import DirectLane, DirectRenewals, Lane, ReservedLane, Stale
from datajoint.compute.pipeline.readiness import Readiness
from datajoint.compute.pipeline.result import PipelineResult, TableResult
from datajoint.compute.pipeline.scope import restrictions_of
from datajoint.compute.pipeline.status import remaining_of
from datajoint.compute.pipeline.stream import Stream
from datajoint.compute.pipeline.targets import Targets, in_order, targets_of
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.jobs import skipped_keys
from datajoint.jobs.jobs import Jobs
from datajoint.jobs.lease.worker_lease import Worker
from datajoint.make.recompute.refresh import count_stale, how_again
from datajoint.make.target import Target
from datajoint.provenance.staleness.report import forget_count
from datajoint.provenance.staleness.stale_inputs import forget
from datajoint.table.table import Table

__all__ = ["MANY", "compute", "populate", "reserved_lanes"]

MANY = 1_000_000
"""How many keys there may be, where they are not counted."""


@edge
def populate(
    *targets: Any, restrictions: Sequence[Any] = (), suppress_errors: bool = False,
    return_exception_objects: bool = False, reserve_jobs: bool = False, max_calls: int | None = None,
    display_progress: bool = False, processes: int | None = 1, priority: int | None = None,
    refresh: bool | None = None, executor: Any = None, stale: bool = False, prompt: bool | None = None,
    reuse: bool | None = None,
) -> PipelineResult:  # fmt: skip
    """Compute all tables of some schemas, each key as soon as what it is made from is there.

    Parameters
    ----------
    *targets
        Schemas, modules with a `schema`, and classes of computed tables; all on one connection.
    restrictions
        Conditions on the keys; all must hold. They apply to tables whose keys have their attributes; tables
        that these depend on are computed as well, all others are left out.
    suppress_errors
        Go on after an error and return it, instead of raising the first one. What depends on a key that
        failed is not attempted.
    return_exception_objects
        Return errors as exceptions rather than as text.
    reserve_jobs
        Share the keys with other workers by the job queues.
    max_calls
        The most keys to make.
    display_progress
        Show how far it is.
    processes
        How many processes compute; None for as many as there are processors.
    priority
        With `reserve_jobs`: make only jobs at least so urgent; jobs that are added get this priority.
    refresh
        With `reserve_jobs`: keep the queues up to date; default is ``jobs.auto_refresh``.
    executor
        What computes: the name of an executor, or one that you made; default is ``jobs.executor``.
    reuse
        Whether an earlier result is used again instead of computing, as for `populate` of a table.
    stale
        Make stale keys again, instead of those that are missing, what they depend on first.
    prompt
        With `stale`: list rows of other tables that are to be deleted, and ask; see `T.populate`.

    Returns
    -------
    PipelineResult
        ``success_count``, ``error_list`` and ``remaining``, in all and by table.

    Raises
    ------
    DataJointError
        When there is nothing to compute, inside a transaction or a make.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,), (2,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> @schema
    ... class Summary(dj.Computed):
    ...     definition = "-> Fit"
    ...
    ...     def make(self, key):
    ...         self.insert1(key)
    >>> dj.populate(schema)
    table    made  failed  remaining
    -------  ----  ------  ---------
    Fit         2       0          0
    Summary     2       0          0
    """
    options = PopulateOptions(
        suppress_errors, return_exception_objects, reserve_jobs, max_calls, display_progress, processes,
        None, priority, refresh, executor, stale, reuse, prompt,
    )  # fmt: skip
    return compute(targets, restrictions, options)


def compute(targets: Sequence[Any], restrictions: Sequence[Any], options: PopulateOptions) -> PipelineResult:
    """Compute all tables of some schemas; see `populate`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> compute([schema], (), PopulateOptions()).success_count
    0
    """
    found = in_order(targets_of(targets))
    populating.refuse_misuse(found.connection, options.processes)
    if found.unknown:
        logging.logger.warning(
            "no class with a make is there for %s: left out",
            ", ".join(f"`{name.class_name}`" for name in found.unknown),
        )
    chosen = restrictions_of(found, tuple(restrictions))
    tables = tuple(table for table in found.tables if table.name in chosen)
    forget(found.connection)
    given = [chosen[table.name] for table in tables]
    stale, results = options.stale, populating.Results
    tallies = {t.name: results(options.suppress_errors, options.return_exception_objects) for t in tables}
    left = {} if stale or options.reserve_jobs else _left(tables, given, stale)
    if left and not any(left.values()):
        return _result(tables, tallies, left)
    stream = _stream_of(found, chosen, tables, left, options)

    def remaining() -> dict[TableName, int]:
        with stream.lock:
            return _left(tables, given, stale)

    _make(stream, tables, options, tallies, remaining if options.display_progress else None)
    if not stale:
        _make_early_again(stream, found, tables, tallies, options)
    return _result(tables, tallies, _left(tables, given, stale))


def _stream_of(
    found: Targets, chosen: Mapping[TableName, Sequence[Any]], tables: Sequence[Table],
    left: Mapping[TableName, int], options: PopulateOptions,
) -> Stream:  # fmt: skip
    """Return the stream of the keys to be made, shared with other workers or not."""
    how = _how_again(found.connection, tables, options) if options.stale else None
    if options.reserve_jobs:
        worker = Worker(found.connection, [table.name for table in tables])
        for table in tables:
            skipped_keys.take_again(Jobs(table))
        reserved = reserved_lanes(
            found, chosen, worker, options.priority, options.refresh, options.reuse, how
        )
        return Stream(reserved, options.max_calls, worker, found.order)
    lanes = [_direct_lane(t, found, chosen, options.reuse, how) for t in tables]
    for lane in lanes:  # what is complete need not be looked at before its inputs have changed
        lane.dirty = left.get(lane.table.name) != 0
    return Stream(lanes, options.max_calls, None, found.order)


def _make_early_again(
    stream: Stream, targets: Targets, tables: Sequence[Table],
    tallies: Mapping[TableName, populating.Results], options: PopulateOptions,
) -> None:  # fmt: skip
    """Make rows again that were computed in this run before what their make reads."""
    how = _how_again(targets.connection, tables, options)
    for table in tables:
        keys = stream.early.get(table.name)
        if keys and (early := _early_rows(table, targets, keys, how)) is not None:
            tally = tallies[table.name].again()
            _make(early, [table], options, {table.name: tally}, None)
            tallies[table.name].errors += tally.errors


def _early_rows(table: Table, targets: Targets, keys: list[dict[str, Any]], how: Stale) -> Stream | None:
    """Return the stream of those keys whose rows are stale already, None where there are none."""
    forget_count(table)
    count = count_stale(table, [keys])
    if not count:
        return None
    logging.logger.warning(
        "%d row%s of `%s` had been computed before what the make reads: computed again. Declare what it "
        "reads (reads = [...]), so that it waits.",
        count, "s" * (count > 1), table.class_name,
    )  # fmt: skip
    return Stream([DirectRenewals(table, Readiness(table, targets), [keys], how)])


def _result(
    tables: Sequence[Table], tallies: Mapping[TableName, populating.Results], left: Mapping[TableName, int]
) -> PipelineResult:
    return PipelineResult(
        [
            TableResult(str(t.name), t.class_name, r.success, r.errors, left[t.name], r.reused, r.skipped)
            for t, r in zip(tables, tallies.values(), strict=True)
        ]
    )


def _left(tables: Sequence[Table], given: Sequence[Sequence[Any]], stale: bool) -> dict[TableName, int]:
    """Return how many keys of each table are missing, or how many rows stale."""
    if stale:
        return {table.name: count_stale(table, some) for table, some in zip(tables, given, strict=True)}
    return remaining_of(tables, given)


def _how_again(connection: Connection, tables: Sequence[Table], options: PopulateOptions) -> Stale:
    again = how_again(connection.config, options.prompt, options.is_here)
    return Stale(again, frozenset(table.name for table in tables))


def _direct_lane(
    table: Table, targets: Targets, chosen: Mapping[TableName, Sequence[Any]], reuse: bool | None,
    stale: Stale | None,
) -> Lane:  # fmt: skip
    readiness, restrictions = Readiness(table, targets, chosen), chosen[table.name]
    if stale is None:
        return DirectLane(table, readiness, restrictions, reuse)
    return DirectRenewals(table, readiness, restrictions, stale)


def reserved_lanes(
    targets: Targets, chosen: Mapping[TableName, Sequence[Any]], worker: Worker, priority: int | None,
    refresh: bool | None, reuse: bool | None = None, stale: Stale | None = None,
) -> list[ReservedLane]:  # fmt: skip
    """Return the lanes of tables whose keys are shared by job queues."""
    again = bool(targets.connection.config.jobs.auto_refresh) if refresh is None else refresh
    return [
        ReservedLane(
            t,
            Readiness(t, targets, chosen, by_queue=True),
            chosen[t.name],
            priority,
            again,
            worker,
            reuse,
            stale,
        )
        for t in targets.tables
        if t.name in chosen
    ]


def _make(
    stream: Stream, tables: Sequence[Table], options: PopulateOptions,
    tallies: Mapping[TableName, populating.Results], remaining: Remaining | None,
) -> None:  # fmt: skip
    """Make all that the stream gives, and count what comes of it."""
    with ReportsKept(tallies.values(), stream.is_queued, options.processes == 1), stream.holding():
        if stream.peek():
            with outcomes_of(
                stream, [Target(table, {}) for table in tables],
                executor=options.executor, processes=options.processes, count=MANY,
                shown=remaining is not None, remaining=remaining, cancels=stream.cancels,
            ) as outcomes:  # fmt: skip
                for outcome in outcomes:
                    stream.settle(outcome)
                    tallies[cast("TableName", outcome.table)].add(outcome)
