"""The session of a connection: opened, found lost, opened again."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from time import monotonic

from datajoint import logging
from datajoint.backends.backend import Backend
from datajoint.backends.base import Session
from datajoint.backends.registry import get_backend
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.settings.backend import ConnectionSettings
from datajoint.settings.config import Config

__all__ = ["Link"]

_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 17), "PostgreSQL": (12,), "SQLite": (3, 38)}


class Link:
    """One session to a database after the other; it outlives them, and a fork.

    Attributes
    ----------
    doubt
        Whether a call to the session was interrupted, or runs now; see `Guard`.
    inherited
        What belongs to the parent of this process; were it collected, the parent's session would be closed.
    is_alone
        Whether the server has surely ended all sessions before the present one.
    lock
        Held while a statement runs.
    session
        The present one.
    """

    __slots__ = (
        "_left", "_opened", "backend", "config", "doubt", "inherited", "is_alone", "lock", "process",
        "session", "settings",
    )  # fmt: skip

    def __init__(self, settings: ConnectionSettings, config: Config) -> None:
        self.settings = settings
        self.config = config
        self.backend: Backend = get_backend(settings.backend)
        self.lock = threading.RLock()
        self.process = os.getpid()
        self.doubt = False
        self.is_alone = True
        self.inherited: list[object] = []
        self._left: list[tuple[int, float]] = []
        self.session: Session = self._open()
        _look_at_version(self.session.server_version)

    def _open(self) -> Session:
        now, database = monotonic(), self.config.database
        session = self.backend.session.open(
            self.settings, synchronous=database.synchronous, busy_timeout=database.busy_timeout
        )
        self._opened = now
        return session

    def reopen(self, error: LostConnectionError) -> None:
        """Open a session in place of a lost one; raises its error where that is not wanted or loses data."""
        if not self.config.database.reconnect or self.settings.name == ":memory:":
            raise error
        self._replace(self.session.close)

    def renew(self) -> None:
        """Open a session in place of one that was dropped because a call was interrupted.

        Raises
        ------
        LostConnectionError
            When that is not wanted.
        """
        if not self.config.database.reconnect:
            raise LostConnectionError(
                "The connection was closed, because a statement on it was interrupted.",
                hint="Open another one, or let the setting `database.reconnect` be on.",
            )
        self._replace()

    def _replace(self, close: Callable[[], None] | None = None) -> None:
        """Open another session, and see that the server does nothing more for those before it."""
        before = (self.session.connection_id, self._opened)
        if before not in self._left:  # this, too, may be interrupted, and is then done again
            self._left.append(before)
        if close is not None:
            close()
        self.session = self._open()
        self.is_alone = True
        while self._left:
            number, opened = self._left[0]
            has_ended = False
            with suppress(DataJointError):  # it ends by itself, later
                has_ended = self.session.end_other(number, monotonic() - opened)
            self.is_alone = self.is_alone and has_ended
            del self._left[0]

    def after_fork(self) -> None:
        """Open a session of our own in a forked process; that of the parent is left alone, never closed."""
        self.session.leave()
        self.inherited.append(self.session)
        self.lock = threading.RLock()
        self.process = os.getpid()
        self._left.clear()
        self.session = self._open()
        self.doubt = False

    def close(self) -> None:
        """Close the session, when the connection is closed or forgotten or the process ends."""
        # A forked process must not say good-bye to the server in the name of its parent.
        if self.process == os.getpid():
            if self.doubt:  # an answer may be on its way
                self.session.recover()
            self.session.close()


@cache  # so that it is said once a process and version: CFG-18
def _look_at_version(server: str) -> None:
    """Say that a server is older than what DataJoint is tested with."""
    product, _, version = server.partition(" ")
    oldest = _OLDEST.get(product)
    found = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if oldest is not None and found >= oldest:
        return
    supported = ", ".join(f"{name} {'.'.join(map(str, oldest))}" for name, oldest in _OLDEST.items())
    logging.logger.warning("%s is not supported: things may go wrong; supported from: %s", server, supported)
