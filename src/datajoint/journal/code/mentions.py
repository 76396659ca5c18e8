"""Which names a piece of code mentions, and what it stores and changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from datajoint._value import Value
from datajoint.journal.code import units
from datajoint.journal.code.canonical import canonical

__all__ = ["Mentions", "mentions", "spoken"]

_CHANGING = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "pop", "clear", "remove"})
_FIRST = frozenset({"__init__", "__new__", "__post_init__", "__set_name__"})
"""Methods that run when objects are made."""

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class Mentions(Value):
    """Names in a piece of code.

    Attributes
    ----------
    mentioned
        Names that it takes of objects, and texts that may be such names.
    given
        Keywords by which it calls.
    stored, kept
        Names under which it stores something in objects; those of them that functions store to once the
        object exists. What it finds there is its own doing.
    changed
        Names whose values its functions change, such as containers.
    """

    mentioned: frozenset[str]
    given: frozenset[str]
    stored: frozenset[str]
    kept: frozenset[str]
    changed: frozenset[str]


def mentions(node: ast.AST) -> Mentions:
    r"""Return the names in a piece of code, which is walked through once.

    Examples
    --------
    >>> found = mentions(ast.parse("def f(a):\n    a.b = memo\n    memo[1] = a.c('d', e=getattr(a, 'g'))"))
    >>> sorted(found.mentioned), set(found.given), set(found.stored), sorted(found.changed)
    (['b', 'c', 'd', 'g'], {'e'}, {'b'}, ['a', 'memo'])
    """
    gathered = _Gathered()
    gathered.walk(node, False, False)
    return Mentions(*map(frozenset, gathered.sets))


class _Gathered:
    def __init__(self) -> None:
        self.sets: tuple[set[str], ...] = (set(), set(), set(), set(), set())

    def walk(self, node: ast.AST, is_inside: bool, is_later: bool) -> None:
        """Gather names.

        Parameters
        ----------
        is_inside, is_later
            Whether it stands in a function; and in one that runs when objects exist.
        """
        mentioned, given, _, _, changed = self.sets
        kind = type(node)
        if kind is ast.Attribute:
            mentioned.add(node.attr)  # type: ignore[attributeAccessIssue]
            if not isinstance(node.ctx, ast.Load):  # type: ignore[attributeAccessIssue]
                self._stores(node.attr, is_later)  # type: ignore[attributeAccessIssue]
        elif kind is ast.Constant:
            if isinstance(node.value, str) and node.value.isidentifier():  # type: ignore[attributeAccessIssue]
                mentioned.add(node.value)  # type: ignore[attributeAccessIssue]
        elif isinstance(node, ast.keyword):
            given.update(() if node.arg is None else (node.arg,))
        elif isinstance(node, _Function):
            is_later = is_later if is_inside else node.name not in _FIRST
            is_inside = True
        elif kind in _CHANGERS:
            self._call(node, is_later)
            if is_inside:
                changed.update(_changed(node))
        for child in ast.iter_child_nodes(node):
            self.walk(child, is_inside, is_later)

    def _stores(self, name: str, is_later: bool) -> None:
        self.sets[2].add(name)
        if is_later:
            self.sets[3].add(name)

    def _call(self, node: ast.AST, is_later: bool) -> None:
        match node:
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str() as name), _]):
                self._stores(name, is_later)
            case _:
                pass


_CHANGERS = frozenset({ast.Global, ast.Assign, ast.AugAssign, ast.Call})


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


def spoken(node: ast.AST) -> str:
    r"""Return the docstrings and annotations of code, which count where code reads them.

    Examples
    --------
    >>> spoken(ast.parse("def f(x: int):\n    'Say.'"))
    "|Say.|Name(id=str:'int';)"
    """
    found: list[str] = []
    for child in ast.walk(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            found.append(ast.get_docstring(child) or "")
        elif isinstance(child, (ast.arg, ast.AnnAssign)) and child.annotation is not None:
            found.append(canonical(child.annotation))
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and child.returns is not None:
            found.append(canonical(child.returns))
    return "|".join(found)
