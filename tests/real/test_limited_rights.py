"""Users who may read only, may not create, may not see a parent, may not write events: ACC."""

import logging
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import AccessError, MissingTableError

pytestmark = pytest.mark.backends("postgresql", "mysql")

SUBJECT = """
# animals
subject_id : int32
---
name : varchar(20)
"""
SESSION = """
-> Subject
session : int16
---
day : date
"""
ROWS = [{"subject_id": n, "name": f"name {n}"} for n in (1, 2)]


def tables(schema: Any) -> tuple[Any, Any]:
    """Declare, or attach to, a parent and a child."""

    @schema
    class Subject(dj.Manual):
        definition = SUBJECT

    @schema
    class Session(dj.Manual):
        definition = SESSION

    return Subject, Session


@pytest.fixture
def filled(schema: Any) -> tuple[Any, Any]:
    """Tables of the administrator."""
    subject, session = tables(schema)
    subject.insert(ROWS)
    session.insert1({"subject_id": 1, "session": 1, "day": "2024-01-02"})
    return subject, session


def count_events(schema: Any) -> int:
    return len(dj.FreeTable(schema.connection, f"{schema.database}.~events"))


@pytest.fixture
def reader(filled: Any, schema: Any, new_user: Any, connect: Any) -> Any:
    """An instance of a user who may only read."""
    user = new_user()
    user.grant("select", schema.database)
    return connect(**user.login)


@pytest.mark.statement("ACC-2")
def test_a_reader_queries_draws_and_explores(reader: Any, schema: Any, filled: Any) -> None:
    module = reader.virtual_schema(schema.database)
    assert ROWS == (module.Subject & "subject_id > 0").to_dicts(order_by="KEY")
    joined = module.Subject * module.Session
    assert {"subject_id", "session", "name", "day"} == set(joined.heading.names)
    assert [{"subject_id": 2, "n": 0}] == (
        module.Subject.aggr(module.Session, n="count(session)") & "n = 0"
    ).to_dicts()
    assert filled[1].describe() == module.Session.describe()
    drawn = dj.Diagram(module.schema).make_mermaid()
    assert "Subject" in drawn
    assert "Session" in drawn
    assert "name 1" in str(module.Subject())
    assert 2 == len(list(module.Subject().to_dicts(order_by="KEY")))
    for attached, original in zip(tables(reader.Schema(schema.database)), filled, strict=True):
        assert original.to_dicts() == attached.to_dicts()


def changes(subject: Any, session: Any) -> dict[str, Any]:
    """Name every way to change rows or tables, with what it does."""
    return {
        "insert1": lambda: subject.insert1({"subject_id": 3, "name": "c"}),
        "insert": lambda: subject.insert([{"subject_id": n, "name": "c"} for n in range(3, 900)]),
        "replace": lambda: subject.insert1({"subject_id": 1, "name": "c"}, replace=True),
        "skip": lambda: subject.insert([{"subject_id": 7, "name": "c"}], skip_duplicates=True),
        "copy": lambda: session.insert(subject.proj(session="9", day="date('2024-01-01')")),
        "update1": lambda: subject.update1({"subject_id": 1, "name": "c"}),
        "delete": (subject & "subject_id = 1").delete,
        "delete_quick": (session & "session = 1").delete_quick,
        "drop": session.drop,
    }


def statement_of(error: BaseException | None) -> str:
    """The statement that an error carries, or its cause."""
    while isinstance(error, dj.DataJointError) and "statement" not in error.context:
        error = error.__cause__
    assert isinstance(error, dj.DataJointError)
    return str(error.context["statement"])


CHANGES = [
    "insert1", "insert", "replace", "skip", "copy", "update1", "delete", "delete_quick", "drop",
]  # fmt: skip


