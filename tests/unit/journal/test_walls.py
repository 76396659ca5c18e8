"""Code that cannot be read, or that is laid out in an unusual way, never stops a computation (X4)."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datajoint.journal.code import Fingerprint, fingerprint

Project = Callable[[dict[str, str]], Fingerprint]

MAKE = """
class Fit:
    def make(self, key):
        return {call}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Write files of a package, import its module `pk.tables`, and return the fingerprint of `Fit`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "pk"]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def write(files: dict[str, str]) -> Fingerprint:
        forget()
        for name, text in files.items():
            path = tmp_path / "pk" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return fingerprint(importlib.import_module("pk.tables").Fit)

    yield write
    forget()


@pytest.mark.parametrize(
    "package", ["from . import one", "from pk import one", "import pk.one", "from .one import f"]
)
@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("from pk import one", "one.f()"),
        ("import pk", "pk.one.f()"),
        ("from . import one", "one.f()"),
        ("from . import one as two", "two.f()"),
        ("import pk.one as one", "one.f()"),
    ],
)
def test_a_package_that_imports_its_own_modules(
    project: Project, package: str, imported: str, call: str
) -> None:
    files = {
        "__init__.py": package,
        "one.py": "def f(): return 1",
        "tables.py": imported + MAKE.format(call=call),
    }

    before = project(files)
    after = project(files | {"one.py": "def f(): return 2"})

    assert before.complete, before.unresolved
    assert before.source["pk.one.f"] == "def f():\n    return 1"
    assert before.digest != after.digest


def test_modules_that_import_a_name_from_each_other(project: Project) -> None:
    files = {
        "__init__.py": "",
        "a.py": "def __getattr__(name): return 1\nfrom pk.b import lost\n",
        "b.py": "from pk.a import lost\n",
        "tables.py": "import pk.a" + MAKE.format(call="pk.a.lost"),
    }

    assert "`pk.a.lost`, which is imported from itself, in `Fit.make`" in project(files).unresolved


@pytest.mark.parametrize("answer", ["name", "1", "object()", "[]"])
def test_a_module_that_answers_to_any_name(project: Project, answer: str) -> None:
    files = {
        "__init__.py": f"def __getattr__(name): return {answer}",
        "any.py": f"def __getattr__(name): return {answer}\ndef f(): return 1",
        "tables.py": "import pk\nfrom pk import any, anything"
        + MAKE.format(call="any.f() + any.g + anything + pk.h"),
    }

    found = project(files)

    assert "pk.any.f" in found.source
    assert not found.complete


def test_a_module_whose_place_something_else_has_taken(project: Project) -> None:
    files = {
        "__init__.py": "",
        "odd.py": """
            import sys
            class Odd:
                __slots__ = ()
                def __getattr__(self, name): raise RuntimeError(name)
            sys.modules[__name__] = Odd()
            """,
        "tables.py": "from pk import odd" + MAKE.format(call="odd.f()"),
    }

    assert "Fit.make" in str(project(files).source)


@pytest.mark.parametrize(
    "value",
    [
        "Hostile()",
        "{'a': Hostile()}",
        "type('H', (), {'__module__': 1})",
        "type('M', (type,), {})('N', (), {})",
    ],
)
def test_a_value_that_cannot_be_looked_at(project: Project, value: str) -> None:
    files = {
        "__init__.py": "",
        "tables.py": f"""
            class Hostile:
                def __getattr__(self, name): raise RuntimeError(name)
                __class__ = property(lambda self: 1 / 0)
            globals().update(VALUE={value})
            class Fit:
                def make(self, key):
                    return VALUE, helper()
            def helper(): return 1
            """,
    }

    found = project(files)

    assert "pk.tables.helper" in found.source


def test_code_that_is_nested_too_deeply(project: Project) -> None:
    deep = "x = " + "+".join(["1"] * 600)
    files = {
        "__init__.py": "",
        "deep.py": f"{deep}\ndef f(): return x",
        "tables.py": "from pk import deep"
        + MAKE.format(call="deep.f() + helper()")
        + "def helper(): return 1",
    }

    found = project(files)

    assert not found.complete
    assert "pk.tables.helper" in found.source
