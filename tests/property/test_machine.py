"""Random writes: after every step every table of two schemas holds exactly the rows of a model in plain Python.

The model knows keys, unique indexes, references and defaults, and nothing of databases. A step either changes
model and database alike, or is refused with one of the errors that the model finds, and then changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from datajoint.errors import DataJointError, MissingAttributeError, QueryError, TransactionError
from plugins.farm import LAB, MATCHED, OFFICE, ROWS, TABLES, TRIAL, Key, Model, Row, Rows, Unclear, picked
from plugins.lab import bag

STEPS = 15
EXAMPLES = 4
"""A machine makes so many times fewer examples than the profile has."""

DEPTH = 3

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
def restrictions(draw: Any, name: str, known: Rows) -> Choice:
    """Restrictions of a table, most of which some row fulfils."""
    table = TABLES[name]

    def condition(names: tuple[str, ...]) -> Row:
        rows = list(known[name].values())
        if rows and draw(st.integers(0, 5)):
            row = draw(st.sampled_from(rows))
            return {n: row[n] for n in names}
        return {n: draw(st.sampled_from(table.pools[n])) for n in names}

    kind = draw(st.sampled_from(["key", "one", "one", "list", "table", "all"]))
    if kind == "key":
        return equals(condition(table.key))
    if kind == "one":
        return equals(condition((draw(st.sampled_from(list(table.pools))),)))
    if kind == "list":
        return any_of([equals(condition(table.key)) for _ in range(draw(st.integers(0, 3)))])
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
        choice, values = (
            data.draw(restrictions(name, self.model.rows), "condition"),
            data.draw(changes(name), "values"),
        )
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
        choice = data.draw(restrictions(name, self.model.rows), "condition")
        before = len(self.model.rows[name])
        count = self.attempt(
            lambda model: model.delete(name, self.chosen(name, choice), part_integrity),
            lambda: self.restricted(name, choice).delete(prompt=False, part_integrity=part_integrity),
        )
        assert count in (None, before - len(self.model.rows[name]))

    @rule(name=names, data=st.data())
    def delete_quick(self, name: str, data: st.DataObject) -> None:
        choice = data.draw(restrictions(name, self.model.rows), "condition")
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
