"""Values that earlier releases would change come back equal in all they have, or are refused by name."""

import contextlib
import datetime as dt
import enum
import os
import struct
import subprocess
import sys
import warnings
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from datajoint.codecs.blob import extension, pack, unpack
from datajoint.errors import DataJointWarning, DecodeError, EncodeError

Point = namedtuple("Point", "x y")  # noqa: PYI024 - the plain one
BERLIN = ZoneInfo("Europe/Berlin")
aligned = np.dtype([("a", "i1"), ("b", "f8")], align=True)

PYTHON = [
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
    dt.datetime(2020, 10, 25, 2, 30, fold=0, tzinfo=BERLIN),
    dt.datetime(2020, 1, 1, 3, fold=1),  # noqa: DTZ001 - one without zone
    dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=-5, microseconds=7), "X")),
    dt.timedelta(-1, 3, 5),
    frozenset({1, frozenset({2})}),
    {frozenset({1}): 2},
    bytearray(b"ab"),
    range(3, 10, 2),
    deque([1, [2]], 5),
    deque(),
    Fraction(1, 3),
    OrderedDict(b=1, a=2),
    Counter("aab"),
    defaultdict(list, {1: [2]}),
    defaultdict(None, {1: 2}),
    Point(1, [2]),
]
ARRAYS = [
    np.array(3.5),
    np.array("abc"),
    np.array(["ab", "c"]),
    np.array([b"ab", b"c"]),
    np.arange(6, dtype=">i4").reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
    np.arange(3, dtype="f2"),
    np.array([1, 2], "m8[ms]"),
    np.array(["2020", "NaT"], "M8[25us]"),
    np.zeros(3, [("a", "i4"), ("b", "f8", (2,))]),
    np.zeros(0, [("a", "i4")]),
    np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.zeros(2, aligned),
    np.zeros(2, [("n", [("x", "i2"), ("y", ">f4")])]),
    np.array([(1, [2])], dtype=[("a", "i4"), ("o", "O")]),
    np.array({"a": 1}, dtype=object),
    np.zeros(2, "V3"),
    np.zeros((2, 0, 3), ">f8"),
    np.ma.masked_array([1, 2, 3], [0, 1, 0], fill_value=9),
    np.ma.masked_array([1.0, 2.0]),
]
SCALARS = [
    np.float32(2), np.int64(3), np.bool_(True), np.float16(1.5), np.complex64(1j), np.str_("x"), np.bytes_(b"x"),
    np.datetime64("2020-01-01", "us"), np.timedelta64(3, "s"),
]  # fmt: skip


def differences(given_, found):
    """Say in what two values differ: type, dtype, byte order, shape, order, mask, items, zone."""
    if type(given_) is not type(found):
        return ["type"]
    if isinstance(given_, np.ma.MaskedArray):
        traits = [
            lambda a: a.data.tolist(),
            lambda a: np.array(a.mask).tolist(),
            lambda a: a.fill_value,
            lambda a: a.dtype,
        ]
        return [n for n, trait in enumerate(traits) if trait(given_) != trait(found)]
    if isinstance(given_, np.ndarray | np.generic):
        traits = {
            "dtype": lambda a: (a.dtype, a.dtype.str, a.dtype.isalignedstruct),
            "shape": lambda a: a.shape,
            "order": lambda a: a.flags.c_contiguous,
            "items": lambda a: str(a.tolist()),
            "writeable": lambda a: a.flags.writeable,
        }
        return [name for name, trait in traits.items() if trait(given_) != trait(found)]
    is_shown_alike = isinstance(given_, frozenset) or repr(given_) == repr(found)
    return [] if given_ == found and is_shown_alike else ["value"]


