"""One garbage collector at a time: a lease object in the store, whatever database a collector serves."""

from __future__ import annotations

import json
import os
import socket
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from datajoint.errors import MissingExternalFile, StorageError

if TYPE_CHECKING:
    from datajoint.storage.medium import Medium

__all__ = ["PATH", "Lease"]

PATH = "_datajoint/gc.json"
_RENEWED = 60
_EXPIRED = 600
_ROUNDED = 2.0
"""Seconds after which a lease is renewed, and after which it is that of a collector that has died.

Stores in buckets give their times in whole seconds: two clocks that agree may differ by `_ROUNDED`.
"""


class Lease:
    """The right to collect garbage in a store, for the time of a block.

    Parameters
    ----------
    medium
        Where the objects of the store lie.

    Raises
    ------
    StorageError
        Another collector holds it.

    Examples
    --------
    >>> from datajoint.storage.memory import Memory
    >>> with Lease(Memory("example", "lease")) as lease:
    ...     abs(lease.now - time.time()) < 60
    True
    """

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        who = {"host": socket.gethostname(), "process": os.getpid(), "token": os.urandom(8).hex()}
        self._data = json.dumps(who).encode()
        self._skew = 0.0
        self._renewed = 0.0

    def __enter__(self) -> Self:
        begun = time.time()
        if not self._medium.create(PATH, self._data):
            self._take_over()
        self._look_at_clock(begun)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holder() == self._data:
            self._medium.delete(PATH)

    @property
    def now(self) -> float:
        """The time by the clock of the store, in seconds since 1970."""
        return time.time() + self._skew

    def renew(self) -> None:
        """Renew the lease where it is time; called between any two objects.

        Raises
        ------
        StorageError
            Another collector has taken it over, because this one was not heard of for long.
        """
        if time.monotonic() - self._renewed < _RENEWED:
            return
        if self._holder() != self._data:
            raise StorageError(
                "Another garbage collector has taken over the store.",
                hint="This one had not renewed its lease for ten minutes. What it has done so far stands.",
            )
        begun = time.time()
        self._medium.write(PATH, self._data)
        self._look_at_clock(begun)

    def _look_at_clock(self, begun: float) -> None:
        """Compare our clock with that of the store, by the time of the lease, written since `begun`.

        Writing may take long: only a time outside of that shows that the clocks differ.
        """
        found, ended = self._medium.find(PATH), time.time()
        if found is None:
            self._skew = 0.0
        else:
            early, late = found.modified - begun + _ROUNDED, found.modified - ended
            self._skew = min(0.0, early) + max(0.0, late)
        self._renewed = time.monotonic()

    def _holder(self) -> bytes | None:
        try:
            return self._medium.read(PATH)
        except MissingExternalFile:
            return None

    def _take_over(self) -> None:
        """Take the lease of a collector that has died; refuse where it may be alive."""
        found = self._medium.find(PATH)
        probe = f"{PATH}.{os.urandom(4).hex()}"
        self._medium.write(probe, b"")
        clock = self._medium.find(probe)
        self._medium.delete(probe)
        age = clock.modified - found.modified if clock and found else 0.0
        if found and age < _EXPIRED:
            raise StorageError(
                f"Another garbage collector works on {self._medium.place}: {self._told()}.",
                hint=f"Wait for its end. If it has died, its lease ends in {_EXPIRED - age:.0f} seconds.",
            )
        self._medium.delete(PATH)
        if not self._medium.create(PATH, self._data):
            raise StorageError(f"Another garbage collector has just begun on {self._medium.place}.")

    def _told(self) -> str:
        try:
            who = json.loads(self._holder() or b"{}")
            return f"process {who['process']} on {who['host']}"
        except (ValueError, KeyError, TypeError):
            return "of an unknown process"
