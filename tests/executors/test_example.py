"""The executor that docs/extend/executor.md shows bears what every executor has to bear."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from datajoint.testing import ExecutorTests

PAGE = Path(__file__).parents[2] / "docs" / "extend" / "executor.md"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The first example of the page as a module."""
    file = tmp_path_factory.mktemp("example") / "pool_executor.py"
    file.write_text(
        re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1], "utf-8"
    )
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[file.stem]


class TestExample(ExecutorTests):
    output = 2 * 10**7

    @pytest.fixture
    def executor(self, example):
        executor = example.PoolExecutor()
        yield executor
        executor.close()
