"""What a make says while it runs: the end of its output and of its log."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["Tail", "captured"]

_MOST = 65_536
_CAPTURING = threading.Lock()


class Tail:
    """The last characters of what was written.

    Examples
    --------
    >>> tail = Tail(5)
    >>> for text in ("abc", "defg"):
    ...     tail.write(text)
    >>> str(tail)
    'cdefg'
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._parts: deque[str] = deque()
        self._size = 0

    def write(self, text: str) -> None:
        """Add a text."""
        text = text[-self._most :]
        self._parts.append(text)
        self._size += len(text)
        while self._parts and self._size - len(self._parts[0]) >= self._most:
            self._size -= len(self._parts.popleft())

    def __str__(self) -> str:
        return "".join(self._parts)[-self._most :]


class _Tee:
    """A stream that is written through, and whose end is kept."""

    def __init__(self, stream: Any, tail: Tail) -> None:
        self._stream, self._tail = stream, tail

    def write(self, text: str) -> int:
        self._tail.write(text)
        return self._stream.write(text) if self._stream is not None else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Handler(logging.Handler):
    """Adds to the tail of one make after the other: every handler that is made takes locks of all."""

    tail: Tail

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.tail.write(f"{self.format(record)}\n")


_handler = cache(_Handler)


@contextmanager
def captured() -> Generator[Tail]:
    r"""Keep the end of what is printed and logged meanwhile; it is printed and logged all the same.

    Of several makes at once in one process only the first is listened to.

    Examples
    --------
    >>> with captured() as tail:
    ...     print("hello")
    hello
    >>> str(tail)
    'hello\n'
    """
    tail = Tail()
    if not _CAPTURING.acquire(blocking=False):
        yield tail
        return
    before = sys.stdout, sys.stderr
    handler, root = _handler(), logging.getLogger()
    handler.tail = tail
    ours: Any = _Tee(sys.stdout, tail), _Tee(sys.stderr, tail)
    sys.stdout, sys.stderr = ours
    root.addHandler(handler)
    try:
        yield tail
    finally:
        root.removeHandler(handler)
        for name, mine, old in zip(("stdout", "stderr"), ours, before, strict=True):
            if getattr(sys, name) is mine:  # else the make has put something there, and left it
                setattr(sys, name, old)
        _CAPTURING.release()
