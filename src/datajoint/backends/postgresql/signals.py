"""PostgreSQL: which transactions are visible tells of changes; NOTIFY tells at once."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from datajoint.backends.base import Session
from datajoint.backends.signals import Signals
from datajoint.heading.names import TableName

__all__ = ["CHANNEL", "PostgresqlSignals"]

CHANNEL = "datajoint"
"""Where NOTIFY wakes workers."""


class PostgresqlSignals(Signals):
    """Signals of a server.

    The snapshot is the same as long as no transaction of the server that writes has begun or ended; asking
    for it reads no table.
    """

    rhythm = 0.2

    def __init__(self, session: Session, tables: Sequence[TableName]) -> None:
        self._calls = 0
        super().__init__(session, tables)
        session.execute(f"LISTEN {CHANNEL}")

    def _mark(self) -> object:
        snapshot = self.session.execute("SELECT txid_current_snapshot()::text").fetchone()[0]
        return snapshot, self._calls

    def _pause(self, seconds: float) -> None:
        connection = cast("Any", self.session)._connection  # the driver's
        try:
            calls: list[Any] = list(connection.notifies(timeout=seconds, stop_after=1))
        except Exception as error:
            raise self.session.translate(error) from error
        self._calls += len(calls)

    def notify(self) -> None:
        self.session.execute(f"NOTIFY {CHANNEL}")

    def lock(self, name: str) -> bool:
        text = "SELECT pg_try_advisory_lock(hashtext('datajoint'), hashtext($1))"
        return bool(self.session.execute(text, [name]).fetchone()[0])
