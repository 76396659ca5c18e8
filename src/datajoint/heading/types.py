"""Types of attributes: core types, native types of databases, codecs; read from their text."""

from __future__ import annotations

import re
from functools import lru_cache

from datajoint._value import Value
from datajoint.errors import UnknownTypeError, nearest
from datajoint.heading.core_types import CORE_TYPES, KINDS

__all__ = [
    "FLOATS",
    "INTEGERS",
    "INTEGER_RANGES",
    "NUMBERS",
    "NUMPY_TYPES",
    "TEMPORAL",
    "TEXTS",
    "ZONED",
    "AttributeType",
    "parse_type",
]

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    **{f"int{n}": (-(1 << n - 1), (1 << n - 1) - 1) for n in (8, 16, 32, 64)},
    **{f"uint{n}": (0, (1 << n) - 1) for n in (8, 16, 32, 64)},
}
"""Smallest and largest value of each integer type."""

INTEGERS = frozenset(INTEGER_RANGES)
FLOATS = frozenset(kind for kind, record in CORE_TYPES.items() if record.family == "float")
NUMBERS = INTEGERS | FLOATS | {"decimal", "bool"}
NUMPY_TYPES = {kind: record.numpy for kind, record in CORE_TYPES.items() if record.numpy != "O"}
"""Types of NumPy arrays by kind; values of all others are objects."""
TEXTS = frozenset(kind for kind, record in KINDS.items() if record.family == "text")
TEMPORAL = frozenset({"date", "datetime", "timestamp", "time"})
ZONED = TEMPORAL - {"time"}
"""Kinds whose values may be given with a zone."""


class AttributeType(Value):
    """Type of an attribute.

    Attributes
    ----------
    text
        As written in the definition, which is what ``describe()`` prints: ``varchar(30)``, ``<blob@main>``.
    kind
        One of ``int8 … int64 uint8 … uint64 float32 float64 bool decimal char varchar enum date datetime
        timestamp uuid json bytes``; ``text time year blob`` for native types without a core type (``blob``:
        an unmarked native blob, TYP-18); ``codec``; ``native`` for any other word of a database.
    length
        Characters of ``char`` and ``varchar``; precision of ``decimal``; fraction digits of ``datetime``,
        ``timestamp``, ``time`` (0 when not given).
    scale
        Digits after the point of ``decimal``.
    labels
        Values of ``enum``, in order.
    codec, store
        Name of the codec; name of its store: None for in-table, ``""`` for the default store.
    native
        Whether the text is a word of a database rather than a core type or a codec (TYP-17).
    autoincrement
        Whether the database numbers the rows.
    collation
        How the database compares the texts of this column where it does not do so exactly (MySQL); that is
        no part of the type: types are equal without regard to it.
    """

    text: str
    kind: str
    length: int | None = None
    scale: int | None = None
    labels: tuple[str, ...] = ()
    codec: str | None = None
    store: str | None = None
    native: bool = False
    autoincrement: bool = False
    collation: str | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, AttributeType) and self._meaning() == other._meaning())

    def __hash__(self) -> int:
        return hash(self.text)

    def _meaning(self) -> tuple[object, ...]:
        return (
            self.text, self.kind, self.length, self.scale, self.labels, self.codec, self.store, self.native,
            self.autoincrement,
        )  # fmt: skip

    def __str__(self) -> str:
        return self.text


