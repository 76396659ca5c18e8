"""Who is told of reads and writes, and which tables a plan reads."""

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import Query, Source
from datajoint.engine import observe
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.heading.types import parse_type


class Witness:
    def __init__(self):
        self.seen = []

    is_left = False

    def before_read(self, connection, tables):
        self.seen.append(("read", {name.name for name in tables}))

    def before_write(self, connection, table):
        self.seen.append(("write", table.name))

    def before_sql(self, connection, text):
        self.seen.append(("sql", text))

    def block(self, connection):
        return None


def source(name):
    table = TableName("lab", name)
    key = Attribute(
        "id", parse_type("int32"), True, lineage="lab.a.id", origins=frozenset([(table, "id", ("id",))])
    )
    return Query(Source(table, Heading([key])))


def test_observers_of_a_context():
    witness = Witness()
    with observe.observing(witness):
        observe.reading(None, source("a").plan)
        observe.writing(None, TableName("lab", "b"))
        observe.running_sql(None, "SELECT 1")
        assert observe.block(None) is None
    observe.writing(None, TableName("lab", "c"))
    assert [("read", {"a"}), ("write", "b"), ("sql", "SELECT 1")] == witness.seen


def test_tables_of_a_plan():
    a, b, c = source("a"), source("b"), source("c")
    joined = build.join(a, b, "inner", True)
    assert {"a", "b"} == {name.name for name in observe.tables_of(joined.plan)}
    united = build.union(a, c)
    assert {"a", "c"} == {name.name for name in observe.tables_of(united.plan)}
