"""What a table is in the database: the same value whether declared by a class or found there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from datajoint._value import Value
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName

__all__ = ["Check", "ForeignKey", "Index", "Specs", "TableSpec"]


class ForeignKey(Value):
    """One reference to a parent table.

    Attributes
    ----------
    columns
        Attributes of the child, in the order of `parent_columns`.
    parent, parent_columns
        The referenced table and its whole primary key, in order.
    in_key
        Whether all columns belong to the primary key of the child.
    nullable, unique
        Options of the reference.
    """

    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    in_key: bool = False
    nullable: bool = False
    unique: bool = False

    @property
    def renames(self) -> dict[str, str]:
        """``{name in the child: name in the parent}`` where they differ."""
        return {c: p for c, p in zip(self.columns, self.parent_columns, strict=True) if c != p}


class Index(Value):
    """A secondary index; an item in parentheses is an SQL expression.

    Attributes
    ----------
    sparse
        Whether rows with NULL in its first column are left out, where the database can do that.
    """

    columns: tuple[str, ...]
    unique: bool = False
    sparse: bool = False


class Check(Value):
    """A condition that every row fulfils (TYP-22)."""

    name: str
    condition: str
    comment: str = ""


class TableSpec(Value):
    """Everything about a table that the database keeps.

    Attributes
    ----------
    attributes
        All visible attributes in order of first introduction, key attributes first, those that come through
        foreign keys included.
    hidden
        Columns of the platform (names with a leading underscore), last in the table.
    primary_key
        Names, in order; ``("_singleton",)`` for a singleton.
    """

    name: TableName
    attributes: tuple[Attribute, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    comment: str = ""
    hidden: tuple[Attribute, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def columns(self) -> tuple[Attribute, ...]:
        """All columns of the table in order, hidden ones last."""
        return self.attributes + self.hidden

    def attribute(self, name: str) -> Attribute:
        """Return one column, hidden or not."""
        for attributes in (self.attributes, self.hidden):
            for attribute in attributes:
                if attribute.name == name:
                    return attribute
        raise KeyError(name)

    def heading(self) -> Heading:
        """Heading of the table, each attribute with its origin."""
        origins = {a.name: (self.name, a.name, self.primary_key) for a in self.columns}
        nullable = {a.name for a in self.columns if a.nullable}
        unique = tuple(Index(fk.columns, unique=True) for fk in self.foreign_keys if fk.unique)
        indexes = {
            index.columns: {"unique": index.unique, "nullable": not nullable.isdisjoint(index.columns)}
            for index in self.indexes + unique
        }
        return Heading(
            [_with_origin(a, origins) for a in self.attributes],
            [_with_origin(a, origins) for a in self.hidden],
            indexes,
            self.comment,
        )


class Specs(MutableMapping[TableName, TableSpec]):
    """Tables by name, each specified when it is first asked for.

    Parameters
    ----------
    names
        In order.
    specify
        Returns the specification of a name.

    Examples
    --------
    >>> name = TableName("lab", "subject")
    >>> specs = Specs([name], lambda name: TableSpec(name, (), ()))
    >>> list(specs) == [name], specs[name].name == name
    (True, True)
    """

    def __init__(self, names: Iterable[TableName], specify: Callable[[TableName], TableSpec]) -> None:
        self._specs: dict[TableName, TableSpec | None] = dict.fromkeys(names)
        self._specify = specify

    def __getitem__(self, name: TableName) -> TableSpec:
        spec = self._specs[name]
        if spec is None:
            spec = self._specs[name] = self._specify(name)
        return spec

    def get(self, name: TableName, default: Any = None) -> Any:
        """Return a specification, or the default."""
        spec = self._specs.get(name, default)
        return self[name] if spec is None and name in self._specs else spec

    def specified(self) -> list[TableSpec]:
        """Return the specifications that were asked for so far."""
        return [spec for spec in self._specs.values() if spec is not None]

    def __setitem__(self, name: TableName, spec: TableSpec) -> None:
        self._specs[name] = spec

    def __delitem__(self, name: TableName) -> None:
        del self._specs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[TableName]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        return f"Specs({', '.join(map(str, self))})"


def _with_origin(a: Attribute, origins: dict[str, tuple[TableName, str, tuple[str, ...]]]) -> Attribute:
    origin = frozenset([origins[a.name]])
    return Attribute(a.name, a.dtype, a.in_key, a.nullable, a.default, a.comment, a.lineage, origin)
