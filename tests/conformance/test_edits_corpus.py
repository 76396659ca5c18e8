"""Edits of code, by the hundred: noticed or known in part, never fresh without a word (W2, W3, N1; PRV-7)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import datajoint as dj
from plugins.edits import Edit, Project, edits, in_a_process, outcome, parameters

FIRST, SECOND, THIRD, NONE = (edits(name) for name in ("first", "second", "third", "none"))
IN_PROCESSES = (
    "state set by another module",
    "a method replaced by the starting script",
    "singledispatch extended by another module",
    "an attribute set by __init_subclass__",
    "a helper of the starting script",
)
"""Edits that are tried on every database, with a process of its own before and after."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    memory = dj.Instance(backend="sqlite", database__name=":memory:", safemode=False)
    one = Project(tmp_path, memory.Schema("lab"))
    yield one
    one.forget()
    memory.connection.close()


def first_results(project: Project, edit: Edit) -> float:
    fit = project.start(edit, edited=False)
    sys.modules[fit.__module__].Subject.insert1({"subject": 1, "weight": 10})
    fit.populate()
    assert outcome(fit) in ("fresh", "partly"), "what a make does itself is no edit"
    return float(fit.fetch1("y"))


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("edit", parameters([*FIRST, *SECOND, *THIRD]))
def test_an_edit_is_noticed(project: Project, edit: Edit) -> None:
    before = first_results(project, edit)
    assert outcome(project.start(edit, edited=False)) in ("fresh", "partly")

    again = edit.name.endswith("in the same kernel")
    edited = project.run_again(edit) if again else project.start(edit, edited=True)
    found = outcome(edited)
    edited.delete(prompt=False)
    reused = edited.populate()

    assert (edited.fetch1("y") == before) == (edit.expected == "alike")
    assert found in (("noticed", "partly") if edit.expected == "partly" else ("noticed",))
    assert "reused_count" not in reused


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("edit", parameters(NONE))
def test_an_edit_without_effect_is_none(project: Project, edit: Edit) -> None:
    before = first_results(project, edit)

    edited = project.start(edit, edited=True)

    assert outcome(edited) in (("fresh",) if edit.expected != "partly" else ("fresh", "partly"))
    edited.delete(prompt=False)
    edited.populate(reuse=False)
    assert edited.fetch1("y") == before


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("name", IN_PROCESSES)
def test_an_edit_is_noticed_by_another_process(
    backend: Any, schema_name: Any, tmp_path: Path, name: str
) -> None:
    edit = next(one for one in [*FIRST, *SECOND] if one.name == name)
    settings = {**backend.settings, "safemode": False}
    if backend.name == "sqlite":
        settings["database__name"] = str(tmp_path / "test.db")
    schema = schema_name()

    before = in_a_process(edit, False, tmp_path, schema, settings)
    edited = in_a_process(edit, True, tmp_path, schema, settings)

    assert edited["found"] == "noticed"
    assert not edited["reused"]
    assert edited["y"] != before["y"]


@pytest.mark.statement("PRV-7")
def test_the_sets_are_large() -> None:
    assert len(FIRST) >= 111
    assert len(SECOND) >= 60
    assert len(THIRD) >= 50
    assert len(NONE) >= 25
