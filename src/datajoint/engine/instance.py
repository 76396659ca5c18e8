"""The state department: configuration and connection of one use of DataJoint, and the default one."""

from __future__ import annotations

import atexit
import os
import threading
from functools import cache
from typing import Any

from datajoint import logging
from datajoint._edge import edge
from datajoint.engine.connection import Connection
from datajoint.errors import ThreadSafetyError
from datajoint.settings.backend import resolve_connection
from datajoint.settings.config import Config, Default as _Default, take_config

__all__ = ["CoreInstance", "conn", "default_instance", "thread_safe"]


class CoreInstance:
    """Settings, and the connection that follows from them, opened on first need.

    Parameters
    ----------
    config
        Settings of this instance alone.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    @property
    def connection(self) -> Connection:
        """The connection, opened on first need.

        Raises
        ------
        ConfigurationError
            When the settings name no database completely.
        LostConnectionError
            When the server cannot be reached.
        """
        if self._connection is None:
            with self._lock:
                if self._connection is None:
                    self._connection = self._connect()
        return self._connection

    def _connect(self) -> Connection:
        settings = resolve_connection(self.config)
        connection = Connection.of(settings, self.config)
        if settings.announced:
            _announce(str(settings.name))
        return connection

    def reset(self) -> None:
        """Close the connection; the next use opens one with the settings of then."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __repr__(self) -> str:
        return f"Instance({self._connection!r})" if self._connection else "Instance(not connected)"


def _announce(file: str) -> None:
    _announce_path(file if file == ":memory:" else os.path.abspath(file))


@cache  # so that it is said once a process and file: CFG-13
def _announce_path(path: str) -> None:
    logging.logger.info("no server is configured: using the database file %s", path)


def thread_safe() -> bool:
    """Whether global state is forbidden by ``DJ_THREAD_SAFE`` (CFG-15)."""
    return os.environ.get("DJ_THREAD_SAFE", "").lower() in ("1", "true", "yes", "on")


def default_instance(what: str = "dj.conn()") -> CoreInstance:
    """Return the instance behind ``dj.config``, ``dj.conn()`` and bare ``dj.Schema``.

    Raises
    ------
    ThreadSafetyError
        When ``DJ_THREAD_SAFE`` forbids global state.
    """
    if thread_safe():
        raise ThreadSafetyError(
            f"{what} is global state, which DJ_THREAD_SAFE forbids.", hint="Use dj.Instance(...)."
        )
    if _Default.instance is None:
        with _Default.lock:
            if _Default.instance is None:
                _Default.instance = CoreInstance(take_config())
                atexit.register(_Default.instance.reset)
    return _Default.instance


@edge
class _Shared:
    """The shared connection: ``dj.conn()``, opened on first need."""

    def __call__(
        self, host: str | None = None, user: str | None = None, password: str | None = None, *,
        port: int | None = None, use_tls: Any = None, reset: bool = False,
    ) -> Connection:  # fmt: skip
        """Return the shared connection, opened on first need (CFG-11).

        Parameters
        ----------
        host, user, password, port, use_tls
            Settings to use instead of the configured ones; taken when the connection is opened.
        reset
            Close the present connection and open it with the settings of now.

        Examples
        --------
        >>> import datajoint as dj
        >>> with dj.config.override(database__backend="sqlite", database__name=":memory:"):
        ...     dj.conn(reset=True) is dj.conn()
        True
        """
        instance = default_instance()
        given = {"host": host, "user": user, "password": password, "port": port, "use_tls": use_tls}
        given = {name: value for name, value in given.items() if value is not None}
        if reset:
            instance.reset()
        if given and instance._connection is None:
            instance.config.update({f"database.{name}": value for name, value in given.items()})
        return instance.connection

    @property
    def connection(self) -> Connection:
        """The shared connection, under the name that older code uses."""
        return default_instance().connection


conn = _Shared()
"""Return the shared connection (CFG-11)."""
