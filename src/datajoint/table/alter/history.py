"""The old versions of the rows of a table that is altered: they are renamed and converted with it."""

from __future__ import annotations

from collections.abc import Mapping

from datajoint._value import replace
from datajoint.declare.alteration import Alteration, Retyped, between
from datajoint.declare.convert import family, is_convertible
from datajoint.declare.diff import same_type
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.heading.attribute import Attribute
from datajoint.sql.system_tables.images import shadow_name, shadow_table
from datajoint.table.alter.check_rows import is_lossless

__all__ = ["alteration_of_history"]

_WIDER = frozenset({"int", "text", "float"})
"""Families of types whose columns may as well be wider than those of the table."""


def alteration_of_history(
    connection: Connection, wanted: TableSpec, renamed: Mapping[str, str]
) -> Alteration | None:
    """Return what makes room for the rows of a table in its history; None where there is no history or room.

    Columns of attributes that were dropped stay. Where the values of a column cannot be those of the
    attribute, it gets a name of its own, and old versions have NULL there.

    Parameters
    ----------
    wanted
        The table as it will be.
    renamed
        New names of its attributes by old ones.
    """
    found = connection.catalog.find(shadow_name(wanted.name))
    if found is None:
        return None
    names = {a.name for a in found.columns}
    names_of_history = {old: new for old, new in renamed.items() if old in names}
    for new in list(names_of_history.values()):
        if new in names and new not in names_of_history:  # an attribute that was dropped had this name
            names_of_history[new] = _free_name(new, names)
    there = {names_of_history.get(a.name, a.name): a for a in found.columns}
    columns: list[Attribute] = []
    for column in shadow_table(wanted).columns:
        kept = there.pop(column.name, None)
        if kept is None or same_type(kept.dtype, column.dtype):
            columns.append(column if kept is None else replace(column, dtype=kept.dtype))
            continue
        if _is_converted(connection, found, kept, column):
            columns.append(column)
        elif _may_stay(kept, column):
            columns.append(replace(column, dtype=kept.dtype))
        else:
            columns.append(column)
            names_of_history[kept.name] = aside = _free_name(column.name, names)
            there[aside] = kept
    columns += [replace(a, name=name) for name, a in there.items()]
    before, after = ([(a.name, a.dtype) for a in each] for each in (found.columns, columns))
    if not names_of_history and sorted(map(str, before)) == sorted(map(str, after)):
        return None
    return between(found, _as_history(found, columns), names_of_history)


def _as_history(found: TableSpec, columns: list[Attribute]) -> TableSpec:
    visible = tuple(a for a in columns if not a.name.startswith("_"))
    hidden = tuple(a for a in columns if a.name.startswith("_"))
    return replace(found, attributes=visible, hidden=hidden)


def _is_converted(connection: Connection, found: TableSpec, kept: Attribute, column: Attribute) -> bool:
    if not is_convertible(kept.dtype, column.dtype):
        return False
    return is_lossless(connection, found.name, Retyped(kept, column))


def _may_stay(kept: Attribute, column: Attribute) -> bool:
    """Whether a column can take the values of another type, too, without a change."""
    one = family(kept.dtype)
    return (
        one == family(column.dtype) and one in _WIDER and "uint64" not in (kept.dtype.kind, column.dtype.kind)
    )


def _free_name(name: str, taken: set[str]) -> str:
    number = 1
    while f"{name[:50]}__{number}" in taken:
        number += 1
    taken.add(f"{name[:50]}__{number}")
    return f"{name[:50]}__{number}"
