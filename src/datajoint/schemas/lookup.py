"""The contents of Lookup tables (TAB-6, TAB-7)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from datajoint import logging
from datajoint.table.guard import writable
from datajoint.table.table import Table
from datajoint.tiers import Lookup
from datajoint.tiers.contents import rows_of, stored_rows

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
    rows = rows_of(table)
    if not rows:
        return
    stored = stored_rows(table)
    key = table.heading.key
    missing = [row for row in rows if tuple(row.get(name) for name in key) not in stored] if key else rows
    changed = [row for row in rows if _differs(row, stored.get(tuple(row.get(name) for name in key)))]
    if changed:
        remedy = "Change them by update1, or delete them to have them inserted again."
        if isinstance(table, Lookup):
            remedy = (
                f"{table.class_name}.update_contents(dry_run=True) shows them and which results become "
                f"stale; {table.class_name}.update_contents() changes them."
            )
        logging.warn(
            f"`{table.class_name}` holds other values than its contents for {len(changed)} row(s), first "
            f"{ {name: changed[0].get(name) for name in key} }; the stored rows stay. "
            f"{remedy}"
        )
    if missing:
        with writable([table.name]):
            table.insert(missing, skip_duplicates=True)


def _differs(row: dict[str, Any], stored: dict[str, Any] | None) -> bool:
    """Whether given plain values are not the stored ones; objects are not compared."""
    if stored is None:
        return False
    plain = (str, int, float, bool)
    return any(
        isinstance(value, plain) and isinstance(stored.get(name), plain) and stored[name] != value
        for name, value in row.items()
    )
