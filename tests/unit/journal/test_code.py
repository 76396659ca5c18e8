"""Which edits change the fingerprint of a make, which do not, and where it says that it is not sure (PRV-7)."""

from __future__ import annotations

import importlib
import linecache
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datajoint.errors import DeclarationError
from datajoint.journal.code import Fingerprint, fingerprint

BASE = {
    "lab/__init__.py": "",
    "lab/constants.py": "THRESHOLD = 3\nUNUSED = 1\n",
    "lab/filters.py": """
        import math
        from .constants import THRESHOLD

        def smooth(x, width=2):
            return clip(x) / width

        def clip(x):
            return min(x, THRESHOLD)

        def unrelated(x):
            return x + 1

        class Kernel:
            size = 3
            def apply(self, x):
                return x * self.size

        class Wide(Kernel):
            def twice(self, x):
                return 2 * self.apply(x)

        def first(x): return x
        def second(x): return x + 1

        METHODS = {"first": first, "second": second}

        HANDLERS = {}

        def register(function):
            HANDLERS[function.__name__] = function
            return function

        @register
        def third(x):
            return x + 3

        def memo(x):
            _CACHE[x] = x
            return _CACHE[x]

        _CACHE = {}
        """,
    "lab/base.py": """
        import datajoint as dj

        class Analysis:
            factor = 2
            def prepare(self, x):
                return x * self.factor
            def finish(self, x):
                return x - 1
        """,
    "lab/pipeline.py": """
        import functools
        import os
        import numpy as np
        from lab import filters
        from lab.base import Analysis
        from lab.filters import *
        from lab import filters as f

        LIMITS = (1, 2)
        SETTING = os.environ.get("LAB_SETTING", "a")

        def logged(function):
            @functools.wraps(function)
            def call(*args):
                return function(*args)
            return call

        class Session:
            definition = "session : int32"
            def make(self, key): return 5
            @classmethod
            def helper(cls): return 6

        class Fit(Analysis):
            definition = "-> Session"
            window = 5
            contents = [1]

            def make(self, key):
                BODY

            @logged
            def wrapped(self, x): return x + 1

            @property
            def option(self): return 8

            @staticmethod
            def fixed(x): return x

            def _fit_linear(self, x): return x
            def _fit_square(self, x): return x * x

            def unused(self): return 0

        class Other:
            def make(self, key): return 9
        """,
}
"""A small project; each case gives the body of `make` and an edit of one file."""

Edit = tuple[str, str, str]
SAME, CHANGED = "same", "changed"
PIPELINE, FILTERS, CONSTANTS, BASES = "lab/pipeline.py", "lab/filters.py", "lab/constants.py", "lab/base.py"

