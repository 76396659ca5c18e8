"""Random writes: after every step every table of two schemas holds exactly the rows of a model in plain Python.

The model knows keys, unique indexes, references and defaults, and nothing of databases. A step either changes
model and database alike, or is refused with one of the errors that the model finds, and then changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import datajoint as dj
from datajoint.errors import (
    DataJointError,
    DuplicateError,
    IntegrityError,
    MissingAttributeError,
    QueryError,
    TransactionError,
    UnknownAttributeError,
)
from plugins.lab import bag

Row = dict[str, Any]
Key = tuple[Any, ...]
Rows = dict[str, dict[Key, Row]]

STEPS = 20
EXAMPLES = 4
"""A machine makes so many times fewer examples than the profile has."""

DEPTH = 3
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


# ------------------------------------------------------------------------------------------------------- choices


@dataclass
class Choice:
    """A restriction: as the argument of `&`, and as a condition of Python."""

    text: str
    operand: Callable[[Any], Any]
    holds: Callable[[Rows, Row], bool]

    def __repr__(self) -> str:
        return self.text


def equals(condition: Row) -> Choice:
    return Choice(
        repr(condition),
        lambda _: condition,
        lambda _, row: all(row[name] == value for name, value in condition.items()),
    )


def any_of(choices: list[Choice]) -> Choice:
    return Choice(
        repr(choices),
        lambda tables: [choice.operand(tables) for choice in choices],
        lambda rows, row: any(choice.holds(rows, row) for choice in choices),
    )


def matching(name: str, columns: tuple[str, ...], unlike: bool) -> Choice:
    def holds(rows: Rows, row: Row) -> bool:
        wanted = picked(row, columns)
        found = None not in wanted and any(picked(other, columns) == wanted for other in rows[name].values())
        return found is not unlike

    return Choice(
        f"{'not ' * unlike}{name}",
        lambda tables: dj.Not(tables[name].proj(*columns)) if unlike else tables[name].proj(*columns),
        holds,
    )


names = st.sampled_from(list(TABLES))


@st.composite
def records(draw: Any, name: str, known: Rows) -> Row:
    """Rows of a table: mostly complete, of known fields, with parents that exist."""
    table = TABLES[name]
    row = {n: draw(st.sampled_from(pool)) for n, pool in table.pools.items()}
    for parent, columns in table.references:
        if known[parent] and draw(st.integers(0, 4)):
            row |= dict(zip(columns, draw(st.sampled_from(list(known[parent]))), strict=True))
    for left_out in (
        draw(st.lists(st.sampled_from(list(table.defaults)), max_size=2)) if table.defaults else []
    ):
        row.pop(left_out, None)
    mistake = draw(st.integers(0, 29))
    if mistake == 29:
        row["weigth"] = 1
    if mistake == 28:
        row.pop(draw(st.sampled_from([n for n in table.pools if n not in table.defaults])))
    return row


@st.composite
def conditions(draw: Any, name: str) -> Row:
    table = TABLES[name]
    chosen = draw(st.lists(st.sampled_from(list(table.pools)), min_size=1, max_size=2, unique=True))
    return {n: draw(st.sampled_from(table.pools[n])) for n in chosen}


@st.composite
def restrictions(draw: Any, name: str) -> Choice:
    """Restrictions of a table."""
    kind = draw(st.sampled_from(["key", "dict", "dict", "list", "table", "all"]))
    if kind == "key":
        return equals({n: draw(st.sampled_from(TABLES[name].pools[n])) for n in TABLES[name].key})
    if kind == "dict":
        return equals(draw(conditions(name)))
    if kind == "list":
        return any_of(list(map(equals, draw(st.lists(conditions(name), max_size=3)))))
    if kind == "table":
        return matching(*draw(st.sampled_from(MATCHED[name])), unlike=draw(st.booleans()))
    return equals({})


@st.composite
def changes(draw: Any, name: str) -> Row:
    """New values of attributes outside the key; None for the default."""
    table = TABLES[name]
    chosen = draw(st.lists(st.sampled_from(table.secondary), min_size=1, max_size=2, unique=True))
    return {n: draw(st.sampled_from([*table.pools[n], None])) for n in chosen}


# ------------------------------------------------------------------------------------------------------- machine


@dataclass
class Farm:
    """The database: tables by name, and two connections."""

    tables: dict[str, Any]
    connection: Any
    seen_by_others: dict[str, Any]

    def content(self, tables: dict[str, Any] | None = None) -> dict[str, Any]:
        return {name: bag((tables or self.tables)[name].to_dicts()) for name in TABLES}


class Failure(Exception):  # noqa: N818 - made by the test
    """Ends a block."""


class Machine(RuleBasedStateMachine):
    """Steps on database and model; open blocks keep the model as it was at their beginning."""

    def __init__(self, farm: Farm) -> None:
        super().__init__()
        self.farm = farm
        self.model = Model()
        self.blocks: list[tuple[Any, Model]] = []

    @initialize(full=st.sampled_from([True, True, True, False]))
    def start(self, full: bool) -> None:
        for name in reversed(TABLES):
            if name == "Animal":
                self.farm.tables[name]().update({"mother": None}, prompt=False)
            self.farm.tables[name]().delete_quick()
        for name, rows in ROWS.items() if full else []:
            for row in rows:
                self.write(name, [row], None)
        assert not full or all(len(self.model.rows[name]) == len(rows) for name, rows in ROWS.items())

    def attempt(self, change: Callable[[Model], list[type[Exception]]], run: Callable[[], Any]) -> Any:
        """Change the database as the model, or see it refuse for a reason of the model."""
        model = self.model.copy()
        try:
            errors = change(model)
        except Unclear:
            return None
        if not errors:
            result = run()
            self.model = model
            return result
        with pytest.raises(DataJointError) as caught:
            run()
        assert caught.type in errors, f"{caught.type.__name__} instead of {errors}: {caught.value}"
        return None

    def chosen(self, name: str, choice: Choice) -> list[Key]:
        return [k for k, row in self.model.rows[name].items() if choice.holds(self.model.rows, row)]

    def restricted(self, name: str, choice: Choice) -> Any:
        return self.farm.tables[name] & choice.operand(self.farm.tables)

    def write(self, name: str, rows: list[Row], option: str | None, single: bool = False) -> None:
        table = self.farm.tables[name]
        options = {"skip_duplicates": option == "skip", "replace": option == "replace"}
        self.attempt(
            lambda model: model.insert(name, rows, option),
            lambda: table.insert1(rows[0], **options) if single else table.insert(rows, **options),
        )

    # ------------------------------------------------------------------------------------------- one table

    @rule(name=names, data=st.data(), option=st.sampled_from([None, None, "skip", "replace"]))
    def insert(self, name: str, data: st.DataObject, option: str | None) -> None:
        rows = data.draw(st.lists(records(name, self.model.rows), min_size=1, max_size=3), "rows")
        self.write(name, rows, option, single=len(rows) == 1)

    @rule(name=names, data=st.data())
    def update1(self, name: str, data: st.DataObject) -> None:
        table = TABLES[name]
        absent = tuple(table.pools[n][-1] for n in table.key)
        key = data.draw(st.sampled_from([*self.model.rows[name], absent]), "key")
        values = data.draw(changes(name), "values")

        def change(model: Model) -> list[type[Exception]]:
            if key in model.rows[name]:
                return model.update(name, [key], values)
            return [DataJointError, MissingAttributeError, QueryError]

        row = dict(zip(table.key, key, strict=True)) | values
        self.attempt(change, lambda: self.farm.tables[name].update1(row))

    @rule(name=names, data=st.data())
    def update(self, name: str, data: st.DataObject) -> None:
        choice, values = data.draw(restrictions(name), "condition"), data.draw(changes(name), "values")
        keys = self.chosen(name, choice)
        count = self.attempt(
            lambda model: model.update(name, keys, values),
            lambda: self.restricted(name, choice).update(values, prompt=False),
        )
        assert count in (None, len(keys))

    @rule(
        name=names,
        data=st.data(),
        part_integrity=st.sampled_from(["enforce", "enforce", "ignore", "cascade"]),
    )
    def delete(self, name: str, data: st.DataObject, part_integrity: str) -> None:
        choice = data.draw(restrictions(name), "condition")
        before = len(self.model.rows[name])
        count = self.attempt(
            lambda model: model.delete(name, self.chosen(name, choice), part_integrity),
            lambda: self.restricted(name, choice).delete(prompt=False, part_integrity=part_integrity),
        )
        assert count in (None, before - len(self.model.rows[name]))

    @rule(name=names, data=st.data())
    def delete_quick(self, name: str, data: st.DataObject) -> None:
        choice = data.draw(restrictions(name), "condition")
        keys = self.chosen(name, choice)
        count = self.attempt(
            lambda model: model.delete_alone(name, keys),
            lambda: self.restricted(name, choice).delete_quick(get_count=True),
        )
        assert count in (None, len(keys))

    # -------------------------------------------------------------------------------------------- blocks

    @precondition(lambda self: len(self.blocks) < DEPTH)
    @rule()
    def enter_block(self) -> None:
        block = self.farm.connection.transaction
        block.__enter__()
        self.blocks.append((block, self.model.copy()))

    @precondition(lambda self: self.blocks and self.blocks[-1][0])
    @rule(fails=st.booleans())
    def leave_block(self, fails: bool) -> None:
        block, before = self.blocks.pop()
        if fails:
            error = Failure()
            assert not block.__exit__(Failure, error, error.__traceback__)
            self.model = before
        else:
            block.__exit__(None, None, None)

    @rule()
    def start_transaction(self) -> None:
        if self.blocks:
            with pytest.raises(TransactionError):
                self.farm.connection.start_transaction()
        else:
            self.farm.connection.start_transaction()
            self.blocks.append((None, self.model.copy()))

    @precondition(lambda self: self.blocks and not self.blocks[-1][0])
    @rule(fails=st.booleans())
    def end_transaction(self, fails: bool) -> None:
        _, before = self.blocks.pop()
        if fails:
            self.farm.connection.cancel_transaction()
            self.model = before
        else:
            self.farm.connection.commit_transaction()

    # -------------------------------------------------------------------------------------------- checks

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        assert self.farm.connection.in_transaction == bool(self.blocks)
        expected = {name: bag(rows.values()) for name, rows in self.model.rows.items()}
        assert expected == self.farm.content()

    def teardown(self) -> None:
        """Undo what is open; what is left is what others see."""
        for block, _ in reversed(self.blocks):
            if block:
                block.__exit__(Failure, Failure(), None)
            else:
                self.farm.connection.cancel_transaction()
        committed = self.blocks[0][1] if self.blocks else self.model
        expected = {name: bag(rows.values()) for name, rows in committed.rows.items()}
        assert expected == self.farm.content(self.farm.seen_by_others)


def declared(lab: Any, office: Any) -> dict[str, Any]:
    """Declare the tables and return them by name."""
    tables: dict[str, Any] = {}
    for schema, definitions in ((lab, LAB), (office, OFFICE)):
        for name, definition in definitions.items():
            members: dict[str, Any] = {"definition": definition}
            if name == "Visit":
                members["Trial"] = type("Trial", (dj.Part,), {"definition": TRIAL})
            tables[name] = schema(type(name, (dj.Manual,), members), context=tables)
    return tables | {"Trial": tables["Visit"].Trial}


@pytest.mark.statement(
    "INS-2", "INS-4", "INS-6", "INS-7", "UPD-1", "UPD-4", "DEL-1", "DEL-3", "DEL-4", "DEL-7", "FK-5", "FK-8",
    "FK-12", "FK-13", "FK-16", "TXN-1", "TXN-2", "TXN-6",
)  # fmt: skip
def test_the_database_is_as_the_model_after_every_step(connect, schema_name):
    mine, other = connect(), connect()
    schemas = schema_name("lab"), schema_name("office")
    tables = declared(*map(mine.Schema, schemas))
    seen = declared(*map(other.Schema, schemas))
    farm = Farm(tables, mine.connection, seen)
    run_state_machine_as_test(
        lambda: Machine(farm),
        settings=settings(max_examples=settings().max_examples // EXAMPLES, stateful_step_count=STEPS),
    )
