# ruff: noqa: DTZ001 - datetimes are naive, UTC by convention
import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from datajoint.declare.default import default_text, parse_default, unquote
from datajoint.heading.attribute import Default
from datajoint.heading.types import parse_type

ID = UUID("12345678-1234-5678-1234-567812345678")

ACCEPTED = [
    ("3", "int32", 3),
    ("-128", "int8", -128),
    ("'3'", "int16", 3),
    ("0.0", "int16", 0),
    ("18446744073709551615", "uint64", 18446744073709551615),
    ("7", "int unsigned", 7),
    ("1.5", "float64", 1.5),
    ("-1e3", "float32", -1000.0),
    ("0.335", "decimal(4,2)", Decimal("0.34")),
    ("12", "decimal(4,2)", Decimal("12.00")),
    ("true", "bool", True),
    ("False", "bool", False),
    ("1", "bool", True),
    ("''", "varchar(10)", ""),
    ('""', "varchar(10)", ""),
    ("word", "varchar(10)", "word"),
    ("two words", "varchar(10)", "two words"),
    ("'null'", "varchar(10)", "null"),
    ("'a\"b'", "varchar(10)", 'a"b'),
    ('"it\'s"', "varchar(10)", "it's"),
    ("\"it''s\"", "varchar(10)", "it''s"),
    ("'it''s'", "varchar(10)", "it's"),
    ("'a  '", "char(3)", "a"),
    ("'a  '", "varchar(3)", "a  "),
    ("'a\\tb'", "varchar(4)", "a\\tb"),
    ("M", "enum('M','F')", "M"),
    ('"it\'s"', "enum('it''s','F')", "it's"),
    ("2026-01-31", "date", dt.date(2026, 1, 31)),
    ("'2026-01-31 12:30:00.25'", "datetime(1)", dt.datetime(2026, 1, 31, 12, 30, 0, 300_000)),
    ("'2026-01-31T12:30:00+02:00'", "datetime", dt.datetime(2026, 1, 31, 10, 30)),
    ("2026-01-31", "datetime", dt.datetime(2026, 1, 31)),
    ("'12:30:00'", "time", dt.time(12, 30)),
    ("2001", "year", 2001),
    (str(ID), "uuid", ID),
]


@pytest.mark.statement("DEF-12", "DEF-14")
@pytest.mark.parametrize(("text", "type_", "value"), ACCEPTED)
def test_a_default_is_read_as_a_value_of_its_type(text, type_, value):
    default = parse_default(text, parse_type(type_))
    assert Default("literal", value, text) == default
    assert type(value) is type(default.value)


REFUSED = [
    ("128", "int8", "range"),
    ("-1", "uint8", "range"),
    ("1.5", "int32", "integer"),
    ("x", "int32", "not a number"),
    ("true", "int8", "not a number"),
    ("1e999", "float64", "range"),
    ("1e39", "float32", "range"),
    ("nan", "float64", "not a number"),
    ("inf", "float64", "not a number"),
    ("100", "decimal(4,2)", "range"),
    ("99.999", "decimal(4,2)", "range"),
    ("1e500", "decimal(4,2)", "range"),
    ("2", "bool", "true or false"),
    ("yes", "bool", "true or false"),
    ("toolong", "varchar(3)", "longer"),
    ("X", "enum('M','F')", "none of"),
    ("2026-02-30", "date", "date"),
    ("soon", "datetime", "datetime"),
    ("no", "uuid", "UUID"),
    ("1800", "year", "range"),
    ("", "int32", "a default is"),
    ("a'b", "varchar(5)", "a default is"),
    ("'a' b", "varchar(5)", "a default is"),
    ("CURRENT_TIMESTAMP", "varchar(30)", "time of the insert"),
    ("CURRENT_TIMESTAMP", "date", "time of the insert"),
    ("CURRENT_TIMESTAMP(7)", "datetime(6)", "6 digits"),
    ("1", "int auto_increment", "given by the database"),
]


