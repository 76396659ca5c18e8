"""No modules import each other in a circle, imports for type checkers included."""

import ast

import networkx as nx
import pytest

KNOWN = {"engine": 7, "jobs": 8}
"""Circles that are still to be cut, by package, with the number of their modules."""


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


def test_no_circles(modules):
    found = circles(modules)
    known = [group for group in found if len(group) <= KNOWN.get(group[0].partition(".")[0], 0)]
    assert [] == [group for group in found if group not in known]
    assert sorted(KNOWN) == sorted(group[0].partition(".")[0] for group in known), (
        "a circle is gone: remove it"
    )


@pytest.mark.parametrize("text", ["from datajoint.b import X", "def f():\n    from datajoint import b"])
def test_a_circle_is_found(modules, text):
    a, b = (type(modules[0])(modules[0].path, name, "", ast.parse("")) for name in "ab")
    a = type(a)(a.path, "a", text, ast.parse(text))
    b = type(b)(b.path, "b", "", ast.parse("if TYPE_CHECKING:\n    from datajoint.a import Y"))
    assert [["a", "b"]] == circles([a, b])
