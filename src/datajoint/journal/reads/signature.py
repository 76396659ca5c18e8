"""Signatures: which versions of the rows of a table took part in a read, in a few numbers (provenance §3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

from datajoint._value import Value
from datajoint.algebra.analysis.watch import SUMS, Mark
from datajoint.sql.text.marks import C1, C2, P1, P2

__all__ = ["Signature", "Signer", "signatures"]

_MANY = 500
"""From so many rows on, numpy is faster than Python."""


class Signature(Value):
    """What took part of one table.

    Attributes
    ----------
    n, known
        Number of rows, and of those whose event is known.
    low, high
        Least and greatest event, None without any.
    total, q1, q2
        Sums over the known events: of residues, and of two functions of them that no sum determines.

    Examples
    --------
    >>> Signature.of([5, 7]).total
    12
    """

    n: int
    known: int
    low: int | None
    high: int | None
    total: int
    q1: int
    q2: int

    @classmethod
    def of(cls, events: Sequence[int | None], identities: Sequence[int] = ()) -> Signature:
        """Return the signature of rows by their events and, where events do not suffice, identities."""
        n = len(events)
        if None in events:
            pairs = zip(events, identities or repeat(0), strict=False)
            known = [(event, identity) for event, identity in pairs if event is not None]
            events, identities = [event for event, _ in known], [i for _, i in known] if identities else ()
        if not events:
            return cls(n, 0, None, None, 0, 0, 0)
        sums = (_sums if len(events) <= _MANY else _many_sums)(events, identities)
        return cls(n, len(events), *sums)

    def __add__(self, other: Signature) -> Signature:
        lows = [low for low in (self.low, other.low) if low is not None]
        highs = [high for high in (self.high, other.high) if high is not None]
        return Signature(
            self.n + other.n, self.known + other.known, min(lows, default=None), max(highs, default=None),
            self.total + other.total, self.q1 + other.q1, self.q2 + other.q2,
        )  # fmt: skip

    @property
    def numbers(self) -> list[int | None]:
        """All numbers, in order."""
        return [self.n, self.known, self.low, self.high, self.total, self.q1, self.q2]

    @property
    def unknown(self) -> int:
        """Number of rows whose event is not known."""
        return self.n - self.known


def _sums(events: Sequence[Any], identities: Sequence[int]) -> tuple[int, int, int, int, int]:
    total = q1 = q2 = 0
    for event, identity in zip(events, identities or repeat(0), strict=False):
        x = (event % P1 + identity % P1) % P1
        total += x
        q1 += ((x * x + C1) % P1) ** 2 % P1
        x = (event % P2 + identity % P2) % P2
        q2 += ((x * x + C2) % P2) ** 2 % P2
    return min(events), max(events), total, q1, q2


def _many_sums(events: Sequence[Any], identities: Sequence[int]) -> tuple[int, int, int, int, int]:
    import numpy as np

    tokens = np.array(events, dtype=np.int64)
    keys = np.array(identities, dtype=np.int64) if identities else None
    sums: list[int] = []
    for prime, constant in ((P1, C1), (P2, C2)):
        x = tokens % prime if keys is None else (tokens % prime + keys % prime) % prime
        square = (x * x + constant) % prime
        sums += int(x.sum()), int((square * square % prime).sum())
    return int(tokens.min()), int(tokens.max()), sums[0], sums[1], sums[3]


def signatures(
    marks: Iterable[Mark], names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[Signature, ...]:
    """Return the signature of each mark of a watched plan, over the rows that it gave.

    Parameters
    ----------
    names
        Of the columns of the rows.

    Examples
    --------
    >>> from datajoint.heading.names import TableName
    >>> signatures([Mark(TableName("lab", "a"), "~p1", "~e1")], ["a", "~e1", "~p1"], [(1, 5, 1)])[0].low
    5
    """
    return Signer(marks, names).signatures(rows)


class Signer:
    """Signs the rows that a watched plan gives.

    Parameters
    ----------
    marks
        Of the plan.
    names
        Of the columns of the rows.
    """

    __slots__ = ("_marked",)

    def __init__(self, marks: Iterable[Mark], names: Sequence[str]) -> None:
        at = {name: n for n, name in enumerate(names)}
        self._marked = [_Marked(mark, at) for mark in marks]

    def signatures(self, rows: Sequence[Sequence[Any]]) -> tuple[Signature, ...]:
        """Return the signature of each mark."""
        return tuple([marked.signature(rows) for marked in self._marked])


class _Marked:
    """Where the columns of a mark are."""

    __slots__ = ("_event", "_identity", "_present", "_sums")

    def __init__(self, mark: Mark, at: dict[str, int]) -> None:
        self._sums = [at[name] for name in mark.sums]
        self._event = -1 if mark.sums else at[mark.event]
        self._identity = at[mark.identity] if mark.identity and not mark.sums else None
        self._present = at[mark.present] if mark.optional and not mark.sums else None

    def signature(self, rows: Sequence[Sequence[Any]]) -> Signature:
        if self._sums:
            return self._summed(rows)
        if self._present is not None:
            rows = [row for row in rows if row[self._present] is not None]
        identities = [row[self._identity] for row in rows] if self._identity is not None else ()
        return Signature.of([row[self._event] for row in rows], identities)

    def _summed(self, rows: Sequence[Sequence[Any]]) -> Signature:
        columns = [[row[place] for row in rows if row[place] is not None] for place in self._sums]
        by = dict(zip(SUMS, columns, strict=True))
        low, high = min(by["low"], default=None), max(by["high"], default=None)
        n, known, total, q1, q2 = (int(sum(by[name])) for name in ("n", "known", "total", "q1", "q2"))
        return Signature(n, known, low, high, total, q1, q2)