@pytest.mark.statement("DEF-12", "DEF-13", "DEF-14")
@pytest.mark.parametrize(("text", "type_", "words"), REFUSED)
def test_a_default_that_does_not_fit_is_refused(text, type_, words):
    with pytest.raises(ValueError, match=words):
        parse_default(text, parse_type(type_))


@pytest.mark.statement("DEF-15")
@pytest.mark.parametrize("type_", ["json", "bytes", "<blob>", "<attach@main>", "longblob"])
def test_binary_codec_and_json_have_only_the_default_null(type_):
    assert "null" == parse_default("null", parse_type(type_)).kind
    for text in ("''", "{}", "0"):
        with pytest.raises(ValueError, match="no default but null"):
            parse_default(text, parse_type(type_))


@pytest.mark.statement("DEF-9")
@pytest.mark.parametrize("text", ["null", "NULL", "Null"])
def test_null_is_null_in_any_case(text):
    assert Default("null", None, text) == parse_default(text, parse_type("int32"))


@pytest.mark.statement("DEF-13", "TYP-9")
@pytest.mark.parametrize(
    ("text", "type_", "kind", "digits"),
    [
        ("CURRENT_TIMESTAMP", "datetime", "now", 0),
        ("current_timestamp", "datetime(3)", "now", 3),
        ("Current_Timestamp(6)", "datetime(6)", "now", 6),
        ("CURRENT_TIMESTAMP(2)", "datetime(6)", "now", 2),
        ("CURRENT_TIMESTAMP()", "datetime(4)", "now", 4),
        ("CURRENT_TIMESTAMP_UTC", "datetime(3)", "now_utc", 3),
        ("NOW", "timestamp(3)", "now_utc", 3),
        ("CURRENT_TIMESTAMP", "timestamp", "now_utc", 0),
    ],
)
def test_the_time_of_the_insert(text, type_, kind, digits):
    assert Default(kind, digits, text) == parse_default(text, parse_type(type_))


@given(st.text(st.characters(exclude_characters="\0\n", codec="utf-8"), max_size=20))
def test_any_text_without_line_break_can_be_a_default(value):
    dtype = parse_type("varchar(20)")
    text = default_text(Default("literal", value), dtype)
    assert value == parse_default(text, dtype).value


@pytest.mark.statement("DEF-26")
@pytest.mark.parametrize(
    ("default", "type_", "text"),
    [
        (Default("literal", 3, "'3'::smallint"), "int16", "3"),
        (Default("literal", "x", "'x'::bpchar"), "char(1)", '"x"'),
        (Default("literal", 'say "it\'s"', ""), "varchar(20)", "'say \"it''s\"'"),
        (Default("literal", True, "1"), "bool", "1"),
        (Default("literal", True, ""), "bool", "true"),
        (Default("literal", 0.1, ""), "float64", "0.1"),
        (Default("literal", dt.datetime(2026, 1, 31), ""), "datetime", '"2026-01-31 00:00:00"'),
        (Default("literal", "a:b", "a:b"), "varchar(5)", '"a:b"'),
        (Default("null", None, "NULL::date"), "date", "null"),
        (Default("now", 3, "now()"), "datetime(3)", "now()"),
        (Default("now", 3, ""), "datetime(3)", "CURRENT_TIMESTAMP(3)"),
        (Default("now_utc", 3, ""), "datetime(3)", "CURRENT_TIMESTAMP_UTC(3)"),
        (Default("now_utc", 0, ""), "timestamp", "CURRENT_TIMESTAMP"),
    ],
)
def test_a_default_read_from_a_database_is_written_as_in_a_definition(default, type_, text):
    assert text == default_text(default, parse_type(type_))


def test_only_whole_strings_are_unquoted():
    assert [None, None, None, "'", ""] == [unquote(text) for text in ("a", "'a", "'a'b'", '"\'"', "''")]
