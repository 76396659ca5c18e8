"""Fetching: formats, order and limits, empty results, transactions, the older spelling."""

import builtins
import contextlib
import datetime as dt
import functools
import operator
import tracemalloc
import warnings
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import datajoint as dj
from plugins.lab import bag, pick, value_of

KEY = ("subject_id", "session")


def by_key(rows, *names):
    return sorted(rows, key=lambda r: tuple(r[n] for n in names))


# ------------------------------------------------------------------------------------------------- formats


@pytest.mark.statement("FET-1", "FET-8")
def test_dicts_and_keys(lab):
    for name in ("Subject", "Session", "Trial", "Recording", "Loan", "User", "Document", "Setup"):
        table, rows = getattr(lab, name), lab.rows[name]
        assert bag(rows) == bag(table.to_dicts())
        assert all(type(row) is dict and list(row) == table.heading.names for row in table.to_dicts())
        assert bag(pick(rows, *table.primary_key)) == bag(table.keys())
    assert [] == lab.Ghost.to_dicts() == lab.Ghost.keys()


@pytest.mark.statement("FET-1", "FET-8")
def test_one_array_per_attribute(lab):
    rows = by_key(lab.rows["Subject"], "subject_id")
    ids, weights, names = lab.Subject.to_arrays("subject_id", "weight", "name", order_by="KEY")
    assert list(range(9)) == ids.tolist()
    assert ids.dtype.kind == "i"
    assert np.dtype("float64") == weights.dtype
    assert [r["weight"] is None for r in rows] == np.isnan(weights).tolist()
    assert [r["name"] for r in rows] == list(names)
    born = lab.Subject.to_arrays("born", order_by="KEY")
    assert [r["born"] for r in rows] == list(born)
    assert [r["tag"] for r in rows] == list(lab.Subject.to_arrays("tag", order_by="KEY"))
    good = lab.Session.to_arrays("good", order_by="KEY")
    assert [value_of(r["good"]) for r in by_key(lab.rows["Session"], *KEY)] == [value_of(v) for v in good]
    session = (lab.Session & "good is not null").to_arrays("good")
    assert np.dtype(bool) == session.dtype
    traces = lab.Document.to_arrays("trace", order_by="KEY")
    assert [value_of(r["trace"]) for r in lab.rows["Document"]] == [value_of(v) for v in traces]


@pytest.mark.statement("FET-1")
def test_a_structured_array(lab):
    array = lab.Session.to_arrays(order_by="KEY")
    assert tuple(lab.Session.heading.names) == array.dtype.names
    rows = by_key(lab.rows["Session"], *KEY)
    assert [r["note"] for r in rows] == array["note"].tolist()
    assert [(r["subject_id"], r["session"]) for r in rows] == array[list(KEY)].tolist()
    assert len(rows) == len(lab.Document.to_arrays()) + len(rows) - 4


@pytest.mark.statement("FET-1", "FET-8")
def test_pandas(lab):
    frame = lab.Session.to_pandas(order_by="KEY")
    rows = by_key(lab.rows["Session"], *KEY)
    assert list(KEY) == frame.index.names
    assert [n for n in lab.Session.heading.names if n not in KEY] == list(frame.columns)
    assert [(r["subject_id"], r["session"]) for r in rows] == frame.index.tolist()
    assert [r["note"] for r in rows] == frame["note"].tolist()
    assert "datetime64[us]" == str(frame["started"].dtype)
    assert [r["started"] for r in rows] == [
        None if pd.isna(v) else v.to_pydatetime() for v in frame["started"]
    ]
    assert [r["good"] for r in rows] == [None if pd.isna(v) else bool(v) for v in frame["good"]]
    assert [r["score"] for r in rows] == frame["score"].tolist()
    weights = lab.Subject.to_pandas()["weight"]
    assert np.dtype("float64") == weights.dtype
    assert lab.Setup.to_pandas().to_dict("records") == lab.rows["Setup"]


