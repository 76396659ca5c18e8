"""What can be inserted, read as chunks of columns."""

import numpy as np
import pytest

from datajoint.errors import DataJointDeprecationWarning, QueryError
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import parse_type
from datajoint.table.rows.row_sources import ABSENT, CHUNK, one, read

HEADING = Heading([
    Attribute("a", parse_type("int32"), in_key=True), Attribute("b", parse_type("varchar(9)")),
    Attribute("c", parse_type("float64")),
])  # fmt: skip


def flat(rows):
    """All rows as dicts, what is absent left out."""
    return [
        {
            name: column[n]
            for name, column in zip(chunk.names, chunk.columns, strict=True)
            if column[n] is not ABSENT
        }
        for chunk in read(rows, HEADING)
        for n in range(chunk.size)
    ]


ROWS = [{"a": 1, "b": "x", "c": 0.5}, {"a": 2, "b": "y", "c": 1.5}]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        tuple(ROWS),
        iter(ROWS),
        [{"c": 0.5, "a": 1, "b": "x"}, {"b": "y", "c": 1.5, "a": 2}],
        np.array([(1, "x", 0.5), (2, "y", 1.5)], [("a", "i8"), ("b", "U1"), ("c", "f8")]),
        list(np.array([(1, "x", 0.5), (2, "y", 1.5)], [("a", "i8"), ("b", "U1"), ("c", "f8")])),
    ],
)
def test_forms_of_rows(rows):
    assert ROWS == flat(rows)


def test_long_input_comes_in_chunks():
    chunks = list(read(({"a": n} for n in range(2 * CHUNK + 1)), HEADING))
    assert [(0, CHUNK), (CHUNK, CHUNK), (2 * CHUNK, 1)] == [(chunk.first, chunk.size) for chunk in chunks]
    assert list(range(2 * CHUNK + 1)) == [value for chunk in chunks for value in chunk.columns[0]]


def test_rows_of_different_fields():
    rows = [{"a": 1, "b": "x"}, {"a": 2, "c": 1.5}, {"a": 3}]
    assert rows == flat(rows)
    (chunk,) = read(rows, HEADING)
    assert ("a", "b", "c") == chunk.names
    assert [ABSENT, 1.5, ABSENT] == chunk.columns[2]


def test_positional_rows_take_the_order_of_the_heading():
    with pytest.warns(DataJointDeprecationWarning):
        assert ROWS == flat([(1, "x", 0.5), [2, "y", 1.5]])
    with pytest.warns(DataJointDeprecationWarning):
        assert (("a", "b", "c"), ((1,), ("x",), (0.5,))) == (one((1, "x", 0.5), HEADING).names, one_columns())


def one_columns():
    with pytest.warns(DataJointDeprecationWarning):
        return tuple(tuple(column) for column in one(np.array([1, "x", 0.5], dtype=object), HEADING).columns)


def test_mixed_rows():
    with pytest.warns(DataJointDeprecationWarning):
        assert ROWS == flat([ROWS[0], (2, "y", 1.5)])


@pytest.mark.parametrize("rows", ["ab", b"ab", {"a": 1}, 5, None])
def test_what_holds_no_rows(rows):
    with pytest.raises(QueryError, match="`Session`: rows cannot be read from"):
        list(read(rows, HEADING, "Session"))


@pytest.mark.parametrize("row", ["ab", 5, None])
def test_what_is_no_row(row):
    with pytest.raises(QueryError, match=r"`Session`, row 1: .* is no row"):
        list(read([ROWS[0], row], HEADING, "Session"))


def test_a_single_row_has_no_number():
    assert one(ROWS[0], HEADING).first is None


def test_arrays_of_times_keep_their_meaning():
    times = np.array([("2024-01-02T03:04:05",)], [("a", "M8[ns]")])
    (row,) = flat(times)
    assert np.datetime64("2024-01-02T03:04:05") == row["a"]
    subarrays = np.array([([1, 2],)], [("a", "i4", (2,))])
    assert [1, 2] == flat(subarrays)[0]["a"].tolist()