CASES: dict[str, tuple[str, Edit, str, bool]] = {
    # ------------------------------------------------------------------------------------ the make itself
    "the body of make": ("return 1", (PIPELINE, "return 1", "return 2"), CHANGED, True),
    "a comment": ("return 1", (PIPELINE, "return 1", "return 1  # one"), SAME, True),
    "a docstring": ("return 1", (PIPELINE, "return 1", "'''Say.'''; return 1"), SAME, True),
    "an annotation": ("return 1", (PIPELINE, "def make(self, key):\n", "def make(self, key: dict) -> int:\n"), SAME, True),
    "a local annotation with a value": ("x = 1; return x", (PIPELINE, "x = 1;", "x: int = 1;"), CHANGED, True),
    "blank lines and parentheses": ("return 1 + 2", (PIPELINE, "return 1 + 2", "return (\n                    1 + 2\n                )"), SAME, True),
    "quotes": ('return "a"', (PIPELINE, '"a"', "'a'"), SAME, True),
    "another table's make": ("return 1", (PIPELINE, "return 9", "return 10"), SAME, True),
    "a method that is not used": ("return 1", (PIPELINE, "return 0", "return 10"), SAME, True),
    "the definition": ("return 1", (PIPELINE, '"-> Session"', '"-> Session # text"'), SAME, True),
    "the contents": ("return 1", (PIPELINE, "contents = [1]", "contents = [1, 2]"), SAME, True),
    # ------------------------------------------------------------------------------------ functions and constants
    "a function of another module": ("return filters.smooth(1)", (FILTERS, "clip(x) / width", "clip(x) * width"), CHANGED, True),
    "its default": ("return filters.smooth(1)", (FILTERS, "width=2", "width=3"), CHANGED, True),
    "a function that it calls": ("return filters.smooth(1)", (FILTERS, "min(x, THRESHOLD)", "max(x, THRESHOLD)"), CHANGED, True),
    "a constant that this one reads": ("return filters.smooth(1)", (CONSTANTS, "THRESHOLD = 3", "THRESHOLD = 4"), CHANGED, True),
    "a constant that nobody reads": ("return filters.smooth(1)", (CONSTANTS, "UNUSED = 1", "UNUSED = 2"), SAME, True),
    "a function beside it": ("return filters.smooth(1)", (FILTERS, "return x + 1\n\n        class", "return x + 9\n\n        class"), SAME, True),
    "a name from a star import": ("return smooth(1)", (FILTERS, "min(x", "max(x"), CHANGED, True),
    "a module under another name": ("return f.smooth(1)", (FILTERS, "min(x", "max(x"), CHANGED, True),
    "an import inside the function": ("from lab.filters import smooth as s; return s(1)", (FILTERS, "min(x", "max(x"), CHANGED, True),
    "a relative import inside": ("from .filters import clip; return clip(1)", (CONSTANTS, "= 3", "= 4"), CHANGED, True),
    "importlib with a name": ("import importlib; return importlib.import_module('lab.filters').clip(1)", (FILTERS, "min(x", "max(x"), CHANGED, True),
    "a constant of the module": ("return LIMITS", (PIPELINE, "(1, 2)", "(1, 3)"), CHANGED, True),
    "a local name hides a constant": ("LIMITS = 1; return LIMITS", (PIPELINE, "(1, 2)", "(1, 3)"), SAME, True),
    "a parameter of a comprehension hides it": ("return [LIMITS for LIMITS in ()]", (PIPELINE, "(1, 2)", "(1, 3)"), SAME, True),
    "a lambda reads a constant": ("return (lambda x: x + LIMITS)(1)", (PIPELINE, "(1, 2)", "(1, 3)"), CHANGED, True),
    "a function inside reads it": ("def g(): return LIMITS\n                return g()", (PIPELINE, "(1, 2)", "(1, 3)"), CHANGED, True),
    "a value of the environment": ("return SETTING", (PIPELINE, '"a"', '"b"'), CHANGED, True),
    "a memo that the make fills": ("return filters.memo(1)", (FILTERS, "_CACHE[x] = x", "_CACHE[x] = x + 0"), CHANGED, True),
    # ------------------------------------------------------------------------------------ dispatch
    "a function in a dict": ("return filters.METHODS['first'](1)", (FILTERS, "def second(x): return x + 1", "def second(x): return x"), CHANGED, True),
    "another entry of the dict": ("return filters.METHODS['first'](1)", (FILTERS, '"second": second', '"second": first'), CHANGED, True),
    "a function registered by a decorator": ("return filters.HANDLERS['third'](1)", (FILTERS, "x + 3", "x + 4"), CHANGED, False),
    "getattr of self with a name": ("return getattr(self, '_fit_linear')(1)", (PIPELINE, "_fit_linear(self, x): return x", "_fit_linear(self, x): return -x"), CHANGED, True),
    "getattr of self with a prefix": ("return getattr(self, f'_fit_{key}')(1)", (PIPELINE, "x * x", "x ** 2"), CHANGED, True),
    "the rest is not meant by the prefix": ("return getattr(self, f'_fit_{key}')(1)", (PIPELINE, "return 0", "return 10"), SAME, True),
    "getattr of a module, computed": ("return getattr(filters, key)(1)", (FILTERS, "return x + 1\n\n        class", "return x + 9\n\n        class"), CHANGED, True),
    "getattr of a value, computed": ("return getattr(key, key)", (PIPELINE, "return 0", "return 10"), SAME, False),
    "eval": ("return eval('1 + 1')", (PIPELINE, "return 0", "return 10"), SAME, False),
    "importlib with a computed name": ("import importlib; return importlib.import_module(key)", (PIPELINE, "return 0", "return 10"), SAME, False),
    "a name that is defined nowhere": ("return nowhere", (PIPELINE, "return 0", "return 10"), SAME, False),
    # ------------------------------------------------------------------------------------ classes
    "a method that make calls": ("return self.wrapped(1)", (PIPELINE, "return x + 1", "return x + 2"), CHANGED, True),
    "the decorator of that method": ("return self.wrapped(1)", (PIPELINE, "return function(*args)", "return -function(*args)"), CHANGED, True),
    "a property": ("return self.option", (PIPELINE, "return 8", "return 9"), CHANGED, True),
    "a static method": ("return self.fixed(1)", (PIPELINE, "def fixed(x): return x", "def fixed(x): return -x"), CHANGED, True),
    "a class attribute as parameter": ("return self.window", (PIPELINE, "window = 5", "window = 6"), CHANGED, True),
    "a class attribute that is not used": ("return 1", (PIPELINE, "window = 5", "window = 6"), SAME, True),
    "an inherited method": ("return self.prepare(1)", (BASES, "x * self.factor", "x / self.factor"), CHANGED, True),
    "what the inherited method uses": ("return self.prepare(1)", (BASES, "factor = 2", "factor = 3"), CHANGED, True),
    "an inherited method that is not used": ("return self.prepare(1)", (BASES, "x - 1", "x - 2"), SAME, True),
    "super()": ("return super().finish(1)", (BASES, "x - 1", "x - 2"), CHANGED, True),
    "a class of the project": ("return filters.Kernel().apply(1)", (FILTERS, "size = 3", "size = 4"), CHANGED, True),
    "its base": ("return filters.Wide().twice(1)", (FILTERS, "x * self.size", "x + self.size"), CHANGED, True),
    "another table that is read": ("return Session()", (PIPELINE, "return 5", "return 6"), SAME, True),
    "a method of another table": ("return Session.helper()", (PIPELINE, "return 6", "return 7"), CHANGED, True),
    "an installed package": ("return np.sum(np.asarray([1]))", (PIPELINE, "return 0", "return 10"), SAME, True),
    "a whole module as value": ("return [filters]", (FILTERS, "x + 3", "x + 4"), CHANGED, True),
}  # fmt: skip