@pytest.mark.statement("FET-1", "FET-8")
def test_polars_and_arrow(lab):
    for name in ("Subject", "Session", "Recording", "Loan"):
        rows = [
            {n: str(v) if isinstance(v, UUID) else v for n, v in r.items()}
            for r in by_key(lab.rows[name], *getattr(lab, name).primary_key)
        ]
        frame = getattr(lab, name).to_polars(order_by="KEY")
        assert isinstance(frame, pl.DataFrame)
        assert getattr(lab, name).heading.names == frame.columns
        assert rows == frame.to_dicts()
        table = getattr(lab, name).to_arrow(order_by="KEY")
        assert isinstance(table, pa.Table)
        assert rows == table.to_pylist()
    schema = lab.Session.to_polars().schema
    assert {
        "subject_id": pl.Int32,
        "session": pl.Int16,
        "day": pl.Date,
        "good": pl.Boolean,
        "note": pl.String,
    } == {n: schema[n] for n in ("subject_id", "session", "day", "good", "note")}
    assert pl.Decimal(6, 2) == schema["score"]
    assert pa.decimal128(6, 2) == lab.Session.to_arrow().schema.field("score").type
    assert pa.timestamp("us") == lab.Session.to_arrow().schema.field("started").type
    assert 4 == len(lab.Document.to_polars())
    assert ["content", "trace"] == lab.Document.proj("content", "trace").to_polars().columns[1:]


@pytest.mark.statement("FET-1")
@pytest.mark.parametrize("method", ["to_arrays", "fetch1"])
def test_an_unknown_attribute_is_refused(lab, method):
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght") as caught:
        getattr(lab.Subject & "subject_id = 1", method)("wieght")
    assert "weight" in str(caught.value).replace("wieght", "")


@pytest.mark.statement("FET-2")
def test_order_limit_and_offset(lab):
    rows = by_key(lab.rows["Session"], *KEY)
    reverse = rows[::-1]
    latest = sorted(rows, key=lambda r: (-r["session"], r["subject_id"]))
    for options, expected in (
        ({"order_by": "KEY"}, rows),
        ({"order_by": "KEY DESC"}, reverse),
        ({"order_by": ["session DESC", "subject_id"]}, latest),
        ({"order_by": "session DESC, subject_id"}, latest),
        ({"order_by": "KEY", "limit": 3}, rows[:3]),
        ({"order_by": "KEY", "limit": 3, "offset": 2}, rows[2:5]),
        ({"order_by": "KEY", "offset": 9}, rows[9:]),
        ({"order_by": ["session DESC", "KEY"], "limit": 4}, latest[:4]),
        ({"order_by": "KEY", "limit": 0}, []),
    ):
        assert expected == lab.Session.to_dicts(**options)
        assert pick(expected, *KEY) == lab.Session.keys(**options)
        assert [r["note"] for r in expected] == list(lab.Session.to_arrays("note", **options))
        assert [r["note"] for r in expected] == lab.Session.to_arrays(**options)["note"].tolist()
        assert [r["note"] for r in expected] == lab.Session.to_pandas(**options)["note"].tolist()
        assert [r["note"] for r in expected] == lab.Session.to_polars(**options)["note"].to_list()
        assert [r["note"] for r in expected] == lab.Session.to_arrow(**options)["note"].to_pylist()
    assert 3 == len(lab.Session.to_dicts(limit=3))
    assert len(rows) - 4 == len(lab.Session.to_dicts(offset=4))
    assert bag(rows) == bag(lab.Session.to_dicts())


@pytest.mark.statement("FET-2")
def test_faulty_orders_are_refused(lab):
    for order in ("wieght", ["weight", "wieght DESC"], "weight UP", "weight; drop table x", "KEY wieght"):
        with pytest.raises(dj.DataJointError, match=r"wieght|weight"):
            lab.Subject.to_dicts(order_by=order)


