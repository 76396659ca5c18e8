"""Indexes: declared, enforced, reported."""

import pytest

from datajoint.errors import DataJointError, DeclarationError, DuplicateError


@pytest.mark.statement("IDX-1", "IDX-2", "IDX-5", "ERR-5", "ERR-6")
def test_indexes_are_declared_enforced_and_reported(declare, connect):
    table = declare("Thing", """
    a : int32
    b : int32
    INDEX (b)   # to look backwards
    ---
    c : varchar(9)
    d=null : int32
    Unique  Index(c, d)
    index ( d , c )
    """)  # fmt: skip
    expected = {
        ("b",): {"unique": False, "nullable": False},
        ("c", "d"): {"unique": True, "nullable": True},
        ("d", "c"): {"unique": False, "nullable": True},
    }
    for found in (table, connect().FreeTable(str(table.name))):
        assert expected == dict(found.heading.indexes)
        text = found.describe()
        assert all(line in text for line in ("\nindex (b)", "\nunique index (c, d)", "\nindex (d, c)"))
    table.insert([{"a": 1, "b": 1, "c": "x", "d": 1}, {"a": 1, "b": 2, "c": "x", "d": None}])
    table.insert1({"a": 1, "b": 3, "c": "x"})  # two nulls are no duplicate
    with pytest.raises(DuplicateError) as caught:
        table.insert([{"a": 2, "b": 1, "c": "new"}, {"a": 2, "b": 2, "c": "x", "d": 1}])
    for word in ("Thing", "c='x'", "d=1"):
        assert word in str(caught.value), str(caught.value)
    assert 3 == len(table)
    with pytest.raises(DuplicateError):
        table.update1({"a": 1, "b": 2, "d": 1})
    assert (table & {"b": 2}).fetch1("d") is None


@pytest.mark.statement("IDX-3", "DEF-19")
def test_a_wrong_index_leaves_nothing(declare, inventory):
    before = inventory()
    for line, words in {
        "index (nope)": "`nope`",
        "unique index (b, bb)": "Did you mean `b`?",
        "index (b, b)": "once",
        "index b": "expected",
        "index ()": "no attribute name",
        "index (_event)": "`_event`",
    }.items():
        with pytest.raises(DeclarationError) as caught:
            declare("Wrong", f"a : int32\n---\nb : enum('x', 'y')\n{line}")
        assert words in str(caught.value), (line, str(caught.value))
        assert "line 4" in str(caught.value)
    assert before == inventory()
    assert ["a", "b"] == declare("Wrong", "a : int32\n---\nb : enum('x', 'y')\nindex (b)").heading.names


@pytest.mark.statement("IDX-4")
def test_expressions_and_json_paths_are_indexed(declare, connect, schema, inventory):
    text = "a : int32\n---\nb : varchar(9)\ndoc=null : json\n"
    lines = "unique index ((lower(b)))\nindex (doc.x.y[0]:int, a)\nunique index (doc.name)"
    before = inventory()
    with pytest.raises(DeclarationError, match="`b` is none"):
        declare("Wrong", text + "index (b.x)")
    with pytest.raises(DataJointError):
        declare("Wrong", text + "index ((no_such_function(b)))")
    if "MariaDB" in schema.connection.session.server_version:  # which has no such indexes
        with pytest.raises(DeclarationError, match=r"`\(lower\(b\)\)`.*MariaDB"):
            declare("Thing", text + lines)
        assert before == inventory()
        return
    assert [name for name in before if "~" not in name] == [name for name in inventory() if "~" not in name]
    table = declare("Thing", text + lines)
    table.insert1({"a": 1, "b": "Abc", "doc": {"name": "one", "x": {"y": [5]}}})
    for row in ({"b": "aBC"}, {"b": "other", "doc": {"name": "one"}}):
        with pytest.raises(DuplicateError):
            table.insert1({"a": 2, **row})
    table.insert1({"a": 2, "b": "other", "doc": {"name": "two"}})

    assert 2 == len(table)
    described = connect().FreeTable(str(table.name)).describe()
    assert 3 == described.count("index (")
    again = declare.on(connect().Schema(schema.database))
    again("Thing", text + lines)
