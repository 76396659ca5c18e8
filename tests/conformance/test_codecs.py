# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
"""Codecs through tables: objects, files, codecs of users and of packages."""

import collections
import datetime as dt
import json
import os
import subprocess
import sys
import textwrap
import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import datajoint as dj
from datajoint.codecs.base import CODECS
from datajoint.codecs.blob import MatCell, MatStruct
from datajoint.errors import CodecError, DataJointError, DataJointWarning, EncodeError, UnknownCodecError

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures" / "blob_vectors.json").read_text())
NAMES = {
    "np": np, "uuid": uuid, "datetime": dt, "collections": collections, "Decimal": Decimal, "MatCell": MatCell,
    "MatStruct": MatStruct,
}  # fmt: skip
VALUES = [
    True, False, 0, -1, 2**200, -(2**63), 0.1, float("inf"), 1 + 2j, "", "ünï 🧬 \0", b"", bytes(range(256)),
    dt.datetime(2024, 2, 29, 12, 30, 15, 123456), dt.date(2024, 2, 29), dt.time(12, 30, 15, 1),
    Decimal("1.50"), uuid.UUID(int=7), [], [1, "a", [None, {"x": (1, 2)}]], (1, "b"), {1, 2}, {}, {"a": {"b": [1]}, 3: None},
    None,
]  # fmt: skip
ARRAYS = [
    np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), np.zeros((0, 3)), np.array(5.0),
    np.array([True, False]), np.array([1 + 1j, 2]), np.array(["a", "bb"], dtype=object),
    np.array(["2024-01-01", "NaT"], dtype="datetime64[ms]"), np.random.default_rng(1).normal(size=(300, 7)),
    *[np.array([0, 1], dtype=kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16")],
]  # fmt: skip


@pytest.fixture
def codec(request):
    """Define codecs for one test under names of its own; `codec("Doubled", get_dtype=…)` → name."""
    made = []

    def define(name, storage="int32", **members):
        own = f"{name}_{abs(hash(request.node.nodeid)) % 10**8}"
        members = {"get_dtype": lambda self, is_store: storage, "name": own, **members}
        type(dj.Codec)(name.title(), (dj.Codec,), members)
        made.append(own)
        return own

    yield define
    for name in made:
        CODECS._items.pop(name, None)


@pytest.mark.statement("COD-3")
def test_objects_come_back_as_they_were(declare, connect):
    table = declare("Thing", "thing : int32\n---\nvalue=null : <blob>")
    table.insert([{"thing": n, "value": value} for n, value in enumerate([*VALUES, *ARRAYS])])
    structured = np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")])
    table.insert1({"thing": 900, "value": structured})

    for found in (table, connect().FreeTable(str(table.name))):
        back = found.to_arrays("value", order_by="thing")
        for value, other in zip(VALUES, back, strict=False):
            assert value == other
            assert type(value) is type(other)
        for value, other in zip(ARRAYS, back[len(VALUES) :], strict=False):
            np.testing.assert_array_equal(value, other)
            assert (value.dtype, value.shape) == (other.dtype, other.shape)
        record = (found & {"thing": 900}).fetch1("value")
        assert ["a", "b"] == list(record.dtype.names)
        assert [2.5, 4.5] == list(record["b"])
    assert 1 == len(table & "value is null")  # None is no object
    assert "<blob>" == table.heading["value"].type


NEW_VALUES = [
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.time(1, tzinfo=dt.UTC), dt.timedelta(1), frozenset({1}), bytearray(b"a"),
    collections.OrderedDict(a=1), np.ma.masked_array([1, 2], [0, 1]), np.array(5.0), np.array(["ab", "c"]),
    np.zeros(2, [("a", ">i4")]), np.arange(3, dtype=">f4"), np.timedelta64(3, "s"),
]  # fmt: skip


@pytest.mark.statement("COD-3")
def test_values_that_earlier_releases_change_come_back_as_they_were(declare, connect):
    table = declare("Thing", "thing : int32\n---\nvalue : <blob>")
    rows = [{"thing": n, "value": value} for n, value in enumerate(NEW_VALUES)]
    table.insert(rows)
    assert table.validate(rows).is_valid
    table.insert(rows, skip_duplicates=True)
    for found in (table, connect().FreeTable(str(table.name))):
        for value, other in zip(NEW_VALUES, found.to_arrays("value", order_by="thing"), strict=True):
            assert (type(value), repr(value)) == (type(other), repr(other))
            assert getattr(value, "dtype", None) == getattr(other, "dtype", None)


@pytest.mark.statement("COD-3")
def test_blobs_are_written_for_earlier_releases_where_these_read_them(declare, connect, schema, backend):
    table = declare("Thing", "thing : int32\n---\nvalue : <blob>")
    others = type(table.name)(table.name.schema, "other")
    if backend.name != "sqlite":  # which earlier releases do not know
        full = schema.connection.dialect.table(others)
        schema.connection.query(f"CREATE TABLE {full} (id int PRIMARY KEY)")
    setting = {"interop__native_blobs": "raw"} if backend.name == "sqlite" else {}
    theirs = connect(**setting).FreeTable(str(table.name))
    theirs.insert1({"thing": 1, "value": frozenset({1})})
    with pytest.warns(DataJointWarning, match="no time zone"):
        theirs.insert1({"thing": 2, "value": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)]})
    assert [{1}, [dt.datetime(2020, 1, 1)]] == list(theirs.to_arrays("value", order_by="thing"))
    with pytest.raises(EncodeError, match="m8"):
        theirs.insert1({"thing": 3, "value": np.zeros(2, "m8[s]")})


