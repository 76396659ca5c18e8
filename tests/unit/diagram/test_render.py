"""The renderers: stored drawings, and what every drawing must say."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings, strategies as st

from datajoint._value import replace
from datajoint.diagram.picture import Edge, Group, Node, Picture
from datajoint.diagram.render import dot, mermaid, png, svg, text

NASTY = "a\"b<c>&d'e`f#g%h$i\\j;k|l]m)n}\nend\x00\x1b[31m"
SVG = "{http://www.w3.org/2000/svg}"


def nasty() -> Picture:
    nodes = (
        Node(NASTY, NASTY, "manual", NASTY, NASTY, underlined=True, badge=NASTY, href="https://a/?b=\"<c>'"),
        Node("b", NASTY, "computed", NASTY, NASTY, href="javascript:alert(1)"),
        Node("c", NASTY, NASTY, None),
    )
    edges = (
        Edge("b", NASTY, True, True, True, NASTY),
        Edge("c", "b", False, False, True, NASTY, nullable=True, unique=True),
    )
    return Picture(nodes, edges, (Group(NASTY, NASTY),))


# ------------------------------------------------------------------------------------------- stored


@pytest.mark.parametrize("name", ["demo", "pipeline"])
@pytest.mark.statement("DIA-6", "DIA-7", "DIA-9", "DIA-10", "DIA-21")
def test_stored_texts(name, request, snapshot):
    picture = request.getfixturevalue(name)
    snapshot(f"{name}.mmd", mermaid.render(picture))
    snapshot(f"{name}.dot", dot.render(picture))
    snapshot(f"{name}.txt", text.render(picture))
    snapshot(f"{name}-ascii.txt", text.render(picture, ascii=True))


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
@pytest.mark.statement("DIA-6", "DIA-7", "DIA-8", "DIA-10", "DIA-12")
def test_stored_svg(theme, demo, snapshot):
    snapshot(f"demo-{theme}.svg", svg.render(demo, theme))


@pytest.mark.statement("DIA-12")
def test_stored_svg_of_several_schemas(pipeline, snapshot):
    snapshot("pipeline.svg", svg.render(pipeline, "light"))
    snapshot("pipeline-TB.svg", svg.render(replace(pipeline, direction="TB"), "dark"))


# ---------------------------------------------------------------------------------------------- SVG


@pytest.mark.statement("DIA-6")
def test_tiers_differ_in_shape_and_colour():
    tiers = ("manual", "lookup", "imported", "computed", "part", "schema", "unknown")
    root = ET.fromstring(svg.render(Picture(tuple(Node(t, t, t) for t in tiers)), "light"))
    shapes = {
        group.get("data-node"): [child.tag.removeprefix(SVG) for child in group if child.tag != f"{SVG}text"]
        for group in root.iter(f"{SVG}g")
    }
    assert {t: ["ellipse"] if t in ("imported", "computed") else ["rect"] for t in tiers if t != "schema"} | {
        "schema": ["rect", "rect"]
    } == shapes
    style = root.find(f"{SVG}style")
    assert style is not None
    fills = re.findall(r"\.dj-light \.(\w+) ellipse\{fill:(#\w+);stroke:(#\w+)\}", style.text or "")
    assert len(tiers) == len({(fill, stroke) for _, fill, stroke in fills})


@pytest.mark.statement("DIA-7", "DIA-21")
def test_edges_say_what_they_mean():
    nodes = tuple(Node(name, name.upper(), "manual") for name in "ab")
    edge = Edge("b", "a", False, False, True, "x → y", nullable=True, unique=True)
    root = ET.fromstring(svg.render(Picture(nodes, (edge,))))
    (group,) = [g for g in root.iter(f"{SVG}g") if g.get("data-child")]
    assert "edge secondary one renamed" == group.get("class")
    assert "B → A (secondary, one-to-one, nullable, unique)\nx → y" == group.findtext(f"{SVG}title")
    assert ("b", "a") == (group.get("data-child"), group.get("data-parent"))
    assert 1 == len(group.findall(f"{SVG}circle"))
    assert 3 == len(group.findall(f"{SVG}path"))  # one to touch, one to see, the bar


@pytest.mark.statement("DIA-7", "DIA-8")
def test_nodes_have_tooltips_and_underlines(demo):
    root = ET.fromstring(svg.render(demo))
    groups = {g.get("data-node"): g for g in root.iter(f"{SVG}g") if g.get("data-node")}
    assert "# Image\nid : int" == groups["Image"].findtext(f"{SVG}title")
    underlined = {
        name for name, g in groups.items() if any(t.get("class") == "key" for t in g.iter(f"{SVG}text"))
    }
    assert {"Image", "ParamSet", "Detection.Blob"} == underlined
    assert "Detection, computed table" == groups["Detection"].get("aria-label")
    assert "Diagram of 6 tables" == root.get("aria-label")


@pytest.mark.statement("DIA-12")
def test_auto_asks_the_viewer(demo):
    assert "prefers-color-scheme:dark" in svg.render(demo)
    assert "prefers-color-scheme" not in svg.render(demo, "dark")
    with pytest.raises(ValueError, match="solarized"):
        svg.render(demo, "solarized")


def test_collapsed_schemas_show_their_badge():
    drawing = svg.render(Picture((Node("s", "ephys", "schema", badge="12 tables"),)))
    assert "ephys, collapsed schema, 12 tables" in drawing
    assert "Diagram of 0 tables and 1 collapsed schema" in drawing


def test_a_table_that_refers_to_itself():
    picture = Picture((Node("a", "A", "manual"),), (Edge("a", "a", False, True, True, "parent → a"),))
    assert 'data-child="a"' in svg.render(picture)
    assert "n0 -.-" in mermaid.render(picture)
    assert "to itself" in svg.render(picture)
    assert "(refers to itself)" in text.render(picture)


@pytest.mark.statement("DIA-20")
def test_cycles_are_named():
    nodes = tuple(Node(name, name, "manual") for name in "ab")
    picture = Picture(nodes, (Edge("b", "a", True, True, False), Edge("a", "b", False, True, False)))
    assert "closes a cycle" in svg.render(picture)
    assert "closes a cycle" in text.render(picture)


# ------------------------------------------------------------------------------------------ escaping


def test_svg_escapes_everything():
    drawing = svg.render(nasty())
    root = ET.fromstring(drawing)
    assert not any(tag in drawing for tag in ("<c>", "javascript", "\x00", "\x1b"))
    clean = NASTY.replace("\x00", "?").replace("\x1b", "?")
    titles = {node.text for node in root.iter(f"{SVG}title")}
    assert clean in titles
    assert [clean, "b"] == [g.get("data-node") for g in root.iter(f"{SVG}g") if g.get("data-node")][:2]
    assert ["https://a/?b=\"<c>'"] == [a.get("href") for a in root.iter(f"{SVG}a")]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_gives_well_formed_svg(label, tooltip):
    picture = Picture((Node("a", label, "manual", tooltip=tooltip, badge=label, href=tooltip),))
    ET.fromstring(svg.render(picture).encode("utf-8", "replace"))
    assert 1 == len([line for line in text.render(picture, legend=False).split("\n") if line])


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "", " javascript:x"]
)
def test_scripts_are_never_linked(href):
    assert "<a " not in svg.render(Picture((Node("a", "A", "manual", href=href),)))


@pytest.mark.parametrize("href", ["https://example.org/a", "table/Session", "#Session", "/t?x=a:b", "./a:b"])
def test_pages_are_linked(href):
    assert "<a href=" in svg.render(Picture((Node("a", "A", "manual", href=href),)))


def test_mermaid_escapes_everything():
    lines = mermaid.render(nasty()).splitlines()
    for line in lines:
        inner = re.sub(r'"[^"]*"', '""', line)
        assert '"' not in inner.replace('""', "")
        assert "`" not in line
        assert "\x00" not in line
    assert not any("javascript" in line for line in lines)
    labels = [re.search(r'"(.*)"', line) for line in lines if re.match(r"\s+n\d+[\[(]", line)]
    assert all(label and not re.search(r"<(?!/?u>|br/>)", label[1]) for label in labels)


def test_dot_escapes_everything():
    result = dot.render(nasty())
    without = re.sub(r"<<u>[^<>]*</u>(?:<br/>[^<>]*)?>", "H", result)
    without = re.sub(r'"(?:[^"\\]|\\.)*"', "S", without)
    assert not re.search(r"[\"<`\\\x00]", without)
    assert "javascript" not in result


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("name", ["demo", "pipeline"])
def test_graphviz_reads_it(name, request):
    text_ = dot.render(request.getfixturevalue(name))
    done = subprocess.run(["dot", "-Tsvg"], input=text_, text=True, capture_output=True, check=True)
    assert "</svg>" in done.stdout
    assert "" == done.stderr


# ---------------------------------------------------------------------------------------------- text


def test_text_has_one_line_for_each_table(pipeline):
    lines = text.render(pipeline, legend=False).splitlines()
    assert len(pipeline.nodes) == len(lines)
    assert max(map(len, lines)) <= 100


def test_text_puts_parents_first(pipeline):
    drawing = text.render(pipeline, legend=False)
    names = [re.sub(r"  \(.*", "", line).split()[-1] for line in drawing.splitlines()]
    for edge in pipeline.edges:
        parent, child = edge.parent.replace(":", "."), edge.child.replace(":", ".")
        assert names.index(parent) < names.index(child)


def read_rails(drawing: str, edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Recover (child, parent) from the rails; `edges` only tells which tables open a rail."""
    open_rails: dict[int, str] = {}
    found: set[tuple[str, str]] = set()
    for line in drawing.splitlines():
        label = re.sub(r"  \(.*", "", line).split()[-1]
        place = line.index(label) - 2
        joints = [i for i, c in enumerate(line[:place]) if c in "├└┼┴┝┕┿┷"]
        found |= {(label, open_rails[i]) for i in joints}
        for i in joints:
            if line[i] in "└┴┕┷":
                del open_rails[i]
        bare = [i for i, c in enumerate(line[:place]) if c == "│"]
        assert set(bare) | {i for i in joints if i in open_rails} == set(open_rails)
        if label in {parent for _, parent in edges}:
            open_rails[place] = label
    assert {} == open_rails
    return found


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda t: t[0] > t[1]), max_size=24))
def test_text_can_be_read_back(pairs):
    nodes = tuple(Node(f"T{i}", f"T{i}", "manual") for i in range(12))
    edges = tuple(Edge(f"T{a}", f"T{b}", True, True, False) for a, b in pairs)
    expected = {(f"T{a}", f"T{b}") for a, b in pairs}
    drawing = text.render(Picture(nodes, edges), legend=False)
    assert expected == read_rails(drawing, expected)


