"""The type `set` of MySQL and MariaDB, in definitions and in tables that are there (usage, section 2)."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, UnknownTypeError

pytestmark = pytest.mark.filterwarnings("ignore:.*has the native type")
DEFINITION = """
session : int32
---
flags='' : set('dark', 'it''s', "late")
more=null : SET ('a','b')
"""


@pytest.mark.statement("TYP-17", "TYP-19")
def test_a_set_is_kept_as_its_text_or_refused_by_name(schema, backend):
    class Session(dj.Manual):
        definition = DEFINITION

    if backend.name != "mysql":
        with pytest.raises(UnknownTypeError, match=r"no counterpart of type `set\('dark'"):
            schema(Session)
        return
    schema(Session)
    Session.insert1({"session": 1, "flags": "late,dark", "more": "b"})
    Session.insert1({"session": 2})
    rows = [{"session": 1, "flags": "dark,late", "more": "b"}, {"session": 2, "flags": "", "more": None}]
    assert rows == Session.to_dicts(order_by="KEY")
    assert [1] == [row["session"] for row in (Session & "find_in_set('late', flags)")]
    assert [1] == [row["session"] for row in (Session & {"flags": "dark,late"})]
    assert ["dark,late", ""] == list(Session.to_arrays("flags", order_by="KEY"))
    assert ["dark,late", ""] == list(Session.to_pandas(order_by="KEY")["flags"])
    with pytest.raises(DataJointError, match="flags"):
        Session.insert1({"session": 3, "flags": "bright"})


@pytest.mark.statement("DEF-26", "TYP-17")
def test_a_set_of_others_is_described_and_declared_again(schema, schema_name, backend, connect):
    if backend.name != "mysql":
        return
    schema.connection.query(
        f"CREATE TABLE `{schema.database}`.`session` (session int NOT NULL PRIMARY KEY, "
        "flags set('dark','it''s') NOT NULL DEFAULT 'dark' COMMENT 'how it was')"
    )
    free = dj.FreeTable(schema.connection, f"{schema.database}.session")
    text = free.describe()
    assert "set('dark','it''s')" in text

    class Session(dj.Manual):
        definition = text

    other = connect().Schema(schema_name())
    other(Session)
    Session.insert1({"session": 1})
    assert "dark" == Session.fetch1("flags")
    assert text == Session.describe()