@pytest.mark.statement("FET-3")
def test_squeeze(lab):
    raw = lab.Document.to_arrays("trace", order_by="KEY")
    squeezed = lab.Document.to_arrays("trace", order_by="KEY", squeeze=True)
    assert [(1, 6), (1, 3, 1)] == [raw[0].shape, raw[3].shape]
    assert [(6,), (3,)] == [squeezed[0].shape, squeezed[3].shape]
    assert (6,) == lab.Document.to_dicts(order_by="KEY", squeeze=True)[0]["trace"].shape
    assert (6,) == (lab.Document & "document = 1").fetch1("trace", squeeze=True).shape
    assert (6,) == (lab.Document & "document = 1").fetch1(squeeze=True)["trace"].shape
    assert (3,) == lab.Document.to_pandas(squeeze=True).loc[4, "trace"].shape
    assert {"x": [1, "two"]} == squeezed[1]


@pytest.mark.statement("FET-4")
def test_arrays_with_keys(lab):
    rows = by_key(lab.rows["Session"], *KEY)
    keys, notes = lab.Session.to_arrays("note", include_key=True, order_by="KEY")
    assert pick(rows, *KEY) == keys
    assert [r["note"] for r in rows] == list(notes)
    keys, notes, sessions = lab.Session.to_arrays("note", "session", include_key=True, order_by="note, KEY")
    assert [k["session"] for k in keys] == sessions.tolist()
    keys, volumes = lab.Ghost.to_arrays("volume", include_key=True)
    assert [] == keys
    assert np.dtype("float64") == volumes.dtype


@pytest.mark.statement("FET-5")
def test_fetch1(lab):
    row = lab.rows["Session"][0]
    key = {n: row[n] for n in KEY}
    one = lab.Session & key
    assert value_of(row["day"]) == value_of(one.fetch1("day"))
    assert bag([row]) == bag([one.fetch1()])
    assert (row["note"], row["score"]) == one.fetch1("note", "score")
    assert (row["note"], key) == one.fetch1("note", "KEY")
    assert (key, row["note"], key) == one.fetch1("KEY", "note", "KEY")
    assert key == one.fetch1("KEY")
    assert row["session"] == one.fetch1("session")
    assert {"a": {"b": [5, "x"]}, "n": 2.5, "s": "it's"} == (lab.Document & "document = 1").fetch1("content")
    assert (lab.Document & "document = 3").fetch1("trace") is None
    trace, document = (lab.Document & "document = 1").fetch1("trace", "document")
    assert (1, 6) == trace.shape
    assert 1 == document
    with pytest.raises(dj.DataJointError, match="0 tuples"):
        (lab.Session & "session = 99").fetch1()
    with pytest.raises(dj.DataJointError, match=f"{len(lab.rows['Session'])} tuples"):
        lab.Session.fetch1("note")
    with pytest.raises(dj.DataJointError, match="exactly one"):
        lab.Session.fetch1("KEY")
    assert {"n": 9} == dj.U().aggr(lab.Subject, n="count(*)").fetch1()


@pytest.mark.statement("FET-6")
def test_head_and_tail(lab):
    rows = by_key(lab.rows["Session"], *KEY)
    assert rows[:25] == lab.Session.head()
    assert rows[:3] == lab.Session.head(3)
    assert rows[-3:] == lab.Session.tail(3)
    assert rows == lab.Session.tail(limit=100)
    assert rows[:2] == lab.Session.head(limit=2)
    assert [] == lab.Ghost.head() == lab.Ghost.tail()
    trials = by_key(lab.rows["Trial"], *KEY, "trial")
    assert trials[-4:] == lab.Trial.tail(4)


