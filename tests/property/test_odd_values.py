"""Odd values and odd texts (faults §4): an answer, or an error of ours that names the attribute, and nothing changed."""

# ruff: noqa: DTZ901 - datetimes are naive UTC by convention

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

import datajoint as dj

pytestmark = [
    pytest.mark.statement("INS-1", "QRY-10", "QRY-12", "ERR-1"),
    pytest.mark.filterwarnings("ignore::datajoint.errors.DataJointWarning"),  # of what is converted
]

DEFINITION = """
n : int32
---
i=null : int64
u=null : uint8
f=null : float64
g=null : float32
s=null : varchar(10)
c=null : char(5)
e=null : enum('a', 'b')
d=null : date
t=null : datetime(3)
z=null : timestamp
m=null : decimal(6,2)
x=null : uuid
j=null : json
b=null : bytes
o=null : bool
l=null : <blob>
"""
NAMES = ["n", "i", "u", "f", "g", "s", "c", "e", "d", "t", "z", "m", "x", "j", "b", "o", "l"]


class Hostile:
    """An object that fails whatever is asked of it."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __repr__(self):
        raise RuntimeError("repr")


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


CYCLE = []
CYCLE.append(CYCLE)
ODD = [
    10**400, -(10**400), 10**5000, 2**63, -(2**63) - 1, 2**64, 256, -1, float("nan"), float("inf"), -float("inf"), 1e39, 5e-324,
    -0.0, "\ud800", "a\0b", "", "x" * 11, "  ", "1e400", "1" * 5000, "10000-01-01", "0000-00-00", "2024-02-30", "24:00",
    "9999-12-31 23:59:59.9999999", b"bytes", b"\xff", bytearray(b"x"), memoryview(b"x"), Decimal("NaN"), Decimal("sNaN"),
    Decimal("Infinity"), Decimal("1E+400"), Decimal("1E-400"), Decimal("1E+999999"), Decimal("9999.995"), {"n": 10**400},
    {"n": float("nan")}, {1: 2}, {(1, 2): 3}, {"a": "\ud800"}, {"a": "\0"}, {"\ud800": 1}, [1, 1], (), set(), np.float64("nan"),
    np.array([1]), np.array(5), np.datetime64("NaT"), np.datetime64("10000-01-01"), np.timedelta64(5, "D"), np.bytes_(b"a"),
    1 + 2j, object(), Hostile(), Ellipsis, type, dt.datetime.max, dt.date.min, dt.time(1), dt.timedelta(1), True, UUID(int=1),
    dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=14))), dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=2))),
    "not-a-uuid", "{}", "\u0663", "1_000", "0x10", "5\n", "inf", "nan", "NULL", nested(10**5), CYCLE,
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(ODD), st.integers(), st.floats(), st.decimals(), st.text(st.characters()), st.binary(),
    st.datetimes(), st.dates(), st.times(), st.timedeltas(), st.booleans(), st.uuids(), st.complex_numbers(),
    st.recursive(st.text(st.characters()) | st.integers() | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
)  # fmt: skip
ALIKE = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def odd(open_database):
    schema = open_database()
    table = schema(type("Odd", (dj.Manual,), {"definition": DEFINITION}), context={})
    table.insert1({"n": 0})
    return table


def attempt(name, call):
    """Call; an error is one of ours and names the attribute. Return whether it went well."""
    found = None
    try:
        call()
    except dj.DataJointError as error:
        found = str(error)
    assert name is None or found is None or name in found, found
    return found is None or not found.encode()  # it can be shown


@ALIKE
@given(name=st.sampled_from(NAMES), value=VALUES)
def test_odd_values(odd, name, value):
    first = {"n": 0} if name == "n" else {"n": 1}
    if not attempt(name, lambda: odd.insert([{"n": 1000}, {**first, name: value}], skip_duplicates=True)):
        assert [0] == list(odd.to_arrays("n"))
    (odd & "n <> 0").delete_quick()
    if name != "n":
        attempt(name, lambda: odd.update1({"n": 0, name: value}))
        odd.update1({"n": 0, **dict.fromkeys(NAMES[1:])})
    attempt(None, lambda: len(odd & {name: value}))
    attempt(None, lambda: len(odd - {name: value}))
    attempt(None, lambda: len(odd & [{name: value}, {"n": 5}]))
    attempt(None, lambda: odd & dj.Not({name: value}))
    assert 1 == len(odd)


PIECES = [
    "t", "s", "f", "n", "j.a", "not", "and", "or", "in", "is", "null", "like", "between", "case", "when", "then", "end", "interval",
    "day", "cast", "as", "decimal", "count", "distinct", "(", ")", "[", "]", "'", '"', "`", "\\", "'\\'", "''", "'a'", "%", "%s",
    "{", "}", ":", ";", "--", "/*", "*/", "#", ",", ".", "1", "-1", "1e400", "9" * 50, "0x1g", "x'0'", "=", "<>", "<=>", "+", "-",
    "*", "/", "||", "&", "|", "<<", "~", "!", "^", "@", "$1", "?", "\n", "\0", "\ud800", "é", "犬", "select", "union",
    "sum(n)", "date", "2024-13-01", "true", " ",
]  # fmt: skip


@ALIKE
@given(
    text=st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join),
        st.text(st.characters()),
        st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    )
)
@example(text="s like '\\'")
@example(text="s like '%\\")
@example(text="not")
@example(text="((((")
@example(text="s = 'a")
@example(text='s = "a')
@example(text="`s")
@example(text="s regexp '['")
@example(text="s regexp '(a+)+$'")
@example(text="n in ()")
@example(text="n = 1; drop table odd")
def test_odd_texts(odd, text):
    attempt(None, lambda: len(odd & text))
    attempt(None, lambda: odd.proj(new=text).to_dicts())
    attempt(None, lambda: dj.U().aggr(odd, new=text).to_dicts())
    attempt(None, lambda: odd.to_dicts(order_by=text))
    attempt(None, lambda: odd.proj(text))
    attempt(None, lambda: (odd & text).fetch1(text))
    assert 1 == len(odd)
