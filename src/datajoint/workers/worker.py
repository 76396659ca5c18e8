"""`dj.Worker`, the service that computes new keys as inserts make them possible."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, cast

from datajoint import logging
from datajoint._edge import edge
from datajoint.compute import populate as populating
from datajoint.compute.dispatch import choose_executor, outcomes_of
from datajoint.compute.notices import Notices
from datajoint.compute.pipeline.lanes import Stale
from datajoint.compute.pipeline.run import MANY, reserved_lanes
from datajoint.compute.pipeline.targets import in_order, targets_of
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.executors.local import LocalExecutor
from datajoint.heading.names import TableName
from datajoint.jobs.cancel import Cancels
from datajoint.jobs.lease.worker_lease import Worker as Holder
from datajoint.make.recompute.refresh import how_again
from datajoint.make.target import Target
from datajoint.make.task import DONE, FAILED, MakeOutcome
from datajoint.reactions.base import Reaction
from datajoint.reactions.retention import Retention
from datajoint.workers.database_watch import Watcher
from datajoint.workers.health_server import HealthFile, Listener, address_of
from datajoint.workers.json_log import FIELDS, json_lines
from datajoint.workers.live_stream import Ending, LiveStream
from datajoint.workers.reacting import Reactions
from datajoint.workers.report import IDLE, LOST, STOPPED, STOPPING, Record, Running, metrics, told_as
from datajoint.workers.signals import GivenUp, Interrupts

__all__ = ["Worker"]

_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts to reach a lost database."""


