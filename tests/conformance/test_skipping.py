"""What `skip_duplicates` skips: rows whose key is there, or by a setting whose values of any unique index are."""

import pytest

from datajoint.errors import DataJointError, DuplicateError

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


@pytest.fixture
def animal(declare):
    table = declare(
        "Animal",
        "animal : int32\n---\nname : varchar(20)\nweight=null : float32\nborn=null : date\n"
        "token=null : uuid\ntrace=null : <blob>",
    )
    table.insert1(
        {
            "animal": 1,
            "name": "ada",
            "weight": 15.3,
            "born": "2024-05-01",
            "token": "0" * 32,
            "trace": {"a": [1, 2]},
        }
    )
    return table


SAME = {"animal": 1, "name": "ada", "weight": 15.3, "born": "2024-05-01", "trace": {"a": [1, 2]}}


@pytest.mark.statement("INS-5")
def test_a_skipped_row_that_differs_is_reported_once(animal, caplog):
    animal.insert1(SAME, skip_duplicates=True)
    assert [] == caplog.messages
    animal.insert1({**SAME, "name": "bob", "weight": 2}, skip_duplicates=True)
    animal.insert([{**SAME, "name": "eve"}] * 30, skip_duplicates=True)
    (message,) = caplog.messages
    assert "`name`, `weight`" in message
    assert "animal=1" in message
    assert "ada" == animal.fetch1("name")


@pytest.mark.statement("INS-5")
@pytest.mark.parametrize("size", [1, 2, 60])
def test_a_row_that_must_match_is_skipped_if_it_does(animal, size):
    rows = [SAME, *({"animal": n, "name": "new"} for n in range(2, size + 1))]
    for _ in range(2):
        animal.insert(rows, skip_duplicates="match")
    assert size == len(animal)


@pytest.mark.statement("INS-5")
@pytest.mark.parametrize(
    "change",
    [{"name": "bob"}, {"weight": 1}, {"born": None}, {"token": None}, {"trace": {"a": [1, 3]}}],
    ids=str,
)
def test_a_row_that_must_match_is_refused_if_it_differs(animal, change):
    (name,) = change
    with pytest.raises(DuplicateError, match=f"animal=1 exists already, with other values of `{name}`"):
        animal.insert([{"animal": 2, "name": "new"}, {**SAME, **change}], skip_duplicates="match")
    assert 1 == len(animal)


@pytest.mark.statement("INS-5")
def test_rows_given_twice_must_match_too(animal):
    with pytest.raises(DuplicateError, match="`name`"):
        animal.insert([{"animal": 2, "name": name} for name in "ab"], skip_duplicates="match")
    assert 1 == len(animal)


@pytest.mark.statement("INS-5")
def test_another_text_than_match_is_refused(animal):
    with pytest.raises(ValueError, match="True, False or 'match', not 'mtch'"):
        animal.insert1(SAME, skip_duplicates="mtch")
    with pytest.raises(DataJointError, match="does not apply to a query"):
        animal.insert(animal, skip_duplicates="match")
