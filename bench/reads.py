"""What recording reads costs: a fetch inside a make, trivial makes with events on and off, reused, stale.

Run ``python bench/reads.py [sqlite|postgresql|mysql …]``; each line is a ratio from interleaved rounds. The servers
are those of ``DJBENCH_POSTGRESQL_URL`` and ``DJBENCH_MYSQL_URL``.
"""

import os
import secrets
import sys
import tempfile
import time
from urllib.parse import urlsplit

import datajoint as dj
from datajoint.engine.observe import unobserved
from datajoint.query import fetch

ROUNDS = int(os.environ.get("ROUNDS", "5"))
KEYS = int(os.environ.get("KEYS", "200"))
ROWS = 10_000


def settings(backend):
    if backend == "sqlite":
        return {"backend": "sqlite", "database__name": os.path.join(tempfile.mkdtemp(), "bench.db")}
    url = urlsplit(os.environ[f"DJBENCH_{backend.upper()}_URL"])
    return {"backend": backend, "database__host": url.hostname, "database__port": url.port,
            "database__user": url.username, "database__password": url.password or ""}  # fmt: skip


def declare(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject : int32\n---\nx : float64"

    @schema
    class Sample(dj.Manual):
        definition = "sample : int32\n---\na : float64\nb : float64\nc : int32\nd : int32\ne : varchar(20)"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make(self, key):
            self.insert1({**key, "y": (Subject & key).fetch1("x")})

    @schema
    class Probe(dj.Computed):
        definition = "-> Subject"
        times = []

        def make(self, key):
            started = time.perf_counter()
            Sample.to_dicts()
            inside = time.perf_counter()
            with unobserved():
                Sample.to_dicts()
            self.times.append((inside - started, time.perf_counter() - inside))
            self.insert1(key)

    Subject.insert([{"subject": n, "x": n / 2} for n in range(KEYS)])
    Sample.insert([{"sample": n, "a": n / 3, "b": n / 7, "c": n, "d": -n, "e": f"e{n}"} for n in range(ROWS)])
    return Subject, Sample, Fit, Probe


def populate(schema, table, events, reuse=False):
    table().delete_quick()
    schema.connection.config.provenance.events = events
    started = time.perf_counter()
    table.populate(reuse=reuse)
    seconds = time.perf_counter() - started
    schema.connection.config.provenance.events = True
    return seconds


def best(pairs):
    one, other = zip(*pairs, strict=True)
    return min(one), min(other)


def measure(backend):
    instance = dj.Instance(**settings(backend), safemode=False)
    schema = instance.Schema(f"djbench_{secrets.token_hex(4)}")
    try:
        subject, _, fit, probe = declare(schema)
        probe.populate({"subject": 0})
        probe.times.clear()
        for n in range(1, 1 + ROUNDS):
            probe.populate({"subject": n})
        inside, outside = best(probe.times)
        print(
            f"{backend:11} fetch of {ROWS} rows in a make    {inside / outside:5.2f}   {inside * 1e3:.1f} ms"
        )
        fit.populate()
        on, off = best([(populate(schema, fit, True), populate(schema, fit, False)) for _ in range(ROUNDS)])
        print(
            f"{backend:11} trivial makes, events on / off  {on / off:5.2f}   {on / KEYS * 1e6:.0f} µs a key"
        )
        pairs = [
            (populate(schema, fit, True, reuse=True), populate(schema, fit, True)) for _ in range(ROUNDS)
        ]
        reused, made = best(pairs)
        print(
            f"{backend:11} trivial keys, reused / made      {reused / made:5.2f}   {reused / KEYS * 1e6:.0f} µs a key"
        )
        missing = subject - fit
        pairs = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            fit.stale()
            middle = time.perf_counter()
            len(missing)
            pairs.append((middle - started, time.perf_counter() - middle))
        asked, compared = best(pairs)
        print(
            f"{backend:11} stale / anti-join of {KEYS} keys   {asked / compared:5.2f}   {asked * 1e3:.1f} ms"
        )
        fetch.count(fit.query, schema.connection)
    finally:
        schema.drop(prompt=False)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["sqlite", "postgresql", "mysql"]:
        measure(name)
