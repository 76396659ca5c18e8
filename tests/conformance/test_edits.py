"""Edits of code that reach a result by other ways than its name: noticed, and old results never come back (W2, W3)."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

TABLES = """
import datajoint as dj
from functools import singledispatch
import helpers_{n} as helpers

class Base:
    scale = 2
    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.added = {added}

class Subject(dj.Manual):
    definition = "subject : int32"
    weight = {weight}
    def scaled(self):
        return {scaled} * len(self)
    class Ear(dj.Part):
        definition = "-> master\\near : int32"
        side = {side}
        def heard(self):
            return {heard} + len(self)

class Fit(Base, dj.Computed):
    definition = "-> Subject\\n---\\ny : float64"
    scale = {scale}
    from helpers_{n} import smooth as h
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.factor = {factor}
    def unrelated(self):
        return {unrelated}
    def make(self, key):
        self.insert1({{**key, "y": {body}}})
setattr(Fit, "late", {late})
import plugins_{n}
"""
HELPERS = """
def smooth(*x):
    return {smooth}
def by(table):
    return table.scale
REGISTRY = {{}}
"""
PLUGINS = """
import helpers_{n} as helpers
def plugged(x):
    return {plugged}
helpers.REGISTRY["plugged"] = plugged
helpers.replaced = lambda x: {plugged}
"""
VALUES = (
    "added", "weight", "scaled", "side", "heard", "scale", "factor", "unrelated", "late", "smooth", "plugged",
)  # fmt: skip

EDITS = {
    "self.__class__.scale": "scale",
    "type(self).scale": "scale",
    "helpers.by(self)": "scale",
    "[one.scale for one in [self]][0]": "scale",
    "(lambda table: table.scale)(self)": "scale",
    "getattr(self, 'scale')": "scale",
    "(Subject & key).scaled()": "scaled",
    "Subject().scaled()": "scaled",
    "(Subject & key).weight": "weight",
    "(Subject & key & {}).weight": "weight",
    "(Subject.Ear & key).heard()": "heard",
    "(Subject.Ear() & key).heard()": "heard",
    "Subject.Ear.side": "side",
    "(Subject.Ear & key).side": "side",
    "self.factor": "factor",
    "self.h(1)": "smooth",
    "self.added": "added",
    "self.late": "late",
    "Fit.late": "late",
    "helpers.REGISTRY['plugged'](1)": "plugged",
    "[f(1) for f in helpers.REGISTRY.values()][0]": "plugged",
    "helpers.replaced(1)": "plugged",
}
"""What a make takes, and the name of what is edited."""


@pytest.fixture
def load(schema: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(body: str, number: int = 0, **edits: int) -> Any:
        values: dict[str, Any] = {**dict.fromkeys(VALUES, 1), **edits, "body": body, "n": number}
        for name, text in (("helpers", HELPERS), ("plugins", PLUGINS), ("tables", TABLES)):
            (tmp_path / f"{name}_{number}.py").write_text(text.format(**values))
        importlib.invalidate_caches()
        module = importlib.import_module(f"tables_{number}")
        for cls in (module.Subject, module.Fit):
            schema(cls, context=vars(module))
        return module

    yield write
    for name in [name for name in sys.modules if name.partition("_")[0] in ("helpers", "plugins", "tables")]:
        del sys.modules[name]


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("body", EDITS)
def test_an_edit_is_noticed_and_old_results_do_not_come_back(load: Any, body: str) -> None:
    first = load(body)
    first.Subject.insert1({"subject": 1})
    first.Fit.populate()
    assert not first.Fit.stale()

    edited = load(body, 1, **{EDITS[body]: 5})

    assert len(edited.Fit.stale().keys) == 1
    edited.Fit.delete(prompt=False)
    assert "reused_count" not in edited.Fit.populate()
    assert edited.Fit.fetch1("y") in (5, 6)


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("body", EDITS)
def test_an_edit_of_something_else_is_none(load: Any, body: str) -> None:
    first = load(body)
    first.Subject.insert1({"subject": 1})
    first.Fit.populate()

    edited = load(body, 1, unrelated=5)

    assert not edited.Fit.stale()


@pytest.mark.statement("PRV-7")
def test_what_a_make_stores_itself_is_no_edit(load: Any) -> None:
    module = load("setattr(type(self), 'count', 1) or len(str(vars(type(self)).get('count')))")
    module.Subject.insert([{"subject": n} for n in (1, 2, 3)])

    module.Fit.populate()

    assert not module.Fit.stale()


@pytest.mark.statement("PRV-7")
def test_code_recorded_by_earlier_versions_is_known_in_part(load: Any, monkeypatch: Any) -> None:
    from datajoint.journal.events import origin

    module = load("self.scale")
    module.Subject.insert1({"subject": 1})
    with monkeypatch.context() as earlier:
        earlier.setattr(origin, "FORM", "any other name")
        module.Fit.populate()

    edited = load("self.scale", 1, scale=5)

    report = edited.Fit.stale()
    assert not report
    assert len(report.partly) == 1
    assert "a version that followed less of it" in str(report)