@pytest.mark.statement("COD-3")
@pytest.mark.parametrize("items", [1 << 17, 1 << 19])
def test_many_large_arrays_come_back_as_they_were(declare, items):
    table = declare("Thing", "thing : int32\n---\nvalue=null : <blob>")
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-50, 50, items).astype("i2"), None, rng.normal(size=items), np.zeros(items)]
    table.insert([{"thing": n, "value": value} for n, value in enumerate(arrays)])
    for back in (
        [row["value"] for row in table.to_dicts(order_by="thing")],
        table.to_arrays("value", order_by="thing"),
    ):
        for value, other in zip(arrays, back, strict=True):
            np.testing.assert_array_equal(value, other)


@pytest.mark.statement("COD-21")
def test_a_large_array_that_no_blob_can_hold_is_told_by_its_row(declare):
    table = declare("Thing", "thing : int32\n---\nvalue : <blob>")
    own = np.zeros(1 << 17).view(type("Own", (np.ndarray,), {}))
    arrays = [np.zeros(1 << 17), np.zeros(1 << 17), own, own]
    with pytest.raises(EncodeError, match="row 2"):
        table.insert([{"thing": n, "value": value} for n, value in enumerate(arrays)])
    assert not table


@pytest.mark.statement("COD-3", "COD-4", "COD-5")
def test_the_bytes_of_objects(declare, schema):
    table = declare("Thing", "thing : int32\n---\nvalue : <blob>")
    raw = f"SELECT value FROM {table.full_table_name} WHERE thing = %s"
    for n, (value, head) in enumerate(
        [(np.zeros((2, 2)), b"mYm\0"), ({"a": 1}, b"dj0\0"), (np.zeros(10_000), b"ZL123\0")]
    ):
        table.insert1({"thing": n, "value": value})
        assert bytes(schema.connection.query(raw, [n]).fetchone()[0]).startswith(head)
    assert len(bytes(schema.connection.query(raw, [2]).fetchone()[0])) < 1000
    binary = {"sqlite": "X'{}'", "mysql": "X'{}'", "postgresql": "'\\x{}'::bytea"}[
        schema.connection.backend.name
    ]
    vectors = [v for v in VECTORS["encode"] if v["round_trip"] and "nan" not in v["name"]][::4]
    for n, vector in enumerate(vectors, 100):  # written by older clients
        stored = binary.format(vector["hex"])
        schema.connection.query(f"INSERT INTO {table.full_table_name} (thing, value) VALUES ({n}, {stored})")
        value = (table & {"thing": n}).fetch1("value")
        np.testing.assert_equal(value, eval(vector["expr"], dict(NAMES)))
    assert len(vectors) > 10

    class Custom:
        pass

    before = len(table)
    for value, name in (
        (Custom(), "Custom"),
        ([1, Custom()], "Custom"),
        (np.array([Custom()]), "Custom"),
        (len, "builtin"),
    ):
        with pytest.raises(EncodeError, match=name) as caught:
            table.insert1({"thing": 999, "value": value})
        assert "`value`" in str(caught.value)
    assert before == len(table)


@pytest.mark.statement("COD-9", "COD-10")
@pytest.mark.parametrize("place", ["<attach>", "<attach@>"])
def test_a_lazy_attachment_writes_no_file_until_it_is_asked_to(declare, connect, tmp_path, place):
    store = {"protocol": "file", "location": str(tmp_path / "store")}
    stores = {"stores": {"default": "main", "main": store}}
    (tmp_path / "store").mkdir()
    (tmp_path / "notes.txt").write_bytes(b"two\nlines\n")
    download = tmp_path / "out"
    named = declare("Paper", f"paper : int32\n---\nfile=null : {place}").name
    table = connect(attach__lazy=True, download_path=str(download), **stores).FreeTable(str(named))
    table.insert([{"paper": 1, "file": tmp_path / "notes.txt"}, {"paper": 2, "file": None}])

    found, nothing = table.to_arrays("file", order_by="paper")
    assert nothing is None
    assert ("notes.txt", 10, b"two\nlines\n") == (found.name, found.size, found.read())
    assert [b"two\n", b"lines\n"] == list(found.open())
    assert found == (table & {"paper": 1}).fetch1("file")
    assert not download.exists()
    table.insert1({"paper": 3, "file": found})  # without a file in between
    assert found == (table & {"paper": 3}).fetch1("file")
    assert not download.exists()
    with open(found, "rb") as file:
        assert b"two\nlines\n" == file.read()
    assert [download / "notes.txt"] == list(download.iterdir())
    assert str(tmp_path / "notes.txt") == found.save(tmp_path)  # where it is already