Load = Callable[[dict[str, str]], Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Return what imports the project anew, as another process would, and gives its `Fit`."""
    count = iter(range(100))

    def import_fit(files: dict[str, str]) -> Any:
        root = tmp_path / str(next(count))
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        forget()
        monkeypatch.syspath_prepend(str(root))
        return importlib.import_module("lab.pipeline").Fit

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "lab"]:
            del sys.modules[name]

    yield import_fit
    forget()


def project(body: str, edit: Edit | None = None) -> dict[str, str]:
    files = dict(BASE)
    files[PIPELINE] = files[PIPELINE].replace("BODY", body)
    if edit is not None:
        name, old, new = edit
        assert old in files[name], f"{old!r} is not in {name}"
        files[name] = files[name].replace(old, new)
    return files


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("case", CASES)
def test_edit(case: str, load: Load) -> None:
    body, edit, verdict, complete = CASES[case]

    before = fingerprint(load(project(body)))
    after = fingerprint(load(project(body, edit)))

    assert (SAME if before.digest == after.digest else CHANGED) == verdict
    assert complete == before.complete, before.unresolved


def test_the_table_has_forty_cases() -> None:
    assert len(CASES) >= 40


def test_a_module_under_another_name_is_the_same_code(load: Load) -> None:
    files = project("return filters.clip(1)")
    moved = {name.replace("filters.py", "sieves.py"): text for name, text in files.items()}
    moved[PIPELINE] = moved[PIPELINE].replace("from lab import filters\n", "import lab.sieves as filters\n")
    moved[PIPELINE] = (
        moved[PIPELINE]
        .replace("lab.filters", "lab.sieves")
        .replace("import filters as f", "import sieves as f")
    )

    assert fingerprint(load(files)).digest == fingerprint(load(moved)).digest


def test_make_version_stands_for_the_code(load: Load) -> None:
    one = load(project("return 1"))
    one.make_version = "1"
    other = load(project("return 2"))
    other.make_version = "1"
    third = load(project("return 2"))
    third.make_version = "2"

    assert fingerprint(one).digest == fingerprint(other).digest != fingerprint(third).digest
    assert fingerprint(one).complete


def test_make_version_must_be_text(load: Load) -> None:
    cls = load(project("return 1"))
    cls.make_version = 2

    with pytest.raises(DeclarationError, match=r"make_version of `Fit` is 2, not a text"):
        fingerprint(cls)


def test_source_can_be_read(load: Load) -> None:
    found = fingerprint(load(project("return filters.clip(1)  # here")))

    assert found.source["lab.pipeline.Fit.make"] == "def make(self, key):\n    return filters.clip(1)"
    assert "lab.constants.THRESHOLD" in found.source


def test_a_constant_changed_in_memory_is_seen(load: Load) -> None:
    before = fingerprint(load(project("return filters.clip(1)")))
    cls = load(project("return filters.clip(1)"))
    sys.modules["lab.constants"].THRESHOLD = 7  # type: ignore[attr-defined]

    after = fingerprint(cls)

    assert before.digest != after.digest
    assert before.sources == after.sources
    kept = after.source["lab.constants.THRESHOLD (changed value)"]
    assert re.fullmatch(r"THRESHOLD = \.\.\.  # [0-9a-f]{12}", kept), "the value itself is never kept"


def test_a_make_replaced_in_memory_is_seen(load: Load) -> None:
    files = project("return 1")
    patched = dict(files)
    patched[PIPELINE] += "\n        def other(self, key): return 3\n        Fit.make = other\n"

    assert fingerprint(load(files)).digest != fingerprint(load(patched)).digest


def test_a_file_edited_after_its_import_is_not_sure(load: Load) -> None:
    cls = load(project("return filters.clip(1)"))
    path = Path(sys.modules["lab.filters"].__file__ or "")
    path.write_text(path.read_text().replace("min(x", "max(x"))

    found = fingerprint(cls)

    assert ("`clip` was edited after it was imported",) == found.unresolved


# ------------------------------------------------------------------------------- notebooks, closures, consoles


def cell(number: int, text: str, namespace: dict[str, Any]) -> None:
    """Run a text as a notebook does: a code of its own name, its lines where `inspect` finds them."""
    text = textwrap.dedent(text)
    name = f"<ipython-input-{number}-{abs(hash(text))}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), namespace)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a module `__main__` that has no file."""
    from types import ModuleType

    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    return vars(main)


MAKE = "class Fit:\n    def make(self, key):\n        return helper(key) + LEVEL\n"


def run_cells(notebook: dict[str, Any], helper: str, level: str = "LEVEL = 1") -> Fingerprint:
    cell(1, level, notebook)
    cell(2, helper, notebook)
    cell(3, MAKE, notebook)
    return fingerprint(notebook["Fit"])


def test_a_notebook(notebook: dict[str, Any]) -> None:
    first = run_cells(notebook, "def helper(x): return x")
    again = run_cells(notebook, "def helper(x): return x  # again")
    edited = run_cells(notebook, "def helper(x): return -x")
    constant = run_cells(notebook, "def helper(x): return x", "LEVEL = 2")

    assert first.complete
    assert first.digest == again.digest
    assert len({first.digest, edited.digest, constant.digest}) == 3


def test_a_console_without_text(notebook: dict[str, Any]) -> None:
    def typed(body: str) -> Fingerprint:
        exec(compile(f"class Fit:\n    def make(self, key): return {body}\n", "<stdin>", "exec"), notebook)
        return fingerprint(notebook["Fit"])

    assert typed("1").digest == typed("1").digest != typed("2").digest
    assert typed("1").unresolved == ("the text of `Fit.make` is not available",)


def closed_over(threshold: Any, helper: Any) -> type:
    class Fit:
        def make(self, key: Any) -> Any:
            return helper(threshold)

    return Fit


def helper_one(x: int) -> int:
    return x


def helper_two(x: int) -> int:
    return x + 1


def test_what_a_class_takes_from_a_function_around_it() -> None:
    found = fingerprint(closed_over(1, helper_one))

    assert found.complete
    assert found.digest == fingerprint(closed_over(1, helper_one)).digest
    assert found.digest != fingerprint(closed_over(2, helper_one)).digest
    assert found.digest != fingerprint(closed_over(1, helper_two)).digest


def test_an_object_around_it_is_not_sure() -> None:
    assert not fingerprint(closed_over(object(), helper_one)).complete


def test_what_is_done_with_tables_is_no_code(notebook: dict[str, Any]) -> None:
    text = """
        import datajoint as dj
        class Subject(dj.Manual):
            definition = "subject : int32"
            class Ear(dj.Part):
                definition = "-> master"
            @classmethod
            def choose(cls, x): cls.chosen = x
        class Fit(dj.Computed):
            definition = "-> Subject"
            def make(self, key):
                self.insert1({**key, "y": len(Subject & key)})
        if False:
            %s
    """

    def of(number: int, statement: str) -> str:
        cell(number, text % statement, notebook)
        return fingerprint(notebook["Fit"]).digest

    first = of(1, "pass")
    for number, statement in enumerate(
        ["Subject.insert([1, 2])", "Subject.Ear.insert1({})", "Fit.populate(processes=3)", "Fit.delete()"], 2
    ):
        assert first == of(number, statement), statement
    assert first != of(7, "Subject.choose(3)")
    assert first != of(8, "Fit.make = lambda self, key: None")
