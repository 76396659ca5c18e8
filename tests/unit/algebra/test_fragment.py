"""Reading user text: names, literals, types, errors with a place, and the caches."""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given, settings, strategies as st

from datajoint._printed import printable
from datajoint.algebra.expr.expressions import Cast, Name, Operator, Param, walk
from datajoint.algebra.text import fragment as module
from datajoint.algebra.text.fragment import parse_column, parse_condition
from datajoint.errors import DataJointError, PortabilityError, QuerySyntaxError, UnknownAttributeError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import parse_type

TYPES = {
    "id": "int32", "i8": "int8", "u64": "uint64", "x": "float64", "x32": "float32", "price": "decimal(6,2)",
    "name": "varchar(20)", "code": "char(4)", "size": "enum('big','small')", "day": "date", "at": "datetime",
    "token": "uuid", "ok": "bool", "doc": "json", "data": "<blob>", "key": "int16", "order": "varchar(5)",
    "values": "int32", "mod": "int32", "if": "int32", "date": "date", "count": "int32", "interval": "int32",
    "left": "varchar(3)", "end": "int32", "and": "int32",
}  # fmt: skip
HEADING = Heading(
    [
        Attribute(name, parse_type(text), in_key=name == "id", nullable=name == "name")
        for name, text in TYPES.items()
    ],
    hidden=[Attribute("_event", parse_type("int64"))],
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("id = 5", (5,)),
        ("id=-5 AND i8 = +5", (-5, 5)),
        ("ID = '5'", (5,)),
        ("id = 5.0", (5,)),
        ("id = 2.5", (Decimal("2.5"),)),
        ("i8 = 300", (300,)),
        ("u64 = 18446744073709551615", (2**64 - 1,)),
        ("x = 1e3", (1000.0,)),
        ("x32 = 0.1", (0.10000000149011612,)),
        ("price = 1.5", (Decimal("1.50"),)),
        ("price = '1.555'", (Decimal("1.555"),)),
        ("name = 'it''s'", ("it's",)),
        ('name = "it\'s"', ("it's",)),
        (r"name = 'a\b'", (r"a\b",)),
        ("name = '%s'", ("%s",)),
        ("code = 'ab  '", ("ab",)),
        ("size = 'big'", ("big",)),
        ("day = '2024-05-01'", (date(2024, 5, 1),)),
        ("day = '2024-5-1'", (date(2024, 5, 1),)),
        ("day = '2024-05-01 00:00:00'", (date(2024, 5, 1),)),
        ("day < '2024-05-01 10:00'", (datetime(2024, 5, 1, 10),)),
        ("at = '2024-05-01'", (datetime(2024, 5, 1),)),
        ("at = '2024-05-01T10:20:30.123456789'", (datetime(2024, 5, 1, 10, 20, 30, 123457),)),
        ("at = '2024-05-01 10:00+02:00'", (datetime(2024, 5, 1, 8),)),
        ("at = timestamp '2024-05-01 10:00:00'", (datetime(2024, 5, 1, 10),)),
        ("token = '6ba7b8109dad11d180b400c04fd430c8'", (UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),)),
        ("ok = 1 or ok = 'false'", (True, False)),
        ("doc.a = 5 and doc.b = 'x'", (5.0, "x")),
        ("id in (1, '2', -3)", (1, 2, -3)),
        ("name like 'a%'", ("a%",)),
        ("5 = id", (5,)),
        ("id % 2 = 1", (1,)),
        ("1 = 1", ()),
        ("_event > 3", (3,)),
        ("id = 1 -- a comment", (1,)),
        ("id /* a comment */ = 1 # another", (1,)),
    ],
)
def test_literals_become_values_of_the_attribute(text, values):
    assert values == parse_condition(text, HEADING)[1]
    assert list(map(type, values)) == list(map(type, parse_condition(text, HEADING)[1]))


@pytest.mark.parametrize(
    "text",
    [
        "key = 1",
        "order = 'x'",
        "values = 1",
        "mod = 1",
        "if = 1",
        "date = '2024-01-01'",
        "count = 1",
        "left = 'abc'",
        "interval = 1",
        "end = 1",
        "and = 1",
        "`and` = 1",
        "id = 1 and and = 1",
        "if(if = 1, mod, key) = 1",
        "mod(mod, 2) = 1",
        "mod mod 2 = 1",
        "date(date) = date '2024-01-01'",
        "case end when 1 then key else mod end = 1",
    ],
)
def test_words_of_sql_may_be_attributes(text):
    fragment, _ = parse_condition(text, HEADING)
    assert fragment.names


