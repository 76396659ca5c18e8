"""Paths along foreign keys: which are found, in which order, and when several say the same."""

import pytest

from datajoint.declare.spec import ForeignKey, TableSpec
from datajoint.graph.dependencies import DependencyGraph
from datajoint.graph.paths import find_paths, phrase, same_rows
from datajoint.heading.names import TableName


def name(text):
    return TableName("lab", text)


def graph(**parents):
    """Make a graph of tables `{child: [(columns, parent), …]}`; every table has the key `<its name>_id`."""
    specs = {
        name(child): TableSpec(
            name(child),
            (),
            (f"{child}_id",),
            tuple(ForeignKey((columns,), name(parent), (f"{parent}_id",)) for columns, parent in keys),
        )
        for child, keys in parents.items()
    }
    return DependencyGraph(specs)


def paths(tables, start, goal, wanted=None):
    found = find_paths(tables, name(start), name(goal), wanted)
    return sorted(phrase(path, lambda table: table.name) for path in found)


DIAMOND = graph(
    top=[],
    left=[("top_id", "top")],
    right=[("top_id", "top")],
    bottom=[("left_id", "left"), ("right_id", "right")],
    far=[("bottom_id", "bottom")],
    other=[("top_id", "top")],
    alone=[],
)


def test_straight_paths():
    assert ["far → bottom → left"] == paths(DIAMOND, "far", "left")
    assert ["left ← bottom ← far"] == paths(DIAMOND, "left", "far")
    assert ["far → bottom → left → top", "far → bottom → right → top"] == paths(DIAMOND, "far", "top")
    assert [] == paths(DIAMOND, "far", "alone")


def test_paths_that_turn_once():
    assert ["left ← bottom → right", "left → top ← right"] == paths(DIAMOND, "left", "right")
    assert ["left → top ← other"] == paths(DIAMOND, "left", "other")


def test_the_shortest_that_is_wanted():
    tables = graph(a=[], b=[("a_id", "a")], c=[("a_id", "a"), ("b_id", "b")])
    assert ["c → a"] == paths(tables, "c", "a")
    assert ["c → b → a"] == paths(tables, "c", "a", lambda path: any(m.end == name("b") for m in path))
    assert [] == paths(tables, "c", "a", lambda path: False)


def test_references_under_other_names():
    tables = graph(person=[], session=[("analyst", "person"), ("owner", "person")])
    assert ["session → person by analyst", "session → person by owner"] == paths(tables, "session", "person")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [((("a_id", "a_id"), ("a_id", "a_id")), True), ((("a_id", "a_id"), ("a_id", "x")), False)],
)
def test_paths_that_say_the_same(keys, expected):
    (left, up), (right, other) = keys

    def inner(column):
        return ForeignKey((column,), name("a"), ("a_id",))

    specs = {
        name("a"): TableSpec(name("a"), (), ("a_id",)),
        name("b"): TableSpec(name("b"), (), (left,), (inner(up),)),
        name("c"): TableSpec(name("c"), (), (right,), (inner(other),)),
        name("d"): TableSpec(
            name("d"), (), ("a_id",),
            (ForeignKey(("a_id",), name("b"), (left,)), ForeignKey(("a_id",), name("c"), (right,))),
        ),
    }  # fmt: skip
    tables = DependencyGraph(specs)
    assert expected == same_rows(find_paths(tables, name("d"), name("a")))
    assert expected == same_rows(find_paths(tables, name("a"), name("d")))


def test_many_ways_end():
    layers = {f"t{n}_{k}": [(f"t{n - 1}_{j}_id", f"t{n - 1}_{j}") for j in range(3)] if n else []
              for n in range(9) for k in range(3)}  # fmt: skip
    found = find_paths(graph(**layers), name("t8_0"), name("t0_0"))
    assert 2000 == len(found)
