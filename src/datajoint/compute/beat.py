"""The beat: a small process that renews the lease of a worker while the worker computes.

A thread would not do: it is silent as long as code holds the interpreter. The beat ends with its worker,
whose death it notices at the pipe between them, and then ends the lease at once.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Any
from uuid import UUID

from datajoint._value import Value
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.types import parse_type
from datajoint.settings.backend import ConnectionSettings
from datajoint.settings.config import load_config
from datajoint.sql.workers import renew_worker

__all__ = ["Beat", "Setup", "main"]

_UUID = parse_type("uuid")
_LOOK_SECONDS = 0.5


class Setup(Value):
    """What the beat needs to know."""

    settings: ConnectionSettings
    schemas: tuple[str, ...]
    worker: bytes
    lease: float
    parent: int


class Beat:
    """The beat of a worker, as the worker sees it.

    Parameters
    ----------
    setup
        Whose lease it renews.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: Any = None

    def ensure(self) -> None:
        """Start the process where it does not run."""
        if self._process is None or self._process.poll() is not None:
            self._start()

    def _start(self) -> None:
        import pickle
        import subprocess

        path = [entry or os.getcwd() for entry in sys.path]
        # Short work is over before anything is renewed: then not even the imports are paid for.
        code = (
            f"import time, sys; time.sleep({self._setup.lease / 6!r}); sys.path[:] = {path!r}; "
            f"from {__name__} import main; main()"
        )
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        with suppress(OSError):
            self._process.stdin.write(pickle.dumps(self._setup))
            self._process.stdin.flush()

    def stop(self) -> None:
        """End the process; the lease is the worker's own affair again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with suppress(OSError):
            process.stdin.close()
        process.wait()


def main() -> None:
    """Run as the beat, told by standard input."""
    import pickle

    setup: Setup = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own parent
    gone = threading.Event()
    threading.Thread(target=_listen, args=[gone], daemon=True).start()
    connection: Connection | None = None
    waited = setup.lease
    while not gone.wait(min(_LOOK_SECONDS, setup.lease / 6)) and _has_parent(setup):
        waited += min(_LOOK_SECONDS, setup.lease / 6)
        if waited >= setup.lease / 3:
            with suppress(DataJointError):  # the server may come back within the lease
                connection = connection or _connect(setup)
                _renew(connection, setup, setup.lease)
                waited = 0.0
    with suppress(DataJointError):
        _renew(connection or _connect(setup), setup, 0)


def _listen(gone: threading.Event) -> None:
    sys.stdin.buffer.read(1)
    gone.set()


def _has_parent(setup: Setup) -> bool:
    return sys.platform == "win32" or os.getppid() == setup.parent


def _connect(setup: Setup) -> Connection:
    return Connection.of(setup.settings, load_config())


def _renew(connection: Connection, setup: Setup, seconds: float) -> None:
    worker = connection.dialect.encoder(_UUID)
    value = UUID(bytes=setup.worker)
    for schema in setup.schemas:
        text = renew_worker(schema, seconds, connection.dialect)
        connection.execute(text, [worker(value) if worker else value])
