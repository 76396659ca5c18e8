"""Owner of the reservations of a connection, and execution of queue statements."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import TransactionError
from datajoint.sql.system_tables.jobs import Owner

__all__ = ["owner_here", "write", "write_several"]

T = TypeVar("T")

_TRIES = 5


def owner_here(connection: Connection) -> Owner:
    """Return the owner of the reservations made through a connection.

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
    """Run one statement of a queue and return the number of rows, or the rows.

    If the database aborts it because of a conflict, it runs again.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> write(connection, "SELECT 1", fetch=True)
    [(1,)]
    """
    return _repeated(connection, lambda: _write(connection, text, values, fetch))


def write_several(connection: Connection, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
    """Run statements of a queue, independently if the database can, and return their row counts.

    Examples
    --------
    >>> import datajoint as dj
    >>> write_several(dj.Instance(backend="sqlite", database__name=":memory:").connection, [])
    []
    """
    if not statements:
        return []
    return [max(0, n) for n in _repeated(connection, lambda: _write_several(connection, statements))]


def _repeated(connection: Connection, act: Callable[[], T]) -> T:
    inside = connection.in_transaction  # then the code that began the transaction must repeat it
    for _ in range(_TRIES):
        try:
            return act()
        except TransactionError as error:
            if inside or connection.in_transaction or error.context.get("reason") != "serialize":
                raise
    return act()


def _write(connection: Connection, text: str, values: Parameters, fetch: bool) -> Any:
    if not connection.dialect.features.server and not connection.in_transaction:
        with connection.whole():  # in the queue of writers
            return _write(connection, text, values, fetch)
    return connection.fetch_all(text, values) if fetch else connection.change(text, values)


def _write_several(connection: Connection, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
    if connection.dialect.features.server:
        return connection.execute_batch(statements)
    with connection.whole():
        return connection.execute_batch(statements)
