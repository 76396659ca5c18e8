"""Who reserves jobs through a connection, and how the statements of queues are run."""

from __future__ import annotations

import os
import platform
from typing import Any

from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import TransactionError
from datajoint.sql.jobs import Owner

__all__ = ["owner_here", "write"]

_TRIES = 5


def owner_here(connection: Connection) -> Owner:
    """Return who a reservation made through a connection belongs to.

    Examples
    --------
    >>> import datajoint as dj
    >>> owner_here(dj.Instance(backend="sqlite", database__name=":memory:").connection).pid > 0
    True
    """
    return Owner(
        platform.node()[:255], os.getpid(), int(connection.connection_id), connection.get_user()[:255]
    )


def write(connection: Connection, text: str, values: Parameters = (), *, fetch: bool = False) -> Any:
    """Run one statement of a queue by itself and return the number of rows, or the rows.

    Where the database gives it up in favour of others it is run again.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> write(connection, "SELECT 1", fetch=True)
    [(1,)]
    """
    for left in reversed(range(_TRIES)):
        try:
            if connection.dialect.features.server or connection.in_transaction:
                cursor = connection.execute(text, values)
                return cursor.fetchall() if fetch else cursor.rowcount
            with connection.transaction:  # SQLite: in the queue of writers
                cursor = connection.execute(text, values)
                return cursor.fetchall() if fetch else cursor.rowcount
        except TransactionError as error:
            if not left or error.context.get("reason") != "serialize":
                raise
    raise AssertionError
