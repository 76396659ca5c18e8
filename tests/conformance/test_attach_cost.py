"""What attaching and declaring cost: trips to the database, whatever the number of tables."""

import pytest

import datajoint as dj
from datajoint.declare.spec import Specs
from datajoint.engine import define
from plugins.trips import trips

FEW, MANY = 4, 16  # a key of MySQL has 16 columns at most
ON_EVERY_SCHEMA = 10
"""Statements to find and read a schema, at most."""


def classes(count, changes=()):
    """A chain of classes, a reference from each to the one before; every fourth has a part.

    `changes` are pairs of texts, replaced in the definitions of the masters.
    """
    made = {}
    for n in range(count):
        part = type("Item", (dj.Part,), {"definition": "-> master\nitem : int16\n---\nx : float64"})
        parent = f"-> Node{n - 1}\n" if n else ""
        text = f"{parent}a{n} : int32\n---\nnote : varchar(20)"
        for old, new in changes:
            text = text.replace(old, new)
        body = {"definition": text}
        made[f"Node{n}"] = type(f"Node{n}", (dj.Manual,), {**body, **({"Item": part} if n % 4 == 0 else {})})
    return made


@pytest.fixture
def declared(connect, schema_name):
    """Give a function that makes a schema of so many classes and returns its name."""

    def declare(count):
        name, made = schema_name(), classes(count)
        schema = connect().Schema(name, context=made)
        for cls in made.values():
            schema(cls)
        return name

    return declare


@pytest.mark.statement("SCH-1", "DEF-27")
def test_attaching_costs_the_same_for_any_number_of_tables(declared, connect):
    found = {}
    for count in (FEW, MANY):
        name, made = declared(count), classes(count)
        instance = connect()
        with trips(instance.connection) as opening:
            schema = instance.Schema(name, context=made)
        with trips(instance.connection) as decorating:
            for cls in made.values():
                schema(cls)
            headings = [cls().heading.names for cls in made.values()]
        assert count == len(headings)
        assert [] == decorating
        found[count] = len(opening)
    assert found[FEW] == found[MANY] <= ON_EVERY_SCHEMA


@pytest.mark.statement("SCH-7")
def test_classes_of_a_schema_cost_no_more(declared, connect):
    name = declared(MANY)
    instance = connect()
    with trips(instance.connection) as sent:
        module = instance.virtual_schema(name)
        assert ["a0", "note"] == module.Node0().heading.names
    assert len(sent) <= ON_EVERY_SCHEMA


@pytest.mark.statement("CFG-11")
def test_a_connection_asks_nothing_of_the_catalog(connect):
    instance = connect()
    connection = instance.connection
    assert "catalog" not in vars(connection)
    with trips(connection) as sent:
        connection.query("SELECT 1").fetchall()
    assert 1 == len(sent)


@pytest.mark.statement("DEF-19")
@pytest.mark.backends("postgresql", "mysql")
def test_a_declaration_is_one_trip(connect, schema_name):
    instance, made = connect(), classes(3)
    schema = instance.Schema(schema_name(), context=made)
    first, *others = made.values()
    schema(first)  # with the tables of the platform
    with trips(instance.connection) as sent:
        for cls in others:
            schema(cls)
    declarations = [text for text in sent if "CREATE TABLE" in text]
    assert len(others) == len(declarations)
    assert len(sent) <= 2 * len(others)


@pytest.mark.statement("DEF-19")
@pytest.mark.backends("sqlite", "postgresql")
def test_a_class_and_its_parts_are_one_change(connect, schema_name):
    instance, made = connect(), classes(1)
    schema = instance.Schema(schema_name(), context=made)
    schema(type("Other", (dj.Manual,), {"definition": "a : int8"}))  # with the tables of the platform
    with trips(instance.connection) as sent:
        schema(made["Node0"])
    assert 1 == sum(text.startswith("BEGIN") for text in sent)
    assert 2 == sum(text.count("CREATE TABLE") for text in sent)


@pytest.mark.statement("DEF-19")
def test_a_part_that_the_database_refuses_leaves_no_master_behind(connect, schema_name, monkeypatch):
    written = define.ddl.create_table

    def nonsense(spec, *rest):
        return [("NONSENSE", ())] if spec.name.master else written(spec, *rest)

    monkeypatch.setattr(define.ddl, "create_table", nonsense)
    instance, made = connect(), classes(1)
    schema = instance.Schema(schema_name(), context=made)
    with pytest.raises(dj.errors.DataJointError):
        schema(made["Node0"])
    instance.connection.catalog.clear()
    assert [] == schema.list_tables()
    monkeypatch.undo()
    schema(made["Node0"])
    assert ["node0", "node0__item"] == schema.list_tables()


@pytest.mark.statement("DEF-19")
@pytest.mark.backends("sqlite")
def test_declaring_leaves_commits_as_careful_as_they_were(connect, schema_name):
    instance, made = connect(), classes(2)

    def level():
        return instance.connection.query("PRAGMA synchronous").fetchone()[0]

    before = level()
    schema = instance.Schema(schema_name(), context=made)
    for cls in made.values():
        schema(cls)
    assert before == level() == 2
    with instance.connection.session.unhurried():
        assert 1 == level()
    assert 2 == level()


@pytest.mark.statement("SCH-7")
def test_tables_are_specified_when_they_are_asked_for(declared, connect):
    name = declared(FEW)
    instance = connect()
    instance.Schema(name)
    specs = instance.connection.catalog.tables(name)
    assert isinstance(specs, Specs)
    waiting = [table for table, spec in specs._specs.items() if spec is None]
    assert len(waiting) >= FEW
    assert {f"node{n}" for n in range(FEW)} <= {table.name for table in waiting}


@pytest.mark.statement("DEF-27")
def test_what_agreed_is_looked_at_again_when_something_changes(declared, connect):
    name = declared(FEW)
    instance = connect()
    for _ in range(2):  # the second time nothing is read
        schema, made = None, classes(FEW)
        schema = instance.Schema(name, context=made)
        for cls in made.values():
            schema(cls)
    assert FEW <= len(instance.connection.catalog.agreed)
    made = classes(FEW, [("varchar(20)", "varchar(21)")])
    with pytest.warns(dj.errors.DataJointWarning, match=r"`note` is varchar\(20\), defined as varchar\(21\)"):
        schema(made["Node0"], context=made)
    made = classes(FEW, [("-> Node1", "-> Node0.proj(a1='a0')")])
    schema(made["Node0"], context=made)
    with pytest.warns(dj.errors.DataJointWarning, match="differs"):
        schema(made["Node2"], context=made)
