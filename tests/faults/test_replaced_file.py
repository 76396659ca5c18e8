"""A SQLite file that is deleted or replaced under an open connection is noticed before anything is lost (L4)."""

import os
import shutil

import pytest

import datajoint as dj


@pytest.fixture
def number(tmp_path):
    path = tmp_path / "lab.db"
    instance = dj.Instance(backend="sqlite", database__name=str(path))
    schema = instance.Schema("lab")

    @schema
    class Number(dj.Manual):
        definition = """
        n : int32
        """

    Number.insert1({"n": 1})
    yield Number(), path
    instance.connection.close()


def delete(path):
    path.unlink()


def replace(path):
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    os.replace(copy, path)


def in_a_block(table):
    with table.connection.transaction:
        table.insert1({"n": 2})


OPERATIONS = {
    "insert1": lambda table: table.insert1({"n": 2}),
    "insert": lambda table: table.insert([{"n": 2}, {"n": 3}]),
    "delete": lambda table: (table & "n = 1").delete_quick(),
    "transaction": in_a_block,
}


@pytest.mark.parametrize("change", [delete, replace])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_write_to_a_file_that_is_gone_is_refused(number, change, operation):
    table, path = number
    change(path)
    before = path.exists()
    for _ in range(2):  # and again: no new file is made meanwhile
        with pytest.raises(dj.errors.TransactionError, match="was deleted or replaced"):
            OPERATIONS[operation](table)
        assert path.exists() is before
        assert not table.connection.in_transaction


@pytest.mark.parametrize("change", [delete, replace])
def test_a_file_that_goes_inside_a_transaction_is_noticed_before_the_commit_returns(number, change):
    table, path = number
    with (
        pytest.raises(dj.errors.TransactionError, match="was deleted or replaced"),
        table.connection.transaction,
    ):
        table.insert1({"n": 2})
        change(path)
    assert not table.connection.in_transaction


def test_a_file_that_is_moved_back_is_the_same(number):
    table, path = number
    aside = path.with_name("aside.db")
    path.rename(aside)
    with pytest.raises(dj.errors.TransactionError):
        table.insert1({"n": 2})
    aside.rename(path)
    table.insert1({"n": 2})
    assert len(table) == 2
