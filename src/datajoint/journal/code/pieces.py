"""What one piece of code is and names, whoever reaches it."""

from __future__ import annotations

import ast

from datajoint._value import Value
from datajoint.journal.code.canonical import canonical, normalised
from datajoint.journal.code.mentions import Mentions, mentions
from datajoint.journal.code.names import Reference, references
from datajoint.journal.code.units import Unit

__all__ = ["Piece", "fillers", "read"]


class Piece(Value):
    """A piece of code.

    Attributes
    ----------
    canonical, text
        Its canonical form, and its text to be read.
    references
        Names that it takes from outside itself.
    names
        Names that it mentions, stores to and changes.
    """

    canonical: str
    text: str
    references: tuple[Reference, ...]
    names: Mentions


def read(unit: Unit, node: ast.AST, first: str | None) -> Piece:
    """Return what a piece of code is; it is read once.

    Examples
    --------
    >>> unit = Unit("cell", "__main__", "def f(x): return x.y")
    >>> sorted(read(unit, unit.tree.body[0], None).names.mentioned)
    ['y']
    """
    mark = (id(node), first)
    found: Piece | None = unit.read.get(mark)
    if found is None:
        named = tuple(dict.fromkeys(references(node, unit.package, first)))
        found = unit.read[mark] = Piece(canonical(node), normalised(node), named, mentions(node))
    return found


def fillers(unit: Unit) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return the functions of a module that change each name, such as a container; they are read once.

    Examples
    --------
    >>> unit = Unit("cell", "__main__", "def add(x): STEPS.append(x)")
    >>> [function.name for function in fillers(unit)["STEPS"]]
    ['add']
    """
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] | None = unit.read.get(fillers)
    if found is None:
        found = unit.read[fillers] = {}
        for function in unit.tree.body:
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for name, _ in mentions(function).changed:
                    found.setdefault(name, []).append(function)
    return found
