"""Random rows that obey a table: types, enumerations, references, unique indexes, NULL."""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from random_values import NeedsStoreError, random_value

import datajoint as dj

Row = dict[str, Any]
Reference = tuple[Any, dict[str, str]]  # a parent, {own name: name in the parent}
NULLS = 0.3
TRIES = 60
LIMIT = 1000


class RandomRows:
    """Generate rows; parents are read from the database and kept until their table is `forget`-ed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - rows of a test
        self._parents: dict[str, list[Row]] = {}

    def rows(self, table: Any, count: int) -> list[Row]:
        """Return up to `count` rows that can be inserted together; fewer where the values do not suffice."""
        references = _references(table)
        self._check_parents(table, references)
        unique = [
            table.primary_key,
            *(names for names, index in table.heading.indexes.items() if index["unique"]),
        ]
        taken = [{_values(row, names) for row in _all(table)} for names in unique]
        made: list[Row] = []
        for row in islice(self._endless(table, references), count * TRIES):
            if row is None:
                continue
            values = [_values(row, names) for names in unique]
            if all(None in value or value not in seen for value, seen in zip(values, taken, strict=True)):
                made.append(row)
                for value, seen in zip(values, taken, strict=True):
                    seen.add(value)
            if len(made) == count:
                break
        return made

    def forget(self, table: Any) -> None:
        """Read the rows of a table anew when they are next referred to."""
        self._parents.pop(table.full_table_name, None)

    def _present(self, table: Any) -> list[Row]:
        if table.full_table_name not in self._parents:
            self._parents[table.full_table_name] = table.fetch("KEY", order_by=table.primary_key, limit=LIMIT)
        return self._parents[table.full_table_name]

    def _endless(self, table: Any, references: list[Reference]) -> Iterator[Row | None]:
        order = list(references)
        while True:
            row = self._referring(table, order)
            if row is None:  # two references share attributes, and what the first took excludes the second
                self.chance.shuffle(order)
                yield None
            else:
                yield {**row, **self._own(table, row)}

    def _referring(self, table: Any, references: list[Reference]) -> Row | None:
        row: Row = {}
        for parent, names in references:
            optional = all(table.heading.attributes[name].nullable for name in names)
            fitting = [
                candidate
                for candidate in self._present(parent)
                if all(row[own] == candidate[theirs] for own, theirs in names.items() if own in row)
            ]
            if fitting and not (optional and self.chance.random() < NULLS):
                chosen = self.chance.choice(fitting)
                row |= {own: chosen[theirs] for own, theirs in names.items()}
            elif optional:
                row |= {name: None for name in names if name not in row}
            else:
                return None
        return row

    def _check_parents(self, table: Any, references: list[Reference]) -> None:
        for parent, names in references:
            optional = all(table.heading.attributes[name].nullable for name in names)
            if not optional and not self._present(parent):
                raise NoParentError(f"no rows of {parent.full_table_name}")

    def _own(self, table: Any, row: Row) -> Row:
        own: Row = {}
        unique = {name for names in table.heading.indexes for name in names}  # a default would come twice
        for name, attribute in table.heading.attributes.items():
            if name in row or attribute.autoincrement:
                continue
            has_default = attribute.default is not None
            if (
                not (attribute.in_key or name in unique)
                and (attribute.nullable or has_default)
                and self.chance.random() < NULLS
            ):
                continue
            try:
                own[name] = random_value(attribute.type, self.chance)
            except NeedsStoreError:
                if not attribute.nullable:
                    raise
        return own


class NoParentError(Exception):
    """A table that is referred to has no rows."""


def _references(table: Any) -> list[Reference]:
    """Return what a table refers to, the widest references first."""
    found: list[tuple[dj.FreeTable, dict[str, Any]]] = table.parents(as_objects=True, foreign_key_info=True)
    return sorted(((parent, info["attr_map"]) for parent, info in found), key=lambda pair: -len(pair[1]))


def _all(table: Any) -> list[Row]:
    """Return what unique indexes see of the rows that are there."""
    return table.proj(*{n for index in table.heading.indexes for n in index}).fetch(as_dict=True)


def _values(row: Row, names: Any) -> tuple[Any, ...]:
    return tuple(_comparable(row.get(name)) for name in names)


def _comparable(value: Any) -> Any:
    """Text as a database without binary collation compares it."""
    return value.casefold().rstrip() if isinstance(value, str) else value
