"""Writes whose answer was lost: whether they are stored, found by their events, and errors that say so."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from datajoint.backends.base import Cursor, Parameters
from datajoint.engine.guard import Guard
from datajoint.errors import LostConnectionError
from datajoint.sql.dml import find_event

__all__ = ["commit", "execute_once", "is_stored", "not_stored", "statement", "write"]

Event = tuple[str, int]
"""Schema and number."""


def is_stored(guard: Guard, schema: str, event: int) -> bool:
    """Whether an event of this process is stored."""
    text = find_event(schema, guard.dialect)
    return guard.execute(text, (event, os.getpid())).fetchone() is not None


def execute_once(guard: Guard, word: str, text: str, parameters: Parameters) -> Cursor:
    """Run a statement of the user, which begins with a word, and do not repeat it.

    Raises
    ------
    LostConnectionError
        When the connection was lost: inside a transaction all is undone, outside it may be carried out.
    """
    is_inside = guard.is_open
    try:
        return guard.execute(text, parameters)
    except LostConnectionError as error:
        if is_inside:
            guard.reopen(error)
        with suppress(LostConnectionError):
            guard.reopen(error)
        raise statement(word) from error


def not_stored(event: Event | None) -> LostConnectionError:
    """Return the error for a transaction that was not stored.

    Examples
    --------
    >>> print(not_stored(("lab", 7)))
    The connection was lost during COMMIT; nothing of the transaction is stored: it has no event 7.
    Run the transaction again.
    """
    proof = "" if event is None else f": it has no event {event[1]}"
    return LostConnectionError(
        f"The connection was lost during COMMIT; nothing of the transaction is stored{proof}.",
        hint="Run the transaction again.", reason="rolled_back", **_named(event),
    )  # fmt: skip


def commit(event: Event | None) -> LostConnectionError:
    """Return the error for a transaction that may be stored.

    Examples
    --------
    >>> print(commit(("lab", 7)))
    The connection was lost during COMMIT; the transaction may be stored, but that is not known.
    It is stored if event 7 exists. Before you repeat it, ask `dj.Schema('lab').events & 'event = 7'`.
    """
    return LostConnectionError(
        "The connection was lost during COMMIT; the transaction may be stored, but that is not known.",
        hint=_how(event, "It is"), reason="unknown", **_named(event),
    )  # fmt: skip


def write(event: Event | None) -> LostConnectionError:
    """Return the error for a write of one statement that may be stored.

    Examples
    --------
    >>> print(write(("lab", 7)))
    The connection was lost before the answer to a write; its rows may be stored; that is not known.
    They are stored if event 7 exists. Before you repeat it, ask `dj.Schema('lab').events & 'event = 7'`.
    """
    return LostConnectionError(
        "The connection was lost before the answer to a write; its rows may be stored; that is not known.",
        hint=_how(event, "They are"), reason="unknown", **_named(event),
    )  # fmt: skip


def statement(word: str) -> LostConnectionError:
    """Return the error for a statement of the user that may have been carried out.

    Examples
    --------
    >>> print(statement("UPDATE"))
    The connection was lost before the answer to this `UPDATE` statement; it may have been carried out.
    It was not sent a second time. Query its effect before you run it again.
    """
    return LostConnectionError(
        f"The connection was lost before the answer to this `{word}` statement; "
        "it may have been carried out.",
        hint="It was not sent a second time. Query its effect before you run it again.",
        reason="unknown",
    )


def _how(event: Event | None, what: str) -> str:
    if event is None:
        return "Query the rows before you repeat it."
    schema, number = event
    return (
        f"{what} stored if event {number} exists. Before you repeat it, "
        f"ask `dj.Schema({schema!r}).events & 'event = {number}'`."
    )


def _named(event: Event | None) -> dict[str, Any]:
    return {} if event is None else {"event": event[1]}
