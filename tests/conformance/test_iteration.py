"""Iterating over a table holds a part of it, whatever the size of the rows, and lets the process write meanwhile."""

import tracemalloc

import pytest

import datajoint as dj

SIZE, COUNT = 100_000, 300


@pytest.fixture
def large(declare):
    table = declare("Large", "n : int32\n---\npayload : <blob>\nseen=0 : bool")
    for start in range(0, COUNT, 50):
        table.insert({"n": n, "payload": bytes([n % 256]) * SIZE} for n in range(start, start + 50))
    return table


@pytest.mark.statement("QRY-4", "FET-10")
def test_iteration_holds_a_few_large_rows(large):
    list(large & "n < 2")
    tracemalloc.start()
    try:
        count = sum(len(row["payload"]) == SIZE for row in large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert COUNT == count
    assert peak < COUNT * SIZE / 3, f"{peak / 1e6:.1f} MB"


@pytest.mark.statement("QRY-4", "FET-10")
def test_iteration_survives_writes_between_rows(large):
    numbers = []
    for row in large:
        numbers.append(row["n"])
        large.update1({"n": row["n"], "seen": True})
        if row["n"] % 100 == 0:
            large.insert1({"n": 1000 + row["n"], "payload": b"x"})
        if row["n"] == 7:
            (large & {"n": 7}).delete(prompt=False)
    assert list(range(COUNT)) == sorted(n for n in numbers if n < COUNT)
    assert COUNT - 1 == len(large & "seen = 1")


@pytest.mark.statement("QRY-4")
def test_iteration_over_a_projection_gives_keys(large):
    assert [{"n": n} for n in range(3)] == sorted((large & "n < 3").proj(), key=lambda row: row["n"])
    assert {frozenset(("n",))} == {frozenset(row) for row in dj.U("n") & large}
