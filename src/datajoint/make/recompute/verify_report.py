"""What came of verifying: keys whose rows came out as stored, differ, or failed; as words and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from datajoint._printed import escape, printable
from datajoint._value import Value
from datajoint.heading.values import key_text, show
from datajoint.make.value_diff import Difference
from datajoint.query import preview

__all__ = ["CHANGED", "DIFFERS", "FAILED", "GONE", "NEW", "VERIFIED", "KeyReport", "RowDifference",
           "VerifyReport", "brief", "kept"]  # fmt: skip

VERIFIED, DIFFERS, FAILED = "verified", "differs", "failed"
CHANGED, GONE, NEW = "changed", "gone", "new"

_KEYS_SHOWN, _DIFFERENCES_SHOWN = 10, 5
_SMALL_ARRAY = 4
_WIDTH = 40


class RowDifference(Value):
    """Something stored that a new make does not give, or the other way round.

    Attributes
    ----------
    table, key
        Class name of the table, and the row.
    kind
        ``changed`` (an attribute has another value), ``gone`` (the row is stored, but not made any more) or
        ``new`` (it is made, but not stored).
    attribute, stored, new
        What differs; of large values a description.
    difference
        By how much.
    """

    table: str
    key: Mapping[str, Any]
    kind: str
    attribute: str = ""
    stored: Any = None
    new: Any = None
    difference: Difference | None = None

    @property
    def what(self) -> str:
        """What differs, without the row."""
        if self.kind == GONE:
            return "stored, but not made any more"
        if self.kind == NEW:
            return "made, but not stored"
        said = str(self.difference) if self.difference else ""
        return f"{brief(self.stored)} → {brief(self.new)}{f'  ({said})' if said else ''}"

    def __str__(self) -> str:
        where = f"{self.table}.{self.attribute}" if self.attribute else self.table
        return f"{where}  {key_text(self.key)}  {self.what}"


class KeyReport(Value):
    """What came of one key.

    Attributes
    ----------
    key
        Of the key source.
    state
        ``verified``, ``differs`` or ``failed``.
    differences
        All of them.
    error
        What its make raised.
    """

    key: Mapping[str, Any]
    state: str
    differences: tuple[RowDifference, ...] = ()
    error: str = ""

    def __str__(self) -> str:
        told = self.error or "; ".join(map(str, self.differences[:_DIFFERENCES_SHOWN]))
        more = len(self.differences) - _DIFFERENCES_SHOWN
        return f"{self.state}  {key_text(self.key)}{f'  {told}' if told else ''}" + (
            f"; {more} more" if more > 0 else ""
        )


class VerifyReport(Value):
    """What came of verifying a table: true if all rows came out as they are stored.

    Its items are the keys that were looked at.

    Attributes
    ----------
    table
        Name of the class.
    outcomes
        One for each key, in key order.
    total
        How many keys there were to choose from.
    unreachable
        How many rows are of keys that `key_source` does not give: nothing makes them again.
    """

    table: str
    outcomes: tuple[KeyReport, ...]
    total: int
    unreachable: int = 0

    @property
    def verified(self) -> list[KeyReport]:
        """The keys whose rows came out as they are stored."""
        return self._of(VERIFIED)

    @property
    def differing(self) -> list[KeyReport]:
        """The keys whose rows came out otherwise."""
        return self._of(DIFFERS)

    @property
    def failed(self) -> list[KeyReport]:
        """The keys whose make failed, or could not be verified."""
        return self._of(FAILED)

    @property
    def keys(self) -> list[dict[str, Any]]:
        """The keys that are not verified, to restrict by."""
        return [dict(one.key) for one in self.outcomes if one.state != VERIFIED]

    @property
    def summary(self) -> str:
        """How many keys came to what, in a few words."""
        differing, failed = len(self.differing), len(self.failed)
        found = [f"{differing} differ{'s' * (differing == 1)}"] * bool(differing)
        found += [f"{failed} failed"] * bool(failed)
        some = len(self.outcomes) < self.total
        sampled = f" (a sample of {len(self.outcomes)} of {self.total})" if some else ""
        if not self.outcomes:
            return "nothing to verify"
        if not found:
            return f"{_count(len(self.outcomes))} verified{sampled}"
        verified = f"{len(self.verified)} of {_count(len(self.outcomes))} verified"
        return ", ".join([verified, *found]) + sampled

    @property
    def notes(self) -> list[str]:
        """What else there is to say."""
        if not self.unreachable:
            return []
        rows = "1 row is" if self.unreachable == 1 else f"{self.unreachable} rows are"
        return [f"{rows} of keys that its key_source does not give: not verified"]

    def _of(self, state: str) -> list[KeyReport]:
        return [one for one in self.outcomes if one.state == state]

    def __iter__(self) -> Iterator[KeyReport]:
        return iter(self.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)

    def __bool__(self) -> bool:
        return all(one.state == VERIFIED for one in self.outcomes)

    def __repr__(self) -> str:
        lines = [f"`{self.table}`: {self.summary}"]
        listed = [one for one in self.outcomes if one.state != VERIFIED]
        for one in listed[:_KEYS_SHOWN]:
            lines += _lines(one, self.table)
        if len(listed) > _KEYS_SHOWN:
            more = len(listed) - _KEYS_SHOWN
            lines.append(f"  … {more} more key{'s' * (more != 1)}")
        return printable("\n".join([*lines, *(f"  {note}" for note in self.notes)]))

    def _repr_html_(self) -> str:
        rows = [row for one in self.outcomes if one.state != VERIFIED for row in _html_rows(one)]
        head = "".join(
            f"<th>{title}</th>" for title in ("", "row", "attribute", "stored", "new", "difference")
        )
        shown = "".join(rows[: _KEYS_SHOWN * _DIFFERENCES_SHOWN])
        return preview.html_table(head if rows else "", shown, [f"{self.table}: {self.summary}", *self.notes])


def _count(number: int) -> str:
    return f"{number} key{'s' * (number != 1)}"


def _lines(one: KeyReport, table: str) -> Iterator[str]:
    yield f"  {one.state}  {key_text(one.key)}{f'  {one.error}' if one.error else ''}"
    shown = one.differences[:_DIFFERENCES_SHOWN]
    names = [_place(found, table, one.key) for found in shown]
    width = max(map(len, names), default=0)
    for name, found in zip(names, shown, strict=True):
        yield f"    {name.ljust(width)}  {found.what}"
    if len(one.differences) > len(shown):
        yield f"    … {len(one.differences) - len(shown)} more differences"


def _place(found: RowDifference, table: str, key: Mapping[str, Any]) -> str:
    """Say which attribute of which row, without what the line above says."""
    part = found.table.removeprefix(table).lstrip(".") if found.table != table else ""
    own = {name: value for name, value in found.key.items() if name not in key}
    return " ".join(text for text in (part, key_text(own), found.attribute) if text) or "row"


def _html_rows(one: KeyReport) -> Iterator[str]:
    if one.error:
        row = f"<td>{one.state}</td><td>{escape(key_text(one.key))}</td>"
        yield f'<tr>{row}<td colspan="4">{escape(one.error)}</td></tr>'
    for found in one.differences:
        values = (brief(found.stored), brief(found.new), str(found.difference or ""))
        cells = values if found.kind == CHANGED else (found.what, "", "")
        row = (one.state, f"{found.table} {key_text(found.key)}", found.attribute, *cells)
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"


def brief(value: Any) -> str:
    """Return a value in a few words: of large arrays type and shape.

    Examples
    --------
    >>> import numpy as np
    >>> brief(0.5), brief(np.zeros((3, 4))), brief(np.arange(3))
    ('0.5', 'float64 (3, 4)', '[0, 1, 2]')
    """
    if isinstance(value, Described):
        return value.text
    size = getattr(value, "size", None)
    if isinstance(size, int) and hasattr(value, "dtype") and hasattr(value, "tolist"):
        if size > _SMALL_ARRAY or value.dtype.names:
            return f"{value.dtype} {value.shape}"
        value = value.tolist()
    text = "NULL" if value is None else show(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


class Described(Value):
    """Stands for a value that is too large to be kept in a report."""

    text: str

    def __repr__(self) -> str:
        return f"<{self.text}>"


def kept(value: Any, most: int) -> Any:
    """Return a value, or what describes it where it has more than so many bytes.

    Examples
    --------
    >>> kept(b"abc", 10), kept(b"abc" * 9, 10)
    (b'abc', <27 bytes>)
    """
    size = _size(value)
    if size <= most:
        return value
    return Described(f"{size} bytes" if isinstance(value, (bytes, str)) else brief(value))


def _size(value: Any) -> int:
    """Return about how many bytes a value has."""
    if isinstance(value, (bytes, str)):
        return len(value)
    if isinstance(value, dict):
        value = list(cast("dict[Any, Any]", value).values())
    if isinstance(value, (list, tuple)):
        return sum(map(_size, cast("list[Any]", value)))
    return getattr(value, "nbytes", 8)
