"""Lookup of the class of a table in a namespace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from datajoint.heading.names import read_name
from datajoint.table.table import Table

__all__ = ["lookup_class_name"]


def lookup_class_name(name: str, context: Mapping[str, Any], depth: int = 3) -> str | None:
    """Return how a namespace names the class of a table, such as ``lab.Session.Trial``, or None.

    Parameters
    ----------
    name
        Full name of the table.
    context
        The namespace: classes and modules by name.
    depth
        How many modules within each other are searched.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> lookup_class_name("`lab`.`subject`", {"Mouse": Subject})
    'Mouse'
    """
    wanted = read_name(name)
    level: list[tuple[str, Mapping[str, Any]]] = [("", context)]
    for _ in range(depth):
        for path, names in level:
            for label, table in _tables(names):
                if table._binding is not None and table._binding.name == wanted:
                    return path + label
        level = [
            (f"{path}{label}.", dict(vars(value)))
            for path, names in level
            for label, value in names.items()
            if isinstance(value, ModuleType) and not label.startswith("_")
        ]
    return None


def _tables(names: Mapping[str, Any]) -> Iterator[tuple[str, type[Table]]]:
    """Give the table classes of a namespace, and those of their parts."""
    for label, value in names.items():
        if isinstance(value, type) and issubclass(value, Table):
            yield label, value
            yield from (
                (f"{label}.{name}", part)
                for name, part in vars(value).items()
                if isinstance(part, type) and issubclass(part, Table)
            )
