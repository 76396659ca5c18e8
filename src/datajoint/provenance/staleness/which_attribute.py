"""What history tells of reads whose versions have changed: which attributes differ (provenance §4).

The rows of the present answer are traced back to the versions that were there when the read took place: those
that no later event than the latest one read has written. Where these have the signature that was recorded,
they are what was read, whatever clocks said: each of their events had happened, each of these rows has been
there since with the same values in all conditions, so it took part then as it does now; and the numbers of
rows agree, so there was none else. Then the attributes tell whether the answer is the same. Where a version
is missing, nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from datajoint._value import Value, replace
from datajoint.algebra.analysis.canonical import canonical_text
from datajoint.algebra.analysis.lift import Lifted, column
from datajoint.algebra.analysis.needed import Needed, needed
from datajoint.algebra.analysis.watch import Mark, watch
from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.nodes import Plan, Query
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.journal.digest import encoded
from datajoint.journal.reads.signature import Signature
from datajoint.provenance.history.versions import Past, Version, later, past_of, plain_rows
from datajoint.provenance.staleness.compare_single_row import is_single
from datajoint.provenance.staleness.finding import Change, Finding, Recorded

__all__ = ["refine"]

_CHUNK = 5000
"""Reads that are refined together."""

Row = Mapping[str, Any]


def refine(
    connection: Connection, findings: Sequence[Finding], lifted: Lifted | None, budget: list[int]
) -> Iterator[Finding]:
    """Yield findings of one shape with what history tells: whether the answer is the same, what has changed.

    Parameters
    ----------
    lifted
        The plan for all keys, if there is one.
    budget
        How many reads may be asked one by one; taken from.
    """
    for start in range(0, len(findings), _CHUNK):
        for some, together in _sets(findings[start : start + _CHUNK], lifted):
            yield from _Refining(connection, some, together).refined(budget)


def _sets(
    findings: Sequence[Finding], lifted: Lifted | None
) -> Iterator[tuple[list[Finding], Lifted | None]]:
    """Cut findings into sets: those whose queries have the same values but for the key, with their plan."""
    sets: dict[str, list[Finding]] = {}
    for finding in findings:
        text = canonical_text(finding.read.parameters) if lifted and lifted.kept else ""
        sets.setdefault(text, []).append(finding)
    alone = [some[0] for some in sets.values() if len(some) == 1 and len(sets) > 1]
    yield from ((some, lifted) for some in sets.values() if len(some) > 1 or len(sets) == 1)
    if alone:
        yield alone, None


class _Verdict(Value):
    """What is known of one table of a read.

    Attributes
    ----------
    known
        Whether the versions are those that were read.
    shown, differs
        Whether an attribute differs that is in the answer as it is; whether any differs.
    """

    known: bool
    shown: bool
    differs: bool
    change: Change | None


class _Refining:
    def __init__(self, connection: Connection, findings: Sequence[Finding], lifted: Lifted | None) -> None:
        self.connection = connection
        self.findings = findings
        self.shape = findings[0].read.shape
        self.lifted = lifted
        self.watched = watch(self.lifted.plan if self.lifted else self.shape.plan, True)
        self.identified = watch(self.shape.plan).identified
        self.is_single = is_single(self.shape, lifted)
        self.needed: dict[tuple[str, ...], tuple[Needed, ...]] = {}
        self.pasts: dict[int, Past | None] = {}

    def refined(self, budget: list[int]) -> Iterator[Finding]:
        # Rows of a group are not told apart, those of unknown origin by nothing.
        if any(mark.sums for mark in self.watched.marks):
            yield from self.findings
            return
        known = [finding for finding in self.findings if _is_known(finding)]
        rows = self._together(known) if self.lifted else self._singly(known, budget)
        for n, mark in enumerate(self.watched.marks):
            if any(row[mark.event] for found in rows.values() for row in found):
                names = {name for f in known for name in self._needed(f.read)[n].all}
                self.pasts[n] = past_of(self.connection, mark.table, names, self._cut(known, n))
        for finding in self.findings:
            place = self._place(finding.read)
            yield self._judged(finding, rows[place]) if place in rows else finding

    def _needed(self, read: Recorded) -> tuple[Needed, ...]:
        names = read.names
        if names not in self.needed:
            self.needed[names] = needed(self.shape.plan, names)
        return self.needed[names]

    @staticmethod
    def _cut(findings: Iterable[Finding], n: int) -> int:
        """Return an event after which nothing was read by all of them."""
        return min((f.read.signatures[n].high or 0 for f in findings), default=0)

    # ------------------------------------------------------------------------------- rows that take part

    def _place(self, read: Recorded) -> tuple[Any, ...]:
        if self.lifted is None:
            return (read.event, read.n)
        return tuple(read.key[name.removeprefix(column(""))] for name in self.lifted.names)

    def _together(self, findings: Sequence[Finding]) -> dict[tuple[Any, ...], list[Row]]:
        """Return the rows of later events that take part in the answers, by the values of the keys."""
        assert self.lifted is not None  # noqa: S101 - asked by the caller
        names, plan = self.lifted.names, self.watched.plan
        kept = findings[0].read.query.values if findings else ()
        found: dict[tuple[Any, ...], list[Row]] = {self._place(finding.read): [] for finding in findings}
        values = tuple(kept[n] for n in self.lifted.kept) if findings else ()
        if names:
            values = (*values, list(found))
            plan = nodes.Restrict(plan, nodes.InValues(names))
        if found:
            for row in self._rows(Query(self._since(plan, findings), values), names):
                found[tuple(row[name] for name in names)].append(row)
        return found

    def _singly(self, findings: Sequence[Finding], budget: list[int]) -> dict[tuple[Any, ...], list[Row]]:
        found: dict[tuple[Any, ...], list[Row]] = {}
        for finding in findings:
            if budget[0] <= 0:
                break
            budget[0] -= 1
            query = Query(self._since(self.watched.plan, [finding]), finding.read.query.values)
            found[self._place(finding.read)] = self._rows(query, ())
        return found

    def _since(self, plan: Plan, findings: Sequence[Finding]) -> Plan:
        terms = [later(mark.event, self._cut(findings, n)) for n, mark in enumerate(self.watched.marks)]
        return nodes.Restrict(plan, nodes.Any_(tuple(terms)))

    def _rows(self, query: Query, names: tuple[str, ...]) -> list[Row]:
        marks = [name for mark in self.watched.marks for name in (mark.event, mark.identity)]
        columns = (*names, *marks)
        rows = plain_rows(self.connection, query, columns)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    # ------------------------------------------------------------------------------------------ judging

    def _judged(self, finding: Finding, rows: Sequence[Row]) -> Finding:
        verdicts = [self._verdict(finding, n, mark, rows) for n, mark in enumerate(self.watched.marks)]
        change = next((verdict.change for verdict in verdicts if verdict.change), None)
        if not all(verdict.known for verdict in verdicts):
            return replace(finding, change=change)
        if not any(verdict.differs for verdict in verdicts):
            return replace(finding, same=True)
        same = False if any(verdict.shown for verdict in verdicts) else None
        return replace(finding, same=same, change=change)

    def _verdict(self, finding: Finding, n: int, mark: Mark, rows: Sequence[Row]) -> _Verdict:
        old, now = finding.read.signatures[n], (finding.now or ())[n]
        wanted = self._needed(finding.read)[n]
        known, shown, change = True, False, None
        pairs: list[tuple[Row, Version]] = []
        for row in rows:
            if row[mark.event] is None or (old.high is not None and row[mark.event] <= old.high):
                continue
            past = self.pasts.get(n)
            versions = past.since(row[mark.identity], old.high or 0) if past else None
            if versions is None or past is None or versions[0].event != row[mark.event]:
                known = False  # its past is not known, or it was written again meanwhile
                continue
            pairs.append((row, versions[-1]))
            if not (self.identified or self.is_single) and any(
                _differing(versions[0], version, wanted.decide) for version in versions
            ):
                known = False  # it may have taken part in another way for a while
            name = _differing(versions[0], versions[-1], wanted.shown)
            shown = shown or name is not None
            name = name or _differing(versions[0], versions[-1], wanted.decide)
            if name is not None and change is None:
                change = _change(self.connection, mark.table, past, versions, name)
        known = known and _replaced(now, mark, pairs, self.identified) == _sums(old)
        return _Verdict(known, shown, change is not None, change)


def _is_known(finding: Finding) -> bool:
    """Whether the events of all rows are known."""
    both = (*finding.read.signatures, *(finding.now or ()))
    return finding.now is not None and not any(signature.unknown for signature in both)


def _differing(now: Version, old: Version, names: Iterable[str]) -> str | None:
    """Return an attribute that differs, None without any."""
    for name in sorted(names):
        if encoded(now.values[name]) != encoded(old.values[name]):
            return name
    return None


def _change(
    connection: Connection, table: TableName, past: Past, versions: Sequence[Version], name: str
) -> Change:
    """Tell what an attribute was and is, and which event changed it last."""
    dtype = connection.catalog.source(table).heading[name].dtype
    event = next(
        newer.event for newer, older in pairwise(versions)
        if _differing(newer, older, [name])
    )  # fmt: skip
    old, new = versions[-1].values[name], versions[0].values[name]
    is_coded = dtype.kind in ("codec", "blob", "bytes")
    return Change(
        table, past.key(versions[0]), name, None if is_coded else old, None if is_coded else new, event
    )


def _replaced(
    now: Signature, mark: Mark, pairs: Sequence[tuple[Row, Version]], identified: bool
) -> tuple[int, ...]:
    """Return the sums of a signature with old versions in place of new ones."""
    identities = [row[mark.identity] for row, _ in pairs] if identified else []
    newer = _sums(Signature.of([row[mark.event] for row, _ in pairs], identities))
    older = _sums(Signature.of([version.event for _, version in pairs], identities))
    return tuple(a - b + c for a, b, c in zip(_sums(now), newer, older, strict=True))


def _sums(signature: Signature) -> tuple[int, ...]:
    return signature.n, signature.known, signature.total, signature.q1, signature.q2
