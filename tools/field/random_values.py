"""Random values of the types that definitions name, and whether a value came back as it was stored."""

import datetime as dt
import json
import math
import os
import random
import re
import tempfile
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

LETTERS = "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 äßé'%\\"
LONGEST = 24
START = dt.datetime(2001, 2, 3)  # noqa: DTZ001 - times in tables have no zone
DAYS = 9000
SMALL = 0.7
BITS = {
    "tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64,
    "int8": 8, "int16": 16, "int32": 32, "int64": 64,
}  # fmt: skip


class NeedsStoreError(Exception):
    """The value lives in an object store."""


class Asked(NamedTuple):
    """The parts of a type, `varchar(24)`, `decimal(4,1) unsigned`, and where chance comes from."""

    arguments: str
    rest: str
    chance: random.Random


def random_value(type_: str, chance: random.Random) -> Any:
    """Return a value that an attribute of this declared type accepts."""
    if "@" in type_ or re.match(r"<?(filepath|object|hash|npy)\b", type_):
        raise NeedsStoreError(type_)
    match = re.match(r"<?([a-z_]+\d*)>?\s*(?:\((.*)\))?(.*)", type_, re.DOTALL | re.IGNORECASE)
    kind = match[1].lower() if match else ""
    if match is None or kind not in {*BITS, *MAKERS}:
        raise ValueError(f"no random value for the type {type_!r}")
    asked = Asked(match[2] or "", match[3], chance)
    return _integer(BITS[kind], asked) if kind in BITS else MAKERS[kind](asked)


def same(stored: Any, fetched: Any) -> bool:
    """Whether a fetched value is the one that was stored, as far as its type keeps it."""
    if any(isinstance(value, np.ndarray) for value in (stored, fetched)):
        return bool(np.array_equal(stored, fetched))
    if isinstance(stored, dict):
        return _same_members(cast(dict[str, Any], stored), fetched)
    if isinstance(stored, float):
        return math.isclose(stored, float(fetched), rel_tol=1e-6, abs_tol=1e-30)
    if isinstance(stored, str) and os.path.isfile(stored):  # an attachment
        return Path(stored).read_bytes() == Path(fetched).read_bytes()
    return stored is fetched or bool(stored == fetched)


def _same_members(stored: dict[str, Any], fetched: dict[str, Any]) -> bool:
    return stored.keys() == fetched.keys() and all(same(stored[name], fetched[name]) for name in stored)


def _integer(bits: int, asked: Asked) -> int:
    if asked.arguments == "1":
        return asked.chance.randrange(2)
    unsigned = "unsigned" in asked.rest
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return (
        asked.chance.randint(0, min(high, 100))
        if asked.chance.random() < SMALL
        else asked.chance.randint(low, high)
    )


def _text(asked: Asked) -> str:
    length = asked.chance.randint(1, min(int(asked.arguments or LONGEST), LONGEST))
    return "".join(asked.chance.choice(LETTERS) for _ in range(length)).strip() or "x"


def _decimal(asked: Asked) -> Decimal:
    digits, _, scale = (asked.arguments or "10,0").partition(",")
    highest = 10 ** min(int(digits), 15) - 1
    lowest = 0 if "unsigned" in asked.rest else -highest
    return Decimal(asked.chance.randint(lowest, highest)).scaleb(-int(scale or 0))


def _enum(asked: Asked) -> str:
    labels = re.findall(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"", asked.arguments)
    single, double = asked.chance.choice(labels)
    return single.replace("''", "'") or double.replace('""', '"')


def _moment(asked: Asked) -> dt.datetime:
    digits = int(asked.arguments or 0)
    fraction = asked.chance.randrange(10**digits) * 10 ** (6 - digits)
    return START + dt.timedelta(seconds=asked.chance.randrange(DAYS * 86400), microseconds=fraction)


def _blob(asked: Asked) -> Any:
    size = asked.chance.randrange(5)
    objects: list[Any] = [
        np.arange(size * 2, dtype="float64"),
        {"a": [1, 2.5, "x"], "n": None},
        np.ones((size, 2), "int16"),
    ]
    return asked.chance.choice(objects)


def _attachment(asked: Asked) -> str:
    path = Path(tempfile.mkdtemp()) / f"{asked.chance.getrandbits(40):x}.bin"
    path.write_bytes(asked.chance.randbytes(20))
    return str(path)


def _json(asked: Asked) -> Any:
    return json.loads(asked.chance.choice(['{"a": [1, null, "x"]}', "[1, 2]", '{"b": {"c": 1.5}}']))


def _flag(asked: Asked) -> int:
    return asked.chance.randrange(2)


def _real(asked: Asked) -> float:
    return asked.chance.gauss(0, 1)


MAKERS: dict[str, Callable[[Asked], Any]] = {
    "attach": _attachment,
    "bytes": lambda asked: asked.chance.randbytes(8),
    "date": lambda asked: _moment(asked).date(),
    "decimal": _decimal,
    "enum": _enum,
    "json": _json,
    "time": lambda asked: dt.timedelta(seconds=asked.chance.randrange(86400)),
    "uuid": lambda asked: uuid.UUID(int=asked.chance.getrandbits(128)),
    "year": lambda asked: asked.chance.randint(1990, 2100),
    **dict.fromkeys(("bool", "boolean"), _flag),
    **dict.fromkeys(("varchar", "char", "text", "longtext", "mediumtext", "tinytext"), _text),
    **dict.fromkeys(("float", "double", "real", "float32", "float64"), _real),
    **dict.fromkeys(("datetime", "timestamp"), _moment),
    **dict.fromkeys(("blob", "longblob", "mediumblob", "tinyblob"), _blob),
}
