"""What PostgreSQL's errors mean (ERR-4)."""

from __future__ import annotations

import re
from typing import Any

from datajoint.backends import phrases
from datajoint.errors import (
    AccessError,
    CheckError,
    ConfigurationError,
    DataJointError,
    DeadlockError,
    DuplicateError,
    IntegrityError,
    LostConnectionError,
    MissingAttributeError,
    MissingTableError,
    PortabilityError,
    QueryError,
    QuerySyntaxError,
    TransactionError,
    UnknownAttributeError,
)

__all__ = ["refused", "translate"]

_STATES: dict[str, tuple[type[DataJointError], str]] = {
    "08P01": (QuerySyntaxError, "parameters"),
    "23505": (DuplicateError, "unique"),
    "23503": (IntegrityError, "missing_parent"),
    "23001": (IntegrityError, "has_children"),
    "23502": (MissingAttributeError, "not_null"),
    "23514": (CheckError, "check"),
    "22001": (QueryError, "too_long"),
    "22003": (QueryError, "range"),
    "22P02": (QueryError, "type"),
    "22P05": (QueryError, "type"),
    "22007": (QueryError, "type"),
    "22008": (QueryError, "range"),
    "42804": (QueryError, "type"),
    "42501": (AccessError, "denied"),
    "25006": (AccessError, "read_only"),
    "42601": (QuerySyntaxError, "syntax"),
    "42P01": (MissingTableError, "table"),
    "3F000": (MissingTableError, "schema"),
    "42703": (UnknownAttributeError, "column"),
    "42883": (PortabilityError, "function"),
    "3D000": (ConfigurationError, "database"),
    "40001": (DeadlockError, "serialize"),
    "40P01": (DeadlockError, "serialize"),
    "55P03": (TransactionError, "locked"),
    "25P02": (TransactionError, "failed_before"),
    "57014": (QueryError, "cancelled"),
    "2BP01": (IntegrityError, "has_children"),
    "0A000": (QueryError, "unsupported"),
    "54001": (QueryError, "too_deep"),
    "53300": (LostConnectionError, "too_many"),
}
_CLASSES: dict[str, tuple[type[DataJointError], str]] = {
    "08": (LostConnectionError, "lost"),
    "28": (AccessError, "login"),
    "57": (LostConnectionError, "lost"),
}
_KEY = re.compile(r"Key \((?P<columns>.*?)\)=\((?P<values>.*)\) (?P<rest>.+)", re.DOTALL)
_DENIED = re.compile(r'(?:permission denied for|must be owner of) (?P<kind>[a-z]+) "?(?P<name>[^"]+?)"?')
_OPENING = re.compile(
    r'connection failed: |connection to server at "[^"]*"(?: \([^)]*\))?, port \d+ failed: |FATAL:\s+'
    r"|\s*Is the server running .*",
    re.DOTALL,
)
_MISSING = {
    "table": re.compile(r'"(?P<name>.+)" does not exist'),
    "column": re.compile(r'^column (?P<name>\S+|".+?") (?:of relation .* )?does not exist'),
}
_NO_DATABASE = re.compile(r'database "(?P<name>.*)" does not exist')


def translate(exception: BaseException, text: str, where: str, limit: float | None = None) -> DataJointError:
    """Return the error of ours for an exception of the driver.

    Parameters
    ----------
    exception
        Of the driver.
    text
        The statement.
    where
        The server.
    limit
        Seconds that statements may take.
    """
    diagnosis: Any = getattr(exception, "diag", None)
    state: str | None = getattr(exception, "sqlstate", None)
    message = (diagnosis.message_primary if diagnosis else None) or str(exception).strip()
    kind, reason = _classify(exception, state, message)
    context: dict[str, Any] = {"reason": reason, "native": state}
    if diagnosis is not None:
        context.update(_details(diagnosis, reason))
    if text:
        context["statement"] = text
    if message == "the connection is closed":  # says the driver
        context["sent"] = False
    if message.startswith("cannot insert multiple commands"):
        return phrases.several(text, native=state)
    if reason in _MISSING and (match := _MISSING[reason].search(message)):
        context[reason] = match["name"]
    # The message may be in any language, and a cancellation has the same code.
    if reason == "cancelled" and (
        "statement timeout" in message or (limit and "user request" not in message)
    ):
        return phrases.timed_out(limit, **context)
    if said := phrases.common(kind, reason, where, message, context):
        return said
    if reason == "denied":
        return _denied(message, text, where, context)
    if reason == "too_deep":
        return phrases.too_deep(message, **context)
    return kind(message.removesuffix(".") + ".", **context)


def refused(exception: BaseException, where: str) -> DataJointError:
    """Return the error of ours for a connection that could not be opened."""
    why = _OPENING.sub("", str(exception)).strip()
    context: dict[str, Any] = {"native": getattr(exception, "sqlstate", None)}
    if "server does not support SSL" in why:
        return phrases.no_encryption(where, **context)
    if re.search("invalid connection option|invalid sslmode|certificate|root\\.crt|private key", why):
        return phrases.wrong_option(why, **context)
    if match := _NO_DATABASE.search(why):
        return phrases.no_database(where, match["name"], **context)
    if _LOGIN.search(why):
        return phrases.login(where, why, **context)
    return phrases.lost(where, why, **context, reason="lost")


_LOGIN = re.compile(
    r"authentication|no pg_hba\.conf entry|no password supplied|permission denied for database"
    r'|role ".*" (does not exist|is not permitted to log in)',
    re.DOTALL,
)


def _denied(message: str, text: str, where: str, context: dict[str, Any]) -> DataJointError:
    """Name the right that is missing: the server names the table only."""
    match = _DENIED.fullmatch(message)
    kind, name = (match["kind"], match["name"]) if match else ("", "")
    if kind not in ("table", "relation"):
        return phrases.denied(where, phrases.right_needed(text)[0], kind, name, message, **context)
    right, table = phrases.right_needed(text, name)
    return phrases.denied(where, right, "table", table or name, message, **context)


def _classify(exception: BaseException, state: str | None, message: str) -> tuple[type[DataJointError], str]:
    if state in _STATES:
        return _STATES[state]
    if state and state[:2] in _CLASSES:
        return _CLASSES[state[:2]]
    if state is None and type(exception).__name__ in (
        "OperationalError",
        "InterfaceError",
        "ConnectionTimeout",
    ):
        return LostConnectionError, "lost"
    if (
        state is None and type(exception).__name__ == "DataError"
    ):  # the driver cannot make a Python value of it
        return QueryError, "range"
    return QueryError, "other"


def _details(diagnosis: Any, reason: str) -> dict[str, Any]:
    """Return what the server tells about table, columns, values and constraint."""
    found: dict[str, Any] = {}
    if diagnosis.table_name:
        found["table"] = f"{diagnosis.schema_name}.{diagnosis.table_name}"
    if diagnosis.constraint_name:
        found["constraint"] = diagnosis.constraint_name
    if diagnosis.column_name:
        found["columns"] = (diagnosis.column_name,)
    detail = diagnosis.message_detail or ""
    if match := _KEY.match(detail):
        found["columns"] = tuple(name.strip('"') for name in match["columns"].split(", "))
        found["values"] = match["values"]
        if "still referenced" in match["rest"]:
            found["reason"] = "has_children"
            other = re.search(r'from table "(.+)"', match["rest"])
            found["child"] = other[1] if other else None
    return found
