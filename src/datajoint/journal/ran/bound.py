"""The statements of a module that give a name its value: whether a value differs by its source."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from datajoint._value import Value
from datajoint.journal.code import digest_of, units
from datajoint.journal.code.canonical import canonical
from datajoint.journal.code.units import Unit
from datajoint.journal.ran.paths import Path

__all__ = ["Bound", "bound_of"]

_HOPS = 5
_CHANCE = frozenset({
    "time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "process_time", "now", "utcnow",
    "today", "getpid", "uuid1", "uuid4", "token_hex", "token_bytes", "urandom", "mkdtemp", "mkstemp",
    "gettempdir", "default_rng", "get_ident",
})  # fmt: skip
"""Calls whose answers are others in each process."""


class Bound(Value):
    """How the text gives a name its value.

    Attributes
    ----------
    digest
        Of the statements, "" where no text tells.
    is_chance
        Whether they ask the clock or chance, so that each process has another value.
    """

    digest: str = ""
    is_chance: bool = False


def bound_of(module: str, path: Path) -> Bound:
    """Return how the text of a module, as it is now, gives the beginning of a path its value.

    Examples
    --------
    >>> len(bound_of("ast", ("PyCF_ONLY_AST",)).digest), bound_of("ast", ("none",))
    (0, Bound(digest='', is_chance=False))
    """
    unit, name = units.unit_of_module(module), str(path[0])
    for _ in range(_HOPS):
        if unit is None or name in unit.symbols or name not in unit.imports:
            break
        imported = unit.imports[name]
        if imported.name is None:
            return Bound()
        unit, name = units.unit_of_module(imported.module), imported.name
    if unit is None or name not in unit.symbols:
        return Bound()
    return _of_statements(unit, (name, *map(str, path[1:2])))


def _of_statements(unit: Unit, names: tuple[str, ...]) -> Bound:
    mark = (Bound, names)
    found: Bound | None = unit.read.get(mark)
    if found is None:
        statements: Sequence[ast.stmt] = unit.symbols[names[0]]
        first = statements[0]
        if isinstance(first, ast.ClassDef):
            statements = [
                one
                for one in units.top_level(first.body)
                if len(names) > 1 and names[1] in units.bound_by(one)
            ]
        statements = [one for one in statements if not isinstance(one, (ast.ClassDef, *_FUNCTIONS))]
        told = [canonical(one) for one in statements]
        found = Bound(digest_of("bound 1", *told) if told else "", any(map(_is_chance, statements)))
        unit.read[mark] = found
    return found


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _is_chance(statement: ast.stmt) -> bool:
    calls = (node.func for node in ast.walk(statement) if isinstance(node, ast.Call))
    return any((getattr(one, "attr", None) or getattr(one, "id", None)) in _CHANCE for one in calls)
