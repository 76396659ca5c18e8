"""The contents of Lookup tables (TAB-6, TAB-7)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from datajoint import logging
from datajoint.errors import DataJointError
from datajoint.heading.values import show
from datajoint.query.collection import is_mapping
from datajoint.table.guard import writable
from datajoint.table.table import Table

__all__ = ["as_found", "fill_contents"]

_AS_FOUND: ContextVar[bool] = ContextVar("datajoint_as_found", default=False)


@contextmanager
def as_found() -> Generator[None]:
    """Attach classes to tables as they are: the rows of `contents` are neither inserted nor compared.

    Examples
    --------
    >>> with as_found():
    ...     pass  # attach classes
    """
    token = _AS_FOUND.set(True)
    try:
        yield
    finally:
        _AS_FOUND.reset(token)


def fill_contents(table: Table) -> None:
    """Insert the rows of `contents` that are missing; report those whose values differ."""
    if _AS_FOUND.get():
        return
    contents: Any = getattr(table, "contents", ())
    rows = [_as_dict(table, row) for row in _listed(table, contents)]
    if not rows:
        return
    stored = _stored(table)
    key = table.heading.key
    missing = [row for row in rows if tuple(row.get(name) for name in key) not in stored] if key else rows
    changed = [row for row in rows if _differs(row, stored.get(tuple(row.get(name) for name in key)))]
    if changed:
        logging.warn(
            f"`{table.class_name}` holds other values than its contents for {len(changed)} row(s), first "
            f"{ {name: changed[0].get(name) for name in key} }; the stored rows stay. "
            "Change them by update1, or delete them to have them inserted again."
        )
    if missing:
        with writable([table.name]):
            table.insert(missing, skip_duplicates=True)


def _listed(table: Table, contents: Any) -> Iterable[Any]:
    if contents is None:
        return ()
    if is_mapping(contents) or type(contents) in (str, bytes) or not hasattr(contents, "__iter__"):
        raise DataJointError(
            f"The contents of `{table.class_name}` are {show(contents)}.",
            hint="They are a list of rows: contents = [{...}, {...}].",
        )
    return contents


def _as_dict(table: Table, row: Any) -> dict[str, Any]:
    names = table.heading.order
    if isinstance(row, Mapping):
        return dict(cast("Mapping[str, Any]", row))
    if hasattr(row, "dtype") and getattr(row.dtype, "names", None):
        return {name: row[name] for name in row.dtype.names}
    scalar = isinstance(row, str) or not isinstance(row, Iterable)
    values: list[Any] = [row] if scalar else list(cast("Iterable[Any]", row))
    if len(values) != len(names):
        raise DataJointError(
            f"A row of the contents of `{table.class_name}` has {len(values)} values for {len(names)} "
            "attributes: "
            f"{values!r:.80}.",
            hint=f"Give values for {', '.join(names)}, in this order, or a dict.",
        )
    return dict(zip(names, values, strict=True))


def _stored(table: Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    key = table.heading.key
    return {tuple(row[name] for name in key): row for row in table.to_dicts()}


def _differs(row: dict[str, Any], stored: dict[str, Any] | None) -> bool:
    """Whether given plain values are not the stored ones; objects are not compared."""
    if stored is None:
        return False
    plain = (str, int, float, bool)
    return any(
        isinstance(value, plain) and isinstance(stored.get(name), plain) and stored[name] != value
        for name, value in row.items()
    )
