# ruff: noqa: PLW0108 - a member of a class must be looked up when it is called
"""Errors: their tree, the server's codes, the same words everywhere, a usable connection afterwards."""

import pickle

import pytest

import datajoint as dj
from datajoint import errors
from datajoint.errors import DataJointError

TREE = {
    "DataJointError": Exception,
    "ConfigurationError": (errors.DataJointError, ValueError),
    "DeclarationError": errors.DataJointError,
    "DefinitionSyntaxError": errors.DeclarationError,
    "UnknownTypeError": errors.DeclarationError,
    "ForeignKeyTargetError": errors.DeclarationError,
    "QueryError": errors.DataJointError,
    "QuerySyntaxError": errors.QueryError,
    "AccessError": errors.QueryError,
    "DuplicateError": errors.QueryError,
    "IntegrityError": errors.QueryError,
    "UnknownAttributeError": errors.QueryError,
    "MissingAttributeError": errors.QueryError,
    "LostConnectionError": errors.DataJointError,
    "MissingTableError": errors.DataJointError,
    "TransactionError": errors.DataJointError,
    "ThreadSafetyError": errors.DataJointError,
    "MissingExternalFile": errors.DataJointError,
    "BucketInaccessible": errors.DataJointError,
}


@pytest.mark.statement("ERR-1", "ERR-3")
def test_the_tree_of_errors():
    for name, bases in TREE.items():
        kind = getattr(errors, name)
        assert all(issubclass(kind, base) for base in (bases if isinstance(bases, tuple) else (bases,)))
        error = kind("`Session` went wrong.", hint="Do this.").suggest("Or that.", "Or nothing.")
        assert isinstance(error, kind)
        assert "`Session` went wrong.\nDo this.\nOr that.\nOr nothing." == str(error)
        copied = pickle.loads(pickle.dumps(error))
        assert (kind, str(error), error.code) == (type(copied), str(copied), copied.code)
    assert dj.DataJointError is errors.DataJointError
    codes = [getattr(errors, name).default_code for name in TREE]
    assert len(codes) == len(set(codes))


@pytest.fixture
def tables(declare):
    """A parent and a child with every kind of constraint."""
    parent = declare("Parent", "a : int32\n---\nname : varchar(5)\nu=null : int32\nunique index (u)")
    child = declare("Child", "-> Parent\nb : int16\n---\nkind : enum('x', 'y')\nwhen=null : date")
    parent.insert([{"a": 1, "name": "one", "u": 1}, {"a": 2, "name": "two"}])
    child.insert1({"a": 1, "b": 1, "kind": "x"})
    return parent, child


@pytest.mark.statement("ERR-2", "ERR-4", "ERR-6")
def test_every_code_of_the_server_has_its_error(tables, schema):
    parent, child = tables
    p, c = parent.full_table_name, child.full_table_name
    cases = {
        f"INSERT INTO {p} (a, name) VALUES (1, 'x')": errors.DuplicateError,
        f"INSERT INTO {p} (a, name, u) VALUES (3, 'x', 1)": errors.DuplicateError,
        f"INSERT INTO {c} (a, b, kind) VALUES (9, 1, 'x')": errors.IntegrityError,
        f"DELETE FROM {p} WHERE a = 1": errors.IntegrityError,
        f"INSERT INTO {p} (a) VALUES (3)": errors.MissingAttributeError,
        f"INSERT INTO {p} (a, name) VALUES (3, NULL)": errors.MissingAttributeError,
        f"SELECT nope FROM {p}": errors.UnknownAttributeError,
        f"SELECT a FROM {p[:-1]}_nope{p[-1]}": errors.MissingTableError,
        f"SELEC a FROM {p}": errors.QuerySyntaxError,
        f"SELECT a FROM {p} WHERE": errors.QuerySyntaxError,
        f"INSERT INTO {p} (a, name) VALUES (4, 'much too long')": errors.QueryError,
        f"INSERT INTO {c} (a, b, kind) VALUES (1, 2, 'z')": errors.QueryError,
        f"INSERT INTO {c} (a, b, kind) VALUES (1, 99999, 'x')": errors.QueryError,
    }
    for inside in (False, True):
        for text, kind in cases.items():
            with pytest.raises(kind) as caught:
                if inside:
                    with schema.connection.transaction:
                        schema.connection.query(text)
                else:
                    schema.connection.query(text)
            cause = caught.value.__cause__
            assert isinstance(cause, Exception), text
            assert not isinstance(cause, DataJointError), text
            assert type(cause).__module__.split(".")[0] in {"sqlite3", "psycopg", "pymysql"}, text
            assert not schema.connection.in_transaction
            assert [2, 1] == [len(parent), len(child)], text


@pytest.mark.statement("ERR-5", "ERR-2", "ERR-6", "ERR-3")
def test_messages_name_table_attribute_and_value(tables, schema):
    parent, child = tables
    row = {"a": 5, "name": "five"}
    cases = [
        (lambda: parent.insert1({**row, "a": 1}), errors.DuplicateError, ["`Parent`", "a=1", "skip_duplicates"]),
        (lambda: parent.insert1({**row, "u": 1}), errors.DuplicateError, ["`Parent`", "u=1"]),
        (lambda: child.insert1({"a": 7, "b": 1, "kind": "x"}), errors.IntegrityError,
         ["`Child`", "`Parent`", "a=7"]),
        (lambda: parent.insert1({"a": 5}), errors.MissingAttributeError, ["`Parent`", "`name`"]),
        (lambda: parent.insert1({**row, "nam": 1}), DataJointError, ["`Parent`", "`nam`", "`name`"]),
        (lambda: parent.insert1({**row, "name": "longer than"}), DataJointError,
         ["`Parent`", "`name`", "longer than", "5"]),
        (lambda: parent.insert1({**row, "a": 2**31}), DataJointError,
         ["`Parent`", "`a`", "2147483648", "int32"]),
        (lambda: child.insert1({"a": 1, "b": 2, "kind": "z"}), DataJointError,
         ["`Child`", "`kind`", "'z'", "'x'"]),
        (lambda: child.insert1({"a": 1, "b": 2, "kind": "x", "when": "never"}), DataJointError,
         ["`Child`", "`when`", "never"]),
        (lambda: parent.update1({"a": 77, "name": "x"}), DataJointError, ["`Parent`", "77"]),
        (lambda: (parent & "nam = 'x'").to_dicts(), errors.UnknownAttributeError, ["`nam`", "`name`"]),
        (lambda: parent.proj("nam"), errors.UnknownAttributeError, ["`nam`", "`name`"]),
        (lambda: (parent & "a = ").to_dicts(), errors.QuerySyntaxError, ["a ="]),
        (lambda: (parent & {"a": 1}).delete_quick(), errors.IntegrityError,
         ["`Parent`", "`Child`", "delete()"]),
        (parent().drop_quick, DataJointError, ["parent", "child"]),
        (lambda: len(dj.FreeTable(schema.connection, f"{schema.database}.parnt")), errors.MissingTableError,
         ["parnt", "`parent`"]),
    ]  # fmt: skip
    for use, kind, words in cases:
        with pytest.raises(kind) as caught:
            use()
        text = str(caught.value)
        assert not [word for word in words if word.lower() not in text.lower()], (words, text)
        assert [2, 1] == [len(parent), len(child)]
    with schema.connection.transaction:
        for use, kind, _ in cases[:-2]:
            with pytest.raises(kind):
                use()
        parent.insert1(row)
    assert 3 == len(parent)
