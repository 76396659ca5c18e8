"""Job queue of a table."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName, job_queue_name
from datajoint.table.bound import BoundTable

__all__ = ["Defined", "owner_of", "queue_of"]


_PHRASE = "Job queue for "


@lru_cache(1000)
def owner_of(comment: str) -> str | None:
    """Return the full name of the table that a queue belongs to, as its comment says.

    Examples
    --------
    >>> owner_of("Job queue for `lab`.`__fit`")
    'lab.__fit'
    """
    start, phrase, name = comment.partition(_PHRASE)
    return None if start or not phrase else name.strip().replace("`", "").replace('"', "")


def queue_of(connection: Connection, name: TableName) -> TableName:
    """Return the name of the queue of a table, whether it exists or not.

    Tables that differ in their tier only would share a queue: whom the comment names owns it, the other one
    has a queue with its full name.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> queue_of(connection, TableName("lab", "__fit")).name
    '~~fit'
    """
    usual = TableName(name.schema, job_queue_name(name.name))
    found = connection.catalog.find(usual)
    owner = owner_of(found.comment) if found is not None else None
    return usual if owner in (None, str(name)) else TableName(name.schema, f"~~{name.name}")


class Defined(BoundTable):
    """A queue that knows its definition."""

    @property
    def definition(self) -> Any:
        """Definition of the queue, as the database has it; a missing queue is declared first."""
        _ = self.query
        return self.describe()
