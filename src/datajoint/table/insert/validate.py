"""Checks of rows without an insert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from datajoint._printed import printable
from datajoint._value import Value
from datajoint.errors import DataJointError, QueryError
from datajoint.heading.attribute import Attribute
from datajoint.heading.values import normaliser, show
from datajoint.table.rows.check_lines import problems
from datajoint.table.rows.layout import Layout
from datajoint.table.rows.row_checks import unknown_field, unstorable, zoned
from datajoint.table.rows.row_sources import ABSENT, read

__all__ = ["ValidationResult", "validate"]

Problem = tuple[int, str | None, str]


class ValidationResult(Value):
    """What `validate` found; true when all rows are valid.

    Attributes
    ----------
    errors
        ``(row number from 0, attribute or None, message)``.
    rows_checked
        Number of rows.

    Examples
    --------
    >>> result = ValidationResult([(0, "weight", "'x' does not read as a number.")], 1)
    >>> bool(result), result.is_valid
    (False, False)
    """

    errors: list[Problem]
    rows_checked: int

    __hash__ = None  # type: ignore[assignment]

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors

    def __bool__(self) -> bool:
        return self.is_valid

    def summary(self) -> str:
        """Return a text with a line per error, at most ten.

        Examples
        --------
        >>> print(ValidationResult([(0, "weight", "'x' does not read as a number.")], 1).summary())
        Validation failed: 1 error(s) in 1 row(s)
          Row 0, `weight`: 'x' does not read as a number.
        """
        if not self.errors:
            return f"Validation passed: {self.rows_checked} row(s) checked"
        lines = [f"Validation failed: {len(self.errors)} error(s) in {self.rows_checked} row(s)"]
        lines += [
            f"  Row {row}{f', `{name}`' if name else ''}: {text}" for row, name, text in self.errors[:10]
        ]
        if len(self.errors) > 10:
            lines.append(f"  and {len(self.errors) - 10} more")
        return printable("\n".join(lines))

    def raise_if_invalid(self) -> None:
        """Raise the summary as an error if anything is wrong.

        Examples
        --------
        >>> ValidationResult([], 3).raise_if_invalid()
        """
        if self.errors:
            raise DataJointError(self.summary(), errors=self.errors)


def validate(layout: Layout, rows: Any, ignore_extra: bool) -> ValidationResult:
    """Check all rows and return everything that an insert would refuse."""
    if isinstance(rows, Iterator):
        rows = list(cast("Iterator[Any]", rows))
    try:
        return _validate(layout, rows, ignore_extra)
    except QueryError:
        if not isinstance(rows, (list, tuple)):
            raise
    return _one_by_one(layout, cast("Sequence[Any]", rows), ignore_extra)  # some are no rows of this table


def _one_by_one(layout: Layout, rows: Sequence[Any], ignore_extra: bool) -> ValidationResult:
    errors: list[Problem] = []
    for n, row in enumerate(rows):
        try:
            found = _validate(layout, [row], ignore_extra).errors
        except QueryError as error:
            found = [(n, None, error.message.partition(": ")[2])]
        errors += [(n, name, text) for _, name, text in found]
    return ValidationResult(errors, len(rows))


def _validate(layout: Layout, rows: Any, ignore_extra: bool) -> ValidationResult:
    errors: list[Problem] = []
    count = 0
    for chunk in read(rows, layout.heading, layout.label):
        for n in range(chunk.size):
            row = {
                name: column[n]
                for name, column in zip(chunk.names, chunk.columns, strict=True)
                if column[n] is not ABSENT
            }
            found = list(_problems(layout, row, ignore_extra)) or problems(layout, row)
            errors += [(count + n, name, text) for name, text in found]
        count += chunk.size
    return ValidationResult(errors, count)


def _problems(layout: Layout, row: dict[str, Any], ignore_extra: bool) -> Iterator[tuple[str | None, str]]:
    heading = layout.heading
    if not ignore_extra:
        yield from ((str(name), unknown_field(layout, name)) for name in row if name not in heading)
    for attribute in heading.values():
        name = attribute.name
        value = row.get(name, ABSENT)
        if value is ABSENT or value is None:
            if name in layout.required:
                what = "is missing" if value is ABSENT else "may not be NULL"
                yield name, f"required attribute `{name}` {what}."
            continue
        reason = _reason(layout, attribute, value, row)
        if reason:
            yield name, reason


def _reason(layout: Layout, attribute: Attribute, value: Any, row: dict[str, Any]) -> str | None:
    """Return why a value would be refused, or None."""
    try:
        if attribute.dtype.kind == "codec":
            _try_codec(layout, attribute, value, row)
            return None
        normalise = normaliser(attribute.dtype)
        [value] = zoned(layout, attribute, [value])
        canonical = normalise(value) if normalise else value
    except (ValueError, TypeError, DataJointError) as error:
        return str(error)
    if canonical is None and not attribute.nullable:
        return f"{show(value)} means missing, but `{attribute.name}` is required."
    fits = None if canonical is None else unstorable(layout, attribute)
    return (fits(canonical) or None) if fits else None


def _try_codec(layout: Layout, attribute: Attribute, value: Any, row: dict[str, Any]) -> None:
    """Let the codec check a value; encode it where that touches no store."""
    encoding = layout.encoding(attribute.name)
    chain = encoding.chain
    assert chain is not None  # noqa: S101 - the type is a codec
    chain.validate(value)
    if all(link.store is None for link in chain.links):
        key = {name: row[name] for name in layout.heading.key if name in row}
        encoding.encode(value, key)
