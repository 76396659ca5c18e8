"""A server that is restarted, or stays away, in the middle of work; what it refuses at the door."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import AccessError, ConfigurationError, LostConnectionError

pytestmark = pytest.mark.backends("postgresql", "mysql")


@pytest.fixture
def open_there(throwaway: Any) -> Iterator[Callable[..., Any]]:
    """Give a function that opens an instance on the server of our own."""
    opened: list[Any] = []

    def open_one(**settings: Any) -> Any:
        opened.append(dj.Instance(**{**throwaway.server.settings, "safemode": False, **settings}))
        return opened[-1]

    yield open_one
    for one in opened:
        with suppress(Exception):
            one.close()


def declare(schema: Any) -> Any:
    @schema
    class Number(dj.Manual):
        definition = "n : int32"

    return Number


def found(table: Any) -> list[int]:
    return [int(n) for n in table.to_arrays("n", order_by="n")]


@pytest.mark.statement("TXN-3", "ERR-6", "ERR-2")
def test_a_server_restarted_in_the_middle_of_work(throwaway: Any, open_there: Any, schema_name: Any) -> None:
    instance = open_there()
    connection = instance.connection
    table = declare(instance.Schema(schema_name()))
    table.insert1({"n": 1})
    throwaway.restart(at_once=False)
    table.insert1({"n": 2})  # the connection was idle
    assert [1, 2] == found(table)

    with pytest.raises(LostConnectionError, match="rolled back"), connection.transaction:
        table.insert1({"n": 3})
        throwaway.restart()
        table.insert1({"n": 4})
    assert not connection.in_transaction
    assert [1, 2] == found(table)

    with pytest.raises(LostConnectionError), connection.transaction:
        table.insert1({"n": 5})
        throwaway.stop()
    for _ in range(2):
        with pytest.raises(LostConnectionError, match="lost or refused"):
            len(table())
    throwaway.start()
    assert [1, 2] == found(table)
    table.insert1({"n": 6})
    assert [1, 2, 6] == found(table)


@pytest.mark.statement("CFG-17", "CFG-11", "ERR-2")
def test_what_is_refused_at_the_door(throwaway: Any, open_there: Any) -> None:
    postgresql = throwaway.server.name == "postgresql"
    name = "djt_somebody"
    if postgresql:
        hba = throwaway.folder / "data" / "pg_hba.conf"
        hba.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
        throwaway.run(f"create role {name} login password 'right'", "select pg_reload_conf()")
        throwaway.restart()
    else:
        throwaway.run(f"create user {name}@'%' identified by 'right'")
        throwaway.restart("--skip-ssl")
    where = f"127.0.0.1:{throwaway.server.port}"
    assert open_there(user=name, password="right").connection.is_connected
    assert not encrypted(open_there(user=name, password="right"))
    for password in ("wrong-word", ""):
        with pytest.raises(AccessError, match=f"{where} refuses the login of `{name}`") as caught:
            open_there(user=name, password=password).connection  # noqa: B018
        assert "database.password" in str(caught.value)
        assert "wrong-word" not in str(caught.value)
    with pytest.raises(AccessError, match=rf"{where} refuses the login of `nobody_here`"):
        open_there(user="nobody_here", password="x").connection  # noqa: B018
    for demand in (True, {"sslmode": "require"} if postgresql else {"check_hostname": False}):
        with pytest.raises(AccessError, match=f"{where} offers no encrypted connection") as caught:
            open_there(user=name, password="right", use_tls=demand).connection  # noqa: B018
        assert "database.use_tls" in str(caught.value)
    assert open_there(user=name, password="right", use_tls=False).connection.is_connected
    if postgresql:
        with pytest.raises(ConfigurationError, match="no database `nowhere`"):
            open_there(database__name="nowhere").connection  # noqa: B018


def encrypted(instance: Any) -> bool:
    if instance.connection.backend.name == "postgresql":
        question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return bool(instance.connection.query(question).fetchall()[0][0])
    return bool(instance.connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'").fetchall()[0][1])


@pytest.mark.statement("CFG-17")
def test_nothing_of_the_user_reaches_a_server_without_encryption(throwaway: Any, open_there: Any) -> None:
    if throwaway.server.name == "mysql":
        throwaway.restart("--skip-ssl")
        logins = "select variable_value from information_schema.global_status where variable_name = 'ACCESS_DENIED_ERRORS'"
        before = throwaway.run(logins)
        with pytest.raises(AccessError, match="encrypted"):
            open_there(user="spy", password="x", use_tls=True).connection  # noqa: B018
        assert before == throwaway.run(logins)
    else:
        throwaway.run("alter system set log_connections = on", "select pg_reload_conf()")
        with pytest.raises(AccessError, match="encrypted"):
            open_there(user="spy", password="x", use_tls=True).connection  # noqa: B018
        assert "spy" not in (throwaway.folder / "log").read_text()


@pytest.mark.statement("ERR-2", "CFG-11")
@pytest.mark.parametrize(
    ("host", "told"), [("127.0.0.1", "refused"), ("no-such-host.invalid", "no-such-host.invalid")]
)
def test_no_server_there(connect: Any, host: str, told: str) -> None:
    with pytest.raises(LostConnectionError, match=told) as caught:
        connect(host=host, port=1).connection  # noqa: B018
    lines = str(caught.value).splitlines()
    assert 2 == len(lines)
    assert "database.host" in lines[1]
    assert lines[0].endswith(".")
    assert "?." not in lines[0]
    assert 3 > lines[0].count(host)


@pytest.mark.statement("ERR-2")
@pytest.mark.backends("sqlite", "postgresql", "mysql")
@pytest.mark.parametrize(
    "ending", ["", "del instance, number", "instance.connection.start_transaction()", "1 / 0"]
)
def test_a_program_ends_without_warnings(backend: Any, ending: str, tmp_path: Any) -> None:
    settings = {
        **backend.settings,
        **({"database__name": str(tmp_path / "x.db")} if backend.name == "sqlite" else {}),
    }
    script = f"""
import datajoint as dj
instance = dj.Instance(**{settings!r})
assert instance.connection.query("SELECT 1").fetchall()
number = dj.Instance(**{settings!r}).connection
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )
    errors = [line for line in done.stderr.splitlines() if line and not line.startswith((" ", "Traceback"))]
    assert (["ZeroDivisionError: division by zero"] if "0" in ending else []) == errors