_SIMPLE = frozenset(kind for kind, record in CORE_TYPES.items() if not record.form)
_OTHER_FORMS = ", ".join(kind + record.form for kind, record in CORE_TYPES.items() if kind not in INTEGERS)
_KINDS = (*sorted(_SIMPLE), "char", "varchar", "datetime", "timestamp", "decimal", "enum")
_MEANT = {
    "str": "varchar(255)", "string": "varchar(255)", "object": "<blob>", "array": "<blob>",
    "ndarray": "<blob>", "numpy": "<blob>", "dict": "json", "list": "json", "number": "float64",
    "long": "int64", "uint": "uint32", "float16": "float32",
}  # fmt: skip
"""What words of other languages stand for."""
_SIZED = re.compile(r"(?P<kind>char|varchar|datetime|timestamp)\s*(?:\(\s*(?P<n>\d+)\s*\))?")
_DECIMAL = re.compile(r"decimal\s*\(\s*(?P<p>\d+)\s*(?:,\s*(?P<s>\d+)\s*)?\)")
_CODEC = re.compile(r"<\s*(?P<name>[a-z][a-z0-9_]*)\s*(?P<at>@\s*(?P<store>[A-Za-z0-9_-]*)\s*)?>")
_LABEL = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\s*(,|$)""")
_NATIVE = re.compile(
    r"(?P<word>tinyint|smallint|mediumint|integer|int|bigint|serial|bigserial|smallserial"
    r"|float|double precision|double|real"
    r"|numeric|dec|fixed|decimal|boolean|time|year|tinytext|mediumtext|longtext|text|tinyblob|mediumblob|longblob|blob"
    r"|bytea|varbinary|binary|bit|jsonb|timestamptz)"
    r"\s*(?:\(\s*(?P<n>\d+)\s*(?:,\s*(?P<s>\d+)\s*)?\))?"
    r"(?P<unsigned>\s+unsigned)?(?P<zerofill>\s+zerofill)?(?P<auto>\s+auto_?increment)?",
    re.IGNORECASE,
)
_SET = re.compile(r"set\s*\(", re.IGNORECASE)
_NATIVE_KINDS = {
    "tinyint": "int8", "smallint": "int16", "mediumint": "int32", "integer": "int32", "int": "int32",
    "bigint": "int64",
    "serial": "int64", "bigserial": "int64", "smallserial": "int16",
    "float": "float32", "double precision": "float64", "double": "float64", "real": "float64",
    "numeric": "decimal", "dec": "decimal", "fixed": "decimal", "decimal": "decimal", "boolean": "bool",
    "time": "time",
    "year": "year", "tinytext": "text", "mediumtext": "text", "longtext": "text", "text": "text",
    "tinyblob": "blob", "mediumblob": "blob", "longblob": "blob", "blob": "blob", "bytea": "blob",
    "varbinary": "bytes", "binary": "bytes", "jsonb": "json",
}  # fmt: skip


def parse_type(text: str) -> AttributeType:
    """Read the text of a type.

    Raises
    ------
    UnknownTypeError
        When it is none of the core types, native types or codecs in full (DEF-18), or a size is out of range.

    Examples
    --------
    >>> parse_type("decimal(6,2)").scale
    2
    >>> parse_type("<blob@main>").store
    'main'
    """
    return _parse(text)


@lru_cache(4096)
def _parse(text: str) -> AttributeType:
    text = text.strip()
    return _parse_core(text) or _parse_codec(text) or _parse_native(text) or _refuse(text)


def _refuse(text: str) -> AttributeType:
    if text.endswith((",", ";")):
        raise UnknownTypeError(
            f"Unsupported attribute type `{text}`.", hint=f"A line ends without `{text[-1]}`."
        )
    word = text.partition("(")[0].strip().lower()
    meant = f"Did you mean `{_MEANT[word]}`?" if word in _MEANT else None
    if meant is None and not re.fullmatch(r"u?int\d+", word):  # the list begins with these
        meant = nearest(word, _KINDS, limit=1)
    raise UnknownTypeError(
        f"Unsupported attribute type `{text}`.",
        hint=(f"{meant} " if meant else "")
        + f"Core types: int8…int64, uint8…uint64, {_OTHER_FORMS}; codecs: <blob>, <blob@store>, …",
    )


def _parse_core(text: str) -> AttributeType | None:
    if text in _SIMPLE:
        return AttributeType(text, text)
    if match := _SIZED.fullmatch(text):
        return _sized(text, match["kind"], match["n"])
    if match := _DECIMAL.fullmatch(text):
        precision, scale = int(match["p"]), int(match["s"] or 0)
        if not 1 <= precision <= 65 or not 0 <= scale <= min(precision, 30):
            raise UnknownTypeError(
                f"Unsupported attribute type `{text}`: decimal(p,s) takes 1 ≤ p ≤ 65 and 0 ≤ s ≤ min(p, 30)."
            )
        return AttributeType(text, "decimal", precision, scale)
    if text.startswith("enum"):
        return AttributeType(text, "enum", labels=_labels(text))
    return None


def _sized(text: str, kind: str, number: str | None) -> AttributeType:
    if kind in ("char", "varchar"):
        if number is None:
            if kind == "varchar":
                raise UnknownTypeError(
                    f"Unsupported attribute type `{text}`: a length is needed, as in varchar(255)."
                )
            number = "1"
        if not 1 <= int(number) <= (255 if kind == "char" else 65535):
            raise UnknownTypeError(f"Unsupported attribute type `{text}`: the length must be from 1 to "
                                   f"{255 if kind == 'char' else 65535}.")  # fmt: skip
        return AttributeType(text, kind, int(number))
    if number is not None and int(number) > 6:
        raise UnknownTypeError(
            f"Unsupported attribute type `{text}`: at most 6 digits of a second can be kept."
        )
    return AttributeType(text, kind, int(number or 0))


def _labels(text: str) -> tuple[str, ...]:
    body = text[text.find("(") :].strip() if "(" in text else ""
    word = text[: text.find("(")].strip().lower()
    labels: list[str] = []
    if not (body.startswith("(") and body.endswith(")")):
        _refuse(text)
    rest = body[1:-1].strip()
    while rest:
        match = _LABEL.match(rest)
        if not match:
            raise UnknownTypeError(
                f"Unsupported attribute type `{text}`.", hint=f"Write {word}('one', 'two')."
            )
        labels.append(match[1].replace("''", "'") if match[1] is not None else match[2].replace('""', '"'))
        rest = rest[match.end() :]
    if not labels or len(set(labels)) < len(labels):
        raise UnknownTypeError(f"Unsupported attribute type `{text}`: {word} needs distinct values.")
    return tuple(labels)


def _parse_codec(text: str) -> AttributeType | None:
    match = _CODEC.fullmatch(text)
    if not match:
        return None
    store = None if match["at"] is None else match["store"]
    return AttributeType(f"<{match['name']}>" if store is None else f"<{match['name']}@{store}>", "codec",
                         codec=match["name"], store=store)  # fmt: skip


def _parse_native(text: str) -> AttributeType | None:
    match = _NATIVE.fullmatch(text)
    if not match:
        return AttributeType(text, "native", labels=_labels(text), native=True) if _SET.match(text) else None
    word = match["word"].lower()
    kind = _NATIVE_KINDS.get(word, "native")
    unsigned = bool(match["unsigned"]) and kind in INTEGERS
    serial = word.endswith("serial")
    length, scale = (int(match[group]) if match[group] else None for group in ("n", "s"))
    if kind in INTEGERS:  # a display width, which means nothing
        kind, length = ("u" + kind if unsigned else kind), None
    if kind == "decimal":
        length, scale = length or 10, scale or 0
    if kind == "time":
        length = length or 0
    return AttributeType(text, kind, length, scale, native=True, autoincrement=serial or bool(match["auto"]))
