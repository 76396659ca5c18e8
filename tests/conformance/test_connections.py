"""Connections: shared and separate, refused, lost, read-only; several instances; threads."""

import logging
import os
import shutil
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import datajoint as dj
from datajoint.engine import instance as engine_instance
from datajoint.errors import (
    AccessError,
    ConfigurationError,
    DataJointError,
    LostConnectionError,
    QuerySyntaxError,
    ThreadSafetyError,
    TransactionError,
)
from datajoint.settings.backend import resolve_connection


@pytest.fixture
def shared(monkeypatch, tmp_path, backend):
    """An empty process: no default instance yet, a folder of its own; a function that configures it."""
    monkeypatch.setattr(engine_instance._Default, "instance", None)
    monkeypatch.setattr(engine_instance._Default, "config", None)
    monkeypatch.chdir(tmp_path)

    def configure(**changes):
        where = {"backend": "sqlite", "database_name": "shared.db"}
        if backend.name != "sqlite":
            where = {
                "host": backend.host, "port": backend.port, "user": backend.user, "pass": backend.password,
                "backend": backend.name,
            }  # fmt: skip
        for name, value in {**where, **changes}.items():
            monkeypatch.setenv(f"DJ_{name.upper()}", str(value))

    yield configure
    if engine_instance._Default.instance is not None:
        engine_instance._Default.instance.reset()


@pytest.mark.statement("CFG-11", "CFG-12")
def test_the_shared_connection(shared, schema_name, backend):
    shared()
    connection = dj.conn()

    assert connection is dj.conn()
    assert connection.is_connected
    assert 1 == connection.query("SELECT 1").fetchone()[0]
    schema = dj.Schema(schema_name())
    assert schema.connection is connection
    assert schema.database in dj.list_schemas()
    again = dj.conn(reset=True)
    assert again is not connection
    assert again is dj.conn()
    assert not connection.is_connected
    assert again.query("SELECT 1").fetchall()
    if backend.name != "sqlite":
        with pytest.raises(DataJointError) as caught:
            dj.conn(backend.host, "nobody_of_this_name", "secret-word", reset=True)
        assert "nobody_of_this_name" in str(caught.value)
        assert "secret-word" not in str(caught.value)
        dj.config.database.user = backend.user
        dj.config.database.password = backend.password
        assert dj.conn(use_tls=None, port=backend.port).is_connected


@pytest.mark.statement("CFG-11", "CFG-13", "ERR-3")
@pytest.mark.backends("postgresql", "mysql")
def test_a_missing_login_is_refused(shared, monkeypatch, tmp_path):
    shared()
    monkeypatch.delenv("DJ_PASS")
    for use in (dj.conn, lambda: dj.Schema("any"), dj.list_schemas):
        with pytest.raises(ConfigurationError) as caught:
            use()
        for word in ("`database.password`", "DJ_PASS", ".secrets/database.password"):
            assert word in str(caught.value)
    assert [] == list(tmp_path.iterdir())
    assert dj.conn(password="").is_connected


@pytest.mark.statement("CFG-13")
@pytest.mark.backends("sqlite")
def test_nothing_configured_is_a_file_that_is_announced_once(shared, caplog, tmp_path):
    with caplog.at_level(logging.INFO):
        schema = dj.Schema("lab")
        dj.conn(reset=True)

    assert [str(tmp_path / "datajoint.db")] == [text.split()[-1] for text in caplog.messages]
    assert (tmp_path / "datajoint.db").exists()
    assert "lab" == schema.database
    caplog.clear()
    dj.config.database.backend = "sqlite"
    dj.config.database.name = "other.db"
    with caplog.at_level(logging.INFO):
        dj.conn(reset=True)
    assert [] == caplog.messages
    assert (tmp_path / "other.db").exists()


