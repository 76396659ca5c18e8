"""Text given by the user, all the way: written, sent, selected, decoded; the same on every database."""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest

import datajoint as dj
from datajoint.errors import DataJointWarning, PortabilityError, QuerySyntaxError, UnknownAttributeError

CONDITIONS = r"""
id = 1
name like 'M%'
name = "Mouse_1"
name not like '%100\%%'
name regexp '^M.*[0-9]$'
price > 1.455
at < '2024-05-01T11:00'
size = 'big'
size < 'c'
token = '00000000000000000000000000000001'
large > 0
u64 > 9223372036854775807
u64 > 7.5
doc.a.b[1] = 2.5
f32 = 0.1
f32 / 2 < 0.5
ok
date_format(at, '%Y-%m-%d') = '2024-05-01'
at + interval 1 day < '2024-05-02 11:00'
id % 2 = 1
coalesce(price, 0) in (1.5, 2)
concat(date_format(at, '%M'), if(id = 1, '', ' ')) = 'May'
date_format(at, '%M') <> 'may' and id = 1
"""


@pytest.fixture
def mice(schema):
    @schema
    class Mouse(dj.Manual):
        definition = """
        id : int32
        ---
        name : varchar(20)
        price=null : decimal(6,2)
        at : datetime
        size : enum('big','small')
        token : uuid
        large : decimal(30,4)
        u64 : uint64
        doc : json
        f32 : float32
        ok : bool
        """

    Mouse.insert(
        [
            {
                "id": 1,
                "name": "Mouse_1",
                "price": 1.5,
                "at": "2024-05-01 10:30:00",
                "size": "big",
                "token": UUID(int=1),
                "u64": 2**63 + 5,
                "large": "123456789012345.5",
                "doc": {"a": {"b": [1, 2.5]}},
                "f32": 0.1,
                "ok": True,
            },
            {
                "id": 2,
                "name": "it's 100%",
                "price": 0,
                "at": "2024-05-02",
                "size": "small",
                "token": UUID(int=2),
                "u64": 7,
                "large": -3,
                "doc": {"a": {"b": [1, 3]}},
                "f32": 2,
                "ok": False,
            },
        ]
    )
    return Mouse


@pytest.mark.statement("QRY-10", "QRY-13", "QRY-24", "QRY-64", "QRY-65", "QRY-66")
def test_restriction_by_text(mice):
    for text in filter(None, CONDITIONS.splitlines()):
        assert [{"id": 1}] == (mice & text).keys(), text
        assert [{"id": 2}] == (mice - text).keys(), text


@pytest.mark.statement("QRY-29", "QRY-44", "QRY-62", "QRY-63", "QRY-67")
def test_projection_by_text(mice):
    expected = {
        "half": 0.5,
        "double": Decimal("3.00"),
        "mark": "Mouse_1%",
        "rounded": 0.1,
        "more": Decimal("123456789012346.5"),
        "year": "2024",
        "wide": Decimal(2**63 + 6),
        "next": datetime(2024, 5, 2, 10, 30),
        "item": 1.0,
        "both": True,
        "least": 1,
        "size": "big",
    }
    query = mice.proj(
        "size",
        half="id / 2",
        double="price * 2",
        mark="concat(name, '%')",
        rounded="round(f32, 1)",
        more="large + 1",
        wide="u64 + 1",
        year="date_format(at, '%Y')",
        next="at + interval 1 day",
        item="doc.a.b[0]:float",
        both="ok and id = 1",
        least="least(id, 2)",
    )
    assert {"id": 1, **expected} == (query & "id = 1 and `double` = 3 and mark like '%\\%'").fetch1()


@pytest.mark.statement("QRY-43", "QRY-63", "QRY-67")
def test_aggregation_by_text(mice):
    total = dj.U().aggr(
        mice,
        n="count(*)",
        s="sum(id)",
        mean="avg(price)",
        exact="sum(large)",
        names="group_concat(name separator '|')",
        backwards="group_concat(name order by id desc)",
        trues="sum(ok)",
        big="sum(size = 'big')",
    )
    expected = {
        "n": 2, "s": 3, "mean": Decimal("0.75"), "exact": Decimal("123456789012342.5"),
        "names": "Mouse_1|it's 100%",
        "backwards": "it's 100%,Mouse_1", "trues": 1, "big": 1,
    }  # fmt: skip
    assert expected == total.fetch1()


@pytest.mark.statement("QRY-67")
def test_group_concat_is_never_cut(mice):
    length = 1_000_000  # twice as long as the shortest limit of a server
    (joined,) = dj.U().aggr(mice, joined=f"group_concat(repeat('x', {length}))").to_arrays("joined")
    assert 2 * length + 1 == len(joined)


@pytest.mark.statement("QRY-11", "QRY-64")
def test_refusals(mice):
    with pytest.raises(UnknownAttributeError, match="no attribute `nome`"):
        mice & "nome = 'x'"
    with pytest.raises(QuerySyntaxError, match="cannot be compared with `at`"):
        mice & "at = 'nonsense'"
    with pytest.raises(PortabilityError, match=r"exists on .* only"):
        mice & "soundex(name) = 'x' and to_char(at) = 'y' and strftime('%Y', at) = 'z'"


@pytest.mark.statement("QRY-64")
def test_a_text_that_an_enum_never_has_equals_none_of_its_values(mice):
    """A key source of ibl-pipeline names `Partial` where the definition has `Complete` and `Missing`."""
    big = len(mice & "size = 'big'")
    assert 0 < big < len(mice)
    for restriction, expected in (
        ('size in ("big", "huge")', big),
        ("size = 'vast'", 0),
        ("size <> 'grand'", len(mice & "size is not null")),
        ("size not in ('small', 'giant')", len(mice & "size <> 'small'")),
    ):
        with pytest.warns(
            DataJointWarning, match="compared with `size`, which never has this value; it has 'big'"
        ):
            found = mice & restriction
        assert (restriction, expected) == (restriction, len(found))
    assert big == len(mice & "size in ('big', 'big')")  # other texts of the same shape stay as they were
