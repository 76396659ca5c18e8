"""Rows that `skip_duplicates` skips although the stored row of the same key differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datajoint import logging
from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import InValues, Query
from datajoint.codecs.blob.writer import pack
from datajoint.errors import ArgumentValueError, DataJointError, DuplicateError
from datajoint.heading.attribute import Attribute
from datajoint.heading.float32 import rounded
from datajoint.heading.values import show
from datajoint.query import fetch
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.layout import Layout

__all__ = ["read_option", "refuse", "report"]

_AT_ONCE = 500
"""Rows compared by one query."""
_REPORTED = "skipped rows differed"

Difference = tuple[dict[str, Any], list[str]]
"""The key of a row, and the attributes in which the stored row differs."""


def read_option(skip_duplicates: Any) -> tuple[bool, bool]:
    """Return whether duplicates are skipped, and whether they must equal the stored rows.

    Raises
    ------
    ArgumentValueError
        For a text other than ``"match"``.

    Examples
    --------
    >>> read_option(True), read_option("match")
    ((True, False), (True, True))
    """
    if isinstance(skip_duplicates, str):
        if skip_duplicates != "match":
            raise ArgumentValueError(
                f"skip_duplicates is True, False or 'match', not {skip_duplicates!r:.60}.",
                hint="'match' refuses a row whose stored row of the same key has other values.",
            )
        return True, True
    return bool(skip_duplicates), False


def refuse(layout: Layout, batches: Sequence[Batch]) -> None:
    """Refuse rows whose stored rows of the same key have other values.

    Raises
    ------
    DuplicateError
        Naming the key and the attributes of the first such row.
    """
    for key, names in _differences(layout, batches):
        raise DuplicateError(
            f"`{layout.label}`: the row {_shown(key)} exists already, with other values of {_listed(names)}.",
            hint="To keep the stored row, set skip_duplicates=True; to overwrite it, replace=True.",
            table=str(layout.name),
        )


def report(layout: Layout, batches: Sequence[Batch]) -> None:
    """Say, once for a table, that the stored row was kept although the skipped one differs."""
    if layout.name.name.startswith("~") or layout.source.child(_REPORTED) is not None:  # queues, the platform
        return
    for key, names in _differences(layout, batches):
        layout.source.keep(_REPORTED, True)
        logging.logger.warning(
            "`%s`: skip_duplicates=True kept the stored row %s, which has other values of %s than the row "
            "given; skip_duplicates='match' refuses that, replace=True overwrites. Reported once per table.",
            layout.label, _shown(key), _listed(names),
        )  # fmt: skip
        return


def _shown(key: dict[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in key.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _differences(layout: Layout, batches: Sequence[Batch]) -> Iterator[Difference]:
    for batch in batches:
        for checked in batch.checked:
            if layout.heading.key and set(checked.names).issuperset(layout.heading.key):
                yield from _of_rows(layout, checked.names, checked.columns)


def _of_rows(layout: Layout, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Iterator[Difference]:
    key = layout.heading.key
    attributes = [layout.heading[name] for name in names if name not in key]
    if not attributes:
        return
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        stored = _stored(layout, [tuple(row[name] for name in key) for row in some])
        for row in some:
            found = stored.setdefault(tuple(row[name] for name in key), row)  # or given twice
            different = [a.name for a in attributes if not _same(layout, a, row[a.name], found[a.name])]
            if different:
                yield {name: row[name] for name in key}, different


def _stored(layout: Layout, keys: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the stored rows of some keys by their keys."""
    names = layout.heading.key
    query = build.restrict(Query(layout.source), InValues(names), (keys,))
    rows = fetch.dicts(query, layout.connection)
    return {tuple(row[name] for name in names): row for row in rows}


def _same(layout: Layout, attribute: Attribute, given: Any, stored: Any) -> bool:
    """Whether a value is the stored one; objects are compared as they would be packed."""
    if given is None or stored is None:
        return given is stored
    if attribute.dtype.kind == "float32":
        return rounded(given) == rounded(stored)
    if attribute.dtype.codec not in (None, "blob"):
        return True  # only the codec could tell, by encoding the value again
    if attribute.is_blob and not isinstance(given, (bytes, bytearray, memoryview)):
        try:
            extended = not layout.encoding(attribute.name).is_shared
            return pack(given, extended=extended) == pack(stored, extended=extended)
        except (DataJointError, TypeError, ValueError):
            return True
    return bool(given == stored)
