"""The existing clients for interoperability tests: interpreters of their own, made by `make peer`.

`DJ_TEST_PEER` and `DJ_TEST_PEER014` name other interpreters that have them installed.
"""

import os
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from plugins.servers import Server


@pytest.fixture(scope="session")
def peer_python(pytestconfig: pytest.Config) -> Path:
    """Path of the interpreter, or skip."""
    return _found(pytestconfig, "DJ_TEST_PEER", "peer")


@pytest.fixture(scope="session")
def peer014_python(pytestconfig: pytest.Config) -> Path:
    """Path of the interpreter that has release 0.14, or skip."""
    return _found(pytestconfig, "DJ_TEST_PEER014", "peer014")


def _found(config: pytest.Config, variable: str, folder: str) -> Path:
    path = Path(os.environ.get(variable) or config.rootpath / "build" / folder / "bin" / "python")
    if not path.exists():
        pytest.skip("the existing client is not installed (make peer)")
    return path


@pytest.fixture
def peer(peer_python: Path, backend: Server, tmp_path: Path) -> Callable[..., str]:
    """Give a function that runs a script (with `dj` connected to the backend) and returns what it printed."""
    return _runner(peer_python, backend, tmp_path)


@pytest.fixture
def peer014(peer014_python: Path, backend: Server, tmp_path: Path) -> Callable[..., str]:
    """Give a function like `peer` for release 0.14, with its optional types switched on."""
    start = "dj.config['enable_python_native_blobs'] = True\n"
    switches = {"DJ_SUPPORT_FILEPATH_MANAGEMENT": "TRUE", "DJ_SUPPORT_ADAPTED_TYPES": "TRUE"}
    return _runner(peer014_python, backend, tmp_path, start, switches)


def _runner(
    python: Path, backend: Server, folder: Path, start: str = "", switches: Mapping[str, str] | None = None
) -> Callable[..., str]:
    ours = ("DJ_", "PYTHON")  # it would import our code by PYTHONPATH
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "DJ_HOST": backend.host,
        "DJ_PORT": str(backend.port),
        "DJ_USER": backend.user,
        "DJ_PASS": backend.password,
        "DJ_BACKEND": backend.name,
        "DJ_LOG_LEVEL": "WARNING",
    }
    environment |= dict(switches or {})
    start = f"import datajoint as dj\ndj.config['safemode'] = False\n{start}"

    def run(script: str) -> str:
        result = subprocess.run(
            [str(python), "-c", start + textwrap.dedent(script)],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert 0 == result.returncode, result.stderr
        return result.stdout

    return run
