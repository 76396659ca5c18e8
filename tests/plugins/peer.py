"""The existing clients for interoperability tests: interpreters of their own, made by `make peer`.

`DJ_TEST_PEER` and `DJ_TEST_PEER014` name other interpreters that have them installed.
"""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

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


class Client:
    """A process that has one release of DataJoint, connected to a database, and runs code for many tests."""

    def __init__(self, name: str, python: Path, environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python), str(Path(__file__).with_name("client_side.py"))],
                cwd=folder, env=dict(environment), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip

    def outcome(self, code: str, scope: str = "") -> dict[str, Any]:
        """Run code in a scope of its own, which keeps its names; return its outcome (see `client_side.outcome`)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([scope, textwrap.dedent(code)]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} has ended: {self._log.read_text()}"
        return json.loads(line)

    def __call__(self, code: str) -> Any:
        """Run code that must not fail; return what it left in `result`."""
        found = self.outcome(code)
        assert "error" not in found, f"{self.name}: {found.get('trace')}\n{code}"
        return found["value"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def client_pool() -> Iterator[dict[tuple[str, str], Client]]:
    """Processes of clients that run, by backend and release; tests in any order share them."""
    found: dict[tuple[str, str], Client] = {}
    yield found
    for client in found.values():
        client.close()


@pytest.fixture
def clients(
    request: pytest.FixtureRequest,
    backend: Server,
    client_pool: dict[tuple[str, str], Client],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Client]:
    """Give a function that returns the process of a client, `ours`, `2.3.5` or `0.14`, on the backend."""
    old = {"DJ_SUPPORT_FILEPATH_MANAGEMENT": "TRUE", "DJ_SUPPORT_ADAPTED_TYPES": "TRUE"}

    def get(name: str) -> Client:
        if (backend.name, name) not in client_pool:
            fixture = {"2.3.5": "peer_python", "0.14": "peer014_python"}.get(name)
            python = request.getfixturevalue(fixture) if fixture else Path(sys.executable)
            environment = _environment(backend, old if name == "0.14" else {"PYTHONWARNINGS": "ignore"})
            client = Client(name, python, environment, tmp_path_factory.mktemp("client"))
            client_pool[backend.name, name] = client
            client("import datajoint as dj\ndj.config['safemode'] = False")
            if name == "0.14":
                client("dj.config['enable_python_native_blobs'] = True")
        return client_pool[backend.name, name]

    return get


def _environment(backend: Server, switches: Mapping[str, str]) -> dict[str, str]:
    ours = ("DJ_", "PYTHON")  # it would import our code by PYTHONPATH
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "DJ_HOST": backend.host,
        "DJ_PORT": str(backend.port),
        "DJ_USER": backend.user,
        "DJ_PASS": backend.password,
        "DJ_BACKEND": backend.name,
        "DJ_LOG_LEVEL": "WARNING",
        **switches,
    }


def _runner(
    python: Path, backend: Server, folder: Path, start: str = "", switches: Mapping[str, str] | None = None
) -> Callable[..., str]:
    environment = _environment(backend, switches or {})
    start = f"import datajoint as dj\ndj.config['safemode'] = False\n{start}"

    def run(script: str) -> str:
        result = subprocess.run(
            [str(python), "-c", start + textwrap.dedent(script)],
            cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert 0 == result.returncode, result.stderr
        return result.stdout

    return run
