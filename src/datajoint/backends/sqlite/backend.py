"""SQLite as a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datajoint.backends.backend import Backend
from datajoint.backends.base import Asked, Session
from datajoint.backends.sqlite import catalog, signals
from datajoint.backends.sqlite.session import SqliteSession

if TYPE_CHECKING:
    from datajoint.backends.signals import Signals
    from datajoint.heading.names import TableName

__all__ = ["BACKEND", "SqliteSession"]


def _catalog(asked: Asked) -> catalog.SqliteCatalog:
    return catalog.SqliteCatalog(asked)


def _signals(session: Session, tables: Sequence[TableName]) -> Signals:
    return signals.SqliteSignals(session, tables)


BACKEND = Backend("sqlite", SqliteSession.dialect, SqliteSession, _catalog, _signals)
