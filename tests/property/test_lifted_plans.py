"""Lifted plans: the rows of each key stand in one plan as the query of that key gives them."""

import pytest

import datajoint as dj
from datajoint.algebra.analysis.lift import lift
from datajoint.algebra.analysis.watch import summary, watch
from datajoint.algebra.plans.nodes import Query
from datajoint.journal.reads.read import signed
from datajoint.journal.reads.shapes import fill, shape_of
from datajoint.journal.reads.signature import Signature, signatures
from plugins.watched import run

KEY = ("a", "b")
LIFTED = [
    "A & key", "B & key", "(A & key) * B", "(A & key) * (B & key)", "B & (A & key)", "B & 'y > 1' & key",
    "A * (C & key)", "C & (B & key)", "C - (B & 'y > 1') & key", "C & key & (B & key)",
    "C.proj('z') & key", "C.proj(other='a') & {'other': key['a']}", "dj.U('z') & (C & key)",
    "dj.U().aggr(C & key, n='count(c)')", "(A & {'a': key['a']}).aggr(B, n='count(b)')",
    "(B & key).aggr(C & key, n='max(z)')", "(A & key).aggr(B & {'a': key['a']}, n='count(b)') & 'n > 1'",
    "(A & {'a': key['a']}).join(B, left=True, allow_nullable_pk=True)", "(A & key) + (A & key).proj()",
    "C & {'b': key['b']}", "(C & {'a': key['a']}) * (C & key).proj(z2='z')",
]  # fmt: skip
STUCK = ["C & key & dj.Top(1)", "A - (B & key)", "A.aggr(B & key, n='count(b)')", "A & ['x = 1', key]"]


@pytest.fixture(scope="module")
def tables(open_database):
    schema = open_database()
    found = {}
    for name, definition in {
        "A": "a : int32\n---\nx=null : int32",
        "B": "-> A\nb : int32\n---\ny : int32",
        "C": "-> B\nc : int32\n---\nz : int32",
    }.items():
        found[name] = schema(type(name, (dj.Manual,), {"definition": definition}), context=found)
    for n in range(1, 5):
        found["A"].insert1({"a": n, "x": n % 2})
    for n in range(1, 4):
        found["B"].insert([{"a": n, "b": m, "y": m} for m in range(n)])
    for n in range(2, 4):
        found["C"].insert([{"a": n, "b": m, "c": c, "z": c % 2} for m in range(n) for c in range(m)])
    return found


def query_of(tables, code, key):
    return eval(code, {"dj": dj, "key": key}, tables).query


@pytest.mark.parametrize("code", LIFTED)
def test_the_signature_of_each_key(tables, code):
    connection, target = tables["A"]().connection, tables["B"]().heading
    shape = shape_of(query_of(tables, code, {"a": 2, "b": 71}), target, {"a": 2, "b": 71})
    assert shape.lifted
    lifted = lift(shape.plan, shape.lifted)
    total = summary(lifted.plan, lifted.names, watch(shape.plan).identified)
    some = query_of(tables, code, {"a": 2, "b": 71})
    names, rows = run(total.plan, [some.values[n] for n in lifted.kept], connection)
    at = [names.index(name) for name in lifted.names]
    groups = {tuple(row[n] for n in at): signatures(total.marks, names, [row]) for row in rows}
    nothing = tuple(Signature.of([]) for _ in total.marks)
    hits = 0
    for a in range(1, 5):
        for b in range(4):
            key = {"a": a, "b": b}
            query = fill(shape, shape.parameters(some.values), key)
            place = tuple(key[name.removeprefix("~key ")] for name in lifted.names)
            _, expected = signed(Query(query.plan, query.values), connection)
            assert expected == groups.get(place, nothing)
            hits += expected != nothing
    assert hits


@pytest.mark.parametrize("code", STUCK)
def test_what_cannot_be_lifted(tables, code):
    shape = shape_of(query_of(tables, code, {"a": 2, "b": 71}), tables["B"]().heading, {"a": 2, "b": 71})
    assert lift(shape.plan, shape.lifted) is None
