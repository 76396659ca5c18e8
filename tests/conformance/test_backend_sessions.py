"""Sessions of the backends: opening them, what is refused, batches, encryption, old databases."""

import sqlite3
import threading
from contextlib import closing

import pytest

from datajoint._value import replace
from datajoint.backends.registry import get_backend
from datajoint.declare.spec import ForeignKey, TableSpec
from datajoint.errors import (
    AccessError,
    CheckError,
    ConfigurationError,
    DataJointError,
    DuplicateError,
    LostConnectionError,
    QuerySyntaxError,
    TransactionError,
)
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type
from datajoint.settings.backend import ConnectionSettings
from datajoint.sql.ddl import create_schema, create_table


@pytest.fixture
def settings(backend, tmp_path):
    """Where the database of this test is."""
    return ConnectionSettings(
        backend.name, host=backend.host or None, port=backend.port or None, user=backend.user,
        password=backend.password, name=str(tmp_path / "test.db") if backend.name == "sqlite" else None,
    )  # fmt: skip


@pytest.fixture
def open_session(settings):
    """Give a function that opens a session; all are closed afterwards."""
    opened = []

    def get(**changes):
        options = {name: changes.pop(name) for name in ("synchronous", "busy_timeout") if name in changes}
        where = replace(settings, **changes)
        opened.append(get_backend(where.backend).session.open(where, **options))
        return opened[-1]

    yield get
    for session in opened:
        session.close()


@pytest.fixture
def table(open_session, schema_name):
    """A session, and a table of one number."""
    session = open_session()
    schema = schema_name()
    for text, parameters in create_schema(schema, session.dialect):
        session.execute(text, parameters)
    name = session.dialect.table(TableName(schema, "t"))
    session.execute(f"CREATE TABLE {name} (x INTEGER PRIMARY KEY)")
    return session, name


def count(session, name):
    return session.execute(f"SELECT count(*) FROM {name}").fetchone()[0]


@pytest.mark.statement("CFG-11", "ERR-2")
@pytest.mark.backends("postgresql", "mysql")
def test_a_refused_login_is_an_access_error(open_session):
    with pytest.raises(DataJointError) as caught:
        open_session(user="nobody_of_this_name", password="secret-word")
    assert isinstance(caught.value, AccessError | LostConnectionError)
    assert "secret-word" not in str(caught.value)
    assert "nobody_of_this_name" in str(caught.value)


@pytest.mark.statement("ERR-2", "ERR-4")
@pytest.mark.backends("postgresql", "mysql")
def test_a_server_that_is_not_there(open_session):
    with pytest.raises(LostConnectionError, match=":1 was lost or refused"):
        open_session(port=1)


@pytest.mark.statement("CFG-17")
@pytest.mark.backends("postgresql", "mysql")
def test_encryption_as_asked(open_session):
    plain = open_session(use_tls=False)
    assert not encrypted(plain)
    either = open_session()
    try:
        demanded = open_session(use_tls=True)
    except (AccessError, LostConnectionError):
        assert not encrypted(either)
    else:
        assert encrypted(demanded)
        assert encrypted(either)


