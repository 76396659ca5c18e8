"""What type checkers know is what there is."""

import ast
from pathlib import Path

import datajoint

PACKAGE = Path(datajoint.__file__).parent


def defined(path):
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.asname}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)}
    return names


def test_the_front_door_shows_type_checkers_all_names():
    assert set(datajoint.__all__) == defined(PACKAGE / "__init__.pyi")
