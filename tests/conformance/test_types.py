# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
"""Types: what is stored comes back, and what does not fit is refused with the name of the attribute."""

import datetime as dt
import logging
import math
import os
import time
import uuid
from decimal import Decimal, localcontext

import numpy as np
import pytest

import datajoint as dj
from datajoint.codecs.blob import pack
from datajoint.errors import (
    DataJointDeprecationWarning,
    DataJointError,
    DataJointWarning,
    DeclarationError,
    DuplicateError,
    UnknownTypeError,
)
from datajoint.heading.types import parse_type

RANGES = {f"int{n}": (-(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in (8, 16, 32, 64)} | {
    f"uint{n}": (0, 2**n - 1) for n in (8, 16, 32, 64)
}
NATIVE = {
    "sqlite": {
        "int8": "INTEGER", "int16": "INTEGER", "int32": "INTEGER", "int64": "INTEGER", "uint8": "INTEGER",
        "uint16": "INTEGER", "uint32": "INTEGER", "uint64": "BLOB", "float32": "REAL", "float64": "REAL",
        "bool": "INTEGER", "decimal(6,2)": "INTEGER", "decimal(30,2)": "TEXT", "char(4)": "TEXT",
        "varchar(9)": "TEXT", "enum('a','b')": "TEXT", "date": "TEXT", "datetime": "TEXT",
        "datetime(3)": "TEXT",
        "timestamp": "TEXT", "uuid": "BLOB", "json": "TEXT", "bytes": "BLOB", "<blob>": "BLOB",
    },
    "postgresql": {
        "int8": "smallint", "int16": "smallint", "int32": "integer", "int64": "bigint", "uint8": "smallint",
        "uint16": "integer", "uint32": "bigint", "uint64": "numeric(20,0)", "float32": "real",
        "float64": "double precision", "bool": "boolean", "decimal(6,2)": "numeric(6,2)",
        "decimal(30,2)": "numeric(30,2)", "char(4)": "character(4)", "varchar(9)": "character varying(9)",
        "enum('a','b')": "enum_dbf08e00", "date": "date", "datetime": "timestamp(0) without time zone",
        "datetime(3)": "timestamp(3) without time zone", "timestamp": "timestamp(0) without time zone",
        "uuid": "uuid", "json": "jsonb", "bytes": "bytea", "<blob>": "bytea",
    },
    "mysql": {
        "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint",
        "uint8": "tinyint unsigned", "uint16": "smallint unsigned", "uint32": "int unsigned",
        "uint64": "bigint unsigned", "float32": "float", "float64": "double", "bool": "tinyint",
        "decimal(6,2)": "decimal(6,2)", "decimal(30,2)": "decimal(30,2)",
        "char(4)": "char(4)", "varchar(9)": "varchar(9)", "enum('a','b')": "enum('a','b')", "date": "date",
        "datetime": "datetime", "datetime(3)": "datetime(3)", "timestamp": "timestamp", "uuid": "binary(16)",
        "json": "json", "bytes": "longblob", "<blob>": "longblob",
    },
}  # fmt: skip
COLUMNS = {
    "sqlite": "SELECT name, type FROM pragma_table_info(? || '.' || ?)",
    "postgresql": (
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0"
    ),
    "mysql": (
        "SELECT column_name, column_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s"
    ),
}


def refuse(table, attribute, values, *words):
    """Every value is refused by attribute and nothing is stored."""
    before = len(table)
    for value in values:
        with pytest.raises(DataJointError, match=f"`{attribute}`") as caught:
            table.insert1({"id": 1000, attribute: value})
        for word in words:
            assert word in str(caught.value), (value, str(caught.value))
    assert before == len(table)


def keep(table, attribute, pairs):
    """Every value given comes back as expected, with its type, by row and by column."""
    start = 1 + max([row["id"] for row in table.proj().to_dicts()], default=0)
    rows = [{"id": start + n, attribute: given} for n, (given, _) in enumerate(pairs)]
    for row in rows:
        table.insert1(row)
    found = (table & f"id >= {start}").to_dicts(order_by="id")
    for (given, expected), row in zip(pairs, found, strict=True):
        assert expected == row[attribute], given
        assert type(expected) is type(row[attribute]), given


@pytest.mark.statement("TYP-1", "TYP-2", "ERR-2", "ERR-5")
def test_integers_hold_their_range_and_nothing_else(declare):
    lines = "\n".join(f"{kind}_=null : {kind}" for kind in RANGES)
    table = declare("Integers", f"id : int32\n---\n{lines}")
    for kind, (low, high) in RANGES.items():
        name = f"{kind}_"
        keep(table, name, [(low, low), (high, high), (0, 0), (True, 1), (np.int64(7), 7), (5.0, 5), ("3", 3)])
        refuse(table, name, [low - 1, high + 1, 10**30], kind)
        refuse(table, name, [1.5, "x", b"1", [1]])
    assert [] == (table & {"id": 1000}).to_dicts()


@pytest.mark.statement("TYP-3", "TYP-4", "TYP-24")
def test_floats_and_missing_numbers(declare, backend):
    table = declare(
        "Floats", "id : int32\n---\nx=null : float64\ny=null : float32\nn=null : int32\nz=7 : float64"
    )
    exact = [0.1, 1e308, 5e-324, -1.7976931348623157e308, 1 / 3, 2.0**53 + 1, 0.0]
    keep(
        table,
        "x",
        [(value, value) for value in exact] + [(3, 3.0), (np.float32(0.5), 0.5), (Decimal("1.5"), 1.5)],
    )
    keep(table, "y", [(value, float(str(np.float32(value)))) for value in (0.1, 3.4e38, 1e-40, 16777217.0)])
    refuse(table, "y", [3.5e38], "float32")
    refuse(table, "x", ["word", b"1", [1.0]], "float64")
    keep(table, "x", [(math.nan, None), (np.float64("nan"), None), (None, None)])
    keep(table, "y", [(math.nan, None)])
    keep(table, "n", [(math.nan, None), (np.float64("nan"), None), (5.0, 5)])
    refuse(table, "z", [math.nan], "missing")
    if backend.name == "mysql":
        refuse(table, "x", [math.inf, -math.inf], "inf")
    else:
        keep(table, "x", [(math.inf, math.inf), (-math.inf, -math.inf)])
    missing = table & "x is null and y is null"
    assert math.isnan(missing.to_arrays("x")[-1])
    with pytest.raises(DataJointError, match="`z`") as caught:
        table.insert([{"id": 2000, "z": 1.0}, {"id": 2001, "z": math.nan}])
    assert "row 1" in str(caught.value).lower() or "2001" in str(caught.value) or "row 2" in str(caught.value)
    assert not table & "id >= 2000"


@pytest.mark.statement("TYP-5")
def test_bool(declare):
    table = declare("Flags", "id : int32\n---\nb=null : bool")
    keep(table, "b", [(True, True), (False, False), (1, True), (0, False), (np.True_, True), (None, None)])
    with pytest.warns(DataJointDeprecationWarning, match="Positional"):
        table.insert1((100, 1))
    assert (table & {"id": 100}).fetch1("b") is True
    refuse(table, "b", [2, -1, "maybe", 0.5], "bool")
    assert [4, 2] == [len(table & {"b": True}), len(table & "b = false")]


@pytest.mark.statement("TYP-6", "TYP-7", "TYP-20", "TYP-23")
def test_text(declare):
    table = declare(
        "Texts",
        "id : int32\n---\nv=null : varchar(5)\nc=null : char(3)\nlong=null : varchar(3000)"
        "\ne=null : enum('a', 'b, c', \"it's\", 'say \"hi\"', 'd#e:f', '50%', 'Ü')",
    )
    keep(
        table,
        "v",
        [(v, v) for v in ("", "ünïçö", "日本語テキ"[:5], "🧬🧬🧬🧬🧬", "a b  ", "\\", "'\"`%", "a\nb\t")],
    )
    keep(table, "c", [("ab", "ab"), ("abc", "abc"), ("ab ", "ab"), ("", ""), (" a", " a")])
    keep(table, "long", [("é" * 3000, "é" * 3000)])
    labels = ["a", "b, c", "it's", 'say "hi"', "d#e:f", "50%", "Ü"]
    keep(table, "e", [(label, label) for label in labels])
    refuse(table, "v", ["sixsix", "🧬" * 6], "varchar(5)", "5")
    refuse(table, "c", ["abcd"], "char(3)")
    refuse(table, "v", ["a\0b", b"bytes", 3.5j], "`v`")
    refuse(table, "e", ["A", "b", "c", "it", "", "ü", "a ", 1])
    assert 1 == len(table & {"v": "a b  "})
    assert 0 == len(table & {"v": "a b"})
    assert 2 == len(table & {"c": "ab"})


@pytest.mark.statement("TYP-20")
def test_text_is_compared_exactly(declare):
    table = declare("Names", "name : varchar(20)\n---\nunique_name : varchar(20)\nunique index (unique_name)")
    names = ["a", "A", "a ", "á", "a\u0301"]
    table.insert([{"name": name, "unique_name": name} for name in names])

    assert sorted(names) == sorted(table.to_arrays("name"))
    assert ["a", "A", "a "] == [(table & {"name": name}).fetch1("unique_name") for name in ("a", "A", "a ")]
    assert 1 == len(table & "name = 'A'")
    assert 2 == len(table & ["name = 'a '", "name = 'A'"])
    with pytest.raises(DuplicateError):
        table.insert1({"name": "A", "unique_name": "x"})


@pytest.mark.statement("TYP-8", "TYP-21", "TYP-25", "TYP-9")
@pytest.mark.filterwarnings("ignore::datajoint.errors.DataJointWarning")
def test_dates_and_times(declare):
    digits = "\n".join(f"t{n}=null : datetime({n})" for n in range(7))
    table = declare(
        "Times", f"id : int32\n---\nd=null : date\nt=null : datetime\n{digits}\ns=null : timestamp(3)"
    )
    moment = dt.datetime(2024, 2, 29, 12, 34, 56, 123456)
    keep(table, "d", [
        (dt.date(2024, 2, 29), dt.date(2024, 2, 29)), ("2024-02-29", dt.date(2024, 2, 29)),
        (np.datetime64("2024-02-29"), dt.date(2024, 2, 29)), (dt.date(1000, 1, 1), dt.date(1000, 1, 1)),
        (dt.date(9999, 12, 31), dt.date(9999, 12, 31)),
    ])  # fmt: skip
    keep(table, "t", [
        (moment, moment.replace(microsecond=0)), ("2024-02-29 12:34:56", moment.replace(microsecond=0)),
        ("2024-02-29T12:34:56", moment.replace(microsecond=0)),
        (moment.replace(microsecond=500000), dt.datetime(2024, 2, 29, 12, 34, 56)),
        (moment.replace(microsecond=499999), dt.datetime(2024, 2, 29, 12, 34, 56)),
        (dt.datetime(2024, 12, 31, 23, 59, 59, 999999), dt.datetime(2024, 12, 31, 23, 59, 59)),
        ("2024-02-29T17:30:00+05:30", dt.datetime(2024, 2, 29, 12)),
        (dt.datetime(2024, 2, 29, 10, tzinfo=dt.UTC), dt.datetime(2024, 2, 29, 10)),
        ("2024-02-29T12:00:00+02:00", dt.datetime(2024, 2, 29, 10)),
        (dt.date(2024, 2, 29), dt.datetime(2024, 2, 29)),
    ])  # fmt: skip
    for n in range(7):
        kept = 123456 // 10 ** (6 - n) * 10 ** (6 - n)
        keep(table, f"t{n}", [(moment, moment.replace(microsecond=kept))])
    keep(table, "s", [(moment, moment.replace(microsecond=123000))])
    refuse(table, "d", ["2024-02-30", "yesterday", 2024, ""], "date")
    refuse(table, "t", ["2024-02-29 25:00:00", "noon", ""], "datetime")
    assert 2 == len(table & {"d": "2024-02-29"}) - 1
    assert 1 == len(table & {"t": dt.datetime(2024, 12, 31, 23, 59, 59)})


@pytest.mark.statement("TYP-9", "TYP-21", "DEF-13")
def test_no_time_zone_shifts_a_time(declare, connect, schema, backend, monkeypatch):
    table = declare(
        "Moments",
        "id : int32\n---\nt : datetime(3)\ns : timestamp(3)"
        "\nnow=NOW : timestamp\nutc=CURRENT_TIMESTAMP_UTC : datetime",
    )
    given = dt.datetime(2024, 7, 1, 12, 0, 0, 5000)
    table.insert1({"id": 1, "t": given, "s": given})
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        other = connect()
        if backend.name == "postgresql":
            other.connection.query("SET TIME ZONE 'America/New_York'")
        if backend.name == "mysql":
            other.connection.query("SET time_zone = '-05:00'")
        there = other.FreeTable(f"{schema.database}.moments")
        there.insert1({"id": 2, "t": given, "s": given})
        assert [(given, given)] * 2 == [(row["t"], row["s"]) for row in there.to_dicts(order_by="id")]
        assert 2 == len(there & {"t": given, "s": given})
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        for row in (*table.to_dicts(), *there.to_dicts()):
            assert abs(now - row["now"]) < dt.timedelta(seconds=60)
            assert abs(now - row["utc"]) < dt.timedelta(seconds=60)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [(given, given)] * 2 == [(row["t"], row["s"]) for row in table.to_dicts(order_by="id")]
    assert os.environ.get("TZ") != "Asia/Tokyo"


@pytest.mark.statement("TYP-10")
def test_decimal(declare):
    table = declare(
        "Prices", "id : int32\n---\np=null : decimal(6,2)\nq=null : decimal(30,10)\nw=null : decimal(3,0)"
    )
    keep(table, "p", [
        (Decimal("1234.50"), Decimal("1234.50")), ("-0.01", Decimal("-0.01")), (3, Decimal("3.00")),
        (0.1, Decimal("0.10")), (Decimal("9999.99"), Decimal("9999.99")), (Decimal("1.005"), Decimal("1.01")),
    ])  # fmt: skip
    exact = Decimal("12345678901234567890.0123456789")
    keep(table, "q", [(exact, exact), (-exact, -exact), (str(exact), exact)])
    keep(table, "w", [(999, Decimal(999)), ("-5", Decimal(-5))])
    refuse(table, "p", [Decimal(10000), "12345.6", -1e9], "decimal(6,2)")
    refuse(table, "w", [1000, "x", math.inf])
    assert 1 == len(table & {"p": Decimal("-0.01")})
    assert "1234.50" == str((table & "p > 1000 and p < 9999").fetch1("p"))


@pytest.mark.statement("TYP-10")
def test_decimals_do_not_depend_on_the_precision_of_the_program(declare):
    row = {"a": 1, "short": Decimal("123456789.123"), "long": Decimal("99999999999999999999999999.9999")}
    table = declare("D", "a : int32\n---\nshort : decimal(12,3)\nlong : decimal(30,4)")
    with localcontext(prec=5):
        table.insert1(row)
        assert row == table.fetch1()
        assert 1 == len(table & {"short": row["short"]}) == len(table & f"long = {row['long']}")
        asked = table.proj(short="-short", long="long + long").fetch1()
        sums = dj.U().aggr(table, short="sum(short)", long="sum(long)").fetch1()
    assert {"a": 1, "short": -row["short"], "long": Decimal("199999999999999999999999999.9998")} == asked
    assert {"short": row["short"], "long": row["long"]} == sums


@pytest.mark.statement("TYP-11")
def test_uuid(declare):
    one, two = uuid.UUID(int=1), uuid.uuid5(uuid.NAMESPACE_DNS, "x")
    table = declare("Tokens", "id : int32\n---\nu=null : uuid")
    keep(table, "u", [(one, one), (str(two), two), (two.hex, two)])
    refuse(table, "u", ["no-uuid", "1234", 17, b"short"], "uuid")
    parent = declare("Session", "token : uuid\n---\nx=0 : int32")
    child = declare("Scan", "-> Session\nscan : int16\n---\n-> [nullable] Session.proj(other='token')")
    parent.insert([{"token": one}, {"token": two}])
    child.insert1({"token": one, "scan": 1, "other": two})
    assert [{"token": one, "scan": 1, "other": two}] == (child & {"token": str(one)}).to_dicts()
    assert {"token": one, "scan": 1, "x": 0, "other": two} == (child * parent).fetch1()
    with pytest.raises(DataJointError):
        child.insert1({"token": uuid.UUID(int=9), "scan": 1})


@pytest.mark.statement("TYP-12", "TYP-13")
def test_json_and_bytes(declare):
    table = declare("Things", "id : int32\n---\nj=null : json\nb=null : bytes")
    values = [
        {"a": [1, 2.5, None, True, "ünï \\ \" '"], "b": {"c": {}}}, [], {}, [1, [2, [3]]], "text", 3, 2.5,
        True, False, {"z": 1, "a": 2},
    ]  # fmt: skip
    keep(table, "j", [(value, value) for value in values])
    keep(table, "j", [((1, 2), [1, 2]), (np.int64(3), 3), (None, None)])
    refuse(table, "j", [{1, 2}, object(), {"a": b"x"}, [math.nan]], "json")
    every = bytes(range(256))
    keep(
        table,
        "b",
        [
            (every, every),
            (b"", b""),
            (bytearray(b"ab"), b"ab"),
            (memoryview(b"cd"), b"cd"),
            (b"mYm\0", b"mYm\0"),
        ],
    )
    refuse(table, "b", [np.zeros(3), "text", 5, [1]], "<blob>")
    assert [bytes] == sorted({type(value) for value in table.to_arrays("b") if value is not None}, key=str)


@pytest.mark.statement("TYP-15", "DEF-25")
def test_core_types_become_the_documented_native_types(declare, schema, backend):
    kinds = NATIVE[backend.name]
    lines = "\n".join(f"c{n}=null : {kind}" for n, kind in enumerate(kinds))
    table = declare("Types", f"id : int32\n---\n{lines}")
    rows = schema.connection.query(COLUMNS[backend.name], [schema.database, "types"]).fetchall()
    found = {name: kind.split(".")[-1].strip('"') for name, kind in rows}
    if backend.name == "mysql":  # MariaDB shows display widths, and its json
        found = {n: k.split("(")[0] + k.partition(")")[2] if "int" in k else k for n, k in found.items()}
        found = {n: "json" if k == "longtext" else k for n, k in found.items()}
    expected = {f"c{n}": native for n, native in enumerate(kinds.values())}
    assert expected == {name: found[name] for name in expected}
    assert list(kinds) == [table.heading[f"c{n}"].type for n in range(len(kinds))]


@pytest.mark.statement("TYP-16", "TYP-15", "TYP-22", "ERR-6")
def test_the_database_itself_refuses_what_does_not_fit(declare, schema, backend, connect):
    table = declare(
        "Guarded",
        "id : int32\n---\ni=null : int8\nu=null : uint16\nb=null : bool\nc=null : varchar(3)"
        "\ne=null : enum('x', 'y')\nd=null : date\nt=null : datetime\np=null : decimal(4,1)"
        "\nr=0 : int32\nj=null : json\nf=0.5 : float64"
        "\ncheck positive (f > 0) # as it must be",
    )
    name = table.full_table_name
    wrong = {
        "i": "200", "u": "-1", "u ": "70000", "c": "'long'", "e": "'z'", "d": "'2024-1-32'", "t": "'noon'",
        "p": "99999.5" if backend.name != "sqlite" else "99999999", "r": "NULL", "j": "'{no json'", "f": "-1",
    }  # fmt: skip
    if backend.name != "mysql":
        wrong["b"] = "7" if backend.name == "sqlite" else "'maybe'"
    days = [] if backend.name == "mysql" else ["0000-01-01"]
    days += ["2023-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00"]
    wrong |= {f"d{' ' * n}": f"'{day}'" for n, day in enumerate(days, 1)}
    moments = [*(f"{day} 10:00:00" for day in days), "2024-01-01 24:00:01", "2024-01-01 10:60:00"]
    wrong |= {f"t{' ' * n}": f"'{moment}'" for n, moment in enumerate(moments, 1)}
    stored = []
    for column, value in wrong.items():
        try:
            schema.connection.query(f"INSERT INTO {name} (id, {column.strip()}) VALUES (1, {value})")
            stored.append(column)
            table.delete_quick()
        except DataJointError:
            pass
    assert [] == stored
    with pytest.raises(DataJointError, match="positive"):
        table.insert1({"id": 1, "f": -2.0})
    assert 0 == len(table)
    table.insert1({"id": 1, "f": 2.0})
    for found in (table, connect().FreeTable(str(table.name))):
        assert ["positive"] == [check.name for check in found.spec.checks]
        assert "check positive (" in found.describe()
    with pytest.raises(DataJointError, match="nothing"):
        declare("Wrong", "id : int32\n---\ncheck positive (nothing > 0)")


NATIVE_TYPES = {
    "tinyint": ("int8", -5), "smallint unsigned": ("uint16", 65535), "int": ("int32", -7),
    "integer": ("int32", 7),
    "int unsigned": ("uint32", 2**32 - 1), "tinyint unsigned": ("uint8", 255), "bigint": ("int64", 2**63 - 1),
    "bigint unsigned": ("uint64", 2**64 - 1), "double": ("float64", 0.1), "real": ("float64", 0.1),
    "boolean": ("bool", True), "text": ("varchar(n)", "ü" * 5000), "longtext": ("varchar(n)", "x"),
    "decimal(5,2) unsigned": ("decimal(5,2)", Decimal("1.50")),
    "numeric(5,2)": ("decimal(5,2)", Decimal("1.50")), "time": ("varchar(n)", dt.timedelta(hours=12)),
    "year": ("int16", 2024), "longblob": ("<blob>", b"\x00\xff"), "blob": ("<blob>", b"raw"),
    "float": ("float32", 0.5),
}  # fmt: skip


@pytest.mark.statement("TYP-17", "DEF-27")
def test_native_types_are_taken_with_a_warning(declare, connect, schema):
    lines = "\n".join(f"c{n} : {kind}" for n, kind in enumerate(NATIVE_TYPES))
    definition = f"id : int auto_increment\n---\n{lines}"
    with pytest.warns(DataJointWarning) as caught:
        table = declare("Old", definition)
    texts = [str(warning.message) for warning in caught]
    assert 1 + len(NATIVE_TYPES) == len(texts), texts
    for n, (kind, (portable, _)) in enumerate(NATIVE_TYPES.items()):
        text = next(text for text in texts if f"`c{n}`" in text)
        assert f"`{kind}`" in text
        assert portable in text
    with pytest.warns(DataJointWarning) as caught:
        declare.on(connect().Schema(schema.database))("Old", definition)
    assert not [warning for warning in caught if "differs" in str(warning.message)]
    row = {f"c{n}": value for n, (_, value) in enumerate(NATIVE_TYPES.values())}
    table.insert1(row)
    table.insert1(row)
    assert [{"id": n, **row} for n in (1, 2)] == table.to_dicts(order_by="id")
    assert list(NATIVE_TYPES) == [table.heading[f"c{n}"].type for n in range(len(NATIVE_TYPES))]
    found = connect().FreeTable(f"{schema.database}.old")
    kinds = [parse_type(kind).kind for kind in NATIVE_TYPES]  # servers have shorter words for some
    assert kinds == [found.heading[f"c{n}"].dtype.kind for n in range(len(NATIVE_TYPES))]
    assert found.heading["id"].autoincrement
    for n, value in ((0, 200), (1, 70000), (5, 256)):
        with pytest.raises(DataJointError, match=f"`c{n}`"):
            table.insert1({**row, f"c{n}": value})


@pytest.mark.statement("TYP-18")
def test_an_unmarked_blob_is_read_by_its_head(declare, connect, caplog):
    with pytest.warns(DataJointWarning, match="<blob>"):
        table = declare("Old", "id : int32\n---\nb=null : longblob")
    table.insert1({"id": 1, "b": b"plain"})
    table.insert1({"id": 2, "b": pack({"a": 1})})
    with caplog.at_level(logging.INFO):
        table.insert([{"id": 3, "b": np.arange(3)}, {"id": 4, "b": "text"}])
        table.insert1({"id": 5, "b": 5})
    assert 1 == len([text for text in caplog.messages if "declare it as <blob>" in text])
    assert [b"plain", {"a": 1}] == [(table & {"id": n}).fetch1("b") for n in (1, 2)]
    assert [0, 1, 2] == list((table & {"id": 3}).fetch1("b"))
    raw = connect(interop__native_blobs="raw").FreeTable(str(table.name))
    assert [b"plain", pack({"a": 1})] == [(raw & {"id": n}).fetch1("b") for n in (1, 2)]
    with pytest.raises(DataJointError, match="`b`"):
        raw.insert1({"id": 6, "b": [1, 2]})


LABELS = {
    "sqlite": """UPDATE "~catalog" SET type = '<blob>' WHERE schema = '{schema}' AND column_name = 'b'""",
    "postgresql": "COMMENT ON COLUMN {table}.b IS ':<blob>:'",
    "mysql": "ALTER TABLE {table} MODIFY b longblob COMMENT ':<blob>:'",
}


@pytest.mark.statement("COD-29", "TYP-18")
def test_an_old_blob_is_read_once_its_column_is_labelled(declare, connect, schema, backend):
    with pytest.warns(DataJointWarning, match="<blob>"):
        table = declare("Old", "id : int32\n---\nb=null : longblob")
    raw = connect(interop__native_blobs="raw").FreeTable(str(table.name))
    raw.insert([{"id": 1, "b": pack(np.arange(3.0))}, {"id": 2, "b": None}])
    assert [pack(np.arange(3.0))] == list((raw & "id = 1").to_arrays("b"))
    name = table.full_table_name
    schema.connection.query(LABELS[backend.name].format(schema=schema.database, table=name))
    found = connect(interop__native_blobs="raw").FreeTable(str(table.name))
    assert "<blob>" == found.heading["b"].type
    assert [0, 1, 2] == list((found & "id = 1").fetch1("b"))
    assert (found & "id = 2").fetch1("b") is None
    found.insert1({"id": 3, "b": {"a": 1}})
    assert {"a": 1} == (found & "id = 3").fetch1("b")


@pytest.mark.statement("TYP-19")
def test_a_native_type_without_counterpart_is_refused(declare, inventory, backend):
    before = inventory()
    words = {"sqlite": ["timestamptz", "bit(3)"], "postgresql": ["bit(3) zerofill"], "mysql": ["timestamptz"]}
    for kind in words[backend.name]:
        with pytest.raises(DataJointError, match=kind.split("(")[0]) as caught:
            declare("Wrong", f"id : int32\n---\na : {kind}")
        assert isinstance(caught.value, (DeclarationError, UnknownTypeError)), kind
    assert before == inventory()