@pytest.mark.statement("ACC-1", "ERR-4", "ERR-6")
@pytest.mark.parametrize("change", CHANGES)
def test_a_reader_changes_nothing(change: str, reader: Any, schema: Any, filled: Any) -> None:
    before, events = [table.to_dicts() for table in filled], count_events(schema)
    subject, session = tables(reader.Schema(schema.database))
    with pytest.raises(AccessError) as caught:
        changes(subject, session)[change]()
    assert reader.config.database.user in str(caught.value)
    assert schema.database in str(caught.value)
    assert statement_of(caught.value)
    assert not reader.connection.in_transaction
    assert ROWS == subject.to_dicts(order_by="KEY")
    assert before == [table.to_dicts() for table in filled]
    assert events == count_events(schema)


@pytest.mark.statement("ACC-1", "ACC-2")
def test_a_reader_is_told_once_that_writes_leave_no_events(
    schema: Any, instance: Any, new_user: Any, connect: Any, administer: Any, caplog: Any
) -> None:
    tables(schema)
    administer("drop table {}.{}".format(*administer.names(schema.database, "~events")))
    user = new_user()
    user.grant("select", schema.database)
    with caplog.at_level(logging.INFO):
        reader = connect(**user.login)
        for _ in range(2):
            tables(reader.Schema(schema.database))
    told = [record.message for record in caplog.records if "writes are not recorded" in record.message]
    assert [schema.database] == [schema.database for text in told if f"`{schema.database}`" in text]


@pytest.mark.statement("ACC-1")
def test_without_the_right_to_create(schema: Any, filled: Any, new_user: Any, connect: Any) -> None:
    user = new_user()
    user.grant("select, insert, update, delete", schema.database)
    limited = connect(**user.login)
    own = limited.Schema(schema.database)
    subject, session = tables(own)  # declaring what exists is no change
    subject.insert1({"subject_id": 3, "name": "c"})
    assert 3 == len(filled[0]())
    with pytest.raises(AccessError) as caught:

        @own
        class Missing(dj.Manual):
            definition = "missing : int32"

    assert schema.database in str(caught.value)
    assert "CREATE" in str(caught.value)
    assert "CREATE TABLE" in statement_of(caught.value)
    assert is_nowhere(schema)
    assert 1 == len(session())
    with pytest.raises(AccessError, match="no right to CREATE"):
        limited.Schema(f"{schema.database}_new")
    assert f"{schema.database}_new" not in limited.list_schemas()


def is_nowhere(schema: Any) -> bool:
    """Whether nothing of the table `missing` is left, in catalog or lineage."""
    schema.connection.catalog.forget(schema.database)
    return "missing" not in schema.list_tables() and not any("missing" in key for key in schema.lineage)


@pytest.mark.statement("ACC-1", "FK-1")
def test_a_parent_out_of_sight(instance: Any, schema_name: Any, new_user: Any, connect: Any) -> None:
    mine, other = instance.Schema(schema_name("mine")), instance.Schema(schema_name("other"))

    @other
    class Subject(dj.Manual):
        definition = SUBJECT

    @mine
    class Session(dj.Manual):
        definition = SESSION

    Subject.insert(ROWS)
    Session.insert1({"subject_id": 1, "session": 1, "day": "2024-01-02"})
    user = new_user()
    user.grant("select, insert, update, delete", mine.database)
    limited = connect(**user.login)
    session = limited.virtual_schema(mine.database).Session
    assert [1] == list(session.to_arrays("subject_id"))
    assert {"subject_id", "session", "day"} == set(session.heading.names)
    assert "Session" in dj.Diagram(limited.Schema(mine.database)).make_mermaid()
    assert other.database not in limited.list_schemas()
    with pytest.raises((AccessError, MissingTableError), match=f"(?s){other.database}"):
        limited.FreeTable(f"{other.database}.subject").to_dicts()
    assert "-> " in session.describe()
    session.insert1({"subject_id": 2, "session": 5, "day": "2024-01-03"})  # the database knows that 2 exists
    with pytest.raises(dj.errors.IntegrityError, match="subject"):
        session.insert1({"subject_id": 9, "session": 5, "day": "2024-01-03"})
    (session & "subject_id = 2").delete()
    assert 1 == len(session())


