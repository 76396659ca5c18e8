"""Damaged, hostile and foreign bytes are refused, whatever they are."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from datajoint.codecs.blob import MatCell, MatStruct, compression, pack, unpack
from datajoint.errors import DecodeError

SAMPLE = {
    "ints": [1, -300, 1 << 40],
    "floats": [0.5] * 40,
    "text": ("é", b"x", None, True, 2j),
    "set": {1, "a"},
    "array": np.arange(6, dtype="i2").reshape(2, 3),
    "complex": np.ones(2, dtype="c8"),
    "objects": np.array([1, "x", None], dtype=object),
    "records": np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "cell": np.array([1, "x"], dtype=object).view(MatCell),
    "struct": np.array([(1, 2)], dtype=[("a", object), ("b", object)]).view(MatStruct),
    "char": np.array([b"a", b"b"], dtype="S1").view("c"),
}
PLAIN = pack(SAMPLE, compress=False)
TAGS = b"\x01\x02\x03\x04\x05\x06\x0a\x0b\x0c\x0d\x41\x43\x46\x50\x53\x64\x74\x75\xff"


def read(data, **options):
    """Read bytes; return whether they were a blob. Anything but a DecodeError is a failure."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            unpack(data, **options)
    except DecodeError:
        return False
    return True


@given(st.binary(max_size=200), st.sampled_from([b"dj0\0", b"mYm\0", b"ZL123\0", b""]), st.booleans())
@settings(max_examples=500)
def test_random_bytes(data, header, narrow):
    read(header + data, use_32bit_dims=narrow)


@given(st.sampled_from(sorted(TAGS)), st.binary(max_size=100), st.integers(0, 40), st.booleans())
@settings(max_examples=500)
def test_random_elements(tag, data, small, narrow):
    read(b"dj0\0" + bytes([tag]) + struct.pack("<Q", small) + data, use_32bit_dims=narrow)


def test_every_truncation():
    assert [] == [size for size in range(len(PLAIN)) if read(PLAIN[:size])]


def test_appended_bytes():
    assert not read(PLAIN + b"\0")
    assert not read(pack(SAMPLE) + b"\0")


@given(
    st.integers(0, len(PLAIN) - 1), st.integers(0, 255), st.integers(0, len(PLAIN) - 1), st.integers(0, 255)
)
@settings(max_examples=1000)
def test_changed_bytes(first, one, second, two):
    data = bytearray(PLAIN)
    data[first], data[second] = one, two
    read(bytes(data))


@given(st.binary(max_size=60), st.integers(0, 60))
def test_changed_compressed_bytes(noise, position):
    data = bytearray(pack(["a" * 2000, 0.5]))
    data[position : position + len(noise)] = noise
    read(bytes(data))


HUGE = struct.pack("<Q", 1 << 60)


@pytest.mark.parametrize(
    "body",
    [
        b"\x01" + HUGE,
        b"\x02" + HUGE + b"\0" * 20,
        b"\x04" + HUGE,
        b"\x05" + HUGE,
        b"A" + HUGE,
        b"A" + struct.pack("<QQQ", 2, 1 << 40, 0) + struct.pack("<II", 6, 0) + b"\0",
        b"A" + struct.pack("<QQ", 1, 1 << 40) + struct.pack("<II", 6, 0),
        b"A" + struct.pack("<QQ", 1, 1 << 40) + struct.pack("<II", 5, 0),
        b"A" + struct.pack("<QQ", 1, 1) + struct.pack("<II", 8, 1) + b"\0\0",
        b"C" + struct.pack("<QQ", 1, 1 << 40),
        b"S" + struct.pack("<QQI", 1, 1 << 40, 1) + b"a\0",
        b"S" + struct.pack("<QQI", 1, 1, 1 << 30),
        b"F" + struct.pack("<I", 1 << 30),
        b"F" + struct.pack("<I", 2) + b"a\0a\0" + 2 * (b"A" + struct.pack("<QII", 0, 8, 0) + b"\1"),
        b"\x02" + struct.pack("<QQ", 1, 0),
        b"\x0a\2\0\1",
        b"t" + struct.pack("<iq", 20201301, -1),
        b"t" + struct.pack("<iq", -5, 0),
        b"d" + struct.pack("<Q", 3) + b"1.x",
        b"\x05" + struct.pack("<Q", 1) + b"\xff",
    ],
)
def test_impossible_counts_and_values(body):
    assert not read(b"dj0\0" + body)


