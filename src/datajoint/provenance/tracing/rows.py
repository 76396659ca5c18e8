"""Rows at any position in a lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datajoint._value import Value
from datajoint.provenance.tracing.writers import Writer

__all__ = ["Rows"]


class Rows(Value):
    """Rows of one table somewhere in a lineage.

    Attributes
    ----------
    table, name, tier
        Name of the table in the database, of its class, and its tier.
    count
        How many rows; None where it is not told which they are.
    keys
        Of the first of them.
    writers
        The events that wrote them, up to a hundred.
    unknown
        How many of them no event is known to have written.
    confirmed
        The make that has given the same row again since, and holds now.
    link
        How they are connected with the rows that they stand under: ``read``, ``referenced``, ``master``,
        ``written by`` (the row of the make that wrote them), ``used by``.
    by
        Attributes of the referring rows, where the reference has other names than the key that it refers to,
        or where there are several references to the table.
    what
        What was read of them.
    changed
        Whether they have changed since they were read; None where that is not known.
    notes
        What else the make has read.
    sources
        The rows that these come from (or that come from them).
    above
        Whether these were told before, with their sources.
    cut
        Whether they have sources that are not told, for there are too many.
    """

    table: str
    name: str
    tier: str
    count: int | None
    keys: tuple[Mapping[str, Any], ...] = ()
    writers: tuple[Writer, ...] = ()
    unknown: int = 0
    confirmed: Writer | None = None
    link: str = ""
    by: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    changed: bool | None = None
    notes: tuple[str, ...] = ()
    sources: tuple[Rows, ...] = ()
    above: bool = False
    cut: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON has of it."""
        told = {name: getattr(self, name) for name in self.__match_args__}
        told |= {
            "keys": [dict(key) for key in self.keys],
            "writers": [writer.as_dict() for writer in self.writers],
            "sources": [rows.as_dict() for rows in self.sources],
            "confirmed": self.confirmed.as_dict() if self.confirmed else None,
        }  # fmt: skip
        return told
