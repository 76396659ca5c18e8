"""SQLite: the number of the version of the file tells of changes by other connections."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from datajoint.backends.base import Session
from datajoint.backends.signals import Signals
from datajoint.backends.sqlite.lock import WriterLock
from datajoint.heading.names import TableName

if TYPE_CHECKING:
    from datajoint.backends.sqlite.session import SqliteSession

__all__ = ["SqliteSignals"]


class SqliteSignals(Signals):
    """Signals of a file; one in memory has none, since nobody else writes to it."""

    rhythm = 0.1

    def __init__(self, session: Session, tables: Sequence[TableName]) -> None:
        self._locks: dict[str, WriterLock] = {}
        super().__init__(session, tables)

    def _mark(self) -> object:
        return self.session.execute("PRAGMA data_version").fetchone()[0]

    def lock(self, name: str) -> bool:
        path = cast("SqliteSession", self.session).lock_path(name)
        lock = self._locks.setdefault(name, WriterLock(path))
        return lock.acquire(0)

    def close(self) -> None:
        for lock in self._locks.values():
            lock.close()
        super().close()
