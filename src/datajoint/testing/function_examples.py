"""Examples of every portable function and operator: tests run them on each database, the documentation shows them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

__all__ = ["AGGREGATE_EXAMPLES", "EXAMPLES", "ROWS", "ROW_TYPES"]

_D = Decimal

EXAMPLES: dict[str, tuple[tuple[str, Any], ...]] = {
    "abs": (("abs(-3)", 3), ("abs(-2.5)", _D("2.5")), ("abs(-2.5e0)", 2.5), ("abs(null)", None)),
    "floor": (("floor(-2.5)", _D(-3)), ("floor(2.5e0)", 2.0), ("floor(7)", 7)),
    "ceil": (("ceil(2.1)", _D(3)), ("ceiling(-2.5e0)", -2.0)),
    "sign": (("sign(-2.5)", -1), ("sign(0)", 0), ("sign(3e0)", 1)),
    "round": (
        ("round(2.5e0)", 2.0), ("round(-3.5e0)", -4.0), ("round(1.115e0, 2)", 1.12), ("round(1234.5e0, -2)", 1200.0),
        ("round(2.345, 2)", _D("2.35")), ("round(-2.345, 2)", _D("-2.35")), ("round(2.5)", _D(3)), ("round(7)", 7),
    ),
    "sqrt": (("sqrt(16)", 4.0), ("sqrt(-1)", None)),
    "exp": (("exp(0)", 1.0),),
    "ln": (("ln(1)", 0.0), ("ln(0)", None), ("log(10)", 2.302585092994046), ("log(2, 8)", 3.0)),
    "log10": (("log10(1000)", 3.0), ("log10(-1)", None)),
    "log2": (("log2(8)", 3.0),),
    "power": (("power(2, 10)", 1024.0), ("pow(2, 0.5e0)", 1.4142135623730951), ("power(-8, 0.5)", None), ("power(0, -1)", None)),
    "pi": (("pi()", 3.141592653589793),),
    "sin": (("sin(0)", 0.0),),
    "cos": (("cos(0)", 1.0),),
    "tan": (("tan(0)", 0.0),),
    "asin": (("asin(1)", 1.5707963267948966), ("asin(2)", None)),
    "acos": (("acos(1)", 0.0), ("acos(2)", None)),
    "atan": (("atan(1)", 0.7853981633974483),),
    "atan2": (("atan2(1, -1)", 2.356194490192345),),
    "degrees": (("degrees(pi())", 180.0),),
    "radians": (("radians(180)", 3.141592653589793),),
    "mod": (("mod(-7, 3)", -1), ("7 % -3", 1), ("mod(7.5e0, 2)", 1.5), ("mod(-7.5, 2)", _D("-1.5")), ("5 mod 0", None)),
    "greatest": (("greatest(1, 3, 2)", 3), ("greatest(1, null)", None), ("greatest('a', 'B')", "a"), ("greatest(1, 2.5)", _D("2.5"))),
    "least": (("least(1, 3, 2)", 1), ("least('a', 'B')", "B"), ("least(1.5e0, 2)", 1.5)),
    "concat": (
        ("concat('a', 'b', 'c')", "abc"), ("concat('a', null)", None), ("concat('n=', 5)", "n=5"), ("'a' || 1.50", "a1.50"),
        ("concat(date '2024-05-01')", "2024-05-01"), ("concat(1.5e0, '')", "1.5"), ("concat(2e0, true)", "21"),
        ("concat(timestamp '2024-05-01 10:00:00')", "2024-05-01 10:00:00"),
    ),
    "concat_ws": (("concat_ws('-', 'a', null, 'b')", "a-b"),),
    "upper": (("upper('mouse 1')", "MOUSE 1"),),
    "lower": (("lower('Mouse')", "mouse"),),
    "substring": (
        ("substring('mouse', 2, 3)", "ous"), ("substring('mouse', 3)", "use"), ("substr('mouse', -2)", "se"),
        ("substring('mouse', 0)", ""), ("substring('mouse', -9)", ""), ("substring('mouse', 2, -1)", ""),
        ("substring('mäuse' from 2 for 2)", "äu"), ("substring(null, 1)", None),
    ),
    "left": (("left('mouse', 2)", "mo"), ("left('mouse', -1)", "")),
    "right": (("right('mouse', 2)", "se"), ("right('mouse', 9)", "mouse"), ("right('mouse', 0)", "")),
    "trim": (("trim('  a b ')", "a b"), ("trim(both 'x' from 'xaxx')", "a")),
    "ltrim": (("ltrim('  a ')", "a "),),
    "rtrim": (("rtrim(' a  ')", " a"),),
    "char_length": (("length('mäuse')", 5), ("char_length('')", 0)),
    "replace": (("replace('a-b-c', '-', '_')", "a_b_c"), ("replace('Aa', 'a', 'x')", "Ax")),
    "instr": (("instr('mouse', 'us')", 3), ("locate('x', 'mouse')", 0), ("position('A' in 'aA')", 2)),
    "lpad": (("lpad('7', 3, '0')", "007"), ("lpad('abcd', 2, 'x')", "ab"), ("lpad('a', 3)", "  a")),
    "rpad": (("rpad('7', 3, 'xy')", "7xy"),),
    "reverse": (("reverse('abc')", "cba"),),
    "repeat": (("repeat('ab', 3)", "ababab"),),
    "coalesce": (("coalesce(null, 2, 3)", 2), ("ifnull(null, 'x')", "x"), ("coalesce(null, null)", None)),
    "nullif": (("nullif(1, 1)", None), ("nullif(1, 2)", 1), ("nullif('a', 'A')", "a")),
    "if": (("if(2 > 1, 'yes', 'no')", "yes"), ("if(null, 1, 2)", 2), ("if(1 > 2, 1, 2.5)", _D("2.5"))),
    "case": (("case when 1 > 2 then 1 end", None), ("case 2 when 1 then 'a' when 2 then 'b' else 'c' end", "b")),
    "year": (("year('2024-05-01')", 2024), ("extract(year from timestamp '2024-05-01 10:11:12')", 2024)),
    "month": (("month(date '2024-05-01')", 5),),
    "day": (("day('2024-05-31 23:59:59')", 31), ("dayofmonth('2024-05-31')", 31)),
    "quarter": (("quarter('2024-05-01')", 2),),
    "hour": (("hour('2024-05-01 10:11:12')", 10), ("hour(date '2024-05-01')", 0)),
    "minute": (("minute('2024-05-01 10:11:12')", 11),),
    "second": (("second('2024-05-01 10:11:12.9')", 12),),
    "dayofweek": (("dayofweek('2024-05-05')", 1),),
    "weekday": (("weekday('2024-05-05')", 6),),
    "dayofyear": (("dayofyear('2024-03-01')", 61),),
    "date": (("date('2024-05-01 10:00:00')", date(2024, 5, 1)),),
    "datediff": (("datediff('2024-03-01', '2024-02-28 23:00:00')", 2), ("datediff('2024-01-01', '2024-01-02')", -1)),
    "timestampdiff": (
        ("timestampdiff(day, '2024-01-01 12:00:00', '2024-01-02 11:00:00')", 0),
        ("timestampdiff(hour, '2024-01-01', '2024-01-02 11:59:59')", 35),
        ("timestampdiff(month, '2024-01-31', '2024-02-29')", 0), ("timestampdiff(month, '2024-03-31', '2024-01-30')", -2),
        ("timestampdiff(year, '2020-02-29', '2021-02-28')", 0), ("timestampdiff(week, '2024-01-01', '2024-02-01')", 4),
        ("timestampdiff(second, '2024-01-01', '2024-01-01 00:01:00')", 60), ("timestampdiff(minute, '2024-01-01', null)", None),
    ),
    "date_format": (
        ("date_format('2024-05-01 14:05:09', '%Y-%m-%d %H:%i:%s')", "2024-05-01 14:05:09"),
        ("date_format('2024-05-01 14:05:09', '%d.%c.%y, %l %p')", "01.5.24, 2 PM"),
        ("date_format(date '2024-05-01', '%W %M %e (%j), 100%%')", "Wednesday May 1 (122), 100%"),
        ("date_format('2024-05-01', 'the year %Y')", "the year 2024"),
    ),
    "interval": (
        ("date '2024-01-31' + interval 1 month", date(2024, 2, 29)), ("date '2024-01-01' - interval 1 day", date(2023, 12, 31)),
        ("date_add('2024-01-01 23:00:00', interval 2 hour)", datetime(2024, 1, 2, 1)),  # noqa: DTZ001
        ("date '2024-01-01' + interval 90 minute", datetime(2024, 1, 1, 1, 30)),  # noqa: DTZ001
        ("date_sub(date '2024-02-29', interval 1 year)", date(2023, 2, 28)),
        ("timestampadd(week, 2, date '2024-01-01')", date(2024, 1, 15)),
    ),
    "cast": (
        ("cast('12' as signed)", 12), ("cast('2.5' as signed)", 3), ("cast('x' as signed)", None),
        ("cast(concat('1e2') as double)", 100.0), ("cast(concat(' 2.5') as signed)", 3),
        ("cast(2.5e0 as signed)", 2), ("cast(2.5 as signed)", 3),
        ("cast(1.005 as decimal(5,2))", _D("1.01")), ("cast(3 as char)", "3"), ("5::text", "5"), ("cast(0.1e0 as char)", "0.1"),
        ("cast('2024-05-01' as date)", date(2024, 5, 1)), ("cast(concat('2024-05-01') as date)", date(2024, 5, 1)),
        ("cast('nonsense' as date)", None), ("cast(3 as decimal(6,2))", _D("3.00")), ("cast(2 as double)", 2.0),
    ),
    "arithmetic": (
        ("7 / 2", 3.5), ("1 / 0", None), ("7 div 2", 3), ("-7 div 2", -3), ("7 div 0", None), ("1 + 2 * 3", 7), ("-(2 - 5)", 3),
        ("1.5 + 2", _D("3.5")), ("1.5 * 1.5", _D("2.25")), ("2.0 / 3", _D("0.6666667")), ("2.5 / 0", None), ("1e0 / 3", 1 / 3),
        ("0.1 + 0.2", _D("0.3")), ("1.5 + 1e0", 2.5), ("2.00 / 3.0", _D("0.66666667")), ("7.9 div 2", 3), ("9.5e0 div -2", -4),
        ("5 & 3", 1), ("5 | 3", 7), ("1 << 4", 16), ("-16 >> 2", -4), ("2000000000 * 3", 6000000000),
        ("12345678901234567.5 + 0.25", _D("12345678901234567.75")), ("-0.5 / 3", _D("-0.1666667")),
    ),
    "comparison": (
        ("1 < 2", True), ("1 = 1.0", True), ("null = null", None), ("null <=> null", True), ("1 is null", False),
        ("'a' = 'A'", False), ("'a' = 'a '", False), ("'B' < 'a'", True), ("2 in (1, null)", None), ("1 in (1, null)", True),
        ("2 between 1 and 3", True), ("2 not between 1 and 3", False), ("not (1 > 2)", True), ("1 > 2 xor 2 > 1", True),
        ("null and 1 > 2", False), ("null or 1 > 2", None), ("(1 > 2) is false", True), ("null is true", False),
        ("date '2024-05-01' = timestamp '2024-05-01 00:00:00'", True), ("1.50 = 1.5", True), ("true = 1", True),
        ("timestamp '2024-05-01 00:00:00' < '2024-05-01T00:00:00.5'", True), ("1 is distinct from null", True),
    ),
    "like": (
        ("'mouse' like 'm%'", True), ("'mouse' like 'M%'", False), ("'mouse' ilike 'M%'", True), ("'m' like '_'", True),
        ("'ä' like '_'", True), ("'100%' like '100\\%'", True), ("'100x' like '100\\%'", False), ("'a_b' like 'a|_b' escape '|'", True),
        ("'ab' not like 'a'", True), ("null like 'a'", None),
    ),
    "regexp": (
        ("'mouse_12' regexp '^mouse_[0-9]+$'", True), ("'Mouse' regexp 'mouse'", False), ("'ab' regexp '^(a|c)b{1,2}'", True),
        ("'a1' regexp '\\d$'", True), ("'a.b' regexp '^a\\.b$'", True), ("'ä' regexp '^.$'", True),
    ),
}  # fmt: skip
"""Expressions and their values, by function or kind of operator."""

ROW_TYPES = {"k": "int32", "g": "int16", "x": "float64", "n": "int64", "p": "decimal(6,2)", "w": "decimal(30,4)", "s": "varchar(10)",
             "b": "bool", "d": "date"}  # fmt: skip
"""Types of the attributes of `ROWS`; `k` is the key."""

ROWS: tuple[dict[str, Any], ...] = (
    {"k": 1, "g": 1, "x": 1.5, "n": 10, "p": _D("1.25"), "w": _D("1.0001"), "s": "b", "b": True, "d": date(2024, 5, 1)},
    {"k": 2, "g": 1, "x": 2.5, "n": -4, "p": _D("-0.50"), "w": _D("-12345678901234567890.5000"), "s": "a", "b": False, "d": None},
    {"k": 3, "g": 1, "x": None, "n": 4, "p": None, "w": None, "s": None, "b": True, "d": date(2023, 1, 1)},
    {"k": 4, "g": 1, "x": 4.0, "n": 10, "p": _D("9999.99"), "w": _D("0.0001"), "s": "B", "b": False, "d": date(2024, 5, 1)},
)  # fmt: skip
"""Rows for the examples of aggregates."""

AGGREGATE_EXAMPLES: dict[str, tuple[tuple[str, Any], ...]] = {
    "count": (("count(*)", 4), ("count(s)", 3), ("count(distinct n)", 3)),
    "sum": (("sum(n)", 20), ("sum(p)", _D("10000.74")), ("sum(w)", _D("-12345678901234567889.4998")), ("sum(x)", 8.0), ("sum(b)", 2),
            ("sum(n > 5)", 2), ("sum(distinct n)", 10), ("sum(distinct p)", _D("10000.74")), ("sum(n * 2 + 1)", 44)),
    "avg": (("avg(n)", 5.0), ("avg(p)", _D("3333.58000000")), ("avg(x)", 8 / 3), ("avg(b)", 0.5)),
    "cast": (("max(cast(s as signed))", None), ("max(cast(s as date))", None), ("max(cast(concat(n, '.5') as double))", 10.5)),
    "min": (("min(n)", -4), ("min(s)", "B"), ("min(d)", date(2023, 1, 1)), ("min(b)", False), ("min(w)", _D("-12345678901234567890.5"))),
    "max": (("max(p)", _D("9999.99")), ("max(s)", "b"), ("max(x) - min(x)", 2.5)),
    "stddev_pop": (("std(x)", 1.0274023338281626), ("stddev(n)", 5.744562646538029)),
    "stddev_samp": (("stddev_samp(x)", 1.2583057392117916),),
    "var_pop": (("variance(x)", 1.0555555555555556),),
    "var_samp": (("var_samp(p)", 33330767.481700014),),
    "group_concat": (
        ("group_concat(s)", "b,a,B"), ("group_concat(s order by s)", "B,a,b"), ("group_concat(n order by n desc, k separator '; ')",
        "10; 10; 4; -4"), ("string_agg(s, '-' order by x desc)", "B-a-b"), ("group_concat(distinct n)", "-4,10,4"),
    ),
}  # fmt: skip
"""Aggregates over `ROWS` and their values."""
