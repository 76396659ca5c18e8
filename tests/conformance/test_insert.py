# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
"""Inserting rows: what can be given, what is refused and how that is told, atomicity, conflicts of keys."""

import csv
import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import (
    DataJointDeprecationWarning,
    DataJointError,
    DataJointWarning,
    DuplicateError,
    EncodeError,
    IntegrityError,
    MissingAttributeError,
    QueryError,
    UnknownAttributeError,
)

MANY = 120
"""More rows than go as one statement."""


@pytest.fixture
def subject(schema):
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name : varchar(12)
        weight=null : float64
        sex="U" : enum('M','F','U')
        born=null : date
        code=null : uuid
        tag=null : int16
        unique index (tag)
        """

    return schema(Subject)


@pytest.fixture
def session(schema, subject):
    class Session(dj.Manual):
        definition = """
        -> Subject
        session : int16
        ---
        note="" : varchar(30)
        """

    return schema(Session, context={"Subject": subject})


def rows(n, start=0):
    return [{"subject_id": k, "name": f"n{k}"} for k in range(start, start + n)]


def values(table, *names):
    return [tuple(row[name] for name in names) for row in table.to_dicts(order_by="KEY")]


def ids(table):
    return sorted(table().to_arrays("subject_id").tolist())


# -------------------------------------------------------------------------------- what can be given


@pytest.mark.statement("INS-1", "FET-8")
def test_dicts(subject):
    code = uuid.uuid4()
    row = {
        "subject_id": 1, "name": "Ada", "weight": 20.5, "sex": "F", "born": dt.date(2020, 2, 29),
        "code": code, "tag": 7,
    }  # fmt: skip
    subject.insert1(row)
    assert row == (subject & {"subject_id": 1}).fetch1()
    subject.insert([{**row, "subject_id": 2, "tag": None}, {**row, "subject_id": 3, "tag": 8}])
    assert [1, 2, 3] == ids(subject)


def _frames():
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    columns = {"subject_id": [1, 2], "name": ["Ada", "Ben"], "weight": [20.5, None]}
    record = np.array(
        [(1, "Ada", 20.5), (2, "Ben", np.nan)], [("subject_id", "i4"), ("name", "U9"), ("weight", "f8")]
    )
    return {
        "pandas": pd.DataFrame(columns),
        "pandas with index": pd.DataFrame(columns).set_index("subject_id"),
        "polars": pl.DataFrame(columns),
        "arrow": pa.table(columns),
        "structured array": record,
        "records": list(record),
        "recarray": record.view(np.recarray),
        "generator": ({name: values[n] for name, values in columns.items()} for n in range(2)),
        "zip of dicts": map(
            dict, [[(name, values[n]) for name, values in columns.items()] for n in range(2)]
        ),
    }


@pytest.mark.statement("INS-1", "TYP-24")
@pytest.mark.parametrize("kind", list(_frames()))
def test_frames_arrays_and_iterables(subject, kind):
    subject.insert(_frames()[kind])
    expected = [
        {"subject_id": 1, "name": "Ada", "weight": 20.5}, {"subject_id": 2, "name": "Ben", "weight": None},
    ]  # fmt: skip
    assert expected == subject.proj("name", "weight").to_dicts(order_by="KEY")


@pytest.mark.statement("INS-1")
def test_times_of_frames(schema):
    import pandas as pd

    @schema
    class Event(dj.Manual):
        definition = """
        at : datetime(6)
        ---
        until=null : datetime
        """

    moments = [pd.Timestamp("2024-01-02 03:04:05.000006"), pd.Timestamp("2024-05-06")]
    Event.insert(pd.DataFrame({"at": moments, "until": [moments[1], pd.NaT]}))
    Event.insert(np.array([(np.datetime64("2023-01-01T00:00:00"),)], [("at", "M8[us]")]))
    expected = [
        (dt.datetime(2023, 1, 1), None),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 6), dt.datetime(2024, 5, 6)),
        (dt.datetime(2024, 5, 6), None),
    ]
    assert expected == values(Event(), "at", "until")


@pytest.mark.statement("INS-1")
def test_csv(subject, tmp_path):
    path = tmp_path / "subjects.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["subject_id", "name", "weight", "born"], [1, "Ada", "20.5", "2020-01-31"], [2, "", "", ""]]
        )
    subject.insert(path)
    expected = [(1, "Ada", 20.5, dt.date(2020, 1, 31)), (2, "", None, None)]
    assert expected == values(subject(), "subject_id", "name", "weight", "born")


NUMBERED = "a : int auto_increment\n---\nx : varchar(8)"


@pytest.mark.statement("INS-4", "INS-6", "TYP-17")
@pytest.mark.parametrize("count", [1, 3, 60])
@pytest.mark.parametrize("option", ["skip_duplicates", "replace"])
def test_rows_numbered_by_the_database_are_no_duplicates(declare, option, count):
    with pytest.warns(DataJointWarning, match="native type"):
        numbered = declare("Numbered", NUMBERED)
    source = declare("Source", "x : varchar(8)")
    numbered.insert1({"x": "first"})
    source.insert({"x": str(n)} for n in range(count))

    numbered.insert([{"x": str(n)} for n in range(count)], **{option: True})
    assert count + 1 == len(numbered)
    numbered.insert(source, **{option: True})
    numbered.insert1({"x": "one", "a": None}, **{option: True})
    assert 2 * count + 2 == len(numbered)
    numbered.insert([{"x": "again", "a": 1}, {"x": "new"}], **{option: True})
    assert 2 * count + 3 == len(numbered)
    assert ("again" if option == "replace" else "first") == (numbered & "a = 1").fetch1("x")


@pytest.mark.statement("INS-4", "INS-6")
@pytest.mark.parametrize("count", [1, 60])
def test_the_default_of_a_key_tells_which_row_is_there(declare, count):
    table = declare(
        "Site", "a : int32\nkind='x' : enum('x','y')\nb=5.0 : decimal(3,1)\n---\nnote : varchar(8)"
    )
    table.insert1({"a": 0, "kind": "y", "b": 5, "note": "other"})
    rows = [{"a": n, "note": "first"} for n in range(count)]
    table.insert(rows, skip_duplicates=True)
    table.insert([{**row, "note": "second"} for row in rows], skip_duplicates=True)
    assert {"first": count, "other": 1} == dict(
        zip(*dj.U("note").aggr(table, n="count(a)").to_arrays("note", "n"), strict=True)
    )
    table.insert([{**row, "note": "third"} for row in rows], replace=True)
    assert count + 1 == len(table)
    assert ["third"] * count == (table & "kind = 'x'").to_arrays("note").tolist()
    assert {"first"} == set(table.old_versions().to_arrays("note"))


@pytest.mark.statement("INS-4")
def test_the_clock_makes_keys_that_are_skipped_if_they_are_there(declare):
    table = declare("Log", "at=CURRENT_TIMESTAMP : datetime(6)\n---\nnote : varchar(8)")
    for n in range(3):
        table.insert1({"note": str(n)}, skip_duplicates=True)
    assert 1 <= len(table) <= 3


@pytest.mark.statement("INS-1", "TYP-12")
def test_csv_with_json_and_choices(declare, tmp_path):
    dose = declare(
        "Dose", "n : int8\n---\nmeta=null : json\nsex=null : enum('M','F')\nside='' : enum('','L')"
    )
    path = tmp_path / "doses.csv"
    path.write_text('n,meta,sex,side\n1,"{""a"": [1, null]}",M,L\n2,,,\n3,"""text""",F,\n', encoding="utf-8")
    dose.insert(path)
    expected = [(1, {"a": [1, None]}, "M", "L"), (2, None, None, ""), (3, "text", "F", "")]
    assert expected == values(dose(), "n", "meta", "sex", "side")
    path.write_text("n,meta\n4,5\n5,{'a': 1}\n", encoding="utf-8")
    with pytest.raises(QueryError, match=r"doses.csv, line 3: .*'a': 1.* is no JSON") as error:
        dose.insert(path)
    assert 'such as {"a": 1}' in str(error.value)
    assert 3 == len(dose())


@pytest.mark.statement("INS-1")
def test_a_record(subject):
    record = np.array([(5, "Eve")], [("subject_id", "i8"), ("name", "U5")])[0]
    subject.insert1(record)
    assert "Eve" == subject.fetch1("name")


@pytest.mark.statement("INS-1")
def test_positional_rows_warn(session, subject):
    subject.insert1({"subject_id": 1, "name": "Ada"})
    with pytest.warns(DataJointDeprecationWarning, match="Positional rows") as caught:
        session.insert1((1, 1, "first"))
    assert __file__ == caught[0].filename
    with pytest.warns(DataJointDeprecationWarning):
        session.insert([(1, 2, "second"), [1, 3, "third"]])
    assert ["first", "second", "third"] == session().to_arrays("note", order_by="KEY").tolist()
    with (
        pytest.warns(DataJointDeprecationWarning),
        pytest.raises(
            DataJointError, match=r"`Session`, row 1: incorrect number of attributes: 2 given; 3 expected"
        ),
    ):
        session.insert([(1, 4, "x"), (1, 5)])
    assert 3 == len(session())


@pytest.mark.statement("INS-1")
def test_a_list_is_no_single_row(subject):
    with pytest.warns(DataJointDeprecationWarning), pytest.raises(QueryError, match="insert for a list"):
        subject.insert1([{"subject_id": 1, "name": "x"}])
    assert 0 == len(subject())


@pytest.mark.statement("INS-1")
@pytest.mark.parametrize("given", [{"subject_id": 1, "name": "x"}, "text", 5, ["text"], [3]])
def test_what_is_no_row(subject, given):
    with pytest.raises(DataJointError, match="insert1"):
        subject.insert(given)
    assert 0 == len(subject())


@pytest.mark.statement("INS-1")
def test_no_rows(subject):
    assert subject.insert([]) is None
    assert subject.insert(iter(())) is None
    assert 0 == len(subject())


# ---------------------------------------------------------------------------------------- atomicity


@pytest.mark.statement("INS-2", "TXN-4")
@pytest.mark.parametrize("n", [3, MANY, 2500])
def test_all_or_nothing(subject, n):
    subject.insert1({"subject_id": n - 1, "name": "there"})
    with pytest.raises(DuplicateError):
        subject.insert(rows(n))
    assert 1 == len(subject())
    subject.insert(rows(n - 1))
    assert n == len(subject())


@pytest.mark.statement("INS-2", "INS-10")
@pytest.mark.parametrize("inside", [False, True])
def test_the_last_of_many_rows_is_refused(subject, inside):
    many = rows(3500)
    with pytest.raises(
        QueryError, match=r"row 3500: attribute `weight` .*: 'heavy' does not read as a number"
    ):
        subject.insert([*many, {"subject_id": 4000, "name": "x", "weight": "heavy"}])
    assert 0 == len(subject())
    if inside:
        with subject.connection.transaction:
            subject.insert1(many[0])
            with pytest.raises(UnknownAttributeError, match="row 3500"):
                subject.insert([*many[1:], many[0] | {"subject_id": -1}, {"subject_id": 1, "nane": "x"}])
            assert 1 == len(subject())
    subject.insert(many[inside:])
    assert 3500 == len(subject())


@pytest.mark.statement("INS-2", "INS-3")
def test_the_last_of_many_rows_has_other_fields(subject):
    subject.insert(
        [*rows(3500), {"subject_id": 4000, "name": "x", "weight": 2}, {"name": "y", "subject_id": 4001}]
    )
    assert [(4000, "x", 2.0), (4001, "y", None)] == values(
        subject & "subject_id > 3999", "subject_id", "name", "weight"
    )
    assert 3502 == len(subject())


@pytest.mark.statement("INS-2", "INS-1")
@pytest.mark.parametrize("kind", ["dicts", "pandas"])
def test_many_rows_have_one_event(subject, kind):
    many = rows(3500)
    if kind == "pandas":
        many = pytest.importorskip("pandas").DataFrame(many)
    subject.insert(many)
    assert [(n, f"n{n}") for n in range(3500)] == values(subject, "subject_id", "name")
    assert 1 == len(set(subject.with_metadata().to_arrays("event").tolist()))


@pytest.mark.statement("TYP-13")
def test_one_row_with_five_megabytes(declare):
    table = declare("Movie", "movie : int32\n---\ndata : bytes")
    data = np.random.default_rng(0).bytes(5 << 20)
    table.insert1({"movie": 1, "data": data})
    table.update1({"movie": 1, "data": data[::-1]})
    assert data[::-1] == table.fetch1("data")


@pytest.mark.statement("INS-2")
def test_a_failing_generator(subject):
    def give():
        yield from rows(1500)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        subject.insert(give())
    assert 0 == len(subject())


@pytest.mark.statement("INS-2")
def test_a_generator_may_use_the_connection(subject):
    subject.insert1({"subject_id": 0, "name": "first"})

    def give():
        for row in rows(MANY, 1):
            yield {**row, "tag": len(subject())}
            break

    subject.insert(give())
    assert 1 == (subject & {"subject_id": 1}).fetch1("tag")


@pytest.mark.statement("INS-11")
def test_chunks(subject):
    subject.insert1({"subject_id": 25, "name": "there"})
    with pytest.raises(DuplicateError):
        subject.insert(rows(40), chunk_size=10)
    assert [*range(20), 25] == ids(subject)
    subject.insert(iter(rows(2100, 100)), chunk_size=1050)
    assert 2121 == len(subject())
    with pytest.raises(DataJointError, match="chunk_size"):
        subject.insert(subject(), chunk_size=10)


# ------------------------------------------------------------------------------ fields and defaults


@pytest.mark.statement("INS-3", "DEF-12")
@pytest.mark.parametrize("n", [3, MANY])
def test_rows_with_different_fields(subject, n):
    subject.insert(
        [
            {"subject_id": 1000, "name": "a"},
            {"name": "b", "subject_id": 1001, "sex": "M", "weight": 1.5},
            {"subject_id": 1002, "sex": None, "name": "c", "born": "2020-01-01"},
            *rows(n),
        ]
    )
    expected = [(1000, "U", None, None), (1001, "M", 1.5, None), (1002, "U", None, dt.date(2020, 1, 1))]
    assert expected == values(subject & "subject_id >= 1000", "subject_id", "sex", "weight", "born")


@pytest.mark.statement("DEF-13", "INS-3", "INS-9")
def test_time_of_the_server_in_some_rows(schema):
    @schema
    class Entry(dj.Manual):
        definition = """
        entry : int32
        ---
        at=CURRENT_TIMESTAMP : datetime(3)
        """

    old = dt.datetime(2001, 2, 3, 4, 5, 6)
    Entry.insert([{"entry": 1}, {"entry": 2, "at": old}, {"entry": 3, "at": None}])
    Entry.insert1({"entry": 4, "at": None})
    Entry.insert1({"entry": 5})
    Entry.insert([{"entry": n, "at": None if n % 2 else old} for n in range(100, 3200)])
    assert 1550 == len(Entry & {"at": old} & "entry >= 100")
    at = (Entry & "entry < 100").to_arrays("at", order_by="KEY").tolist()
    assert old == at[1]
    assert all(abs((moment - at[4]).total_seconds()) < 60 for n, moment in enumerate(at) if n != 1)


@pytest.mark.statement("INS-8", "DEF-11", "INS-9")
def test_unknown_and_missing_fields(subject):
    with pytest.raises(UnknownAttributeError, match=r"`Subject` has no attribute `nane`") as caught:
        subject.insert1({"subject_id": 1, "name": "x", "nane": "y"})
    assert "Did you mean `name`?" in str(caught.value)
    assert "ignore_extra_fields=True" in str(caught.value)
    with pytest.raises(UnknownAttributeError):
        subject.insert([{"subject_id": 1, "name": "x"}, {"subject_id": 2, "name": "x", "nane": "y"}])
    with pytest.raises(MissingAttributeError, match=r"required attributes `subject_id`, `name` are missing"):
        subject.insert1({"weight": 1.0})
    with pytest.raises(
        MissingAttributeError, match=r"row 1: a value is missing for required attribute `name`"
    ):
        subject.insert([{"subject_id": 1, "name": "x"}, {"subject_id": 2, "weight": 1.0}])
    with pytest.raises(MissingAttributeError, match=r"NULL is no value for required attribute `name`"):
        subject.insert1({"subject_id": 1, "name": None})
    assert 0 == len(subject())
    subject.insert1({"subject_id": 1, "name": "x", "nane": "y", "_event": 5}, ignore_extra_fields=True)
    assert 1 == len(subject())


@pytest.mark.statement("TAB-20")
def test_hidden_columns_are_refused(subject):
    with pytest.raises(UnknownAttributeError, match=r"`_event` .* hidden column"):
        subject.insert1({"subject_id": 1, "name": "x", "_event": 5})
    with pytest.raises(UnknownAttributeError, match="hidden column"):
        subject.update1({"subject_id": 1, "_event": 5})


@pytest.mark.statement("INS-9")
@pytest.mark.parametrize("n", [1, MANY])
def test_none_means_the_default(subject, n):
    subject.insert([{**row, "sex": None, "weight": None} for row in rows(n)])
    assert [("U", None)] * n == [(row["sex"], row["weight"]) for row in subject().to_dicts()]


@pytest.mark.statement("INS-17")
def test_keys_can_be_splatted(subject, session):
    subject.insert(rows(3))
    for key in (subject & "subject_id > 0").keys():  # noqa: SIM118 - a query
        session.insert1({**key, "session": 1})
    assert [1, 2] == session().to_arrays("subject_id", order_by="KEY").tolist()


@pytest.mark.statement("INS-18", "DEF-22")
def test_rows_of_defaults(schema, subject):
    @schema
    class Setting(dj.Manual):
        definition = """
        ---
        level=3 : int16
        text=null : varchar(9)
        """

    Setting.insert1({})
    assert {"level": 3, "text": None} == Setting.fetch1()
    with pytest.raises(DuplicateError, match="Duplicate entry in `Setting`"):
        Setting.insert1({})
    Setting.insert1({"level": 5}, skip_duplicates=True)
    assert 3 == Setting.fetch1("level")
    Setting.insert1({"level": 5}, replace=True)
    assert {"level": 5, "text": None} == Setting.fetch1()
    Setting.update1({"level": None, "text": "x"})
    assert {"level": 3, "text": "x"} == Setting.fetch1()
    with pytest.raises(MissingAttributeError, match="`subject_id`, `name`"):
        subject.insert1({})


# ------------------------------------------------------------------------------------- wrong values

WRONG = [
    ("subject_id", 2**31, "2147483648"), ("subject_id", 1.5, "1.5"), ("subject_id", "x", "'x'"),
    ("name", "x" * 13, "13 characters"), ("name", "a\0b", "NUL"), ("name", [1], "list"),
    ("sex", "X", "'X'"), ("born", "2020-02-30", "2020-02-30"), ("born", 5, "5"), ("code", "nope", "'nope'"),
    ("weight", "heavy", "'heavy'"), ("tag", 40000, "40000"),
]  # fmt: skip


@pytest.mark.statement("INS-10", "TYP-1", "TYP-6", "TYP-7", "TYP-16", "ERR-2", "ERR-5")
@pytest.mark.parametrize(("name", "value", "shown"), WRONG)
def test_wrong_values_are_named(subject, name, value, shown):
    with pytest.raises(QueryError) as caught:
        subject.insert1({"subject_id": 1, "name": "x", name: value})
    assert f"`{name}`" in str(caught.value)
    assert shown in str(caught.value)
    assert "`Subject`" in str(caught.value)
    with pytest.raises(QueryError, match="row 130"):
        subject.insert([*rows(130), {"subject_id": 1000, "name": "x", name: value}])
    assert 0 == len(subject())


@pytest.mark.statement("TYP-24")
def test_missing_and_infinite_numbers(subject, backend):
    subject.insert1({"subject_id": 1, "name": "x", "weight": float("nan")})
    assert (subject & {"subject_id": 1}).fetch1("weight") is None
    with pytest.raises(MissingAttributeError, match=r"row 1: nan means missing, but `name` is required"):
        subject.insert([{"subject_id": 2, "name": "x"}, {"subject_id": 3, "name": float("nan")}])
    if backend.name == "mysql":
        with pytest.raises(QueryError, match=r"`weight` .*inf cannot be stored by mysql"):
            subject.insert1({"subject_id": 2, "name": "x", "weight": float("inf")})
    else:
        subject.insert1({"subject_id": 2, "name": "x", "weight": float("-inf")})
        assert float("-inf") == (subject & {"subject_id": 2}).fetch1("weight")


@pytest.mark.statement("COD-21", "COD-5", "INS-10")
def test_values_that_a_codec_refuses(schema):
    @schema
    class Image(dj.Manual):
        definition = """
        image : int32
        ---
        pixels : <blob>
        """

    class Thing:
        pass

    with pytest.raises(DataJointError, match="Thing") as caught:
        Image.insert([{"image": 1, "pixels": 5}, {"image": 2, "pixels": Thing()}])
    assert "`pixels`" in str(caught.value)
    assert "row 1" in str(caught.value)
    assert 0 == len(Image())


@pytest.mark.statement("COD-21", "COD-23")
def test_errors_of_a_codec_keep_their_kind(schema, request):
    name = f"even_{request.node.callspec.id}"

    class Even(dj.Codec, register=False):
        def get_dtype(self, is_store):
            return "int32"

        def validate(self, value):
            if not isinstance(value, int):
                raise TypeError("not an int")
            if value % 2:
                raise ValueError(f"{value} is odd")

        def encode(self, value, *, key=None, context=None):
            assert {"number": 1} == {n: v for n, v in key.items() if not n.startswith("_")}
            assert ("half", "number") == (context.field, *context.with_key(None)["_table"].split("#"))[:2]
            return value // 2

        def decode(self, stored):
            return stored * 2

    type("Named", (Even,), {"name": name})

    @schema
    class Number(dj.Manual):
        definition = f"""
        number : int32
        ---
        half : <{name}>
        """

    with pytest.raises(ValueError, match="3 is odd") as caught:
        Number.insert1({"number": 1, "half": 3})
    assert isinstance(caught.value, EncodeError)
    with pytest.raises(TypeError, match="not an int"):
        Number.insert1({"number": 1, "half": "x"})
    Number.insert1({"number": 1, "half": 8})
    assert 8 == Number.fetch1("half")
    assert not Number.validate([{"number": 1, "half": 3}])


# -------------------------------------------------------------------------------- conflicts of keys


@pytest.mark.statement("INS-4", "INS-6", "ERR-5")
@pytest.mark.parametrize("n", [1, MANY])
def test_duplicates(subject, n):
    subject.insert([{"subject_id": 0, "name": "old", "weight": 3.5, "sex": "M"}])
    with pytest.raises(DuplicateError) as caught:
        subject.insert(rows(n))
    assert "Duplicate entry in `Subject`, row 0: subject_id=0" in str(caught.value)
    assert "skip_duplicates=True" in str(caught.value)
    subject.insert(rows(n), skip_duplicates=True)
    assert n == len(subject())
    assert ("old", 3.5, "M") == (subject & {"subject_id": 0}).fetch1("name", "weight", "sex")
    subject.insert(rows(n), replace=True)
    assert n == len(subject())
    assert ("n0", None, "U") == (subject & {"subject_id": 0}).fetch1("name", "weight", "sex")


@pytest.mark.statement("INS-4", "INS-6")
@pytest.mark.parametrize("n", [2, MANY])
def test_the_same_key_twice_in_one_call(subject, n):
    twice = [row | {"name": name} for row in rows(n) for name in ("first", "last")]
    with pytest.raises(DuplicateError, match="row 1: subject_id=0"):
        subject.insert(twice)
    subject.insert(twice, skip_duplicates=True)
    assert {"first"} == set(subject().to_arrays("name"))
    for row in twice[:4]:
        subject.insert1(row, replace=True)
    assert ["last"] * 2 == (subject & "subject_id < 2").to_arrays("name").tolist()


@pytest.mark.statement("INS-5", "IDX-2")
@pytest.mark.parametrize("n", [1, MANY])
@pytest.mark.parametrize("option", ["skip_duplicates", "replace"])
def test_other_unique_indexes_still_refuse(subject, n, option):
    subject.insert1({"subject_id": 1000, "name": "x", "tag": 5})
    given = [row | {"tag": 5 if row["subject_id"] == n - 1 else None} for row in rows(n)]
    with pytest.raises(DuplicateError, match=rf"row {n - 1}: tag=5 must be unique"):
        subject.insert(given, **{option: True})
    assert 1 == len(subject())
    subject.insert([{"subject_id": 1000, "name": "y", "tag": 5}], **{option: True})
    assert ("y" if option == "replace" else "x") == subject.fetch1("name")


@pytest.mark.statement("INS-7")
@pytest.mark.parametrize("n", [1, MANY])
def test_replace_keeps_dependants(subject, session, n):
    subject.insert(rows(n))
    session.insert([{"subject_id": k, "session": 1} for k in range(n)])
    subject.insert([row | {"name": "new"} for row in rows(n)], replace=True)
    assert {"new"} == set(subject().to_arrays("name"))
    assert n == len(session())


@pytest.mark.statement("INS-6")
def test_tables_of_keys_only(schema):
    @schema
    class Pair(dj.Manual):
        definition = """
        a : int16
        b : varchar(9)
        """

    Pair.insert([{"a": 1, "b": "x"}, {"a": 1, "b": "y"}])
    Pair.insert([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], replace=True)
    Pair.insert([{"a": 1, "b": "x"}, {"a": 3, "b": "y"}], skip_duplicates=True)
    assert [(1, "x"), (1, "y"), (2, "y"), (3, "y")] == values(Pair(), "a", "b")


# ------------------------------------------------------------------------------------------ parents


@pytest.mark.statement("FK-5", "ERR-5", "INS-2")
@pytest.mark.parametrize("n", [1, MANY])
def test_a_missing_parent_is_named(subject, session, n):
    subject.insert(rows(n))
    given = [{"subject_id": k, "session": 1} for k in range(n)] + [{"subject_id": 5000, "session": 1}]
    with pytest.raises(IntegrityError) as caught:
        session.insert(given)
    expected = f"`Session`, row {n}: the parent `Subject` with subject_id=5000 does not exist."
    assert expected == caught.value.message
    assert "5000" not in session().to_arrays("subject_id").tolist()
    assert 0 == len(session())


@pytest.mark.statement("FK-16", "FK-7", "FK-12")
def test_half_null_references(schema):
    @schema
    class Place(dj.Manual):
        definition = """
        x : int16
        y : int16
        """

    @schema
    class Visit(dj.Manual):
        definition = """
        visit : int16
        ---
        -> [nullable] Place
        """

    Place.insert1({"x": 1, "y": 2})
    assert all(Visit.run_checks())
    with pytest.warns(DataJointWarning) as said:
        Visit.insert([{"visit": 1}, {"visit": 2, "x": 1}, {"visit": 3, "x": 1, "y": None}])
    text = (
        "`Visit`, row 1: a reference is NULL in part (x=1, y=None): it refers to no row, and none is looked "
        "for. run_checks() lists such rows."
    )
    assert [text] == [str(one.message) for one in said]
    Visit.insert([{"visit": 4, "x": 77, "y": None}, {"visit": 5, "x": 1, "y": 2}])
    Visit.update1({"visit": 5, "x": None})
    Visit.insert1({"visit": 6, "x": 1, "y": 2})
    found = [(1, None, None), (2, 1, None), (3, 1, None), (4, 77, None), (5, None, 2), (6, 1, 2)]
    assert found == values(Visit(), "visit", "x", "y")
    assert [6] == [row["visit"] for row in (Visit & Place).to_dicts()]
    assert [6] == [row["visit"] for row in (Visit * Place).to_dicts()]
    (outcome,) = Visit.run_checks()
    assert (
        "`Visit`: the reference by x, y is NULL in part for visit=2; visit=3; visit=4; visit=5."
        == outcome.message
    )
    assert bool(Visit.validate([{"visit": 7, "x": 1}]))
    with pytest.raises(IntegrityError):
        Visit.insert1({"visit": 7, "x": 77, "y": 2})

    @schema
    class Copy(dj.Manual):
        definition = """
        visit : int16
        ---
        -> [nullable] Place
        """

    Copy.insert(Visit)
    assert found == values(Copy(), "visit", "x", "y")
    Place.delete(prompt=False)
    assert found[:5] == values(Visit(), "visit", "x", "y")


@pytest.mark.statement("FK-16")
@pytest.mark.backends("sqlite")
def test_half_null_references_in_a_table_that_refuses_them(schema):
    """Tables that this library made before have a CHECK."""

    @schema
    class Place(dj.Manual):
        definition = "x : int16\ny : int16"

    @schema
    class Visit(dj.Manual):
        definition = "visit : int16\n---\n-> [nullable] Place"

    query = schema.connection.query
    (text,) = query("SELECT sql FROM sqlite_schema WHERE name LIKE '%visit'").fetchone()
    query(f"DROP TABLE {Visit.full_table_name}")
    head, _, tail = text.rpartition(")")
    query(f'{head}, CHECK (("x" IS NULL) = ("y" IS NULL))){tail}')
    with pytest.warns(DataJointWarning), pytest.raises(QueryError, match="CHECK"):
        Visit.insert1({"visit": 1, "x": 1})


# ------------------------------------------------------------------------------------------ queries


@pytest.mark.statement("INS-12", "INS-1")
def test_insert_from_a_query(schema, subject):
    @schema
    class Copy(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name : varchar(12)
        weight=null : float64
        kind="copy" : varchar(9)
        """

    subject.insert([row | {"weight": row["subject_id"] / 3} for row in rows(5)])
    with pytest.raises(UnknownAttributeError, match="`sex`"):
        Copy.insert(subject())
    Copy.insert(subject & "subject_id < 3", ignore_extra_fields=True)
    expected = [{**row, "weight": row["subject_id"] / 3, "kind": "copy"} for row in rows(3)]
    assert expected == Copy().to_dicts(order_by="KEY")
    with pytest.raises(DuplicateError):
        Copy.insert(subject, ignore_extra_fields=True)
    Copy.update1({"subject_id": 0, "name": "changed", "kind": "own"})
    Copy.insert(subject.proj("name"), skip_duplicates=True)
    assert [0, 1, 2, 3, 4] == ids(Copy)
    assert "changed" == (Copy & {"subject_id": 0}).fetch1("name")
    Copy.insert(subject.proj("name"), replace=True)
    assert ("n0", None, "copy") == (Copy & {"subject_id": 0}).fetch1("name", "weight", "kind")
    with pytest.raises(MissingAttributeError, match="`name`"):
        Copy.insert(subject.proj())
    Copy.insert((Copy & "subject_id = 4").proj("name", old="subject_id").proj("name", subject_id="old + 100"),
                ignore_extra_fields=True)  # fmt: skip
    assert "n4" == (Copy & {"subject_id": 104}).fetch1("name")


