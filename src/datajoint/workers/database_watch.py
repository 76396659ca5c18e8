"""Watch of the database for a worker, in a thread with its own session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from datajoint import logging
from datajoint.backends.signals import Signals
from datajoint.engine.connection import Connection
from datajoint.engine.signals import open_signals
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.sql.system import EVENTS
from datajoint.workers.change_feed import News

__all__ = ["Watcher"]

_LOOK = 0.5
"""Interval at which the thread checks for its end, in seconds."""
_PAUSE = 2.0
"""Pause after a loss of the session, in seconds."""


class Watcher:
    """Thread that calls `touch` after changes of the database, and at least every `poll` seconds.

    Only the thread uses the session. `close` sets an event and joins the thread.

    Parameters
    ----------
    connection
        Connection of the tables.
    tables
        Tables to watch.
    poll
        Longest time between two calls of `touch`, in seconds.
    touch, beat
        Functions that the thread calls: `touch` with the changed tables, or with None if they are unknown;
        `beat` at each interval.
    """

    def __init__(
        self, connection: Connection, tables: Sequence[TableName], poll: float,
        touch: Callable[[frozenset[TableName] | None], None], beat: Callable[[], None],
    ) -> None:  # fmt: skip
        self._connection, self._tables, self._poll = connection, tables, poll
        self._touch, self._beat = touch, beat
        schemas = dict.fromkeys(name.schema for name in tables)
        known = connection.catalog.find
        self._schemas = [schema for schema in schemas if known(TableName(schema, EVENTS)) is not None]
        self._ended = threading.Event()
        self._signals: Signals | None = self._open()
        self._thread = threading.Thread(target=self._watch, name="datajoint-watch", daemon=True)
        self._thread.start()

    def _open(self) -> Signals | None:
        if self._connection.settings.name == ":memory:":  # no other process can write there
            return None
        signals = open_signals(self._connection, self._tables)
        self._news = News(signals.session, self._schemas)
        return signals

    def _watch(self) -> None:
        touched = time.monotonic()
        while not self._ended.is_set():
            self._beat()
            changed = self._has_changed(min(_LOOK, self._poll))
            if changed or time.monotonic() - touched >= self._poll:
                touched = time.monotonic()
                self._touch(None)
        if self._signals is not None:
            self._signals.close()

    def _has_changed(self, seconds: float) -> bool:
        if self._connection.settings.name == ":memory:":
            self._ended.wait(seconds)
            return False
        try:
            if self._signals is None:
                self._signals = self._open()
                return True
            changed = self._signals.wait(seconds)
            if changed and (news := self._news.read()):
                self._touch(news)
        except DataJointError as error:
            logging.logger.debug("watching was interrupted: %s", error)
            self._forget()
            self._ended.wait(_PAUSE)
            return True
        return changed

    def _forget(self) -> None:
        signals, self._signals = self._signals, None
        if signals is not None:
            signals.close()

    def close(self) -> None:
        """End the thread and its session."""
        self._ended.set()
        self._thread.join()
