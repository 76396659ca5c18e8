"""What asking for stale rows costs: many rows, then a thousand updated inputs, against one anti-join.

``KEYS=1000000`` for the figures of the milestone. One row is made by `populate`, the others are copies of it,
event, read and all, with events of their own.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

import datajoint as dj
from datajoint.heading.names import TableName

KEYS, UPDATED, ROUNDS = int(os.environ.get("KEYS", "100000")), 1000, 5
ASKED: dict[str, Callable[..., Any]] = {
    "the row of the key": lambda subject, key: (subject & key).fetch1("x"),
    "the row if it is so": lambda subject, key: len((subject & key & "x >= -9").to_dicts()),
}


def _copy(schema: Any, subject: Any, fit: Any) -> None:
    """Copy what one make left behind for all other keys."""
    connection = schema.connection
    quote, table = connection.dialect.quote, connection.dialect.table
    event = fit.with_metadata().fetch1("event")
    for name, keyed in (("~events", "event"), ("~reads", "event"), (fit().table_name, "_event")):
        source = connection.catalog.source(TableName(schema.database, name))
        columns = [*source.heading.order, *source.heading.hidden]
        values = {column: f"t.{quote(column)}" for column in columns}
        if "subject" in values:
            values["subject"] = f"s.{quote('subject')}"
        wide = f"({event} * 0 + s.{quote('subject')})"  # as wide as an event
        values[keyed] = f"{event} + {wide} * 4096"
        connection.query(
            f"INSERT INTO {table(source.name)} ({', '.join(map(quote, columns))}) "
            f"SELECT {', '.join(values.values())} FROM {table(subject().name)} s, {table(source.name)} t "
            f"WHERE t.{quote(keyed)} = {event} AND s.{quote('subject')} > 0"
        )
    if connection.dialect.features.server:
        verb = "ANALYZE TABLE" if connection.dialect.name == "mysql" else "ANALYZE"
        for name in ("~events", "~reads", fit().table_name, subject().table_name):
            list(connection.query(f"{verb} {table(TableName(schema.database, name))}"))


@pytest.mark.parametrize("asked", ASKED)
def test_stale(schema: Any, backend: Any, figure: Callable[[str], None], asked: str) -> None:
    """Ask which rows are stale, before and after some inputs are updated."""

    @schema
    class Subject(dj.Manual):
        definition = "subject : int32\n---\nx : float64\nnote='' : varchar(20)"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make(self, key: dict[str, Any]) -> None:
            self.insert1({**key, "y": ASKED[asked](Subject, key)})

    Subject.insert([{"subject": n, "x": n / 2} for n in range(KEYS)])
    Fit.populate({"subject": 0})
    _copy(schema, Subject, Fit)
    missing = Subject - Fit
    for updated in (0, UPDATED):
        if updated:
            (Subject & f"subject % {KEYS // UPDATED} = 1").update({"x": -7.25}, prompt=False)
        stale = anti = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            found = Fit.stale()
            between = time.perf_counter()
            assert not len(missing)
            stale, anti = min(stale, between - start), min(anti, time.perf_counter() - between)
            assert len(found) == updated
        figure(
            f"{backend.name}: stale of {KEYS} rows, {asked}, {updated} updated: {stale / anti:.1f} anti-"
            f"joins, {stale:.2f} s / {anti:.2f} s"
        )
