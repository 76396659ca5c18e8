"""Frames with exact dtypes: the same for none, one and many rows, and back into a table."""

# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import datajoint as dj

DEFINITION = """
id : int32
tag : uuid
---
i8=null : int8
u64=null : uint64
n : int64
big : uint64
flag=null : bool
on : bool
f32=null : float32
f : float64
amount=null : decimal(12,3)
day=null : date
at=null : datetime(6)
until : datetime
label=null : varchar(20)
kind : enum('a', 'b')
raw=null : bytes
doc=null : json
trace=null : <blob>
"""
FULL = {
    "id": 1, "tag": UUID(int=7), "i8": -128, "u64": 2**64 - 1, "n": 2**63 - 1, "big": 2**64 - 1, "flag": True, "on": False,
    "f32": 0.5, "f": 0.1, "amount": Decimal("123456789.125"), "day": dt.date(1, 1, 1),
    "at": dt.datetime(9999, 12, 31, 23, 59, 59, 999999), "until": dt.datetime(1000, 1, 1), "label": "žluť 犬", "kind": "a",
    "raw": b"\x00\xff", "doc": {"a": [1, None, "x"]}, "trace": [1.5, 2.5],
}  # fmt: skip
EMPTY = dict.fromkeys(("i8", "u64", "flag", "f32", "amount", "day", "at", "label", "raw", "doc", "trace"))
ROWS = [FULL, {**FULL, **EMPTY, "id": 2}, {**FULL, "id": 3, "doc": "a text", "trace": [3.0]}]

PANDAS = {
    "i8": "Int64", "u64": "UInt64", "n": "int64", "big": "uint64", "flag": "boolean", "on": "bool", "f32": "float64",
    "f": "float64", "amount": "object", "day": "object", "at": "datetime64[us]", "until": "datetime64[us]",
    "label": "object", "kind": "object", "raw": "object", "doc": "object", "trace": "object",
}  # fmt: skip
POLARS = {
    "id": pl.Int32, "tag": pl.String, "i8": pl.Int8, "u64": pl.UInt64, "n": pl.Int64, "big": pl.UInt64,
    "flag": pl.Boolean, "on": pl.Boolean, "f32": pl.Float32, "f": pl.Float64, "amount": pl.Decimal(12, 3), "day": pl.Date,
    "at": pl.Datetime("us"), "until": pl.Datetime("us"), "label": pl.String, "kind": pl.String, "raw": pl.Binary,
    "doc": pl.Object, "trace": pl.Object,
}  # fmt: skip
ARROW = {
    "id": pa.int32(), "tag": pa.string(), "i8": pa.int8(), "u64": pa.uint64(), "n": pa.int64(), "big": pa.uint64(),
    "flag": pa.bool_(), "on": pa.bool_(), "f32": pa.float32(), "f": pa.float64(), "amount": pa.decimal128(12, 3),
    "day": pa.date32(), "at": pa.timestamp("us"), "until": pa.timestamp("us"), "label": pa.string(), "kind": pa.string(),
    "raw": pa.binary(), "doc": pa.string(),
}  # fmt: skip
PARTS = ["id > 9", "id = 1", "id = 2", "id > 0"]


@pytest.fixture
def typed(declare):
    table = declare("Typed", DEFINITION)
    table.insert(ROWS)
    return table


@pytest.mark.statement("FET-7", "FET-8")
@pytest.mark.parametrize("part", PARTS)
def test_pandas_has_the_same_dtypes_for_any_rows(typed, part):
    frame = (typed & part).to_pandas(order_by="KEY")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == PANDAS
    assert ["int64", "object"] == [str(dtype) for dtype in frame.index.dtypes]
    assert ["id", "tag"] == list(frame.index.names)


@pytest.mark.statement("FET-7", "FET-8")
@pytest.mark.parametrize("part", PARTS)
def test_polars_and_arrow_have_the_same_types_for_any_rows(typed, part):
    assert (typed & part).to_polars().schema == POLARS
    table = (typed & part).to_arrow()
    assert ARROW == {field.name: field.type for field in table.schema if field.name != "trace"}
    assert b"decimal(12,3)" == table.schema.field("amount").metadata[b"datajoint.type"]


