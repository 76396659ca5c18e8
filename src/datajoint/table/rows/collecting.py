"""Destination of rows inserted during a make: the collected writes of that make."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.engine.connection import Connection
from datajoint.engine.observe import observed
from datajoint.heading.names import TableName
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.mode import Mode
from datajoint.table.rows.write_set import WriteSet

__all__ = ["collect", "current"]


def current(connection: Connection) -> WriteSet | None:
    """Return the set of the make that runs in this context on a connection.

    Examples
    --------
    >>> current(None) is None
    True
    """
    for observer in observed():
        if isinstance(observer, WriteSet) and observer.connection is connection:
            return observer
    return None


def collect(connection: Connection, name: TableName, batches: Sequence[Batch], mode: Mode) -> bool:
    """Take rows into the set of the running make; return False when they are to be written now.

    Examples
    --------
    >>> collect(None, TableName("lab", "subject"), [], Mode())
    False
    """
    running = current(connection)
    if running is None:
        return False
    if mode.checks and running.covers(connection, name):
        running.checks[name] = mode.checks
    if running.pinned or not running.covers(connection, name):
        running.count(name, batches)
        return False
    running.add(name, batches, mode)
    return True
