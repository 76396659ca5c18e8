"""What a server answers, read with less effort than the driver takes where all is as it mostly is.

Anything else is left to the driver: packets that have not arrived in whole, errors, long values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

__all__ = ["packet_reader", "result_class"]

UPLOAD = 1 << 19
"""Bytes of a packet of a file."""

_BINARY = 63
"""Number of the character set of what is no text."""

LOST_WHILE_READING = 2013

_NULL = 0xFB
_ERROR = 0xFF


def packet_reader(base: Any) -> Callable[..., Any]:
    """Return `_read_packet` of a class derived from the driver's connection."""
    plain: Any = _driver().protocol.MysqlPacket

    def read_packet(self: Any, packet_type: Any = plain) -> Any:
        try:
            ahead = self._rfile.peek(4)
        except OSError as error:  # that of a signal handler would not come again
            self._force_close()
            raise _driver().err.OperationalError(
                LOST_WHILE_READING, f"Lost connection to MySQL server during query ({error})"
            ) from error
        end = 4 + int.from_bytes(ahead[:3], "little")
        if not 4 < end <= len(ahead) or ahead[3] != self._next_seq_id or ahead[4] == _ERROR:
            return base._read_packet(self, packet_type)
        self._rfile.read(end)
        self._next_seq_id = (ahead[3] + 1) % 256
        return packet_type(ahead[4:end], self.encoding)

    return read_packet


@cache
def result_class() -> Any:
    """Return the driver's result, which knows of no files but the rows of `MysqlSession.load_rows`."""
    own = {
        "_read_load_local_packet": _send_rows, "_get_descriptions": _describe,
        "_read_row_from_packet": _read_row,
    }  # fmt: skip
    return type("Result", (_driver().connections.MySQLResult,), own)


@cache
def _driver() -> Any:
    import pymysql

    return pymysql


def _send_rows(result: Any, _request: object) -> None:
    connection = result.connection
    blocks, connection.upload = connection.upload or (), None
    try:
        for block in blocks:
            for start in range(0, len(block), UPLOAD):
                connection.write_packet(block[start : start + UPLOAD])
    finally:
        connection.write_packet(b"")
        answer = connection._read_packet()
    result._read_ok_packet(answer)


def _describe(result: Any) -> None:
    """Read what the columns are: their description, and how their values are decoded."""
    connection = result.connection
    columns = [_column(connection._read_packet().get_all_data()) for _ in range(result.field_count)]
    decoders = [connection.decoders.get(description[1]) for description, _ in columns]
    result.description = tuple([description for description, _ in columns])
    result.converters = [  # numbers are read from bytes as well
        (None if decode in (int, float) else encoding, decode)
        for (_, encoding), decode in zip(columns, decoders, strict=True)
    ]
    connection._read_packet()  # which says that this was all


@lru_cache(4096)
def _column(packet: bytes) -> tuple[tuple[Any, ...], str | None]:
    """Return description and encoding of a column; the same ones come again and again."""
    driver = _driver()
    field = driver.protocol.FieldDescriptorPacket(packet, "utf-8")
    if field.type_code in driver.connections.TEXT_TYPES:
        encoding = None if field.charsetnr == _BINARY else "utf-8"
    else:
        encoding = "utf-8" if field.type_code == driver.constants.FIELD_TYPE.JSON else "ascii"
    return field.description(), encoding


def _read_row(result: Any, packet: Any) -> tuple[Any, ...]:
    """Return the values of a row; the driver reads what is longer than a byte tells, or shorter."""
    row: list[Any] = []
    data, at, end = packet.get_all_data(), 0, len(packet.get_all_data())
    for encoding, decode in result.converters:
        if at >= end or (size := data[at]) > _NULL:
            return _driver().connections.MySQLResult._read_row_from_packet(result, packet)
        at += 1
        if size == _NULL:
            row.append(None)
            continue
        value: Any = data[at : at + size]
        at += size
        if encoding is not None:
            value = value.decode()
        row.append(value if decode is None else decode(value))
    return tuple(row)
