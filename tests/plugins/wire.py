"""A wire between client and server that tests can cut: `wire`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from plugins.servers import Server


class Wire:
    """Listens on a port of this machine and passes on what comes, until it is cut.

    `cut_when(text)` lets the statement with this text reach the server, keeps the answer from the client, and cuts;
    with `how="before"` nothing of it reaches the server, with `how="during"` half of it. `cut_at(n)` does the same at
    the n-th message from now.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._trigger: bytes | None = None
        self._how = "after"
        self._left = 0
        self.opened = 0
        self.refused = 0  # so many connections, from now on
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_when(self, text: str, how: str = "after") -> None:
        """Cut before, during or after a statement with this text."""
        self._trigger, self._how = text.encode(), how

    def cut_at(self, n: int, how: str = "after") -> None:
        """Cut before, during or after the n-th message from now; 0 takes it back."""
        self._left, self._how = n, how

    @property
    def waits(self) -> bool:
        """Whether what it is to cut at has not come."""
        return self._trigger is not None or self._left > 0

    def cut(self) -> None:
        """End all connections at once; new ones are let through."""
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def close(self) -> None:
        """Let nobody through any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.refused:
                    self.refused -= 1
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self.opened += 1
                self._pairs.append((near, far))
                answers = threading.Event()  # set: what comes back is not for the client
                for one, other, forth in ((near, far, True), (far, near, False)):
                    run = threading.Thread(target=self._pass, args=(one, other, forth, answers), daemon=True)
                    run.start()

    def _pass(self, one: socket.socket, other: socket.socket, forth: bool, last: threading.Event) -> None:
        with closing(one), suppress(OSError):
            while data := one.recv(65536):
                if forth and self._is_it(data):
                    last.set()
                    if self._how != "after":
                        other.sendall(data[: len(data) // 2] if self._how == "during" else b"")
                        break
                elif not forth and last.is_set():
                    break
                other.sendall(data)
            for end in (one, other):
                end.shutdown(socket.SHUT_RDWR)

    def _is_it(self, data: bytes) -> bool:
        if self._trigger and self._trigger in data:
            self._trigger = None
            return True
        if self._left > 0:
            self._left -= 1
            return self._left == 0
        return False


@pytest.fixture
def wire(backend: Server) -> Iterator[Wire]:
    """Give a wire to the server; the settings of who uses it need `port=wire.port` and `use_tls=False`."""
    made = Wire(backend.host, backend.port)
    yield made
    made.close()
