"""MySQL, MariaDB: the times of the last changes of tables, which the server keeps in memory."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b

from datajoint.backends.base import Session
from datajoint.backends.signals import Signals
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName

__all__ = ["MysqlSignals"]

_RECENT = 2
"""Seconds for which a table that has changed may change again at the same time, in whole seconds."""


def _times_of(schema: str) -> str:
    """Return the SELECT of the tables of a schema, when each was changed, and whether that was just now."""
    recent = f"update_time > now() - INTERVAL {_RECENT} SECOND"
    start = f"SELECT table_schema, table_name, update_time, {recent} FROM information_schema.tables"
    return f"{start} WHERE table_schema = {schema}"


class MysqlSignals(Signals):
    """Signals of a server."""

    rhythm = 0.4

    def __init__(self, session: Session, tables: Sequence[TableName]) -> None:
        with suppress(DataJointError):  # MySQL keeps an old answer for a day; MariaDB has no such setting
            session.execute("SET SESSION information_schema_stats_expiry = 0")
        schemas = dict.fromkeys(table.schema for table in tables)
        literal = session.dialect.literal
        self._text = session.dialect.escape(" UNION ALL ".join(_times_of(literal(s)) for s in schemas))
        self._names = {(table.schema, table.name) for table in tables}
        super().__init__(session, tables)

    def _mark(self) -> object:
        if not self._text:
            return None
        rows = [row for row in self.session.execute(self._text).fetchall() if (row[0], row[1]) in self._names]
        times = frozenset((row[0], row[1], row[2]) for row in rows)
        return times, time.monotonic() if any(row[3] for row in rows) else 0

    def lock(self, name: str) -> bool:
        number = blake2b(name.encode(), digest_size=16).hexdigest()
        text = f"SELECT GET_LOCK('datajoint_{number}', 0)"
        return bool(self.session.execute(text).fetchone()[0])
