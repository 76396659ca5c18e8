"""The command line in a folder of its own: `shop` runs `dj` on a small pipeline, on the backend of the test.

In this process, since starting a program takes longer than most of what is tested; `shop.program` starts one.
"""

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from plugins.servers import Server

LAB = """
import os
import datajoint as dj

schema = dj.Schema({schema!r})

@schema
class Subject(dj.Manual):
    definition = "subject_id : int32\\n---\\nspecies : varchar(20)"

@schema
class Scan(dj.Imported):
    definition = "-> Subject\\n---\\npid : int64"

    def make(self, key):
        if os.environ.get("BROKEN") and key["subject_id"] in (2, 3):
            print("looking for", key["subject_id"])
            raise FileNotFoundError(f"no file scan_{{key['subject_id']}}.tif")
        self.insert1({{**key, "pid": os.getpid()}})

@schema
class Fit(dj.Computed):
    definition = "-> Scan\\n---\\ny : float64"

    def make(self, key):
        self.insert1({{**key, "y": 1.0}})
"""

VARIABLES = {
    "host": "DJ_HOST", "port": "DJ_PORT", "user": "DJ_USER", "password": "DJ_PASS", "backend": "DJ_BACKEND",
}  # fmt: skip


class Said(SimpleNamespace):
    """What a command wrote, as `out` and `err`."""

    out: str
    err: str


class Lab:
    """A folder with the module `lab`; `schema` is the name of its schema, `where` how the database is named."""

    def __init__(self, folder: Path, schema: str, where: dict[str, str], patch: pytest.MonkeyPatch) -> None:
        self.folder, self.schema, self.where = folder, schema, where
        self._patch = patch
        self._programs: list[subprocess.Popen[str]] = []
        self.forget()

    def forget(self) -> None:
        """Be a new program: no connection, no module of this folder."""
        from datajoint.engine.instance import _Default

        if _Default.instance is not None and _Default.instance is not self._others():
            _Default.instance.reset()
        self._patch.setattr(_Default, "instance", None)
        self._patch.setattr(_Default, "config", None)
        for path in self.folder.glob("*.py"):
            sys.modules.pop(path.stem, None)
        importlib.invalidate_caches()

    def _others(self) -> Any:
        """The default instance of the tests around this one."""
        saved = [old for _, name, old in self._patch._setattr if name == "instance"]
        return saved[0] if saved else None

    @property
    def module(self) -> ModuleType:
        """The module."""
        return importlib.import_module("lab")

    def dj(self, *arguments: str, status: int = 0, text: str = "") -> Said:
        """Run `dj` and return what it wrote."""
        from datajoint.cli.main import run

        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "stdin", io.StringIO(text))
            found = run(arguments)
        said = Said(
            **{n: (s.flush(), s.buffer.getvalue().decode())[1] for n, s in (("out", out), ("err", err))}
        )
        assert status == found, said.out + said.err
        return said

    def json(self, *arguments: str, **options: Any) -> Any:
        """Run `dj … --json` and return what it says."""
        return json.loads(self.dj(*arguments, "--json", **options).out)

    def program(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """Start `dj` as a program."""
        program = subprocess.Popen(
            [sys.executable, "-m", "datajoint", *arguments], cwd=self.folder, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip
        self._programs.append(program)
        return program

    def close(self) -> None:
        """Kill the programs that a failed test left, and be a new program."""
        for program in self._programs:
            if program.poll() is None:
                program.kill()
                program.communicate()
        self.forget()


@pytest.fixture
def shop(
    backend: Server, schema_name: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """Give a folder with a pipeline of three tables and three subjects."""
    where = {VARIABLES[name]: str(value) for name, value in backend.settings.items()}
    if backend.name == "sqlite":
        where["DJ_DATABASE_NAME"] = str(tmp_path / "lab.db")
    for name in [name for name in os.environ if name.startswith("DJ_")]:
        monkeypatch.delenv(name)
    for name, value in {**where, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    name = schema_name()
    (tmp_path / "lab.py").write_text(LAB.format(schema=name), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Lab(tmp_path, name, where, monkeypatch)
    made.module.Subject.insert({"subject_id": n, "species": "mouse"} for n in (1, 2, 3))
    yield made
    made.close()
