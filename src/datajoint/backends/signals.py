"""The contract of signals: how a worker learns that rows have changed, and who of several does something."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from datajoint.backends.base import Session
from datajoint.heading.names import TableName

__all__ = ["Signals"]


class Signals(ABC):
    """Tells that some tables may have changed, whoever changed them, and holds locks by name.

    It has a session of its own and serves one thread at a time. What has happened is noticed by a *mark*:
    something cheap to ask for that differs after a change. It may differ without one; and where the database
    cannot tell, a change may go unnoticed, so that who waits also looks for itself now and then.

    Parameters
    ----------
    session
        Closed with the signals.
    tables
        The tables that matter.
    """

    rhythm: ClassVar[float]
    """Seconds between two looks at the mark."""

    def __init__(self, session: Session, tables: Sequence[TableName]) -> None:
        self.session = session
        self.tables = tuple(tables)
        self._seen = self._mark()

    @abstractmethod
    def _mark(self) -> object:
        """Return something that differs from what it was before a change."""

    def wait(self, seconds: float) -> bool:
        """Wait until there may have been a change since the last call; return whether there may have been."""
        end = time.monotonic() + seconds
        while True:
            mark = self._mark()
            if mark != self._seen:
                self._seen = mark
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._pause(min(self.rhythm, left))

    def _pause(self, seconds: float) -> None:
        """Wait a little, or less where somebody calls."""
        time.sleep(seconds)

    def notify(self) -> None:  # noqa: B027 - not every database can
        """Wake those who wait, where the database can."""

    @abstractmethod
    def lock(self, name: str) -> bool:
        """Take a lock until `close`, or until this process is gone; return whether it was to be had."""

    def close(self) -> None:
        """Close the session; locks are free again."""
        self.session.close()
