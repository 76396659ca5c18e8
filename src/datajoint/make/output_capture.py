"""Capture of the end of the output and log of a make."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from weakref import WeakValueDictionary, ref

__all__ = ["Tail", "captured"]

_MOST = 65_536
_STREAMS = ("stdout", "stderr")


class Tail:
    """Buffer of the last characters written to it.

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


_tail_of_this_context: ContextVar[Callable[[], Tail | None]] = ContextVar("tail", default=lambda: None)


class _Tee:
    """Stream that passes its text on and keeps a copy."""

    def __init__(self, stream: Any, keep: Callable[[str], None]) -> None:
        self.stream, self._keep = stream, keep

    def write(self, text: str) -> int:
        self._keep(text)
        return self.stream.write(text) if self.stream is not None else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Listener(logging.Handler):
    """Receiver of the output and log of the process, shared by all makes.

    It holds the tails by weak references and takes no lock, so that an interruption at any point does not
    lose the output of a later make. A handler for each make would take the locks of all handlers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._tails: WeakValueDictionary[int, Tail] = WeakValueDictionary()

    def add(self, tail: Tail) -> None:
        """Start the capture for a make."""
        self._tails[id(tail)] = tail
        self._begin()

    def remove(self, tail: Tail) -> None:
        """End the capture for a make."""
        self._tails.pop(id(tail), None)
        if not self._tails:
            self._end()
        if self._tails:  # another make began in between and found the tees in position
            self._begin()

    def keep(self, text: str) -> None:
        """Add a text to the tail of the make that wrote it; a thread without one belongs to the only make."""
        tail = _tail_of_this_context.get()()
        if tail is None:
            tails = self._tails.valuerefs()
            tail = tails[0]() if len(tails) == 1 else None
        if tail is not None:
            tail.write(text)

    def emit(self, record: logging.LogRecord) -> None:
        self.keep(f"{self.format(record)}\n")

    def _begin(self) -> None:
        """Replace each stream by a tee, unless it is one already."""
        for name in _STREAMS:
            stream = getattr(sys, name)
            if type(stream) is not _Tee:
                setattr(sys, name, _Tee(stream, self.keep))
        logging.getLogger().addHandler(self)

    def _end(self) -> None:
        """Remove the tees; a stream that the make has installed stays."""
        logging.getLogger().removeHandler(self)
        for name in _STREAMS:
            stream = getattr(sys, name)
            if type(stream) is _Tee:
                setattr(sys, name, stream.stream)


_listener = cache(_Listener)


@contextmanager
def captured() -> Generator[Tail]:
    r"""Capture the end of the output and log of the block, and still print and log all of it.

    If makes run concurrently in one process, each captures the output of its own thread.

    Examples
    --------
    >>> with captured() as tail:
    ...     print("hello")
    hello
    >>> str(tail)
    'hello\n'
    """
    tail, before = Tail(), _tail_of_this_context.get()
    try:
        _tail_of_this_context.set(ref(tail))
        _listener().add(tail)
        yield tail
    finally:
        _tail_of_this_context.set(before)
        _listener().remove(tail)