@pytest.mark.statement("ACC-1")
def test_without_rights_on_the_table_of_events(schema: Any, filled: Any, new_user: Any, connect: Any) -> None:
    user = new_user()
    user.grant("select", schema.database)
    for table in ("subject", "session"):
        user.grant("insert, update, delete", schema.database, table)
    subject, session = tables(connect(**user.login).Schema(schema.database))
    before = count_events(schema)
    for write in changes(subject, session).values():
        with pytest.raises(AccessError):
            write()
    assert ROWS == filled[0].to_dicts(order_by="KEY")
    assert 1 == len(filled[1]())
    assert before == count_events(schema)
    with pytest.raises(AccessError) as caught:
        subject.insert1({"subject_id": 5, "name": "e"})
    assert "no right to INSERT in table" in str(caught.value)
    assert "~events" in str(caught.value)
    without = connect(**user.login, provenance__events=False)
    tables(without.Schema(schema.database))[0].insert1({"subject_id": 5, "name": "e"})
    assert 3 == len(filled[0]())


@pytest.mark.statement("ACC-4")
def test_only_schemas_with_rights_are_listed(
    instance: Any, schema_name: Any, new_user: Any, connect: Any
) -> None:
    seen, unseen = instance.Schema(schema_name("seen")), instance.Schema(schema_name("unseen"))
    for schema in (seen, unseen):
        tables(schema)
    user = new_user()
    limited = connect(**user.login)
    assert not {seen.database, unseen.database} & set(limited.list_schemas())
    user.grant("select", seen.database)
    assert {seen.database} == {seen.database, unseen.database} & set(limited.list_schemas())
    assert {seen.database, unseen.database} <= set(instance.list_schemas())
    with pytest.raises(dj.DataJointError, match=unseen.database):
        limited.virtual_schema(unseen.database).Subject.to_dicts()


@pytest.mark.statement("ACC-1", "ERR-4")
@pytest.mark.backends("postgresql")
def test_a_session_that_takes_no_changes(schema: Any, filled: Any, new_user: Any, connect: Any) -> None:
    user = new_user()
    user.grant("all", schema.database)
    user.set("default_transaction_read_only", "on")
    limited = connect(**user.login)
    check_fixed(limited, *tables(limited.Schema(schema.database)))


@pytest.mark.statement("ACC-1", "ERR-4")
@pytest.mark.backends("mysql")
def test_a_server_that_takes_no_changes(throwaway: Any, connect: Any) -> None:
    throwaway.run("create user djt_reader@'%' identified by 'x'", "grant all on *.* to djt_reader@'%'")
    there = throwaway.server.settings
    subject, session = tables(connect(**there).Schema("fixed"))
    subject.insert(ROWS)
    session.insert1({"subject_id": 1, "session": 1, "day": "2024-01-02"})
    throwaway.run("set global read_only = 1", "revoke read only admin on *.* from djt_reader@'%'")
    limited = connect(**there | {"user": "djt_reader", "password": "x"})
    check_fixed(limited, *tables(limited.Schema("fixed")))


def check_fixed(limited: Any, subject: Any, session: Any) -> None:
    for write in changes(subject, session).values():
        with pytest.raises(AccessError):
            write()
    with pytest.raises(AccessError, match=rf"takes no changes by `{limited.config.database.user}`"):
        subject.insert1({"subject_id": 3, "name": "c"})
    assert ROWS == subject.to_dicts(order_by="KEY")
    assert 1 == len(session())


@pytest.mark.statement("ACC-1", "ERR-6")
def test_a_refusal_inside_a_transaction(reader: Any, schema: Any, filled: Any, administer: Any) -> None:
    subject, _ = tables(reader.Schema(schema.database))
    connection = reader.connection
    with connection.transaction:
        assert 2 == len(subject())
        with pytest.raises(AccessError, match="INSERT in table"):
            subject.insert1({"subject_id": 3, "name": "c"})
        assert 2 == len(subject())
    assert not connection.in_transaction
    assert 2 == len(subject())
