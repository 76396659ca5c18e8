"""Attempts: failed makes and makes with output, with the end of their log."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint.backends.base import Parameters
from datajoint.codecs.blob.writer import pack
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.heading.values import json_text
from datajoint.jobs.owner import write
from datajoint.journal.digest import text_digest
from datajoint.journal.system import prepare
from datajoint.sql.system_tables import workers as sql

if TYPE_CHECKING:
    from datajoint.jobs.queue import Queue

__all__ = [
    "DIED",
    "FAILED",
    "RETRY",
    "SUCCEEDED",
    "add_attempt",
    "attempt_statement",
    "end_cancelled",
    "key_text",
    "last_outcomes",
    "signature",
    "signature_of_text",
    "trailing",
]  # fmt: skip

SUCCEEDED, FAILED, RETRY, DIED = "success", "error", "retry", "died"
_UUID, _BYTES = parse_type("uuid"), parse_type("bytes")
_NUMBERS = re.compile(r"\d+|0x[0-9a-f]+|'[^']*'|\"[^\"]*\"")
_MOST = 100
_LONGEST = 2047


def key_text(key: Mapping[str, Any]) -> str:
    """Return a key as JSON; values without a JSON type become text.

    Examples
    --------
    >>> key_text({"b": 1, "a": UUID(int=1)})
    '{"a":"00000000-0000-0000-0000-000000000001","b":1}'
    """
    plain = (int, float, str, bool, type(None))
    return json_text({n: v if isinstance(v, plain) else str(v) for n, v in sorted(key.items())})


def signature(error: BaseException) -> str:
    """Return a digest for equal errors: class, location, and message without numbers and names.

    Examples
    --------
    >>> signature(ValueError("row 7")) == signature(ValueError("row 8"))
    True
    """
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.name}" for frame in frames]
    return text_digest("\n".join([type(error).__qualname__, *places, _NUMBERS.sub("#", str(error))[:500]]))


def signature_of_text(message: str) -> str:
    """Return a digest for equal errors of which only the message is known.

    Examples
    --------
    >>> signature_of_text("ValueError: row 7") == signature_of_text("ValueError: row 8")
    True
    """
    return text_digest(_NUMBERS.sub("#", message)[:500])


def attempt_statement(
    jobs: Queue, key: Mapping[str, Any], worker: UUID, outcome: str, seconds: float,
    error: BaseException | None = None, told: Mapping[str, Any] | None = None, log: str = "",
    ended: bool = True,
) -> tuple[str, Parameters] | None:  # fmt: skip
    """Return the statement that records an attempt, or None if the schema keeps no attempts.

    Parameters
    ----------
    told
        ``error``, ``error_class`` and ``signature`` if the exception itself is not available.
    ended
        Whether the attempt has ended.
    """
    connection, target = jobs.connection, jobs.target
    if not prepare(connection, sql.attempts_table(target.database)):
        return None
    given = dict(told or {})
    if error is not None:
        given = {
            "error": f"{type(error).__name__}: {error}", "error_class": _class_of(error),
            "signature": given.get("signature") or signature(error),
        }  # fmt: skip
    text = key_text(key)
    names = [target.table_name[:64], text_digest(text)]
    message = given.get("error")
    values = [
        *names, text, _driver(connection, _UUID, worker), outcome, message[:_LONGEST] if message else None,
        given.get("error_class"), given.get("signature") or None,
        _driver(connection, _BYTES, pack(log) if log else None),
        *names,
    ]  # fmt: skip
    return sql.add_attempt(target.database, seconds, connection.dialect, ended=ended), values


def add_attempt(*arguments: Any, **options: Any) -> None:
    """Record an attempt; arguments as for `attempt_statement`."""
    statement = attempt_statement(*arguments, **options)
    if statement is not None:
        write(arguments[0].connection, *statement)


def end_cancelled(jobs: Queue, key: Mapping[str, Any], worker: UUID, seconds: float, log: str) -> None:
    """Record the end of a make if its job was cancelled."""
    connection, target = jobs.connection, jobs.target
    if connection.catalog.look(TableName(target.database, sql.ATTEMPTS)) is None:
        return
    values = [
        _driver(connection, _BYTES, pack(log) if log else None), _driver(connection, _UUID, worker),
        target.table_name[:64], text_digest(key_text(key)),
    ]  # fmt: skip
    write(connection, sql.end_cancelled(target.database, seconds, connection.dialect), values)


def _class_of(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")[:255]


def _driver(connection: Connection, dtype: Any, value: Any) -> Any:
    encode = connection.dialect.encoder(dtype)
    return encode(value) if encode and value is not None else value


def last_outcomes(jobs: Queue, key: Mapping[str, Any]) -> list[str]:
    """Return the outcomes of the last attempts at a key, latest first."""
    connection, target = jobs.connection, jobs.target
    if connection.catalog.look(TableName(target.database, sql.ATTEMPTS)) is None:
        return []
    text = sql.find_attempts(target.database, _MOST, connection.dialect)
    values = [target.table_name[:64], text_digest(key_text(key))]
    return [row[0] for row in connection.fetch_all(text, values)]


def trailing(outcomes: Sequence[str], outcome: str) -> int:
    """Return the number of latest attempts in a row with the same outcome.

    Examples
    --------
    >>> trailing(["retry", "retry", "error", "retry"], "retry")
    2
    """
    return sum(1 for _ in takewhile(lambda found: found == outcome, outcomes))
