"""Questions to which databases give answers of their own: extremes of numbers, texts and dates (faults L3, W4-W9, X2, X3).

The reference evaluator says what is right.
"""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

from datetime import date, datetime
from decimal import Decimal

import pytest

import datajoint as dj
from datajoint.errors import QueryError, QuerySyntaxError
from datajoint.testing.reference import rows_of
from plugins.lab import bag

pytestmark = pytest.mark.statement("QRY-62", "QRY-64", "QRY-66")

LEAST, MOST, UNSIGNED = -(2**63), 2**63 - 1, 2**64 - 1
BIG = Decimal("99999999999999999999999999.9999")
ATTRIBUTES = ("n", "u", "s", "d", "big")


def row(n, **others):
    nothing = dict.fromkeys(("u", "s", "d", "big", "f", "j", "t", "day", "at"))
    return {"n": n, **nothing, **others}


ROWS = [
    row(LEAST, u=0, s=-128, d=Decimal("-99999999.99"), big=BIG.copy_negate(), f=1e308, j={"a": 1}, t="Straße ÄÖ",
        day=date(9999, 12, 31), at=datetime(9999, 12, 31, 23, 59, 59, 999000)),
    row(MOST, u=UNSIGNED, s=127, d=Decimal("99999999.99"), big=BIG, f=-1e308, j={"a": [1, 2]}, t="back\\",
        day=date(1, 1, 1), at=datetime(1, 1, 1)),
    row(0, u=2**63, s=0, d=Decimal("0.00"), big=Decimal("0.0000"), f=1e16, j={"a": "x"}, t="\u0131İiI",
        day=date(2024, 2, 29), at=datetime(2024, 2, 29, 12)),
    row(1, u=1, s=1, d=Decimal("1.00"), big=Decimal("1.0000"), f=1e-10, j={"a": 1e12}, t="ﬁ ǆ"),
    row(2, f=-0.0, j={"a": 123456789.129}, t="éÉ"),
    row(2**62, f=0.1, t="ΣΑΣ"),
    row(2**62 + 1, f=1e22),
    row(-(2**62), f=123456789012345680.0),
    row(-(2**62) + 7, f=5e-324),
]  # fmt: skip


@pytest.fixture
def numbers(schema):
    @schema
    class Number(dj.Manual):
        definition = """
        n : int64
        ---
        u=null : uint64
        s=null : int8
        d=null : decimal(10,2)
        big=null : decimal(30,4)
        f=null : float64
        j=null : json
        t=null : varchar(40)
        day=null : date
        at=null : datetime(3)
        """

    Number.insert(ROWS)
    return Number


def check(numbers, query):
    assert bag(rows_of(query.query, {numbers().name: ROWS})) == bag(query.to_dicts()), query


# -------------------------------------------------------------------------------------- integers (L3, W6, W7)

HUGE = [
    LEAST - 1, LEAST, MOST, MOST + 1, UNSIGNED, UNSIGNED + 1, -1, 10**30, -(10**30), Decimal(LEAST) - Decimal("0.5"),
    Decimal(MOST) + Decimal("0.5"), Decimal(2**62) + Decimal("0.5"), Decimal("0.001"), Decimal("1e40"), 2.0**63, -(2.0**63),
    2.0**64, 0.5,
]  # fmt: skip


@pytest.mark.statement("QRY-10", "QRY-13")
@pytest.mark.parametrize("value", HUGE, ids=str)
def test_numbers_out_of_range_equal_nothing(numbers, value):
    """L3: a number that a column cannot hold equals no value of it, in any form of restriction."""
    for name in ATTRIBUTES:
        for restriction in (
            {name: value},
            [{name: value}, {name: 1}],
            [{name: value, "n": 1}, {name: 1, "n": 1}],
        ):
            check(numbers, numbers & restriction)
            check(numbers, numbers - restriction)
        check(numbers, numbers & dj.AndList([{name: value}, "n is not null"]))
        check(numbers, numbers & dj.Not({name: value}))


@pytest.mark.statement("QRY-64")
@pytest.mark.parametrize("value", HUGE[:14], ids=str)
def test_literals_out_of_range_are_compared_exactly(numbers, value):
    """L3: every operator, with literals beyond the range of every integer type."""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    for name in ATTRIBUTES:
        for operator in ("=", "<>", "<", "<=", ">", ">=", "<=>"):
            check(numbers, numbers & f"{name} {operator} {text}")
            check(numbers, numbers & f"{text} {operator} {name}")
        check(numbers, numbers & f"{name} in (1, {text})")
        check(numbers, numbers & f"{name} not in (1, {text})")
        check(numbers, numbers & f"{name} between {text} and 1")
        check(numbers, numbers & f"not ({name} > {text} and n <> 5)")