@pytest.mark.statement("FET-8")
def test_values_are_exact(typed):
    frame = typed.to_pandas(order_by="KEY").reset_index()
    for name, expected in FULL.items():
        found = frame[name].iloc[0]
        found = found.to_pydatetime() if isinstance(found, pd.Timestamp) else found
        assert expected == found, name
    missing = [name for name in EMPTY if pd.isna(frame[name].iloc[1])]
    assert list(EMPTY) == missing
    assert all(frame[name].iloc[1] is None for name in ("amount", "day", "label", "raw", "doc", "trace"))
    rows = typed.to_polars(order_by="KEY").to_dicts()
    assert [{**row, "tag": str(row["tag"])} for row in ROWS] == rows
    table = typed.to_arrow(order_by="KEY").to_pylist()
    assert [Decimal("123456789.125"), None] == [row["amount"] for row in table[:2]]
    assert ['{"a": [1, null, "x"]}', None, '"a text"'] == [
        row["doc"] and row["doc"].replace(":[", ": [").replace(",", ", ").replace(",  ", ", ")
        for row in table
    ]
    assert [2**64 - 1] * 3 == [row["big"] for row in table]


@pytest.mark.statement("INS-1", "FET-8")
@pytest.mark.parametrize("method", ["to_pandas", "to_polars", "to_arrow"])
def test_a_frame_goes_back_into_a_table(typed, method):
    before = typed.to_dicts(order_by="KEY")
    frame = getattr(typed, method)()
    typed.delete_quick()
    typed.insert(frame)
    assert before == typed.to_dicts(order_by="KEY")
    assert before[1] == {**ROWS[1]}


@pytest.mark.statement("FET-7", "FET-8")
def test_computed_and_joined_attributes(typed, declare):
    other = declare("Other", "-> Typed\n---\nx : int16\nok : bool")
    other.insert([{"id": 1, "tag": FULL["tag"], "x": 5, "ok": True}])
    joined = typed.proj(half="i8 / 2", low="i8 - 1", late="at > until") * other
    for query in (joined, joined & False):
        dtypes = query.to_pandas().dtypes
        assert ["float64", "Int64", "boolean", "int64", "bool"] == [
            str(dtypes[name]) for name in ("half", "low", "late", "x", "ok")
        ]
    grouped = dj.U("kind").aggr(typed, n="count(i8)", total="sum(amount)", mean="avg(n)", top="max(u64)")
    for query in (grouped, grouped & False):
        dtypes = query.to_pandas().dtypes
        assert ["int64", "object", "object", "UInt64"] == [
            str(dtypes[n]) for n in ("n", "total", "mean", "top")
        ]
        assert pl.UInt64 == query.to_polars().schema["top"]
    arrays = typed.to_arrays("n", "on", "f")
    assert [np.dtype("i8"), np.dtype("?"), np.dtype("f8")] == [array.dtype for array in arrays]


@pytest.mark.statement("FET-7", "FET-8")
def test_an_outer_attribute_may_be_null_in_every_frame(declare):
    declare("Rig", "rig : int16\n---\nvolts : int32\nlive : bool").insert(
        [{"rig": 1, "volts": 5, "live": True}]
    )
    rig = declare.known["Rig"]
    run = declare("Run", "run : int16\n---\n-> [nullable] Rig")
    run.insert([{"run": 1, "rig": 1}, {"run": 2, "rig": None}])
    whole = run.join(rig, left=True)
    for query in (whole, whole & "run = 1", whole & False):
        assert ["Int64", "Int64", "boolean"] == [
            str(t) for t in query.to_pandas().dtypes[["rig", "volts", "live"]]
        ]


@pytest.mark.statement("FET-1", "FET-8", "TYP-18")
def test_arrays_that_are_required_come_in_frames(declare):
    recording = declare("Recording", "n : int8\n---\ntrace : <blob>\nmeta : json")
    rows = [{"n": n, "trace": np.arange(n + 2), "meta": [n, None]} for n in range(3)]
    recording.insert(rows)
    frame = recording.to_pandas().reset_index()
    assert [0, 1, 2] == frame["n"].tolist()
    for row, (_, found) in zip(rows, frame.sort_values("n").iterrows(), strict=True):
        np.testing.assert_array_equal(row["trace"], found["trace"])
        assert row["meta"] == found["meta"]
    assert [2, 3, 4] == [len(values) for values in recording.to_polars().sort("n")["trace"]]
