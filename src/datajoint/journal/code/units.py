"""Where code is written: modules of the project and cells of notebooks, and what they define."""

from __future__ import annotations

import ast
import hashlib
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from types import CodeType, FunctionType
from typing import Any

from datajoint._syntax import parse
from datajoint._value import Value

__all__ = [
    "Imported",
    "Unit",
    "is_project",
    "unit_of_cell",
    "unit_of_class",
    "unit_of_function",
    "unit_of_module",
]


class Imported(Value):
    """What a name stands for that was imported: a module, or a name in it.

    Attributes
    ----------
    module
        Absolute name of the module.
    name
        The name in it, None for the module itself.
    """

    module: str
    name: str | None = None


def namespace_of(module: Any) -> dict[str, Any]:
    """Return the names of a module as they are, without asking a ``__getattr__`` that it may have.

    Examples
    --------
    >>> namespace_of(ast)["__name__"], namespace_of(None)
    ('ast', {})
    """
    try:
        found = object.__getattribute__(module, "__dict__")
    except AttributeError:  # whatever a program has put in the place of a module
        return {}
    return found if isinstance(found, dict) else {}  # type: ignore[unknownVariableType]


class Unit:
    """A text of code with the names that it defines on its top level.

    Parameters
    ----------
    file
        Path of the file, or the name that a notebook gave to the cell.
    module
        Name of the module that it is (a part of).
    text
        The code.

    Attributes
    ----------
    symbols, imports, stars
        Statements that define each name; what each imported name stands for; modules imported by ``*``.
    read
        What has been found out about pieces of the code, which stays the same.
    """

    def __init__(self, file: str, module: str, text: str) -> None:
        self.file, self.module = file, module
        self.tree = parse(text)
        self.package = module if os.path.basename(file) == "__init__.py" else module.rpartition(".")[0]
        self.symbols: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, Imported] = {}
        self.stars: list[str] = []
        self.read: dict[Any, Any] = {}
        for statement in top_level(self.tree.body):
            self._define(statement)
        self._codes: dict[str, list[CodeType]] | None = None
        self._text = text

    @property
    def is_module(self) -> bool:
        """Whether it is a whole module, and not one of the cells of a notebook, which follow each other."""
        return os.path.exists(self.file)

    @property
    def namespace(self) -> dict[str, Any]:
        """The names as they are in this process, empty where the module is not loaded."""
        return namespace_of(sys.modules.get(self.module))

    def _define(self, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, imported in imports_of(statement, self.package):
                if name == "*":
                    self.stars.append(imported.module)
                else:
                    self.imports[name] = imported
            return
        for name in bound_by(statement):
            self.symbols.setdefault(name, []).append(statement)

    def find(self, qualified: str) -> ast.AST | None:
        """Return the class or function of a qualified name, the last of those that have it."""
        found = self.find_all(qualified)
        return found[-1] if found else None

    def find_all(self, qualified: str) -> list[ast.AST]:
        """Return the classes and functions of a qualified name, as a setter has that of its getter."""
        found: list[ast.AST] = [self.tree]
        for part in qualified.split("."):
            if part != "<locals>":
                found = [node for one in found[-1:] for node in _definitions(one) if node.name == part]
        return found

    def written_in(self, code: CodeType) -> ast.AST | None:
        """Return the definition of a function; of a lambda the statement that it stands in."""
        if not code.co_qualname.endswith("<lambda>"):
            return self.find(code.co_qualname)
        return self.statement_at(code.co_firstlineno)

    def compiled(self, qualified: str) -> CodeType | None:
        """Return the code of a function as the text of now gives it."""
        found = self.compiled_all(qualified)
        return found[-1] if found else None

    def compiled_all(self, qualified: str) -> list[CodeType]:
        """Return the codes of all functions of a name as the text of now gives them."""
        if self._codes is None:
            found: dict[str, list[CodeType]] = {}
            for name, code in _codes(compile(self._text, self.file, "exec", dont_inherit=True), ""):
                found.setdefault(name, []).append(code)
            self._codes = found  # only now: other threads may ask meanwhile
        return self._codes.get(qualified, [])

    def statement_at(self, line: int) -> ast.stmt | None:
        """Return the innermost statement outside of functions that a line belongs to."""
        inside = [s for s in self.statements() if s.lineno <= line <= (s.end_lineno or 0)]
        return inside[-1] if inside else None

    def statements(self) -> list[ast.stmt]:
        """Return the statements that are run with the module, outer ones before those in them."""
        found: list[ast.stmt] | None = self.read.get("statements")
        if found is None:
            found = self.read["statements"] = list(_statements(self.tree))
        return found


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a body that are run with it, outer ones before those in them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.expr)):
            yield from _statements(child)


