"""One job: a key is made, and whatever comes of it is an outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from datajoint.compute.make import make
from datajoint.compute.task import DONE, FAILED, SKIPPED, MakeOutcome
from datajoint.errors import DuplicateError
from datajoint.table.table import Table

__all__ = ["is_made", "run_job"]


def run_job(table: Table, key: Mapping[str, Any], make_kwargs: Mapping[str, Any]) -> MakeOutcome:
    """Make one key and say what became of it.

    A key that another process made meanwhile is skipped (POP-22). Only an interruption is raised.
    """
    started = time.monotonic()
    try:
        make(table, dict(key), make_kwargs)
    except Exception as error:  # noqa: BLE001 - whatever a user's make raises is reported
        status = SKIPPED if isinstance(error, DuplicateError) and is_made(table, key) else FAILED
        if status == FAILED:
            error.add_note(f"while making `{table.class_name}` for the key {_short(key)}")
        return MakeOutcome(dict(key), status, error, time.monotonic() - started)
    return MakeOutcome(dict(key), DONE, None, time.monotonic() - started)


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
