"""`import datajoint`: which names it gives and what it may load."""

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FRONT = HERE.parents[1] / "src" / "datajoint" / "__init__.py"
NOT_LOADED = {
    "IPython", "MySQLdb", "asyncio", "dataclasses", "fsspec", "importlib.metadata", "numpy",
    "obstore", "pandas", "polars", "psycopg", "pyarrow", "pydantic", "pymysql", "rich", "sqlglot",
    "sqlite3", "starlette", "tomllib",
}  # fmt: skip
FRONT_LINES = 120
NAMES = HERE / "public_names.txt"

pytestmark = pytest.mark.skipif(not FRONT.exists(), reason="the front door is not built yet")


def fresh(code):
    """Run code in a fresh interpreter (without what coverage and plug-ins load) and give its output."""
    environment = {n: value for n, value in os.environ.items() if not n.startswith(("COV_", "DJ_"))}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "" == run.stderr
    return run.stdout


def test_public_names_are_frozen():
    """A name is added by a line in public_names.txt, and never taken away without a deprecation."""
    import datajoint

    if not NAMES.exists():
        pytest.skip("not frozen yet: write the names into public_names.txt")
    frozen = NAMES.read_text(encoding="utf-8").split()
    assert frozen == sorted(datajoint.__all__)


def test_every_public_name_exists():
    import datajoint

    assert datajoint.__all__
    assert [] == [name for name in datajoint.__all__ if not hasattr(datajoint, name)]


def test_public_functions_and_classes_show_an_example():
    import datajoint

    public = {name: getattr(datajoint, name) for name in datajoint.__all__}
    without = [
        name
        for name, thing in public.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and not (inspect.isclass(thing) and issubclass(thing, BaseException))
        and ">>>" not in (thing.__doc__ or "")
    ]
    assert [] == without


def test_import_loads_nothing_slow():
    loaded = json.loads(fresh("import json, sys, datajoint; print(json.dumps(sorted(sys.modules)))"))
    assert set() == NOT_LOADED & set(loaded)


def test_import_costs_little():
    """The cost of the import is what it loads; `make bench` measures the time."""
    code = "import json, sys; before = set(sys.modules); import datajoint; print(json.dumps(sorted(set(sys.modules) - before)))"
    assert {"__future__", "datajoint", "datajoint._lazy", "datajoint.version", "types"} >= set(
        json.loads(fresh(code))
    )


def test_front_door_is_a_table_of_names():
    assert len(FRONT.read_text(encoding="utf-8").splitlines()) < FRONT_LINES


def test_version_is_written_once():
    assert importlib.util.find_spec("datajoint.version") is not None
    pyproject = (HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in pyproject
