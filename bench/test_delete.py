"""Deleting with the old rows kept, against deleting alone: a table of 100 000 rows, and a cascade by key."""

import time
from collections.abc import Callable
from typing import Any

import datajoint as dj

ROWS, ROUNDS = 100_000, 5
FANOUT = (10, 10, 10, 4, 4, 5)
"""Rows of a level for each of the one above: 101 110 in all."""


def best(run: Callable[[], Any], prepare: Callable[[str], None]) -> dict[str, float]:
    """Return the best time with history and without it, taken in turns."""
    found = {"best_effort": float("inf"), "off": float("inf")}
    for _ in range(ROUNDS):
        for mode, shortest in found.items():
            prepare(mode)
            start = time.perf_counter()
            run()
            found[mode] = min(shortest, time.perf_counter() - start)
    return found


def line(name: str, found: dict[str, float]) -> str:
    """Return a line of the report."""
    kept, alone = (1e3 * found[mode] for mode in ("best_effort", "off"))
    return f"{name} {alone:.0f} ms, with history {kept:.0f} ms: {kept / alone:.2f} times"


def test_delete_of_many_rows(schema: Any, backend: Any, figure: Callable[[str], None]) -> None:
    """Delete 100 000 rows of about 120 bytes."""
    config = schema.connection.config

    @schema
    class Spike(dj.Manual):
        definition = "cell : int32\nspike : int32\n---\nt : float64\namplitude : float32\nlabel : varchar(80)"

    rows = [
        {"cell": n // 1000, "spike": n % 1000, "t": n / 7, "amplitude": n / 3, "label": f"spike {n} " * 6}
        for n in range(ROWS)
    ]

    def prepare(mode: str) -> None:
        config.provenance.history = mode
        Spike.insert(rows)
        schema.prune_history(0)

    found = best(lambda: (Spike & "cell >= 0").delete(prompt=False), prepare)
    figure(line(f"{backend.name}: delete of {ROWS} rows", found))


def test_delete_by_cascade(schema: Any, backend: Any, figure: Callable[[str], None]) -> None:
    """Delete a tenth of a hierarchy of six levels by a value of its key."""
    config, tables = schema.connection.config, []
    for depth in range(len(FANOUT)):
        parent = f"-> Level{depth - 1}\n" if depth else ""
        body = {"definition": f"{parent}k{depth} : int32\n---\nvalue : float64"}
        cls = type(f"Level{depth}", (dj.Manual,), body)
        tables.append(schema(cls, context={t.__name__: t for t in tables}))

    def keys(depth: int) -> list[dict[str, int]]:
        above = keys(depth - 1) if depth else [{}]
        return [{**key, f"k{depth}": n} for key in above for n in range(FANOUT[depth])]

    rows = [[{**key, "value": 0.5} for key in keys(depth)] for depth in range(len(FANOUT))]

    def prepare(mode: str) -> None:
        config.provenance.history = mode
        for table, some in zip(tables, rows, strict=True):
            table.insert(some, skip_duplicates=True)
        schema.prune_history(0)

    found = best(lambda: (tables[0] & "k0 = 3").delete(prompt=False), prepare)
    figure(line(f"{backend.name}: cascade of a tenth of {sum(map(len, rows))} rows", found))
