"""Classes made from the tables of a live database (SCH-7 … SCH-9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from datajoint.engine.connection import Connection
from datajoint.heading.names import PART, TableName
from datajoint.table.bound import Binding
from datajoint.table.meta import TableMeta
from datajoint.tiers import Computed, Imported, Lookup, Manual, Part, UserTable

__all__ = ["fill_namespace", "is_virtual", "table_classes"]

_TIERS: dict[str, type[UserTable]] = {cls.tier: cls for cls in (Manual, Lookup, Imported, Computed, Part)}


def table_classes(
    connection: Connection, names: Iterable[TableName], module: str
) -> dict[str, type[UserTable]]:
    """Return a class for each table, parts nested in their masters, by class name."""
    masters: dict[str, type[UserTable]] = {}
    for name in sorted(names, key=lambda n: (n.tier == PART, n.name)):
        if name.tier is None:
            continue
        master_name, _, own = name.class_name.rpartition(".")
        cls = _class(connection, name, own, module)
        if not master_name:
            masters[own] = cls
        elif master_name in masters:
            cls._master = masters[master_name]  # type: ignore[attr-defined]
            cls.__qualname__ = name.class_name
            type.__setattr__(masters[master_name], own, cls)
    return masters


def _class(connection: Connection, name: TableName, own: str, module: str) -> type[UserTable]:
    tier = _TIERS[str(name.tier)]
    members = {"_binding": Binding(connection, name), "__module__": module, "definition": _definition}
    return cast("type[UserTable]", TableMeta(own, (tier,), members))


class _Described:
    """The definition of a class without text of its own: as the database has it."""

    def __get__(self, table: Any, cls: Any = None) -> str:
        return (table if table is not None else cls()).describe()


_definition = _Described()


def is_virtual(cls: type) -> bool:
    """Whether a class was made from the database and has no code.

    Examples
    --------
    >>> is_virtual(Computed)
    False
    """
    return cls.__dict__.get("definition") is _definition


def fill_namespace(connection: Connection, names: Iterable[TableName], namespace: dict[str, Any]) -> None:
    """Put a class for each table that the namespace has none for, and the parts its classes lack."""
    module = str(namespace.get("__name__", "datajoint"))
    for own, cls in table_classes(connection, names, module).items():
        present = namespace.setdefault(own, cls)
        if present is cls:
            continue
        for part, part_class in list(vars(cls).items()):
            if isinstance(part_class, type) and issubclass(part_class, Part) and not hasattr(present, part):
                type.__setattr__(present, part, part_class)
