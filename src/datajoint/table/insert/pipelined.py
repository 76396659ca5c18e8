"""Pipelined insert of many plain rows: the database stores a chunk while the next is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast, overload

from datajoint.engine.observe import observed
from datajoint.heading.heading import Heading
from datajoint.table.rows.check_lines import unenforced
from datajoint.table.rows.encode import Batch, encode
from datajoint.table.rows.layout import Layout
from datajoint.table.rows.mode import Mode
from datajoint.table.rows.row_checks import Checked, check
from datajoint.table.rows.row_sources import CHUNK, Chunk, read

__all__ = ["UnevenError", "flowing"]

Part = tuple[Sequence[Any], ...]


class UnevenError(Exception):
    """Later rows have other fields than the first ones, so that they cannot go with them."""


class _Parts(Sequence[Part]):
    """Parts of a batch, made as they are asked for, and kept.

    Parameters
    ----------
    size
        Number of all rows: fewer are an error, as when some were refused before and it is tried again.
    """

    def __init__(self, parts: Iterator[Part], size: int) -> None:
        self._made: list[Part] = []
        self._more, self._missing = parts, size

    def __iter__(self) -> Iterator[Part]:
        n = 0
        while n < len(self._made) or self._make():
            yield self._made[n]
            n += 1

    def _make(self) -> bool:
        part = next(self._more, None)
        if part is None:
            if self._missing:
                raise UnevenError
            return False
        self._made.append(part)
        self._missing -= len(part[0])
        return True

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, place: int) -> Part: ...
    @overload
    def __getitem__(self, place: slice) -> list[Part]: ...
    def __getitem__(self, place: int | slice) -> Part | list[Part]:
        while (isinstance(place, slice) or place < 0 or place >= len(self._made)) and self._make():
            pass
        return self._made[place]

    def __bool__(self) -> bool:
        return bool(self._made) or self._make()


def flowing(layout: Layout, rows: Any, mode: Mode) -> Batch | None:
    """Return many rows as a batch whose parts are checked when they are sent; None where that is no gain.

    That is on a database without server, which would wait, and where code of users might run meanwhile or
    something wants to see all rows first.

    Raises
    ------
    QueryError
        Like `UnevenError` also while the parts are asked for.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> flowing(layout_of(schema.connection, Subject.name), [{"subject_id": 1}], Mode()) is None
    True
    """
    if not (_are_many(rows) and mode == Mode(ignore_extra=mode.ignore_extra) and _takes(layout)):
        return None
    checked: list[Checked] = []
    chunks = read(rows, layout.heading, layout.label)
    parts = _Parts(_checked(layout, chunks, mode.ignore_extra, checked), len(rows))
    if not parts:
        return None
    columns = layout.columns(checked[0].names)
    return Batch(columns, len(rows), parts, checked) if columns else None


def _checked(
    layout: Layout, chunks: Iterable[Chunk], ignore_extra: bool, kept: list[Checked]
) -> Iterator[Part]:
    for chunk in chunks:
        for checked in check(layout, chunk, ignore_extra):
            if kept and checked.names != kept[0].names:
                raise UnevenError
            kept.append(checked)
            yield encode(layout, checked).parts[0]


def _are_many(rows: Any) -> bool:
    """Whether rows are many, and all there: dicts, or a frame."""
    if type(rows) is list:
        rows = cast(list[Any], rows)
        return len(rows) > 2 * CHUNK and type(rows[0]) is dict
    return type(rows).__module__.partition(".")[0] in ("pandas", "polars") and len(rows) > 2 * CHUNK


def _takes(layout: Layout) -> bool:
    """Whether a table takes rows that nobody has seen as a whole."""
    plain = layout.dialect.features.server and layout.has_event and not layout.has_provenance
    return plain and not (observed() or layout.counters or unenforced(layout)) and _is_known(layout.heading)


def _is_known(heading: Heading) -> bool:
    """Whether rows are checked by us alone: no objects of users, no default that the database tells."""
    attributes = [heading[name] for name in heading.order]
    return not any(
        a.dtype.kind in ("codec", "blob", "json") or (a.default and a.default.kind.startswith("now"))
        for a in attributes
    )
