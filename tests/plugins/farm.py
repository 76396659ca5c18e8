"""Tables of two schemas and a model of them in plain Python, which knows keys, unique indexes, references, defaults."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from datajoint.errors import (
    DataJointError,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    QueryError,
    UnknownAttributeError,
)  # fmt: skip

Row = dict[str, Any]
Key = tuple[Any, ...]
Rows = dict[str, dict[Key, Row]]

NUMBERS, FEW, NAMES = (0, 1, 2), (0, 1), ("a", "A", "á", "it's", "100%", "a ", "")

LAB = {
    "Cage": """
        cage : varchar(8)
        ---
        room=7 : int32
    """,
    "Animal": """
        animal : int32
        ---
        name=null : varchar(8)
        -> [nullable] Animal.proj(mother='animal')
        unique index (name)
    """,
    "Visit": """
        -> Animal
        visit : int16
        ---
        -> [nullable] Animal.proj(partner='animal')
        -> [nullable] Cage
        note='' : varchar(8)
    """,
}
TRIAL = """
    -> master
    trial : int16
    ---
    -> [nullable] Cage.proj(box='cage')
    rt=null : float64
"""
OFFICE = {
    "Loan": """
        loan : int32
        ---
        -> [nullable, unique] Visit
        days : int16
    """,
    "Care": """
        -> Animal.proj(pet='animal')
        ---
        -> [unique] Cage.proj(place='cage')
    """,
    "Report": """
        -> Care
        -> Loan
        ---
        grade=null : int16
    """,
}


@dataclass
class Table:
    """What the model knows of a table: key, further attributes with their defaults, unique indexes, references."""

    key: tuple[str, ...]
    pools: dict[str, tuple[Any, ...]]
    defaults: Row = field(default_factory=dict)
    unique: tuple[tuple[str, ...], ...] = ()
    references: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Parent and the columns that hold its key."""

    @property
    def secondary(self) -> list[str]:
        return [name for name in self.pools if name not in self.key]


CAGES = ("a", "A", "b ")
TABLES = {
    "Cage": Table(("cage",), {"cage": CAGES, "room": FEW}, {"room": 7}),
    "Animal": Table(
        ("animal",),
        {"animal": NUMBERS, "name": (*NAMES, None), "mother": (*NUMBERS, None)},
        {"name": None, "mother": None},
        unique=(("name",),),
        references=(("Animal", ("mother",)),),
    ),
    "Visit": Table(
        ("animal", "visit"),
        {"animal": NUMBERS, "visit": FEW, "partner": (*NUMBERS, None), "cage": (*CAGES, None), "note": NAMES},
        {"partner": None, "cage": None, "note": ""},
        references=(("Animal", ("animal",)), ("Animal", ("partner",)), ("Cage", ("cage",))),
    ),
    "Trial": Table(
        ("animal", "visit", "trial"),
        {"animal": NUMBERS, "visit": FEW, "trial": FEW, "box": (*CAGES, None), "rt": (0.5, None)},
        {"box": None, "rt": None},
        references=(("Visit", ("animal", "visit")), ("Cage", ("box",))),
    ),
    "Loan": Table(
        ("loan",),
        {"loan": NUMBERS, "animal": (*NUMBERS, None), "visit": (*FEW, None), "days": FEW},
        {"animal": None, "visit": None},
        unique=(("animal", "visit"),),
        references=(("Visit", ("animal", "visit")),),
    ),
    "Care": Table(
        ("pet",),
        {"pet": NUMBERS, "place": CAGES},
        unique=(("place",),),
        references=(("Animal", ("pet",)), ("Cage", ("place",))),
    ),
    "Report": Table(
        ("pet", "loan"),
        {"pet": NUMBERS, "loan": NUMBERS, "grade": (*FEW, None)},
        {"grade": None},
        references=(("Care", ("pet",)), ("Loan", ("loan",))),
    ),
}
ROWS: dict[str, list[Row]] = {
    "Cage": [{"cage": "a"}, {"cage": "A", "room": 1}],
    "Animal": [
        {"animal": 0, "name": "A"},
        {"animal": 1, "name": "a", "mother": 0},
        {"animal": 2, "mother": 1},
    ],
    "Visit": [
        {"animal": 0, "visit": 0, "partner": 1, "cage": "a"},
        {"animal": 0, "visit": 1, "cage": "A", "note": "it's"},
        {"animal": 1, "visit": 0, "partner": 2},
        {"animal": 2, "visit": 1},
    ],
    "Trial": [
        {"animal": 0, "visit": 0, "trial": 0, "box": "a"},
        {"animal": 0, "visit": 0, "trial": 1, "box": "A", "rt": 0.5},
        {"animal": 2, "visit": 1, "trial": 0},
    ],
    "Loan": [
        {"loan": 0, "days": 0},
        {"loan": 1, "animal": 0, "visit": 1, "days": 1},
        {"loan": 2, "animal": 2, "visit": 1, "days": 1},
    ],
    "Care": [{"pet": 0, "place": "a"}, {"pet": 2, "place": "A"}],
    "Report": [{"pet": 0, "loan": 0}, {"pet": 0, "loan": 1, "grade": 1}, {"pet": 2, "loan": 2}],
}
"""What most examples begin with."""

