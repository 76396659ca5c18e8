"""What asking for stale rows costs: many computed rows, a thousand updated inputs, against one anti-join over them.

Run ``KEYS=1000000 python bench/stale.py [sqlite|postgresql|mysql …]``; each line is a ratio from interleaved rounds.
The servers are those of ``DJBENCH_POSTGRESQL_URL`` and ``DJBENCH_MYSQL_URL``. One row is made by `populate`, the
others are copies of it, event, read and all, with events of their own.
"""

import os
import secrets
import sys
import time

from reads import best, settings

import datajoint as dj
from datajoint.heading.names import TableName

ROUNDS = int(os.environ.get("ROUNDS", "5"))
KEYS = int(os.environ.get("KEYS", "200000"))
UPDATED = 1000
ASKED = {
    "the row of the key": lambda subject, key: (subject & key).fetch1("x"),
    "rows of the key": lambda subject, key: len((subject & {"group_id": key["group_id"]}).to_dicts()),
}


def declare(schema, ask):
    @schema
    class Subject(dj.Manual):
        definition = "group_id : int32\n---\nx : float64\nnote='' : varchar(20)"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make(self, key):
            self.insert1({**key, "y": ask(Subject, key)})

    Subject.insert([{"group_id": n, "x": n / 2} for n in range(KEYS)])
    return Subject, Fit


def copy(schema, subject, fit):
    """Copy what one make left behind for all other keys."""
    connection = schema.connection
    quote, table = connection.dialect.quote, connection.dialect.table
    event = fit.with_metadata().fetch1("event")
    key = quote("group_id")
    number = f"{event} + s.{key} * 4096"
    for name, keyed in (("~events", "event"), ("~reads", "event"), (fit().table_name, "_event")):
        source = connection.catalog.source(TableName(schema.database, name))
        columns = [*source.heading.order, *source.heading.hidden]
        values = [
            number if c == keyed else f"s.{key}" if c == "group_id" else f"t.{quote(c)}" for c in columns
        ]
        connection.query(
            f"INSERT INTO {table(source.name)} ({', '.join(map(quote, columns))}) "
            f"SELECT {', '.join(values)} FROM {table(subject().name)} s, {table(source.name)} t "
            f"WHERE t.{quote(keyed)} = {event} AND s.{key} > 0"
        )
    if connection.dialect.features.server:
        for name in ("~events", "~reads", fit().table_name, subject().table_name):
            verb = "ANALYZE TABLE" if connection.dialect.name == "mysql" else "ANALYZE"
            connection.query(f"{verb} {table(TableName(schema.database, name))}").fetchall if verb else None


def measure(backend, what):
    instance = dj.Instance(**settings(backend), safemode=False)
    schema = instance.Schema(f"djbench_{secrets.token_hex(4)}")
    try:
        subject, fit = declare(schema, ASKED[what])
        fit.populate({"group_id": 0})
        copy(schema, subject, fit)
        assert len(fit()) == KEYS
        assert not fit.stale()
        missing = subject - fit
        for updated in (0, UPDATED):
            if updated:
                (subject & f"group_id % {KEYS // UPDATED} = 1").update({"x": 7.25}, prompt=False)
            pairs = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                found = fit.stale()
                middle = time.perf_counter()
                assert not len(missing)
                pairs.append((middle - started, time.perf_counter() - middle))
                assert len(found) == updated, found
            asked, compared = best(pairs)
            print(f"{backend:11} {KEYS} rows, {what}, {updated} updated: stale / anti-join "
                  f"{asked / compared:5.2f}   {asked:.2f} s / {compared:.2f} s", flush=True)  # fmt: skip
    finally:
        schema.drop(prompt=False)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["sqlite", "postgresql", "mysql"]:
        for what in os.environ.get("ASKED", "the row of the key").split(","):
            measure(name, what)
