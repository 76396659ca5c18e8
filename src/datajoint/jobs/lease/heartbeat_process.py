"""Heartbeat process, which renews the leases of the workers of this machine, and its protocol.

A thread is not enough: it cannot run while other code holds the interpreter. The workers of one database
share a process, with one socket each. A closed socket means a dead worker, whose lease ends immediately. The
process ends with its last worker. It also reports cancelled jobs to their workers.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from datajoint._value import Value
from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.heading.types import parse_type
from datajoint.settings.backend import ConnectionSettings
from datajoint.settings.config import load_config
from datajoint.sql.ddl import as_one
from datajoint.sql.system_tables.workers import find_cancels, renew_worker, set_current_key

__all__ = ["BYE", "STARTING_SECONDS", "Setup", "Shown", "Slack", "cancels_of", "encoded", "main", "show"]

BYE = b"bye"
"""Last message of a worker that has released every job."""

STARTING_SECONDS = 30.0
"""Time for this process to start on a busy machine; added to the first lease of a worker."""
_UUID = parse_type("uuid")
_LEAST_SLACK, _MOST_SLACK = 2.0, 30.0
_URGENT = -10
"""Priority of the process, if the system permits it: it does little, and must not be late."""
_LOOK_SECONDS = 0.5
_CANCEL_SECONDS = 1.0
"""Interval of the polls for cancelled jobs, unless the lease is shorter."""


class Setup(Value):
    """Input of the heartbeat process.

    Attributes
    ----------
    listener
        Whether the inherited socket accepts workers; otherwise it is the socket of the only worker.
    handle
        File descriptor of the socket, or its shared form on Windows.
    """

    settings: ConnectionSettings
    listener: bool
    handle: Any


class Shown:
    """Key that the list of workers shows: one that runs for longer than one poll.

    Examples
    --------
    >>> shown = Shown()
    >>> [shown.changes(key) for key in ("a", "b", "b", "b", None)]
    [False, False, True, False, True]
    """

    def __init__(self) -> None:
        self._seen: str | None = None
        self.key: str | None = None

    def changes(self, current: str | None) -> bool:
        """Record the running key, and return True if `key` has changed."""
        steady = current if current == self._seen else None
        self._seen = current
        changed, self.key = steady != self.key, steady
        return changed


class Slack:
    """Seconds added to leases, so that no worker loses its lease on a busy machine or server.

    It is twice the recent delay of the renewals.

    Examples
    --------
    >>> slack = Slack()
    >>> [slack.seconds for late in (0, 3, 0, 0, 0, 0, 1000) if slack.note(late) is None]
    [3.5, 6, 4.2, 2.94, 2.058, 2.0, 30.0]
    """

    def __init__(self) -> None:
        self.seconds = 5.0

    def note(self, late: float) -> None:
        """Record a renewal that was `late` seconds late."""
        self.seconds = min(_MOST_SLACK, max(_LEAST_SLACK, 2 * late, round(0.7 * self.seconds, 3)))


class _Member:
    """Worker as this process sees it: its socket, its lease, and the messages exchanged."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.process = _process_of(channel)
        self.worker: UUID | None = None
        self.schemas: tuple[str, ...] = ()
        self.lease = 1.0
        self.renewed: float | None = None
        self.looked = -1e9
        self.said = b""
        self.gone = self.left = False
        self.told: set[tuple[str, str, int]] = set()
        self.shown: dict[str, Shown] = {}
        self.current: dict[str, str | None] = {}

    def hear(self) -> None:
        """Read the messages of the worker."""
        try:
            said = self.channel.recv(65536)
        except OSError:
            said = b""
        self.gone = self.gone or not said
        *lines, self.said = (self.said + said).split(b"\n")
        for line in lines:
            if line == BYE:
                self.gone = self.left = True
            else:
                self._introduce(json.loads(line))

    def _introduce(self, hello: dict[str, Any]) -> None:
        if "current" in hello:
            self.current = hello["current"]
            return
        self.worker, self.schemas = UUID(hello["worker"]), tuple(hello["schemas"])
        self.lease = float(hello["lease"])
        self.shown = {schema: Shown() for schema in self.schemas}

    def is_alive(self) -> bool:
        """Whether the process exists; a fork of it may hold the socket open."""
        if self.process is not None:
            try:
                os.kill(self.process, 0)
            except ProcessLookupError:
                return False
            except OSError:
                pass
        return not self.gone

    def is_due(self, now: float) -> bool:
        """Whether the lease must be renewed."""
        if self.worker is None or not self.is_alive():
            return False
        return self.renewed is None or now - self.renewed >= self.lease / 3

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message to the worker."""
        with suppress(OSError):
            self.channel.sendall(json.dumps(message).encode() + b"\n")


def _process_of(channel: socket.socket) -> int | None:
    """Return the local process id of the other end; None if the system does not report it."""
    if sys.platform != "linux":
        return None
    try:
        told = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    return struct.unpack("3i", told)[0] or None


class _Beat:
    """Loop that renews the leases of its members, and reports cancelled jobs to them."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._slack = Slack()
        self._members: list[_Member] = []
        self._gone: list[tuple[_Member, float]] = []
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None

    def listen(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ)
        self._accept()

    def take(self, channel: socket.socket) -> None:
        member = _Member(channel)
        channel.settimeout(_LOOK_SECONDS)
        self._members.append(member)
        self._selector.register(channel, selectors.EVENT_READ, member)
        member.tell({})

    def run(self) -> None:
        while self._members or self._gone:
            shortest = min((member.lease for member in self._members), default=1.0)
            for found, _ in self._selector.select(min(_LOOK_SECONDS, shortest / 6)):
                if found.data is None:
                    self._accept()
                else:
                    found.data.hear()
            self._renew_due()
            for member in list(self._members):
                self._look_after(member)
            self._end_leases()

    def _accept(self) -> None:
        with suppress(OSError):
            while self._listener is not None:
                self.take(self._listener.accept()[0])

    def _look_after(self, member: _Member) -> None:
        if not member.is_alive():
            self._selector.unregister(member.channel)
            self._members.remove(member)
            if not member.left:
                self._gone.append((member, time.monotonic() + member.lease + STARTING_SECONDS))
            member.channel.close()
            return
        now = time.monotonic()
        if member.worker is not None and now - member.looked >= min(_CANCEL_SECONDS, member.lease / 3):
            member.looked = now
            self._tell(member, member.worker)
            self._show(member, member.worker)

    def _end_leases(self) -> None:
        """End the leases of dead workers; retry while the server is away, until the leases lapse."""
        waiting = self._gone
        self._gone = []
        for member, until in waiting:
            try:
                self._send([member], 0)
            except LostConnectionError:
                if time.monotonic() < until:
                    self._gone.append((member, until))
            except DataJointError:  # the schema no longer exists
                pass

    def _renew_due(self) -> None:
        """Renew all due leases in one batch."""
        now = time.monotonic()
        due = [member for member in self._members if member.is_due(now)]
        if due and not self._renew(due):
            due = [member for member in due if self._renew([member])]  # a schema may be missing
        for member in due:
            if member.renewed is not None:
                self._slack.note(max(0.0, time.monotonic() - member.renewed - member.lease / 3))
            member.renewed = now

    def _renew(self, members: Sequence[_Member]) -> bool:
        try:
            self._send(members)
        except DataJointError:  # the server may come back within the lease
            return False
        return True

    def _send(self, members: Sequence[_Member], seconds: float | None = None) -> None:
        connection = self._connected()
        statements = [s for member in members for s in self._renewals(connection, member, seconds)]
        connection.execute_batch(as_one(statements, connection.dialect), whole=True)

    def _renewals(
        self, connection: Connection, member: _Member, seconds: float | None
    ) -> Iterator[tuple[str, Parameters]]:
        lasts = member.lease + self._slack.seconds if seconds is None else seconds
        for schema in member.schemas:
            text = renew_worker(schema, lasts, connection.dialect)
            yield text, [encoded(connection, member.worker)]

    def _tell(self, member: _Member, worker: UUID) -> None:
        with suppress(DataJointError):
            for table, key, attempt, message in cancels_of(self._connected(), member.schemas, worker):
                if (table, key, attempt) not in member.told:
                    member.told.add((table, key, attempt))
                    member.tell({"cancel": [table, key, message]})

    def _show(self, member: _Member, worker: UUID) -> None:
        with suppress(DataJointError):
            for schema, shown in member.shown.items():
                if shown.changes(member.current.get(schema)):
                    show(self._connected(), schema, worker, shown.key)
        member.tell({"ask": "current"})

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = Connection.of(self._settings, load_config())
        return self._connection