def test_a_number_out_of_range_deletes_nothing(numbers):
    """L3: the row with the least integer stays."""
    for value in (LEAST - 1, MOST + 1, 10**400, -(10**400), Decimal(LEAST) - Decimal("0.25"), 2.0**63):
        assert (numbers & {"n": value}).delete() == 0
        assert (numbers & [{"n": value}]).delete() == 0
        assert (numbers & [{"n": value, "s": 1}]).delete() == 0
    assert len(ROWS) == len(numbers())


def test_a_number_of_hundreds_of_digits_is_answered_or_refused_in_our_words(numbers):
    assert len(numbers & {"n": 10**400}) == 0
    assert len(numbers & dj.Not({"n": 10**400})) == len(ROWS)
    assert len(numbers & {"d": 10**400}) == 0
    with pytest.raises(QueryError, match="too large for float64"):
        len(numbers & {"f": 10**400})
    for text in (f"n = {10**400}", "f = 1e400"):
        with pytest.raises(QuerySyntaxError, match="more digits than any database holds"):
            len(numbers & text)
    for name in ("n", "u", "d", "f"):
        with pytest.raises(QueryError, match=name):
            numbers.insert1({"n": 5, name: 10**400})


@pytest.mark.statement("QRY-63")
@pytest.mark.parametrize(
    "text",
    ["avg(n)", "avg(distinct n)", "sum(n)", "sum(distinct n)", "avg(u)", "avg(s)", "avg(n % 3)", "sum(n % 3)", "avg(d)",
     "sum(big)", "avg(big)", "sum(s)", "avg(if(s > 0, 1, 0))", "sum(n - n)", "avg(greatest(s, 1))"],
)  # fmt: skip
def test_sums_and_means_of_integers_are_exact(numbers, text):
    """W6, W7: the mean of 64-bit integers is a decimal; a sum fails only where the result does not fit."""
    check(numbers, dj.U().aggr(numbers, z=text))
    inside = text.partition("(")[2][:-1].removeprefix("distinct ")
    check(numbers, dj.U("s").aggr(numbers.proj("s", z=f"({inside})"), y=text.replace(f"{inside})", "z)")))


@pytest.mark.statement("QRY-63")
def test_the_mean_of_four_large_integers(numbers):
    numbers.delete()
    numbers.insert(row(n) for n in (2**62, 2**62 + 1, -(2**62), -(2**62) + 6))
    assert Decimal("1.75") == dj.U().aggr(numbers, z="avg(n)").fetch1("z")
    assert 7 == dj.U().aggr(numbers, z="sum(n)").fetch1("z")


@pytest.mark.statement("QRY-63")
@pytest.mark.parametrize("text", ["sum(u)", "sum(greatest(n, 0))"])
def test_a_sum_that_does_not_fit_is_refused(numbers, text):
    with pytest.raises(QueryError, match="out of range"):
        dj.U().aggr(numbers, z=text).fetch1("z")


# --------------------------------------------------------------------------------------------- JSON (W4, W5)


@pytest.mark.parametrize(
    "text", ["j.a[0]", "j.a", "j.a[0]:decimal(10,2)", "j.a:float", "j.a[1]:int64", "j.a[0][0]"]
)
def test_an_index_applies_to_arrays_only(numbers, text):
    """W4: MySQL takes a scalar for an array of one element."""
    check(numbers, numbers.proj(z=text))


def test_a_restriction_by_an_element_of_an_array(numbers):
    assert [MOST] == list((numbers & {"j.a[0]": 1}).to_arrays("n"))


# ---------------------------------------------------------------------------------------------- groups (X2, X3)


@pytest.mark.parametrize(
    "text",
    ["nullif(t, 'éÉ')", "t between 'a' and 'z'", "locate('É', t)", "t regexp 'É'", "t like '!%' escape '!'", "n > 1 and n < 9",
     "concat(t, 'x')", "replace(t, 'é', 'e')", "if(n > 1, t, 'a')", "n in (1, 2)", "not (t = 'éÉ')", "s + 1", "d * 2",
     "j.a", "year(day)", "coalesce(t, 'a')", "case when n > 1 then 2 end", "t is null", "date_format(day, '%Y')", "5"],
)  # fmt: skip
def test_groups_of_computed_attributes(numbers, text):
    """X2: MariaDB does not recognise most expressions of GROUP BY in the select list."""
    computed = numbers.proj(..., z=text)
    check(numbers, dj.U("z").aggr(computed, n="count(*)"))
    check(numbers, dj.U("z", "s").aggr(computed, m="max(n)") & "m > 0")
    check(numbers, dj.U("z") & computed)
    check(numbers, computed.aggr(numbers.proj("s"), ..., k="count(s)"))
    check(numbers, computed.aggr(numbers.proj("s"), k="concat(count(s), z)"))
    check(numbers, dj.U("z").aggr(computed, n="count(*)") & dj.Top(3, ["z desc"]))


