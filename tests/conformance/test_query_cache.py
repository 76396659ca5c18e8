"""Results of queries kept in a folder (FET-18)."""

# ruff: noqa: DTZ001, PLW0108 - datetimes are naive, UTC by convention; attempts are written alike

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from datajoint.errors import ConfigurationError, DataJointError

ROW = {
    "id": 1, "tag": UUID(int=5), "amount": Decimal("1.50"), "day": dt.date(2024, 5, 1), "big": 2**64 - 1,
    "at": dt.datetime(2024, 5, 1, 12, 30, 0, 5), "doc": {"a": [1, None]}, "flag": True, "label": "it's 犬", "raw": b"\x00",
    "x": 0.1,
}  # fmt: skip
DEFINITION = """
id : int32
---
tag=null : uuid
amount=null : decimal(6,2)
day=null : date
big=null : uint64
at=null : datetime(6)
doc=null : json
flag=null : bool
label=null : varchar(20)
raw=null : bytes
x=null : float64
trace=null : <blob>
"""


@pytest.fixture
def table(declare, tmp_path):
    table = declare("Typed", DEFINITION)
    table.insert([{**ROW, "trace": np.arange(5)}, {"id": 2}])
    table.connection.config.query_cache = str(tmp_path / "cache")
    return table


def change(connect, table):
    other = connect().FreeTable(f"{table.database}.{table.table_name}")
    other.insert1({"id": other.to_dicts(order_by="id DESC")[0]["id"] + 1})


@pytest.mark.statement("FET-18")
def test_a_repeated_query_is_answered_from_the_folder(table, connect, tmp_path):
    connection = table.connection
    connection.set_query_cache("one")
    first = table.to_dicts(order_by="KEY")
    assert {**ROW, "trace": None} == {**first[0], "trace": None}
    assert list(range(5)) == first[0]["trace"].tolist()
    assert 2 == len(list(table))
    change(connect, table)
    again = table.to_dicts(order_by="KEY")
    assert repr(first) == repr(again)
    assert 2 == len(list(table)) == len(again)
    assert {**ROW, "trace": None} == {**(table & "id = 1").fetch1(), "trace": None}
    assert 3 == len(table & "id > 0")  # asked for the first time now
    assert 1 == (table & "id = 1").fetch1("id")
    assert 2 == (table & "id = 2").fetch1("id")
    connection.set_query_cache("two")
    assert 3 == len(table.to_dicts(order_by="KEY"))
    connection.set_query_cache("one")
    assert 2 == len(table.to_dicts(order_by="KEY"))
    connection.set_query_cache()
    assert 3 == len(table.to_dicts(order_by="KEY"))
    table.insert1({"id": 9})


@pytest.mark.statement("FET-18")
def test_purging_forgets_all(table, connect, tmp_path):
    table.connection.set_query_cache("one")
    assert 2 == len(table.to_dicts())
    change(connect, table)
    (tmp_path / "cache" / "notes.txt").write_text("mine")
    table.connection.purge_query_cache()
    assert ["notes.txt"] == [path.name for path in (tmp_path / "cache").iterdir()]
    assert 3 == len(table.to_dicts())


@pytest.mark.statement("FET-18")
def test_all_but_queries_is_refused(table, declare):
    connection = table.connection
    connection.set_query_cache("one")
    for attempt in (
        lambda: table.insert1({"id": 5}),
        lambda: table.insert([{"id": n} for n in range(10, 100)]),
        lambda: table.update1({"id": 1, "label": "x"}),
        lambda: (table & "id = 1").delete(),
        table.delete_quick,
        lambda: declare("Another", "a : int8"),
        lambda: connection.query("SET NAMES 'utf8'"),
        lambda: connection.query(f"DELETE FROM {table.full_table_name}"),
        lambda: connection.query(f"WITH x AS (SELECT 1) DELETE FROM {table.full_table_name}"),
        connection.start_transaction,
    ):
        with pytest.raises(DataJointError, match="refused: only queries run while the query cache is on"):
            attempt()
    connection.set_query_cache()
    assert [1, 2] == [row["id"] for row in table.to_dicts(order_by="KEY")]
    assert "it's 犬" == (table & "id = 1").fetch1("label")


@pytest.mark.statement("FET-18")
def test_a_spoiled_file_is_written_anew(table, tmp_path):
    table.connection.set_query_cache("one")
    before = table.to_dicts(order_by="KEY")
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(b"spoiled")
    assert repr(before) == repr(table.to_dicts(order_by="KEY"))
    assert repr(before) == repr(table.to_dicts(order_by="KEY"))


@pytest.mark.statement("FET-18")
def test_without_a_folder_there_is_no_cache(declare):
    connection = declare("Bare", "a : int8").connection
    for attempt in (lambda: connection.set_query_cache("x"), connection.purge_query_cache):
        with pytest.raises(ConfigurationError, match="query_cache"):
            attempt()
