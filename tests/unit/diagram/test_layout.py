"""The layout: nothing overlaps, edges keep clear of nodes, equal pictures give equal drawings."""

from itertools import combinations

import pytest
from hypothesis import given, settings, strategies as st

from datajoint._value import replace
from datajoint.diagram.layout import Box, Layout, Route, arrange, cycles
from datajoint.diagram.layout.metrics import text_width
from datajoint.diagram.picture import TIERS, Edge, Group, Node, Picture


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Any picture: with cycles, loops, parallel edges, groups, nodes without group."""
    count = draw(st.integers(0, 18))
    groups = draw(st.integers(0, 4))
    nodes: list[Node] = []
    for i in range(count):
        group = draw(st.integers(0 if groups == 0 else draw(st.sampled_from([0, 1])), groups))
        label = draw(st.sampled_from(["A", "Session", "ProbeInsertion", "VeryLongNameOfATable.Part"]))
        tier, badge = draw(st.sampled_from(TIERS)), draw(st.sampled_from(["", "12 rows"]))
        nodes.append(Node(f"n{i}", label, tier, f"g{group}" if group else None, badge=badge))
    ends = st.integers(0, max(count - 1, 0))
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=30)) if count else []
    flags = st.booleans()
    edges = [Edge(f"n{a}", f"n{b}", draw(flags), draw(flags), draw(flags)) for a, b in pairs]
    frames = tuple(
        Group(f"g{i}", "a rather long schema name" if i == 1 else f"s{i}") for i in range(1, groups + 1)
    )
    return Picture(tuple(nodes), tuple(edges), frames, draw(st.sampled_from(["LR", "TB"])))


def points(route: Route) -> list[tuple[float, float]]:
    """Many points of a route."""
    result = [route.start]
    x0, y0 = route.start
    for segment in route.segments:
        x1, y1, x2, y2 = (x0, y0, *segment[-2:]) if len(segment) == 2 else segment[:4]
        x3, y3 = segment[-2:]
        for step in range(1, 21):
            t = step / 20
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            result.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
        x0, y0 = x3, y3
    return result


def inside(box: Box, x: float, y: float, margin: float = 0.5) -> bool:
    return (
        box.x + margin < x < box.x + box.width - margin and box.y + margin < y < box.y + box.height - margin
    )


def shrunk(box: Box) -> Box:
    """Allow for the rounding to a tenth of a pixel."""
    return Box(box.x + 0.1, box.y + 0.1, box.width - 0.2, box.height - 0.2)


def check_nodes(picture: Picture, places: Layout) -> None:
    assert len(picture.nodes) == len(places.nodes)
    assert [] == [pair for pair in combinations(map(shrunk, places.nodes), 2) if pair[0].overlaps(pair[1])]
    for box in places.nodes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= places.width
        assert box.y + box.height <= places.height


def check_groups(picture: Picture, places: Layout) -> None:
    assert len(picture.groups) == len(places.groups)
    frames = [
        (group.id, shrunk(box)) for group, box in zip(picture.groups, places.groups, strict=True) if box
    ]
    for (_, a), (_, b) in combinations(frames, 2):
        assert not a.overlaps(b)
    for group, frame in frames:
        for node, box in zip(picture.nodes, places.nodes, strict=True):
            assert (node.group == group) == frame.overlaps(shrunk(box))


def check_edges(picture: Picture, places: Layout) -> None:
    assert len(picture.edges) == len(places.edges)
    box_of = {node.id: box for node, box in zip(picture.nodes, places.nodes, strict=True)}
    for edge, route in zip(picture.edges, places.edges, strict=True):
        start, end = box_of[edge.parent], box_of[edge.child]
        assert inside(start, *route.start, margin=-0.6)
        assert inside(end, *route.end, margin=-0.6)
        others = [box for name, box in box_of.items() if name not in (edge.parent, edge.child)]
        assert not any(inside(box, x, y) for x, y in points(route) for box in others)


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_everything_has_a_place_of_its_own(picture):
    places = arrange(picture)
    check_nodes(picture, places)
    check_groups(picture, places)
    check_edges(picture, places)
    assert arrange(picture) == places


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.statement("DIA-9", "DIA-12")
def test_pipeline(pipeline, direction):
    picture = replace(pipeline, direction=direction)
    places = arrange(picture)
    check_nodes(picture, places)
    check_groups(picture, places)
    check_edges(picture, places)
    assert all(box is not None for box in places.groups)


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.statement("DIA-12")
def test_parents_come_before_their_children(pipeline, direction):
    places = arrange(replace(pipeline, direction=direction))
    box_of = {node.id: box for node, box in zip(pipeline.nodes, places.nodes, strict=True)}
    for edge in pipeline.edges:
        parent, child = box_of[edge.parent], box_of[edge.child]
        if direction == "LR":
            assert parent.x + parent.width < child.x
        else:
            assert parent.y + parent.height < child.y
    assert () == places.against


def test_a_chain_is_straight():
    nodes = tuple(Node(name, name, "computed") for name in "abcd")
    edges = tuple(Edge(b, a, True, True, False) for a, b in ("ab", "bc", "cd"))
    places = arrange(Picture(nodes, edges))
    assert 1 == len({box.centre[1] for box in places.nodes})
    assert [1, 1, 1] == [len(route.segments) for route in places.edges]


def test_a_parent_stands_amid_its_children():
    nodes = tuple(Node(name, name, "manual") for name in "pabc")
    places = arrange(Picture(nodes, tuple(Edge(c, "p", True, True, False) for c in "abc")))
    heights = sorted(box.centre[1] for box in places.nodes[1:])
    assert heights[1] == pytest.approx(places.nodes[0].centre[1])


def test_a_lookup_stands_beside_its_child():
    nodes = tuple(Node(name, name, "manual") for name in "abcdl")
    edges = [Edge(b, a, True, True, False) for a, b in ("ab", "bc", "cd")] + [
        Edge("d", "l", True, True, False)
    ]
    places = arrange(Picture(nodes, tuple(edges)))
    assert places.nodes[2].x == places.nodes[4].x


def test_unconnected_tables_make_a_block():
    places = arrange(Picture(tuple(Node(str(i), f"Table{i}", "lookup") for i in range(30))))
    assert places.width < 3 * places.height
    assert places.height < 3 * places.width


def test_parallel_edges_are_drawn_apart():
    nodes = Node("a", "A", "manual"), Node("b", "B", "manual")
    edges = tuple(Edge("b", "a", primary, True, True) for primary in (True, False))
    places = arrange(Picture(nodes, edges))
    assert 2 == len(set(places.edges))


@pytest.mark.statement("DIA-20")
def test_cycles_are_reported_and_drawn():
    nodes = tuple(Node(name, name, "manual") for name in "abcdx")
    links = ("ba", "cb", "ac", "dc", "xx")  # child, parent
    picture = Picture(nodes, tuple(Edge(child, parent, True, True, False) for child, parent in links))
    assert (("a", "b", "c"), ("x",)) == cycles(picture)
    places = arrange(picture)
    assert 1 == len(places.against)
    check_edges(picture, places)
    assert () == cycles(Picture(nodes, picture.edges[:2]))


@pytest.mark.statement("DIA-20")
def test_equal_labels_are_no_trouble():
    nodes = Node("s1.t", "Session", "manual", "s1"), Node("s2.t", "Session", "manual", "s2")
    picture = Picture(
        nodes, (Edge("s2.t", "s1.t", True, True, False),), (Group("s1", "one"), Group("s2", "two"))
    )
    check_nodes(picture, arrange(picture))


def test_empty():
    assert () == arrange(Picture()).nodes
    assert (None,) == arrange(Picture(groups=(Group("g", "empty"),))).groups
    assert (None,) == arrange(Picture((Node("a", "A", "manual"),), (), (Group("g", "empty"),))).groups


def test_long_schema_names_fit_their_frames():
    for direction in ("LR", "TB"):
        name = "a_very_long_name_of_a_schema_with_one_table"
        picture = Picture((Node("a", "A", "manual", "g"),), (), (Group("g", name),), direction)
        frame = arrange(picture).groups[0]
        assert frame is not None
        assert frame.width > text_width(name, 11)


def test_wide_characters_are_wide():
    assert text_width("神経") > text_width("ab")
    assert text_width("é") > 0


def test_a_route_can_be_walked_backward():
    route = Route((0, 0), ((1, 0), (2, 0, 2, 3, 4, 3), (5, 3)))
    assert route == route.backward().backward()
    assert route.end == route.backward().start
