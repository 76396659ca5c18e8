"""Modules and functions stay small enough to be read at one go."""

import ast

import pytest

MODULE_LINES, MODULE_P90 = 600, 400
FUNCTION_LINES, FUNCTION_P90 = 50, 25
ALIAS_LINES = 5

# "module:qualified name" → why it is longer than FUNCTION_LINES. Docstrings do not count.
LONG_FUNCTIONS: dict[str, str] = {}


def p90(numbers):
    ordered = sorted(numbers)
    return ordered[int(len(ordered) * 0.9)] if ordered else 0


def length(function):
    """Lines from `def` to the end without the docstring."""
    first = function.body[0]
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc_lines = first.end_lineno - first.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - doc_lines


def functions(node, prefix=""):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}", child
            yield from functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


@pytest.fixture(scope="module")
def lengths(modules):
    return {f"{m.name}:{name}": length(node) for m in modules for name, node in functions(m.tree)}


def test_no_module_is_too_long(modules):
    assert {} == {m.name: n for m in modules if (n := len(m.text.splitlines())) > MODULE_LINES}


def test_nine_of_ten_modules_are_short(modules):
    assert p90([len(m.text.splitlines()) for m in modules]) <= MODULE_P90


def test_no_function_is_too_long(lengths):
    assert {} == {name: n for name, n in lengths.items() if n > FUNCTION_LINES and name not in LONG_FUNCTIONS}


def test_nine_of_ten_functions_are_short(lengths):
    assert p90(lengths.values()) <= FUNCTION_P90


def test_exceptions_are_still_needed(lengths):
    assert [] == [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_LINES]


def test_aliases_only_point_elsewhere(modules):
    aliases = [m for m in modules if m.area == "_aliases" and m.name != "_aliases"]
    assert [] == [m.name for m in aliases if len(m.text.splitlines()) > ALIAS_LINES]