def _definitions(node: ast.AST) -> Iterator[Any]:
    """Yield the classes and functions directly in a body, whatever blocks they stand in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child
        elif isinstance(child, (ast.stmt, ast.excepthandler)):
            yield from _definitions(child)


def _codes(code: CodeType, prefix: str) -> Iterator[tuple[str, CodeType]]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, constant
            yield from _codes(constant, prefix)


def top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those in `if`, `try`, `with` and loops one by one."""
    for statement in body:
        if isinstance(statement, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
            for name in ("body", "orelse", "finalbody"):
                yield from top_level(getattr(statement, name, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from top_level(handler.body)
            if isinstance(statement, (ast.For, ast.With)):
                yield statement
        else:
            yield statement


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines or changes.

    Examples
    --------
    >>> list(bound_by(ast.parse("a, b.c, d['e'] = f()").body[0]))
    ['a', 'b', 'd']
    """
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            for target in targets:
                yield from _roots(target)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            yield from _roots(target)
        case ast.With(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _roots(item.optional_vars)
        case ast.Expr(value=ast.Call(func=ast.Attribute() as changed)):
            yield from _roots(changed)
        case _:
            pass


def _roots(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                yield from _roots(item)
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
            yield from _roots(inner)
        case _:
            pass


def imports_of(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Imported]]:
    """Yield each name that an import binds, and what it stands for.

    Examples
    --------
    >>> list(imports_of(ast.parse("from .filters import smooth as s").body[0], "lab.tools"))
    [('s', Imported(module='lab.tools.filters', name='smooth'))]
    """
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                yield alias.asname, Imported(alias.name)
            else:
                first = alias.name.partition(".")[0]
                yield first, Imported(first)
        return
    base = statement.module or ""
    if statement.level:
        parts = package.split(".")
        outer = parts[: len(parts) - statement.level + 1]
        base = ".".join([*outer, base] if base else outer)
    for alias in statement.names:
        name = alias.asname or alias.name
        yield name, Imported(base, None if name == "*" else alias.name)


# --------------------------------------------------------------------------------------------- finding code


@cache
def _installed() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return tuple(os.path.realpath(path) + os.sep for path in {*paths, own} if path)


def is_project(file: str) -> bool:
    """Whether a file belongs to what its user writes, and not to Python or an installed package.

    Examples
    --------
    >>> is_project(ast.__file__)
    False
    """
    path = os.path.realpath(file)
    if f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path:
        return False
    return not path.startswith(_installed())


@lru_cache(maxsize=512)
def _unit(file: str, module: str, digest: bytes, text: str) -> Unit | None:
    try:
        return Unit(file, module, text)
    except (SyntaxError, ValueError):  # being edited
        return None


def _of_text(file: str, module: str, text: str) -> Unit | None:
    try:
        return _unit(file, module, hashlib.blake2b(text.encode(errors="replace")).digest(), text)
    except (RecursionError, MemoryError):  # not kept: it may be read where the stack is not as deep
        return None


def unit_of_module(module: str) -> Unit | None:
    """Return the code of a module without importing it, None where it has no text."""
    file = _file_of(module)
    if file is None or not file.endswith((".py", ".pyw")):
        return None
    try:
        with open(file, encoding="utf-8") as stream:
            return _of_text(file, module, stream.read())
    except (OSError, UnicodeDecodeError):
        return None


def file_of_module(module: str) -> str | None:
    """Return the file of a module, loaded or not."""
    return _file_of(module)


def _file_of(module: str) -> str | None:
    loaded = sys.modules.get(module)
    if loaded is not None:
        file = namespace_of(loaded).get("__file__")
        return file if isinstance(file, str) else None
    path: Sequence[str] | None = None
    found = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        parent = sys.modules.get(name)
        inside = namespace_of(parent).get("__path__")
        if inside is not None:
            path = list(inside)
            continue
        try:
            found = PathFinder.find_spec(name, path)
        except (ImportError, ValueError, AttributeError):
            return None
        if found is None:
            return None
        path = found.submodule_search_locations
    return found.origin if found is not None else None


def unit_of_function(function: FunctionType) -> Unit | None:
    """Return the code that a function is written in, a cell of a notebook too."""
    file, module = function.__code__.co_filename, function.__module__ or "__main__"
    if _file_of(module) and os.path.exists(file):
        return unit_of_module(module)
    return unit_of_cell(file, module)


def unit_of_cell(file: str, module: str) -> Unit | None:
    """Return the code of a cell of a notebook, by the name that the notebook gave to it, or of any file."""
    text = "".join(linecache.getlines(file))
    return _of_text(file, module, text) if text else None


def unit_of_class(cls: type) -> Unit | None:
    """Return the code that a class is written in, a cell of a notebook too."""
    unit = unit_of_module(cls.__module__)
    if unit is not None:
        return unit
    for member in vars(cls).values():
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if isinstance(function, FunctionType) and function.__qualname__.startswith(cls.__qualname__ + "."):
            return unit_of_function(function)
    return None
