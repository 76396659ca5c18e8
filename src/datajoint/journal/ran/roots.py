"""What the text of a function that ran reads from outside itself, stores and changes."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint._value import Value
from datajoint.journal.code.live import first
from datajoint.journal.code.names import Reference
from datajoint.journal.code.pieces import read
from datajoint.journal.ran.pieces import Found

__all__ = ["EVERYTHING", "Roots", "roots_of"]

EVERYTHING = frozenset({"vars", "__dict__", "asdict", "astuple", "__slots__", "getattr()"})
"""Names by which code takes all attributes of an object."""


class Roots(Value):
    """The names of a function.

    Attributes
    ----------
    chains
        Names outside that it reads, with what it takes of them: ``("lab.tables", ("CONFIG", "level"))``.
    owner, name
        The qualified name of the class that a method belongs to, and that of the function itself.
    mentioned
        Names of attributes that it takes of objects.
    kept, changed
        Attributes that it stores, and names of its module whose values it changes.
    """

    module: str
    chains: tuple[tuple[str, tuple[str, ...]], ...]
    owner: str
    name: str
    mentioned: frozenset[str]
    kept: frozenset[str]
    changed: frozenset[str]


def roots_of(found: Found) -> Roots:
    """Return what a function that ran reads; it is read once."""
    unit, node, name, module = found.unit, found.node, found.name, found.module
    mark = (Roots, id(node), name, module)
    kept: Roots | None = unit.read.get(mark)
    if kept is None:
        owner = name.rpartition(".")[0]
        is_method = bool(owner) and not owner.endswith("<locals>")
        piece = read(unit, node, first(node) if is_method else None)
        chains = dict.fromkeys(_chains(piece.references, module))
        dynamic = {"getattr()" for reference in piece.references if not reference.root}
        names = piece.names
        kept = unit.read[mark] = Roots(
            module, tuple(chains), owner if is_method else "", name,
            names.mentioned | names.given | {parts[0] for _, parts in chains if parts} | dynamic,
            frozenset(attribute for attribute, _ in names.kept),
            frozenset(changed for changed, _ in names.changed),
        )  # fmt: skip
    return kept


def _chains(references: tuple[Reference, ...], module: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for reference in references:
        root, attributes, imported = reference.root, reference.attributes, reference.imported
        parts = tuple(part for part in attributes if not part.endswith("*"))
        if imported is not None:
            yield imported.module, (() if imported.name is None else (imported.name,)) + parts
        elif root and root not in ("self", "super"):
            yield module, (root, *parts)
