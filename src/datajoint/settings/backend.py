"""Which database the settings mean: an embedded SQLite file, or a server that is named completely."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from datajoint._value import Value
from datajoint.errors import ConfigurationError
from datajoint.settings.config import Config
from datajoint.settings.model import PORTS, SETTINGS
from datajoint.settings.secret import Secret

__all__ = ["ConnectionSettings", "resolve_connection"]

_SERVER = ("database.host", "database.port", "database.user", "database.password")


class ConnectionSettings(Value):
    """All that is needed to open a connection; `announced` asks for a line that says where the file lies."""

    backend: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    name: str | None = None
    use_tls: bool | Mapping[str, Any] | None = None
    announced: bool = False

    @property
    def label(self) -> str:
        """Which database this is, without user and password: what a store remembers of those who use it.

        Examples
        --------
        >>> ConnectionSettings("postgresql", host="db.lab.org", port=5432, name="postgres").label
        'postgresql://db.lab.org:5432/postgres'
        """
        if self.host is None:
            return f"{self.backend}:{self.name}"
        return f"{self.backend}://{self.host}:{self.port}/{self.name or ''}"

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__match_args__}
        shown["password"] = None if self.password is None else Secret(self.password)
        return f"ConnectionSettings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def resolve_connection(config: Config) -> ConnectionSettings:
    """Decide which database is meant.

    Nothing configured means a SQLite file in the working directory. A host, port, user or password from any
    source means a server, and then both user and password must be there: a worker that lost its secrets must
    not compute into a new empty file. The empty string is a value.

    Examples
    --------
    >>> resolve_connection(Config().copy(database__name=":memory:")).backend
    'sqlite'
    >>> resolve_connection(Config().copy(database__user="ada", database__password="x"))
    ConnectionSettings(backend='mysql', host='localhost', port=3306, user='ada', password='**********', \
name=None, use_tls=None, announced=False)
    """
    chosen: str | None = config["database.backend"]
    named = [name for name in _SERVER if config.is_set(name)] if chosen != "sqlite" else []
    if chosen == "sqlite" or (chosen is None and not named):
        return ConnectionSettings("sqlite", name=_sqlite_file(config), announced=chosen is None)
    backend = chosen or "mysql"
    if backend in PORTS:
        _demand_credentials(config, backend, named)
    host, port = _address(config, backend)
    return ConnectionSettings(
        backend,
        host=host,
        port=port,
        user=config["database.user"],
        password=config["database.password"],
        name=config["database.name"] or ("postgres" if backend == "postgresql" else None),
        use_tls=config["database.use_tls"],
    )


def _sqlite_file(config: Config) -> str:
    name = config["database.name"]
    if name is None:
        name = "datajoint.db"
    if not name:
        raise ConfigurationError(
            f"`database.name` ({config.origin('database.name')}) is empty, but names the SQLite file.",
            hint="Give the path of a file, or :memory:.",
        )
    if name == ":memory:" or name.startswith("file:"):
        return name
    return os.path.abspath(os.path.expanduser(name))


def _demand_credentials(config: Config, backend: str, named: list[str]) -> None:
    missing = [name for name in ("database.user", "database.password") if config[name] is None]
    if not missing:
        return
    because = named[0] if named else "database.backend"
    what = " and ".join(f"`{name}`" for name in missing)
    variables = " and ".join(SETTINGS[name].variable for name in missing)
    files = " and ".join(f".secrets/{name}" for name in missing)
    raise ConfigurationError(
        f"A {backend} server is configured (`{because}`: {config.origin(because)}), but {what} "
        f"{'is' if len(missing) == 1 else 'are'} not set.",
        hint=f"Set {variables} in the environment, or {what} in `dj.config`, or write the file {files} "
        "beside datajoint.json.\nFor a local file without a server set `database.backend` to sqlite.",
    )


def _address(config: Config, backend: str) -> tuple[str, int | None]:
    """Split ``host:port``; a port in the host comes before one that is set elsewhere."""
    given: str = config["database.host"]
    host, port = _split(given)
    if port is None:
        return host, config["database.port"] if config.is_set("database.port") else PORTS.get(backend)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigurationError(
            f"`database.host` ({config.origin('database.host')}) is {given!r}: `{port}` is no port.",
            hint="Write host or host:port, the port a number from 1 to 65535.",
        )
    return host, int(port)


def _split(given: str) -> tuple[str, str | None]:
    """Split what is written for a host, which may be an IPv6 address, in brackets where a port follows."""
    if given.startswith("["):
        host, _, port = given[1:].partition("]")
        return host, port.removeprefix(":") or None
    if given.count(":") != 1:
        return given, None
    host, _, port = given.partition(":")
    return host, port
