"""What the errors of MySQL and MariaDB mean (ERR-4)."""

from __future__ import annotations

import re
from typing import Any

from datajoint.backends import phrases
from datajoint.errors import (
    AccessError,
    CheckError,
    DataJointError,
    DeadlockError,
    DeclarationError,
    DuplicateError,
    IntegrityError,
    LostConnectionError,
    MissingAttributeError,
    MissingTableError,
    PortabilityError,
    QueryError,
    QuerySyntaxError,
    StatementTimeoutError,
    TransactionError,
    UnknownAttributeError,
)

__all__ = ["LOST", "NO_TLS", "refused", "translate"]

LOST = frozenset({0, 1053, 1927, 2002, 2003, 2006, 2013, 2014, 2055})
"""Codes after which the connection is gone."""

NO_TLS = 2026
"""Code for a server without encryption."""

_ACCESS = (1044, 1142, 1143, 1227, 1370, 1419)
_CODES: dict[int, tuple[type[DataJointError], str]] = {
    **dict.fromkeys(LOST, (LostConnectionError, "lost")),
    1040: (LostConnectionError, "too_many"),
    **dict.fromkeys(_ACCESS, (AccessError, "denied")),
    1045: (AccessError, "login"),
    1698: (AccessError, "login"),
    1290: (AccessError, "read_only"),
    1792: (AccessError, "read_only"),
    1062: (DuplicateError, "unique"),
    1586: (DuplicateError, "unique"),
    1216: (IntegrityError, "missing_parent"),
    1452: (IntegrityError, "missing_parent"),
    1217: (IntegrityError, "has_children"),
    1451: (IntegrityError, "has_children"),
    3730: (IntegrityError, "has_children"),
    1364: (MissingAttributeError, "not_null"),
    1048: (MissingAttributeError, "not_null"),
    1064: (QuerySyntaxError, "syntax"),
    1149: (QuerySyntaxError, "syntax"),
    1146: (MissingTableError, "table"),
    1046: (MissingTableError, "schema"),
    1051: (MissingTableError, "table"),
    1049: (MissingTableError, "schema"),
    1008: (MissingTableError, "schema"),
    1054: (UnknownAttributeError, "column"),
    1305: (PortabilityError, "function"),
    1630: (PortabilityError, "function"),
    1406: (QueryError, "too_long"),
    1264: (QueryError, "range"),
    1690: (QueryError, "range"),
    1265: (QueryError, "type"),
    1292: (QueryError, "type"),
    1366: (QueryError, "type"),
    4025: (CheckError, "check"),
    3819: (CheckError, "check"),
    1069: (DeclarationError, "indexes"),
    1070: (DeclarationError, "key_columns"),
    1071: (DeclarationError, "key_length"),
    1118: (DeclarationError, "row_size"),
    1359: (QueryError, "exists"),
    **dict.fromkeys((1116, 1119, 1436, 1473), (QueryError, "too_deep")),
    **dict.fromkeys((1969, 3024), (StatementTimeoutError, "timeout")),
    1205: (TransactionError, "locked"),
    1213: (DeadlockError, "serialize"),
    1020: (DeadlockError, "serialize"),
}
_PATTERNS = (
    r"Duplicate entry '(?P<values>.*)' for key '(?P<constraint>.*)'",
    (r".*constraint fails \((?P<table>.+?), CONSTRAINT `(?P<constraint>.+?)` "
    r"FOREIGN KEY \((?P<columns>.+?)\) REFERENCES (?P<parent>.+?) \(.*"),
    r"Field '(?P<columns>.+)' doesn't have a default value",
    (r"(?:Column|Data too long for column|Out of range value for column|Data truncated for column) "
     r"'(?P<columns>.+?)'.*"),
    r"Incorrect .+ value: '.*' for column (?:.*\.)?[`'](?P<columns>.+?)[`'] at row \d+",
    r"CONSTRAINT `(?P<constraint>.+?)` failed for (?P<table>.+)",
    r"Check constraint '(?P<constraint>.+)' is violated.*",
    r"Unknown column '(?P<column>.+?)' in .*",
    r"(?:Table|Unknown table) '(?P<table>.+?)'.*",
)  # fmt: skip


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
    code, message = _parts(exception)
    kind, reason = _CODES.get(code, (QueryError, "other"))
    if type(exception).__name__ == "InterfaceError":
        kind, reason = LostConnectionError, "lost"
    context: dict[str, Any] = {"reason": reason, "native": code, **_details(message)}
    if type(exception).__name__ == "InterfaceError" and code == 0:  # the connection was closed already
        context["sent"] = False
    if text:
        context["statement"] = text
    why = (_UNREACHABLE.sub(r"\1", message) or "no answer") if kind is LostConnectionError else message
    if reason == "timeout":
        return phrases.timed_out(limit, **context)
    if said := phrases.common(kind, reason, where, why, context):
        return said
    if reason == "denied":
        return _denied(message, text, where, context)
    if reason == "too_deep":
        return phrases.too_deep(message, **context)
    if kind is DeclarationError:
        return phrases.over_limit(message, text, reason, native=code)
    return kind(message.removesuffix(".") + ".", **context)


_DENIED = re.compile(
    r"(?P<right>[A-Z, ]+) command denied to user '.*' for (?:column '.*' in )?table '?`?(?P<schema>[^`']+?)"
    r"(?:`\.`(?P<table>[^`]+))?`?'?"
)
_UNREACHABLE = re.compile(r"Can't connect to MySQL server on '.*' \((?:\[Errno -?\d+\] )?(.*)\)")
_DATABASE = re.compile(r"Access denied for user .* to database '(?P<name>.+)'")


def refused(exception: BaseException, where: str) -> DataJointError:
    """Return the error of ours for a connection that could not be opened."""
    code, _ = _parts(exception)
    if code == NO_TLS:
        return phrases.no_encryption(where, native=code)
    if code not in _CODES and isinstance(exception, (OSError, ValueError, TypeError)):
        return phrases.wrong_option(str(exception), native=code)
    return translate(exception, "", where)


def _denied(message: str, text: str, where: str, context: dict[str, Any]) -> DataJointError:
    """Name the right that is missing, and where."""
    if match := _DENIED.fullmatch(message):
        table = f"{match['schema']}.{match['table']}" if match["table"] else match["schema"]
        return phrases.denied(where, match["right"], "table", table, message, **context)
    match = _DATABASE.fullmatch(message)
    kind, name = ("schema", match["name"]) if match else ("", "")
    return phrases.denied(where, phrases.right_needed(text)[0], kind, name, message, **context)


def _parts(exception: BaseException) -> tuple[int, str]:
    arguments = exception.args
    if len(arguments) >= 2 and isinstance(arguments[0], int):
        return arguments[0], str(arguments[1])
    return -1, str(exception)


def _details(message: str) -> dict[str, Any]:
    """Return what the message tells about table, columns, values and constraint."""
    for pattern in _PATTERNS:
        if match := re.fullmatch(pattern, message, re.DOTALL):
            found: dict[str, Any] = {name: value for name, value in match.groupdict().items() if value}
            for name in {"table", "parent"} & set(found):
                found[name] = found[name].replace("`", "")
            if "columns" in found:
                found["columns"] = tuple(c.strip("` ") for c in found["columns"].split(","))
            return found
    return {}