def test_double_quotes():
    """A string, but the name of an attribute where the database quotes so."""
    assert ("id",) == parse_condition('"id" = 1', HEADING, "postgresql")[0].names
    assert ("mod",) == parse_condition('"mod" = 1', HEADING, "sqlite")[0].names
    assert ("left",) == parse_condition('left = "id"', HEADING, "mysql")[0].names
    assert ("id",) == parse_condition('left = "id"', HEADING, "mysql")[1]


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", 1, "the text is empty"),
        ("id =", 5, "a value is missing at the end"),
        ("id = 1 and", 11, "a value is missing at the end"),
        ("id = 1 id = 2", 8, "an operator is missing before `id`"),
        ("(id = 1", 8, "`)` is missing to close the parenthesis"),
        ("1 < id < 3", 8, "comparisons are no chain"),
        ("id = 1)", 7, "an operator is missing before `)`"),
        ("name = 'abc", 8, "the string that begins here has no end"),
        ("id = 1; drop table x", 7, "only one expression may be given"),
        ("id = ?", 6, "placeholders are not known here"),
        ("id = @x", 6, "variables are not known here"),
        ("id = {x}", 6, "`{` has no meaning here"),
        ("id = 1 /*! or 1 */", 8, "a comment that a database would execute is refused"),
        ("id = 1 /* or", 8, "the comment that begins here has no end"),
        ("drop table x", 1, "a statement is refused (`drop`)"),
        ("id in (select 1)", 8, "a query inside a text is not read"),
        ("exists (select 1)", 1, "`exists` is not known here"),
        ("id in ()", 8, "the list after `in` is empty"),
        ("(id, x) = (1, 2)", 4, "a tuple is not read here"),
        ("name = 5", 8, "5 cannot be compared with `name`"),
        ("id = 'abc'", 6, "'abc' cannot be compared with `id`: it is not a number"),
        ("day = 'yesterday'", 7, "'yesterday' cannot be compared with `day`: it is no date or time"),
        ("day = 20240501", 7, "20240501 cannot be compared with `day`"),
        ("at = '2024-13-01'", 6, "'2024-13-01' cannot be compared with `at`"),
        ("token = 'abc'", 9, "'abc' cannot be compared with `token`: it is no UUID"),
        ("ok = 'maybe'", 6, "'maybe' cannot be compared with `ok`: it is neither true nor false"),
        ("name = id", 8, "`name` (varchar(20)) and `id` (int32) cannot be compared"),
        ("data = 'x'", 1, "`data` (<blob>) cannot be compared: only `is null` applies"),
        ("doc = 'x'", 1, "`doc` (json) cannot be compared"),
        ("count(*) > 1", 1, "the aggregate function `count` cannot stand here"),
        ("floot(x) = 1", 1, "the function `floot` is not known"),
        ("sqrt(x, 2) = 1", 1, "`sqrt` takes 1 argument, not 2"),
        ("sqrt(name) = 1", 6, "`sqrt` takes numbers, and `name` is varchar(20)"),
        ("name", 1, "`name` is varchar(20), neither true nor false"),
        ("name regexp '\\bx'", 13, "`\\b` in a regular expression does not mean the same"),
        ("name regexp '('", 13, "the regular expression cannot be read"),
        ("name collate utf8_bin = 'a'", 6, "`collate` is not needed"),
        ("name like 'a' escape 'ab'", 22, "`escape` takes one character in quotes"),
        ("id = 1e", 6, "`1e` is neither number nor name"),
        ("id = 1.2.3", 9, "an operator is missing before `.3`"),
        ("at - day > 1", 1, "`-` does not apply to datetime and date"),
        ("interval 3 day = 1", 1, "the interval (interval) cannot be compared"),
        ("at + interval 3 fortnight > day", 17, "`fortnight` is no unit of time"),
        ("rank() over (order by id) = 1", 8, "window functions are not read"),
        ("abs(id) over () = 1", 9, "window functions are not read"),
        ("cast(id as blob) = 1", 12, "nothing can be converted to `blob` here"),
        ("cast(1 as date) = day", 6, "1 (int64) cannot be converted to date"),
        ("coalesce(doc, doc.a) is null", 15, "a value inside json and json are of different kinds"),
        ("id | 2.5 = 1", 6, "`|` needs a whole number here"),
        ("interval 3 day is null", 1, "an interval is no value by itself"),
        ("day * interval 3 day = 1", 1, "`*` does not apply to date and interval"),
        ("concat_ws('-') = 'a'", 1, "`concat_ws` takes 2 or more arguments, not 1"),
        ("id is 5", 7, "`null`, `true`, `false` or `distinct from` is missing after `is`"),
        ("id not 5", 8, "`in`, `between`, `like` or `regexp` is missing after `not`"),
        ("id = any(1)", 6, "`any` and `all` are not known here"),
        ("name = 'a\0b'", 8, "'a\\x00b' is no value of type `text`: text holds no NUL character"),
        (f"id = {'9' * 99}", 6, "the number has more digits than any database holds"),
    ],
)
def test_errors_show_the_place(text, place, problem):
    with pytest.raises(QuerySyntaxError) as caught:
        parse_condition(text, HEADING)
    message, _, rest = str(caught.value).partition("\n")
    assert message.startswith(f"Cannot read at character {place}: {problem}")
    if text:
        shown, caret = rest.split("\n")[:2]
        assert "    " + printable(text) == shown
        assert " " * (place + 3) + "^" == caret


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UnknownAttributeError, match=r"no attribute `prise`\. Attributes: id, i8") as caught:
        parse_condition("prise > 5", HEADING)
    assert "Did you mean `price`?" == caught.value.hint


