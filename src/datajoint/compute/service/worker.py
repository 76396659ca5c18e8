"""`dj.Worker`: runs for long and computes whatever inserts make possible (POP-24)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from datajoint import logging
from datajoint.compute import populate as populating
from datajoint.compute.computing import outcomes_of
from datajoint.compute.key_source import key_source_of
from datajoint.compute.pipeline.run import MANY, reserved_lanes
from datajoint.compute.pipeline.targets import Targets, targets_of
from datajoint.compute.reacting.protocol import Reaction
from datajoint.compute.service.live import Ending, LiveStream
from datajoint.compute.service.watch import Watcher
from datajoint.compute.target import Target
from datajoint.compute.task import DONE, FAILED, MakeOutcome
from datajoint.compute.workers import Worker as Holder
from datajoint.engine.observe import tables_of
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.heading.names import TableName

__all__ = ["Worker"]

_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts to reach a database that is gone."""


class _Stopped(BaseException):
    """The time to finish what runs is over."""


class Worker:
    """Computes whatever inserts make possible in some schemas, in order, together with other workers.

    Parameters
    ----------
    *targets
        Schemas, modules with a `schema`, and classes of computed tables; all on one connection.
    concurrency
        How many keys are made at a time; above 1, or with the setting ``jobs.timeout``, each in a process of
        its own. None for as many as there are processors.
    poll
        Seconds after which the tables are looked at even if nothing seems to have changed.
    priority
        Make only jobs at least so urgent.
    grace
        Seconds that a running make has to finish after SIGTERM or Ctrl-C; then it is given up, leaves
        nothing, and its job is pending again. A second signal ends it at once.
    executor
        Name of an executor, or one; default is the setting ``jobs.executor``.
    reactions
        Objects with ``tick(now)`` and ``on_outcome(outcome)``.

    Attributes
    ----------
    made
        Number of keys made by the last `run`, so far.

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
        self._stream: LiveStream | None = None
        self._stopping = False
        self._clock: threading.Timer | None = None
        self.made = 0

    def run(
        self, *, until_done: bool = False, max_idle: float | None = None, max_calls: int | None = None
    ) -> int:
        """Compute until told to stop; return the number of keys made.

        Parameters
        ----------
        until_done
            End as soon as nothing is left to do, here or in the hands of other workers.
        max_idle
            End after so many seconds without anything to do.
        max_calls
            The most keys to make.
        """
        connection = self._targets.connection
        populating.refuse_misuse(connection, self._concurrency)
        self.made, self._stopping, losses = 0, False, 0
        with self._listening():
            while not self._stopping:
                try:
                    left = None if max_calls is None else max_calls - self.made
                    self._work(Ending(until_done, max_idle), left)
                    break
                except LostConnectionError as error:
                    losses = self._survive(error, losses)
                finally:
                    if self._clock is not None:
                        self._clock.cancel()
        return self.made

    def stop(self) -> None:
        """Let the worker end after the makes that run; from another thread, or in a reaction."""
        self._stopping = True
        if self._stream is not None:
            self._stream.stop()

    # ------------------------------------------------------------------------------------------------ working

    def _work(self, ending: Ending, most: int | None) -> None:
        targets = self._targets
        names = [table.name for table in targets.tables]
        holder = Holder(targets.connection, names)
        lanes = reserved_lanes(targets, dict.fromkeys(names, ()), holder, self._priority, refresh=True)
        stream = self._stream = LiveStream(lanes, most, holder, ending, self._reactions)
        if self._stopping:
            return
        cause: BaseException | None = None
        watcher = Watcher(targets.connection, _watched(targets), self._poll, stream.touch)
        try:
            with outcomes_of(
                stream, [Target(table, {}) for table in targets.tables],
                executor=self._executor, processes=self._concurrency, count=MANY,
            ) as outcomes, self._listening():  # fmt: skip
                for outcome in outcomes:
                    stream.settle(outcome)
                    self._note(outcome)
        except _Stopped:
            logging.logger.info("the makes that ran were given up; their jobs are pending again")
        except BaseException as error:
            cause = error
            raise
        finally:
            watcher.close()
            stream.close(cause)

    def _note(self, outcome: MakeOutcome) -> None:
        self.made += outcome.status == DONE
        name = cast("TableName", outcome.table).class_name
        if outcome.status == FAILED:
            error = cast("BaseException", outcome.error)
            logging.logger.error("%s %s: %s: %s", name, outcome.key, type(error).__name__, error)
        else:
            logging.logger.log(logging.JOBS, "%s %s %s", name, outcome.key, outcome.status)

    def _survive(self, error: LostConnectionError, losses: int) -> int:
        """Wait until the database may be there again."""
        pause = _PAUSES[min(losses, len(_PAUSES) - 1)]
        logging.logger.warning("the database is out of reach, trying again in %g s: %s", pause, error)
        end = time.monotonic() + pause
        while not self._stopping and time.monotonic() < end:
            time.sleep(0.1)
        return losses + 1

    # ----------------------------------------------------------------------------------------------- stopping

    @contextmanager
    def _listening(self) -> Generator[None]:
        """Let SIGTERM and SIGINT end the work in order; the handlers are restored."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, frame: Any) -> None:
        if self._stopping:
            raise _Stopped
        self.stop()
        self._clock = threading.Timer(self._grace, _ask_again, [number])
        self._clock.daemon = True
        self._clock.start()


def _ask_again(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)


def _watched(targets: Targets) -> list[TableName]:
    """Return the tables whose rows lead to keys."""
    found: dict[TableName, None] = {}
    for table in targets.tables:
        found.update(dict.fromkeys(tables_of(key_source_of(table).query.plan)))
        found.update(dict.fromkeys(targets.ancestors[table.name] - {table.name}))
    return list(found)
