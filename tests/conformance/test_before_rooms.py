"""A database that was written before the packages were laid out anew reads as it did (PRV-7, decisions §6)."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import datajoint as dj
from datajoint.journal.events.environment import Environment, environment_of

FOLDER = Path(__file__).parent.parent / "fixtures" / "before_rooms"


def record_this_environment(file: Path) -> None:
    """Replace the recorded versions of Python and packages: reuse needs those of today, whichever these are."""
    today = environment_of(Environment)
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute(
            'UPDATE "lab.~environments" SET python = ?, packages = ?',
            [today.python, json.dumps(dict(today.packages))],
        )


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the module of the tables, attached to a copy of the database."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("lab.db", "lab_before_rooms.py"):
        shutil.copy(FOLDER / name, tmp_path / name)
    record_this_environment(tmp_path / "lab.db")
    monkeypatch.delitem(sys.modules, "lab_before_rooms", raising=False)
    importlib.invalidate_caches()
    module = importlib.import_module("lab_before_rooms")
    instance = dj.Instance(backend="sqlite", database__name=str(tmp_path / "lab.db"), safemode=False)
    module.bind(instance.Schema("lab"))
    yield module
    instance.connection.close()
    sys.modules.pop("lab_before_rooms", None)


@pytest.mark.statement("PRV-7")
def test_its_rows_are_fresh(lab: Any) -> None:
    for table in (lab.Fit, lab.Summary):
        report = table.stale()
        assert len(table()) == 2
        assert not report, str(report)
        assert not report.partly, str(report)


@pytest.mark.statement("PRV-7")
def test_its_reads_are_compared(lab: Any) -> None:
    lab.Trial.update1({"subject": 1, "trial": 4, "rt": 9.0})

    assert lab.Fit.stale().keys.to_arrays("subject").tolist() == [1]
    assert lab.Summary.stale().keys.to_arrays("subject").tolist() == [1]
    assert "`rt` 1.2 → 9.0" in str(lab.Fit.stale())


@pytest.mark.statement("PRV-7")
def test_its_code_is_compared(lab: Any, tmp_path: Path) -> None:
    file = tmp_path / "lab_before_rooms.py"
    file.write_text(file.read_text("utf-8").replace("return value *", "return 1 + value *"), "utf-8")
    connection = lab.Fit.connection
    del sys.modules["lab_before_rooms"]
    importlib.invalidate_caches()
    edited = importlib.import_module("lab_before_rooms")
    edited.bind(dj.Schema("lab", connection=connection))

    assert len(edited.Fit.stale().stale) == 2


@pytest.mark.statement("PRV-7")
def test_its_results_are_used_again(lab: Any) -> None:
    lab.Summary.delete(prompt=False)
    assert lab.Summary.populate()["reused_count"] == 2
    assert not lab.Summary.stale()