def cancels_of(
    connection: Connection, schemas: Sequence[str], worker: UUID
) -> Iterator[tuple[str, str, int, str]]:
    """Yield the cancelled jobs of a worker that have not ended: table, key digest, attempt, message.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> list(cancels_of(connection, [], UUID(int=1)))
    []
    """
    for schema in schemas:
        text = find_cancels(schema, connection.dialect)
        for table, key, attempt, message in connection.fetch_all(text, [encoded(connection, worker)]):
            yield table, key, attempt, message or ""


def show(connection: Connection, schema: str, worker: UUID, key: str | None) -> None:
    """Write the running key of a worker to the list of workers."""
    text = set_current_key(schema, connection.dialect)
    connection.execute(text, [key, encoded(connection, worker)])


def encoded(connection: Connection, worker: UUID | None) -> Any:
    """Return the id of a worker in the form that the driver takes."""
    encode = connection.dialect.encoder(_UUID)
    return encode(worker) if encode else worker


def main() -> None:
    """Run the heartbeat process with the `Setup` from standard input."""
    import pickle

    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, _URGENT)
    setup: Setup = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent process
    if sys.platform == "win32":
        inherited = socket.fromshare(setup.handle)
    else:
        inherited = socket.socket(fileno=setup.handle)
    beat = _Beat(setup.settings)
    if setup.listener:
        beat.listen(inherited)
    else:
        beat.take(inherited)
    beat.run()
