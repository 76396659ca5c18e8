"""Reads a reference with renames, or empty parentheses, as the syntax tree of a Python expression."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from datajoint._syntax import parse
from datajoint.declare.syntax import Reference
from datajoint.errors import DefinitionSyntaxError, ForeignKeyTargetError

__all__ = ["read"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read(text: str) -> Reference:
    """Return the table and the renames that a text names; see `parse_reference`.

    Examples
    --------
    >>> read("self().source").path
    'self.source'
    """
    try:
        node = parse(text, "eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise DefinitionSyntaxError(
            f"`{text}` is no reference to a table", hint="Write `-> Table` or `-> Table.proj(new='old')`."
        ) from None
    renames: tuple[tuple[str, str], ...] = ()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "proj":
        renames = _renames(node, text)
        node = node.func.value
    return Reference(_path(node, text), renames, text)


def _path(node: ast.expr, text: str) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_path(value, text)}.{name}"
        case ast.Call(func=ast.Name() | ast.Attribute() as function, args=[], keywords=[]):
            return _path(function, text)
        case _:
            raise _refused(text)


def _renames(call: ast.Call, text: str) -> tuple[tuple[str, str], ...]:
    renames: list[tuple[str, str]] = []
    for kept in call.args:  # attributes of the key, which is in every projection, keep their names
        match kept:
            case ast.Constant(value=str(name)) if _NAME.fullmatch(name.strip()):
                renames.append((name.strip(), name.strip()))
            case _:
                raise _refused(text)
    for new, value in _keywords(call):
        match new, value:
            case str(), ast.Constant(value=str(old)) if _NAME.fullmatch(old.strip()):
                renames.append((new, old.strip()))
            case _:
                raise _refused(text)
        if not _NAME.fullmatch(new):
            raise DefinitionSyntaxError(
                f"`{new}` is no attribute name: lower-case letters, digits and underscores"
            )
    olds = [old for _, old in renames]
    if repeated := next((old for old in olds if olds.count(old) > 1), None):
        raise ForeignKeyTargetError(f"`{repeated}` is renamed twice in `{text}`")
    return tuple(renames)


def _keywords(call: ast.Call) -> Iterator[tuple[object, ast.expr]]:
    """Names and values, also of ``**{'class': 'kind'}``, which names that Python keeps for itself need."""
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg=None, value=ast.Dict(keys=keys, values=values)):
                for key, value in zip(keys, values, strict=True):
                    yield (key.value if isinstance(key, ast.Constant) else None), value
            case _:
                yield keyword.arg, keyword.value


def _refused(text: str) -> ForeignKeyTargetError:
    if options := re.fullmatch(r"(.*?)\s*(\[[^\]]*\])", text):
        return ForeignKeyTargetError(
            f"`{text}` cannot be referenced: options stand before the table",
            hint=f"Write `-> {options[2]} {options[1]}`.",
        )
    return ForeignKeyTargetError(
        f"`{text}` cannot be referenced: only a table or its rename can",
        hint="Write `-> Table` or `-> Table.proj(new='old')`.",
    )
