"""The queue of writers of a SQLite file: a lock on a file beside it.

SQLite's own waiting is a lottery that starves some of many writers; the operating system's is a queue. But
who is first in a queue has the lock before it has a processor, and on a busy machine all wait for that: most
transactions are over in a moment, so for a moment it is tried again and again, evenly.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

__all__ = ["WriterLock", "is_free"]

_MOMENT = 0.05
_LEAST, _SPREAD = 200_000, 1_800_000
"""Nanoseconds between two trials, and by how many they differ."""

if sys.platform == "win32":
    import msvcrt

    def _try(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _wait(file: int) -> None:
        while not _try(file):
            time.sleep(0.005)

    def _unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _wait(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def _try_again(file: int, patience: float) -> bool:
    until = time.monotonic() + min(patience, _MOMENT)
    while time.monotonic() < until:
        time.sleep((_LEAST + time.monotonic_ns() % _SPREAD) / 1e9)  # as good as at random
        if _try(file):
            return True
    return False


class WriterLock:
    """An advisory lock on a file; without a path, or where the file cannot be made, it does nothing.

    Examples
    --------
    >>> WriterLock(None).acquire(1)
    True
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: int | None = None
        self._held = False

    def acquire(self, patience: float) -> bool:
        """Wait for the lock up to `patience` seconds and return whether it is held."""
        if self._held or self._path is None:
            return True
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            except OSError:  # a folder without write access: SQLite itself will say so
                self._path = None
                return True
        file = self._file
        self._held = _try(file) or _try_again(file, patience) or self._queue(file, patience)
        return self._held

    def _queue(self, file: int, patience: float) -> bool:
        """Wait in a thread, since no system call waits for a lock with a limit of time."""
        waiter = _Waiter(file)
        waiter.start()
        try:
            waiter.done.wait(patience)
        finally:
            got = waiter.settle()
            if not got:
                self._file = None  # the waiter closes it when its turn comes
        return got

    def release(self) -> None:
        """Let the next writer in; harmless when not held."""
        if self._held and self._file is not None:
            self._held = False
            _unlock(self._file)

    def leave(self) -> None:
        """Close the file in a fork, without a release: it is the parent that holds the lock, or does not."""
        self._held = False
        self.close()

    def close(self) -> None:
        """Release the lock and close the file."""
        self.release()
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None


class _Waiter(threading.Thread):
    """Waits for the lock; gives it back when nobody wants it any more."""

    def __init__(self, file: int) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self._file = file
        self._decision = threading.Lock()
        self._abandoned = False

    def run(self) -> None:
        try:
            _wait(self._file)
        except OSError:
            return
        with self._decision:
            if self._abandoned:
                os.close(self._file)
            else:
                self.done.set()

    def settle(self) -> bool:
        """Return whether the lock was got; if not, it will not be kept."""
        with self._decision:
            self._abandoned = not self.done.is_set()
            return not self._abandoned


def is_free(path: str) -> bool:
    """Whether nobody holds the lock on a file; a file that is not there is free.

    Examples
    --------
    >>> is_free("nowhere/at/all")
    True
    """
    try:
        file = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return True
    try:
        free = _try(file)
        if free:
            _unlock(file)
        return free
    finally:
        os.close(file)
