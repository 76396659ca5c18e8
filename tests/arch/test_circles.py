"""No modules import each other in a circle, imports for type checkers included."""

import ast

import networkx as nx
import pytest


def targets(module, names):
    """Yield the modules that a module imports, wherever in the file it does."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("datajoint"):
            continue
        package = node.module.removeprefix("datajoint").removeprefix(".")
        for alias in node.names:
            inner = f"{package}.{alias.name}".removeprefix(".")
            yield inner if inner in names else package


def circles(modules):
    """Return the groups of modules that import each other."""
    names = {module.name for module in modules} - {""}
    graph = nx.DiGraph(
        (module.name, target)
        for module in modules
        for target in targets(module, names)
        if module.name and target and target != module.name
    )
    return [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]


def rooms(modules):
    """Return the groups of packages at the top level that import each other."""
    names = {module.name for module in modules} - {""}
    graph = nx.DiGraph(
        (module.area, target.partition(".")[0])
        for module in modules
        for target in targets(module, names)
        if module.area and target and target.partition(".")[0] != module.area
    )
    return [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]


def test_no_circles(modules):
    assert [] == circles(modules)


def test_no_circles_of_packages(modules):
    assert [] == rooms(modules)


@pytest.mark.parametrize("text", ["from datajoint.b import X", "def f():\n    from datajoint import b"])
def test_a_circle_is_found(modules, text):
    a, b = (type(modules[0])(modules[0].path, name, "", ast.parse("")) for name in "ab")
    a = type(a)(a.path, "a", text, ast.parse(text))
    b = type(b)(b.path, "b", "", ast.parse("if TYPE_CHECKING:\n    from datajoint.a import Y"))
    assert [["a", "b"]] == circles([a, b])


def test_a_circle_of_packages_is_found(modules):
    texts = {"a.x": "from datajoint.b.x import X", "b.y": "from datajoint.a.y import Y", "a.y": "", "b.x": ""}
    found = [type(modules[0])(modules[0].path, n, text, ast.parse(text)) for n, text in texts.items()]
    assert [] == circles(found)
    assert [["a", "b"]] == rooms(found)
