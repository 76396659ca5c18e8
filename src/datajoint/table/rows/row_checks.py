"""Checks of rows before any statement: fields, defaults, types, incomplete references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any

from datajoint import logging
from datajoint._value import Value
from datajoint.errors import MissingAttributeError, QueryError, UnknownAttributeError, nearest
from datajoint.heading import conversions, moments
from datajoint.heading.attribute import Attribute
from datajoint.heading.types import FLOATS, ZONED
from datajoint.heading.values import ColumnError, check_column, show
from datajoint.sql.dml import default_value, select_value
from datajoint.table.rows.layout import Layout
from datajoint.table.rows.row_sources import ABSENT, Absent, Chunk

__all__ = [
    "INFINITE",
    "Checked",
    "check",
    "check_values",
    "known_fields",
    "missing_message",
    "place",
    "stored_default",
    "unknown_field",
    "unstorable",
]

_DROP = "To drop fields that are no attributes, set ignore_extra_fields=True."
_HALF = "NULL in part"
_LIMITED = FLOATS | {"timestamp"}
"""Kinds of which some database does not hold all values."""

INFINITE = (float("inf"), float("-inf"))
"""What MySQL cannot hold."""


class Checked(Value):
    """Rows with canonical values; those of codecs and native blobs are as given.

    Attributes
    ----------
    rows
        Number of each row within the call; None for the only row of `insert1`.
    names, columns
        Columns to be stored; what is left out takes the default of the database.
    """

    rows: Sequence[int | None]
    names: tuple[str, ...]
    columns: tuple[Sequence[Any], ...]


def check(layout: Layout, chunk: Chunk, ignore_extra: bool) -> Iterator[Checked]:
    """Yield the rows of a chunk, checked; rows that leave a counter to the database come apart from others.

    Raises
    ------
    QueryError
        For the first field or value that is refused, naming row, attribute and value.
    """
    names = known_fields(layout, chunk.names, ignore_extra, partial(_first_with, chunk))
    given = dict(zip(chunk.names, chunk.columns, strict=True))
    numbers: Sequence[int | None] = (
        [None] if chunk.first is None else range(chunk.first, chunk.first + chunk.size)
    )
    counter = next((name for name in layout.counters if name in given), None)
    if counter is None:
        yield _check(layout, numbers, {name: given[name] for name in names})
        return
    numbered = [value is not None and value is not ABSENT for value in given[counter]]
    for wanted in (numbered, [not has for has in numbered]):
        if any(wanted):
            part = {name: list(compress(given[name], wanted)) for name in names}
            if wanted is not numbered:
                del part[counter]
            yield _check(layout, list(compress(numbers, wanted)), part)


def _first_with(chunk: Chunk, name: str) -> int | None:
    """Return the number of the first row that has a field, None where all have it."""
    column = chunk.columns[chunk.names.index(name)]
    if chunk.first is None or not any(value is ABSENT for value in column):
        return None
    return chunk.first + next(n for n, value in enumerate(column) if value is not ABSENT)


def _in_all_rows(name: str) -> int | None:
    """No row in particular has the field."""


def known_fields(
    layout: Layout, names: Iterable[str], ignore_extra: bool | None,
    row_of: Callable[[str], int | None] = _in_all_rows,
) -> list[str]:  # fmt: skip
    """Return the names that are attributes; refuse others, saying in which row, or drop them.

    Parameters
    ----------
    ignore_extra
        Whether to drop them; None where the user cannot have them dropped.
    row_of
        Gives the number of the first row that has a field.
    """
    heading = layout.heading
    known: list[str] = []
    for name in names:
        if name in heading:
            known.append(name)
        elif not ignore_extra:
            row = row_of(name)
            drop = None if ignore_extra is None else _DROP
            raise UnknownAttributeError(
                unknown_field(layout, name, row),
                hint="\n".join(filter(None, [nearest(str(name), heading.order), drop])),
                table=str(layout.name), attribute=name, row=row,
            )  # fmt: skip
    return known


def unknown_field(layout: Layout, name: object, row: int | None = None) -> str:
    """Phrase that a field is no attribute, or one of the platform (TAB-20)."""
    if name in layout.heading.hidden:
        return f"`{name}` of `{layout.label}` is a hidden column, which the platform fills itself."
    known = ", ".join(layout.heading.order) or "none"
    said = f"`{layout.label}` has" if row is None else f"{place(layout, row)}: there is"
    return f"{said} no attribute `{name}`. Attributes: {known}."


def place(layout: Layout, row: int | None) -> str:
    """Phrase where something was found."""
    return f"`{layout.label}`" if row is None else f"`{layout.label}`, row {row}"


def missing_message(layout: Layout, names: Iterable[str]) -> str:
    """Phrase that required attributes are missing."""
    first, *others = [f"`{name}`" for name in names]
    if others:
        return f"required attributes {', '.join([first, *others])} are missing."
    return f"required attribute {first} is missing."


# ---------------------------------------------------------------------------------------- one chunk


def _check(layout: Layout, rows: Sequence[int | None], given: Mapping[str, Sequence[Any]]) -> Checked:
    missing = [name for name in layout.heading.order if name in layout.required and name not in given]
    if missing:
        raise MissingAttributeError(
            f"{place(layout, rows[0])}: {missing_message(layout, missing)}",
            hint="These attributes have no default: give a value for each.", table=str(layout.name),
            attribute=missing[0],
        )  # fmt: skip
    columns: dict[str, Sequence[Any]] = {}
    for name, values in given.items():
        column = _column(layout, layout.heading[name], values, rows)
        if column is not None:
            columns[name] = column
    for group in layout.references:
        notice_half(layout, group, columns, rows)
    return Checked(rows, tuple(columns), tuple(columns.values()))


def check_values(layout: Layout, values: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Return the canonical values of one row as columns; those left out take their default."""
    columns = {name: _column(layout, layout.heading[name], [value], [None]) for name, value in values.items()}
    return {name: column for name, column in columns.items() if column is not None}


