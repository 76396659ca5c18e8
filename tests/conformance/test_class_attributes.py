"""Attributes of table classes are set and deleted as those of any class; operators are those of the instance."""

import abc
from unittest import mock

import pytest

import datajoint as dj

pytestmark = pytest.mark.statement("TAB-5")


@pytest.fixture
def square(declare):
    declare("Number", "n : int32", dj.Lookup, contents=[(n,) for n in (1, 2, 3)])
    return declare(
        "Square", "-> Number\n---\ny : int32", dj.Computed,
        make=lambda self, key: self.insert1({**key, "y": key["n"] ** 2}),
    )  # fmt: skip


@pytest.mark.parametrize("bases", [(), (abc.ABC,)], ids=["plain", "abstract"])
def test_methods_are_patched_and_restored(schema, bases):
    if bases:
        meta = type("Meta", (type(dj.Manual), abc.ABCMeta), {})
        subject = schema(meta("Subject", (dj.Manual,), {"definition": "subject : int32"}))
    else:
        subject = schema(type(dj.Manual)("Subject", (dj.Manual,), {"definition": "subject : int32"}))
    kind = type(subject)
    with mock.patch.object(subject, "insert1") as insert1:
        subject.insert1({"subject": 1})
        subject().insert1({"subject": 2})
    assert [mock.call({"subject": 1}), mock.call({"subject": 2})] == insert1.mock_calls
    with mock.patch.object(dj.Manual, "insert1") as insert1:
        subject.insert1({"subject": 1})
    insert1.assert_called_once()
    subject.insert1({"subject": 3})
    assert [{"subject": 3}] == subject.to_dicts()
    assert kind is type(subject)
    assert "insert1" not in vars(subject)
    assert "insert1" not in vars(dj.Manual)

    subject.insert1 = lambda self, row: self.insert([row, {"subject": row["subject"] + 1}])
    subject.insert1({"subject": 8})
    subject().insert1({"subject": 10})
    del subject.insert1
    subject.insert1({"subject": 1})
    assert [1, 3, 8, 9, 10, 11] == sorted(subject.to_arrays("subject").tolist())
    with pytest.raises(AttributeError, match="insert1"):
        del subject.insert1


def test_a_patch_sees_the_failure_of_a_call(square, monkeypatch):
    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(square, "insert1", fail)
    with pytest.raises(OSError, match="disk full"):
        square.populate()
    monkeypatch.undo()
    assert 3 == square.populate()["success_count"]


def test_the_key_source_is_set_and_deleted(declare, square):
    number = declare.known["Number"]
    square.key_source = number & "n > 1"
    assert 2 == len(square.key_source)
    assert (2, 2) == square.progress()
    square.populate()
    del square.key_source
    assert (1, 3) == square.progress()
    square.key_source = property(lambda self: number & "n = 1")
    assert (1, 1) == square.progress()


def test_definition_and_contents_are_set_before_and_after_the_declaration(schema, declare):
    class Kind(dj.Lookup):
        pass

    Kind.definition = "kind : varchar(8)"
    Kind.contents = [("a",)]
    schema(Kind)
    assert "kind : varchar(8)" == Kind.definition == Kind().definition
    Kind.contents = [("a",), ("b",)]
    schema(Kind)
    assert ["a", "b"] == sorted(Kind.to_arrays("kind").tolist())
    Kind.definition = "kind : varchar(8)\n---\nx=0 : int32"
    with pytest.warns(dj.errors.DataJointWarning, match="differs"):
        schema(Kind)
    Kind.note = 5
    assert 5 == Kind().note
    del Kind.note
    assert not hasattr(Kind, "note")


class Marked:
    """A mixin that overrides operators, as pipelines have them."""

    def __and__(self, other):
        return ("and", super().__and__(other))

    def __sub__(self, other):
        return ("sub", other)

    def __mul__(self, other):
        return ("mul", other)

    def __add__(self, other):
        return ("add", other)

    def __xor__(self, other):
        return ("xor", other)

    def __matmul__(self, other):
        return ("matmul", other)

    def __lshift__(self, other):
        return ("lshift", other)

    def __rshift__(self, other):
        return ("rshift", other)

    def __invert__(self):
        return "invert"

    def __len__(self):
        return 77

    def __iter__(self):
        return iter("abc")

    def __contains__(self, item):
        return item == "here"

    def __bool__(self):
        return False


def test_operators_of_a_mixin_serve_the_class_as_the_instance(schema):
    @schema
    class Subject(Marked, dj.Manual):
        definition = "subject : int32"

    for table in (Subject, Subject()):
        mark, query = table & "subject = 1"
        assert "and" == mark
        assert [] == query.to_dicts()
        assert [
            ("sub", 1), ("mul", 1), ("add", 1), ("xor", 1), ("matmul", 1), ("lshift", 1), ("rshift", 1), "invert",
        ] == [table - 1, table * 1, table + 1, table ^ 1, table @ 1, table << 1, table >> 1, ~table]  # fmt: skip
        assert 77 == len(table)
        assert ["a", "b", "c"] == list(table)
        assert "here" in table
        assert "there" not in table
        assert not table


def test_operators_without_a_meaning_stay_refused(declare):
    subject = declare("Subject", "subject : int32")
    for table in (subject, subject()):
        for wrong in (lambda t: t << 1, lambda t: t >> 1, lambda t: ~t):
            with pytest.raises(TypeError):
                wrong(table)
