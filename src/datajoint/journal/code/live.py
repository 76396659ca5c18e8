"""Classes, functions and values as they are in this process."""

from __future__ import annotations

import ast
import os
from collections import deque
from collections.abc import Iterator
from functools import partial
from types import (
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, cast

from datajoint.journal.code import units

__all__ = [
    "bound_to", "cells", "changes_rows", "code_text", "first", "function_of", "functions_in", "imported_in",
    "is_descriptor", "is_made_by_us", "is_ours", "is_table", "makes_ours", "may_be_edited", "members_of",
    "mentions_name", "names_in", "special_in", "state_of", "wrapped_in",
]  # fmt: skip

_MOST = 1000
"""Items of a container that are looked at."""

_PLAIN_DESCRIPTORS = (MemberDescriptorType, GetSetDescriptorType)
_CONTAINERS = (list, tuple, set, frozenset, deque)
_BUILT_IN = frozenset({"builtins", "datetime", "decimal", "fractions", "pathlib", "re", "uuid", "numpy"})


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


def _inner(member: Any, name: str) -> Any:
    """Return what an object that is no function holds under a name, without asking code of its class."""
    if isinstance(member, (FunctionType, type)):
        return None
    held = state_of(member)
    if held is not None and name in held:
        return held[name]
    for base in cast("type[Any]", type(member)).__mro__:
        found = vars(base).get(name)
        if found is not None:
            return found.__get__(member) if type(found) in _PLAIN_DESCRIPTORS else None
    return None


def function_of(member: Any) -> FunctionType | None:
    """Return the function in a method, property, partial or decorated function; None where there is none.

    Examples
    --------
    >>> function_of(staticmethod(is_ours)).__name__
    'is_ours'
    """
    for name in ("fget", "__func__", "func", "__wrapped__"):
        inner = _inner(member, name)
        if inner is not None:
            member = inner
    while isinstance(member, FunctionType) and "__wrapped__" in vars(member):
        member = vars(member)["__wrapped__"]
    return member if isinstance(member, FunctionType) else None


def wrapped_in(member: Any) -> list[FunctionType]:
    """Return the functions that a method, property, partial or decorated function leads to, outer ones first.

    Examples
    --------
    >>> [function.__name__ for function in wrapped_in(staticmethod(is_ours))]
    ['is_ours']
    """
    for name in ("fget", "__func__", "func"):
        inner = _inner(member, name)
        member = member if inner is None else inner
    found: list[FunctionType] = []
    while isinstance(member, FunctionType) and "__wrapped__" in vars(member) and len(found) < _MOST:
        found.append(member)
        member = vars(member)["__wrapped__"]
    last = function_of(member)
    return found if last is None else [*found, last]


def functions_in(value: Any) -> list[Any]:
    """Return the functions, classes, modules and objects that a container or a generic function leads to.

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
        if isinstance(one, dict):
            pending += list(dict.values(one))[:_MOST]  # type: ignore[unknownArgumentType]
        elif isinstance(one, _CONTAINERS):
            pending += list(cast("list[Any]", one))[:_MOST]
        elif one is not value and _leads_on(one):
            found.append(one)
    return found


def _leads_on(value: Any) -> bool:
    """Whether something is code, or an object of a class that may be of the project."""
    if isinstance(value, (FunctionType, MethodType, ModuleType, partial)):
        return True
    cls = value if isinstance(value, type) else type(value)  # type: ignore[unknownVariableType]
    return cls.__module__ not in _BUILT_IN  # type: ignore[unknownMemberType]


def state_of(value: Any) -> dict[str, Any] | None:
    """Return the attributes of an object that holds its own, None of any other.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> state_of(SimpleNamespace(a=1)), state_of(1), state_of(int)
    ({'a': 1}, None, None)
    """
    if isinstance(value, (type, FunctionType, ModuleType)) or is_made_by_us(value):
        return None
    try:
        held: Any = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return cast("dict[str, Any]", held) if type(held) is dict else None  # type: ignore[unknownArgumentType]


def bound_to(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function, method or partial carries along: variables around it, its object, its arguments.

    Examples
    --------
    >>> dict(bound_to((lambda n: lambda: n)(3)))
    {'n': 3}
    """
    if isinstance(value, partial):
        yield from ((str(number), item) for number, item in enumerate(value.args))  # type: ignore[unknownArgumentType]
        yield from value.keywords.items()
    elif isinstance(value, MethodType):
        yield "self", value.__self__
    for function in wrapped_in(value):
        for name, held in _held_by(function):
            if not isinstance(held, FunctionType) or held is not vars(function).get("__wrapped__"):
                yield name, held


def _held_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not yet set
            continue


def members_of(cls: type) -> set[str]:
    """Return the names of the members of a class that is none of DataJoint's."""
    return {name for base in cls.__mro__ if not is_ours(base) for name in vars(base)}


def special_in(cls: type) -> set[str]:
    """Return the names of the special methods that users wrote in a class: they are called without a name."""
    return {
        name
        for base in cls.__mro__
        if not is_ours(base)
        for name, member in vars(base).items()
        if name.startswith("__") and name.endswith("__") and function_of(member) is not None
    }


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


def makes_ours(unit: units.Unit, statement: ast.stmt) -> bool:
    """Whether a statement assigns something that datajoint makes, as ``schema = dj.Schema('lab')``."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.Call):
        return False
    function: ast.expr = value.func
    while isinstance(function, ast.Attribute):
        function = function.value
    imported = unit.imports.get(function.id) if isinstance(function, ast.Name) else None
    return imported is not None and imported.module.partition(".")[0] == "datajoint"


def may_be_edited(file: str) -> bool:
    """Whether a file is younger than this process, as far as the system tells."""
    try:
        return os.stat(file).st_mtime > os.stat(f"/proc/{os.getpid()}").st_ctime - 1
    except OSError:
        return os.path.exists(file)


def mentions_name(node: ast.AST, name: str) -> bool:
    """Whether code mentions a name."""
    return any(isinstance(child, ast.Name) and child.id == name for child in ast.walk(node))


def is_descriptor(member: Any) -> bool:
    """Whether a member of a class gives something else when it is taken from an object.

    Examples
    --------
    >>> is_descriptor(property()), is_descriptor(1)
    (True, False)
    """
    return hasattr(cast("type[Any]", type(member)), "__get__")