@pytest.mark.statement("INS-12")
def test_a_query_with_objects_and_other_types(schema):
    @schema
    class Source(dj.Manual):
        definition = """
        n : int16
        ---
        pixels : <blob>
        amount : decimal(6,2)
        at : datetime(3)
        """

    @schema
    class Target(dj.Manual):
        definition = """
        n : int32
        ---
        pixels : <blob>
        amount : decimal(8,3)
        at : datetime
        """

    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 600_000)
    Source.insert([{"n": n, "pixels": np.arange(n), "amount": "12.25", "at": moment} for n in range(3)])
    with pytest.warns(DataJointWarning, match="holds whole seconds"):
        Target.insert(Source & "n > 0")
    found = Target().to_dicts(order_by="KEY")
    assert [1, 2] == [len(row["pixels"]) for row in found]
    assert {Decimal("12.250")} == {row["amount"] for row in found}
    assert {dt.datetime(2024, 1, 2, 3, 4, 5)} == {row["at"] for row in found}


@pytest.mark.statement("INS-12", "INS-2")
def test_a_union_or_top_can_be_inserted(schema, subject):
    @schema
    class Chosen(dj.Manual):
        definition = "subject_id : int32"

    subject.insert(rows(6))
    Chosen.insert((subject & "subject_id = 0").proj() + (subject & "subject_id = 5").proj())
    Chosen.insert((subject & "subject_id in (1, 2, 3)" & dj.Top(2, "subject_id DESC")).proj())
    assert [0, 2, 3, 5] == ids(Chosen)