@pytest.mark.parametrize("value", [*PYTHON, *ARRAYS, *SCALARS], ids=lambda value: type(value).__name__)
def test_a_value_comes_back_equal_in_all_it_has(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [] == differences(value, unpack(pack(value, extended=True)))
        [nested] = unpack(pack({"a": [value]}, extended=True))["a"]
    assert [] == differences(value, nested)


@given(
    st.datetimes(timezones=st.timezones() | st.none())
    | st.times(timezones=st.just(dt.UTC) | st.none())
    | st.timedeltas()
    | st.fractions()
    | st.frozensets(st.integers())
)
@settings(max_examples=300)
def test_any_time_and_fraction(value):
    assert [] == differences(value, unpack(pack(value, extended=True)))


@given(
    arrays.arrays(
        arrays.scalar_dtypes() | arrays.array_dtypes(max_size=3), arrays.array_shapes(min_dims=0, min_side=0)
    )
)
@settings(max_examples=300)
def test_any_array(value):
    found = unpack(pack(value, extended=True))
    assert (value.dtype, value.dtype.str, value.shape) == (found.dtype, found.dtype.str, found.shape)
    assert value.tobytes() == found.tobytes()


def test_text_of_numpy_2():
    kind = getattr(getattr(np, "dtypes", None), "StringDType", None)
    if kind is None:
        with pytest.raises(TypeError):
            np.dtype("T")
        return
    found = unpack(pack(np.array(["é", "long" * 9], kind()), extended=True))
    assert (kind(), ["é", "long" * 9]) == (found.dtype, found.tolist())


def test_times_of_pandas():
    pandas = pytest.importorskip("pandas")
    for value in (
        pandas.Timestamp("2020-01-01 00:00:00.000000001"), pandas.Timestamp("2020-01-01", tz="Europe/Berlin"),
        pandas.Timedelta(5, "us"),
    ):  # fmt: skip
        found = unpack(pack(value, extended=True))
        assert (type(value), value, repr(value)) == (type(found), found, repr(found))


@pytest.mark.parametrize("value", [*PYTHON, *ARRAYS], ids=lambda value: type(value).__name__)
def test_the_earlier_format_stays_as_it_was(value):
    """Without the extension no blob holds its tag: it is written as ever, or refused by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            packed = pack([value], compress=False)
        except EncodeError:  # as it always was: what it cannot hold at all
            return
    assert [] == _tags(packed, 13)


def _tags(packed, place):
    """The tags of the extension among the elements of a list."""
    end, found = len(packed), []
    while place < end:
        (size,) = struct.unpack_from("<Q", packed, place)
        found += [extension.TAG] if packed[place + 8] == extension.TAG else []
        place += 8 + size
    return found


def test_plain_values_have_the_bytes_of_earlier_releases():
    plain = [
        1,
        2.5,
        "é",
        b"x",
        None,
        True,
        [1, (2,)],
        {"a": {1}},
        dt.date(2020, 1, 1),
        np.arange(6.0).reshape(2, 3),
    ]
    assert [pack(value) for value in plain] == [pack(value, extended=True) for value in plain]


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(("value", "plain"), [(Colour.RED, 1), (type("Own", (dict,), {})(a=1), {"a": 1})])
def test_a_subclass_is_read_back_plain_and_that_is_said(value, plain):
    with pytest.warns(DataJointWarning, match="A blob keeps an object of type"):
        assert plain == unpack(pack(value, extended=True))


class Zone(dt.tzinfo):
    def utcoffset(self, moment):
        return dt.timedelta(0)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (dt.datetime(2020, 1, 1, tzinfo=Zone()), "time zone"),
        (defaultdict(lambda: 1), "defaultdict"),
        (np.ma.masked_array([None, 1]), "masked array of objects"),
        (np.arange(2).view(type("Own", (np.ndarray,), {})), "an array of type .*Own"),
        (memoryview(b"ab"), "memoryview"),
        (Path("x"), "PosixPath"),
        (slice(1), "slice"),
        ("\ud800", "character"),
    ],
)
def test_what_cannot_come_back_is_refused_by_name(value, named):
    with pytest.raises(EncodeError, match=named):
        pack([value], extended=True)


def element(kind, parts):
    body = pack(kind, compress=False)[4:]
    first = struct.pack("<Q", len(body)) + body
    body = pack(parts, compress=False)[4:]
    return b"dj0\0X" + first + struct.pack("<Q", len(body)) + body


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("later", 1),
        (7, 1),
        ("bytearray", 1 << 40),
        ("array", ("<f8", (1 << 40,), "C", b"")),
        ("array", ("<f8", (-1,), "C", b"")),
        ("array", ("<U0", (1 << 60,), "C", b"")),
        ("array", ("|O", (1,), "C", b"12345678")),
        ("array", ("<V9999999999999", (0,), "C", b"")),
        ("array", ("os.system", (0,), "C", b"")),
        ("array", (("fields", 8, False, [("a", "|O", 0, None)], False), (1,), "C", b"12345678")),
        ("array", (("fields", 8, False, [("a", "<i4", -4, None)], False), (1,), "C", b"12345678")),
        ("masked", ([1], None, None, False)),
        ("columns", ("|O", (1 << 50,), False, {})),
        ("columns", (("fields", 8, False, [("a", "|O", 0, None)], False), (1 << 50,), False, {"a": 1})),
        ("namedtuple", ("os", "system", ("x",), (1,))),
        ("namedtuple", ("m", "P q", ("x",), (1,))),
        ("namedtuple", ("m", "P", ("x", "y"), (1,))),
        ("defaultdict", ("system", {})),
        ("datetime", (1, 2)),
        ("datetime", (2020, 1, 1, 0, 0, 0, 0, 0, ("zone", "../../etc/passwd"))),
        ("datetime", (2020, 1, 1, 0, 0, 0, 0, 0, ("zone", "No/Where"))),
        ("frozenset", [[1]]),
        ("range", ()),
        ("fraction", (1, 0)),
        ("timedelta", (1 << 70, 0, 0)),
        ("deque", 1),
    ],
)
def test_hostile_parts_are_refused(kind, parts):
    data = element(kind, parts)
    if (kind, parts) == ("namedtuple", ("os", "system", ("x",), (1,))):
        found = unpack(data)  # a class like it, never what the module has
        assert ("system", (1,), "x") == (type(found).__name__, tuple(found), found._fields[0])
        assert type(found) is not os.system
        return
    with pytest.raises(DecodeError, match="cannot be read"):
        unpack(data)


@given(st.binary(max_size=80), st.sampled_from(sorted({*extension._BUILT, "array", "masked", "columns"})))
@settings(max_examples=300)
def test_random_parts(data, kind):
    body = pack(kind, compress=False)[4:]
    whole = b"dj0\0X" + struct.pack("<Q", len(body)) + body + struct.pack("<Q", len(data)) + data
    with contextlib.suppress(DecodeError):
        unpack(whole)


SAMPLE = pack([*PYTHON, *ARRAYS], compress=False, extended=True)


def test_every_truncation_and_many_flipped_bytes():
    for size in range(0, len(SAMPLE), 3):
        with pytest.raises(DecodeError):
            unpack(SAMPLE[:size])
    for place in range(4, len(SAMPLE), 2):
        damaged = SAMPLE[:place] + bytes([SAMPLE[place] ^ 0x5A]) + SAMPLE[place + 1 :]
        with contextlib.suppress(DecodeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unpack(damaged)


def test_a_class_that_is_not_loaded_gets_one_like_it():
    code = "import sys; from datajoint.codecs.blob import unpack; v = unpack(sys.stdin.buffer.read()); print(v, v.y)"
    made = subprocess.run(
        [sys.executable, "-c", code], input=pack(Point(1, 2), extended=True), capture_output=True, check=True
    )
    assert b"Point(x=1, y=2) 2" == made.stdout.strip()