MATCHED = {
    "Cage": [("Visit", ("cage",))],
    "Animal": [("Visit", ("animal",)), ("Loan", ("animal",))],
    "Visit": [("Trial", ("animal", "visit")), ("Loan", ("animal", "visit")), ("Cage", ("cage",))],
    "Trial": [("Visit", ("animal", "visit"))],
    "Loan": [("Visit", ("animal", "visit")), ("Report", ("loan",))],
    "Care": [("Report", ("pet",))],
    "Report": [("Loan", ("loan",)), ("Care", ("pet",))],
}
"""Tables that a table may be restricted by, and the attributes that they share."""


class Unclear(Exception):  # noqa: N818 - it is no error
    """What a step does depends on an order that the language leaves open: nothing is done."""


def picked(row: Row, names: Iterable[str]) -> Key:
    return tuple(row[name] for name in names)


class Model:
    """Rows by table and key."""

    def __init__(self) -> None:
        self.rows: Rows = {name: {} for name in TABLES}

    def copy(self) -> Model:
        return copy.deepcopy(self)

    # ---------------------------------------------------------------------------------------------- writing

    def insert(self, name: str, rows: list[Row], option: str | None) -> list[type[Exception]]:
        """Insert rows one after the other and return why they are refused."""
        table, errors = TABLES[name], list[type[Exception]]()
        whole = [self._completed(table, row, errors) for row in rows]
        if errors:
            return errors
        if option == "replace":  # the last one of a key stays
            whole = list({picked(row, table.key): row for row in whole}.values())
        keys = [picked(row, table.key) for row in whole]
        repeated = len(set(keys)) < len(keys)
        if name == "Animal":  # rows of one call that refer to each other
            later = {key[0] for key in keys} - {key[0] for key in self.rows[name]}
            if any(row["mother"] in later for row in whole):
                raise Unclear
        for key, row in zip(keys, whole, strict=True):
            if key in self.rows[name] and option != "replace":
                errors += [] if option == "skip" else [DuplicateError]
                continue
            errors += self._broken(name, row, key)
            self.rows[name][key] = row
        if errors and repeated and option:
            raise Unclear
        return errors

    def _completed(self, table: Table, row: Row, errors: list[type[Exception]]) -> Row:
        """Return the row with its defaults."""
        if set(row) - set(table.pools):
            errors.append(UnknownAttributeError)
        full = {n: row[n] if row.get(n) is not None else table.defaults.get(n) for n in table.pools}
        if any(full[n] is None and n not in table.defaults for n in full):
            errors.append(MissingAttributeError)
        if any(half(full, columns) for _, columns in table.references):
            errors.append(QueryError)
        return full

    def _broken(self, name: str, row: Row, key: Key) -> list[type[Exception]]:
        """Return the errors of a row about to be written under a key."""
        table, errors = TABLES[name], list[type[Exception]]()
        for columns in table.unique:
            taken = picked(row, columns)
            if None not in taken and any(
                other != key and picked(found, columns) == taken for other, found in self.rows[name].items()
            ):
                errors.append(DuplicateError)
        for parent, columns in table.references:
            wanted = picked(row, columns)
            itself = parent == name and wanted == key
            if None not in wanted and wanted not in self.rows[parent] and not itself:
                errors.append(IntegrityError)
        return errors

    def update(self, name: str, keys: list[Key], values: Row) -> list[type[Exception]]:
        """Give values to the rows with some keys and return why it is refused."""
        table = TABLES[name]
        new = {n: table.defaults.get(n) if value is None else value for n, value in values.items()}
        if any(value is None and n not in table.defaults for n, value in new.items()):
            return [MissingAttributeError]
        given = [columns for _, columns in table.references if set(columns) <= set(new)]
        if any(half(new, columns) for columns in given):
            return [QueryError]
        for key in keys:
            self.rows[name][key] |= new
        changed = [self.rows[name][key] for key in keys]
        if any(half(row, columns) for row in changed for _, columns in table.references):
            return [QueryError]
        return [e for key, row in zip(keys, changed, strict=True) for e in self._broken(name, row, key)]

    def delete(self, name: str, keys: list[Key], part_integrity: str) -> list[type[Exception]]:
        """Delete the rows with some keys and all that depends on them."""
        if name == "Trial" and part_integrity == "enforce":
            return [DataJointError]
        gone: dict[str, set[Key]] = {table: set() for table in TABLES}
        gone[name] = set(keys)
        before = -1
        while before != sum(map(len, gone.values())):
            before = sum(map(len, gone.values()))
            for child, table in TABLES.items():
                for parent, columns in table.references:
                    gone[child] |= {
                        k for k, row in self.rows[child].items() if picked(row, columns) in gone[parent]
                    }
            if part_integrity == "cascade":
                gone["Visit"] |= {key[:2] for key in gone["Trial"]} & set(self.rows["Visit"])
        if part_integrity == "enforce" and {key[:2] for key in gone["Trial"]} - gone["Visit"]:
            return [IntegrityError]
        for table, removed in gone.items():
            for key in removed:
                del self.rows[table][key]
        return []

    def delete_alone(self, name: str, keys: list[Key]) -> list[type[Exception]]:
        """Delete the rows with some keys, if nothing else depends on them."""
        chosen = set(keys)
        for child, table in TABLES.items():
            for parent, columns in table.references:
                left = [key for key, row in self.rows[child].items() if picked(row, columns) in chosen]
                if parent == name and child != name and left:
                    return [IntegrityError]
                if parent == child == name and set(left) - chosen:
                    return [IntegrityError]
                if parent == child == name and left:
                    raise Unclear  # some databases look row by row
        for key in keys:
            del self.rows[name][key]
        return []


def half(row: Row, columns: tuple[str, ...]) -> bool:
    return len({row[name] is None for name in columns}) == 2