@pytest.mark.parametrize("statement", ["select", "truncate", "with"])
def test_statements_are_refused(statement):
    with pytest.raises(QuerySyntaxError, match="a statement is refused"):
        parse_condition(f"{statement} x", HEADING)


def test_a_function_of_one_database():
    fragment, values = parse_condition("to_char(at, 'YYYY') = '2024'", HEADING, "postgresql")
    assert ("2024",) == values
    assert ("at",) == fragment.names
    with pytest.raises(
        PortabilityError, match=r"Function `to_char` exists on postgresql only, not on mysql\."
    ):
        parse_condition("to_char(at, 'YYYY') = '2024'", HEADING, "mysql")
    with pytest.raises(PortabilityError, match="not on every backend"):
        parse_column("soundex(name)", HEADING)


@pytest.mark.parametrize(
    ("text", "dtype", "nullable"),
    [
        ("id", "int32", False),
        ("name", "varchar(20)", True),
        ("id + 1", "int64", False),
        ("id / 2", "float64", False),
        ("id / mod", "float64", True),
        ("price * 2", "decimal(7,2)", False),
        ("price / 4", "decimal(12,8)", False),
        ("price + x", "float64", False),
        ("1.5", "decimal(2,1)", False),
        ("1e1", "float64", False),
        ("null", "text", True),
        ("id > 1", "bool", False),
        ("name > 'a'", "bool", True),
        ("name is null", "bool", False),
        ("if(ok, 1, 2)", "int64", False),
        ("case when ok then 1 end", "int64", True),
        ("coalesce(name, '')", "varchar(20)", False),
        ("concat(name, 1)", "text", True),
        ("round(price, 1)", "decimal(6,1)", False),
        ("round(x)", "float64", False),
        ("day + interval 1 day", "date", False),
        ("day + interval 1 hour", "datetime", False),
        ("datediff(day, at)", "int64", False),
        ("sqrt(x)", "float64", True),
        ("u64 + 1", "decimal(21,0)", False),
        ("doc.a", "text", True),
        ("doc.a:float", "float64", True),
        ("doc.a:decimal(5,2)", "decimal(5,2)", True),
        ("cast(name as signed)", "int64", True),
        ("nullif(id, 1)", "int32", True),
        ("greatest(day, at)", "datetime", False),
    ],
)
def test_types_are_inferred(text, dtype, nullable):
    fragment = parse_column(text, HEADING)
    assert (dtype, nullable) == (fragment.dtype.text, fragment.nullable)
    assert not fragment.aggregate
    assert () == fragment.parameters


