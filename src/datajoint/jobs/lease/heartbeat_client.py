"""Heartbeat of a worker as the worker sees it: start, stop, and incoming cancellations."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from datajoint.backends.sqlite.lock import WriterLock
from datajoint.engine.blocks import Cleanup
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.jobs.cancel import Cancels
from datajoint.jobs.lease.heartbeat_process import (
    BYE,
    STARTING_SECONDS,
    Setup,
    Shown,
    cancels_of,
    encoded,
    main,
    show,
)
from datajoint.settings.backend import ConnectionSettings
from datajoint.settings.config import Config, load_config
from datajoint.sql.system_tables.workers import renew_worker
from datajoint.version import __version__

__all__ = ["Looks", "Pulse"]

_BACKLOG = 128


class End:
    """Event that a thread waits for, safe under interruption.

    `threading.Event` is written in Python, and an interruption inside it may leave its lock held forever.
    Here each step is one call into C, which completes or not, and can be repeated.

    Examples
    --------
    >>> end = End()
    >>> end.wait(0.001)
    False
    >>> end.set()
    >>> end.wait(10), end.is_set()
    (True, True)
    """

    def __init__(self) -> None:
        self._marks: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Set the event."""
        self._marks.put(None)

    def is_set(self) -> bool:
        """Return True if the event is set."""
        return not self._marks.empty()

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for the event; return True if it is set."""
        with suppress(Empty):
            self._marks.get(timeout=seconds)
            self._marks.put(None)
        return self.is_set()


class Pulse:
    """Client of the heartbeat process, which the workers of this machine share if they can.

    A thread reads the channel and reconnects. `_lock` guards the replacement of the channel: after `die` no
    new channel can renew the lease.

    Parameters
    ----------
    settings
        Settings of the connection.
    worker, schemas, lease
        Worker to keep alive, the schemas that list it, and the seconds of its lease.
    cancels
        Receives the cancelled jobs, from the thread of this object.
    cleanup
        Becomes due when an interruption ends the work; then the lease ends, too.
    """

    def __init__(
        self, settings: ConnectionSettings, worker: UUID, schemas: Sequence[str], lease: float,
        cancels: Cancels, cleanup: Cleanup,
    ) -> None:  # fmt: skip
        self._settings, self._lease, self._cancels, self._cleanup = settings, lease, cancels, cleanup
        self._schemas, self._worker = tuple(schemas), worker
        hello = {"worker": str(worker), "schemas": list(schemas), "lease": lease}
        self._hello = json.dumps(hello).encode() + b"\n"
        self._process: Any = None
        self._greeted = False
        self._lock, self._stopping = threading.Lock(), End()
        self._channel: socket.socket | None = None

    def start(self) -> None:
        """Connect to the heartbeat process and start the thread that reads from it."""
        self._channel = self._joined()
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self) -> None:
        """Leave the heartbeat process after every job has been released."""
        self._stopping.set()
        if self._process is not None and not self._greeted:
            self._process.kill()  # short work ends before the process has imported anything
        if (channel := self._channel) is not None:
            with suppress(OSError):
                channel.sendall(BYE + b"\n")
        self.die()

    def die(self) -> None:
        """Leave the heartbeat process as if this process had died: the lease ends."""
        with self._lock:  # from now on no new channel can renew the lease
            self._stopping.set()
            if (channel := self._channel) is not None:
                with suppress(OSError):
                    channel.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while (channel := self._channel) is not None:
            with suppress(OSError, ValueError), channel, channel.makefile("rb") as lines:
                for line in lines:
                    self._greeted = True
                    self._answer(channel, json.loads(line))
            if self._stopping.wait(min(1.0, self._lease / 6)):
                break
            self._hold_out()  # the heartbeat process may have been killed
            another = self._joined()
            with self._lock:
                self._channel = another
                if self._stopping.is_set():  # no other code closes it
                    another.close()
                    break
        if self._process is not None:
            self._process.wait()

    def _hold_out(self) -> None:
        """Renew the lease until the next heartbeat process has started."""
        with suppress(DataJointError):
            connection = Connection.of(self._settings, load_config())
            for schema in self._schemas:
                text = renew_worker(schema, self._lease + STARTING_SECONDS, connection.dialect, longer=True)
                connection.execute(text, [encoded(connection, self._worker)])
            connection.close()

    def _answer(self, channel: socket.socket, message: dict[str, Any]) -> None:
        if cancelled := message.get("cancel"):
            self._cancels.add(*cancelled)
        _end_with(self._cleanup)
        if message.get("ask") == "current":
            current = {schema: self._cancels.current(schema) for schema in self._schemas}
            channel.sendall(json.dumps({"current": current}).encode() + b"\n")

    # ---------------------------------------------------------------------------------------------- joining

    def _joined(self) -> socket.socket:
        """Return a channel to the heartbeat process of this machine, or to a private one."""
        self._greeted = False
        channel = self._shared() or self._own()
        with suppress(OSError):
            channel.sendall(self._hello)
        return channel

    def _shared(self) -> socket.socket | None:
        path = _socket_path(self._settings)
        if path is None:
            return None
        with suppress(OSError):
            return _connect(path)
        lock = WriterLock(f"{path}.lock")
        try:
            return self._started(path) if lock.acquire(1) else None
        except OSError:
            return None
        finally:
            lock.close()

    def _started(self, path: str) -> socket.socket:
        with suppress(OSError):
            return _connect(path)  # another worker has just started it
        with suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(_BACKLOG)
            channel = _connect(path)
            self._run(listener, shared=True)
        return channel

    def _own(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._run(theirs, shared=False)
        return ours

    def _run(self, inherited: socket.socket, *, shared: bool) -> None:
        """Start the heartbeat process with an inherited socket."""
        import pickle
        import subprocess

        path = [entry or os.getcwd() for entry in sys.path]
        code = (
            f"import time, sys; time.sleep({self._lease / 6!r}); sys.path[:] = {path!r}; "
            f"from {main.__module__} import main; main()"
        )
        windows = sys.platform == "win32"
        if self._process is not None:
            self._process.poll()
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
            pass_fds=() if windows else [inherited.fileno()],
        )  # fmt: skip
        handle: Any = inherited.share(self._process.pid) if sys.platform == "win32" else inherited.fileno()
        with suppress(OSError), self._process.stdin as stdin:
            stdin.write(pickle.dumps(Setup(self._settings, shared, handle)))


def _end_with(cleanup: Cleanup) -> None:
    if cleanup.is_due and cleanup.prepare is not None:
        cleanup.prepare()


def _connect(path: str) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        channel.connect(path)
    except BaseException:
        channel.close()
        raise
    return channel


def _socket_path(settings: ConnectionSettings) -> str | None:
    """Return the socket path of the heartbeat of a database and user; None if sharing is impossible."""
    folder = _runtime_folder() if hasattr(socket, "AF_UNIX") else None
    if folder is None:
        return None
    s = settings
    what = repr((__version__, sys.executable, s.backend, s.host, s.port, s.name, s.user))
    return os.path.join(folder, f"{hashlib.blake2b(what.encode(), digest_size=12).hexdigest()}.beat")


def _runtime_folder() -> str | None:
    """Return a private folder of this user, or None if it cannot be created."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = os.path.join(base, f"datajoint-{os.getuid()}")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if private else None