@pytest.mark.statement("CFG-12", "TXN-2")
def test_a_connection_of_ones_own(backend, tmp_path, schema_name):
    where = dict(backend.settings)
    if backend.name == "sqlite":
        where["database_name"] = str(tmp_path / "own.db")
    with dj.Connection(**where) as connection:
        connection.ping()
        assert connection.is_connected
        assert connection.get_user()
        schema = dj.Schema(schema_name(), connection=connection)

        @schema
        class Parent(dj.Manual):
            definition = "a : int32\n---\nt='100%' : varchar(9)"

        @schema
        class Child(dj.Manual):
            definition = "-> Parent"

        Parent.insert1({"a": 1})
        name = Parent.full_table_name
        assert [(1, "100%")] == [
            tuple(row) for row in connection.query(f"SELECT a, t FROM {name}").fetchall()
        ]
        rows = connection.query(f"SELECT a, t FROM {name} WHERE a = %s AND t <> '%%s'", (1,), as_dict=True)
        assert {"a": 1, "t": "100%"} == rows.fetchone()
        assert rows.fetchone() is None
        like = connection.query(f"SELECT a FROM {name} WHERE t LIKE '100%'")
        for (number,) in like:
            connection.query(f"SELECT {number} + 1")  # the rows of the first are not lost
        assert 1 == like.rowcount
        assert 1 == connection.query(f"UPDATE {name} SET t = %s", ["it's %"]).rowcount
        assert "it's %" == Parent.fetch1("t")
        assert {schema.database: schema} == connection.schemas
        graph = connection.dependencies
        assert [Child.full_table_name] == list(graph.successors(Parent.full_table_name))
        for nothing in ("", " \n"):
            with pytest.raises(QuerySyntaxError, match="empty"):
                connection.query(nothing)
        with connection.transaction:
            Parent.insert1({"a": 2})
            with pytest.raises(TransactionError, match="CREATE"):
                connection.query("CREATE TABLE x (y int)")
        assert 2 == len(Parent)
        assert "password" not in repr(connection).lower()
    assert not connection.is_connected
    with pytest.raises(DataJointError):
        connection.ping()


@pytest.mark.statement("CFG-14", "CFG-16", "LIN-9")
def test_instances_share_nothing(connect, schema_name, declare):
    one, two = connect(display__limit=3), connect(safemode=True)
    name = schema_name("both")
    first, second = one.Schema(name), two.Schema(name)
    a, b = declare.on(first)("Thing", "a : int32"), declare.on(second)("Thing", "a : int32")
    a.insert([{"a": n} for n in range(9)])

    assert one.connection is not two.connection
    assert (3, 12) == (one.config.display.limit, two.config.display.limit)
    assert one.connection.config is one.config
    assert a.connection is one.connection
    assert 9 == len(two.FreeTable(f"{name}.thing")) == len(b)
    assert len(repr(a()).splitlines()) < len(repr(b()).splitlines())
    with pytest.raises(DataJointError, match="prompt=False"):
        (b & "a = 1").delete()  # safemode of its own instance
    assert 1 == (a & "a = 1").delete()
    with pytest.raises(DataJointError, match="connection"):
        _ = a * b
    with one.connection.transaction:
        a.insert1({"a": 100})
        assert not two.connection.in_transaction
        assert not b & "a = 100"
    assert b & "a = 100"
    one.connection.close()
    assert 9 == len(b)
    others = [dj.Instance(user="u", password="", backend=kind).config for kind in ("mysql", "postgresql")]
    assert [3306, 5432] == [resolve_connection(config).port for config in others]


@pytest.mark.statement("CFG-15", "CFG-14")
def test_threads_with_instances_of_their_own(shared, connect, schema_name, monkeypatch):
    shared()
    monkeypatch.setenv("DJ_THREAD_SAFE", "true")
    connection = connect().connection
    for use in (lambda: dj.config, dj.conn, lambda: dj.Schema("any"), dj.list_schemas):
        with pytest.raises(ThreadSafetyError, match=r"DJ_THREAD_SAFE[\s\S]*dj.Instance"):
            use()
    name = schema_name()
    schema = connect().Schema(name)

    @schema
    class Thing(dj.Manual):
        definition = "thread : int32\nn : int32"

    def work(thread):
        instance = connect()
        table = instance.FreeTable(f"{name}.thing")
        for n in range(5):
            table.insert1({"thread": thread, "n": n})
        return len(table & {"thread": thread})

    with ThreadPoolExecutor(4) as pool:
        assert [5, 5, 5, 5] == list(pool.map(work, range(4)))
    assert 20 == len(Thing)
    with (
        ThreadPoolExecutor(1) as pool,
        connection.transaction,
        pytest.raises(TransactionError, match="thread"),
    ):
        pool.submit(connection.query, "SELECT 1").result()
    assert connection.query("SELECT 1").fetchall()


@pytest.mark.statement("CFG-18")
def test_old_servers_are_reported_once(connect, monkeypatch, caplog, backend):
    version = f"MariaDB 5.5.1-{backend.name}"
    session = type(connect().connection.session)
    monkeypatch.setattr(session, "server_version", property(lambda self: version))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            _ = connect().connection
    monkeypatch.undo()
    assert 1 == len(caplog.messages)
    assert f"{version} is not supported" in caplog.text
    with caplog.at_level(logging.WARNING):
        _ = connect().connection
    assert 1 == len(caplog.messages)


