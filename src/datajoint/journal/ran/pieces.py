"""The functions that ran as recorded: by module and qualified name, with a digest of their source."""

from __future__ import annotations

import ast
import linecache
import os
from functools import cache
from types import CodeType

from datajoint._value import Value
from datajoint.journal.code import digest_of, units
from datajoint.journal.code.canonical import canonical, normalised
from datajoint.journal.code.live import code_text, may_be_edited
from datajoint.journal.code.units import Unit

__all__ = ["Found", "Piece", "digest_of_node", "found_of", "is_anonymous", "piece_of", "unit_of_code"]

_MANY = 50_000


class Piece(Value):
    """A function that ran, or what it stands in.

    Attributes
    ----------
    module, name
        Where it is found: the outermost function, ``Class.method``, or the name that a lambda is bound to.
    digest
        Of its source, or of its compiled code where there is no source.
    text
        Its source to be read, "" where there is none.
    """

    module: str
    name: str
    digest: str
    text: str = ""

    @property
    def label(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"

    @property
    def told(self) -> tuple[str, str, str]:
        """What is recorded to be compared."""
        return self.module, self.name, self.digest


class Found(Value):
    """The text of a function that ran: where it stands, and the name that is recorded."""

    unit: Unit
    node: ast.AST
    name: str
    module: str


class _Known:
    """Pieces by the identity of the code, which is held so that it stays the same."""

    def __init__(self) -> None:
        self.pieces: dict[int, tuple[CodeType, Piece, Found | None]] = {}


@cache
def _known() -> _Known:
    return _Known()


def piece_of(code: CodeType, module: str) -> Piece:
    """Return the piece that code belongs to; it is found once, as what runs was loaded once.

    Examples
    --------
    >>> one = piece_of(piece_of.__code__, __name__)
    >>> one.label, "def piece_of" in one.text
    ('datajoint.journal.ran.pieces.piece_of', True)
    """
    return _known_of(code, module)[1]


def found_of(code: CodeType, module: str) -> Found | None:
    """Return the text that code belongs to, None where there is none.

    Examples
    --------
    >>> found_of(found_of.__code__, __name__).name
    'found_of'
    """
    return _known_of(code, module)[2]


def _known_of(code: CodeType, module: str) -> tuple[CodeType, Piece, Found | None]:
    pieces = _known().pieces
    known = pieces.get(id(code))
    if known is None or known[0] is not code:
        if len(pieces) > _MANY:
            pieces.clear()
        known = pieces[id(code)] = code, *_look(code, module)
    return known


def _look(code: CodeType, module: str) -> tuple[Piece, Found | None]:
    name = _recorded_name(code.co_qualname)
    unit = unit_of_code(code, module)
    line = _line(code, unit) if unit is not None else None
    found = None
    if unit is not None and line is not None:
        found = (
            _anonymous(unit, name, module, line) if is_anonymous(name) else _named(unit, name, module, line)
        )
    if found is None:
        return Piece(module, name, digest_of("compiled", code_text(code))), None
    return Piece(module, found.name, digest_of_node(found.unit, found.node), normalised(found.node)), found


def _named(unit: Unit, name: str, module: str, line: int) -> Found | None:
    for node in unit.find_all(name):
        if _first_line(node) <= line <= (getattr(node, "end_lineno", None) or 0):
            return Found(unit, node, name, module)
    return None


def _recorded_name(qualified: str) -> str:
    """Return the outermost function of a nested one; of a method of a class in a function the method.

    Examples
    --------
    >>> _recorded_name("f.<locals>.g"), _recorded_name("f.<locals>.Fit.make.<locals>.<lambda>")
    ('f', 'f.<locals>.Fit.make')
    """
    first, *inner = qualified.split(".<locals>")
    for part in inner:
        if part.count(".") < 2 or is_anonymous(part):
            break
        first += f".<locals>{part}"
    return first


def _anonymous(unit: Unit, name: str, module: str, line: int) -> Found | None:
    """Return the statement that a lambda stands in, under the name that it gives to it."""
    statement = unit.statement_at(line)
    match statement:
        case None:
            return None
        case ast.Assign(targets=[ast.Name(id=bound)], value=ast.Lambda()):
            name = f"{name.rpartition('.')[0]}.{bound}".lstrip(".")
        case _:
            pass
    return Found(unit, statement, name, module)


def is_anonymous(name: str) -> bool:
    """Whether the last part of a qualified name is none that code gives.

    Examples
    --------
    >>> is_anonymous("Fit.<lambda>"), is_anonymous("Fit.make")
    (True, False)
    """
    return name.rpartition(".")[2].startswith("<")


def digest_of_node(unit: Unit, node: ast.AST) -> str:
    """Return the digest of a piece of code; it is found once."""
    mark = ("digest", id(node))
    found: str | None = unit.read.get(mark)
    if found is None:
        found = unit.read[mark] = digest_of("ran 1", canonical(node))
    return found


def unit_of_code(code: CodeType, module: str) -> Unit | None:
    """Return the text that code is written in."""
    file = code.co_filename
    loaded = units.file_of_module(module)
    if loaded is not None and os.path.exists(file) and os.path.realpath(loaded) == os.path.realpath(file):
        return units.unit_of_module(module)
    if os.path.exists(file):
        linecache.checkcache(file)
    return units.unit_of_cell(file, module)


def _line(code: CodeType, unit: Unit) -> int | None:
    """Return the line of code in its text as that is now, None if it has been edited since it was read."""
    if not unit.is_module or not may_be_edited(unit.file):
        return code.co_firstlineno
    told = code_text(code)
    same = [one.co_firstlineno for one in unit.compiled_all(code.co_qualname) if code_text(one) == told]
    return min(same, key=lambda line: abs(line - code.co_firstlineno), default=None)


def _first_line(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", ())
    return min([int(getattr(node, "lineno", 0)), *(one.lineno for one in decorators)])