@pytest.mark.statement("INS-13")
def test_frames_with_an_index(session, subject):
    import pandas as pd

    subject.insert(rows(3))
    frame = pd.DataFrame({"subject_id": [0, 1], "session": [1, 1], "note": ["a", "b"]})
    session.insert_dataframe(frame.set_index(["subject_id", "session"]))
    session.insert_dataframe(frame.assign(session=2))
    session.insert_dataframe(frame.assign(session=3).set_index(["session", "subject_id"]), index_as_pk=True)
    session.insert_dataframe(frame.assign(session=4), index_as_pk=False)
    assert 8 == len(session())
    with pytest.raises(DataJointError, match="is not the primary key"):
        session.insert_dataframe(frame.set_index("session"), index_as_pk=True)
    session.insert_dataframe(session().to_pandas(), skip_duplicates=True)
    assert 8 == len(session())


# ----------------------------------------------------------------------------------------- validate


@pytest.mark.statement("INS-14", "INS-15")
def test_validate(subject, instance):
    good = subject.validate(rows(3))
    assert good
    assert (True, [], 3) == (good.is_valid, good.errors, good.rows_checked)
    assert good.raise_if_invalid() is None
    bad = subject.validate([
        {"subject_id": 1, "name": "x", "nane": 1}, {"name": "x"}, {"subject_id": 2, "name": None},
        {"subject_id": 3, "name": "x", "code": "nope"}, {"subject_id": 4, "name": "x"},
    ])  # fmt: skip
    assert not bad
    expected = [(0, "nane"), (1, "subject_id"), (2, "name"), (3, "code")]
    assert expected == [error[:2] for error in bad.errors]
    assert 5 == bad.rows_checked
    assert "4 error(s) in 5 row(s)" in bad.summary()
    with pytest.raises(DataJointError, match="4 error"):
        bad.raise_if_invalid()
    assert subject.validate([{"subject_id": 1, "name": "x", "nane": 1}], ignore_extra_fields=True)
    assert 0 == len(subject())


