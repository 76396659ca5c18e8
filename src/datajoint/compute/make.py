"""One key: from `make` to its rows in the database."""

from __future__ import annotations

from typing import Any

from datajoint.table.guard import writable
from datajoint.table.table import Table

__all__ = ["Making", "make"]


class Making:
    """What a user writes: `make`, or its three parts."""

    def make(self, key: dict[str, Any], **make_kwargs: Any) -> Any:
        """Compute and insert the row of a key, by the three parts unless a class defines its own."""
        raise NotImplementedError(f"`{type(self).__name__}` needs a method make(self, key).")


def make(table: Table, key: dict[str, Any], make_kwargs: dict[str, Any]) -> None:
    """Make one key: all that it inserts is there afterwards, or nothing."""
    names = [table.name, *(part.name for part in table.parts(as_objects=True))]
    with writable(names), table.connection.transaction:
        getattr(table, "_make_tuples", table.make)(dict(key), **make_kwargs)  # type: ignore[attr-defined]
