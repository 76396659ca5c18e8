"""What SQLite's errors mean (ERR-4)."""

from __future__ import annotations

import re
from typing import Any

from datajoint.backends import phrases
from datajoint.errors import (
    AccessError,
    CheckError,
    ConfigurationError,
    DataJointError,
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

__all__ = ["translate"]

_BY_NAME: dict[str, tuple[type[DataJointError], str]] = {
    "SQLITE_CONSTRAINT_UNIQUE": (DuplicateError, "unique"),
    "SQLITE_CONSTRAINT_PRIMARYKEY": (DuplicateError, "unique"),
    "SQLITE_CONSTRAINT_ROWID": (DuplicateError, "unique"),
    "SQLITE_CONSTRAINT_FOREIGNKEY": (IntegrityError, "foreign_key"),
    "SQLITE_CONSTRAINT_TRIGGER": (IntegrityError, "foreign_key"),
    "SQLITE_CONSTRAINT_NOTNULL": (MissingAttributeError, "not_null"),
    "SQLITE_CONSTRAINT_CHECK": (CheckError, "check"),
    "SQLITE_CONSTRAINT_DATATYPE": (QueryError, "type"),
    "SQLITE_MISMATCH": (QueryError, "type"),
    "SQLITE_TOOBIG": (QueryError, "too_long"),
    "SQLITE_CANTOPEN": (LostConnectionError, "unreachable"),
    "SQLITE_NOTADB": (ConfigurationError, "not_a_database"),
    "SQLITE_CORRUPT": (DataJointError, "corrupt"),
    "SQLITE_FULL": (DataJointError, "full"),
}
_BY_FAMILY: dict[str, tuple[type[DataJointError], str]] = {
    "SQLITE_BUSY": (TransactionError, "locked"),
    "SQLITE_LOCKED": (TransactionError, "locked"),
    "SQLITE_READONLY": (AccessError, "read_only"),
    "SQLITE_CANTOPEN": (LostConnectionError, "unreachable"),
    "SQLITE_IOERR": (DataJointError, "disk"),
    "SQLITE_PERM": (AccessError, "read_only"),
    "SQLITE_AUTH": (AccessError, "read_only"),
}
_BY_MESSAGE: tuple[tuple[str, type[DataJointError], str], ...] = (
    (r"no such table: (?P<name>.+)", MissingTableError, "table"),
    (r"no such column: (?P<name>.+)", UnknownAttributeError, "column"),
    (r"table .+ has no column named (?P<name>.+)", UnknownAttributeError, "column"),
    (r"no such function: (?P<name>.+)", PortabilityError, "function"),
    (r"wrong number of arguments to function (?P<name>.+)\(\)", QuerySyntaxError, "function"),
    (r"near .+: syntax error|incomplete input|unrecognized token.*", QuerySyntaxError, "syntax"),
    (
        r"Expression tree is too large.*|at most \d+ tables in a join|parser stack overflow",
        QueryError,
        "too_deep",
    ),
    (r"integer overflow", QueryError, "range"),
    (r"Cannot operate on a closed database\.?", LostConnectionError, "closed"),
)
_PHRASES = {
    "locked": "The database file {path} is locked by another writer.",
    "read_only": "The database file {path} is read-only.",
    "unreachable": "The database file {path} cannot be opened.",
    "not_a_database": "{path} is not a SQLite database.",
    "full": "The disk of the database file {path} is full.",
    "disk": "The database file {path} cannot be read or written: {message}.",
    "closed": "The connection to {path} is closed.",
}
_HINTS = {
    "locked": "Wait for it, or raise `database.busy_timeout`.",
    "read_only": "You need the right to write to the file and to its folder.",
    "unreachable": "You need the right to read and write its folder; or set `database.name` to another file.",
    "not_a_database": "Set `database.name` to another file.",
    "full": "Nothing of this change is stored. Make room, and run it again.",
}
_COLUMNS = re.compile(r"(?:UNIQUE|NOT NULL) constraint failed: (?P<columns>.+)")
_CHECK = re.compile(r"CHECK constraint failed: (?P<check>.+)", re.DOTALL)
_STORED = re.compile(r"cannot store \w+ value in \w+ column (?P<columns>.+)")


def translate(exception: BaseException, text: str, path: str, limit: float | None = None) -> DataJointError:
    """Return the error of ours for an exception of the driver; `limit` is the time for a statement."""
    message = str(exception)
    if message.startswith("You can only execute one statement"):
        return phrases.several(text)
    native = getattr(exception, "sqlite_errorname", None)
    if native == "SQLITE_INTERRUPT":
        return phrases.timed_out(limit, native=native, statement=text)
    kind, reason = _classify(exception, native, message)
    context: dict[str, Any] = {"reason": reason, "native": native, **_details(reason, message, text)}
    if text:
        context["statement"] = text
    reason = context["reason"]
    if reason == "range" or (reason == "too_long" and "dj_" in text):  # so SQLite reports an OverflowError
        return phrases.out_of_range(**context)
    if reason == "table" and kind is MissingTableError and "table" in context:
        return phrases.missing_table(context.pop("table"), **context)
    if reason == "column" and "column" in context:
        return phrases.missing_column(context.pop("column"), **context)
    if reason == "too_deep":
        return phrases.too_deep(message, **context)
    phrase = _PHRASES.get(reason, "{message}.").format(path=path, message=message.removesuffix("."))
    return kind(phrase, hint=_HINTS.get(reason), **context)


def _classify(exception: BaseException, native: str | None, message: str) -> tuple[type[DataJointError], str]:
    if isinstance(exception, OverflowError):
        return QueryError, "range"
    if native in _BY_NAME:
        return _BY_NAME[native]
    family = "_".join((native or "").split("_")[:2])
    if family in _BY_FAMILY:
        return _BY_FAMILY[family]
    for pattern, kind, reason in _BY_MESSAGE:
        if re.fullmatch(pattern, message):
            return kind, reason
    return QueryError, "other"


def _details(reason: str, message: str, text: str) -> dict[str, Any]:
    """Return what the message tells about table, columns and constraint."""
    if match := _COLUMNS.fullmatch(message) or _STORED.fullmatch(message):
        if match["columns"].startswith("index "):
            return {"constraint": match["columns"].removeprefix("index ").strip("'")}
        names = [item.rpartition(".") for item in match["columns"].split(", ")]
        return {"table": names[0][0], "columns": tuple(column for _, _, column in names)}
    if match := _CHECK.fullmatch(message):
        return {"constraint": match["check"]}
    if reason == "foreign_key":
        # SQLite does not say which; the statement tells on which side.
        deleting = re.match(r"\s*(?:WITH\b.*\)\s*)?(DELETE|DROP)\b", text, re.IGNORECASE | re.DOTALL)
        return {"reason": "has_children" if deleting else "missing_parent"}
    for pattern, _, kind in _BY_MESSAGE:
        if kind == reason and (match := re.fullmatch(pattern, message)) and "name" in match.groupdict():
            return {kind: match["name"]}
    return {}