def test_ascii_is_ascii(pipeline):
    assert text.render(pipeline, ascii=True).isascii()


def test_ansi_only_adds_colour(demo):
    coloured = text.render(demo, ansi=True)
    assert text.render(demo) == re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert "\x1b[32;4mImage\x1b[0m" in coloured


def test_text_of_nothing():
    assert "" == text.render(Picture())
    assert "flowchart LR\n" == mermaid.render(Picture())
    assert ET.fromstring(svg.render(Picture())) is not None


@pytest.mark.statement("DIA-20")
def test_text_names_the_schemas_if_there_are_several():
    nodes = Node("1", "Session", "manual", "a"), Node("2", "Session", "manual", "b")
    drawing = text.render(Picture(nodes, (), (Group("a", "one"), Group("b", "two"))), legend=False)
    assert "■ one.Session\n■ two.Session\n" == drawing


# ----------------------------------------------------------------------------------------------- PNG


@pytest.mark.statement("DIA-10", "DIA-11")
def test_png_names_the_extra(demo, monkeypatch):
    monkeypatch.setattr(png, "_resvg", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ImportError, match=r"datajoint\[png\]"):
        png.render(demo)


def test_png_falls_back_on_graphviz(demo, monkeypatch):
    def run(command, **options):
        assert ["/bin/dot", "-Tpng", "-Gdpi=72"] == command
        assert b"digraph" in options["input"]
        return subprocess.CompletedProcess(command, 0, b"PNG", b"")

    monkeypatch.setattr(png, "_resvg", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/dot")
    monkeypatch.setattr(subprocess, "run", run)
    assert b"PNG" == png.render(demo, scale=1)


def test_png(demo):
    pytest.importorskip("resvg_py")
    image = png.render(demo, "dark", scale=1)
    assert b"\x89PNG" == image[:4]
    assert len(image) > 2000
