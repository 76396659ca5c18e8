"""One form for code that means the same: without positions, comments, docstrings, annotations."""

from __future__ import annotations

import ast
import hashlib
import re
from collections import OrderedDict, deque
from datetime import tzinfo
from functools import cache
from types import MappingProxyType
from typing import Any, cast

__all__ = ["canonical", "normalised", "plain", "shown"]

_SKIPPED = frozenset({"annotation", "returns", "type_comment", "type_params", "kind", "ctx", "type_ignores"})
"""Fields that change nothing of what is computed."""

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_SHOWN = frozenset({"datetime", "decimal", "fractions", "pathlib", "uuid"})
"""Modules whose values are told by their `repr`, and do not change."""

_MANY = 10_000
_LARGE = 16_000_000


def canonical(node: ast.AST) -> str:
    r"""Return one text for a piece of code, the same in every version of Python.

    Fields that are empty are left out, so that those which a later Python adds change nothing.

    Examples
    --------
    >>> import ast
    >>> one = ast.parse("def f(x: int) -> int:\n    '''Say.'''\n    return x  # it")
    >>> canonical(one) == canonical(ast.parse("def f(x): return(x)"))
    True
    """
    found: list[str] = []
    _write(node, found)
    return "".join(found)


def _write(node: Any, found: list[str]) -> None:
    if isinstance(node, ast.AST):
        _write_node(node, found)
    elif isinstance(node, list):
        found.append("[")
        for item in cast("list[Any]", node):
            _write(item, found)
            found.append(",")
        found.append("]")
    else:
        found.append(f"{type(node).__name__}:{node!r}")


def _write_node(node: ast.AST, found: list[str]) -> None:
    found.append(f"{type(node).__name__}(")
    body = _without_docstring(node)
    for name in _fields(type(node)):
        value = body if name == "body" and body is not None else getattr(node, name, None)
        if value is None or value == []:
            if isinstance(node, ast.Constant) and name == "value":
                found.append("None")
            continue
        found.append(f"{name}=")
        _write(value, found)
        found.append(";")
    if isinstance(node, ast.ClassDef):  # what a field of a class is declared as may convert what it is given
        _write([part.annotation for part in node.body if isinstance(part, ast.AnnAssign)], found)
    found.append(")")


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(name for name in sorted(kind._fields) if name not in _SKIPPED)


def _without_docstring(node: ast.AST) -> list[ast.stmt] | None:
    """Return the body of a function, class or module without what is only text or an annotation."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
        return None
    return [statement for statement in node.body if not _says_nothing(statement)]


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.AnnAssign):
        return False  # in a dataclass it is a field
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def normalised(node: ast.AST) -> str:
    """Return a piece of code as text to be read, without comments.

    Examples
    --------
    >>> import ast
    >>> normalised(ast.parse("x=1 # one"))
    'x = 1'
    """
    return ast.unparse(node)


def plain(value: Any) -> str | None:
    """Return a text for a value made of numbers, texts, times and arrays, None for any other.

    Examples
    --------
    >>> plain({"b": 1, "a": (2.0, None)})
    "dict{str'a':tuple[float2.0,NoneTypeNone],str'b':int1}"
    >>> plain(object()) is None
    True
    """
    try:
        return _plain(value, [_MANY])
    except _NotPlain:
        return None


def shown(name: str, value: str) -> str:
    """Return what is kept of the text of a value, which is never the value itself: that may be secret.

    Examples
    --------
    >>> shown("LEVEL", "int7")
    'LEVEL = ...  # cc4647805a95'
    """
    digest = hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=6)
    return f"{name} = ...  # {digest.hexdigest()}"


class _NotPlain(Exception):  # noqa: N818 - no error
    pass


def _plain(value: Any, left: list[int]) -> str:
    left[0] -= 1
    if left[0] < 0:
        raise _NotPlain
    kind = cast("type[Any]", type(value))
    if kind in _PLAIN:
        return f"{kind.__name__}{value!r}"
    if kind in (list, tuple):
        return f"{kind.__name__}[{','.join(_plain(item, left) for item in value)}]"
    if kind in (set, frozenset):
        return f"{kind.__name__}[{','.join(sorted(_plain(item, left) for item in value))}]"
    if kind is dict:
        pairs = sorted(f"{_plain(k, left)}:{_plain(v, left)}" for k, v in value.items())
        return f"dict{{{','.join(pairs)}}}"
    return _plain_object(value, kind, left)


def _plain_object(value: Any, kind: type[Any], left: list[int]) -> str:
    """Return the text of a value of the standard library or of NumPy that does not change by itself."""
    if kind is range:
        return repr(value)
    if kind is slice:
        return f"slice[{_plain([value.start, value.stop, value.step], left)}]"
    if kind is re.Pattern:
        return f"pattern{value.pattern!r}{value.flags}"
    if kind in (MappingProxyType, OrderedDict):
        return f"{kind.__name__}{_plain(dict(value), left)}"
    if kind is deque:
        return f"deque{_plain(list(value), left)}"
    if kind.__module__ in _SHOWN and not issubclass(kind, tzinfo):
        return f"{kind.__name__}{value!r}"
    if kind.__module__ == "numpy":
        return _plain_array(value, kind)
    raise _NotPlain


def _plain_array(value: Any, kind: type[Any]) -> str:
    """Return the text of an array or scalar of NumPy: its type, its shape and a digest of what it holds."""
    dtype = getattr(value, "dtype", None)
    if kind.__name__ == "memmap" or dtype is None or dtype.hasobject or value.nbytes > _LARGE:
        raise _NotPlain
    held = hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()
    return f"{kind.__name__}[{dtype.descr if dtype.names else dtype.str},{value.shape},{held}]"