@pytest.mark.statement("INS-15")
@pytest.mark.parametrize(("name", "value", "shown"), WRONG)
def test_validate_finds_what_insert_refuses(subject, name, value, shown):
    result = subject.validate([{"subject_id": 1, "name": "x", name: value}])
    assert [(0, name)] == [error[:2] for error in result.errors]
    assert shown in result.errors[0][2]


# ------------------------------------------------------------------------------ who may insert what


@pytest.mark.statement("TAB-19", "UPD-7")
def test_computed_tables_are_guarded(schema, subject):
    @schema
    class Fit(dj.Computed):
        definition = """
        -> Subject
        ---
        x : float64
        """

        class Cell(dj.Part):
            definition = """
            -> master
            cell : int16
            """

    subject.insert(rows(2))
    message = "can only be done inside its make method"
    with pytest.raises(DataJointError, match=message):
        Fit.insert1({"subject_id": 0, "x": 1})
    with pytest.raises(DataJointError, match=message):
        Fit.insert([], replace=True)
    Fit.insert1({"subject_id": 0, "x": 1}, allow_direct_insert=True)
    with pytest.raises(DataJointError, match=message):
        Fit.Cell.insert1({"subject_id": 0, "cell": 1})
    Fit.Cell.insert([{"subject_id": 0, "cell": 1}], allow_direct_insert=True)
    with pytest.raises(DataJointError, match="allow_direct_update=True"):
        Fit.update1({"subject_id": 0, "x": 2})
    Fit.update1({"subject_id": 0, "x": 2}, allow_direct_update=True)
    assert 2.0 == Fit.fetch1("x")


