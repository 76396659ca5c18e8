"""What ran is what is recorded: functions that no name leads to make rows stale when they change (W2, W3; PRV-7)."""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import pytest

from datajoint.journal.code import units
from datajoint.journal.events import origin

TABLES = """
import importlib, pathlib, subprocess, sys, threading
import datajoint as dj
import ran_others

class Subject(dj.Manual):
    definition = "subject : int32"

class Fit(dj.Computed):
    definition = "-> Subject\\n---\\ny : float64"
    def make(self, key):
        {before}
        self.insert1({{**key, "y": {body}}})
"""
OTHERS = """
import functools
ALL = {{}}
def plugged(x):
    return {plugged} + inner(x)
def inner(x):
    return {inner}
def step(x):
    yield {step}
def unrelated(x):
    return {unrelated}
class Kernel:
    @functools.cached_property
    def value(self):
        return {value}
ALL["".join(["plug", "ged"])] = [plugged]
"""
FIND = "module = sys.modules['ran_' + 'others']; "
VALUES = ("plugged", "inner", "step", "value", "unrelated")
PLUGGED = "vars(module)['plug' + 'ged'](1)"
WAYS = {
    "a name that is computed": (FIND, PLUGGED, "plugged"),
    "called by what it calls": (FIND, PLUGGED, "inner"),
    "a container in a module that is computed": (FIND, "vars(module)['A' + 'LL'].popitem()[1][0](1)", "plugged"),
    "a generator": (FIND, "sum(vars(module)['st' + 'ep'](1))", "step"),
    "a property": (FIND, "vars(module)['Ker' + 'nel']().value", "value"),
    "a callback": (FIND, "max(map(vars(module)['plug' + 'ged'], [1]))", "plugged"),
    "a thread": (
        FIND + "y = []; t = threading.Thread(target=lambda: y.append(vars(module)['plug' + 'ged'](1))); t.start(); t.join()",
        "y[0]", "plugged",
    ),
}  # fmt: skip
"""What comes first in a make, what it takes, and the name of what is edited."""