@pytest.mark.parametrize(
    "text",
    ["t", "t order by t desc", "t order by t separator '; '", "s", "s order by s", "s order by s desc separator '|'",
     "d order by d desc", "day order by day", "n % 3", "concat(t, 'x') order by concat(t, 'x') desc"],
)  # fmt: skip
def test_distinct_texts_of_a_group(numbers, text):
    """X3: PostgreSQL orders distinct values by themselves only."""
    check(numbers, dj.U().aggr(numbers, z=f"group_concat(distinct {text})"))


# ---------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize("pattern", ["\\", "%\\", "back\\", "back\\\\", "%\\\\\\", "\\%", "a"])
@pytest.mark.parametrize("operator", ["like", "not like", "ilike"])
def test_an_escape_character_at_the_end_of_a_pattern_means_itself(numbers, pattern, operator):
    check(numbers, numbers & f"t {operator} '{pattern}'")
    check(numbers, numbers & f"t {operator} '{pattern.replace(chr(92), '!')}' escape '!'")
    check(numbers, numbers & f"t {operator} concat('{pattern}', '')")
    check(numbers, numbers.proj(z=f"t {operator} '{pattern}'"))


@pytest.mark.parametrize(
    "text", ["upper(t)", "lower(t)", "t ilike '%\u03c3%'", "t ilike 'i%'", "t ilike 'stra\u00dfe%'"]
)
def test_letters_change_one_by_one(numbers, text):
    """W9: no letter becomes two, and a final sigma is like any other."""
    check(numbers, (numbers & "n <> 0").proj(z=text))
    sharp = numbers & {"n": LEAST}
    assert "STRA\u00dfE \u00c4\u00d6" == sharp.proj(z="upper(t)").fetch1("z")
    assert "\u03c3\u03b1\u03c3" == (numbers & {"n": 2**62}).proj(z="lower(t)").fetch1("z")


@pytest.mark.parametrize("text", ["-n", "n + 1", "n - 1", "n * 2", "abs(n)"])
def test_an_integer_that_does_not_fit_is_refused(numbers, text):
    with pytest.raises(QueryError, match="out of range"):
        numbers.proj(z=text).to_dicts()


def test_half_of_a_surrogate_pair_is_refused(numbers):
    for restriction in (
        "t = '\ud800'",
        {"t": "\ud800"},
        [{"t": "\ud800"}],
        {"j.a": "\ud800"},
        "`\ud800` = 1",
    ):
        with pytest.raises(QueryError, match=r"surrogate|no valid Unicode"):
            len(numbers & restriction)
    with pytest.raises(QueryError, match="surrogate"):
        numbers.proj(z="concat(t, '\ud800')")


@pytest.mark.parametrize("text", ["n = = 1", "n < > 1", "n < = 1", "n > = 1", "n ! = 1", "n = < 1"])
def test_signs_of_an_operator_stand_together(numbers, text):
    with pytest.raises(QuerySyntaxError, match="missing"):
        len(numbers & text)
    assert 1 == len(numbers & "n == 1")


# ------------------------------------------------------------------------------------------- enums and names

SIZES = [{"size": size, "n": n, "kind": kind} for n, (size, kind) in enumerate(
    [("small", "b"), ("large", None), ("Medium", "a"), ("it's", "b"), ("small", "a"), ("large", "b")]
)]  # fmt: skip


@pytest.fixture
def sizes(schema):
    @schema
    class Size(dj.Manual):
        definition = """
        size : enum('small', 'Medium', 'large', 'it''s')
        n : int16
        ---
        kind=null : enum('b', 'a')
        """

    Size.insert(SIZES)
    return Size


