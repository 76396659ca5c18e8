"""The package is reloaded, or deleted from `sys.modules` and imported again, as test suites do."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.statement("ERR-1")

BEGIN = """
import importlib, sys
import datajoint as dj
from datajoint import DataJointError
dj.config.update({"database.backend": "sqlite", "database.name": ":memory:"})
schema = dj.Schema("lab")

@schema
class Subject(dj.Manual):
    definition = "subject : int32"

def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "datajoint"]:
        del sys.modules[name]
"""


def run(code):
    """Run code in a Python of its own, with warnings as errors; what fails there fails here."""
    text = BEGIN + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, timeout=300, check=False
    )
    assert 0 == done.returncode, done.stderr


def test_reload_keeps_classes_and_settings():
    run("""
    for _ in range(3):
        again = importlib.reload(dj)
        assert again is dj
        assert again.config.database.backend == "sqlite"
        assert issubclass(Subject, again.Manual)
    assert len(dj.__path__) == len(set(dj.__path__))
    Subject.insert1({"subject": 1})
    assert Subject.to_dicts() == [{"subject": 1}]
    """)


def test_what_was_held_works_on_among_its_own_modules():
    run("""
    forget()
    import datajoint as new
    assert new is not dj and new.Manual is not dj.Manual
    try:
        (Subject & "nothing = 1").to_dicts()
    except DataJointError:
        pass
    else:
        raise AssertionError
    try:
        Subject.insert1({"subject": "x"})
    except DataJointError:
        pass
    else:
        raise AssertionError
    assert dj.DataJointError is DataJointError is not new.DataJointError
    assert dj.VirtualModule("lab", "lab", connection=dj.conn()).Subject.primary_key == ["subject"]
    assert dj.Diagram is not new.Diagram
    assert dj.conn() is schema.connection
    from datajoint.errors import DataJointError as found
    assert found is new.DataJointError

    new.config.update({"database.backend": "sqlite", "database.name": ":memory:"})
    lab = new.Schema("lab")

    @lab
    class Subject2(new.Manual):
        definition = "subject : int32"

    assert lab.list_tables() == ["subject2"] and schema.list_tables() == ["subject"]
    """)


def test_it_is_imported_again_and_again():
    run("""
    held = [dj]
    for _ in range(12):
        forget()
        held.append(importlib.import_module("datajoint"))
    assert 1 == sum(getattr(finder, "__module__", "") == "datajoint._lazy" for finder in sys.meta_path)
    assert len({package.errors.DataJointError for package in held}) == len(held)
    for package in reversed(held):
        assert issubclass(package.errors.QueryError, package.DataJointError)
        assert package.U("a").primary_key == ["a"]
    forget()
    assert not [name for name in sys.modules if name.startswith("datajoint")]
    assert dj.FreeTable(dj.conn(), "lab.subject").primary_key == ["subject"]
    assert not [name for name in sys.modules if name.startswith("datajoint")]
    """)


def test_deep_reload():
    run("""
    for name in sorted(name for name in sys.modules if name.partition(".")[0] == "datajoint"):
        importlib.reload(sys.modules[name])
    importlib.reload(dj)
    assert dj.errors.DataJointError.__name__ == "DataJointError"
    """)