class Looks:
    """Thread of a worker on a SQLite file that polls for cancelled jobs; a file lock replaces the lease.

    Parameters
    ----------
    settings, config
        Settings of the connection, and the configuration.
    worker, schemas, lease, cancels, cleanup
        As for `Pulse`.
    """

    def __init__(
        self, settings: ConnectionSettings, config: Config, worker: UUID, schemas: Sequence[str],
        lease: float, cancels: Cancels, cleanup: Cleanup,
    ) -> None:  # fmt: skip
        self._settings, self._config, self._cleanup = settings, config, cleanup
        self._worker, self._schemas = worker, tuple(schemas)
        self._seconds, self._cancels = min(1.0, lease / 3), cancels
        self._shown = {schema: Shown() for schema in self._schemas}
        self._known: set[tuple[str, str, int]] = set()
        self._ended = End()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._look, daemon=True).start()

    def stop(self) -> None:
        """Stop the thread."""
        self._ended.set()

    die = stop

    def _look(self) -> None:
        connection: Connection | None = None
        while not self._ended.wait(self._seconds):
            _end_with(self._cleanup)
            with suppress(DataJointError):
                connection = connection or Connection.of(self._settings, self._config)
                self._hear_and_show(connection)
        if connection is not None:
            connection.close()

    def _hear_and_show(self, connection: Connection) -> None:
        for table, key, attempt, message in cancels_of(connection, self._schemas, self._worker):
            if (table, key, attempt) not in self._known:
                self._known.add((table, key, attempt))
                self._cancels.add(table, key, message)
        for schema, shown in self._shown.items():
            if shown.changes(self._cancels.current(schema)):
                with connection.transaction:  # in the queue of writers
                    show(connection, schema, self._worker, shown.key)
