"""Edits of code as data: small projects in files `tests/conformance/edits/*.txt`, each before and after an edit.

A case begins with `== name`. Lines `: word` say what is expected of it: `noticed` (the default), `partly` (known in part
at least, and results never come back), `alike`
(noticed, though the value that is tried stays the same); `: reason` of an expected failure follows `failing`.
`-- file.py` begins another file of the package `lab`, the first being `tables.py`; `-- /script.py` is the script that
is started, `-- cell` a cell of a notebook. `«old→new»` is edited. In the files, `class Fit:` is a computed table of the
`Subject`, `make: y` its make, and a `class Subject:` a manual table, which exists anyway.
"""

from __future__ import annotations

import importlib
import json
import linecache
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from datajoint.journal.ran.values import values_of

FOLDER = Path(__file__).parent.parent / "conformance" / "edits"
PACKAGE, SCHEMA = "lab", "lab_schema"
_EDIT = re.compile(r"«([^→»]*)→([^»]*)»")
_HEAD = f"import datajoint as dj\nfrom {SCHEMA} import schema\n"
_TABLES = {
    "Subject": ("dj.Manual", r"subject : int32\n---\nweight : float64"),
    "Fit": ("dj.Computed", r"-> Subject\n---\ny : float64"),
}
_CLASS = re.compile(r"^( *)class (Subject|Fit)(?:\((.*)\))?:(.*)$", re.MULTILINE)
_MAKE = re.compile(r"^( *)make: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Edit:
    """An edit of a small project."""

    name: str
    files: dict[str, str] = field(hash=False)
    expected: str = "noticed"
    failing: str = ""

    def texts(self, edited: bool) -> dict[str, str]:
        """Return the files before or after the edit."""
        number = 2 if edited else 1
        return {name: _EDIT.sub(lambda m: m[number], text) for name, text in self.files.items()}


def edits(name: str) -> list[Edit]:
    """Return the cases of a set."""
    found = [
        _edit(part)
        for part in re.split(r"^== ", (FOLDER / f"{name}.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]
    ]
    assert len({one.name for one in found}) == len(found), "two cases of one name"
    return found


def _edit(text: str) -> Edit:
    name, _, rest = text.partition("\n")
    options = dict[str, str]()
    while rest.startswith(": "):
        line, _, rest = rest.partition("\n")
        word, _, why = line[2:].partition(" ")
        options["failing" if word == "failing" else "expected"] = why if word == "failing" else word
    first, *others = re.split(r"^-- (.*)\n", rest, flags=re.MULTILINE)
    files = {"tables.py": first} if first.strip() else {}
    for at in range(0, len(others), 2):
        key = f"cell {at}" if others[at] == "cell" else others[at]
        files[key] = others[at + 1]
    return Edit(name, {key: _expanded(key, text) for key, text in files.items()}, **options)


def _expanded(name: str, text: str) -> str:
    def table(found: re.Match[str]) -> str:
        indent, cls, bases, more = found.groups()
        kind, definition = _TABLES[cls]
        listed = kind if not bases else bases if "dj." in bases else f"{bases}, {kind}"
        return (
            f'{indent}@schema\n{indent}class {cls}({listed}):\n{indent}    definition = "{definition}"{more}'
        )

    plain = not _CLASS.search(text)
    subject = (
        "" if plain or re.search("class Subject|import.*Subject", text) else "class Subject:\n    pass\n"
    )
    text = _CLASS.sub(table, subject + text)
    text = _MAKE.sub(r'\1def make(self, key):\n\1    self.insert1(key | {"y": \2})', text)
    head = "" if plain and "schema" not in text else _HEAD
    if text.startswith("from __future__"):
        first, _, text = text.partition("\n")
        head = f"{first}\n{head}"
    return head + text


class Project:
    """The files of a case in a folder, and their modules as one process has them after another."""

    def __init__(self, folder: Path, schema: Any) -> None:
        self.folder, self.schema = folder, schema
        (folder / PACKAGE).mkdir(exist_ok=True)

    def start(self, edit: Edit, edited: bool) -> Any:
        """Write the files, and import them as a new process does; return the class `Fit`."""
        self.forget()
        place = ModuleType(SCHEMA)
        vars(place)["schema"] = self.schema
        sys.modules[SCHEMA] = place
        texts = {"__init__.py": "", **edit.texts(edited)}
        for name, text in texts.items():
            if not name.startswith("cell"):
                path = self.folder / (name[1:] if name.startswith("/") else f"{PACKAGE}/{name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
        importlib.invalidate_caches()
        return _fit(self._run(texts))

    def _run(self, texts: dict[str, str]) -> dict[str, Any]:
        started = [name for name in texts if name.startswith(("/", "cell"))]
        if not started:
            return vars(importlib.import_module(f"{PACKAGE}.tables"))
        main = ModuleType("__main__")
        sys.modules["__main__"] = main
        for name in started:
            if name.startswith("/"):
                file = str(self.folder / name[1:])
                main.__file__ = file
            else:
                file = f"<ipython-input-{name}-{abs(hash(texts[name]))}>"
                lines = texts[name].splitlines(keepends=True)
                linecache.cache[file] = (len(texts[name]), None, lines, file)
            exec(compile(texts[name], file, "exec"), vars(main))
        return vars(main)

    def run_again(self, edit: Edit) -> Any:
        """Run the cells that were edited again, in the same process."""
        before, after = edit.texts(False), edit.texts(True)
        main = sys.modules["__main__"]
        for name, text in after.items():
            if text != before[name]:
                file = f"<ipython-input-{name}-{abs(hash(text))}>"
                linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
                exec(compile(text, file, "exec"), vars(main))
        return _fit(vars(main))

    def forget(self) -> None:
        """Forget the modules, and which of their values have changed while makes ran."""
        values_of().state.clear()
        for name in [name for name in sys.modules if name.partition(".")[0] in (PACKAGE, SCHEMA)]:
            del sys.modules[name]


def _fit(names: dict[str, Any]) -> Any:
    return names["Fit"] if "Fit" in names else sys.modules[f"{PACKAGE}.tables"].Fit


def outcome(fit: Any) -> str:
    """Return what is said of the rows: `noticed`, `partly` or `fresh`."""
    report = fit.stale()
    if len(report.stale) or len(report.possibly_stale):
        return "noticed"
    return "partly" if len(report.partly) or len(report.unknown) else "fresh"


def parameters(cases: list[Edit]) -> list[Any]:
    """Return what parametrizes a test, with expected failures marked."""
    failing = {
        case.name: pytest.mark.xfail(reason=case.failing, strict=True) for case in cases if case.failing
    }
    return [pytest.param(case, id=case.name, marks=failing.get(case.name, ())) for case in cases]


def in_a_process(
    edit: Edit, edited: bool, folder: Path, schema: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """Populate in a new process and return its answer: outcome before it, value, whether it was reused."""
    job = {
        "edit": asdict(edit),
        "edited": edited,
        "folder": str(folder),
        "schema": schema,
        "settings": settings,
    }
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "plugins.edits"]
    done = subprocess.run(
        command, input=json.dumps(job), capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    """Answer one question from the standard input."""
    import datajoint as dj

    job = json.load(sys.stdin)
    sys.path.insert(0, job["folder"])
    instance = dj.Instance(**job["settings"])
    fit = Project(Path(job["folder"]), instance.Schema(job["schema"])).start(
        Edit(**job["edit"]), job["edited"]
    )
    subject = sys.modules[fit.__module__].Subject
    subject.insert1({"subject": 1, "weight": 10}, skip_duplicates=True)
    found = outcome(fit)
    if job["edited"]:
        fit.delete(prompt=False)
    done = fit.populate()
    print(json.dumps({"found": found, "y": fit.fetch1("y"), "reused": "reused_count" in done}))
    instance.connection.close()


if __name__ == "__main__":
    main()
