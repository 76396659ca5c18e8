"""Tables as the classes of a pipeline define them, each reference resolved to what its parent will be."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence

from datajoint.declare.spec import TableSpec
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.table.table import Table

__all__ = ["Wanted"]


class Wanted(MutableMapping[TableName, TableSpec]):
    """Definitions of classes by table, read when they are first asked for.

    A reference to a table of the same pipeline finds it as its class defines it, not as the database has it:
    a new type of a key reaches all tables below.

    Parameters
    ----------
    tables
        Tables whose classes have definitions.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> [spec.primary_key for spec in Wanted([Subject()]).values()]
    [('subject_id',)]
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = {table.name: table for table in tables if table.binding.redefine is not None}
        self._specs: dict[TableName, TableSpec] = {}
        self._reading: list[TableName] = []

    def __getitem__(self, name: TableName) -> TableSpec:
        if name in self._specs:
            return self._specs[name]
        table = self._tables[name]
        redefine = table.binding.redefine
        if redefine is None or name in self._reading:  # a circle: resolve() names it
            return table.binding.spec
        self._reading.append(name)
        try:
            spec = self._specs[name] = redefine(None, self)
        finally:
            self._reading.pop()
        return spec

    def parents(self, name: TableName) -> list[TableName]:
        """Return the tables that a table refers to; none where its definition cannot be read."""
        try:
            return [key.parent for key in self[name].foreign_keys]
        except DataJointError:
            return []

    def __setitem__(self, name: TableName, spec: TableSpec) -> None:
        self._specs[name] = spec

    def __delitem__(self, name: TableName) -> None:
        del self._specs[name]

    def __iter__(self) -> Iterator[TableName]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)
