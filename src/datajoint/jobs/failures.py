"""Failures: the errors of a queue grouped by kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from datajoint._value import Value
from datajoint.heading.names import TableName
from datajoint.jobs.attempts import key_text, signature_of_text
from datajoint.journal.digest import text_digest
from datajoint.sql.system_tables import workers as sql
from datajoint.table.free import FreeTable

if TYPE_CHECKING:
    from datajoint.jobs.queue import Queue

__all__ = ["Failure", "failures_of", "log_of", "stack_of"]


class Failure(Value):
    """Errors of one kind.

    Attributes
    ----------
    signature
        Digest of class, location, and message without numbers and names.
    message
        Message of the latest error.
    first, last
        Times of the first and the last error, by the clock of the server.
    key
        Key of the latest error, as an example.
    """

    table: str
    signature: str
    message: str
    count: int
    first: dt.datetime | None
    last: dt.datetime | None
    hosts: tuple[str, ...]
    key: dict[str, Any]


def failures_of(jobs: Queue, restrictions: Iterable[Any] = ()) -> list[Failure]:
    """Return the errors of a queue by kind; see `Jobs.failures`.

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
    ...         raise LookupError(f"no file for {key['subject_id']}")
    >>> _ = Fit.populate(reserve_jobs=True, suppress_errors=True)
    >>> [failure] = failures_of(Fit.jobs)
    >>> failure.count, failure.message
    (2, 'LookupError: no file for 2')
    """
    if not jobs.is_declared:
        return []
    failed: Any = jobs.errors
    for restriction in restrictions:
        failed = failed & restriction
    names = jobs.primary_key
    rows = failed.proj("error_message", "completed_time", "host").to_dicts(order_by="KEY")
    signatures = _signatures(jobs) if rows else {}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        key = {name: row[name] for name in names}
        kind = signatures.get(text_digest(key_text(key))) or signature_of_text(row["error_message"])
        kinds.setdefault(kind, []).append(row)
    found = [_failure(jobs, kind, some) for kind, some in kinds.items()]
    return sorted(found, key=lambda failure: -failure.count)


def _failure(jobs: Queue, kind: str, rows: Sequence[dict[str, Any]]) -> Failure:
    timed = [row for row in rows if row["completed_time"] is not None]
    times = [row["completed_time"] for row in timed]
    last = max(timed, key=lambda row: row["completed_time"]) if timed else rows[-1]
    return Failure(
        jobs.target.class_name, kind, last["error_message"], len(rows), min(times, default=None),
        max(times, default=None), tuple(sorted({row["host"] for row in rows} - {""})),
        {name: last[name] for name in jobs.primary_key},
    )  # fmt: skip


def _attempts(jobs: Queue) -> FreeTable | None:
    name = TableName(jobs.target.database, sql.ATTEMPTS)
    return FreeTable(jobs.connection, name) if jobs.connection.catalog.look(name) is not None else None


def _signatures(jobs: Queue) -> dict[str, str]:
    """Return the signature of the last failed attempt for each digest of a key."""
    attempts = _attempts(jobs)
    if attempts is None:
        return {}
    mine = (attempts & {"table_name": jobs.target.table_name[:64], "outcome": "error"}).proj("signature")
    return {row["key_digest"]: row["signature"] for row in mine.to_dicts(order_by="attempt")}


def stack_of(jobs: Queue, key: dict[str, Any]) -> str:
    """Return the traceback of a failed job, or an empty text.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         raise LookupError("no file")
    >>> _ = Fit.populate(reserve_jobs=True, suppress_errors=True)
    >>> stack_of(Fit.jobs, {"subject_id": 1}).splitlines()[-1]
    'LookupError: no file'
    """
    found = (jobs & key).to_arrays("error_stack").tolist()
    return str(found[0]) if found and found[0] is not None else ""


def log_of(jobs: Queue, key: dict[str, Any]) -> str:
    r"""Return the end of the output and log of the last attempt at a key.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Lookup):
    ...     definition = "subject_id : int32"
    ...     contents = [(1,)]
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...
    ...     def make(self, key):
    ...         print("reading")
    ...         raise LookupError("no file")
    >>> _ = Fit.populate(reserve_jobs=True, suppress_errors=True)
    reading
    >>> log_of(Fit.jobs, {"subject_id": 1})
    'reading\n'
    """
    attempts = _attempts(jobs)
    if attempts is None:
        return ""
    mine = attempts & {"table_name": jobs.target.table_name[:64], "key_digest": text_digest(key_text(key))}
    logs = mine.to_arrays("log", order_by="attempt DESC", limit=1).tolist()
    return str(logs[0]) if logs and logs[0] is not None else ""
