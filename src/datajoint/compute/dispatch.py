"""Dispatch of tasks: the choice of an executor, and the outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

from datajoint import logging
from datajoint._value import replace
from datajoint.compute import progress as counting
from datajoint.executors import base, local, processes as pools
from datajoint.heading.names import TableName
from datajoint.journal.events import origin
from datajoint.make import target as targets

if TYPE_CHECKING:
    from datajoint.executors.base import Executor
    from datajoint.jobs.cancel import Cancels
    from datajoint.make.target import Target
    from datajoint.make.task import MakeOutcome, MakeTask

Remaining = Callable[[], Mapping[TableName, int]]

__all__ = ["Remaining", "choose_executor", "ended_by_signal", "outcomes_of"]


@contextmanager
def outcomes_of(
    tasks: Iterable[MakeTask], made: Sequence[Target], *, executor: Any, processes: int | None, count: int,
    shown: bool = False, remaining: Remaining | None = None, cancels: Cancels | None = None,
) -> Generator[Iterator[MakeOutcome]]:  # fmt: skip
    """Return an iterator of the outcomes of tasks; stop the running makes at the end of the block.

    Parameters
    ----------
    tasks
        Tasks, with the names of their tables if there are more than one. While other tasks run, the executor
        polls the iterator again after it was exhausted.
    made
        Targets of the tasks, all on one connection.
    executor, processes
        As given to `populate`.
    count
        Number of tasks, or an upper bound.
    shown
        Whether to display the progress.
    cancels
        Cancelled jobs.
    remaining
        Function that returns the number of remaining keys by table, if there is more than one table.
    """
    chosen, ours = choose_executor(made[0], executor, processes, count)
    by_name = {target.table.name: target for target in made}

    def aimed(task: MakeTask) -> MakeTask:
        return replace(task, target=made[0] if task.table is None else by_name[task.table])

    if isinstance(chosen, local.LocalExecutor):
        for target in made:  # the code may have been edited since the last check
            origin.renew(target.table.connection, target.table.name, type(target.table))
    if cancels is not None and hasattr(chosen, "heed"):
        cast("Any", chosen).heed(cancels)
    try:
        waiting = map(aimed, tasks)  # unlike a generator, it can be asked again
        if shown:
            totals = {made[0].table.name: count} if remaining is None else remaining()
            running: Any = counting.shown(chosen.run, waiting, totals, remaining)
        else:
            running = closing(cast("Any", chosen.run(waiting)))
        with ended_by_signal(cancels), running as outcomes:
            yield outcomes
    finally:
        if ours:
            chosen.close()


def choose_executor(
    target: Target, executor: Any, processes: int | None, keys: int
) -> tuple[Executor, bool]:  # fmt: skip
    """Return the executor to use, and whether the caller must close it.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> executor, ours = choose_executor(targets.Target(Subject(), {}), None, 4, 100)
    >>> type(executor).__name__
    'LocalExecutor'
    """
    connection, cpus = target.table.connection, pools.usable_cpus()
    named = connection.config.jobs.executor if executor is None else executor
    if named is not None:
        return base.find_executor(named, None if processes == 1 and named != "processes" else processes)
    wanted = min(cpus if processes is None else processes, keys, cpus)
    if connection.settings.name == targets.MEMORY:
        if wanted > 1:
            logging.logger.info("a database in memory belongs to its process: computing in this one only")
    elif wanted > 1 or target.timeout:  # a make in this process cannot be stopped
        return pools.ProcessExecutor(max(1, wanted)), True
    return local.LocalExecutor(), True


@contextmanager
def ended_by_signal(cancels: Cancels | None = None) -> Generator[None]:
    """Handle SIGTERM like Ctrl-C inside the block: end the running make in order (POP-23).

    The same signal also ends a single cancelled make. The block restores the previous handler.

    Examples
    --------
    >>> with ended_by_signal():
    ...     pass  # compute
    """
    import signal

    ours = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if ours else None
    if before in (None, signal.SIG_IGN):
        yield
        return

    def end(number: int, frame: Any) -> None:
        if cancels is None or not cancels.take_signal():
            raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    if cancels is not None:
        cancels.by_signal = True
    try:
        yield
    finally:
        if cancels is not None:
            cancels.by_signal = False
        signal.signal(signal.SIGTERM, before)