@pytest.mark.parametrize(
    ("text", "dtype", "nullable"),
    [
        ("count(*)", "int64", False),
        ("sum(id)", "int64", True),
        ("sum(price)", "decimal(38,2)", True),
        ("avg(id)", "float64", True),
        ("avg(price)", "decimal(38,8)", True),
        ("max(day)", "date", True),
        ("sum(ok)", "int64", True),
        ("sum(u64)", "int64", True),
        ("std(price)", "float64", True),
        ("group_concat(name)", "text", True),
        ("sum(x) / count(*)", "float64", True),
        ("max(price) - min(price)", "decimal(7,2)", True),
    ],
)
def test_types_of_aggregates(text, dtype, nullable):
    fragment = parse_column(text, HEADING, aggregate=True)
    assert (dtype, nullable, True) == (fragment.dtype.text, fragment.nullable, fragment.aggregate)


def test_group_concat_is_ordered_by_the_key():
    assert ("name", "id") == parse_column("group_concat(name)", HEADING, aggregate=True).names


def test_aggregates_do_not_nest():
    with pytest.raises(QuerySyntaxError, match="`sum` of an aggregate is refused"):
        parse_column("sum(count(*))", HEADING, aggregate=True)


def test_conversions_are_in_the_tree():
    fragment, _ = parse_condition("price > 1.555", HEADING)
    wide = parse_type("decimal(7,3)")
    expected = Operator(">", (Cast(Name("price"), wide), Param(0, wide)), parse_type("bool"))
    assert expected == fragment.expression
    assert (wide,) == fragment.parameters


def test_equal_shapes_are_one_fragment():
    first, one = parse_condition("id = 1 and name = 'a'", HEADING)
    second, two = parse_condition("id = -2 and name = 'b'".replace("-", ""), HEADING)
    assert first is second
    assert ((1, "a"), (2, "b")) == (one, two)
    assert first is parse_condition("id  =  3 and name='c'", HEADING)[0]


def test_shapes_with_other_fixed_literals_differ():
    first, _ = parse_condition("id % 2 = 1", HEADING)
    second, _ = parse_condition("id % 3 = 1", HEADING)
    assert first.expression != second.expression
    assert "id % 2 = ?" == first.text


def test_a_literal_that_does_not_fit_is_read_anew():
    parse_condition("id = 1", HEADING)
    fragment, values = parse_condition("id = 1.5", HEADING)
    assert ("decimal(11,1)",) == tuple(dtype.text for dtype in fragment.parameters)
    assert (Decimal("1.5"),) == values
    assert ("int32",) == tuple(dtype.text for dtype in parse_condition("id = 2", HEADING)[0].parameters)


def test_errors_hold_for_known_shapes_too():
    parse_condition("day = '2024-01-01'", HEADING)
    with pytest.raises(QuerySyntaxError, match="it is no date"):
        parse_condition("day = 'nonsense'", HEADING)
    parse_condition("name regexp '^a'", HEADING)
    with pytest.raises(QuerySyntaxError, match="does not mean the same"):
        parse_condition("name regexp '\\ba'", HEADING)


def test_the_shapes_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "_MAX_SHAPES", 4)
    for n in range(20):
        parse_condition(" or ".join(["id = 1"] * (n + 1)), HEADING)
    assert len(module._shapes) <= 4


def test_deep_nesting_is_refused_in_our_words():
    with pytest.raises(QuerySyntaxError, match="nested too deeply"):
        parse_condition("(" * 5000 + "1" + ")" * 5000, HEADING)


WORDS = st.sampled_from(
    [
        *TYPES,
        "(",
        ")",
        ",",
        "=",
        "<",
        "+",
        "-",
        "*",
        "/",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "like",
        "between",
        "case",
        "when",
        "then",
        "end",
        "'a'",
        "1",
        "2.5",
        "1e9",
        "count(",
        "if(",
        "cast(",
        "as",
        "interval",
        "day",
        "date",
        "::",
        "text",
        ".",
        "[",
        "]",
        ":",
        "||",
        "%",
        "distinct",
        "round(",
        "sum(",
        "'2024-01-01'",
        "extract(",
        "from",
        "trim(",
        "true",
        "->",
        "'$.a'",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=20))
@example("count ( distinct")
@example("interval")
@example("case")
def test_any_text_is_read_or_refused_in_our_words(text):
    for parse in (
        lambda: parse_condition(text, HEADING)[0],
        lambda: parse_column(text, HEADING),
        lambda: parse_column(text, HEADING, "mysql", aggregate=True),
    ):
        try:
            fragment = parse()
        except DataJointError:
            continue
        names = {node.name for node in walk(fragment.expression) if isinstance(node, Name)}
        assert names <= set(fragment.names)
        assert names <= {*HEADING.order, "_event"}
