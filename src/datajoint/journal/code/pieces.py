"""What one piece of code is and names, whoever reaches it."""

from __future__ import annotations

import ast

from datajoint._value import Value
from datajoint.journal.code.canonical import canonical, normalised
from datajoint.journal.code.live import changed_by, given, kept_by, mentioned, spoken, stored
from datajoint.journal.code.names import Reference, references
from datajoint.journal.code.units import Unit

__all__ = ["Piece", "read"]


class Piece(Value):
    """A piece of code.

    Attributes
    ----------
    canonical, text
        Its canonical form, and its text to be read.
    references
        Names that it takes from outside itself.
    mentioned, stored, given
        Attributes and texts; attributes that it stores to; keywords of calls.
    kept, changed
        Attributes that functions store to once an object exists, and names whose values functions change.
    spoken
        Its docstrings and annotations.
    """

    canonical: str
    text: str
    references: tuple[Reference, ...]
    mentioned: frozenset[str]
    stored: frozenset[str]
    given: frozenset[str]
    kept: frozenset[str]
    changed: frozenset[str]
    spoken: str


def read(unit: Unit, node: ast.AST, first: str | None) -> Piece:
    """Return what a piece of code is; it is read once.

    Examples
    --------
    >>> unit = Unit("cell", "__main__", "def f(x): return x.y")
    >>> sorted(read(unit, unit.tree.body[0], None).mentioned)
    ['y']
    """
    mark = (id(node), first)
    found: Piece | None = unit.read.get(mark)
    if found is None:
        named = tuple(dict.fromkeys(references(node, unit.package, first)))
        found = unit.read[mark] = Piece(
            canonical(node), normalised(node), named, mentioned(node), stored(node), given(node),
            kept_by(node), changed_by(node), spoken(node),
        )  # fmt: skip
    return found