@pytest.mark.statement("QRY-61")
def test_enums_are_ordered_by_their_place_in_the_list(sizes):
    expected = ["small", "small", "Medium", "large", "large", "it's"]
    assert expected == list(sizes.to_arrays("size", order_by="KEY"))
    assert expected[::-1] == list(sizes.to_arrays("size", order_by="KEY DESC"))
    assert [0, 4, 2] == list((sizes & dj.Top(3)).to_arrays("n"))
    assert [1, 0, 3, 5, 2, 4] == list(sizes.to_arrays("n", order_by="kind, n"))
    rows = {sizes().name: SIZES}
    for query in (
        sizes & dj.Top(4, ["kind desc", "size"]),
        (dj.U("size") & sizes) & dj.Top(2, "size desc"),
        dj.U("kind").aggr(sizes, listed="group_concat(n order by size desc, n)") & dj.Top(2, "kind desc"),
        dj.U("kind").aggr(sizes, listed="group_concat(size)", most="max(size)", least="min(size)"),
        (sizes & "n > 2") + (sizes & "n < 3") & dj.Top(4, ["size", "n"]),
        sizes & "size > 'it'",
        sizes & "size in ('small', 'large') and kind = 'b'",
    ):
        assert rows_of(query.query, rows) == query.to_dicts() or bag(rows_of(query.query, rows)) == bag(
            query.to_dicts()
        )


WORDS = [
    "not",
    "and",
    "or",
    "in",
    "is",
    "null",
    "like",
    "between",
    "case",
    "exists",
    "true",
    "false",
    "key",
    "values",
    "select",
    "from",
    "order",
    "group",
    "by",
    "div",
    "mod",
    "xor",
    "interval",
    "date",
    "time",
    "count",
    "sum",
    "if",
    "end",
    "then",
    "else",
    "when",
    "regexp",
    "as",
    "desc",
    "distinct",
    "binary",
    "any",
    "all",
]


@pytest.mark.statement("QRY-10", "QRY-64")
@pytest.mark.parametrize("word", WORDS)
def test_an_attribute_may_be_called_like_a_word_of_sql(schema, word):
    definition = f"id : int32\n---\n{word}=null : int32\nb=null : int32"
    table = schema(type("Word", (dj.Manual,), {"definition": definition}), context={})
    table.insert([{"id": 1, word: 5, "b": 2}, {"id": 2, word: 7}, {"id": 3, "b": 1}])
    for restriction in (
        {word: 5}, [{word: 5}], f"{word} = 5", f"b = 2 and {word} > 4", f"{word} in (5, 6)", f"{word} between 1 and 6",
        f"`{word}` = 5", f"5 = {word}", f"({word} = 5)", f"({word}) = 5", f"{word} + 1 = 6", f"not {word} <> 5",
        f"case when {word} = 5 then 1 else 0 end = 1", f"{word} is not null and {word} < 6", f"abs({word}) = 5",
    ):  # fmt: skip
        assert [1] == list((table & restriction).to_arrays("id")), restriction
    assert [3] == list((table & f"{word} is null").to_arrays("id"))
    assert [2] == list((table & f"{word} not in (5)").to_arrays("id"))
    assert [3, 1, 2] == list(table.to_arrays("id", order_by=f"{word} asc"))
    assert [2, 1, 3] == list(table.to_arrays("id", order_by=f"{word} desc"))
    assert [3, 2, 1] == list(table.to_arrays("id", order_by="KEY desc"))
    assert [2] == list((table & dj.Top(1, f"{word} DESC")).to_arrays("id"))
    assert [5, 7, None] == [row["z"] for row in table.proj(z=word).to_dicts(order_by="id")]
    assert [6, 8, None] == [row["z"] for row in table.proj(z=f"{word} + 1").to_dicts(order_by="id")]
    assert 12 == dj.U().aggr(table, z=f"sum({word})").fetch1("z")
    assert 2 == dj.U().aggr(table, z=f"count({word})").fetch1("z")
    assert (
        ["id", "b"] == table.proj(..., f"- {word}").heading.names == table.proj(..., f"-{word}").heading.names
    )


@pytest.mark.backends("mysql")
def test_a_doubled_percent_sign_of_a_query_without_arguments_is_one(instance):
    """Existing code doubles it, as drivers that format the text demand."""
    query = instance.connection.query
    assert "2024" == query("SELECT DATE_FORMAT('2024-05-01', '%%Y')").fetchone()[0]
    assert "2024" == query("SELECT DATE_FORMAT('2024-05-01', '%Y')").fetchone()[0]
    assert ("a%", 5) == tuple(query("SELECT 'a%%', %s", [5]).fetchone())
    assert 1 == query("SELECT 'u@x' LIKE 'u%%'").fetchone()[0]
