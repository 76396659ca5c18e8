"""Fixtures that run one test on every backend: `backend`, `connect`, `instance`, `schema_name`, `schema`.

A test that asks for any of them runs once per backend, in schemas of its own with random names which are
dropped afterwards with all that depends on them. `@pytest.mark.backends("sqlite", …)` limits a test to
some backends.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from plugins.servers import BACKENDS, Server

LONGEST_TEST_PART = 20
LEFT_BEHIND = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "backends(*names): run a test only on these backends")
    config.stash[LEFT_BEHIND] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a backend once on each."""
    if "backend" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("backends")
    names = marker.args if marker else BACKENDS
    unknown = set(names) - set(BACKENDS)
    if unknown:
        pytest.fail(f"unknown backends {sorted(unknown)}", pytrace=False)
    metafunc.parametrize("backend", names, indirect=True, scope="session")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the schemas that could not be dropped."""
    for line in config.stash[LEFT_BEHIND]:
        terminalreporter.write_line(f"notice: left behind {line}")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest, server_of: Callable[[str], Server]) -> Server:
    """One database: `.name`, `.host`, `.user`, `.password`, `.port`, `.settings`, `.connect()` (driver)."""
    return server_of(request.param)


@pytest.fixture
def connect(backend: Server, schema_name: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Give a function that opens one more `dj.Instance` on the database of this test; settings by keyword.

    It asks for `schema_name` only to be taken down first: connections close, then schemas are dropped.
    """
    import datajoint as dj

    opened: list[Any] = []

    def open_one(**settings: Any) -> Any:
        where = backend.settings
        if backend.name == "sqlite":
            where = {**where, "database__name": str(tmp_path / "test.db")}
        one = dj.Instance(**{**where, "safemode": False, **settings})
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        with suppress(Exception):
            one.connection.close()


@pytest.fixture
def schema_name(
    backend: Server, request: pytest.FixtureRequest, pytestconfig: pytest.Config
) -> Iterator[Callable[..., str]]:
    """Give a function that makes a name `djt_<random>_<test>`; such schemas are dropped afterwards."""
    test = re.sub(r"[^a-z0-9]+", "_", request.node.name.split("[")[0].lower().removeprefix("test_"))
    names: list[str] = []

    def make(suffix: str = "") -> str:
        name = f"djt_{secrets.token_hex(4)}_{test[:LONGEST_TEST_PART].strip('_')}{'_' * bool(suffix)}{suffix}"
        names.append(name)
        return name

    yield make
    drop_schemas(backend, names, pytestconfig)


def drop_schemas(backend: Server, names: list[str], config: pytest.Config) -> None:
    """Drop schemas with all that depends on them; what stays is named at the end of the session."""
    if names and backend.name != "sqlite":
        try:
            _drop(backend, names)
        except Exception as error:  # noqa: BLE001 - a test is judged by its asserts, not by what it left
            config.stash[LEFT_BEHIND].append(f"{', '.join(names)} on {backend.name}: {error}")


def _drop(server: Server, names: list[str]) -> None:
    if server.name == "postgresql":
        before = ["set lock_timeout = '5s'"]
        drops = [f'drop schema if exists "{name}" cascade' for name in names]
    else:
        before = ["set foreign_key_checks = 0", "set lock_wait_timeout = 5"]
        drops = [f"drop database if exists `{name}`" for name in names]
    with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
        for statement in [*before, *drops]:
            cursor.execute(statement)


@pytest.fixture
def instance(connect: Callable[..., Any]) -> Any:
    """A `dj.Instance` of its own on the backend, `safemode` off; closed before the schemas are dropped."""
    return connect()


@pytest.fixture
def schema(instance: Any, schema_name: Callable[..., str]) -> Any:
    """A new, empty `Schema` of the instance."""
    return instance.Schema(schema_name())