@pytest.mark.statement("FET-7")
@pytest.mark.parametrize("name", ["Subject", "Session", "Recording", "Document", "Ghost"])
def test_empty_results_keep_columns_and_types(lab, name):
    table = getattr(lab, name)
    empty = table & False
    assert [] == empty.to_dicts() == empty.keys()
    structured = empty.to_arrays()
    assert 0 == len(structured)
    assert tuple(table.heading.names) == structured.dtype.names
    frame = empty.to_pandas()
    assert 0 == len(frame)
    assert table.primary_key == list(frame.index.names)
    assert table.heading.secondary_attributes == list(frame.columns)
    if lab.rows[name]:
        complete = table & "KEY" if False else table()
        full = complete.to_pandas()
        numeric = [n for n in full.columns if full[n].dtype.kind in "iufM" and full[n].notna().all()]
        assert {n: full[n].dtype for n in numeric} == {n: frame[n].dtype for n in numeric}
        assert full.index.dtype == frame.index.dtype
        assert table.to_polars().schema == empty.to_polars().schema
        if name != "Document":
            assert table.to_arrow().schema == empty.to_arrow().schema
    for attribute in table.heading.names:
        array = empty.to_arrays(attribute)
        assert (0,) == array.shape
        kind = table.heading[attribute].dtype.kind
        expected = (
            "f"
            if kind.startswith("float")
            else "i"
            if kind.startswith("int")
            else "b"
            if kind == "bool"
            else "O"
        )
        assert expected == array.dtype.kind
    joined = (lab.Session * lab.Subject) & False
    assert ["subject_id", "session"] == list(joined.to_pandas().index.names)
    assert joined.heading.secondary_attributes == list(joined.to_pandas().columns)


@pytest.mark.statement("FET-8")
def test_values_decode(lab):
    row = (lab.Subject & "subject_id = 2").fetch1()
    assert {
        "subject_id": int,
        "name": str,
        "species": str,
        "weight": float,
        "born": dt.date,
        "tag": UUID,
        "nick": str,
    } == {n: type(v) for n, v in row.items()}
    session = (lab.Session & {"subject_id": 1, "session": 1}).fetch1()
    assert dt.datetime is type(session["started"])
    assert True is session["good"]
    assert [Decimal] == [type(v) for v in (lab.Session & "score = 1.05").to_arrays("score")][:1]
    computed = lab.Session.proj(
        a="session > 1", b="score * 2", c="session / 2", d="day", e="concat(note, '!')"
    ).to_dicts()
    assert {bool} == {type(r["a"]) for r in computed}
    assert {Decimal, type(None)} == {type(r["b"]) for r in computed}
    assert {float} == {type(r["c"]) for r in computed}
    assert {dt.date} == {type(r["d"]) for r in computed}
    assert float is type((lab.Recording & "level is not null").to_dicts()[0]["level"])


@pytest.mark.statement("FET-10", "QRY-4")
def test_iteration_may_break_early_and_nest(schema):
    @schema
    class Many(dj.Manual):
        definition = "n : int32\n---\ntext : varchar(20)"

    Many().insert([{"n": n, "text": f"row {n}"} for n in range(21_000)])
    for row in Many & "n >= 10":
        assert row["text"] == f"row {row['n']}"
        break
    assert 21_000 == len(Many())
    seen = set()
    for row in Many():
        seen.add(row["n"])
        if row["n"] % 7000 == 0:
            assert row == (Many & {"n": row["n"]}).fetch1()
    assert set(range(21_000)) == seen
    with schema.connection.transaction:
        Many().insert1({"n": -1, "text": "new"})
        assert 21_001 == sum(1 for _ in Many())
        iterator = iter(Many())
        next(iterator)
        del iterator
        assert {"n": -1, "text": "new"} == (Many & "n < 0").fetch1()
    first, second = iter(Many()), iter(Many())
    assert {next(first)["text"], next(second)["text"]}
    assert 21_001 == 1 + sum(1 for _ in first)


@pytest.mark.statement("QRY-4", "FET-10")
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside a transaction"])
def test_iteration_holds_few_rows(schema, inside):
    @schema
    class Many(dj.Manual):
        definition = "a : int16\nb : varchar(8)\nc : date\n---\ntext : varchar(120)"

    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    names = ["", "it's", "\\", "a", "A", "á", "%"]
    keys = [(a, b, c) for a in range(4000) for b in names for c in days]
    Many().insert({"a": a, "b": b, "c": c, "text": "x" * 100} for a, b, c in keys)
    with schema.connection.transaction if inside else contextlib.nullcontext():
        seen, mixed = 0, 0
        len(Many())
        tracemalloc.start()
        for row in Many & "a >= 0":
            seen, mixed = seen + 1, mixed ^ hash((row["a"], row["b"], row["c"]))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(keys) == seen
    assert functools.reduce(operator.xor, map(hash, keys)) == mixed  # every key once
    assert peak < 15e6  # all rows are more than 20 MB


