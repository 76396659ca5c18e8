"""Rows as a text that the server reads like a file: LOAD DATA LOCAL (MySQL, MariaDB)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

from datajoint.heading.types import FLOATS, INTEGERS, TEXTS

if TYPE_CHECKING:
    from datajoint.backends.base import Dialect
    from datajoint.heading.types import AttributeType

__all__ = ["NOT_SERVED", "can_load", "load_statement", "load_text"]

NOT_SERVED = frozenset({1064, 1142, 1148, 1227, 1235, 3948, 4166})
"""Errors of servers that are set up to read no files of clients, or do not know how."""

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n"})
_NULL = r"\N"

Column = Sequence[Any]


def can_load(dtypes: Iterable[AttributeType]) -> bool:
    """Whether values of some types can be read from a text: those that have one without other bytes.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> can_load([parse_type("int32"), parse_type("varchar(8)")]), can_load([parse_type("uuid")])
    (True, False)
    """
    return all(dtype.kind in _WRITERS for dtype in dtypes)


def load_statement(
    table: str, columns: Sequence[str], dtypes: Sequence[AttributeType], constants: Mapping[str, Any],
    dialect: Dialect,
) -> str:  # fmt: skip
    """Return the statement that asks this side for rows.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.types import parse_type
    >>> dialect = get_backend("mysql").dialect
    >>> load_statement("t", ["x"], [parse_type("int32")], {"_event": 7}, dialect)
    "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t CHARACTER SET utf8mb4 (`x`) SET `_event` = 7"
    """
    quote = dialect.quote
    targets: list[str] = []
    assigned = [f"{quote(name)} = {dialect.literal(value)}" for name, value in constants.items()]
    for n, (name, dtype) in enumerate(zip(columns, dtypes, strict=True)):
        variable = f"@dj_{n}"
        written = dialect.write(dtype, variable)
        targets.append(quote(name) if written == variable else variable)
        if written != variable:
            assigned.append(f"{quote(name)} = {written}")
    end = f" SET {', '.join(assigned)}" if assigned else ""
    return (
        f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} CHARACTER SET utf8mb4 ({', '.join(targets)}){end}"
    )


def load_text(dtypes: Sequence[AttributeType], columns: Sequence[Column]) -> bytes:
    r"""Return rows as lines.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> load_text([parse_type("int32"), parse_type("varchar(8)")], [[1, None], ["a\tb", "c"]])
    b'1\ta\\tb\n\\N\tc\n'
    """
    written = [_WRITERS[dtype.kind](column) for dtype, column in zip(dtypes, columns, strict=True)]
    line = "\t".join(form for form, _ in written) + "\n"
    values = chain.from_iterable(zip(*(values for _, values in written), strict=True))
    return ((line * len(columns[0])) % tuple(values)).encode()


# A writer returns how Python formats each value, and the values: formatting many at once is fastest.


def _by(form: str, write: Callable[[Any], Any] | None = None) -> Callable[[Column], tuple[str, Column]]:
    def writer(column: Column) -> tuple[str, Column]:
        if None in column:
            each = write or _FORMATS[form]
            return "%s", [_NULL if value is None else each(value) for value in column]
        return form, column if write is None else list(map(write, column))

    return writer


def _texts(column: Column) -> tuple[str, Column]:
    present = [value for value in column if value is not None] if None in column else column
    joined = "".join(present)
    if "\\" in joined or "\t" in joined or "\n" in joined:
        return "%s", [_NULL if value is None else value.translate(_ESCAPES) for value in column]
    return "%s", column if present is column else [_NULL if value is None else value for value in column]


def _plain_decimal(value: Decimal) -> str:
    return format(value, "f")


_FORMATS: dict[str, Callable[[Any], str]] = {"%d": str, "%r": repr, "%s": str}
_WRITERS: dict[str, Callable[[Column], tuple[str, Column]]] = {
    **dict.fromkeys((*INTEGERS, "year"), _by("%d")),
    **dict.fromkeys(FLOATS, _by("%r")),
    **dict.fromkeys((*TEXTS, "json"), _texts),
    **dict.fromkeys(("date", "datetime", "timestamp", "time"), _by("%s")),
    "bool": _by("%d", int),
    "decimal": _by("%s", _plain_decimal),
}