def _column(
    layout: Layout, attribute: Attribute, values: Sequence[Any], rows: Sequence[int | None]
) -> Sequence[Any] | None:
    """Return the canonical values of a column, None where all rows take the default of the database."""
    kinds: set[type] | None = set(map(type, values))
    if type(None) in kinds or Absent in kinds:
        filled = _with_defaults(layout, attribute, values, rows)
        if filled is None:
            return None
        values, kinds = filled, None
    if attribute.dtype.kind in ("codec", "blob") or attribute.dtype.codec is not None:
        return values
    values = zoned(layout, attribute, values)
    try:
        checked = check_column(attribute.dtype, values, kinds)
    except ColumnError as error:
        raise _refused(layout, attribute, rows[error.index], error.reason) from None
    if checked is not values and not attribute.nullable and None in checked:
        index = list(checked).index(None)
        raise MissingAttributeError(
            f"{place(layout, rows[index])}: {show(values[index])} means missing, but `{attribute.name}` "
            "is required.",
            hint=_advice(attribute), table=str(layout.name), attribute=attribute.name, row=rows[index],
        )  # fmt: skip
    if checked is not values:
        _notice(layout, attribute, values, checked)
    if attribute.dtype.kind in _LIMITED:
        _check_storable(layout, attribute, checked, rows)
    return checked


def _advice(attribute: Attribute) -> str:
    if attribute.in_key:
        return "NaN and empty text mean that a number is missing; a key attribute always has a value."
    return (
        "NaN and empty text mean that a number is missing: to store NULL for it, declare "
        f"`{attribute.name}=null : {attribute.type}`."
    )


def zoned(layout: Layout, attribute: Attribute, values: Sequence[Any]) -> Sequence[Any]:
    """Return times without their zones where the setting says that these are not to count."""
    if attribute.dtype.kind not in ZONED or layout.connection.config.interop.zones != "keep":
        return values
    return [moments.without_zone(value) for value in values]


def _notice(layout: Layout, attribute: Attribute, values: Sequence[Any], checked: Sequence[Any]) -> None:
    """Say once an attribute what is stored in another way than it was given."""
    for what, phrase in conversions.conversions(attribute.dtype, values, checked):
        if (attribute.name, what) not in layout.noticed:
            layout.noticed.add((attribute.name, what))
            logging.warn(f"`{layout.label}.{attribute.name}` ({attribute.type}): {phrase}.")


