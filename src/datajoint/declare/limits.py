"""What no database lets a table have: keys of too many attributes, and rows that can never be stored."""

from __future__ import annotations

from collections.abc import Mapping

from datajoint.declare.spec import TableSpec
from datajoint.errors import DeclarationError

__all__ = ["check_index_columns", "check_row_size"]


def check_index_columns(spec: TableSpec, limit: int) -> None:
    """Refuse a key or an index of more attributes than a database allows.

    Parameters
    ----------
    spec
        The table.
    limit
        Most columns of an index.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> columns = tuple(Attribute(name, parse_type("int8"), True) for name in "ab")
    >>> spec = TableSpec(TableName("lab", "fit"), columns, ("a", "b"))
    >>> check_index_columns(spec, 2)
    >>> check_index_columns(spec, 1)
    Traceback (most recent call last):
        ...
    datajoint.errors.DeclarationError: The primary key of the table `lab.fit` has 2 attributes; the ...
    Keep them in a table of their own, whose key is one number or a `uuid`, and refer to that table.

    Raises
    ------
    DeclarationError
        Naming the table.
    """
    indexes = [("primary key", spec.primary_key), *(("index", index.columns) for index in spec.indexes)]
    for what, columns in indexes:
        if len(columns) > limit:
            which = "" if what == "primary key" else f" that begins with `{columns[0]}`"
            hint = "Index fewer attributes."
            if not which:
                hint = (
                    "Keep them in a table of their own, whose key is one number or a `uuid`, "
                    "and refer to that table."
                )
            raise DeclarationError(
                f"The {what}{which} of the table `{spec.name}` has {len(columns)} attributes; "
                f"the database allows {limit}.",
                hint=hint,
            )


def check_row_size(spec: TableSpec, sizes: Mapping[str, int], limit: int) -> None:
    """Refuse a table whose rows are too large for the database whatever their values.

    Only required attributes of a fixed size count: NULL takes no room, and long texts lie outside the row.

    Parameters
    ----------
    spec
        The table, hidden columns included.
    sizes
        Bytes of each kind of a fixed size.
    limit
        Bytes of a row.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> spec = TableSpec(TableName("lab", "fit"), (Attribute("a", parse_type("int64"), True),), ("a",))
    >>> check_row_size(spec, {"int64": 8}, 8)
    >>> check_row_size(spec, {"int64": 8}, 7)
    Traceback (most recent call last):
        ...
    datajoint.errors.DeclarationError: Each row of the table `lab.fit` takes at least 8 bytes; the ...
    Store such values as an array in one `<blob>` attribute, or as rows of a part table.

    Raises
    ------
    DeclarationError
        Naming the table.
    """
    least = sum(sizes.get(column.dtype.kind, 0) for column in spec.columns if not column.nullable)
    if least > limit:
        raise DeclarationError(
            f"Each row of the table `{spec.name}` takes at least {least} bytes; the database allows {limit}.",
            hint="Store such values as an array in one `<blob>` attribute, or as rows of a part table.",
        )
