"""What `skip_duplicates` skips: rows whose key is there, or by a setting whose values of any unique index are."""

import pytest

from datajoint.errors import DuplicateError

DEFINITION = (
    "id : int32\n---\nname : varchar(10)\nother=null : int32\nunique index (name)\nunique index (other)"
)
NUMBERED = "id : bigint auto_increment\n---\nname : varchar(10)\nnote='' : varchar(10)\nunique index (name)"


@pytest.mark.statement("INS-5")
def test_the_key_tells_duplicates_unless_the_setting_says_any_index(declare, connect):
    table = declare("Named", DEFINITION)
    table.insert1({"id": 1, "name": "a", "other": 7})
    for row in ({"id": 2, "name": "a"}, {"id": 2, "name": "b", "other": 7}):
        with pytest.raises(DuplicateError, match=r"interop\.skip_duplicates = 'any'"):
            table.insert1(row, skip_duplicates=True)
    other = connect(interop__skip_duplicates="any").FreeTable(str(table.name))
    other.insert1({"id": 2, "name": "a"}, skip_duplicates=True)
    other.insert1({"id": 2, "name": "b", "other": 7}, skip_duplicates=True)
    other.insert1({"id": 1, "name": "z"}, skip_duplicates=True)
    assert [{"id": 1, "name": "a", "other": 7}] == table.to_dicts()
    many = [{"id": n, "name": f"n{n % 40}", "other": n} for n in range(1, 101)]
    other.insert(many, skip_duplicates=True)
    assert {"a", *(f"n{n}" for n in range(40))} == set(table.to_arrays("name"))
    assert 41 == len(table)
    with pytest.raises(DuplicateError):
        other.insert1({"id": 200, "name": "a"})
    other.insert(other.proj("name", "other"), skip_duplicates=True)


@pytest.mark.statement("INS-5", "TYP-17")
@pytest.mark.filterwarnings("ignore::datajoint.errors.DataJointWarning")
def test_where_the_database_numbers_rows_a_unique_index_tells_duplicates(declare):
    table = declare("Numbered", NUMBERED)
    table.insert1({"name": "a"}, skip_duplicates=True)
    table.insert1({"name": "a", "note": "x"}, skip_duplicates=True)
    table.insert([{"name": name} for name in ("a", "b", "b", "c")], skip_duplicates=True)
    table.insert([{"name": f"n{n % 60}"} for n in range(100)], skip_duplicates=True)
    assert sorted(["a", "b", "c", *(f"n{n}" for n in range(60))]) == sorted(table.to_arrays("name"))
    assert "" == (table & {"name": "a"}).fetch1("note")
    with pytest.raises(DuplicateError):
        table.insert1({"name": "a"})
