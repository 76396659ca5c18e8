"""Signals of the database that a connection leads to."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.backends.signals import Signals
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName

__all__ = ["open_signals"]


def open_signals(connection: Connection, tables: Sequence[TableName] = ()) -> Signals:
    """Open what tells of changes to some tables and holds locks by name; to be closed by the caller.

    Examples
    --------
    >>> import datajoint as dj
    >>> signals = open_signals(dj.Instance(backend="sqlite", database__name=":memory:").connection)
    >>> signals.wait(0)
    False
    >>> signals.close()
    """
    database = connection.config.database
    session = connection.backend.session.open(
        connection.settings, synchronous=database.synchronous, busy_timeout=database.busy_timeout
    )
    try:
        return connection.backend.signals(session, tables)
    except BaseException:
        session.close()
        raise
