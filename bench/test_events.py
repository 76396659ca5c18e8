"""What events, and the record of reads, cost: inserts, trivial makes, a fetch inside a make, against none."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

import datajoint as dj
from datajoint.engine.observe import unobserved
from datajoint.journal.ran.observation import Observation
from datajoint.journal.ran.values import values_of
from datajoint.make import make as makes

ROUNDS, ROWS, FETCHED, SINGLE, KEYS = 7, 100_000, 10_000, 200, 200
SAMPLE = "sample : int32\n---\na : float64\nb : float64\nc : int32\nd : int32\ne : varchar(20)"


def rows(count: int) -> list[dict[str, Any]]:
    """Return rows of a table of samples."""
    return [{"sample": n, "a": n / 3, "b": n / 7, "c": n, "d": -n, "e": f"e{n}"} for n in range(count)]


def on_and_off(schema: Any, run: Callable[[], Any], clear: Callable[[], Any]) -> tuple[float, float]:
    """Return the best time with events and without them, taken in turns."""
    settings = schema.connection.config.provenance
    best = {True: float("inf"), False: float("inf")}
    for _ in range(ROUNDS):
        for mode, shortest in best.items():
            settings.events = mode
            clear()
            start = time.perf_counter()
            run()
            best[mode] = min(shortest, time.perf_counter() - start)
    settings.events = True
    return best[True], best[False]


def test_inserts(schema: Any, backend: Any, figure: Callable[[str], None]) -> None:
    """Many rows by one call (bound: 1.1), and rows one by one (bound: 1.3, on MariaDB 1.4)."""

    @schema
    class Sample(dj.Manual):
        definition = SAMPLE

    some = rows(ROWS)
    clear = Sample().delete_quick
    schema.connection.config.provenance.history = "off"
    for name, count, run in (
        (f"insert of {ROWS} rows", 1, lambda: Sample.insert(some)),
        ("insert of one row", SINGLE, lambda: [Sample.insert1(row) for row in some[:SINGLE]]),
    ):
        on, off = on_and_off(schema, run, clear)
        figure(
            f"{backend.name}: {name}, with events {1e3 * on / count:.2f} ms, without "
            f"{1e3 * off / count:.2f}: {on / off:.2f} times"
        )


def test_trivial_makes(schema: Any, backend: Any, figure: Callable[[str], None]) -> None:
    """Populate, one row read and one made for each key (bounds: PostgreSQL 1.3, MariaDB 2, SQLite 1.5)."""

    @schema
    class Subject(dj.Manual):
        definition = "subject : int32\n---\nx : float64"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make(self, key: dict[str, Any]) -> None:
            self.insert1({**key, "y": (Subject & key).fetch1("x")})

    Subject.insert([{"subject": n, "x": n / 2} for n in range(KEYS)])
    Fit.populate()
    on, off = on_and_off(schema, lambda: Fit.populate(reuse=False), Fit().delete_quick)
    reused, _ = on_and_off(schema, lambda: Fit.populate(reuse=True), Fit().delete_quick)
    assert len(Fit()) == KEYS
    figure(
        f"{backend.name}: trivial makes with events {1e6 * on / KEYS:.0f} µs a key, without "
        f"{1e6 * off / KEYS:.0f}: {on / off:.2f} times; reused {1e6 * reused / KEYS:.0f} µs"
    )


@pytest.mark.parametrize("parts", ["whole", "three parts"])
def test_what_ran(
    schema: Any, backend: Any, figure: Callable[[str], None], parts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Populate trivial makes whose functions and values are observed, and not: time of this process (1.1)."""

    @schema
    class Subject(dj.Manual):
        definition = "subject : int32\n---\nx : float64"

    class Whole(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make(self, key: dict[str, Any]) -> None:
            self.insert1({**key, "y": doubled((Subject & key).fetch1("x"))})

    class Parts(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make_fetch(self, key: dict[str, Any]) -> tuple[float]:
            return ((Subject & key).fetch1("x"),)

        def make_compute(self, key: dict[str, Any], x: float) -> tuple[float]:
            return (doubled(x),)

        def make_insert(self, key: dict[str, Any], y: float) -> None:
            self.insert1({**key, "y": y})

    fit = schema(Whole if parts == "whole" else Parts)
    Subject.insert([{"subject": n, "x": n / 2} for n in range(KEYS)])
    observe, best = makes.observe, {True: float("inf"), False: float("inf")}

    def unheard(of: Any, stores: Any = tuple) -> Any:
        return nullcontext(Observation(of, stores, values_of().enter))

    for _ in range(2 * ROUNDS):
        for on, shortest in best.items():
            monkeypatch.setattr(makes, "observe", observe if on else unheard)
            fit().delete_quick()
            start = time.process_time()
            fit.populate(reuse=False)
            best[on] = min(shortest, time.process_time() - start)
    assert len(fit()) == KEYS
    figure(
        f"{backend.name}: trivial makes ({parts}), observed {1e6 * best[True] / KEYS:.0f} µs a key, not "
        f"{1e6 * best[False] / KEYS:.0f}: {best[True] / best[False]:.2f} times"
    )


def doubled(x: float) -> float:
    """Return what a make computes."""
    return 2 * x


@pytest.mark.parametrize("attributes", [(), ("a",)], ids=["rows", "one attribute"])
def test_a_fetch_inside_a_make(
    schema: Any, backend: Any, figure: Callable[[str], None], attributes: tuple[str, ...]
) -> None:
    """Fetch many rows of scalars where reads are taken down, and where they are not (bound: 1.4)."""
    times: dict[str, float] = {"inside": float("inf"), "unwatched": float("inf")}

    @schema
    class Subject(dj.Manual):
        definition = "subject : int32"

    @schema
    class Sample(dj.Manual):
        definition = SAMPLE

    def read() -> float:
        start = time.perf_counter()
        Sample.to_arrays(*attributes) if attributes else Sample.to_dicts()
        return time.perf_counter() - start

    @schema
    class Probe(dj.Computed):
        definition = "-> Subject"

        def make(self, key: dict[str, Any]) -> None:
            times["inside"] = min(times["inside"], read())
            with unobserved():
                times["unwatched"] = min(times["unwatched"], read())
            self.insert1(key)

    Sample.insert(rows(FETCHED))
    Subject.insert([{"subject": n} for n in range(ROUNDS)])
    Probe.populate()
    what = f"fetch of {FETCHED} rows" if not attributes else f"fetch of {FETCHED} values"
    figure(
        f"{backend.name}: {what} inside a make {1e3 * times['inside']:.1f} ms, unwatched "
        f"{1e3 * times['unwatched']:.1f}: {times['inside'] / times['unwatched']:.2f} times"
    )
