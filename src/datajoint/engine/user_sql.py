"""SQL of the user's own: its placeholders, and the rows it returns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from datajoint.backends.base import Cursor, Dialect
from datajoint.errors import QuerySyntaxError
from datajoint.heading import values

__all__ = ["COMMITS", "DECLARES", "READS", "Rows", "checked", "first_word", "prepared"]

DECLARES = frozenset(("ALTER", "CREATE", "DROP", "RENAME"))
"""Statements after which tables may be others than before."""

COMMITS = DECLARES | {"ANALYZE", "GRANT", "LOCK", "OPTIMIZE", "REVOKE", "TRUNCATE"}
"""Statements that end a transaction on some database."""

READS = frozenset(("DESC", "DESCRIBE", "EXPLAIN", "SELECT", "SHOW", "TABLE", "VALUES"))
"""Statements that are repeated where the connection was lost before their answer."""

_BLANK = re.compile(r"(?:\s|[(;]|(?:--|#)[^\n]*(?:\n|$)|/\*!\d*)*")
_OPENED = re.compile(r"/\*|\*/")
_WORD = re.compile(r"\w*")

_PLACES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|%s|%%")


def checked(query: Any, arguments: Any) -> Sequence[Any]:
    """Return the arguments; refuse a query that is no text, and arguments that do not fill its places.

    Raises
    ------
    QuerySyntaxError
        Saying what was given.

    Examples
    --------
    >>> checked("SELECT %s", [7])
    [7]
    """
    if not isinstance(query, str) or not query.strip():
        what = "empty" if isinstance(query, str) else f"{values.show(query)}, no text"
        raise QuerySyntaxError(f"The text of the query is {what}.")
    given: Sequence[Any] = arguments
    if not isinstance(arguments, Sequence) or isinstance(arguments, (str, bytes)):
        raise QuerySyntaxError(
            f"The arguments of the query are {values.show(given)}.",
            hint="They are a list of values, one for each %s: connection.query(text, [value]).",
        )
    places = sum(match[0] == "%s" for match in _PLACES.finditer(query)) if arguments else 0
    if places and places != len(given):
        raise QuerySyntaxError(
            f"The query wants {places} arguments, one for each %s, but {len(given)} were given."
        )
    return given


def first_word(query: str, dialect: Dialect) -> str:
    r"""Return the word that says what a statement does, in capitals; comments stand before it, or nothing.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> first_word("-- tidy up\n drop table `a`", get_backend("mysql").dialect)
    'DROP'
    """
    at = _BLANK.match(query).end()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess] - or ""
    while query.startswith("/*", at):
        at = _after_comment(query, at, nested=dialect.features.nested_comments)
        at = _BLANK.match(query, at).end()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
    return _WORD.match(query, at)[0].upper()  # type: ignore[index] # pyright: ignore[reportOptionalSubscript]


def _after_comment(query: str, start: int, nested: bool) -> int:
    """Return where a comment ends that begins at `start`; comments are nested, or end at the first mark."""
    depth = 0
    for mark in _OPENED.finditer(query, start):
        depth += 1 if mark[0] == "/*" else -1
        if not depth or (mark[0] == "*/" and not nested):
            return mark.end()
    return len(query)


def prepared(query: str, arguments: Sequence[Any], dialect: Dialect) -> str:
    """Return a statement as the session takes it; ``%s`` stands for an argument on every database.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> prepared("SELECT '%s', %s, %s", [1, 2], get_backend("postgresql").dialect)
    "SELECT '%s', $1, $2"
    """
    if not arguments:  # `%%` means `%` where the driver reads placeholders, as with arguments
        return dialect.escape(query.replace("%%", "%") if dialect.parameter(1) == "%s" else query)
    if dialect.parameter(1) == "%s":
        return query
    count = 0

    def place(match: re.Match[str]) -> str:
        nonlocal count
        if match[0] != "%s":
            return "%" if match[0] == "%%" else match[0]
        count += 1
        return dialect.parameter(count)

    return _PLACES.sub(place, query)


class Rows:
    """The result of a statement, read at once: the connection is free for the next one.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> connection.query("SELECT %s AS a", [7], as_dict=True).fetchone()
    {'a': 7}
    """

    def __init__(self, cursor: Cursor, as_dict: bool) -> None:
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self._rows: list[Any] = []
        if self.description is not None:
            self._rows = list(cursor.fetchall())
            self.rowcount = len(self._rows)
        if as_dict:
            names = [column[0] for column in self.description or ()]
            self._rows = [dict(zip(names, row, strict=True)) for row in self._rows]
        self._next = 0

    def fetchone(self) -> Any:
        """Next row, or None."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Next rows."""
        rows = self._rows[self._next : self._next + size]
        self._next += len(rows)
        return rows

    def fetchall(self) -> list[Any]:
        """All remaining rows."""
        return self.fetchmany(len(self._rows))

    def __iter__(self) -> Iterator[Any]:
        while self._next < len(self._rows):
            yield self.fetchone()

    def close(self) -> None:
        """Forget the rows that were not read."""
        self._rows = []
