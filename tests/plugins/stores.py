"""Object stores for tests: `store` runs a test on a folder, in memory, and on a bucket of an S3 server."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

PROTOCOLS = ("file", "memory", "s3")
LONGEST_WAIT = 300


class TriedStore:
    """A store of its own for one test.

    Attributes
    ----------
    spec
        Its description.
    settings
        What `config.stores` is to be: the store is called `main`, and is the default one.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.settings = {"default": "main", "main": spec}

    @property
    def medium(self) -> Any:
        """Where the objects lie, past all that codecs do."""
        from datajoint.storage.store import store_of

        return store_of("main", self.spec).medium

    def objects(self, prefix: str = "_hash") -> dict[str, bytes]:
        """Return path and content of what lies below a folder."""
        return {entry.path: self.medium.read(entry.path) for entry in self.medium.listing(prefix)}


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an S3 server in a process of its own; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    with open(log, "wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait(f"http://127.0.0.1:{port}/moto-api/", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import time

    end = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address).close()
        except (URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    pytest.fail(log.read_text())


@pytest.fixture
def make_store(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., TriedStore]:
    """Give a function that makes a new, empty store of a protocol; more keys of its description by name."""

    def make(protocol: str = "file", **more: Any) -> TriedStore:
        name = f"djt-{secrets.token_hex(6)}"
        if protocol == "file":
            return TriedStore({"protocol": "file", "location": str(tmp_path / name), **more})
        if protocol == "memory":
            return TriedStore({"protocol": "memory", "location": name, **more})
        endpoint = request.getfixturevalue("s3_server")
        made = urllib.request.Request(f"{endpoint}/{name}", method="PUT")
        urllib.request.urlopen(made).close()
        access = {"access_key": "test", "secret_key": "secret"}
        return TriedStore(
            {"protocol": "s3", "endpoint": endpoint, "bucket": name, "location": "lab/data", **access, **more}
        )

    return make


@pytest.fixture(params=PROTOCOLS)
def store(request: pytest.FixtureRequest, make_store: Callable[..., TriedStore]) -> TriedStore:
    """A new, empty store of each protocol."""
    return make_store(request.param)


@pytest.fixture
def stored(store: TriedStore, declare: Any) -> Any:
    """`declare` in a schema whose default store is `store`."""
    declare.schema.connection.config["stores"] = store.settings
    return declare
