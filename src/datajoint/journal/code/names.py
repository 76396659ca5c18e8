"""Which names a piece of code takes from outside itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from datajoint._value import Value
from datajoint.journal.code.units import Imported, imports_of

__all__ = ["Reference", "references"]

_DYNAMIC = frozenset({"eval", "exec", "compile", "__import__", "globals", "vars", "locals"})

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Reference(Value):
    """A name that code takes from outside.

    Attributes
    ----------
    root
        The name; ``self`` for a member of the class that the code belongs to, ``super`` for one of its bases,
        empty for code that only running can tell.
    attributes
        What is taken of it, as in ``root.first.second``; an item that ends in ``*`` stands for all names that
        begin so.
    imported
        What the name stands for, where the code itself imports it.
    """

    root: str
    attributes: tuple[str, ...] = ()
    imported: Imported | None = None


class _Scope:
    """The names of a function and of those around it."""

    def __init__(self, names: set[str], imports: dict[str, Imported], outer: _Scope | None) -> None:
        self.names, self.imports, self.outer = names, imports, outer

    def find(self, name: str) -> Imported | bool:
        """Return what a name was imported as here, or whether it is defined here."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.imports:
                return scope.imports[name]
            if name in scope.names:
                return True
            scope = scope.outer
        return False


def references(node: ast.AST, package: str, first: str | None = None) -> Iterator[Reference]:
    r"""Yield what a statement, function or class takes from outside itself.

    Parameters
    ----------
    first
        Name by which methods get their object, where `node` is a method: ``self``.

    Examples
    --------
    >>> code = ast.parse("def f(x):\n    y = g(x)\n    return y + np.sum(T) + self.a")
    >>> sorted(r.root for r in references(code.body[0], "lab", "self"))
    ['T', 'g', 'np', 'self']
    """
    yield from _Reader(package, first).read(node, _Scope(set(), {}, None))


class _Reader:
    def __init__(self, package: str, first: str | None) -> None:
        self.package, self.first = package, first

    def read(self, node: ast.AST, scope: _Scope) -> Iterator[Reference]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._function(node, scope)
            case ast.Lambda():
                yield from self._each([*node.args.defaults, *node.args.kw_defaults], scope)
                yield from self.read(node.body, _Scope(set(_parameters(node.args)), {}, scope))
            case ast.ClassDef():
                yield from self._each([*node.decorator_list, *node.bases, *node.keywords], scope)
                yield from self._class_body(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                bound = {n for g in node.generators for n in _stored(g.target)}
                yield from self._each(list(ast.iter_child_nodes(node)), _Scope(bound, {}, scope))
            case ast.Call():
                yield from self._call(node, scope)
            case ast.Attribute() | ast.Name():
                yield from self._chain(node, scope)
            case ast.AnnAssign():
                yield from self._each([node.target, node.value], scope)
            case ast.arg() | ast.Import() | ast.ImportFrom():
                pass  # annotations; and what an import binds counts where it is used
            case _:
                yield from self._each(list(ast.iter_child_nodes(node)), scope)

    def _each(self, nodes: Sequence[ast.AST | None], scope: _Scope) -> Iterator[Reference]:
        for node in nodes:
            if node is not None:
                yield from self.read(node, scope)

    def _function(self, node: _Function, scope: _Scope) -> Iterator[Reference]:
        arguments = node.args
        yield from self._each([*node.decorator_list, *arguments.defaults, *arguments.kw_defaults], scope)
        names, imports = _bound(node, self.package)
        inner = _Scope(names, imports, scope)
        yield from self._each(node.body, inner)

    def _class_body(self, node: ast.ClassDef, scope: _Scope) -> Iterator[Reference]:
        """Read a class: names of its body are seen in the body, not in its methods."""
        names, imports = _bound(node, self.package)
        own = _Scope(names, imports, scope)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                defaults = [*statement.args.defaults, *statement.args.kw_defaults]
                yield from self._each([*statement.decorator_list, *defaults], own)
                inner = _Scope(*_bound(statement, self.package), scope)
                yield from _Reader(self.package, None)._each(statement.body, inner)
            else:
                yield from self.read(statement, own)

    def _call(self, node: ast.Call, scope: _Scope) -> Iterator[Reference]:
        function = node.func
        if isinstance(function, ast.Name) and not scope.find(function.id):
            if function.id == "getattr" and len(node.args) >= 2:
                yield from self._getattr(node, scope)
                yield from self._each(node.args[1:], scope)
                return
            if function.id in _DYNAMIC and (node.args or function.id == "globals"):
                yield Reference("", (f"{function.id}()",))
        if isinstance(function, ast.Attribute) and function.attr == "import_module":
            yield from self._import_module(node)
        yield from self._each([function, *node.args, *node.keywords], scope)

    def _import_module(self, node: ast.Call) -> Iterator[Reference]:
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and len(node.args) == 1:
            yield Reference(name.value, (), Imported(name.value))
        else:
            yield Reference("", ("import_module()",))

    def _getattr(self, node: ast.Call, scope: _Scope) -> Iterator[Reference]:
        name = _beginning(node.args[1])
        parts = _parts(node.args[0])
        if parts is None:
            yield from self.read(node.args[0], scope)
            if name.endswith("*"):
                yield Reference("", ("getattr() of a computed name",))
            return
        yield from self._found((*parts, name), scope)

    def _chain(self, node: ast.Attribute | ast.Name, scope: _Scope) -> Iterator[Reference]:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            return
        parts = _parts(node)
        if parts is not None:
            yield from self._found(parts, scope)
        if isinstance(node, ast.Attribute):
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute):
                inner = inner.value
            if not isinstance(inner, ast.Name):
                yield from self.read(inner, scope)

    def _found(self, parts: tuple[str, ...], scope: _Scope) -> Iterator[Reference]:
        root, attributes = parts[0], parts[1:]
        if root in ("super()", self.first, "__class__") or root == f"type({self.first})":
            yield Reference("super" if root == "super()" else "self", attributes)
            return
        found = scope.find(root)
        if found is True:
            if attributes and attributes[-1].endswith("*"):
                yield Reference("", ("getattr() of a computed name",))
            return
        yield Reference(root, attributes, found or None)


