"""The existing client for interoperability tests: an interpreter of its own, made by `make peer`.

`DJ_TEST_PEER` names another interpreter that has it installed.
"""

import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.servers import Server


@pytest.fixture(scope="session")
def peer_python(pytestconfig: pytest.Config) -> Path:
    """Path of the interpreter, or skip."""
    path = Path(os.environ.get("DJ_TEST_PEER") or pytestconfig.rootpath / "build" / "peer" / "bin" / "python")
    if not path.exists():
        pytest.skip("the existing client is not installed (make peer)")
    return path


@pytest.fixture
def peer(peer_python: Path, backend: Server, tmp_path: Path) -> Callable[..., str]:
    """Give a function that runs a script (with `dj` connected to the backend) and returns what it printed."""
    ours = ("DJ_", "PYTHON")  # it would import our code by PYTHONPATH
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "DJ_HOST": backend.host,
        "DJ_PORT": str(backend.port),
        "DJ_USER": backend.user,
        "DJ_PASS": backend.password,
        "DJ_BACKEND": backend.name,
        "DJ_LOG_LEVEL": "WARNING",
    }
    start = "import datajoint as dj\ndj.config['safemode'] = False\n"

    def run(script: str) -> str:
        result = subprocess.run(
            [str(peer_python), "-c", start + textwrap.dedent(script)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert 0 == result.returncode, result.stderr
        return result.stdout

    return run
