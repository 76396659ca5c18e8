"""In a notebook the present definition of each name counts, whatever cell it stands in (N1)."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Run = Callable[[str], Any]

TABLES = """
import datajoint as dj

@schema
class Subject(dj.Manual):
    definition = "subject : int32"

Subject.insert([{"subject": n} for n in (1, 2)])
"""
FIT = """
@schema
class Fit(dj.Computed):
    definition = "-> Subject\\n---\\ny : float64"
    def make(self, key):
        self.insert1({**key, "y": helper(key["subject"])})
"""

SOURCE = """
[answer] = [(row.event() * schema.code).fetch1("source") for row in [Fit & {"subject": 1}]]
"""
CHANGES = {
    "helper": ("def helper(x): return 10 * x", "def helper(x): return 20 * x"),
    "helper of the helper": (
        "def inner(x): return 10 * x\ndef helper(x): return inner(x)",
        "def inner(x): return 20 * x",
    ),
    "constant": ("FACTOR = 10\ndef helper(x): return FACTOR * x", "FACTOR = 20"),
    "class": (
        "class Scale:\n    def by(self, x): return 10 * x\ndef helper(x): return Scale().by(x)",
        "class Scale:\n    def by(self, x): return 20 * x",
    ),
    "lambda": ("helper = lambda x: 10 * x", "helper = lambda x: 20 * x"),
}


@pytest.fixture
def run(schema: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a cell in the shell of notebooks, which knows the schema."""
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell(user_module=None, user_ns={"schema": schema})
    monkeypatch.setitem(sys.modules, "__main__", shell.user_module)
    shell.history_manager.enabled = False

    def cell(text: str) -> Any:
        result = shell.run_cell(f"answer = None\n{text}", silent=True)
        result.raise_error()
        return shell.user_ns["answer"]

    cell(TABLES)
    yield cell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("cells", ["one cell", "two cells"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_cell_that_is_run_again_changed(run: Run, change: str, cells: str) -> None:
    before, after = CHANGES[change]
    for text in [before + FIT] if cells == "one cell" else [before, FIT]:
        run(text)
    run("Fit.populate()")
    assert run("answer = not Fit.stale()")
    recorded = run(SOURCE)

    run(after)

    assert run("answer = len(Fit.stale())") == 2
    run("Fit.delete(prompt=False)")
    assert run("answer = Fit.populate()").get("reused_count", 0) == 0
    assert run("answer = Fit.to_arrays('y').tolist()") == [20.0, 40.0]
    source = run(SOURCE)
    assert source != recorded
    assert change == "constant" or "20" in "".join(source.values())  # of a value only the digest is stored
    assert run("answer = not Fit.stale()")


@pytest.mark.statement("PRV-7")
def test_a_cell_that_is_run_again_unchanged(run: Run) -> None:
    before, _ = CHANGES["helper of the helper"]
    run(before + FIT)
    run("Fit.populate()")

    run(before + "  # again")
    run("def unrelated(x): return x")

    assert run("answer = not Fit.stale()")
    run("Fit.delete(prompt=False)")
    assert run("answer = Fit.populate()")["reused_count"] == 2
