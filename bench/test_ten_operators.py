"""A query of ten operators: built and written the first time, against SQLAlchemy, and again.

Wanted are at most a quarter of what SQLAlchemy needs for the same SELECT written by hand, and at most 20 µs
again, with other values. Rounds alternate; each is timed right after it ran, as in a loop; the least time of
each counts.
"""

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

import datajoint as dj
from datajoint.sql.select import select_rows

ROUNDS = 300
FRESH = count()
SUBJECT = sa.table("lab.subject", sa.column("subject_id"), sa.column("weight"))
SESSION = sa.table("lab.session", *map(sa.column, ("subject_id", "session", "duration")))
TRIAL = sa.table("lab.trial", *map(sa.column, ("subject_id", "session", "trial", "rt")))


@pytest.fixture(scope="module")
def tables() -> tuple[Any, Any, Any]:
    """Subjects, their sessions, and the trials of these."""
    schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nweight : float64"

    @schema
    class Session(dj.Manual):
        definition = "-> Subject\nsession : int32\n---\nduration : float64"

    @schema
    class Trial(dj.Manual):
        definition = "-> Session\ntrial : int32\n---\nrt : float64"

    return Subject, Session, Trial


def ours(tables: tuple[Any, Any, Any], n: str, key: int) -> Any:
    """Ten operators: five restrictions, two joins, an aggregation, two projections."""
    subject, session, trial = tables
    means = session.aggr(trial & "rt > 0.1" & {"subject_id": key}, mean="avg(rt)")
    joined = (subject & "weight > 20").proj("weight") * (session & "duration > 5") * means
    return (joined & "mean < 3").proj("mean", "weight", **{n: "duration / 60"})


def by_hand(n: str, key: int) -> Any:
    """Return the same SELECT."""
    t, s, u, inner = TRIAL.alias("t"), SESSION.alias("s"), SUBJECT.alias("u"), SESSION.alias("i")
    kept = sa.select(t).where(t.c.rt > 0.1, t.c.subject_id == key).subquery("t")
    near = sa.and_(kept.c.subject_id == inner.c.subject_id, kept.c.session == inner.c.session)
    means = (
        sa.select(inner.c.subject_id, inner.c.session, sa.func.avg(kept.c.rt).label("mean"))
        .select_from(inner.outerjoin(kept, near))
        .group_by(inner.c.subject_id, inner.c.session)
        .subquery("m")
    )
    same = sa.and_(s.c.subject_id == means.c.subject_id, s.c.session == means.c.session)
    return (
        sa.select(u.c.subject_id, s.c.session, means.c.mean, u.c.weight, (s.c.duration / 60).label(n))
        .select_from(u.join(s, u.c.subject_id == s.c.subject_id).join(means, same))
        .where(u.c.weight > 20, s.c.duration > 5, means.c.mean < 3)
    )


def least(*functions: Callable[[], Any]) -> list[float]:
    """Return the least time of each, in µs."""
    times = [float("inf")] * len(functions)
    for _ in range(ROUNDS):
        for place, function in enumerate(functions):
            function()
            start = time.perf_counter()
            function()
            times[place] = min(times[place], time.perf_counter() - start)
    return [1e6 * seconds for seconds in times]


def test_first_and_again(tables: tuple[Any, Any, Any], figure: Callable[[str], None]) -> None:
    """Build and write a query that was never seen, and one that was."""
    dialect = tables[0]().connection.dialect

    def first() -> str:
        return select_rows(ours(tables, f"n{next(FRESH)}", 5).query.plan, dialect).text

    def first_by_hand() -> str:
        return str(by_hand(f"n{next(FRESH)}", 5).compile(dialect=sqlite.dialect()))

    def again() -> str:
        return ours(tables, "minutes", next(FRESH)).make_sql()

    assert first().count("SELECT") == first_by_hand().count("SELECT") == 3
    mine, theirs, repeated = least(first, first_by_hand, again)
    figure(f"ten operators, first: {mine:.0f} µs, SQLAlchemy {theirs:.0f} µs, {mine / theirs:.2f} of it")
    figure(f"ten operators, again: {repeated:.0f} µs")