def _with_defaults(
    layout: Layout, attribute: Attribute, values: Sequence[Any], rows: Sequence[int | None]
) -> Sequence[Any] | None:
    """Put the default where a value is absent or None (INS-9); None where that is all there is."""
    empty = [value is None or value is ABSENT for value in values]
    if attribute.name in layout.required and any(empty):
        index = empty.index(True)
        what = "NULL is no value for" if values[index] is None else "a value is missing for"
        raise MissingAttributeError(
            f"{place(layout, rows[index])}: {what} required attribute `{attribute.name}`.",
            hint="It has no default.", table=str(layout.name), attribute=attribute.name, row=rows[index],
        )  # fmt: skip
    if attribute.nullable:
        return [None if value is ABSENT else value for value in values]
    if all(empty):
        return None
    default = stored_default(layout, attribute)
    return [default if is_empty else value for value, is_empty in zip(values, empty, strict=True)]


def stored_default(layout: Layout, attribute: Attribute) -> Any:
    """Return the value of a default; a time is that of the server (DEF-13)."""
    default = attribute.default
    if default is None or default.kind in ("null", "literal"):
        return None if default is None else default.value
    dialect, dtype = layout.dialect, attribute.dtype
    text = dialect.read(dtype, default_value(default, dtype, dialect))
    value = layout.connection.fetch_all(select_value(text, dialect))[0][0]
    decode = dialect.decoder(dtype)
    return decode(value) if decode else value


def _refused(layout: Layout, attribute: Attribute, row: int | None, reason: str) -> QueryError:
    return QueryError(
        f"{place(layout, row)}: attribute `{attribute.name}` ({attribute.type}): {reason}",
        table=str(layout.name), attribute=attribute.name, row=row,
    )  # fmt: skip


def _check_storable(
    layout: Layout, attribute: Attribute, values: Sequence[Any], rows: Sequence[int | None]
) -> None:
    if (fits := unstorable(layout, attribute)) is None:
        return
    present = [value for value in values if value is not None] if None in values else values
    if present and (fits(min(present)) or fits(max(present))):
        for value, row in zip(values, rows, strict=True):
            if value is not None and (reason := fits(value)):
                raise _refused(layout, attribute, row, reason)


def unstorable(layout: Layout, attribute: Attribute) -> Callable[[Any], str] | None:
    """Return the function that says why the database cannot store a value of a type, "" if it can.

    What lies between two values that it can store can be stored, too.
    """
    features, kind = layout.dialect.features, attribute.dtype.kind
    if kind in FLOATS and not features.infinity:
        return lambda value: (
            f"{value} cannot be stored by {layout.dialect.name}." if value in INFINITE else ""
        )
    if kind == "timestamp" and (span := features.timestamps) is not None:
        first, last = span
        limits = (
            f"{layout.dialect.name} stores timestamps from {first} to {last} UTC; a datetime has no limits."
        )
        return lambda value: "" if first <= value <= last else f"{value} is out of range: {limits}"
    return None


def is_half_noticed(layout: Layout, group: tuple[str, ...]) -> bool:
    """Whether it was said that a reference of the table is NULL in part; it is said once."""
    return (", ".join(group), _HALF) in layout.noticed


def notice_half(
    layout: Layout, group: tuple[str, ...], columns: Mapping[str, Sequence[Any]], rows: Sequence[int | None]
) -> None:
    """Say once a reference that it is NULL in part: databases allow that, and look for no parent (FK-16)."""
    present = [columns[name] for name in group if name in columns]
    if not present or is_half_noticed(layout, group):
        return
    absent = len(present) < len(group)
    for n, values in enumerate(zip(*present, strict=True)):
        nulls = sum(value is None for value in values)
        if nulls < len(values) if absent else 0 < nulls < len(values):
            layout.noticed.add((", ".join(group), _HALF))
            given = (f"{name}={columns[name][n] if name in columns else None!r:.40}" for name in group)
            logging.warn(
                f"{place(layout, rows[n])}: a reference is NULL in part ({', '.join(given)}): it "
                "refers to no row, and none is looked for. run_checks() lists such rows."
            )
            return