@pytest.mark.statement("CFG-11", "ERR-2", "ERR-3")
@pytest.mark.backends("postgresql", "mysql")
def test_servers_that_cannot_be_reached(backend, monkeypatch):
    down = dj.Instance(**{**backend.settings, "port": 1})
    for use in (lambda: down.connection, lambda: down.Schema("any"), down.list_schemas):
        with pytest.raises(LostConnectionError) as caught:
            use()
        assert backend.host in str(caught.value)
        assert caught.value.__cause__ is not None
    nowhere = dj.Instance(**{**backend.settings, "host": "no-such-host.invalid"})
    with pytest.raises(LostConnectionError, match=r"no-such-host\.invalid"):
        _ = nowhere.connection
    wrong = dj.Instance(**{**backend.settings, "user": "nobody_of_this_name", "password": "secret-word"})
    with pytest.raises((AccessError, LostConnectionError)) as caught:
        _ = wrong.connection
    assert "nobody_of_this_name" in str(caught.value)
    assert "secret-word" not in str(caught.value) + repr(caught.value.context)
    wrong.config.database.user = backend.user
    wrong.config.database.password = backend.password
    assert wrong.connection.is_connected
    wrong.close()


@pytest.fixture
def nobody(tmp_path_factory):
    """A folder that others may read, and a context in which this process has no rights of root."""
    folder = Path(tempfile.mkdtemp(dir=tempfile.gettempdir()))
    folder.chmod(0o755)

    @contextmanager
    def as_nobody():
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    yield folder, as_nobody
    shutil.rmtree(folder)


@pytest.mark.statement("ACC-1", "ACC-2", "ERR-2", "ERR-6")
@pytest.mark.backends("sqlite")
def test_a_file_that_may_only_be_read(nobody, declare, tmp_path):
    text, folder, as_nobody = "a : int32\n---\nk='x' : varchar(9)", *nobody
    declare("Kind", "k : int32", dj.Lookup, contents=[[1], [2]])
    parent = declare("Parent", text)
    parent.insert1({"a": 1})
    parent.connection.close()
    path = folder / "read.db"
    shutil.copy(tmp_path / "test.db", path)
    path.chmod(0o444)
    with as_nobody():
        for name in (str(path), f"file:{path}?mode=ro"):
            instance = dj.Instance(backend="sqlite", database__name=name, safemode=False)
            schema = instance.Schema(parent.database)
            there = declare.on(schema)
            table = there("Parent", text)
            there("Kind", "k : int32", dj.Lookup, contents=[[1], [2]])
            assert 2 == len(instance.virtual_schema(parent.database).Kind)
            assert "parent" in schema.list_tables()
            assert parent.database in instance.list_schemas()
            assert "Parent" in str(dj.Diagram(schema))
            for use in (
                lambda table=table: table.insert1({"a": 2}), lambda table=table: table.update1({"a": 1, "k": "y"}),
                lambda table=table: table.delete(), lambda there=there: there("New", "b : int32"),
                lambda instance=instance: instance.Schema("another"), lambda table=table: table.drop(),
                lambda schema=schema: schema.drop(),
            ):  # fmt: skip
                with pytest.raises(AccessError, match=r"read\.db.* is read-only") as caught:
                    use()
                assert isinstance(caught.value.__cause__, sqlite3.Error)
                assert [{"a": 1, "k": "x"}] == table.to_dicts()
            instance.close()
        missing = dj.Instance(backend="sqlite", database__name=str(folder / "missing.db"))
        with pytest.raises(DataJointError, match=r"missing\.db"):
            _ = missing.connection


@pytest.mark.statement("CFG-17", "CFG-6")
def test_encryption_is_for_networks(backend, connect):
    """SQLite has no network whose reader could be kept out; each setting is as good as the other."""
    for wrong in ("perhaps", 7):
        with pytest.raises(ConfigurationError, match=r"`database\.use_tls`"):
            connect(use_tls=wrong)
    plain = connect(use_tls=False)
    assert plain.connection.is_connected
    assert plain.config.database.use_tls is False
    if backend.name == "sqlite":
        for demand in (None, True, {"ca": "file.pem"}):
            assert connect(use_tls=demand).connection.query("SELECT 1").fetchall()


