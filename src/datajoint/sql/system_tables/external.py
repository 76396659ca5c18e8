"""The tables in which release 0.14 counts the objects of its stores; they are read only."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.backends.base import Dialect
from datajoint.heading.names import TableName

__all__ = ["EXTERNAL", "external_rows"]

EXTERNAL = "~external_"
"""What the names of these tables begin with; the name of the store follows."""


def external_rows(schema: str, store: str, hashes: Sequence[bytes], dialect: Dialect) -> str:
    """Return the SELECT of hash, size, name of the attachment, path and hash of the contents of objects.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> external_rows("lab", "raw", [b"a"], get_backend("mysql").dialect)  # doctest: +ELLIPSIS
    "SELECT hash, size, ... FROM `lab`.`~external_raw` WHERE hash IN (...)"
    """
    wanted = ", ".join(dialect.literal(value) for value in hashes)
    return dialect.escape(
        "SELECT hash, size, attachment_name, filepath, contents_hash "
        f"FROM {dialect.table(TableName(schema, EXTERNAL + store))} WHERE hash IN ({wanted})"
    )
