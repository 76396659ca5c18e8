"""The algebra of what a diagram shows."""

from datajoint.declare.parse import parse
from datajoint.declare.resolve import SELF, resolve
from datajoint.declare.spec import TableSpec
from datajoint.diagram.view import DiagramView
from datajoint.graph.dependencies import DependencyGraph
from datajoint.heading.names import TableName, to_camel_case

DEFINITIONS = {
    "lab.a": "a : int32",
    "lab.b": "-> A\nb : int32",
    "lab.b__p": "-> B\np : int32",
    "two.c": "-> A.proj(other='a')\n---\n-> [nullable] B",
    "two.d": "-> C",
}


def graph(definitions: dict[str, str]) -> DependencyGraph:
    specs: dict[str, TableSpec] = {}
    for full, text in definitions.items():
        name = TableName(*full.split("."))
        own = to_camel_case(name.name)
        specs[own] = resolve(parse(text, own), name, lambda reference: specs.get(reference.path, SELF))
    return DependencyGraph({spec.name: spec for spec in specs.values()})


GRAPH = graph(DEFINITIONS)


def view(*names: str) -> DiagramView:
    return DiagramView(GRAPH, frozenset(TableName(*name.split(".")) for name in names))


def shown(of: DiagramView) -> list[str]:
    return sorted(map(str, of.shown))


def test_generations_down_and_up() -> None:
    assert ["lab.a", "lab.b", "two.c"] == shown(view("lab.a").grow(1))
    assert ["lab.a", "lab.b", "lab.b__p", "two.c", "two.d"] == shown(view("lab.a").grow(5))
    assert ["lab.a", "lab.b", "two.c", "two.d"] == shown(view("two.d").grow(2, up=True))
    assert ["two.d"] == shown(view("two.d").grow(0))


def test_set_operations() -> None:
    both = view("lab.a", "lab.b")
    assert ["lab.a", "lab.b", "two.c"] == shown(both | view("two.c"))
    assert ["lab.a"] == shown(both - view("lab.b"))
    assert ["lab.b"] == shown(both & view("lab.b", "two.c"))
    assert ["lab.a", "lab.b"] == shown(both)


def test_parts_and_paths() -> None:
    assert ["lab.b", "lab.b__p"] == shown(view("lab.b").add_parts())
    between = view("lab.a").path(TableName("lab", "a"), TableName("two", "d"))
    assert ["lab.a", "lab.b", "two.c", "two.d"] == shown(between)


def test_collapsed_schema_is_one_node() -> None:
    picture = (view("lab.a", "lab.b") | view("two.c", "two.d").collapse()).picture()
    assert ["A", "B", "two"] == [node.label for node in picture.nodes]
    assert "2 tables" == picture.nodes[-1].badge
    assert [("lab.b", "lab.a"), ("schema two", "lab.a"), ("schema two", "lab.b")] == [
        (edge.child, edge.parent) for edge in picture.edges
    ]
    assert ["lab"] == [group.id for group in picture.groups]


def test_expanded_node_stays_expanded() -> None:
    collapsed = view("two.c", "two.d").collapse()
    assert ["two.d"] == [str(name) for name in (collapsed | view("two.c")).collapsed]
    assert ["two.d"] == [str(name) for name in (view("two.c") | collapsed).collapsed]


def test_edges_and_nodes() -> None:
    picture = view("lab.a", "lab.b", "two.c", "two.d").picture("TB", describe=str)
    edges = {(e.child, e.parent): (e.primary, e.multi, e.renamed, e.nullable) for e in picture.edges}
    expected = {
        ("lab.b", "lab.a"): (True, True, False, False),
        ("two.c", "lab.a"): (True, False, True, False),
        ("two.c", "lab.b"): (False, True, False, True),
        ("two.d", "two.c"): (True, False, False, False),
    }
    assert expected == edges
    assert {"A": True, "B": True, "C": False, "D": False} == {n.label: n.underlined for n in picture.nodes}
    assert "lab.a" == picture.nodes[0].tooltip
    assert "TB" == picture.direction


def test_tables_of_other_systems_are_unknown() -> None:
    name = TableName("lab", "OLD TABLE")
    other = DependencyGraph({name: TableSpec(name, (), ())})
    assert ["unknown"] == [node.tier for node in DiagramView(other, frozenset([name])).picture().nodes]


def test_graphs_are_merged() -> None:
    one, two = graph({"lab.a": "a : int32"}), graph({"two.x": "x : int32"})
    merged = DiagramView(one, frozenset(one.specs)) | DiagramView(two, frozenset(two.specs))
    assert {"A", "X"} == {node.label for node in merged.picture().nodes}