@pytest.mark.statement("ACC-4", "SCH-10")
@pytest.mark.backends("sqlite")
def test_who_may_read_a_file_sees_its_schemas(connect, schema_name, tmp_path):
    mine = connect(database__name=str(tmp_path / "mine.db"))
    names = sorted(mine.Schema(schema_name(suffix)).database for suffix in "ab")
    assert names == sorted(mine.list_schemas())
    assert [] == connect(database__name=str(tmp_path / "other.db")).list_schemas()
    mine.connection.close()
    (tmp_path / "mine.db").chmod(0o400)
    assert names == sorted(connect(database__name=str(tmp_path / "mine.db")).list_schemas())


@pytest.mark.statement("CFG-19", "SCH-1", "SCH-4", "SCH-7")
def test_the_prefix_of_schema_names(connect, schema_name):
    whole = schema_name("lab")
    prefix, own = whole[:13], whole[13:]
    mine, plain = connect(database__database_prefix=prefix), connect()
    schema = mine.Schema(own)

    @schema
    class Subject(dj.Manual):
        definition = "subject : int32"

    Subject.insert1({"subject": 1})
    assert whole == schema.database
    for name in (own, whole, None):  # activated again, as pipelines of several modules do
        schema.activate(name)
    with pytest.raises(DataJointError, match=f"already activated for schema `{whole}`"):
        schema.activate("rig")
    assert own not in plain.list_schemas()
    for name in (own, whole):  # who puts it before the name himself gets it once
        assert whole == mine.Schema(name, create_schema=False).database
        assert 1 == len(mine.virtual_schema(name).Subject())
    assert 1 == len(plain.virtual_schema(whole).Subject())
    with pytest.raises(DataJointError, match=f"`{prefix}rig` has not yet been declared"):
        mine.virtual_schema("rig")
    with pytest.raises(DataJointError, match=f"`{own}` has not yet been declared"):
        plain.Schema(own, create_schema=False)
    schema.drop()
    assert whole not in plain.list_schemas()


@pytest.mark.statement("CFG-12", "CFG-16")
def test_a_connection_made_directly_obeys_the_settings_at_each_moment(shared, backend, tmp_path, schema_name):
    shared()
    where = dict(backend.settings)
    if backend.name == "sqlite":
        where["database_name"] = str(tmp_path / "own.db")
    given = {name: value for name, value in where.items() if not name.startswith("database__")}
    with dj.Connection(**given) as connection:
        assert connection.config is dj.config
        dj.config.database.create_tables = False
        assert not dj.Schema(schema_name(), connection=connection).create_tables
        dj.config.database.create_tables = True
        assert dj.Schema(schema_name("more"), connection=connection).create_tables
        with dj.config.override(display__limit=3):
            assert 3 == connection.config.display.limit
        dj.config.database.host = "elsewhere.invalid"  # where an open connection leads does not change
        connection.ping()
    own = dj.Instance(**{**backend.settings, "database__create_tables": False})
    assert own.config is not dj.config
    assert dj.config.database.create_tables


@pytest.mark.statement("CFG-12", "CFG-15")
def test_a_connection_made_directly_where_global_settings_are_forbidden(
    shared, backend, tmp_path, monkeypatch
):
    shared()
    monkeypatch.setenv("DJ_THREAD_SAFE", "true")
    with dj.Connection() as connection:
        assert connection.config.database.create_tables
        with pytest.raises(ThreadSafetyError):
            _ = dj.config
    assert engine_instance._Default.instance is None


@pytest.mark.backends("mysql", "postgresql")
@pytest.mark.statement("CFG-12", "CFG-11", "CFG-14")
def test_a_port_in_the_host_wins_wherever_it_is_given(shared, backend, monkeypatch):
    shared(port=1)
    given = {"user": backend.user, "password": backend.password, "backend": backend.name}
    host = f"{backend.host}:{backend.port}"
    with dj.Connection(host, **given) as connection:
        assert (backend.host, backend.port) == (connection.settings.host, connection.settings.port)
    with dj.Connection(host, **given, port=2) as connection:
        assert backend.port == connection.conn_info["port"]
    assert backend.port == dj.Instance(host, **given).connection.settings.port
    assert backend.port == dj.conn(host, backend.user, backend.password).settings.port
    monkeypatch.setenv("DJ_HOST", host)
    with dj.Instance(**given).connection as connection:
        assert backend.port == connection.settings.port
    for wrong in ("x", "", "0", "65536", "-1", "3.3"):
        with pytest.raises(ConfigurationError, match="no port"):
            dj.Connection(f"{backend.host}:{wrong}", **given)
