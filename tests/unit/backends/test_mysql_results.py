"""Answers of MySQL and MariaDB are read as the driver reads them, in whatever pieces they arrive."""

import io
from types import SimpleNamespace

import pymysql
import pytest

from datajoint.backends.mysql.results import packet_reader, result_class

DRIVER = pymysql.connections.Connection
PIECES = [1, 3, 4, 7, 100, 100_000]


class Arriving(io.RawIOBase):
    """Bytes that arrive in pieces of some size."""

    def __init__(self, data, size):
        self.data, self.size = io.BytesIO(data), size

    def readable(self):
        return True

    def readinto(self, buffer):
        found = self.data.read(min(self.size, len(buffer)))
        buffer[: len(found)] = found
        return len(found)


def packets(*contents):
    return b"".join(
        len(content).to_bytes(3, "little") + bytes([n % 256]) + content for n, content in enumerate(contents)
    )


def connection(data, size, read=None):
    made = object.__new__(type("Connection", (DRIVER,), {"_read_packet": read} if read else {}))
    made.__dict__.update(
        _rfile=io.BufferedReader(Arriving(data, size)), _next_seq_id=0, _result=None, encoding="utf8",
        _read_timeout=None, _current_timeout=None, _sock=SimpleNamespace(settimeout=id, close=id),
    )  # fmt: skip
    return made


def outcomes(made, count):
    """What reading some packets gives: their bytes, or the class and number of an error."""
    found = []
    for _ in range(count):
        try:
            found.append(bytes(made._read_packet().get_all_data()))
        except pymysql.Error as error:
            found.append((type(error).__name__, error.args[0]))
    return found


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize(
    "data",
    [
        packets(b"\x01", b"abc" * 5000, b"\xfe\0\0\2\0"),
        packets(b"\x01", b"\xff\x15\x04#28000Access denied", b"after an error"),
        packets(b"\x01", b"cut off")[:-3],
        packets(b"\x01")[:2],
        packets(b"\x01") + packets(b"out of order"),
        b"",
    ],
)
def test_packets_are_those_that_the_driver_reads(data, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DRIVER, "_force_close", lambda self: None)
        ours = outcomes(connection(data, size, packet_reader(DRIVER)), 3)
        assert ours == outcomes(connection(data, size), 3)


def text(value):
    """A value as a row holds it."""
    if value is None:
        return b"\xfb"
    size = len(value)
    head = bytes([size]) if size < 251 else b"\xfc" + size.to_bytes(2, "little")
    return head + value


@pytest.mark.parametrize("long", [b"", b"x" * 250, b"x" * 251, "ä".encode() * 9000])
def test_rows_are_those_that_the_driver_reads(long):
    data = b"".join(map(text, [b"-12", None, long, b"1.5", b"\0\xff"]))
    ways = [(None, int), ("utf-8", None), ("utf-8", None), (None, float), (None, None)]
    result = result_class()(None)
    for count in (len(ways), len(ways) + 1):  # a column more than there are values
        result.converters = [*ways, ("ascii", None)][:count]
        found = result._read_row_from_packet(pymysql.protocol.MysqlPacket(data, "utf8"))
        assert (-12, None, long.decode(), 1.5, b"\0\xff") == found
