"""What other clients declared is seen; what existing code asks of a schema object."""

import types

import pytest

import datajoint as dj
from datajoint.errors import DataJointError


@pytest.mark.statement("SCH-6", "SCH-7", "SCH-8")
def test_tables_of_another_client_are_seen(schema, connect):
    assert [] == schema.list_tables()
    theirs = connect().Schema(schema.database)

    @theirs
    class Late(dj.Manual):
        definition = "late : int32"

    assert "Late" in schema
    assert ["late"] == schema.list_tables()
    assert ["late"] == [table.table_name for table in schema]
    Late.drop(prompt=False)
    assert "Late" not in schema
    theirs(Late)
    assert ["late"] == schema["Late"].primary_key
    found: dict = {}
    schema.make_classes(into=found)
    assert ["late"] == found["Late"].primary_key

    @theirs
    class Later(dj.Manual):
        definition = "later : int32"

    assert ["later"] == dj.FreeTable(schema.connection, Later.name).primary_key
    assert ["later"] == dj.VirtualModule("m", schema.database, connection=schema.connection).Later.primary_key


@pytest.mark.statement("SCH-8")
def test_classes_are_made_in_a_module_and_inside_a_function(declare, schema):
    declare("Subject", "subject : int32")
    module = types.ModuleType("made")
    schema.make_classes(into=module)
    assert ["subject"] == module.Subject.primary_key
    namespace = {"schema": schema}
    exec("def make():\n    schema.make_classes()\n    return Subject\nmade = make()", namespace)
    assert ["subject"] == namespace["made"].primary_key
    with pytest.raises(DataJointError, match="dict or a module"):
        schema.make_classes(into=5)


@pytest.mark.statement("SCH-1", "FK-2")
def test_a_subclass_of_schema_overrides_the_call(instance, schema_name):
    class Marking(dj.Schema):
        def __call__(self, cls, *, context=None):
            cls.marked = (self.context, self.connection, self.database)
            return super().__call__(cls, context=context)

    schema = Marking(schema_name(), connection=instance.connection)

    class Subject(dj.Manual):
        definition = "subject : int32"

    schema(Subject)

    @schema
    class Session(dj.Manual):
        definition = "-> Subject\nsession : int32"

    assert ["subject", "session"] == Session.primary_key
    assert (None, instance.connection, schema.database) == Session.marked
    there = {"Other": Subject}
    waiting = dj.Schema(context=there, add_objects={"x": 1})
    assert (there, {"x": 1}, True) == (waiting.context, waiting.add_objects, waiting.create_schema)
    waiting(Session)
    assert [(Session, there)] == waiting.declare_list


@pytest.mark.statement("SCH-7")
def test_what_a_statement_of_the_user_changes_is_seen(declare, schema):
    """Move-in 14: DDL through `connection.query` forgets what was read of the schemas."""
    table = declare("Altered", "one : int32")
    assert ["one"] == table().heading.names
    schema.connection.query(f"ALTER TABLE {table.full_table_name} ADD COLUMN two integer")
    assert ["one", "two"] == dj.FreeTable(schema.connection, str(table.name)).heading.names
    schema.connection.query(f"DROP TABLE {table.full_table_name}")
    assert [] == schema.list_tables()
    assert "Altered" not in schema


COMMENTED = ("/* all */ ", "-- all\n", "/* one */ -- two\n  /* three */")


@pytest.mark.statement("SCH-6", "TXN-2")
@pytest.mark.parametrize("comment", COMMENTED)
def test_a_statement_that_declares_is_noticed_behind_comments(declare, schema, comment):
    subject = declare("Subject", "subject : int32\n---\nname='' : varchar(10)")
    query = schema.connection.query
    assert ["subject", "name"] == list(subject.heading.names)
    query(f"{comment}ALTER TABLE {subject.full_table_name} ADD COLUMN age int")
    assert ["subject", "name", "age"] == list(dj.FreeTable(schema.connection, subject.name).heading.names)
    with schema.connection.transaction, pytest.raises(DataJointError, match="`DROP` would end"):
        query(f"{comment}DROP TABLE {subject.full_table_name}")


@pytest.mark.statement("SCH-6")
def test_what_declares_nothing_forgets_nothing(declare, schema, backend):
    subject = declare("Subject", "subject : int32\n---\nname='' : varchar(10)")
    known = schema.connection.catalog.spec(subject.name)
    analyze = "ANALYZE TABLE" if backend.name == "mysql" else "ANALYZE"
    schema.connection.query(f"{analyze} {subject.full_table_name}")
    assert schema.connection.catalog.spec(subject.name) is known
