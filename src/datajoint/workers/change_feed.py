"""Feed of changed tables, read from the events of their schemas."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.backends.base import Session
from datajoint.heading.names import TableName
from datajoint.sql.system import newest_events

__all__ = ["News"]

_MOST = 100
"""Maximum number of events in one read; after more new events the read returns None."""


class News:
    """Reader of the newest events of schemas.

    Parameters
    ----------
    session
        Session that runs the queries.
    schemas
        Schemas that keep events.

    Examples
    --------
    >>> News(None, []).read()
    frozenset()
    """

    def __init__(self, session: Session, schemas: Sequence[str]) -> None:
        self._session = session
        self._seen: dict[str, frozenset[int]] = {schema: frozenset() for schema in schemas}
        self.read()

    def read(self) -> frozenset[TableName] | None:
        """Return the tables that have changed since the last read; None if there are too many events."""
        changed: set[TableName] = set()
        whole = True
        for schema, seen in self._seen.items():
            rows = self._session.execute(newest_events(schema, _MOST, self._session.dialect)).fetchall()
            self._seen[schema] = frozenset(int(row[0]) for row in rows)
            whole = whole and (len(rows) < _MOST or not seen.isdisjoint(self._seen[schema]))
            changed.update(TableName(schema, row[1]) for row in rows if row[1] and int(row[0]) not in seen)
        return frozenset(changed) if whole else None
