"""What a make says while it runs: the end of its output and of its log."""

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


# Weak, and without a lock: an interrupt at any point here must not cost a later make its output.
_tail_of_this_context: ContextVar[Callable[[], Tail | None]] = ContextVar(
    "tail of the make", default=lambda: None
)
_listening: WeakValueDictionary[int, Tail] = WeakValueDictionary()


def _keep(text: str) -> None:
    """Add a text to the tail of the make that wrote it; a thread without one belongs to the only make."""
    tail = _tail_of_this_context.get()()
    if tail is None:
        makes = _listening.valuerefs()
        tail = makes[0]() if len(makes) == 1 else None
    if tail is not None:
        tail.write(text)


class _Tee:
    """A stream that is written through, and whose text is kept."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        _keep(text)
        return self.stream.write(text) if self.stream is not None else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Handler(logging.Handler):
    """Keeps what is logged; there is one, as each new handler takes the locks of all."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        _keep(f"{self.format(record)}\n")


_handler = cache(_Handler)


@contextmanager
def captured() -> Generator[Tail]:
    r"""Keep the end of what is printed and logged meanwhile; it is printed and logged all the same.

    Of several makes at once in one process, each keeps what its own thread says.

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
        _listening[id(tail)] = tail
        _listen()
        yield tail
    finally:
        _tail_of_this_context.set(before)
        _listening.pop(id(tail), None)
        if not _listening:
            _cease()
        if _listening:  # another make began in between, and found the streams still listened to
            _listen()


def _listen() -> None:
    """Put a tee before each stream, unless there is one."""
    for name in _STREAMS:
        stream = getattr(sys, name)
        if type(stream) is not _Tee:
            setattr(sys, name, _Tee(stream))
    logging.getLogger().addHandler(_handler())


def _cease() -> None:
    """Remove the tees; what the make has put in their place stays."""
    logging.getLogger().removeHandler(_handler())
    for name in _STREAMS:
        stream = getattr(sys, name)
        if type(stream) is _Tee:
            setattr(sys, name, stream.stream)
