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
@pytest.mark.backends("sqlite", "postgresql")
def test_an_expression_is_indexed(declare, connect):
    table = declare(
        "Thing", "a : int32\n---\nb : varchar(9)\nunique index ((lower(b)), a)\nunique index ((lower(b)))"
    )
    table.insert1({"a": 1, "b": "Abc"})
    with pytest.raises(DuplicateError):
        table.insert1({"a": 2, "b": "aBC"})
    with pytest.raises(DataJointError):
        declare("Wrong", "a : int32\n---\nb : varchar(9)\nindex ((no_such_function(b)))")

    assert 1 == len(table)
    assert "lower(b)" in connect().FreeTable(str(table.name)).describe().replace("::text", "").replace(
        '"', ""
    )