@pytest.mark.statement("COD-9", "COD-10")
@pytest.mark.parametrize("written", ["<attach>", "attach"])  # without brackets: definitions of 0.1x
def test_attachments(declare, connect, tmp_path, written):
    table = declare("Paper", f"paper : int32\n---\nfile=null : {written}")
    source, download = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "ünï 1.txt").write_bytes(b"one\0two" * 1000)
    table.insert1({"paper": 1, "file": source / "ünï 1.txt"})
    (source / "ünï 1.txt").write_bytes(b"other")
    table.insert1({"paper": 2, "file": str(source / "ünï 1.txt")})
    table.insert1({"paper": 3, "file": None})
    there = connect(download_path=str(download)).FreeTable(str(table.name))

    first = (there & {"paper": 1}).fetch1("file")
    assert download / "ünï 1.txt" == Path(first)
    assert b"one\0two" * 1000 == Path(first).read_bytes()
    second = (there & {"paper": 2}).fetch1("file")
    assert download / "ünï 1_1.txt" == Path(second)
    assert b"other" == Path(second).read_bytes()
    assert [first, second, None] == [row["file"] for row in there.to_dicts(order_by="paper")]
    assert 2 == len(list(download.iterdir()))
    Path(second).write_bytes(b"changed by the user")
    third = (there & {"paper": 2}).fetch1("file")
    assert [b"changed by the user", b"other"] == [Path(p).read_bytes() for p in (second, third)]
    for wrong, words in ((source / "missing.txt", "missing.txt"), (5, "int"), (source, "in")):
        with pytest.raises(Exception, match=words) as caught:
            table.insert1({"paper": 9, "file": wrong})
        assert isinstance(caught.value, (DataJointError, TypeError, ValueError))
    assert 3 == len(table)


