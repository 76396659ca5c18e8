"""Values that go into a blob come out again, or are refused by type name."""

import collections
import datetime as dt
import enum
import subprocess
import sys
import uuid
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from datajoint.codecs.blob import MatCell, MatStruct, pack, unpack
from datajoint.errors import DataJointWarning, EncodeError

moments = st.datetimes() | st.dates() | st.times()
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 200), 1 << 200)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | moments
)
keys = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.sets(keys, max_size=5)
        | st.dictionaries(keys, inner, max_size=5)
    ),
    max_leaves=40,
)
dtypes = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes(endianness="<")
    | arrays.unsigned_integer_dtypes(endianness="<")
    | arrays.floating_dtypes(endianness="<", sizes=(32, 64))
    | arrays.complex_number_dtypes(endianness="<", sizes=(64, 128))
    | arrays.datetime64_dtypes(endianness="<")
)
shapes = arrays.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=5)


def same(left, right):
    """Tell whether two values are equal and of the same type all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, Decimal):
        return left.as_tuple() == right.as_tuple()
    return left == right and repr(left) == repr(right) if isinstance(left, float) else left == right


@given(values)
def test_python_values_come_back(value):
    assert same(value, unpack(pack(value)))


@given(values)
def test_compression_changes_bytes_only(value):
    assert same(unpack(pack(value, compress=False)), unpack(memoryview(pack(value))))


@given(st.data())
@settings(max_examples=200)
def test_arrays_come_back(data):
    array = data.draw(arrays.arrays(dtype=data.draw(dtypes), shape=data.draw(shapes)))
    array = np.transpose(array, data.draw(st.permutations(range(array.ndim))))
    back = unpack(pack({"a": [array]}))["a"][0]
    assert array.dtype == back.dtype
    np.testing.assert_array_equal(array, back)
    assert back.flags.writeable


@pytest.mark.parametrize("count", [1, 15, 16, 31, 32, 33, 1000])
def test_lists_of_floats(count):
    floats = [number * 0.37 for number in range(count)]
    for value in (floats, tuple(floats)):
        assert same(value, unpack(pack(value)))
        for odd in (1, "x", True, np.float64(1.5)):
            mixed = [*floats[: count // 2], odd, *floats[count // 2 :]]
            assert same(mixed, unpack(pack(mixed)))


def test_lists_that_look_like_floats_for_a_while():
    value = [1.0] * 40 + ["x" * 0] + [b"123456789"[:1]] * 39
    assert same(value, unpack(pack(value)))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9, 300])
def test_ints_at_the_edges_of_their_size(size):
    edge = 1 << (8 * size - 1)
    for number in (edge - 1, edge, -edge, -edge - 1):
        data = pack(number, compress=False)
        assert number.bit_length() // 8 + 1 == int.from_bytes(data[5:7], "little")
        assert number == unpack(data)


def test_python_subclasses_become_what_they_are():
    class Level(enum.IntEnum):
        HIGH = 3

    class Text(str):
        __slots__ = ()

    for value, expected in [
        (Level.HIGH, 3),
        (Text("a"), "a"),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"),
        (collections.defaultdict(int, a=1), {"a": 1}),
        (collections.deque([1]), [1]),
        ({"a": 1}.keys(), {"a"}),
    ]:
        assert same(expected, unpack(pack(value)))


def test_frozen_sets_in_sets_and_keys():
    value = {frozenset({1, (frozenset({2}), "x")})}
    assert value == unpack(pack(value))
    assert {(frozenset({1}), 2): "a"} == unpack(pack({(frozenset({1}), 2): "a"}))


def test_long_and_odd_keys():
    value = {"k" * 101: 1, "k" * 300: 2, 1: 3, None: 4, (1, "a"): 5, "é✓": 6, "": 7, b"x": 8}
    assert same(value, unpack(pack(value)))


def test_a_lost_time_zone_is_said():
    for value in (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.time(1, tzinfo=dt.UTC)):
        with pytest.warns(DataJointWarning, match="time zone"):
            assert value.replace(tzinfo=None) == unpack(pack([value]))[0]


class Strange:
    pass


class Tagged(np.ndarray):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Strange(), "Strange"),
        (Strange, "type"),
        ((number for number in ()), "generator"),
        (dt.timedelta(1), "timedelta"),
        (np.timedelta64(1, "s"), "timedelta64"),
        (np.array([Strange()], dtype=object), "Strange"),
        (np.ma.array([1, 2], mask=[0, 1]), "MaskedArray"),
        (np.zeros(3).view(Tagged), "Tagged"),
        (np.zeros(3, dtype="f2"), "f2"),
        (np.zeros(3, dtype=">i4"), ">i4"),
        (np.zeros(3, dtype="M8[25us]"), "25us"),
        (np.array([(1,)], dtype=[("a", "f2")]), "f2"),
        (np.array([([1, 2],)], dtype=[("a", "i4", (2,))]), "'a'"),
        (np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])[0], "void"),
        (np.zeros(3, dtype=[]), "dtype"),
        ("\ud800", "ud800"),
        (1 << 600_000, "bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
def test_refused_by_name(value, name):
    for held in (value, [value], {"a": value}):
        with pytest.raises(EncodeError, match=name) as caught:
            pack(held)
        assert "cannot hold" in str(caught.value)
        assert caught.value.hint


def test_endless_values_are_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(EncodeError, match="contains itself"):
        pack(endless)


def test_pandas_times_without_a_loss():
    pandas = pytest.importorskip("pandas")
    assert dt.datetime.fromisoformat("2020-01-02T03:00") == unpack(pack(pandas.Timestamp("2020-01-02 03:00")))
    for value in (pandas.Timestamp("2020-01-02T00:00:00.000000001"), pandas.NaT, pandas.Series([1])):
        with pytest.raises(EncodeError, match=type(value).__name__):
            pack(value)


def test_zero_dimensional_arrays_become_scalars():
    assert np.int64(7) == unpack(pack(np.array(7)))
    assert isinstance(unpack(pack(np.array(7, dtype="i2"))), np.int16)
    held = unpack(pack(np.array({"a": 1}, dtype=object)))
    assert ((), {"a": 1}) == (held.shape, held.item())


def test_strings_in_arrays_keep_text_and_shape():
    for array in (np.array([["ab", "c"], ["", "é"]]), np.array([], dtype="U3"), np.array("ab")):
        back = unpack(pack(array))
        assert (array.shape, array.tolist()) == (back.shape, back.tolist())


def test_character_arrays_are_column_major():
    letters = np.array([[b"a", b"b"], [b"c", b"d"]], dtype="S1").view("c")
    data = pack(letters)
    assert b"mYm\0" == data[:4]
    assert [["a", "b"], ["c", "d"]] == unpack(data).tolist()


def test_characters_beyond_16_bits_in_a_row():
    data = pack(np.array([b"a", b"b"], dtype="S1").view("c"))
    data = data[:-4] + "😀".encode("utf-16-le")
    assert ["😀"] == unpack(data).tolist()


def test_object_arrays_hold_arrays_of_any_kind():
    array = np.empty((2, 2), dtype=object)
    array[0, 0], array[0, 1] = np.ones(3), [1, [2]]
    array[1, 0], array[1, 1] = {"a": np.zeros((0, 2))}, None
    back = unpack(pack(array))
    assert [1.0, 1.0, 1.0] == back[0, 0].tolist()
    assert [1, [2]] == back[0, 1]
    assert (0, 2) == back[1, 0]["a"].shape
    assert back[1, 1] is None


def test_records_come_back_as_records():
    dtype = [("a", "i4"), ("t", "M8[us]"), ("c", "c16"), ("inner", [("x", "f4"), ("y", "?")])]
    table = np.array([(1, "2020-01-01", 1j, (0.5, True)), (2, "NaT", 2, (1.5, False))], dtype=dtype).reshape(
        2, 1
    )
    back = unpack(pack(table))
    assert np.recarray is type(back)
    assert table.shape == back.shape
    assert str(table.tolist()) == str(back.tolist())
    assert ["a", "t", "c", "inner"] == list(back.dtype.names)
    back.a = 5


def test_cells_and_structs():
    cell = np.empty((1, 2), dtype=object)
    cell[0, 0], cell[0, 1] = np.ones((1, 1)), np.array([[1, 2]])
    assert b"mYm\0" == pack(cell.view(MatCell))[:4]
    assert b"dj0\0" == pack([cell.view(MatCell)])[:4]
    back = unpack(pack([cell.view(MatCell)]))[0]
    assert (MatCell, (1, 2)) == (type(back), back.shape)
    struct = np.array([[(np.ones(1), cell.view(MatCell))]], dtype=[("a", object), ("b", object)]).view(
        MatStruct
    )
    assert b"mYm\0" == pack(struct)[:4]
    back = unpack(pack(struct))
    assert (MatStruct, (1, 1), MatCell) == (type(back), back.shape, type(back[0, 0].b))


def test_squeeze():
    value = {"a": np.ones((1, 3)), "b": [np.ones((1, 1))], "c": (np.int64(3), {np.int16(1)}), "d": "x"}
    back = unpack(pack(value), squeeze=True)
    assert [1.0, 1.0, 1.0] == back["a"].tolist()
    assert ([1.0], (3, {1}), "x") == (back["b"], back["c"], back["d"])
    assert [int, int] == [type(back["c"][0]), type(back["c"][1].pop())]
    cell = np.empty((1, 2), dtype=object)
    cell[0, 0], cell[0, 1] = np.ones((1, 1)), "x"
    back = unpack(pack(cell.view(MatCell)), squeeze=True)
    assert (MatCell, [1.0, "x"]) == (type(back), back.tolist())
    struct = np.array([[(np.ones((1, 1)), 2)]], dtype=[("a", object), ("b", object)]).view(MatStruct)
    back = unpack(pack(struct), squeeze=True)
    assert ((), 1.0, 2) == (back.shape, back.a.item(), back.b.item())
    day = np.array(["2020-01-01"], dtype="M8[ns]")
    assert day[0] == unpack(pack(day), squeeze=True)


def test_numpy_is_not_imported_without_need():
    code = (
        "import sys; from datajoint.codecs.blob import pack, unpack;"
        "v = {'a': [1, 2.5, 'x', None, b'y'], 'b': {3}}; assert v == unpack(pack(v)), 'round trip';"
        "assert len(pack('a' * 2000)) < 100; assert 'numpy' not in sys.modules, 'numpy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_uuid_and_decimal_keep_their_kind():
    value = [uuid.UUID(int=5), Decimal("1.500"), Decimal("-Infinity")]
    assert same(value, unpack(pack(value)))