@pytest.mark.statement("FET-11")
def test_the_raw_cursor(lab):
    rows = (lab.Subject & "subject_id < 2").proj("name").cursor().fetchall()
    assert {(0, "plain"), (1, "it's")} == {tuple(r) for r in rows}
    rows = (lab.Subject & {"subject_id": 1}).proj("name").cursor(as_dict=True).fetchall()
    assert [{"subject_id": 1, "name": "it's"}] == rows


# ------------------------------------------------------------------------------------------ older spelling


@pytest.fixture
def fetch():
    """Give `fetch` of an expression, its deprecation warning checked."""

    def call(expression, *args, **kwargs):
        with pytest.warns(dj.errors.DataJointDeprecationWarning, match="to_dicts") as caught:
            result = expression.fetch(*args, **kwargs)
        assert 1 == len(caught)
        assert __file__ == caught[0].filename
        return result

    return call


@pytest.mark.statement("FET-12")
def test_older_fetch(lab, fetch):
    rows = by_key(lab.rows["Session"], *KEY)
    array = fetch(lab.Session, order_by="KEY")
    assert tuple(lab.Session.heading.names) == array.dtype.names
    assert [r["note"] for r in rows] == array["note"].tolist()
    assert [r["note"] for r in rows] == list(fetch(lab.Session, "note", order_by="KEY"))
    notes, sessions = fetch(lab.Session, "note", "session", order_by="KEY")
    assert [r["session"] for r in rows] == sessions.tolist()
    assert pick(rows, *KEY) == fetch(lab.Session, "KEY", order_by="KEY")
    keys, notes = fetch(lab.Session, "KEY", "note", order_by=["note DESC", "KEY"])
    expected = sorted(rows, key=lambda r: (r["subject_id"], r["session"]))
    expected.sort(key=lambda r: r["note"], reverse=True)
    assert pick(expected, *KEY) == keys
    assert [r["note"] for r in expected] == list(notes)
    assert rows == fetch(lab.Session(), as_dict=True, order_by="KEY")
    assert pick(rows, "note") == fetch(lab.Session, "note", as_dict=True, order_by="KEY")
    assert pick(rows, "note") == fetch(
        lab.Session, "note", as_dict=True, order_by=["KEY"], limit=100, offset=0
    )
    assert pick(rows, *KEY, "note") == fetch(lab.Session, "KEY", "note", as_dict=True, order_by="KEY")
    assert pick(expected[1:3], "score") == fetch(
        lab.Session, "score", as_dict=True, order_by=["note DESC", "KEY"], limit=2, offset=1
    )
    frame = fetch(lab.Session, format="frame", order_by="KEY")
    assert list(KEY) == frame.index.names
    assert [r["note"] for r in rows] == fetch(lab.Session, format="array", order_by="KEY")["note"].tolist()
    assert rows[:2] == fetch(lab.Session, as_dict=True, order_by="KEY", limit=2)
    assert (6,) == fetch(lab.Document, "trace", order_by="KEY", squeeze=True)[0].shape
    assert [] == fetch(lab.Ghost, "KEY")
    assert [] == fetch(lab.Ghost, as_dict=True)
    assert 0 == len(fetch(lab.Ghost, "volume"))


@pytest.mark.statement("FET-12", "QRY-9")
def test_older_fetch_reads_only_what_it_needs(lab, fetch, monkeypatch):
    texts = []
    session = lab.schema.connection.session
    original = type(session).execute

    def watched(self, text, *args, **kwargs):
        texts.append(text)
        return original(self, text, *args, **kwargs)

    monkeypatch.setattr(type(session), "execute", watched)
    fetch(lab.Document, "content", as_dict=True, order_by="KEY")
    fetch(lab.Document, "KEY", "document", order_by="content", limit=2)
    fetch(lab.Document, "KEY", as_dict=True)
    assert len(texts) > 2
    assert not any("trace" in text for text in texts)


