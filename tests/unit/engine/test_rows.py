"""Rows of a driver become dicts."""

import pytest

from datajoint.backends.registry import get_backend
from datajoint.engine.rows import RowDecoder
from datajoint.heading.attribute import Attribute
from datajoint.heading.types import parse_type
from datajoint.settings.config import Config

NAMES = ("id", "it's \\ {x}", "class", "seen")


@pytest.fixture
def decoder():
    types = ("int32", "varchar(9)", "int32", "bool")
    attributes = [Attribute(name, parse_type(text)) for name, text in zip(NAMES, types, strict=True)]
    return RowDecoder(attributes, get_backend("sqlite").dialect, Config())


@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("more", [(), ("what tells rows apart",)])
def test_dicts_have_the_names_in_order_whatever_they_are(decoder, count, more):
    rows = [(n, f"a{n}", -n, n % 2, *more) for n in range(count)]
    expected = [dict(zip(NAMES, (n, f"a{n}", -n, n % 2 == 1), strict=True)) for n in range(count)]
    found = decoder.dicts(rows)
    assert expected == found
    assert all(list(row) == list(NAMES) and type(row["seen"]) is bool for row in found)