def test_deep_nesting():
    inner = b"\xff"
    for _ in range(5000):
        inner = b"\x02" + struct.pack("<QQ", 1, len(inner)) + inner
    assert not read(b"dj0\0" + inner)


@pytest.mark.parametrize("engine", ["zlib", "isal"])
def test_compressed_streams_of_both_kinds(engine, monkeypatch):
    if engine == "zlib":
        monkeypatch.setattr(compression, "_engine", lambda: (zlib, -1, (zlib.error,)))
    else:
        pytest.importorskip("isal")
    value = {"a": ["abc"] * 1000, "b": np.zeros(300_000)}
    packed = pack(value)
    assert b"ZL123\0" == packed[:6]
    assert len(packed) < 30_000
    assert pack(value, compress=False) == zlib.decompress(packed[14:])
    assert value["a"] == unpack(packed)["a"]
    assert not read(packed[:-1])
    assert not read(packed[:40] + b"\0" + packed[41:])


def envelope(size, plain):
    return b"ZL123\0" + struct.pack("<Q", size) + zlib.compress(plain)


def test_announced_sizes_are_checked():
    plain = pack("a" * 100_000, compress=False)
    assert read(envelope(len(plain), plain))
    for size in (0, 1, len(plain) - 1, len(plain) + 1, 1 << 40, (1 << 64) - 1):
        assert not read(envelope(size, plain))
    assert not read(b"ZL123\0")
    assert not read(envelope(len(plain), plain) + b"x")
    assert not read(envelope(5, b"dj0\0\xff")[:-4])


def test_what_does_not_shrink_stays_plain():
    noise = np.random.default_rng(0).bytes
    for size in (2000, 3 << 20):
        assert b"dj0\0" == pack(noise(size))[:4]
    assert b"dj0\0" == pack("a" * 900)[:4]
    assert b"ZL123\0" == pack("a" * 1000)[:6]
    assert b"ZL123\0" == pack(np.zeros(1 << 18))[:6]


@pytest.mark.parametrize("data", [None, "dj0\0\xff", 5, b"", b"dj0\0", b"abc", b"ZL123", [1]])
def test_what_is_no_blob(data):
    assert not read(data)


def test_sparse_arrays_say_so():
    with pytest.raises(DecodeError, match="sparse"):
        unpack(b"mYm\0P" + struct.pack("<Q", 2))


# 32-bit lengths


def narrowed(tag, *parts):
    return (
        b"mYm\0"
        + tag
        + b"".join(struct.pack("<I", part) if isinstance(part, int) else part for part in parts)
    )


def element(data):
    return struct.pack("<I", len(data)) + data


def test_32_bit_lengths():
    array = b"A" + struct.pack("<5I", 2, 1, 2, 12, 0) + struct.pack("<2i", 7, 8)
    assert [[7, 8]] == unpack(b"mYm\0" + array, use_32bit_dims=True).tolist()
    cell = narrowed(b"C", 2, 1, 2, element(array), element(array))
    assert [[7, 8]] == unpack(cell, use_32bit_dims=True)[0, 1].tolist()
    struct_array = narrowed(b"S", 2, 1, 1, 2, b"x\0y\0", element(array), element(cell[4:]))
    back = unpack(struct_array, use_32bit_dims=True)
    assert [[7, 8]] == back[0, 0].y[0, 0].tolist()
    python = narrowed(b"\x04", 1, element(b"\x05" + element(b"k")), element(b"\x02" + struct.pack("<I", 2)
                      + element(b"\x0d" + struct.pack("<d", 0.5)) + element(b"\xff")))  # fmt: skip
    assert {"k": [0.5, None]} == unpack(python, use_32bit_dims=True)
    objects = narrowed(b"A", 1, 1, 5, 0, element(b"\x0b\x01"))
    assert [True] == unpack(objects, use_32bit_dims=True).tolist()
    fields = narrowed(b"F", 1, b"a\0", array)
    assert [[(7,), (8,)]] == unpack(fields, use_32bit_dims=True).tolist()
    assert not read(cell[:-1], use_32bit_dims=True)
    assert not read(cell + b"x", use_32bit_dims=True)