@pytest.fixture
def load(schema: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(before: str = FIND, body: str = PLUGGED, others: str = OTHERS, **edits: int) -> Any:
        values = {**dict.fromkeys(VALUES, 1), **edits}
        (tmp_path / "ran_others.py").write_text(others.format(**values))
        (tmp_path / "ran_tables.py").write_text(TABLES.format(before=before, body=body))
        for name in ("ran_others", "ran_tables"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        module = importlib.import_module("ran_tables")
        for cls in (module.Subject, module.Fit):
            schema(cls, context=vars(module))
        return module

    yield write
    for name in ("ran_others", "ran_tables"):
        sys.modules.pop(name, None)


def populated(module: Any, *subjects: int) -> Any:
    module.Subject.insert([{"subject": n} for n in subjects or (1,)])
    module.Fit.populate()
    return module.Fit


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("way", WAYS)
def test_an_edit_of_what_ran_is_noticed_and_old_results_do_not_come_back(load: Any, way: str) -> None:
    before, body, name = WAYS[way]
    assert not populated(load(before, body)).stale().outdated

    fit = load(before, body, **{name: 5}).Fit

    assert len(fit.stale().stale) == 1
    fit.delete(prompt=False)
    assert "reused_count" not in fit.populate()
    assert fit.fetch1("y") >= 5
    assert not fit.stale().outdated


@pytest.mark.statement("PRV-7")
def test_an_edit_of_what_did_not_run_is_none(load: Any) -> None:
    populated(load())
    assert not load(unrelated=5).Fit.stale()


@pytest.mark.statement("PRV-7")
def test_a_function_that_is_gone_is_a_change(load: Any) -> None:
    populated(load())
    assert len(load(others=OTHERS.replace("inner(x)", "other(x)")).Fit.stale().stale) == 1


@pytest.mark.statement("PRV-7")
def test_a_module_that_is_not_imported_is_compared_by_its_file(load: Any) -> None:
    fit = populated(load())

    del sys.modules["ran_others"]
    assert not fit.stale().outdated

    load(inner=5)
    del sys.modules["ran_others"]
    assert len(fit.stale().stale) == 1


@pytest.mark.statement("PRV-7")
def test_each_row_has_what_ran_for_it(load: Any) -> None:
    body = "vars(module)['plug' + 'ged' if key['subject'] == 1 else 'unre' + 'lated'](1)"
    module = load(body=body)
    for subject in (1, 2):
        module.Subject.insert1({"subject": subject})
        module.Fit.populate()

    report = load(body=body, unrelated=5).Fit.stale()

    assert report.keys.to_arrays("subject").tolist() == [2]


@pytest.mark.statement("PRV-7")
def test_a_process_of_a_make_makes_it_known_in_part(load: Any) -> None:
    fit = populated(load("subprocess.run([sys.executable, '-c', ''], check=True)", "1"))

    report = fit.stale()

    assert not report
    assert len(report.partly) == 1
    assert "it starts another process" in str(report)
    fit.delete(prompt=False)
    assert "reused_count" not in fit.populate()


@pytest.mark.statement("PRV-7")
def test_what_is_unchanged_is_reused(load: Any) -> None:
    populated(load("pass", "ran_others.plugged(1)"), 1, 2)
    fit = load("pass", "ran_others.plugged(1)").Fit
    fit.delete(prompt=False)
    assert fit.populate()["reused_count"] == 2
    assert not fit.stale()


@pytest.mark.statement("PRV-7")
def test_why_shows_the_function_that_changed(load: Any) -> None:
    populated(load())

    [row] = load(inner=5).Fit.why()

    assert "`ran_others.inner`" in str(row.causes[0].reason)
    assert "-    return 1" in row.causes[0].diff
    assert "+    return 5" in row.causes[0].diff
    assert "ran_others.plugged" not in row.causes[0].diff


@pytest.mark.statement("PRV-6", "PRV-7")
def test_what_ran_is_recorded_by_module_name_and_digest(load: Any, schema: Any) -> None:
    populated(load(), 1, 2, 3)

    source = schema.code.fetch1("source")

    told = {(module, name): digest for module, name, digest, _ in json.loads(source["~ran"])}
    assert {("ran_tables", "Fit.make"), ("ran_others", "plugged"), ("ran_others", "inner")} == told.keys()
    assert {26} == {len(digest) for digest in told.values()}
    assert "def inner(x):" in source["ran_others.inner"]


@pytest.mark.statement("PRV-7")
def test_make_version_stands_for_what_ran_too(load: Any) -> None:
    first = load()
    first.Fit.make_version = "1"
    populated(first)

    edited = load(inner=5)
    edited.Fit.make_version = "1"

    assert not edited.Fit.stale()


@pytest.mark.statement("PRV-7")
def test_what_earlier_versions_recorded_is_as_it_was(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_names(connection: Any, table: Any, cls: type, old: Any, ran: Any) -> Any:
        code = origin.fingerprint_of(connection, table, cls)
        form = {origin.FORM: origin.NAMES_ONLY}
        statement = origin._code_statement(connection, table.schema, code, form)
        return origin.Recording(old, [statement])

    with monkeypatch.context() as earlier:
        earlier.setattr("datajoint.make.make.ran_as", only_names)
        fit = populated(load(FIND, "module.plugged(1)"))

    report = fit.stale()

    assert not report.outdated
    edited = load(FIND, "1 + module.plugged(1)")
    assert len(edited.Fit.stale().stale) == 1


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_a_make_depends_on_is_compared(load: Any, tmp_path: Any, what: str) -> None:
    path = tmp_path / "ran_data"
    path.mkdir()
    (path / "level").write_text("1")
    name = "ran_data" if what == "folder" else "ran_data/level"
    body = f"float(pathlib.Path('{tmp_path}/ran_data/level').read_text())"
    before = f"dj.depends('{tmp_path}/{name}')"
    fit = populated(load(before, body))
    assert not fit.stale()
    assert not fit.stale().partly
    fit.delete(prompt=False)
    assert fit.populate()["reused_count"] == 1

    (path / "level").write_text("25")

    [row] = fit.stale()
    assert row.state == "stale"
    assert "ran_data" in str(row)
    fit.delete(prompt=False)
    assert "reused_count" not in fit.populate()
    assert fit.fetch1("y") == 25


@pytest.mark.statement("PRV-7")
def test_a_file_that_no_make_declares_makes_it_known_in_part(load: Any, tmp_path: Any) -> None:
    (tmp_path / "level").write_text("1")
    fit = populated(load(body=f"float(pathlib.Path('{tmp_path}/level').read_text())"))

    report = fit.stale()

    assert not report
    assert "it reads files that no `dj.depends` names" in str(report)


@pytest.mark.statement("PRV-7")
def test_a_file_that_a_make_has_written_itself_is_no_input(load: Any, tmp_path: Any) -> None:
    before = f"pathlib.Path('{tmp_path}/own').write_text('')"
    fit = populated(load(before, f"len(pathlib.Path('{tmp_path}/own').read_text())"))
    assert not fit.stale().partly


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("when", ["it ran", "it is asked"])
def test_code_that_could_not_be_read_once_is_no_change(
    load: Any, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    module = load()
    module.Subject.insert1({"subject": 1})

    def fails(*_: Any) -> Any:
        raise SystemError("not now")

    if when == "it ran":
        with monkeypatch.context() as patched:
            patched.setattr(units, "unit_of_class", fails)
            module.Fit.populate()
    else:
        module.Fit.populate()
        monkeypatch.setattr(units, "unit_of_class", fails)

    report = module.Fit.stale()
    assert not report.outdated
    assert "the code of `Fit` cannot be read (SystemError)" in str(report)
