"""Several statements of one transaction as one statement: the server starts once, and answers once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from datajoint.backends.base import Dialect, Parameters

__all__ = ["CHECK", "SOLE", "together"]

CHECK = ("SELECT CASE WHEN ", " THEN 1 ELSE (SELECT 1 UNION ALL SELECT 2) END")
"""What is around a condition, so that a statement of a server fails where it does not hold."""

SOLE = "WITH done AS (", " RETURNING 1) SELECT 1 / count(*) FROM done"
"""What is around a change on PostgreSQL that must touch one row."""

_MOST_PARAMETERS = 10_000
_TOKENS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<number>\d+)""")


def together(statements: Sequence[tuple[str, Parameters]], dialect: Dialect) -> tuple[str, list[Any]] | None:
    """Return one statement for what inserts, ends a job or fails by selecting; None where there is none.

    None of them may need what another one has written.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> statements = [("SELECT 1 / $1", [1]), ("INSERT INTO t VALUES ($1)", [2])]
    >>> together(statements, get_backend("postgresql").dialect)
    ('WITH c1 AS (INSERT INTO t VALUES ($2)) SELECT (SELECT 1 / $1)', [1, 2])
    >>> together(statements, get_backend("sqlite").dialect) is None
    True
    """
    counts = tuple([(text, len(values)) for text, values in statements])
    if sum(count for _, count in counts) > _MOST_PARAMETERS:
        return None
    text = None
    if dialect.features.cte_insert:
        text = _with(counts)
    elif dialect.features.blocks:
        text = _block(counts)
    return None if text is None else (text, [value for _, values in statements for value in values])


@lru_cache(1000)
def _with(counts: tuple[tuple[str, int], ...]) -> str | None:
    """Return the statement for PostgreSQL, whose parts all see what was there before."""
    parts: list[str] = []
    checks: list[str] = []
    first = 0
    for n, (text, count) in enumerate(counts):
        start, end = SOLE
        if text.startswith(start) and text.endswith(end):
            change = text[len(start) : -len(end)]
            parts.append(f"c{n} AS ({_shifted(change, first)} RETURNING 1)")
            checks.append(f"(SELECT 1 / count(*) FROM c{n})")
        elif text.startswith("INSERT ") and " ON CONFLICT " not in text:
            parts.append(f"c{n} AS ({_shifted(text, first)})")
        elif text.startswith("SELECT "):
            checks.append(f"({_shifted(text, first)})")
        else:
            return None
        first += count
    return f"WITH {', '.join(parts)} SELECT {', '.join(checks) or '1'}" if parts else None


def _shifted(text: str, by: int) -> str:
    """Return a text whose parameters are numbered higher."""
    return _TOKENS.sub(lambda match: f"${int(match['number']) + by}" if match["number"] else match[0], text)


@lru_cache(1000)
def _block(counts: tuple[tuple[str, int], ...]) -> str | None:
    """Return the block for MariaDB; a condition is quicker told to it as such."""
    parts = ["START TRANSACTION"]
    start, end = CHECK
    for text, _ in counts:
        if text.startswith(start) and text.endswith(end):
            condition = text[len(start) : -len(end)]
            parts.append(f"IF ({condition}) IS NOT TRUE THEN SIGNAL SQLSTATE '45000'; END IF")
        elif text.startswith(("INSERT ", "DELETE ", "UPDATE ")):
            parts.append(text)
        else:
            return None
    return f"BEGIN NOT ATOMIC {'; '.join(parts)}; COMMIT; END"
