"""The way to the first query is short: modules that are not needed on it wait for their use."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from datajoint import _lazy

CONNECTION_MODULES = 36
QUERY_MODULES = 100
NOT_RUN = {"csv", "hashlib", "html", "inspect", "locale", "logging", "numpy", "pathlib", "random"}
ASK = "import datajoint as dj; dj.conn().query('SELECT 1').fetchall()"
QUERY = """
import datajoint as dj
schema = dj.Instance(backend="sqlite", database__name={file!r}).Schema("lab")
@schema
class Subject(dj.Manual):
    definition = '''
    subject_id : int32
    ---
    species : varchar(20)
    '''
(Subject & {{"subject_id": 1}}).to_dicts()
"""
RAN = """
import json, sys, types
print(json.dumps([name for name, module in sys.modules.items() if type(module) is types.ModuleType]))
"""


def ran(code, tmp_path):
    """Run code in a fresh interpreter and return the modules whose code ran."""
    environment = {n: value for n, value in os.environ.items() if not n.startswith(("COV_", "DJ_"))}
    environment |= {
        "DJ_IGNORE_CONFIG_FILE": "true",
        "DJ_BACKEND": "sqlite",
        "DJ_DATABASE_NAME": str(tmp_path / "x.db"),
    }
    run = subprocess.run(
        [sys.executable, "-c", code + RAN], env=environment, capture_output=True, text=True, check=False
    )
    assert "" == run.stderr
    return json.loads(run.stdout)


def ours(modules):
    return sorted(name for name in modules if name.split(".")[0] == "datajoint")


def test_a_connection_needs_few_modules(tmp_path):
    modules = ran(ASK, tmp_path)
    assert len(ours(modules)) <= CONNECTION_MODULES, ours(modules)
    assert set() == NOT_RUN & set(modules)


def test_a_query_needs_few_modules(tmp_path):
    code = QUERY.format(file=str(tmp_path / "lab.db"))
    ran(code, tmp_path)  # declares the table
    modules = ran(code, tmp_path)
    assert len(ours(modules)) <= QUERY_MODULES, ours(modules)
    assert set() == NOT_RUN & set(modules)


def test_parts_exist(modules):
    names = {f"datajoint.{module.name}" for module in modules}
    assert set() == _lazy.PARTS - names


def test_what_waits_is_complete_when_it_is_asked():
    for name in sorted(_lazy.PARTS):
        module = import_module(name)
        if name == "datajoint.logging":
            assert module.logger
        else:
            assert module.__doc__ if hasattr(module, "__path__") else module.__all__


def test_threads_wait_for_a_part_that_runs(tmp_path):
    """Nobody sees half a module."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.05)\nvalue = 1\n", encoding="utf-8")
    spec = spec_from_file_location("slow", tmp_path / "slow.py")
    spec.loader = _lazy._Later(spec.loader)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: module.value, range(4)))
    assert [1] * 4 == found
    assert module.__spec__.loader.name == "slow"


def test_a_part_that_fails_fails_at_each_use(tmp_path):
    (tmp_path / "wrong.py").write_text("raise OSError('no')", encoding="utf-8")
    spec = spec_from_file_location("wrong", tmp_path / "wrong.py")
    spec.loader = _lazy._Later(spec.loader)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            _ = module.value
