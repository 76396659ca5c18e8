"""From what a database tells to specifications: markers, foreign keys, lineage."""

import pytest

from datajoint.backends.assembly import (
    RawColumn,
    RawIndex,
    RawReference,
    RawTable,
    Reader,
    clock_default,
    literal_default,
    split_comment,
)
from datajoint.errors import AccessError, MissingTableError
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type

A, B, FAR = TableName("lab", "a"), TableName("lab", "b"), TableName("far", "c")
INT, TEXT = parse_type("int"), parse_type("varchar(9)")


class FakeReader(Reader):
    """A reader of tables that lie in a list."""

    def __init__(self, *tables):
        self.tables = tables
        self.asked = []

    def list_schemas(self):
        return []

    def schema_exists(self, name):
        return False

    def dependents(self, schemas):
        return []

    def gather(self, schemas):
        self.asked.append(tuple(schemas))
        return [table for table in self.tables if table.name.schema in schemas]

    def lineage(self, schemas):
        return {}

    def default(self, text, dtype):
        return literal_default(text, dtype)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (":int32:the id", ("int32", "the id")), ("plain", (None, "plain")), ("", (None, "")), (":<blob@s>:",
        ("<blob@s>", "")),
        (":enum('a:b',\"c:d\"):x:y", ("enum('a:b',\"c:d\")", "x:y")), (":int8:two\nlines", ("int8",
        "two\nlines")),
        (": odd", (None, ": odd")),
    ],
)  # fmt: skip
def test_markers(comment, expected):
    assert expected == split_comment(comment)


def parent(comment=":int32:the id", name=A):
    return RawTable(name, (RawColumn("x", INT, False, None, comment),), ("x",))


def child(reference, comment="", indexes=(), nullable=False):
    columns = (RawColumn("n", INT, False), RawColumn("y", INT, nullable, None, comment))
    return RawTable(B, columns, ("n",), (reference,), indexes)


@pytest.mark.parametrize("error", [AccessError, MissingTableError])
def test_a_schema_without_readable_lineage_is_read_all_the_same(error):
    """It may not be read, or another process has just dropped the schema."""
    far = TableName("far", "~lineage")

    class Partly(FakeReader):
        def lineage(self, schemas):
            if "far" in schemas:
                raise error("…")
            return {(A, "x"): "lab.origin.x"}

    tables = [parent(), *(RawTable(name, (RawColumn("x", INT, False),), ("x",)) for name in
              (TableName("lab", "~lineage"), far, FAR))]  # fmt: skip
    found = Partly(*tables).read(["lab", FAR.schema, "far"])
    origins = found[A].attribute("x").lineage, found[FAR].attribute("x").lineage
    assert ("lab.origin.x", "") == origins  # which says that names alone tell


def test_a_reference_takes_type_and_comment_of_its_origin():
    found = FakeReader(parent(), child(RawReference(("y",), A, ("x",)))).read(["lab"])
    attribute = found[B].attribute("y")
    assert ("int32", "the id") == (attribute.type, attribute.comment)


def test_an_origin_elsewhere_is_read_once_or_known():
    reference = RawReference(("y",), FAR, ("x",))
    reader = FakeReader(parent(name=FAR), child(reference))
    found = reader.read(["lab"])
    assert "int32" == found[B].attribute("y").type
    assert [B] == list(found)
    assert [("lab",), ("far",)] == reader.asked
    known = FakeReader(parent(name=FAR)).read(["far"])
    again = FakeReader(child(reference))
    assert "int32" == again.read(["lab"], known)[B].attribute("y").type
    assert [("lab",)] == again.asked


def test_a_marker_is_believed_and_an_old_one_is_not():
    reference = RawReference(("y",), A, ("x",))
    assert (
        "int16" == FakeReader(parent(), child(reference, ":int16:own")).read(["lab"])[B].attribute("y").type
    )
    legacy = RawTable(A, (RawColumn("x", parse_type("longblob"), False, None, ":attach:old"),), ("x",))
    assert "<attach>" == FakeReader(legacy).read(["lab"])[A].attribute("x").type


def test_options_of_references_and_indexes():
    reference = RawReference(("y",), A, ("x",))
    indexes = (RawIndex(("y",), True), RawIndex(("y",), False), RawIndex(("n", "y"), False))
    spec = FakeReader(parent(), child(reference, "", indexes, nullable=True)).read(["lab"])[B]
    [key] = spec.foreign_keys
    assert (False, True, True) == (key.in_key, key.nullable, key.unique)
    assert [("n", "y")] == [index.columns for index in spec.indexes]
    assert "null" == spec.attribute("y").default.kind


def test_a_cycle_of_unmarked_references_ends():
    own = RawTable(A, (RawColumn("x", TEXT, False),), ("x",), (RawReference(("x",), A, ("x",)),))
    assert "varchar(9)" == FakeReader(own).read(["lab"])[A].attribute("x").type


def test_defaults():
    moment = parse_type("datetime(3)")
    assert ("now", 3, "CURRENT_TIMESTAMP(3)") == tuple(
        getattr(clock_default(6, moment), part) for part in ("kind", "value", "text")
    )
    assert "now_utc" == clock_default(0, parse_type("timestamp")).kind
    assert 7 == literal_default("7", parse_type("int8")).value
    assert "900" == literal_default("900", parse_type("int8")).text
