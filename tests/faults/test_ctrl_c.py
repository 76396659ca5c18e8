"""After Ctrl-C one line says which results are kept."""

import logging

import pytest

import datajoint as dj

pytestmark = pytest.mark.statement("POP-23")


@pytest.fixture
def interrupted(schema):
    """A computed table whose make is interrupted at the key 3."""

    @schema
    class Number(dj.Lookup):
        definition = "n : int32"
        contents = tuple((n,) for n in range(1, 6))

    @schema
    class Square(dj.Computed):
        definition = "-> Number"

        def make(self, key):
            if key["n"] == 3:
                raise KeyboardInterrupt
            self.insert1(key)

    return Square


@pytest.mark.parametrize(
    ("reserve_jobs", "what"),
    [(True, "is pending again"), (False, "stored nothing and is still to be computed")],
)
@pytest.mark.parametrize("start", ["table", "pipeline"])
def test_populate_says_what_it_has_kept(interrupted, caplog, reserve_jobs, what, start):
    populate = {"table": interrupted.populate, "pipeline": lambda **how: dj.populate(interrupted, **how)}[
        start
    ]
    with caplog.at_level(logging.INFO, "datajoint"), pytest.raises(KeyboardInterrupt):
        populate(reserve_jobs=reserve_jobs)
    lines = [record.getMessage() for record in caplog.records if "interrupted" in record.getMessage()]
    assert [f"2 keys were computed and kept; the one that was interrupted {what}."] == lines
    assert [1, 2] == interrupted.to_arrays("n").tolist()


def test_populate_says_nothing_after_an_error(interrupted, caplog):
    def make(self, key):
        raise ValueError

    interrupted.make = make
    with caplog.at_level(logging.INFO, "datajoint"), pytest.raises(ValueError):
        interrupted.populate()
    assert "kept" not in caplog.text


MODULE = """
from lab import *

@schema
class Stopped(dj.Computed):
    definition = "-> Subject"

    def make(self, key):
        if key["subject_id"] == 2:
            raise KeyboardInterrupt
        self.insert1(key)
"""


@pytest.mark.statement("CLI-2")
def test_the_command_says_what_it_has_kept(shop):
    (shop.folder / "stopping.py").write_text(MODULE, encoding="utf-8")
    said = shop.dj("populate", "stopping:Stopped", "-q", status=130)
    line = "1 key was computed and kept; the one that was interrupted is pending again."
    assert 1 == said.err.count(line)
    counts = shop.json("jobs", "stopping:Stopped")["counts"]
    assert (0, 0) == (counts["reserved"], counts["error"])
