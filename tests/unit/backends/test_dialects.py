"""How each dialect writes names, literals and clocks."""

# ruff: noqa: DTZ001 - naive UTC by convention

import pickle
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from datajoint.backends.base import Fitting, fitting
from datajoint.backends.mysql.backend import _packets, _single
from datajoint.backends.registry import BACKENDS, get_backend
from datajoint.errors import ConfigurationError
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type

DIALECTS = {name: get_backend(name).dialect for name in BACKENDS}
ID = UUID(int=1)


def test_an_unknown_backend_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="no backend `mysqlite`"):
        get_backend("mysqlite")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sqlite", '"lab.#a""b"'), ("postgresql", '"lab"."#a""b"'), ("mysql", '`lab`.`#a"b`')],
)
def test_names_are_quoted(name, expected):
    assert expected == DIALECTS[name].table(TableName("lab", '#a"b'))


LITERALS = [
    (None, ("NULL", "NULL", "NULL")), (True, ("1", "true", "1")), (-5, ("-5", "-5", "-5")),
    (0.5, ("0.5", "'0.5'::float8", "0.5e0")), (1e300, ("1e+300", "'1e+300'::float8", "1e+300")),
    ("it's \\", ("'it''s \\'", "'it''s \\'", "'it''s \\\\'")), (b"\xff", ("X'ff'", "'\\xff'::bytea",
    "X'ff'")),
    (date(2024, 1, 2), ("'2024-01-02'",) * 3), (datetime(2024, 1, 2, 3), ("'2024-01-02 03:00:00'",) * 3),
    (ID, (f"X'{ID.hex}'", f"'{ID}'", f"X'{ID.hex}'")), (Decimal("1E-7"), ("'1E-7'", "'1E-7'", "0.0000001")),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), LITERALS)
def test_literals(value, expected):
    assert expected == tuple(dialect.literal(value) for dialect in DIALECTS.values())


@pytest.mark.parametrize("name", DIALECTS)
def test_what_has_no_literal_is_refused(name):
    with pytest.raises(TypeError):
        DIALECTS[name].literal(object())


@pytest.mark.parametrize("name", DIALECTS)
def test_every_kind_has_a_column_type_and_a_cast(name):
    texts = ["int8", "uint64", "float32", "bool", "decimal(5,2)", "char(3)", "varchar(9)", "enum('a')",
             "date", "datetime",
             "timestamp(3)", "uuid", "json", "bytes", "time", "year", "longtext", "longblob",
             "int unsigned"]  # fmt: skip
    for text in texts:
        assert DIALECTS[name].column_type(parse_type(text), "lab")
        assert isinstance(DIALECTS[name].cast_type(parse_type(text)), str)


@pytest.mark.parametrize(
    ("text", "value"),
    [("time", timedelta(hours=23, seconds=5, microseconds=7)), ("uuid", ID), ("json", {"a": 1}),
     ("datetime(6)", datetime(2024, 1, 2, 3, 4, 5, 6)), ("date", date(2024, 1, 2)), ("decimal(5,2)",
     Decimal("1.25")),
     ("float32", 0.1), ("bool", True), ("char(3)", "ab")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["mysql", "sqlite"])
def test_what_is_encoded_is_decoded(name, text, value):
    dtype, dialect = parse_type(text), DIALECTS[name]
    encode, decode, column = dialect.encoder(dtype), dialect.decoder(dtype), dialect.decode_column(dtype)
    stored = encode(value) if encode else value
    stored = str(stored) if name == "mysql" and isinstance(stored, Decimal) else stored
    assert value == (decode(stored) if decode else stored)
    assert [value, None] == (column([stored, None]) if column else [stored, None])


def test_postgresql_decodes_what_the_driver_leaves():
    column = DIALECTS["postgresql"].decode_column
    assert "(x)::float8" == DIALECTS["postgresql"].read(parse_type("float32"), "x")
    assert ["a", ""] == column(parse_type("char(3)"))(["a  ", "   "])
    assert [5, None] == column(parse_type("uint64"))([Decimal(5), None])
    assert [timedelta(hours=1)] == column(parse_type("time"))([time(1)])
    assert time(1) == DIALECTS["postgresql"].encoder(parse_type("time"))(timedelta(hours=1))


def test_only_values_that_fit_are_listed():
    rows = [(1, "a"), (128, "a"), (1, "abcd"), (1.0, "b"), (None, "a"), ("x", "a")]
    assert [(1, "a"), (1.0, "b"), (None, "a")] == fitting(
        [parse_type("int8"), parse_type("varchar(3)")], rows
    )


def test_rows_that_were_read_are_not_checked_again_unless_for_another_type():
    rows = Fitting([parse_type("int32")], [(1,), (300,)])
    assert rows is fitting([parse_type("int32")], rows)
    assert [(1,)] == fitting([parse_type("int8")], rows)
    assert [(1,)] == fitting([parse_type("int8")], pickle.loads(pickle.dumps(rows)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("SELECT 1", True), ("SELECT 1;", True), ("SELECT 1;  \n", True), ("SELECT ';x'", True),
     ('SELECT "a\\";b"', True),
     ("SELECT `a;b`", True), ("SELECT 1 -- ; x\n", True), ("SELECT 1 /* ;x */", True),
     ("SELECT 1; DROP TABLE t", False),
     ("SELECT 'a'';b'; DROP TABLE t", False), ("SELECT 1 # ;x", True)],
)  # fmt: skip
def test_a_second_statement_is_seen(text, expected):
    assert expected is _single(text)


def test_packets_are_filled_up_to_their_size():
    rows = ["x" * 400_000] * 5
    assert [2, 2, 1] == [len(packet) for packet in _packets(rows)]
    assert [1] == [len(packet) for packet in _packets(["x" * 3_000_000])]


def test_rows_become_literals_by_column():
    types = [parse_type(t) for t in ("int8", "varchar(9)", "bytes", "timestamp", "float64")]
    rows = [(1, "it's", b"\x01", "2024-01-01", 0.5), (2, "\\", b"", None, None)]
    zone = "CONVERT_TZ({}, '+00:00', @@session.time_zone)"
    assert [
        f"1,'it''s',X'01',{zone.format(chr(39) + '2024-01-01' + chr(39))},0.5e0",
        f"2,'\\\\',X'',{zone.format('NULL')},NULL",
    ] == DIALECTS["mysql"].literal_rows(types, list(zip(*rows, strict=True)))


def test_very_large_bytes_are_not_written_in_hexadecimal_digits():
    [text] = DIALECTS["mysql"].literal_rows([parse_type("bytes")], [(b"a" * 5_000_000,)])
    assert len(text) < 5_001_000
