"""What the names of functions that ran stand for in this process, now."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from datajoint._value import Value
from datajoint.journal.code import units
from datajoint.journal.code.canonical import normalised
from datajoint.journal.code.live import wrapped_in
from datajoint.journal.code.units import Unit
from datajoint.journal.ran.pieces import Piece, digest_of_node, is_anonymous, piece_of

__all__ = ["Present", "is_present", "present_text"]

_MAIN = "__main__"
_MISSING: Any = object()


class Present(Value):
    """A function as it is recorded: `Piece` without its text."""

    module: str
    name: str
    digest: str

    @property
    def label(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"


def is_present(one: Present, instead: str = _MAIN) -> bool | None:
    """Return whether a function is still what it was; None where this process cannot tell.

    What a module of this process holds under the name counts; where the process has not imported the module,
    or the name leads to something else than a function, the text of its file does. A name that neither has is
    a change.

    Parameters
    ----------
    instead
        The module that is asked for the functions of a program, which was another one perhaps.

    Examples
    --------
    >>> one = piece_of(is_present.__code__, __name__)
    >>> is_present(Present(one.module, one.name, one.digest))
    True
    >>> is_present(Present(one.module, one.name, "another"))
    False
    >>> is_present(Present(one.module, "that_was", one.digest))
    False
    """
    told: bool | None = None
    modules = _modules(one.module, instead)
    for module in modules:
        told = _in_process(module, one)
        told = _in_text(module, one) if told is None else told
        if told:
            return True
    is_gone = told is None
    return None if is_gone and (len(modules) > 1 or _is_in_cell(one)) else False


def _is_in_cell(one: Present) -> bool:
    """Whether it is a lambda of a notebook, which no name leads to."""
    return one.module == _MAIN and is_anonymous(one.name) and units.unit_of_module(_MAIN) is None


def _modules(module: str, instead: str) -> tuple[str, ...]:
    return (_MAIN, instead) if module == _MAIN and instead != _MAIN else (module,)


def _in_process(module: str, one: Present) -> bool | None:
    """Compare with what the process has; None where that does not tell."""
    live = _live(module, one.name)
    if live is _MISSING:
        return None
    functions = wrapped_in(live)
    digests = {_piece(function, module).digest for function in functions}
    if one.digest in digests:
        return True
    if not functions:
        return None
    definitions = _definitions(module, one.name)
    is_plain = len(definitions) == 1 and not getattr(definitions[0][1], "decorator_list", ())
    return False if is_plain or not definitions else None


def _piece(function: FunctionType, module: str) -> Piece:
    return piece_of(function.__code__, str(function.__globals__.get("__name__", module)))


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


def _in_text(module: str, one: Present) -> bool | None:
    """Compare with the text of a module; None where there is none, or it does not have the name."""
    found = _definitions(module, one.name)
    return any(one.digest == digest_of_node(*place) for place in found) if found else None


def _definitions(module: str, name: str) -> list[tuple[Unit, ast.AST]]:
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


def present_text(module: str, name: str, instead: str = _MAIN) -> str | None:
    """Return the source that a name of a function has now, None where there is none.

    Examples
    --------
    >>> "def present_text" in present_text(__name__, "present_text")
    True
    """
    for place in _modules(module, instead):
        live = _live(place, name)
        functions = [] if live is _MISSING else wrapped_in(live)
        texts = [_piece(function, place).text for function in functions]
        texts = [text for text in texts if text] or [
            normalised(node) for _, node in _definitions(place, name)
        ]
        if texts and not is_anonymous(name):
            return texts[-1]
    return None
