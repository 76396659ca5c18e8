"""Users of limited rights on the servers under test, made and dropped by a connection of the administrator."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from plugins.servers import Server


class Administrator:
    """Runs SQL beside the code under test; each statement on a connection of its own."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self, *statements: str) -> list[Any]:
        """Run statements and return the rows of the last."""
        with closing(self.server.connect()) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def kill(self, connection: Any) -> None:
        """End the session of a connection, which waits for nothing now."""
        self.kill_session(connection.connection_id)

    def kill_session(self, number: int) -> None:
        """End the session of this number; its connection may be busy, and is not asked."""
        self(
            f"select pg_terminate_backend({number})" if self.server.name == "postgresql" else f"kill {number}"
        )

    def kill_stream(self, table: Any) -> None:
        """End the session that sends the rows of a table; on MySQL streams have one of their own."""
        if self.server.name == "postgresql":
            return self.kill(table.connection)
        text = f"select id from information_schema.processlist where info like 'select%{table.database}%'"
        [(number,)] = self(f"{text} and id <> connection_id()")
        return self.kill_session(number)

    @contextmanager
    def locked(self, table: Any) -> Iterator[Callable[[], None]]:
        """Hold a lock that lets nothing read a table; give a function that releases it."""
        postgresql = self.server.name == "postgresql"
        with closing(self.server.connect()) as connection, closing(connection.cursor()) as cursor:
            name = table.full_table_name
            for text in ("begin", f"lock table {name}") if postgresql else (f"lock tables {name} write",):
                cursor.execute(text)
            yield lambda: cursor.execute("rollback" if postgresql else "unlock tables")

    def wait_until_it_waits(self, number: int) -> None:
        """Return when the session of this number waits for a lock."""
        text = (
            f"select 1 from pg_stat_activity where pid = {number} and wait_event_type = 'Lock'"
            if self.server.name == "postgresql"
            else f"select 1 from information_schema.processlist where id = {number} and state like '%lock%'"
        )
        end = time.monotonic() + 120
        while not self(text):
            assert time.monotonic() < end, "The session does not wait for a lock."
            time.sleep(0.02)

    def names(self, *names: str) -> list[str]:
        """Quoted names."""
        mark = '"' if self.server.name == "postgresql" else "`"
        return [mark + name + mark for name in names]


class User:
    """A user without any right but to log in; `grant` gives more."""

    def __init__(self, run: Administrator, name: str) -> None:
        self.run, self.name = run, name
        self.password = secrets.token_hex(6)
        self.postgresql = run.server.name == "postgresql"
        if self.postgresql:
            run(f"create role {name} login password '{self.password}'")
        else:
            run(f"create user {name}@'%' identified by '{self.password}'")

    def grant(self, rights: str, schema: str, table: str = "") -> None:
        """Grant rights on one table, or on all that are in the schema now."""
        if self.postgresql:
            on = f'table "{schema}"."{table}"' if table else f'all tables in schema "{schema}"'
            self.run(
                f'grant usage on schema "{schema}" to {self.name}', f"grant {rights} on {on} to {self.name}"
            )
        else:
            self.run(f"grant {rights} on `{schema}`.{f'`{table}`' if table else '*'} to {self.name}@'%'")

    def set(self, name: str, value: str) -> None:
        """Set a default of the user's sessions (PostgreSQL)."""
        self.run(f"alter role {self.name} set {name} = {value}")

    def drop(self) -> None:
        if self.postgresql:
            self.run(f"drop owned by {self.name}", f"drop role {self.name}")
        else:
            self.run(f"drop user {self.name}@'%'")

    @property
    def login(self) -> dict[str, str]:
        """Keywords for `dj.Instance`."""
        return {"user": self.name, "password": self.password}


@pytest.fixture
def administer(backend: Server) -> Administrator:
    """Give a function that runs SQL as the administrator."""
    return Administrator(backend)


@pytest.fixture
def new_user(administer: Administrator) -> Iterator[Callable[[], User]]:
    """Give a function that makes a user; all are dropped afterwards."""
    users: list[User] = []

    def make() -> User:
        users.append(User(administer, f"djt_{secrets.token_hex(4)}"))
        return users[-1]

    yield make
    for user in users:
        user.drop()
