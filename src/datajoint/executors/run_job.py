"""Execution of one job, from its key to its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, cast

from datajoint.backends.base import Parameters
from datajoint.errors import DuplicateError
from datajoint.jobs.attempts import SUCCEEDED, attempt_statement, signature
from datajoint.jobs.cancel import JobCancelled
from datajoint.jobs.jobs import Jobs, is_lost
from datajoint.jobs.skipped_keys import record_skip
from datajoint.logging import logger
from datajoint.make.make import Made, make
from datajoint.make.output_capture import Tail, captured
from datajoint.make.recompute.refresh import Declined, store
from datajoint.make.task import DONE, FAILED, NOTHING, SKIPPED, MakeOutcome, MakeTask
from datajoint.make.user_code import Caught
from datajoint.sql.system_tables.jobs import Owner
from datajoint.table.table import Table

__all__ = ["is_made", "run_job"]

Closing = Callable[[], Sequence[tuple[str, Parameters]]]


def run_job(table: Table, task: MakeTask, make_kwargs: Mapping[str, Any]) -> MakeOutcome:
    """Compute one key, or compute it again, and return its outcome.

    A key that another process has computed in the meantime is skipped, and so is a key whose job another
    worker has taken over. Only an interruption propagates as an exception.
    """
    started, key = time.monotonic(), task.key
    with nullcontext() if task.owner is None else captured() as tail:
        closing = _closing(table, task, started, tail) if tail else None
        renewal = partial(store, table, key, task.again) if task.again else None
        made: Made | None = None
        with Caught(JobCancelled) as caught:
            made = make(table, dict(key), make_kwargs, closing, renewal, task.earlier)
        if made is None:
            error = cast("BaseException", caught.error)
            return _failed(table, task, error, time.monotonic() - started, tail)
        seconds = time.monotonic() - started
        if made.skipped is not None:
            record_skip(table, task, seconds, made.skipped, str(tail or ""))
        return MakeOutcome(
            dict(key), DONE if made.skipped is None else NOTHING, None, seconds, table=task.table,
            reused=made.reused, notices=made.notices, beside=made.beside,
        )  # fmt: skip


def _failed(
    table: Table, task: MakeTask, error: BaseException, seconds: float, tail: Tail | None
) -> MakeOutcome:
    """Return the outcome of a key whose make raised an error."""
    key, name = task.key, task.table
    is_there = not task.again and isinstance(error, DuplicateError) and is_made(table, key)
    if is_there or isinstance(error, Declined) or _was_taken(table, task, error):
        return MakeOutcome(dict(key), SKIPPED, error, seconds, table=name)
    told = (_stack(error), signature(error), str(tail)) if tail else ("", "", "")
    error.add_note(f"while making `{table.class_name}` for the key {_short(key)}")
    return MakeOutcome(dict(key), FAILED, error, seconds, *told, table=name)


def _closing(table: Table, task: MakeTask, started: float, tail: Tail) -> Closing:
    """Return a function for the statements that complete the job in the transaction of its results.

    They fail if the worker no longer holds the job.
    """
    jobs = cast("Jobs", cast("Any", table).jobs)
    owner, worker = cast("Owner", task.owner), task.worker

    def close() -> Sequence[tuple[str, Parameters]]:
        seconds = time.monotonic() - started
        statements = jobs.finishing(task.key, owner, seconds)
        said = str(tail)
        if said and worker is not None:
            attempt = attempt_statement(jobs, task.key, worker, SUCCEEDED, seconds, log=said)
            statements += [attempt] if attempt else []
        return statements

    return close


def _was_taken(table: Table, task: MakeTask, error: BaseException) -> bool:
    """Whether the database refused the results because the worker no longer holds the job."""
    if task.owner is None or not is_lost(error):
        return False
    jobs = cast("Jobs", cast("Any", table).jobs)
    if jobs.holds(task.key, task.owner):
        return False
    logger.warning(
        "the job of `%s` for %s was taken over or withdrawn while it was made; its results are dropped",
        table.class_name, _short(task.key),
    )  # fmt: skip
    return True


def _stack(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def is_made(table: Table, key: Mapping[str, Any]) -> bool:
    """Whether the table has a row for a key.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> is_made(Subject(), {"subject_id": 1})
    False
    """
    return bool(table & dict(key))


def _short(key: Mapping[str, Any]) -> str:
    text = repr(dict(key))
    return text if len(text) <= 500 else f"{text[:500]}…"