@pytest.mark.statement("TAB-14")
def test_tables_without_class(instance, subject):
    free = instance.FreeTable(f"{subject.database}.subject")
    free.insert(rows(MANY))
    free.insert1({"subject_id": 5, "name": "x"}, replace=True)
    assert "x" == (subject & {"subject_id": 5}).fetch1("name")


@pytest.mark.statement("TAB-5")
def test_methods_of_mixins_are_used(schema):
    class Loud:
        def insert(self, rows, **options):
            super().insert([{**row, "name": row["name"].upper()} for row in rows], **options)

    @schema
    class Word(Loud, dj.Manual):
        definition = """
        word : int16
        ---
        name : varchar(9)
        """

    Word.insert1({"word": 1, "name": "a"})
    Word().insert([{"word": 2, "name": "b"}])
    assert ["A", "B"] == Word().to_arrays("name", order_by="KEY").tolist()


@pytest.mark.statement("TYP-17")
def test_numbers_given_by_the_database(schema):
    with pytest.warns(dj.errors.DataJointWarning):

        @schema
        class Entry(dj.Manual):
            definition = """
            entry : int auto_increment
            ---
            text : varchar(9)
            """

    Entry.insert1({"text": "a"})
    Entry.insert([{"text": "b"}, {"entry": 50, "text": "d"}, {"entry": None, "text": "c"}])
    assert ["a", "b", "c", "d"] == sorted(Entry().to_arrays("text"))
    assert 50 == (Entry & {"text": "d"}).fetch1("entry")
    assert 4 == len(set(Entry().to_arrays("entry").tolist()))


@pytest.mark.statement("TXN-5", "TXN-1")
def test_master_and_parts_in_one_block(schema, instance):
    @schema
    class Scan(dj.Manual):
        definition = "scan : int16"

        class Frame(dj.Part):
            definition = """
            -> master
            frame : int16
            """

    def store(scan, frames):
        with instance.connection.transaction:
            Scan.insert1({"scan": scan})
            Scan.Frame.insert([{"scan": scan, "frame": frame} for frame in frames])

    store(1, [1, 2])
    with pytest.raises(DuplicateError):
        store(2, [1, 1])
    assert [{"scan": 1}] == Scan().keys()
    assert 2 == len(Scan.Frame())


@pytest.mark.statement("INS-4")
def test_a_duplicate_of_a_key_with_an_enum_is_named_by_its_values(schema):
    @schema
    class Sheet(dj.Manual):
        definition = """
        patient : int16
        drug    : enum("dextro", "laevo")
        """

    rows = [{"patient": n, "drug": "laevo"} for n in range(2)]
    Sheet.insert(rows)
    with pytest.raises(DuplicateError) as caught:
        Sheet.insert(rows)
    assert "Duplicate entry in `Sheet`, row 0: patient=0, drug='laevo' exists" in str(caught.value)
