"""Health of a worker for probes and Prometheus: a file, or ``/health`` and ``/metrics`` by HTTP."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from datajoint import logging
from datajoint.errors import ConfigurationError

__all__ = ["HealthFile", "Listener", "address_of"]

_SECONDS = 1.0
"""Seconds between two versions of the file: a much older file means a dead worker."""


class HealthFile:
    """File with the status of a worker, which a thread replaces atomically every second.

    Parameters
    ----------
    path
        Path of the file; `close` deletes it.
    tell
        Function that returns the status.
    """

    def __init__(self, path: str, tell: Callable[[], dict[str, Any]]) -> None:
        self._path, self._tell = path, tell
        self._ended = threading.Event()
        try:
            self._write()
        except OSError as error:
            raise ConfigurationError(
                f"The file {path} cannot be written: {error.strerror}.", hint="Name another `health_file`."
            ) from error
        self._thread = threading.Thread(target=self._run, name="datajoint-health", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(_SECONDS):
            try:
                self._write()
            except OSError as error:  # the disk may be full for a while
                logging.logger.warning("the file %s cannot be written: %s", self._path, error)

    def _write(self) -> None:
        there = f"{self._path}.{os.getpid()}"
        with open(there, "w", encoding="utf-8") as file:
            json.dump(self._tell(), file)
        os.replace(there, self._path)

    def close(self) -> None:
        """Stop the thread and delete the file."""
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            os.unlink(self._path)


class Listener:
    """HTTP server for ``GET /health`` (200, or 503 if the database is unreachable) and ``GET /metrics``.

    Parameters
    ----------
    address
        Host and port; port 0 for any free port.
    tell, measure
        Functions that return the status, and the metrics as text.
    is_well
        Function that returns True if the database is reachable.

    Attributes
    ----------
    address
        Host and port of the server.
    """

    def __init__(
        self, address: tuple[str, int], tell: Callable[[], dict[str, Any]], measure: Callable[[], str],
        is_well: Callable[[], bool],
    ) -> None:  # fmt: skip
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/health":
                    self._answer(200 if is_well() else 503, "application/json", json.dumps(tell()))
                elif self.path == "/metrics":
                    self._answer(200, "text/plain; version=0.0.4; charset=utf-8", measure())
                else:
                    self._answer(404, "text/plain; charset=utf-8", "There is /health and /metrics.\n")

            def _answer(self, status: int, kind: str, text: str) -> None:
                content = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Write no log: probes arrive every few seconds."""

        try:
            self._server = ThreadingHTTPServer(address, Handler)
        except OSError as error:
            raise ConfigurationError(
                f"Nothing can listen at {address[0]}:{address[1]}: {error.strerror}.",
                hint="Choose another address, or port 0 for any that is free.",
            ) from error
        self._server.daemon_threads = True
        self.address: tuple[str, int] = (address[0], self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="datajoint-http",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def address_of(given: str | int) -> tuple[str, int]:
    """Return host and port; ``8080`` and ``":8080"`` listen on this machine only.

    Raises
    ------
    ConfigurationError
        If the text is not an address.

    Examples
    --------
    >>> address_of(8080), address_of("0.0.0.0:80")
    (('127.0.0.1', 8080), ('0.0.0.0', 80))
    """
    host, _, port = str(given).rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(
            f"{given!r} is no address to listen at.", hint="Give a port, or host:port, such as 0.0.0.0:8080."
        )
    return host or "127.0.0.1", int(port)
