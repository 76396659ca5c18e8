"""Which names a piece of code mentions, and what it stores and changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from datajoint._value import Value
from datajoint.journal.code import units
from datajoint.journal.code.canonical import canonical, plain

__all__ = ["Mentions", "Names", "literal", "mentions", "spoken"]

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
    stored
        Names under which it stores something in objects: what it finds there is its own doing.
    kept, changed
        Names under which functions store something once an object exists, and names whose values they change,
        such as containers; each with the name of the function, which is empty where the code is one itself.
    begun
        Names that methods such as ``__init__`` give a literal, with the text of its value.
    """

    mentioned: frozenset[str]
    given: frozenset[str]
    stored: frozenset[str]
    kept: frozenset[tuple[str, str]]
    changed: frozenset[tuple[str, str]]
    begun: frozenset[tuple[str, str]]


def mentions(node: ast.AST) -> Mentions:
    r"""Return the names in a piece of code, which is walked through once.

    Examples
    --------
    >>> found = mentions(ast.parse("def f(a):\n    a.b = memo\n    memo[1] = a.c('d', e=getattr(a, 'g'))"))
    >>> sorted(found.mentioned), set(found.given), set(found.stored), sorted(found.changed)
    (['b', 'c', 'd', 'g'], {'e'}, {'b'}, [('a', 'f'), ('memo', 'f')])
    """
    gathered = _Gathered()
    if isinstance(node, _Function):
        gathered.walk_function(node, "")
    else:
        gathered.walk(node, None)
    return Mentions(
        frozenset(gathered.mentioned), frozenset(gathered.given), frozenset(gathered.stored),
        frozenset(gathered.kept), frozenset(gathered.changed), frozenset(gathered.begun),
    )  # fmt: skip


class Names:
    """Names in all code that was reached.

    Attributes
    ----------
    mentioned, given, stored, begun
        As in `Mentions`.
    """

    def __init__(self) -> None:
        self.mentioned: set[str] = set()
        self.given: set[str] = set()
        self.stored: set[str] = set()
        self.begun: set[tuple[str, str]] = set()
        self._kept: set[tuple[str, str]] = set()
        self._changed: set[tuple[str, str, str]] = set()

    def add(self, found: Mentions, file: str) -> None:
        """Add the names of a piece of code; those that it changes where it stands in a file."""
        self.mentioned |= found.mentioned
        self.given |= found.given
        self.stored |= found.stored
        self.begun |= found.begun
        self._kept |= found.kept
        self._changed |= {(file, *changed) for changed in found.changed if file}

    def keeps(self, name: str) -> bool:
        """Whether functions that may run in a make store to attributes of a name."""
        return any(kept == name and self._may_run(function) for kept, function in self._kept)

    def changes(self, file: str, name: str) -> bool:
        """Whether functions that may run in a make change what a name of a module stands for."""
        found = (function for *place, function in self._changed if place == [file, name])
        return any(self._may_run(function) for function in found)

    def _may_run(self, function: str) -> bool:
        """Whether a function was reached itself, or is one in a class or module that code mentions."""
        return not function or function in self.mentioned or function.startswith("__")


class _Gathered:
    def __init__(self) -> None:
        self.mentioned: set[str] = set()
        self.given: set[str] = set()
        self.stored: set[str] = set()
        self.kept: set[tuple[str, str]] = set()
        self.changed: set[tuple[str, str]] = set()
        self.begun: set[tuple[str, str]] = set()
        self._is_first = False

    def walk_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str) -> None:
        """Gather the names of an outermost function."""
        self._is_first = node.name in _FIRST
        for child in ast.iter_child_nodes(node):
            self.walk(child, owner)
        self._is_first = False

    def walk(self, node: ast.AST, owner: str | None) -> None:
        """Gather the names of code in a function, or outside of all."""
        match node:
            case ast.Attribute(attr=name):
                self.mentioned.add(name)
                if not isinstance(node.ctx, ast.Load):
                    self._stores(name, owner)
            case ast.Constant(value=str() as text):
                self.mentioned.update((text,) if text.isidentifier() else ())
            case ast.keyword(arg=str() as name):
                self.given.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if owner is None:
                self.walk_function(node, node.name)
                return
            case ast.Call() | ast.Assign() | ast.AugAssign() | ast.Global():
                self._takes_effect(node, owner)
            case _:
                pass
        for child in ast.iter_child_nodes(node):
            self.walk(child, owner)

    def _stores(self, name: str, owner: str | None) -> None:
        self.stored.add(name)
        if owner is not None and not self._is_first:
            self.kept.add((name, owner))

    def _takes_effect(self, node: ast.AST, owner: str | None) -> None:
        match node:
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str() as name), _]):
                self._stores(name, owner)
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=name), attr=method)) if (
                method in _CHANGING
            ):
                self._stores(name, owner)
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if self._is_first:
                text = literal(value)
                self.begun.update(() if text is None else ((name, text),))
            case (
                ast.Assign(targets=[ast.Subscript(value=ast.Attribute(attr=name))])
                | ast.AugAssign(target=ast.Subscript(value=ast.Attribute(attr=name)))
            ):
                self._stores(name, owner)
            case _:
                pass
        if owner is not None:
            self.changed.update((name, owner) for name in _changed(node))


def literal(value: ast.AST | None) -> str | None:
    """Return the text of a value that is written as numbers, texts and containers of them, None of any other.

    Examples
    --------
    >>> literal(ast.parse("(1, 'a')", mode="eval").body), literal(ast.parse("f()", mode="eval").body)
    ("tuple[int1,str'a']", None)
    """
    if value is None:
        return None
    try:
        return plain(ast.literal_eval(value))  # type: ignore[reportArgumentType]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


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
