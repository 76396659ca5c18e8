"""Classes of tables, where they know the code that makes the rows."""

from __future__ import annotations

from typing import Any

from datajoint.heading.names import TableName
from datajoint.table.table import Table

__all__ = ["has_code", "table_of"]

_MAKES = ("make", "_make_tuples", "make_fetch", "make_compute", "make_insert")


def has_code(cls: type) -> bool:
    """Whether a user has written how the rows of a class are made; not so of tables of the database alone.

    Examples
    --------
    >>> has_code(Table)
    False
    """
    theirs = (base for base in cls.__mro__ if base.__module__.partition(".")[0] != "datajoint")
    return any(name in vars(base) for base in theirs for name in _MAKES)


def table_of(table: Table, name: TableName) -> Table:
    """Return another table, by its class where one is attached: it knows the code.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> isinstance(table_of(Subject(), Subject().name), Subject)
    True
    """
    found: list[Any] = []
    todo: list[type] = [Table]
    while todo:
        cls: Any = todo.pop()
        binding = cls.__dict__.get("_binding")
        if binding is not None and binding.name == name and binding.connection is table.connection:
            found.append(cls)
        todo += cls.__subclasses__()
    return max(found, key=has_code)() if found else table._sibling(name)
