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
CPU_RATIO = 2.0
ROUNDS = 11
FRONT_LINES = 120
NAMES = HERE / "public_names.txt"

pytestmark = pytest.mark.skipif(not FRONT.exists(), reason="the front door is not built yet")


def fresh(code):
    """Run code in a fresh interpreter (without what coverage and plug-ins load) and give its output."""
    environment = {n: value for n, value in os.environ.items() if not n.startswith(("COV_", "DJ_"))}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert "" == run.stderr
    return run.stdout


def cpu(code):
    """Smallest CPU time of a few interpreters that run the code."""
    script = (
        "import resource, subprocess, sys\nbest = 9.0\n"
        "def used():\n"
        "    usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    return usage.ru_utime + usage.ru_stime\n"
        f"for _ in range({ROUNDS}):\n"
        "    before = used()\n"
        f"    subprocess.run([sys.executable, '-c', {code!r}], check=True)\n"
        "    best = min(best, used() - before)\n"
        "print(best)"
    )
    return float(fresh(script))


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


@pytest.mark.skipif(sys.platform == "win32", reason="needs the times of child processes")
def test_import_costs_little():
    bare, ours = cpu("pass"), cpu("import datajoint")
    assert ours <= CPU_RATIO * bare, f"{ours * 1000:.0f} ms against {bare * 1000:.0f} ms"


def test_front_door_is_a_table_of_names():
    assert len(FRONT.read_text(encoding="utf-8").splitlines()) < FRONT_LINES


def test_version_is_written_once():
    assert importlib.util.find_spec("datajoint.version") is not None
    pyproject = (HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in pyproject
