"""Users who may read only, may not create, may not see a parent, may not write events: ACC."""

import logging
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import AccessError

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
    assert ["subject_id", "session", "name", "day"] == list(joined.heading.names)
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
        "delete": lambda: (subject & "subject_id = 1").delete(),
        "delete_quick": lambda: (session & "session = 1").delete_quick(),
        "drop": lambda: session.drop(),
    }


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
    assert schema.database in str(caught.value) or schema.database in caught.value.context["statement"]
    assert caught.value.context["statement"]
    assert not reader.connection.in_transaction
    assert ROWS == subject.to_dicts(order_by="KEY")
    assert before == [table.to_dicts() for table in filled]
    assert events == count_events(schema)
