"""Declarations of a class about its make: `reads` (tables beyond its references) and `writes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from datajoint.errors import DataJointError, nearest
from datajoint.heading.names import TableName
from datajoint.table.meta import TableMeta

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["reads_of", "writes_of"]


def reads_of(table: BoundTable) -> frozenset[TableName]:
    """Return the tables that a class says its make reads beside those that it refers to.

    Raises
    ------
    DataJointError
        When it names something that is not a table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Calibration(dj.Manual):
    ...     definition = "calibration_id : int32"
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Fit(dj.Computed):
    ...     definition = "-> Subject"
    ...     reads = [Calibration]
    >>> [name.class_name for name in reads_of(Fit())]
    ['Calibration']
    """
    return _declared(table, "reads")


def writes_of(table: BoundTable) -> frozenset[TableName]:
    """Return the tables that a class says its make inserts into beside its own and its parts.

    Raises
    ------
    DataJointError
        When it names something that is not a table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Fit(dj.Manual):
    ...     definition = "fit_id : int32"
    >>> writes_of(Fit())
    frozenset()
    """
    return _declared(table, "writes")


def _declared(table: BoundTable, attribute: str) -> frozenset[TableName]:
    given: Any = getattr(type(table), attribute, None)
    is_list = isinstance(given, (list, tuple, set, frozenset))
    if not is_list and not isinstance(given, str) and not _is_table(given):
        return frozenset()  # a method or an attribute with another meaning
    listed: list[Any] = [*cast("list[Any]", given)] if is_list else [given]
    return frozenset(_name(table, attribute, one) for one in listed)


def _is_table(one: Any) -> bool:
    """Whether something is a table or the class of one."""
    return isinstance(one if isinstance(one, type) else type(one), TableMeta)


def _name(table: BoundTable, attribute: str, one: Any) -> TableName:
    if _is_table(one):
        found: BoundTable = one() if isinstance(one, type) else one
        return found.name
    if isinstance(one, str):
        return _find(table, attribute, one)
    raise DataJointError(
        f"`{attribute}` of `{table.class_name}` holds {one!r:.80}, which is not a table.",
        hint=f"List table classes or their names: {attribute} = [Calibration].",
    )


def _find(table: BoundTable, attribute: str, text: str) -> TableName:
    """Return the table that a name in the schema of the class, or ``schema.Name``, stands for."""
    catalog = table.connection.catalog
    known = list(catalog.tables(table.database))
    schema, _, inner = text.partition(".")
    if inner and text not in {name.class_name for name in known}:
        known, text = list(catalog.tables(schema)), inner
    for name in known:
        if text in (name.class_name, name.name):
            return name
    raise DataJointError(
        f"`{attribute}` of `{table.class_name}` names `{text}`, and there is no such table.",
        hint=nearest(text, [name.class_name for name in known])
        or "Name a table of the same schema, or schema.Table.",
    )
