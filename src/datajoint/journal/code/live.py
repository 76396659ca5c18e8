"""Classes, functions and values as they are in this process."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, cast

from datajoint.journal.code import units

__all__ = [
    "cells", "changes_name", "changes_rows", "code_text", "first", "function_of", "functions_in",
    "imported_in", "is_made_by_us", "is_ours", "is_table", "may_be_edited", "members_of", "mentioned",
    "mentions_name", "names_in", "stored",
]  # fmt: skip

_CHANGING = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "pop", "clear", "remove"})
_MOST = 1000
"""Items of a container that are looked at."""


def first(node: ast.AST) -> str | None:
    """Return the name by which a method gets its object or class."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    if any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list):
        return None
    arguments = [*node.args.posonlyargs, *node.args.args]
    return arguments[0].arg if arguments else None


def is_ours(cls: type) -> bool:
    """Whether a class is one of DataJoint's own, or `object`.

    Examples
    --------
    >>> is_ours(object), is_ours(int)
    (True, False)
    """
    return cls is object or cls.__module__.partition(".")[0] == "datajoint"


def is_made_by_us(value: Any) -> bool:
    """Whether a value is an object of DataJoint, such as a schema."""
    return not isinstance(value, type) and type(value).__module__.partition(".")[0] == "datajoint"


def is_table(node: ast.ClassDef, live: Any) -> bool:
    """Whether a class is a table: by its bases or, where it is not loaded, by its text."""
    if isinstance(live, type) and any(is_ours(base) for base in live.__mro__[:-1]):
        return True
    names = {name for statement in node.body for name in units.bound_by(statement)}
    return "definition" in names


def changes_rows(statement: ast.stmt, live: Any) -> bool:
    """Whether a statement calls what tables bring along, as ``Subject.insert(rows)``: that is no code."""
    node: ast.AST | None = statement.value if isinstance(statement, ast.Expr) else None
    node = node.func if isinstance(node, ast.Call) else None
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.append(node.attr)
        node = node.value
    for name in reversed(path):
        bases: tuple[type, ...] = live.__mro__ if isinstance(live, type) else ()
        live = next((vars(base)[name] for base in bases if name in vars(base)), None)
    return isinstance(live, FunctionType) and live.__module__.partition(".")[0] == "datajoint"


def function_of(member: Any) -> FunctionType | None:
    """Return the function in a method, property, partial or decorated function; None where there is none.

    Examples
    --------
    >>> function_of(staticmethod(is_ours)).__name__
    'is_ours'
    """
    for name in ("fget", "__func__", "func", "__wrapped__"):
        inner = getattr(member, name, None) if not isinstance(member, (FunctionType, type)) else None
        if inner is not None:
            member = inner
    while isinstance(member, FunctionType) and "__wrapped__" in vars(member):
        member = vars(member)["__wrapped__"]
    return member if isinstance(member, FunctionType) else None


def functions_in(value: Any) -> list[Any]:
    """Return the functions and classes that a container or a generic function leads to, as it is now.

    Examples
    --------
    >>> functions_in({"first": is_ours, "rest": [is_table, 1]}) == [is_ours, is_table]
    True
    """
    found: list[Any] = []
    pending: list[Any] = [value]
    if isinstance(value, FunctionType) and "registry" in vars(value) and "dispatch" in vars(value):
        pending = list(vars(value)["registry"].values())  # of functools.singledispatch
    while pending and len(found) < _MOST:
        one = pending.pop(0)
        if isinstance(one, (FunctionType, type)) and one is not value:
            found.append(one)
        elif type(one) is dict:  # type: ignore[unknownArgumentType]
            pending += list(one.values())[:_MOST]  # type: ignore[unknownArgumentType]
        elif type(one) in (list, tuple):
            pending += list(cast("list[Any]", one))[:_MOST]
    return found


def members_of(cls: type) -> set[str]:
    """Return the names of the members of a class that is none of DataJoint's."""
    return {name for base in cls.__mro__ if not is_ours(base) for name in vars(base)}


def mentioned(node: ast.AST) -> frozenset[str]:
    """Return the names that code takes of objects, and texts that may be such names.

    Examples
    --------
    >>> sorted(mentioned(ast.parse("a.b.c + getattr(a, 'd') + 'no name'")))
    ['b', 'c', 'd']
    """
    found = {child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)}
    texts = {child.value for child in ast.walk(node) if isinstance(child, ast.Constant)}
    return frozenset(found | {text for text in texts if isinstance(text, str) and text.isidentifier()})


def stored(node: ast.AST) -> frozenset[str]:
    """Return the names under which code stores something in objects: what it finds there is its own doing."""
    return frozenset(_stored(node))


def _stored(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        match child:
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str() as name), _]):
                yield name
            case _:
                pass


def names_in(node: ast.ClassDef) -> set[str]:
    """Return the names that the text of a class defines."""
    return {name for statement in units.top_level(node.body) for name in units.bound_by(statement)}


def imported_in(node: ast.ClassDef, name: str, package: str) -> units.Imported | None:
    """Return what a name stands for that the text of a class imports."""
    for statement in units.top_level(node.body):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for bound, imported in units.imports_of(statement, package):
                if bound == name:
                    return imported
    return None


def cells(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the variables of functions around a class that its methods use."""
    for base in reversed(cls.__mro__):
        for member in () if is_ours(base) else vars(base).values():
            function = function_of(member)
            if function is not None:
                yield from zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def code_text(code: CodeType) -> str:
    """Return one text for compiled code that does the same, wherever it is written."""
    constants = [_constant_text(constant) for constant in code.co_consts]
    return f"{code.co_code.hex()}|{code.co_names}|{code.co_varnames}|{constants}"


def _constant_text(constant: Any) -> str:
    if isinstance(constant, CodeType):
        return code_text(constant)
    return str(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant)  # type: ignore[unknownArgumentType]


def may_be_edited(file: str) -> bool:
    """Whether a file is younger than this process, as far as the system tells."""
    try:
        return os.stat(file).st_mtime > os.stat(f"/proc/{os.getpid()}").st_ctime - 1
    except OSError:
        return os.path.exists(file)


def mentions_name(node: ast.AST, name: str) -> bool:
    """Whether code mentions a name."""
    return any(isinstance(child, ast.Name) and child.id == name for child in ast.walk(node))


def changes_name(function: ast.AST, name: str) -> bool:
    """Whether code changes what a name stands for, such as a container."""
    return any(name in _changed(node) for node in ast.walk(function))


def _changed(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Global(names=names):
            yield from names
        case ast.Assign(targets=targets):
            for target in targets:
                if isinstance(target, (ast.Subscript, ast.Attribute)):
                    yield from units.bound_by(node)
        case ast.AugAssign(target=ast.Subscript() | ast.Attribute()):
            yield from units.bound_by(node)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in _CHANGING:
            yield name
        case _:
            pass