def encrypted(session):
    if session.dialect.name == "postgresql":
        return session.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()[0]
    return bool(session.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'").fetchone()[1])


@pytest.mark.statement("ERR-6", "TXN-4")
def test_a_batch_counts_rows_and_stops_at_an_error(table):
    session, name = table
    texts = [(f"INSERT INTO {name} VALUES ({session.dialect.parameter(1)})", (n,)) for n in (1, 2)]
    batch = [*texts, (f"DELETE FROM {name} WHERE x > 1", ()), (f"UPDATE {name} SET x = 1", ())]
    assert [1, 1, 1, 1] == session.execute_batch(batch)
    assert [] == session.execute_batch([])
    session.begin()
    with pytest.raises(DuplicateError) as caught:
        session.execute_batch(
            [(f"INSERT INTO {name} VALUES (5)", ()), texts[0], (f"INSERT INTO {name} VALUES (6)", ())]
        )
    assert "unique" == caught.value.context["reason"]
    session.rollback()
    assert not session.in_transaction
    assert 1 == count(session, name)


@pytest.mark.statement("ERR-6")
def test_a_failed_load_leaves_a_usable_session(table):
    session, name = table
    with pytest.raises(DuplicateError):
        session.load_rows(name, ["x"], [parse_type("int32")], [[[1, 2, 1]]])
    assert 0 == count(session, name)
    assert 0 == session.load_rows(name, ["x"], [parse_type("int32")], [])
    assert 2 == session.load_rows(name, ["x"], [parse_type("int32")], [[[1, 2]]])


@pytest.mark.statement("ERR-6", "INS-2")
def test_a_load_that_is_refused_leaves_the_transaction_to_the_caller(table):
    session, name = table
    session.begin()
    assert 2 == session.load_rows(name, ["x"], [parse_type("int32")], [[[1, 2]]])
    session.savepoint("before")
    with pytest.raises(DuplicateError) as caught:
        session.load_rows(name, ["x"], [parse_type("int32")], [[[3, 4]], [[5, 2, 6]]])
    assert "unique" == caught.value.context["reason"]
    session.rollback_to("before")
    assert 2 == count(session, name)
    session.rollback()
    assert 0 == count(session, name)


@pytest.mark.statement("INS-2")
def test_a_server_that_reads_no_files_of_clients(table, monkeypatch):
    session, name = table
    if session.dialect.name == "mysql":
        monkeypatch.setattr("datajoint.backends.mysql.backend.load_statement", lambda *_: "LOAD NOTHING")
    session.begin()
    for n in (1, 4):
        assert 3 == session.load_rows(name, ["x"], [parse_type("int32")], [[[n, n + 1]], [[n + 2]]])
    session.commit()
    assert 6 == count(session, name)


@pytest.mark.statement("CFG-17")
def test_a_server_gets_no_file_that_it_asks_for(table, tmp_path):
    session, name = table
    secret = tmp_path / "secret"
    secret.write_text("1\n2\n")
    if session.dialect.name == "mysql":
        session.execute(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE {name} (x)")
    assert 0 == count(session, name)
    assert 1 == session.load_rows(name, ["x"], [parse_type("int32")], [[[1]]])


@pytest.mark.statement("QRY-26", "ERR-5")
def test_a_second_statement_is_refused(table):
    session, name = table
    session.execute(f"INSERT INTO {name} VALUES (7)")
    for text in (f"SELECT 1; DELETE FROM {name}", f"SELECT 'it''s; so'; DELETE FROM {name} -- ;"):
        with pytest.raises(QuerySyntaxError, match="One statement at a time"):
            session.execute(text)
    assert 1 == count(session, name)
    for text in (
        f"SELECT 'a;b' FROM {name};",
        f"SELECT x /* 1; 2 */ FROM {name}; ",
        f"SELECT x FROM {name} -- a;b",
    ):
        assert 1 == len(session.execute(text).fetchall())


@pytest.mark.statement("TYP-20")
def test_a_connection_writes_for_the_server_that_it_found(connect):
    connection = connect().connection
    assert connection.dialect is connection.session.dialect
    if connection.backend.name == "mysql":
        assert ("MariaDB" in connection.server_version) == connection.dialect.mariadb
        names = connection.query("SELECT collation_name FROM information_schema.collations").fetchall()
        assert connection.dialect.collation in {name for (name,) in names}


@pytest.mark.statement("TXN-1")
def test_a_transaction_is_seen_when_committed(table, open_session):
    session, name = table
    other = open_session()
    session.begin()
    session.execute(f"INSERT INTO {name} VALUES (1)")
    assert 0 == count(other, name)
    session.commit()
    assert 1 == count(other, name)


@pytest.mark.statement("TXN-3", "ERR-4")
@pytest.mark.backends("postgresql", "mysql")
def test_a_lost_connection_is_named(table, open_session):
    session, _ = table
    other = open_session()
    kill = f"SELECT pg_terminate_backend({session.connection_id})"
    other.execute(kill if session.dialect.name == "postgresql" else f"KILL {session.connection_id}")
    with pytest.raises(LostConnectionError):
        session.execute("SELECT 1")
    assert not session.alive
    assert not session.in_transaction
    session.rollback()
    with pytest.raises(LostConnectionError):
        session.execute("SELECT 1")


# ---------------------------------------------------------------------------------------------------- SQLite


@pytest.mark.statement("CFG-13")
@pytest.mark.backends("sqlite")
def test_only_files_of_ours_are_opened(settings, open_session, tmp_path):
    open_session().close()
    with closing(sqlite3.connect(settings.name)) as plain:
        assert (0x444A3330,) == plain.execute("PRAGMA application_id").fetchone()
        assert ("wal",) == plain.execute("PRAGMA journal_mode").fetchone()
        plain.execute("PRAGMA user_version = 7")
    with pytest.raises(ConfigurationError, match="format 7"):
        open_session()
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as plain:
        plain.execute("CREATE TABLE t (x)")
        plain.commit()
    with pytest.raises(ConfigurationError, match="another program"):
        open_session(name=str(foreign))
    text = tmp_path / "text.db"
    text.write_text("no database, but a text that is long enough to be none " * 20)
    with pytest.raises(ConfigurationError, match="not a SQLite database"):
        open_session(name=str(text))
    with pytest.raises(LostConnectionError, match="no folder"):
        open_session(name=str(tmp_path / "missing" / "x.db"))
    with pytest.raises(ConfigurationError, match="synchronous"):
        open_session(synchronous="SOMETIMES")


@pytest.mark.statement("CFG-13")
@pytest.mark.backends("sqlite")
def test_a_database_in_memory(open_session):
    session = open_session(name=":memory:")
    session.begin()
    session.execute("CREATE TABLE t (x)")
    session.commit()
    assert [] == list(session.stream("SELECT x FROM t"))


@pytest.mark.statement("TXN-1")
@pytest.mark.backends("sqlite")
def test_a_writer_waits_for_another_but_not_for_ever(table, open_session):
    session, name = table
    impatient = open_session(busy_timeout=0.1)
    session.begin()
    with pytest.raises(TransactionError, match=r"more than 0\.1 s") as caught:
        impatient.begin()
    assert "locked" == caught.value.context["reason"]
    done = []
    patient = open_session(busy_timeout=20)

    def write():
        patient.begin()
        patient.execute(f"INSERT INTO {name} VALUES (2)")
        patient.commit()
        done.append(True)

    thread = threading.Thread(target=write)
    thread.start()
    session.execute(f"INSERT INTO {name} VALUES (1)")
    session.commit()
    thread.join(300)
    assert [True] == done
    assert 2 == count(session, name)


# ------------------------------------------------------------------------------ databases of other clients


@pytest.mark.statement("TYP-17", "TYP-18", "COD-29")
@pytest.mark.backends("mysql")
def test_native_columns_of_old_databases(table):
    session, name = table
    session.execute(
        f"CREATE TABLE {name[:-2]}old` (id int unsigned auto_increment, flag tinyint(1) not null, "
        "n int(11) not null default 3, u binary(16) not null comment ':uuid:key', "
        "f binary(16) comment ':blob@s:kept', "
        "a longblob not null comment ':attach:file', b mediumblob, d decimal(6,2) unsigned, t time, y year, "
        "s set('a','b'), e enum('x','y') default 'y', stamp timestamp not null default current_timestamp, "
        "`_hidden_timestamp` timestamp not null default current_timestamp, "
        "primary key (id)) comment 'old one'"
    )
    schema = name.split("`")[1]
    catalog = get_backend("mysql").catalog(session)
    spec = catalog.read([schema])[TableName(schema, "old")]
    kinds = {a.name: (a.type, a.dtype.kind, a.comment) for a in spec.columns}
    assert "old one" == spec.comment
    assert {
        "id": ("int unsigned auto_increment", "uint32", ""), "flag": ("tinyint(1)", "int8", ""),
        "n": ("int", "int32", ""), "u": ("uuid", "uuid", "key"), "f": ("blob@s", "bytes", "kept"),
        "a": ("<attach>", "codec", "file"), "b": ("mediumblob", "blob", ""),
        "d": ("decimal(6,2) unsigned", "decimal", ""), "t": ("time", "time", ""), "y": ("year", "year", ""),
        "s": ("set('a','b')", "native", ""), "e": ("enum('x','y')", "enum", ""),
        "stamp": ("timestamp", "timestamp", ""), "_hidden_timestamp": ("timestamp", "timestamp", ""),
    } == kinds  # fmt: skip
    assert ("literal", 3) == (spec.attribute("n").default.kind, spec.attribute("n").default.value)
    assert "y" == spec.attribute("e").default.value
    assert "now_utc" == spec.attribute("stamp").default.kind
    assert spec.attribute("id").default is None
    assert ["_hidden_timestamp"] == [a.name for a in spec.hidden]


@pytest.mark.statement("TYP-17")
@pytest.mark.backends("postgresql")
def test_native_columns_of_postgresql(table):
    session, name = table
    session.execute(
        f'CREATE TABLE {name[:-2]}old" (id serial PRIMARY KEY, r real, n numeric(5,2), big numeric, c text, '
        "v varchar, "
        "at timestamp, zoned timestamptz, at3 timestamp(3), b bytea, j jsonb, arr int[], z char(3), tm time, "
        "i int GENERATED BY DEFAULT AS IDENTITY)"
    )
    schema = name.split('"')[1]
    spec = get_backend("postgresql").catalog(session).read([schema])[TableName(schema, "old")]
    assert {
        "id": ("serial", "int64"), "r": ("real", "float32"), "n": ("numeric(5,2)", "decimal"),
        "big": ("numeric", "native"),
        "c": ("text", "text"), "v": ("text", "text"), "at": ("datetime(6)", "datetime"),
        "zoned": ("timestamp with time zone", "native"), "at3": ("datetime(3)", "datetime"), "b": ("bytea",
        "blob"),
        "j": ("json", "json"), "arr": ("integer[]", "native"), "z": ("char(3)", "char"), "tm": ("time(6)",
        "time"),
        "i": ("serial", "int64"),
    } == {a.name: (a.type, a.dtype.kind) for a in spec.columns}  # fmt: skip
    assert spec.attribute("id").autoincrement


@pytest.mark.statement("FK-1", "FK-13")
@pytest.mark.backends("mysql")
def test_a_reference_takes_the_collation_of_what_it_refers_to(table):
    session, name = table
    schema = name.split("`")[1]
    catalog = get_backend("mysql").catalog(session)
    session.execute(f"CREATE TABLE {name[:-2]}old` (k varchar(5) CHARACTER SET latin1, PRIMARY KEY (k))")
    parent = catalog.read([schema])[TableName(schema, "old")]
    key = ForeignKey(("j",), parent.name, ("k",))
    child = TableSpec(
        TableName(schema, "new"), (Attribute("j", parent.attribute("k").dtype, in_key=True),), ("j",), (key,)
    )
    found = catalog.collations(child)
    assert found["j"].startswith("CHARACTER SET latin1 COLLATE latin1_")
    for text, parameters in create_table(child, {}, session.dialect, found):
        session.execute(text, parameters)
    [made] = catalog.read([schema])[child.name].foreign_keys
    assert (key.parent, key.columns) == (made.parent, made.columns)
    assert {} == catalog.collations(parent)


@pytest.mark.statement("CFG-11")
@pytest.mark.backends("mysql")
def test_a_session_begins_as_ours_do(open_session):
    session = open_session()
    names = ("sql_mode", "autocommit", "collation_connection", "character_set_results", "tx_isolation")
    texts = [f"SELECT @@{name}" for name in names if not (name[:2] == "tx" and not session.dialect.mariadb)]
    found = dict(zip(names, [session.execute(text).fetchone()[0] for text in texts], strict=False))
    assert {"STRICT_ALL_TABLES", "ONLY_FULL_GROUP_BY"} <= set(found["sql_mode"].split(","))
    assert (1, session.dialect.collation) == (found["autocommit"], found["collation_connection"])
    assert "utf8mb4" == found["character_set_results"]
    assert "READ-COMMITTED" == found.get("tx_isolation", "READ-COMMITTED")


@pytest.mark.statement("TXN-1")
@pytest.mark.backends("sqlite")
def test_a_whole_transaction_is_run_in_the_queue_of_writers(open_session):
    session, other = open_session(), open_session(busy_timeout=0.05)

    def run(*statements):
        texts = [(item, ()) if isinstance(item, str) else item for item in statements]
        return session.execute_batch([("BEGIN", ()), *texts, ("COMMIT", ())])

    def rows():
        return [row[0] for row in other.execute("SELECT x FROM a ORDER BY x").fetchall()]

    run("CREATE TABLE a (x INTEGER CHECK (x > 0))", "INSERT INTO a VALUES (1)")
    with pytest.raises(CheckError):
        run("INSERT INTO a VALUES (2)", "INSERT INTO a VALUES (-1)")
    assert [1] == rows()
    run("INSERT INTO a SELECT dj_float('3.0')")  # by a function that is added when it is missed
    assert 1 == run(("INSERT INTO a VALUES (?)", (7,)))[1]
    assert [1, 3, 7] == rows()
    session.begin()
    with pytest.raises(TransactionError, match="Another process"):
        other.execute_batch([("BEGIN", ()), ("INSERT INTO a VALUES (9)", ()), ("COMMIT", ())])
    session.rollback()
    other.execute_batch([("BEGIN", ()), ("INSERT INTO a VALUES (9)", ()), ("COMMIT", ())])
    assert [1, 3, 7, 9] == rows()


@pytest.mark.statement("TXN-3")
@pytest.mark.backends("postgresql", "mysql")
def test_a_session_ends_another_but_never_one_of_a_server_that_was_started_since(open_session):
    """The numbers of sessions begin anew with a server: that of a lost session may be its successor's."""
    session, lost, other = open_session(), open_session(), open_session()
    session.end_other(session.connection_id, 0.0)
    assert 1 == session.execute("SELECT 1").fetchone()[0]
    session.end_other(other.connection_id, 10.0**8)  # opened before any server was started
    assert 1 == other.execute("SELECT 1").fetchone()[0]
    session.end_other(lost.connection_id, 0.0)
    with pytest.raises(LostConnectionError):
        lost.execute("SELECT 1").fetchone()
