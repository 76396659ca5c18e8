"""What servers refuse, in the same words whatever the server (ERR-5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from datajoint.errors import (
    AccessError,
    ConfigurationError,
    DataJointError,
    DeadlockError,
    DeclarationError,
    LostConnectionError,
    MissingTableError,
    QueryError,
    QuerySyntaxError,
    StatementTimeoutError,
    TransactionError,
    UnknownAttributeError,
)

__all__ = [
    "common",
    "deadlock",
    "denied",
    "locked",
    "login",
    "lost",
    "missing_column",
    "missing_table",
    "no_database",
    "no_encryption",
    "out_of_range",
    "over_limit",
    "read_only",
    "right_needed",
    "several",
    "timed_out",
    "too_deep",
    "wrong_option",
]

_HINTS = (
    (
        r"refused|timed? ?out|No route|unreachable|No such file",
        "See that the server runs, and that `database.host` and `database.port` lead to it.",
    ),
    (r"resolve|not known|getaddrinfo|No address", "Check the spelling of `database.host`."),
    (
        r"too many|Too many|remaining connection slots",
        "Close connections that are not needed, or raise its limit.",
    ),
    (r"starting up|shutting down", "Wait until the server is ready."),
)
_NAME = r"""[`"](?:[^`"]|``|"")+[`"]"""
_WORDS = (
    r"(?P<word>INSERT(?:\s+IGNORE)?\s+INTO|INSERT|REPLACE\s+INTO|UPDATE|DELETE\s+FROM|COPY|FROM|JOIN|REFERENCES"
    r"|CREATE\s+TABLE(?:\s+IF\s+NOT\s+EXISTS)?|DROP\s+TABLE(?:\s+IF\s+EXISTS)?|ALTER\s+TABLE|TRUNCATE)"
)
_QUALIFIED = re.compile(rf"{_WORDS}\s+(?P<schema>{_NAME})\.(?P<table>{_NAME})", re.IGNORECASE)
_INSIDE = ("INSERT", "CREATE")
_RIGHTS = {"FROM": "SELECT", "JOIN": "SELECT", "COPY": "INSERT", "DELETE FROM": "DELETE"}


def lost(where: str, why: str, **context: Any) -> LostConnectionError:
    """The server cannot be reached, or does not answer any more.

    Examples
    --------
    >>> print(lost("ada@here:1", "Connection refused"))
    The connection to ada@here:1 was lost or refused: Connection refused.
    See that the server runs, and that `database.host` and `database.port` lead to it.
    """
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, why)), None)
    return LostConnectionError(
        f"The connection to {where} was lost or refused: {why.removesuffix('.')}.", hint=hint, **context
    )


def too_deep(why: str, **context: Any) -> QueryError:
    """A statement holds more levels or tables than the database reads.

    Examples
    --------
    >>> print(too_deep("Too many tables"))
    The expression is nested more deeply, or joins more tables, than the database allows: Too many tables.
    Fetch the keys of an inner part and restrict by these, or store it in a table.
    """
    return QueryError(
        "The expression is nested more deeply, or joins more tables, than the database allows: "
        f"{why.removesuffix('.')}.",
        hint="Fetch the keys of an inner part and restrict by these, or store it in a table.", **context,
    )  # fmt: skip


def over_limit(why: str, text: str, reason: str, **context: Any) -> DeclarationError:
    """A table is larger than the database allows, in some respect (`_OVER`).

    Examples
    --------
    >>> print(over_limit("Row size too large", "CREATE TABLE `lab`.`wide` (", "row_size"))
    The rows of the table `lab.wide` may be larger than the database allows: Row size too large.
    Store many values as an array in one `<blob>`, or as rows of a part table; shorten long varchars.
    """
    what, hint = _OVER[reason]
    table = right_needed(text)[1]
    name = f"the table `{table}`" if table else "a table"
    return DeclarationError(
        f"{what.format(name)} than the database allows: {why.removesuffix('.')}.", hint=hint, statement=text,
        **{**context, "reason": reason},
    )  # fmt: skip


_OVER = {
    "row_size": (
        "The rows of {} may be larger",
        "Store many values as an array in one `<blob>`, or as rows of a part table; shorten long varchars.",
    ),
    "key_length": (
        "A key or an index of {} is longer",
        "Use shorter varchar attributes in it (3072 bytes in all, 4 for each character).",
    ),
    "key_columns": ("A key or an index of {} has more attributes", "Use fewer attributes in it."),
    "indexes": (
        "The references and indexes of {} are more",
        "Leave out indexes, or move references to part tables.",
    ),
}


def login(where: str, why: str, **context: Any) -> AccessError:
    """The server does not let the user in.

    Examples
    --------
    >>> print(login("ada@here:1", "Access denied"))
    The server here:1 refuses the login of `ada`: Access denied.
    Check `database.user` and `database.password`.
    """
    user, _, server = where.rpartition("@")
    return AccessError(
        f"The server {server} refuses the login of `{user}`: {why.removesuffix('.')}.",
        hint="Check `database.user` and `database.password`.", **{**context, "reason": "login"},
    )  # fmt: skip


def no_encryption(where: str, **context: Any) -> AccessError:
    """TLS is demanded, but the server has none (CFG-17)."""
    return AccessError(
        f"The server {where.rpartition('@')[2]} offers no encrypted connection, "
        "which `database.use_tls` demands.",
        hint="Set up TLS at the server; or, in a network that is trusted, set `database.use_tls` to None.",
        **{**context, "reason": "tls"},
    )  # fmt: skip


def wrong_option(why: str, **context: Any) -> ConfigurationError:
    """The driver does not understand an option of ``database.use_tls``."""
    return ConfigurationError(
        f"`database.use_tls` cannot be used: {why.removesuffix('.')}.",
        hint="Give True, False, None, or a dict of the options of the driver.",
        **{**context, "reason": "tls"},
    )  # fmt: skip


def no_database(where: str, name: str, **context: Any) -> ConfigurationError:
    """The server has no database of that name (PostgreSQL)."""
    return ConfigurationError(
        f"The server {where.rpartition('@')[2]} has no database `{name}`.",
        hint="Check `database.name`; it names a database of the server, not a schema.",
        **{**context, "reason": "database"},
    )


def common(
    kind: type[DataJointError], reason: str, where: str, message: str, context: dict[str, Any]
) -> DataJointError | None:
    """Return the error for what all servers refuse alike; None: this server has words of its own."""
    if kind is LostConnectionError:
        return lost(where, message, **context)
    if kind is DeadlockError:
        return deadlock(message, **context)
    if reason == "table" and "table" in context:
        return missing_table(**context, name=context["table"])
    if reason == "column" and "column" in context:
        return missing_column(**context, name=context["column"])
    if reason == "range" and "columns" not in context:
        return out_of_range(**context)
    found = _REFUSED.get(reason)
    return None if found is None else found(where, message, context)


def out_of_range(**context: Any) -> QueryError:
    """An expression has a result that its type cannot hold.

    Examples
    --------
    >>> print(out_of_range())
    The result of an expression is out of range: it is too large for its type, or too close to zero.
    Restrict the rows first, or convert an operand to a larger type: cast(x as decimal(40, 2)).
    """
    return QueryError(
        "The result of an expression is out of range: it is too large for its type, or too close to zero.",
        hint="Restrict the rows first, or convert an operand to a larger type: cast(x as decimal(40, 2)).",
        **{**context, "reason": "range"},
    )


def timed_out(seconds: float | None, **context: Any) -> StatementTimeoutError:
    """The database has stopped a statement; without `seconds`, by a limit of its own.

    Examples
    --------
    >>> print(timed_out(2.5))
    The database stopped a statement after 2.5 s, the limit that `database.statement_timeout` sets.
    Restrict the query, add an index, or raise the setting; None sets no limit.
    """
    if seconds is None:
        message = "The server stopped a statement that took longer than the server allows."
        hint = "Restrict the query, add an index, or ask the administrator for a higher limit."
    else:
        limit = f"{seconds:g} s, the limit that `database.statement_timeout` sets"
        message = f"The database stopped a statement after {limit}."
        hint = "Restrict the query, add an index, or raise the setting; None sets no limit."
    context |= {"reason": "timeout", "seconds": seconds}
    return StatementTimeoutError(message, hint=hint, **context)


def missing_table(name: str, **context: Any) -> MissingTableError:
    """A statement asks for a table that is not there."""
    return MissingTableError(
        f"Table `{name}` does not exist in the database.",
        hint="It was dropped or renamed since it was declared, or its name is misspelt.",
        **{**context, "table": name},
    )  # fmt: skip


def missing_column(name: str, **context: Any) -> UnknownAttributeError:
    """A statement asks for a column that is not there."""
    column = name.rpartition(".")[2].strip('"`')
    return UnknownAttributeError(
        f"Column `{column}` does not exist in the database.",
        hint="The table was altered since it was read, or the name is misspelt. It is read anew now.",
        **{**context, "column": column},
    )  # fmt: skip


def several(text: str, **context: Any) -> QuerySyntaxError:
    """A text is more than one statement."""
    return QuerySyntaxError(
        "One statement at a time, please: the text holds several.", hint="Run each by a call of its own.",
        statement=text, **{**context, "reason": "syntax"},
    )  # fmt: skip


def deadlock(why: str, **context: Any) -> DeadlockError:
    """The server has ended one of several transactions that got into each other's way."""
    return DeadlockError(
        "Another transaction changes or holds the same rows, so the server has ended this one: "
        f"{why.removesuffix('.')}.",
        hint="Nothing of it is stored. Run it again.", **{**context, "reason": "serialize"},
    )  # fmt: skip