@pytest.mark.statement("FET-12")
def test_older_fetch_refuses_what_makes_no_sense(lab, fetch):
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght"):
        fetch(lab.Subject, "wieght")
    with pytest.raises(dj.errors.UnknownAttributeError, match="wieght"):
        fetch(lab.Subject, "weight", "wieght", as_dict=True)
    with pytest.raises(dj.DataJointError, match="frames"):
        fetch(lab.Subject, format="frames")


# ------------------------------------------------------------------------------------------------- display


@pytest.mark.statement("FET-13")
def test_the_text_preview(lab):
    text = repr(lab.Subject())
    lines = text.splitlines()
    assert text == str(lab.Subject())
    assert "# animals" == lines[0]
    assert "*subject_id" in lines[1]
    assert " *name" not in lines[1]
    assert "(Total: 9)" in lines[-1]
    assert "NULL" in text
    assert 'say "hi"' in text
    config = lab.schema.connection.config
    with config.override(display__limit=3, display__width=6):
        text = repr(lab.Subject())
        assert "..." in text
        assert "(Total: 9)" in text
        assert 3 == sum(line.lstrip()[:1].isdigit() for line in text.splitlines())
    with config.override(display__show_tuple_count=False):
        assert "Total" not in repr(lab.Subject())
    assert "<blob>" in repr(lab.Document())
    assert "(Total: 0)" in repr(lab.Ghost())
    assert "(Total: 1)" in repr(dj.U() & lab.Subject)


@pytest.mark.statement("FET-14")
def test_the_html_preview(lab):
    html = (lab.Subject & "subject_id in (1, 2, 4)")._repr_html_()
    assert "it&#x27;s" in html
    assert "say &quot;hi&quot;" in html
    assert "grams" in html
    assert "Total: 3" in html
    assert "NULL" in html
    dangerous = lab.Subject.proj(x="'<script>alert(1)</script>'")
    assert "<script>" not in dangerous._repr_html_()


@pytest.mark.statement("FET-15")
def test_preview_of_class_instance_and_expression(lab):
    for table in (lab.Subject, lab.Subject(), lab.Subject & True):
        text = table.preview(limit=2, width=5)
        assert 2 == sum(line.lstrip()[:1].isdigit() for line in text.splitlines())
        assert "(Total: 9)" in text


@pytest.mark.statement("FET-16")
@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [("to_pandas", "pandas", "pandas"), ("to_polars", "polars", "polars"), ("to_arrow", "pyarrow", "arrow")],
)
def test_an_absent_package_is_named_with_its_extra(lab, monkeypatch, method, package, extra):
    original = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=rf"{package}.*datajoint\[{extra}\]"):
        getattr(lab.Subject, method)()


@pytest.mark.statement("FET-17")
def test_a_fetch_in_a_transaction_sees_its_own_rows(schema):
    @schema
    class Item(dj.Manual):
        definition = "item : int32\n---\nname : varchar(10)"

    with pytest.raises(ZeroDivisionError), schema.connection.transaction:
        Item().insert1({"item": 1, "name": "one"})
        assert [{"item": 1, "name": "one"}] == Item.to_dicts() == list(Item())
        assert 1 == len(Item())
        assert Item()
        assert ["one"] == list(Item.to_arrays("name"))
        raise ZeroDivisionError
    assert [] == Item.to_dicts()


@pytest.mark.statement("FET-2")
def test_fetching_warns_about_nothing(lab):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for table in (lab.Session, lab.Document, lab.Ghost, lab.Loan):
            (
                table.to_dicts(),
                table.to_arrays(),
                table.to_pandas(),
                table.to_polars(),
                table.keys(),
                repr(table()),
            )
        lab.Session.to_arrow()
