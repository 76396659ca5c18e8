"""What the names of functions that ran stand for in this process, now."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from datajoint._value import Value, replace
from datajoint.journal.code import units
from datajoint.journal.code.canonical import normalised
from datajoint.journal.code.live import wrapped_in
from datajoint.journal.code.units import Unit
from datajoint.journal.ran.files import digest_of_path, place_of
from datajoint.journal.ran.pieces import Piece, digest_of_node, is_anonymous, piece_of, unit_of_code

__all__ = ["CHANGED", "FILE", "GONE", "MAIN", "SAME", "Present", "compare", "present_text", "recordable"]

SAME, CHANGED, GONE = "same", "changed", "gone"
"""What has become of a function: its source is the same, is another one, or nothing has its name."""

MAIN = "__main__"
_TEXT, FILE = "text", "file"
_MISSING: Any = object()
_Definition = tuple[Unit, ast.AST]


class Present(Value):
    """A function as it is recorded: `Piece` without its text.

    Attributes
    ----------
    how
        ``text`` where the name stands for something else in the process, such as a function around it;
        ``file`` of a file that the make depends on.
    """

    module: str
    name: str
    digest: str
    how: str = ""

    @property
    def label(self) -> str:
        """Module and name."""
        return self.name if self.how == FILE else f"{self.module}.{self.name}"


def compare(one: Present) -> str:
    """Return what has become of a function that ran.

    What a module of this process holds under the name counts; where the process has not imported the module,
    or the name leads to something else than a function, the text of its file does.

    Examples
    --------
    >>> one = piece_of(compare.__code__, __name__)
    >>> compare(Present(*one.told)), compare(Present(one.module, one.name, "another"))
    ('same', 'changed')
    >>> compare(Present(one.module, "that_was", one.digest))
    'gone'
    """
    if one.how == FILE:
        digest = digest_of_path(place_of(one.module, one.name))
        return SAME if digest == one.digest else CHANGED if digest else GONE
    found = None if one.how == _TEXT else _in_process(one)
    if found is None:
        nodes = _definitions(one.module, one.name)
        same = any(one.digest == digest_of_node(*node) for node in nodes)
        found = SAME if same else CHANGED if nodes and not is_anonymous(one.name) else GONE
    return found


def recordable(module: str, name: str, digest: str) -> Present | None:
    """Return what is recorded of a function that ran; None where no name leads to it, not even now.

    Examples
    --------
    >>> recordable(__name__, "that_is_not", "0") is None
    True
    """
    one = Present(module, name, digest)
    found = compare(one)
    if found == CHANGED and compare(replace(one, how=_TEXT)) == SAME:
        return replace(one, how=_TEXT)
    return None if found == GONE else one


def _in_process(one: Present) -> str | None:
    """Compare with what the process has; None where that does not tell."""
    outer, _, inner = one.name.partition(".<locals>")
    live = _live(one.module, outer)
    functions = [] if live is _MISSING else wrapped_in(live)
    if inner:
        nodes = [node for function in functions for node in _inside(function, one)]
        return None if not nodes else SAME if one.digest in {digest_of_node(*n) for n in nodes} else CHANGED
    if one.digest in {_piece(function, one.module).digest for function in functions}:
        return SAME
    if not functions:
        return None
    nodes = _definitions(one.module, one.name)
    is_plain = len(nodes) == 1 and not getattr(nodes[0][1], "decorator_list", ())
    return CHANGED if is_plain or not nodes else None


def _live(module: str, name: str) -> Any:
    """Return what a module of this process has under a qualified name."""
    names: Mapping[str, Any] = units.namespace_of(sys.modules.get(module))
    owner, found = "", _MISSING
    for part in name.split("."):
        hidden = f"_{owner.lstrip('_')}{part}" if part.startswith("__") and not part.endswith("__") else part
        found = names.get(part, names.get(hidden, _MISSING))
        owner, names = part, _members(found)
    return found


def _members(owner: Any) -> Mapping[str, Any]:
    return vars(owner) if isinstance(owner, type) else {}


def _piece(function: FunctionType, module: str) -> Piece:
    return piece_of(function.__code__, _module_of(function, module))


def _module_of(function: FunctionType, module: str) -> str:
    return str(function.__globals__.get("__name__", module))


def _inside(function: FunctionType, one: Present) -> Iterator[_Definition]:
    """Yield what stands in a function under the name of a method of a class in it."""
    unit = unit_of_code(function.__code__, _module_of(function, one.module))
    if unit is not None:
        yield from ((unit, node) for node in unit.find_all(one.name))


def _definitions(module: str, name: str) -> list[_Definition]:
    """Return what the text of a module defines under a qualified name."""
    unit = units.unit_of_module(module)
    if unit is None:
        return []
    if is_anonymous(name):
        return [(unit, node) for node in unit.statements()]
    found = unit.find_all(name)
    return [(unit, node) for node in found or _lambdas(unit, name)]


def _lambdas(unit: Unit, name: str) -> Iterator[ast.AST]:
    bound = name.rpartition(".")[2]
    for node in unit.statements():
        match node:
            case ast.Assign(targets=[ast.Name(id=other)], value=ast.Lambda()) if other == bound:
                yield node
            case _:
                pass


def present_text(module: str, name: str) -> str | None:
    """Return the source that a name of a function has now, None where there is none.

    Examples
    --------
    >>> "def present_text" in present_text(__name__, "present_text")
    True
    """
    if is_anonymous(name):
        return None
    live = _live(module, name)
    functions = [] if live is _MISSING else wrapped_in(live)
    texts = [text for text in (_piece(function, module).text for function in functions) if text]
    texts = texts or [normalised(node) for _, node in _definitions(module, name)]
    return texts[-1] if texts else None
