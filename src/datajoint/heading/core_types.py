"""Core types: one record for each kind, from which the tables of the other modules follow."""

# ruff: noqa: DTZ001 - moments are naive UTC by convention

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from datajoint._value import Value

__all__ = ["CORE_TYPES", "KINDS", "CoreType"]


class CoreType(Value):
    """What the library knows of a kind of type, apart from its columns in each database.

    Attributes
    ----------
    kind
        Word of the definition language, such as ``int32``.
    python
        Class of the canonical values; None for JSON, whose values have several.
    family
        Family of expressions: ``bool int decimal float text date datetime time uuid bytes json``.
    polars, arrow
        Name of the type in Polars and in Arrow, without units and digits. ``""``: found from the values.
    numpy
        Type of NumPy arrays.
    width
        Bytes of a stored value, for estimates; None where the length of each value is measured.
    form
        What follows the word: ``(n)``, ``(p,s)``, ``('a','b')``; ``""`` for a word alone.
    sample
        A canonical value, which the tests store and read on every database.
    exact
        Whether values that a database takes for equal are the same value (not so for ``'a'`` and ``'A'``).
    comparable
        Whether a list of values that insert takes unchanged can be compared as one parameter.
    stored_as
        Kinds of columns in which databases may keep the type, beside its own.
    normalise
        Function from a value to its canonical form; it raises ValueError. None: `values` has one.
    core
        False for the kinds of native columns that no core type stands for.

    Examples
    --------
    >>> CORE_TYPES["uuid"].family, CORE_TYPES["uuid"].width
    ('uuid', 16)
    """

    kind: str
    python: type | None
    family: str
    polars: str
    arrow: str
    numpy: str = "O"
    width: int | None = None
    form: str = ""
    sample: Any = None
    exact: bool = True
    comparable: bool = False
    stored_as: tuple[str, ...] = ()
    normalise: Callable[[Any], Any] | None = None
    core: bool = True


def _integer(bits: int, signed: bool) -> CoreType:
    kind = f"int{bits}" if signed else f"uint{bits}"
    stored = {"int8": ("int16",), "uint8": ("int16",), "uint16": ("int32",), "uint32": ("int64",)}
    return CoreType(
        kind, int, "int", f"Int{bits}" if signed else f"UInt{bits}", kind,
        numpy="u8" if kind == "uint64" else "i8", width=bits // 8, comparable=True,
        sample=7, stored_as=stored.get(kind, ("decimal", "bytes", "blob") if kind == "uint64" else ()),
    )  # fmt: skip


def _text(kind: str, core: bool = True, **fields: Any) -> CoreType:
    return CoreType(kind, str, "text", "String", "string", exact=False, core=core, sample="a", **fields)


KINDS: dict[str, CoreType] = {
    record.kind: record
    for record in (
        *(_integer(bits, signed) for signed in (True, False) for bits in (8, 16, 32, 64)),
        CoreType("float32", float, "float", "Float32", "float32", numpy="f8", width=4, sample=0.5),
        CoreType("float64", float, "float", "Float64", "float64", numpy="f8", width=8, sample=0.5),
        CoreType("bool", bool, "bool", "Boolean", "bool_", numpy="?", width=1, comparable=True,
                 sample=True, stored_as=("int8",)),
        CoreType("decimal", Decimal, "decimal", "Decimal", "decimal", width=8, form="(p,s)",
                 sample=Decimal("2.5"), stored_as=("int64", "text")),
        _text("char", form="(n)"),
        _text("varchar", form="(n)", comparable=True),
        _text("enum", form="('a','b')", comparable=True, stored_as=("text", "varchar", "native")),
        CoreType("date", date, "date", "Date", "date32", width=4, comparable=True,
                 sample=date(2024, 1, 2)),
        CoreType("datetime", datetime, "datetime", "Datetime", "timestamp", width=8, form="(n)",
                 sample=datetime(2024, 1, 2, 3), stored_as=("timestamp",)),
        CoreType("timestamp", datetime, "datetime", "Datetime", "timestamp", width=8, form="(n)", exact=False,
                 sample=datetime(2024, 1, 2, 3), stored_as=("datetime",)),
        CoreType("uuid", UUID, "uuid", "String", "string", width=16, comparable=True,
                 sample=UUID(int=5), stored_as=("bytes", "native")),
        CoreType("json", None, "json", "", "string", exact=False, sample={"a": [1]},
                 stored_as=("text",)),
        CoreType("bytes", bytes, "bytes", "Binary", "binary", sample=b"\0a", stored_as=("blob",)),
        _text("text", core=False),
        CoreType("time", timedelta, "time", "", "", width=8, form="(n)", core=False),
        CoreType("year", int, "int", "Int32", "int32", width=2, exact=False, core=False),
    )
}  # fmt: skip
"""Records of all kinds with values of their own: core types, and native columns without a core type."""

CORE_TYPES = {kind: record for kind, record in KINDS.items() if record.core}
"""Records of the core types, in the order of the documentation."""