def locked(why: str, **context: Any) -> TransactionError:
    """Another transaction has held what this one needs for longer than the server lets anyone wait."""
    return TransactionError(
        f"Another transaction has held the same rows or tables for too long: {why.removesuffix('.')}.",
        hint="Run it again when that one has ended.",
        **{**context, "reason": "locked"},
    )


def read_only(where: str, why: str, **context: Any) -> AccessError:
    """The server, or the session of the user, takes no changes."""
    user, _, server = where.rpartition("@")
    return AccessError(
        f"The server {server} takes no changes by `{user}`: {why.removesuffix('.')}.",
        hint="It may be a copy for reading only: write to the primary server, or ask its administrator.",
        **{**context, "reason": "read_only"},
    )


def right_needed(statement: str, name: str = "") -> tuple[str, str]:
    """Return the right that a statement needs, and on what table (``schema.table``, "" if unknown).

    Parameters
    ----------
    statement
        SQL text.
    name
        Table that the server names; the first of the statement without.

    Examples
    --------
    >>> right_needed('INSERT INTO "lab"."subject" ("x") VALUES ($1)', "subject")
    ('INSERT', 'lab.subject')
    >>> right_needed("GRANT")
    ('GRANT', '')
    """
    for match in _QUALIFIED.finditer(statement):
        schema, table = (match[part][1:-1] for part in ("schema", "table"))
        if name in ("", table):
            word = " ".join(match["word"].upper().split())
            right = _RIGHTS.get(word) or word.split()[0]
            return right, f"{schema}.{table}"
    # A script begins its own transaction; the first thing it does is what is refused.
    words = [part.split(None, 1)[0].upper() for part in statement.split(";") if part.strip()]
    telling = [word for word in words if word not in ("BEGIN", "SET")] or words
    return (telling[0] if telling else "", "")


def denied(where: str, right: str, kind: str, name: str, why: str, **context: Any) -> AccessError:
    """The user lacks a right (ACC-1) on a thing of some kind; "" where kind or name is not known.

    Examples
    --------
    >>> print(denied("ada@here:1", "INSERT", "table", "lab.subject", "permission denied"))
    User `ada` has no right to INSERT in table `lab.subject`: permission denied.
    Ask the administrator of the database for the right.
    """
    user = where.rpartition("@")[0]
    place = f" {'in' if right in _INSIDE else 'on'} {kind} `{name}`" if name else ""
    found = {"table": name} if kind == "table" else {}
    return AccessError(
        f"User `{user}` has no right to {right or 'do this'}{place}: {why.removesuffix('.')}.",
        hint="Ask the administrator of the database for the right.",
        **{**context, **found, "right": right, "reason": "denied"},
    )


_REFUSED: dict[str, Callable[[str, str, dict[str, Any]], DataJointError]] = {
    "locked": lambda _, message, context: locked(message, **context),
    "login": lambda where, message, context: login(where, message, **context),
    "read_only": lambda where, message, context: read_only(where, message, **context),
}