def _parts(node: ast.expr) -> tuple[str, ...] | None:
    """Return the names of ``a.b.c``, ``super().b`` and ``A().b``; None where it begins otherwise."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=inner, attr=name):
            parts = _parts(inner)
            return None if parts is None else (*parts, name)
        case ast.Call(func=ast.Name(id="super")):
            return ("super()",)
        case ast.Call(func=ast.Name(id="type"), args=[ast.Name(id=name)]):
            return (f"type({name})",)
        case ast.Call(func=function, args=[], keywords=[]):
            return _parts(function)
        case _:
            return None


def _beginning(name: ast.expr) -> str:
    """Return the name that is asked for, or its known beginning and a star."""
    match name:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str() as text), *_]):
            return f"{text}*"
        case ast.BinOp(left=ast.Constant(value=str() as text), op=ast.Add()):
            return f"{text}*"
        case _:
            return "*"


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield argument.arg
    for starred in (arguments.vararg, arguments.kwarg):
        if starred is not None:
            yield starred.arg


def _bound(node: _Function | ast.ClassDef, package: str) -> tuple[set[str], dict[str, Imported]]:
    """Return the names of a function or class body, and those that it imports."""
    names: set[str] = set() if isinstance(node, ast.ClassDef) else set(_parameters(node.args))
    imports: dict[str, Imported] = {}
    outside: set[str] = set()
    pending: list[ast.AST] = list(node.body)
    while pending:
        child = pending.pop()
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
                continue
            case ast.Global(names=listed):
                outside.update(listed)
            case ast.Import() | ast.ImportFrom():
                imports.update(imports_of(child, package))
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                names.add(name)
            case ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name):
                names.add(name)
            case ast.Lambda():
                continue
            case _ if isinstance(child, _COMPREHENSIONS):
                pending.extend(n for n in ast.walk(child) if isinstance(n, ast.NamedExpr))
                continue
            case _:
                pass
        pending.extend(ast.iter_child_nodes(child))
    return names - outside - set(imports), imports


def _stored(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id
