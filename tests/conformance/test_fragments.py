"""Conditions and expressions over attributes of every type select and compute the same everywhere."""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from conformance.typed_rows import HEADING, ROWS, TYPES, decoded, same, select  # noqa: F401 - a fixture
from datajoint.algebra.text.fragment import parse_column, parse_condition
from datajoint.testing.expressions import evaluate

CONDITIONS = r"""
id = 1
id <> 2 and not i8 = 5
id in (1, 3)
id not in (1, null)
i8 = 300 or i8 < 5.5
i8 > '4'
i64 = 4611686018427387904
u64 = 18446744073709551615
u64 > 6 and u64 < 8
u64 > 7.5
f = 0.5
f > -1e3 and f < 1
f32 = 0.1
f32 = '0.1'
dec = 1.5
dec > -0.255 and dec < 1.505
dec * 2 = 3
dec + i8 > 6
dec = f + 1
big < 0
big = 3
big + dec > 0
s = 'Mouse_1'
s = "Mouse_1"
s = 'mouse_1'
s = 'Mouse_1 '
s like 'M%\_1'
s like 'Mouse%1'
s like 'mouse%' or s is null
s ilike 'MOUSE%'
s like '%\\'
s = 'mouse ''x'' \'
s regexp '^[Mm]ouse.\d?'
s regexp 'ouse_'
c = 'ab  '
c = ''
e = 'small'
e > 'big'
e in ('big', 'small')
e like 's%'
d = '2024-05-01'
d < '2024-05-01T00:00:01'
d between '1999-01-01' and '2001-01-01'
d = date
d <= t
t = '2024-05-01 10:30'
t >= '2024-05-01'
t < '2024-05-01 10:30:00.000001'
t = t3
t < t3
t3 = '2024-05-01T10:30:00.25Z'
t3 > '2024-05-01 11:30:00.25+02:00'
year(d) = 2024 and month(t) = 5
u = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
u in ('{6BA7B8109DAD11D180B400C04FD430C8}')
b
not b
b = true
b = 1
b is not true
b is null
b <> (id = 1)
j.a.b[1] > 2
j.c = 'x'
j.ok
j.ok:bool = true
j.n is null
j[1] = 'two'
j->>'$.c' = 'x'
json_value(j, '$.a.b[0]') = 1
j is null
key = 1 and `order` like 'a\%b' and date > '2024-01-01'
order = 'axb'
coalesce(s, 'none') = 'none'
s is not distinct from null
id % 2 = 1
(id = 1 or id = 2) and (s is not null or f > 3)
5 between i8 and id
concat(s, '!') = 'Mouse_1!'
length(s) = 11
lower(s) = 'mouse_1'
timestampdiff(year, d, '2024-05-01') > 20
d + interval 1 day = '2024-05-02'
t - interval 1 hour < '2024-05-01 09:30:00'
case when id = 1 then 'a' else 'b' end = 'a'
1
0 or id = 3
true
"""  # the last line but three: numbers are conditions

COLUMNS = r"""
id + 1
i8 * i8 - 1
i64 / 2
u64 + 1
-u64
i8 div 2
i8 % 3
f * 2
f32 * 2
f32 + dec
dec * dec
dec / i8
dec / big
big * 2
big / 3
big % 2
dec div 1
-dec
-big
round(dec, 1)
round(big, 1)
floor(dec)
ceil(big)
abs(big)
abs(dec)
sign(dec)
greatest(dec, 1)
least(big, dec)
coalesce(dec, 0)
coalesce(dec, i8, 2.125)
nullif(i8, 5)
dec > 1
concat(id, '-', dec, '-', big, '-', d, '-', t, '-', t3, '-', b)
concat(u, e, c)
upper(concat(s, '?'))
substring(s, i8, 2)
left(s, 3)
if(b, 'yes', 'no')
case when b then dec else i8 end
if(dec > 1, t, d)
date(t)
year(t)
second(t3)
datediff(t, d)
timestampdiff(second, d, t)
timestampdiff(month, t3, '2024-12-31')
date_format(t, '%d.%m.%Y')
d + interval id month
t + interval 1 day
t3 + interval 1 second
d + interval 1 hour
j.a.b[0]
j.a.b[1]:float
j.ok:bool
j.a.b:text
j.c
cast(dec as double)
cast(f as decimal(10,3))
cast(dec as signed)
cast(f as signed)
cast(t as date)
cast(d as datetime)
cast(u64 as double)
cast(s as signed)
cast(u as char)
sqrt(f)
power(f, 2)
log(dec)
not b
b = (id = 1)
s like 'M%'
null
'text with % and '' and \'
1.50
"""


def _lines(text):
    return [line for line in text.splitlines() if line]


@pytest.mark.statement("QRY-10", "QRY-24", "QRY-64", "QRY-65", "QRY-66", "TYP-20")
@pytest.mark.parametrize("text", _lines(CONDITIONS))
def test_conditions(backend, select, text):  # noqa: F811 - the fixture
    fragment, params = parse_condition(text, HEADING, backend.name)
    expected = [evaluate(fragment.expression, row, params, TYPES) for row in ROWS]
    values, sql = select(fragment.expression, params)
    actual = [None if value is None else bool(value) for value in values]
    assert expected == actual, sql


@pytest.mark.statement("QRY-29", "QRY-44", "QRY-62", "QRY-63")
@pytest.mark.parametrize("text", _lines(COLUMNS))
def test_columns(backend, select, text):  # noqa: F811 - the fixture
    fragment = parse_column(text, HEADING, backend.name)
    expected = [evaluate(fragment.expression, row, (), TYPES) for row in ROWS]
    values, sql = select(fragment.expression)
    actual = [decoded(value, fragment.dtype, backend.name) for value in values]
    assert all(map(same, expected, actual)), (expected, actual, sql)


def test_oracle_knows_the_rows():
    """The two tests above compare with the oracle; this one pins the oracle itself."""
    fragment, params = parse_condition(
        "dec > -0.255 and t < '2024-05-01 10:30:00.5' and s like 'M%'", HEADING
    )
    assert [True, False, None] == [evaluate(fragment.expression, row, params, TYPES) for row in ROWS]
    assert (Decimal("-0.255"), datetime(2024, 5, 1, 10, 30, 0, 500000), "M%") == params
    assert timedelta(days=1) == date(2024, 5, 2) - ROWS[0]["d"]


test_oracle_knows_the_rows = pytest.mark.statement("QRY-10")(test_oracle_knows_the_rows)
