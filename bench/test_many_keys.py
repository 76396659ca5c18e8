"""A restriction by 20 000 keys, as fetched from elsewhere: one statement, whatever their number."""

import time
from collections.abc import Callable
from typing import Any

import datajoint as dj

ROWS, KEYS, ROUNDS = 100_000, 20_000, 5


def test_twenty_thousand_keys(schema: Any, backend: Any, figure: Callable[[str], None]) -> None:
    """Fetch the rows of keys of two attributes, against all rows of the table."""

    @schema
    class Cell(dj.Manual):
        definition = "session : int32\ncell : int32\n---\ndepth : float64"

    Cell.insert({"session": n // 100, "cell": n % 100, "depth": n / 7} for n in range(ROWS))
    keys = [{"session": n // 100, "cell": n % 100} for n in range(0, ROWS, ROWS // KEYS)]
    some, every = float("inf"), float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = (Cell & keys).to_dicts()
        between = time.perf_counter()
        Cell.to_dicts()
        some, every = min(some, between - start), min(every, time.perf_counter() - between)
        assert len(found) == KEYS
    figure(f"{backend.name}: rows of {KEYS} keys {1e3 * some:.0f} ms; all {ROWS} rows {1e3 * every:.0f} ms")