@pytest.mark.statement("COD-20")
def test_codecs_of_users(declare, connect, codec, inventory):
    name = codec("doubled", encode=lambda self, value: value * 2, decode=lambda self, stored: stored // 2)
    table = declare("Number", f"number : int32\n---\nhalf=null : <{name}>\nother=7 : int32")
    table.insert([{"number": 1, "half": 21}, {"number": 2}])

    assert f"<{name}>" == table.heading["half"].type
    assert [21, None] == [row["half"] for row in table.to_dicts(order_by="number")]
    assert [21] == list((table & "half is not null and other = 7").to_arrays("half"))
    assert name == table.heading["half"].codec == connect().FreeTable(str(table.name)).heading["half"].codec
    assert name in dj.list_codecs()
    assert isinstance(dj.get_codec(name), dj.Codec)
    assert dj.get_codec(f"<{name}>") is dj.get_codec(name)
    with pytest.raises(CodecError, match=f"<{name}> is already registered"):
        type(dj.Codec)("Again", (dj.Codec,), {"name": name})

    type("Base", (dj.Codec,), {"name": f"{name}_base"}, register=False)
    assert f"{name}_base" not in dj.list_codecs()
    before = inventory()
    with pytest.raises(UnknownCodecError, match=rf"<{name[:-1]}>.*\n.*`{name}`"):
        declare("Wrong", f"a : int32\n---\nb : <{name[:-1]}>")
    with pytest.raises(DataJointError):
        declare("Wrong", f"a : int32\n---\nb = 3 : <{name}>")
    assert before == inventory()


@pytest.mark.statement("COD-22", "COD-23")
def test_chains_and_context(declare, codec, schema, inventory):
    seen = {}

    def encode(self, value, *, key, context):
        seen["encode"] = (key, context)
        return {"points": value}

    def decode(self, stored, *, context, key=None):
        seen["decode"] = (key, context)
        return stored["points"]

    inner = codec("inner", "<blob>", encode=encode, decode=decode)
    outer = codec(
        "outer", f"<{inner}>", encode=lambda self, value: [value], decode=lambda self, stored: stored[0]
    )
    table = declare("Thing", f"thing : int32\n---\nvalue : <{outer}>\nother=1 : int32")
    table.insert1({"thing": 5, "value": np.arange(3)})

    assert [0, 1, 2] == list(table.fetch1("value"))
    for key, context in seen.values():
        assert [schema.database, "thing", "value"] == [context.schema, context.table, context.field]
        assert context.config is schema.connection.config
        assert [schema.database, "thing", "value"] == [key["_schema"], key["_table"], key["_field"]]
    assert 5 == seen["encode"][0]["thing"]
    before = inventory()
    first, second = f"first_{outer}", f"second_{outer}"
    for name, target in ((first, second), (second, first)):
        type(dj.Codec)(
            "Cyclic", (dj.Codec,), {"name": name, "get_dtype": lambda self, is_store, to=target: f"<{to}>"}
        )
    with pytest.raises(DataJointError, match=rf"{first}[\s\S]*{second}"):
        declare("Wrong", f"a : int32\n---\nb : <{first}>")
    for name in (first, second):
        CODECS._items.pop(name)
    assert before == inventory()


@pytest.mark.statement("COD-25", "COD-24")
def test_a_table_with_an_absent_codec(declare, connect, codec):
    name = codec("absent", encode=lambda self, value: value + 1, decode=lambda self, stored: stored - 1)
    table = declare("Thing", f"thing : int32\n---\nvalue=null : <{name}>\nother=1 : int32")
    declare("Child", "-> Thing")
    table.insert([{"thing": n, "value": n * 10} for n in (1, 2)])
    table.insert1({"thing": 3})
    CODECS._items.pop(name)
    instance = connect()
    module = instance.virtual_schema(table.database)
    there = module.Thing

    assert "thing" in module.schema.list_tables()
    assert f"<{name}>" in there.describe()
    assert ["thing", "value", "other"] == there.heading.names
    assert [3, 2] == [len(there), len(there & "value is not null")]
    assert [{"thing": 1, "other": 1}] == (there & {"thing": 1}).proj("other").to_dicts()
    assert [1, 1, 1] == list(there.to_arrays("other"))
    assert "thing" in repr(there())
    assert {"thing": 3, "value": None, "other": 1} == (there & {"thing": 3}).fetch1()
    for use in (
        lambda: (there & {"thing": 1}).fetch1("value"),
        lambda: there.insert1({"thing": 4, "value": 5}),
    ):
        with pytest.raises(UnknownCodecError, match=f"<{name}> is not registered") as caught:
            use()
        assert "Install or import" in str(caught.value)
    there.insert1({"thing": 4})
    assert 1 == (there & {"thing": 1}).delete(prompt=False)
    assert [2, 3, 4] == sorted(there.to_arrays("thing"))


@pytest.mark.statement("COD-24")
@pytest.mark.backends("sqlite")
def test_codecs_of_packages(tmp_path):
    site = tmp_path / "site"
    info = site / "mycodecs-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mycodecs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[datajoint.codecs]\nreversed = mycodecs:Reversed\n[datajoint.types]\nold = mycodecs:Old\n"
    )
    (site / "mycodecs.py").write_text(
        textwrap.dedent("""
        import datajoint as dj

        class Reversed(dj.Codec):
            name = "reversed"
            def get_dtype(self, is_store): return "varchar(30)"
            def encode(self, value): return value[::-1]
            def decode(self, stored): return stored[::-1]

        class Old(Reversed, register=False):
            name = "old"
    """)
    )
    script = """
        import sys
        import datajoint as dj
        schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        assert "mycodecs" not in sys.modules
        @schema
        class Word(dj.Manual):
            definition = "a : int32\\n---\\nw : <reversed>\\no : <old>"
        Word.insert1({"a": 1, "w": "abc", "o": "xyz"})
        print(Word.fetch1())
    """
    environment = {n: v for n, v in os.environ.items() if not n.startswith("DJ_")} | {"PYTHONPATH": str(site)}
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=environment, capture_output=True, text=True, check=False,
        timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert 0 == result.returncode, result.stderr
    assert "{'a': 1, 'w': 'abc', 'o': 'xyz'}" == result.stdout.strip()


@pytest.mark.statement("COD-28")
def test_codecs_for_spark(declare, codec):
    name = codec("vector", "<blob>", encode=lambda self, value: value, decode=lambda self, stored: stored,
                 to_spark=lambda self, decoded, *, key=None: [*map(float, decoded)])  # fmt: skip
    table = declare("Thing", f"thing : int32\n---\nv : <{name}>")
    table.insert1({"thing": 1, "v": [1, 2]})

    assert isinstance(dj.get_codec(name), dj.SparkAdapter)
    assert not isinstance(dj.get_codec("blob"), dj.SparkAdapter)
    assert [1.0, 2.0] == dj.get_codec(table.heading["v"].codec).to_spark(table.fetch1("v"), key={"thing": 1})