@edge
class Worker:
    """Service that computes new keys of schemas in dependency order, together with other workers.

    Parameters
    ----------
    *targets
        Schemas, modules with a `schema`, and classes of computed tables; all on one connection.
    concurrency
        Number of keys computed in parallel. Above 1, or with the setting ``jobs.timeout``, each make runs in
        a child process. None for the number of processors.
    poll
        Longest time between two queries for new keys, in seconds, even without a detected change.
    priority
        Compute only jobs of this priority or a more urgent one.
    grace
        Seconds for running makes to finish after SIGTERM or Ctrl-C. Then the worker stops them, which leaves
        no rows, and releases their jobs. A second signal does so immediately.
    executor
        Executor, or its name; the default is the setting ``jobs.executor``.
    reactions
        Objects with ``tick(now)`` and ``on_outcome(outcome)``.
    health_file
        Path of a file that the worker rewrites every second with its status as JSON, and deletes at its end.
    listen
        Port, or ``"host:port"``, that serves ``/health`` and ``/metrics`` (for Prometheus).
    json_logs
        Write the log as lines of JSON, with a line for every key.
    reuse
        Whether to reuse an earlier result instead of computing, as for `populate`.
    stale
        Recompute stale keys, too, in dependency order. A key whose recomputation would delete rows of other
        tables fails instead, unless the setting ``safemode`` is off.

    Attributes
    ----------
    address
        Host and port of the HTTP server.
    made
        Number of keys that the last `run` has computed so far.

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
    >>> dj.Worker(schema).run(until_done=True)
    2
    """

    def __init__(
        self, *targets: Any, concurrency: int | None = 1, poll: float = 10.0, priority: int | None = None,
        grace: float = 20.0, executor: Any = None, reactions: Sequence[Reaction] = (),
        health_file: str | os.PathLike[str] | None = None, listen: str | int | None = None,
        json_logs: bool = False, reuse: bool | None = None, stale: bool = False,
    ) -> None:  # fmt: skip
        if poll <= 0:
            raise DataJointError(f"poll is a number of seconds above 0, not {poll}.")
        self._targets = targets_of(targets)
        if not self._targets.tables:
            raise DataJointError(
                "There is no table to compute.", hint="Import the modules that define the computed tables."
            )
        self._concurrency, self._poll, self._priority = concurrency, poll, priority
        self._grace, self._executor = grace, executor
        self._reactions = tuple(reactions)
        self._health_file = None if health_file is None else os.fspath(health_file)
        self._listen = None if listen is None else address_of(listen)
        self._json_logs, self._reuse = json_logs, reuse
        again = how_again(self._targets.connection.config, None, here=False)
        names = frozenset(table.name for table in self._targets.tables)
        self._stale = Stale(again, names, besides=True) if stale else None
        self.address: tuple[str, int] | None = None
        self._record = Record()
        self._notices = Notices()
        self._stream: LiveStream | None = None
        self._stopping = False
        self._interrupts = Interrupts(self.stop, grace)
        self.made = 0

    def run(
        self, *, until_done: bool = False, max_idle: float | None = None, max_calls: int | None = None
    ) -> int:
        """Compute until `stop` or one of the conditions; return the number of computed keys.

        Parameters
        ----------
        until_done
            End when no work remains for this worker or any other.
        max_idle
            End after this number of idle seconds.
        max_calls
            Maximum number of keys.
        """
        connection = self._targets.connection
        populating.refuse_misuse(connection, self._concurrency)
        self.made, self._stopping, losses = 0, False, 0
        self._record = Record()
        interrupts = self._interrupts = Interrupts(self.stop, self._grace)
        with self._telling(), closing(interrupts), interrupts.handled():
            while not self._stopping:
                try:
                    left = None if max_calls is None else max_calls - self.made
                    self._work(Ending(until_done, max_idle), left)
                    break
                except LostConnectionError as error:
                    losses = self._survive(error, losses)
        return self.made

    def stop(self) -> None:
        """End the worker after its running makes; call this from another thread or a reaction."""
        self._stopping = True
        self._record.state = STOPPING
        if self._stream is not None:
            self._stream.stop()

    def status(self) -> dict[str, Any]:
        """Return the state, the outcomes by table and the running keys, with values of JSON types."""
        return self._record.told(self._running())

    def _running(self) -> list[Running]:
        return list(self._stream.running.values()) if self._stream is not None else []

    def _is_well(self) -> bool:
        return self._record.state != LOST

    @contextmanager
    def _telling(self) -> Generator[None]:
        """Publish the status of the worker inside the block."""
        with ExitStack() as stack:
            if self._json_logs:
                stack.enter_context(json_lines())
            if self._listen is not None:
                listener = Listener(
                    self._listen, self.status, lambda: metrics(self._record, self._running()), self._is_well
                )
                stack.callback(listener.close)
                logging.logger.info("listening at http://%s:%d/health and /metrics", *listener.address)
                self.address = listener.address
            if self._health_file is not None:
                stack.callback(HealthFile(self._health_file, self.status).close)
            yield
            self._record.state = STOPPED

    # ------------------------------------------------------------------------------------------------ working

    def _work(self, ending: Ending, most: int | None) -> None:
        """Compute until the end, or until the database is unreachable."""
        found = in_order(self._targets)
        names = [table.name for table in found.tables]
        holder = Holder(found.connection, names)
        holder.is_endless = True
        everything = dict.fromkeys(names, ())
        lanes = reserved_lanes(found, everything, holder, self._priority, True, self._reuse, self._stale)
        schemas = dict.fromkeys(name.schema for name in names)
        reactions = [*self._reactions, *(Retention(found.connection, schema) for schema in schemas)]
        stream = self._stream = LiveStream(lanes, most, holder, ending, Reactions(reactions), found.order)
        if self._stopping:
            return
        with stream.holding():
            try:
                holder.start()  # list the worker even without work
                self._record.state = IDLE
                self._compute(stream, holder.cancels)
            except GivenUp:
                logging.logger.info("the makes that ran were given up; their jobs are pending again")

    def _compute(self, stream: LiveStream, cancels: Cancels) -> None:
        found, targets = self._targets, [Target(table, {}) for table in self._targets.tables]
        chosen, ours = choose_executor(targets[0], self._executor, self._concurrency, MANY)
        is_here = isinstance(chosen, LocalExecutor)
        beat = _nothing if is_here else stream.tick
        watcher = Watcher(found.connection, list(stream.sources), self._poll, stream.touch, beat)
        try:
            with (
                outcomes_of(
                    stream, targets, executor=chosen, processes=None, count=MANY, cancels=cancels
                ) as outcomes,
                self._interrupts.handled(cancels),
            ):
                for outcome in outcomes:
                    stream.settle(outcome)
                    self._note(outcome)
        finally:
            watcher.close()
            if ours:
                chosen.close()

    def _note(self, outcome: MakeOutcome) -> None:
        self.made += outcome.status == DONE
        self._record.note(outcome)
        self._notices.tell(outcome)
        table, key = cast("TableName", outcome.table), outcome.key
        status = told_as(outcome)
        fields = {"table": str(table), "key": key, "outcome": status, "seconds": outcome.seconds}
        if outcome.status == FAILED:
            error = cast("BaseException", outcome.error)
            fields |= {"error": f"{type(error).__name__}: {error}"}
            text = "%s %s: %s: %s"
            logging.logger.error(
                text, table.class_name, key, type(error).__name__, error, extra={FIELDS: fields}
            )
        else:
            level = logging.JOBS if self._json_logs is False else 20
            logging.logger.log(
                level, "%s %s %s in %.3g s", table.class_name, key, status, outcome.seconds,
                extra={FIELDS: fields},
            )  # fmt: skip

    def _survive(self, error: LostConnectionError, losses: int) -> int:
        """Wait before the next attempt to reach the database."""
        self._record.state = LOST
        pause = _PAUSES[min(losses, len(_PAUSES) - 1)]
        logging.logger.warning("the database is out of reach, trying again in %g s: %s", pause, error.message)
        end = time.monotonic() + pause
        while not self._stopping and time.monotonic() < end:
            time.sleep(0.1)
        return losses + 1


def _nothing() -> None:
    """Do nothing: this process computes the keys, and calls the reactions between them."""
