"""Numbers of the array types in a blob, and how their items lie in memory."""

from __future__ import annotations

__all__ = ["CHAR", "DTYPES", "OBJECT", "TYPE_IDS"]

CHAR = 4
OBJECT = 5
_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")

# (type id, complex flag) → dtype in little-endian order; characters are 16-bit units
DTYPES: dict[tuple[int, int], str] = {
    (3, 0): "|b1",
    (4, 0): "<u2",
    (6, 0): "<f8",
    (6, 1): "<c16",
    (7, 0): "<f4",
    (7, 1): "<c8",
    (8, 0): "|i1",
    (9, 0): "|u1",
    (10, 0): "<i2",
    (11, 0): "<u2",
    (12, 0): "<i4",
    (13, 0): "<u4",
    (14, 0): "<i8",
    (15, 0): "<u8",
    **{(65536 + number, 0): f"<M8[{unit}]" for number, unit in enumerate(_UNITS)},
}

# dtype → (type id, complex flag)
TYPE_IDS: dict[str, tuple[int, int]] = {dtype: code for code, dtype in DTYPES.items() if code[0] != CHAR}
