"""`connection.dependencies`: the graph of foreign keys by full names (move-in, section 3)."""

import pytest
from datajoint.dependencies import topo_sort, unite_master_parts

import datajoint as dj

pytestmark = pytest.mark.statement("TAB-10", "TAB-11")


@pytest.fixture
def names(schema, declare):
    declare("Person", "person : varchar(12)")
    declare("Setup", "setup : int16")
    declare(
        "Session",
        "-> Setup\nsession : int32\n---\n-> Person.proj(operator='person')\n"
        "-> [nullable] Person.proj(helper='person')",
        Block=declare.part("Block", "-> master\nblock : int16"),
    )
    declare("Fit", "-> Session\n---\nvalue=null : float64", tier=dj.Computed, make=lambda self, key: None)
    known = declare.known
    found = {name: known[name].full_table_name for name in ("Person", "Setup", "Session", "Fit")}
    return {**found, "Block": known["Session"].Block.full_table_name}


@pytest.fixture
def graph(schema, names):
    schema.connection.dependencies.load()
    return schema.connection.dependencies


def test_tables_by_their_full_names(graph, names):
    assert set(names.values()) == set(graph.nodes) == set(graph)
    assert names["Session"] in graph
    assert "`lab`.`other`" not in graph
    assert {"setup", "session"} == graph.nodes[names["Session"]]["primary_key"]


def test_parents_and_children(graph, names):
    assert [names["Setup"]] == [name for name, _ in graph.parents(names["Session"], primary=True)]
    renamed = [data["attr_map"] for _, data in graph.children(names["Person"])]
    assert [{"operator": "person"}, {"helper": "person"}] == renamed
    assert {names["Block"], names["Fit"]} == {name for name, _ in graph.children(names["Session"])}
    assert {names["Setup"], names["Person"]} == set(graph.predecessors(names["Session"]))
    assert (3, 2) == (graph.in_degree(names["Session"]), graph.out_degree(names["Session"]))
    assert (names["Setup"], names["Session"]) in graph.in_edges(names["Session"])
    assert graph.has_edge(names["Setup"], names["Session"])


def test_ancestors_and_descendants(graph, names):
    assert names["Fit"] == graph.ancestors(names["Fit"])[0]
    assert {names[n] for n in ("Fit", "Session", "Setup", "Person")} == set(graph.ancestors(names["Fit"]))
    assert [names[n] for n in ("Setup", "Session", "Block", "Fit")] == graph.descendants(names["Setup"])


def test_marks_on_nodes_stay(schema, graph, names):
    graph.nodes[names["Fit"]]["mark"] = 1
    assert 1 == schema.connection.dependencies.nodes[names["Fit"]]["mark"]


def test_sorting(graph, names):
    order = topo_sort(graph)
    assert order.index(names["Block"]) == order.index(names["Session"]) + 1
    assert order.index(names["Person"]) < order.index(names["Session"]) < order.index(names["Fit"])
    assert [names["Setup"], names["Session"], names["Block"], names["Fit"]] == unite_master_parts(
        [names["Setup"], names["Session"], names["Fit"], names["Block"]]
    )


def test_networkx_takes_it(graph, names):
    nx = pytest.importorskip("networkx")
    assert nx.has_path(nx.DiGraph(graph), names["Setup"], names["Block"])
    assert list(nx.topological_sort(graph))
    assert [names["Setup"], names["Session"], names["Fit"]] == nx.shortest_path(
        graph, names["Setup"], names["Fit"]
    )


@pytest.fixture
def elsewhere(connect, schema, names):
    """Declare a child of `Setup` and of `Session` in another connection; return the names."""
    schema.connection.dependencies.load()
    other = connect().Schema(schema.database)

    def make():
        setup = other["Setup"]

        class Repair(dj.Manual):
            definition = "-> setup\nrepair : int16"

        return other(Repair, context={"setup": setup}).full_table_name

    return make


def test_what_another_process_declared_is_seen(schema, declare, elsewhere):
    setup = declare.known["Setup"]
    assert [declare.known["Session"].full_table_name] == setup.children()
    assert 5 == len(dj.Diagram(schema))
    repair = elsewhere()
    assert repair in setup.children()
    assert repair in setup.descendants()
    assert 6 == len(dj.Diagram(schema))


def test_loading_by_force_sees_what_another_process_declared(schema, elsewhere):
    repair = elsewhere()
    schema.connection.dependencies.load(force=True)
    assert repair in schema.connection.dependencies
