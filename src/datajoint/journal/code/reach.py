"""What code a make can reach by name: functions, methods, classes and constants of the project."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any, cast

from datajoint._value import Value
from datajoint.journal.code import units
from datajoint.journal.code.beside import Beside
from datajoint.journal.code.canonical import plain, shown
from datajoint.journal.code.live import (
    bound_to,
    cells,
    changes_rows,
    code_text,
    first,
    function_of,
    functions_in,
    imported_in,
    is_made_by_us,
    is_ours,
    is_table,
    makes_ours,
    may_be_edited,
    members_of,
    mentions_name,
    names_in,
    special_in,
    wrapped_in,
)
from datajoint.journal.code.mentions import Names, spoken
from datajoint.journal.code.names import Reference
from datajoint.journal.code.pieces import fillers, read
from datajoint.journal.code.project import Project
from datajoint.journal.code.units import Imported, Unit

__all__ = ["UNREADABLE", "Reached", "reach"]

UNREADABLE = "cannot be read"
"""Said of code at which reading has failed: what it reaches is missing, which is no change of it."""

_MOST = 20_000
"""So many pieces of code are followed; a make that reaches more is known in part."""

_MISSING: Any = object()
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_OF_TABLES = frozenset({"definition", "contents", "__init__", "__module__", "__qualname__", "__doc__"})
_RUNNING = frozenset({
    "sys.modules", "runpy.run_path", "runpy.run_module", "importlib.util.spec_from_file_location",
    "importlib.util.spec_from_loader", "importlib.machinery.SourceFileLoader", "importlib.reload",
    "importlib.metadata.entry_points", "pkgutil.walk_packages", "pkgutil.resolve_name", "ctypes.CDLL",
    "ctypes.cdll", "gc.get_objects", "inspect.stack", "inspect.currentframe", "sys._getframe",
})  # fmt: skip
"""What leads to code by other ways than names."""

_ENVIRONMENT = ("os.environ", "os.getenv")
_SPEAKING = frozenset({
    "__doc__", "__annotations__", "getdoc", "signature", "get_type_hints", "get_annotations",
})  # fmt: skip
"""Names by which code reads docstrings and annotations."""

_MAKES = ("make", "_make_tuples", "key_source")
_Trail = frozenset[tuple[str, str]]


class Reached(Value):
    """What was found.

    Attributes
    ----------
    pieces, values
        Canonical form of each piece of code, and of values that stand in the place of code or beside it.
    source
        Text of each piece by qualified name.
    unresolved
        What could not be followed, in words.
    external
        Names of installed packages and of Python that it uses: ``time.time``.
    """

    pieces: frozenset[str]
    source: Mapping[str, str]
    unresolved: tuple[str, ...]
    external: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()


class _Family(Value):
    """A class with its bases of the project, in the order in which members are looked up."""

    classes: tuple[tuple[type, Unit, ast.ClassDef], ...]


def reach(cls: type) -> Reached:
    """Return all code of the project that the make of a table can reach.

    Examples
    --------
    >>> from datajoint.errors import DataJointError
    >>> reach(DataJointError).unresolved
    ()
    """
    walk = _Walk(cls)
    walk.guarded(f"the code of `{cls.__qualname__}`", walk.start)
    unresolved = tuple(sorted(walk.unresolved))
    external, values = frozenset(walk.external), frozenset(walk.values)
    return Reached(frozenset(walk.pieces), walk.source, unresolved, external, values)


def is_make(name: str) -> bool:
    """Whether a member of a class is a part of its make."""
    return name in _MAKES or (name.startswith("make_") and name not in ("make_version", "make_kwargs"))


class _Walk:
    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.project = Project(cls.__module__)
        self.pieces: set[str] = set()
        self.values: set[str] = set()
        self.source: dict[str, str] = {}
        self.unresolved: set[str] = set()
        self.external: set[str] = set()
        self._seen: set[tuple[str, str, int]] = set()
        self._live: set[int] = set()
        self._containers: dict[tuple[str, str], Unit] = {}
        self._cells: dict[str, Any] = {}
        self.names = Names()
        self._fillers: set[int] = set()
        self._read: list[ast.AST] = []
        self._beside = Beside(self)
        self._filled: set[tuple[str, str]] = set()
        self._tables: dict[type, _Family] = {}
        self._where, self._is_body, self._is_function = cls.__qualname__, False, False
        self._pending: list[tuple[Unit, str, ast.AST, _Family | None, int]] = []

    def start(self) -> None:
        self._cells = dict(cells(self.cls))
        family = self._family(self.cls)
        for index, (cls, unit, node) in enumerate(family.classes):
            for name in vars(cls):
                if is_make(name):
                    self._member(family, name, index, only=True)
            self._member(family, "__init__", index, only=True)
            if index == 0:
                self._changes_of_class(unit, node)
        self._add_table(self.cls)
        self._without_text(family)
        self._drain()
        while self._fill_containers() or self._follow_mentioned() or self._beside.follow():
            self._drain()
        if _SPEAKING & (self.names.mentioned | {name.rpartition(".")[2] for name in self.external}):
            self.pieces |= {spoken(node) for node in self._read}

    def _drain(self) -> None:
        while self._pending:
            if len(self._seen) > _MOST:
                self.unresolved.add(f"more than {_MOST} pieces of code")
                return
            unit, name, *rest = self._pending.pop()
            self.guarded(f"what `{name}` reaches", self._visit, unit, name, *rest)

    def guarded(self, what: str, do: Callable[..., None], *arguments: Any) -> None:
        """Do something with code of the user; where it cannot be read, that is noted, and nothing fails.

        Reading looks at objects of any kind, whose attributes may be computed by code that fails.
        """
        try:
            do(*arguments)
        except Exception as error:  # noqa: BLE001 - see above
            self.unresolved.add(f"{what} {UNREADABLE} ({type(error).__name__})")

    def _changes_of_class(self, unit: Unit, node: ast.ClassDef) -> None:
        """Follow ``Fit.make = other`` beside the class."""
        for statement in unit.symbols.get(self.cls.__name__, ()):
            if not isinstance(statement, (ast.ClassDef, *_Function)) and not changes_rows(
                statement, self.cls
            ):
                self._put(unit, self.cls.__name__, statement)
        for decorator in node.decorator_list:
            if not isinstance(decorator, ast.Name) or not self._is_ours(unit, decorator.id):
                self._put(unit, f"{self.cls.__qualname__} (decorator)", decorator)

    def _without_text(self, family: _Family) -> None:
        """Take the compiled code of makes that have no text, as in the plain interactive interpreter."""
        known = {cls for cls, _, _ in family.classes}
        for cls in self.cls.__mro__:
            if cls in known or is_ours(cls):
                continue
            for name, member in vars(cls).items():
                function = function_of(member)
                if is_make(name) and function is not None:
                    self._bytecode(function, f"{cls.__qualname__}.{name}")

    # ------------------------------------------------------------------------------------------- following

    def _put(self, unit: Unit, name: str, node: ast.AST, family: _Family | None = None, at: int = 0) -> None:
        mark = (unit.file, name, getattr(node, "lineno", 0))
        if mark not in self._seen:
            self._seen.add(mark)
            self._pending.append((unit, name, node, family, at))

    def _visit(self, unit: Unit, name: str, node: ast.AST, family: _Family | None, at: int) -> None:
        self._where, self._is_function = name, isinstance(node, _Function)
        self._is_body = family is not None and not self._is_function
        label, piece = f"{unit.module}.{name}", read(unit, node, first(node) if family else None)
        self.pieces.add(piece.canonical)
        self.names.add(piece.names, "" if id(node) in self._fillers else unit.file)
        self._read.append(node)
        self.source[label] = f"{self.source[label]}\n{piece.text}" if label in self.source else piece.text
        if isinstance(node, _Function):
            self._compare(unit, name)
        for reference in piece.references:
            what = f"`{reference.root}` in `{name}`"
            self.guarded(what, self._follow, reference, unit, family, at)

    def _follow(self, reference: Reference, unit: Unit, family: _Family | None, at: int) -> None:
        root, attributes = reference.root, reference.attributes
        if not root:
            self.unresolved.add(f"{attributes[0]} in `{self._where}`")
        elif root in ("self", "super") and family is not None:
            if attributes:
                self._member(family, attributes[0], at + 1 if root == "super" else 0)
        elif reference.imported is not None:
            self._import(reference.imported, attributes)
        elif not (self._is_body and family is not None and self._in_class(root, unit, family, at)):
            self._name(unit, root, attributes, set())

    def _in_class(self, name: str, unit: Unit, family: _Family, at: int) -> bool:
        """Follow a name of the body of a class, or take the member that a name around the class gives.

        Return whether the module has nothing of this name, which the body may mean as well.
        """
        cls, _, node = family.classes[at]
        is_known = name in unit.symbols or name in unit.imports
        if name in names_in(node):
            self._member(family, name, at, only=True)
            return not is_known
        member = vars(cls).get(self._where.rpartition(".")[2])
        if "<locals>" not in cls.__qualname__ or is_known or plain(member) is None:
            return False
        self.value(self._where, member)
        return True

    def _name(
        self, unit: Unit, name: str, attributes: tuple[str, ...], seen: set[str], trail: _Trail = frozenset()
    ) -> bool:
        """Follow a name of the top level of a module; return whether it is known there."""
        if unit.file in seen:
            return False
        outermost = not seen
        seen.add(unit.file)
        if name in unit.symbols:
            self._symbol(unit, name, attributes)
            return True
        if name in unit.imports:
            self._import(unit.imports[name], attributes, trail)
            return True
        live = unit.namespace.get(name, _MISSING)
        if live is _MISSING and hasattr(builtins, name):
            return True
        for star in reversed(unit.stars):
            other = self._unit_of(star)
            if other is not None and self._name(other, name, attributes, seen, trail):
                return True
        if live is _MISSING and outermost:
            live = self._closure(name)
        if live is not _MISSING:
            self.value(name, live, attributes)
            return True
        if outermost:
            self._unknown(unit, name)
        return False

    def _unknown(self, unit: Unit, name: str) -> None:
        """Take down a name that a module does not have, and the function by which it may answer to it."""
        self.unresolved.add(f"`{name}` in `{self._where}`")
        if "__getattr__" in unit.symbols:
            self._symbol(unit, "__getattr__", ())

    def _symbol(self, unit: Unit, name: str, attributes: tuple[str, ...]) -> None:
        live = unit.namespace.get(name, _MISSING)
        if live is not _MISSING and is_made_by_us(live):
            return  # a schema or a virtual module: where the tables are, not how they are computed
        statements = unit.symbols[name]
        if live is _MISSING and any(makes_ours(unit, statement) for statement in statements):
            return
        if self._is_defined_elsewhere(unit, statements, live):
            self.value(name, live, attributes)
            return
        for statement in statements:
            if isinstance(statement, ast.ClassDef):
                self._class(unit, statement, live, attributes)
            elif not changes_rows(statement, live):
                self._put(unit, name, statement)
        if functions_in(live):
            self._filled.add((unit.file, name))
        if not isinstance(statements[0], (ast.ClassDef, *_Function)):
            self._containers[unit.file, name] = unit
        if live is not _MISSING and not isinstance(statements[-1], ast.ClassDef):
            self._beside.add_constant(unit, name, statements, live)

    def _is_defined_elsewhere(self, unit: Unit, statements: Sequence[ast.stmt], live: Any) -> bool:
        """Whether a name has another definition now: of a later cell, or one that a program has put there."""
        statement, function = statements[-1], function_of(live)
        if isinstance(live, FunctionType) and function is not None:
            follows = not unit.is_module or (
                isinstance(statement, _Function) and not statement.decorator_list
            )
            elsewhere = function.__code__.co_filename != unit.file
            return follows and elsewhere and units.unit_of_function(function) not in (None, unit)
        if isinstance(statement, ast.ClassDef) and isinstance(live, type) and not unit.is_module:
            return units.unit_of_class(live) not in (None, unit)
        return not unit.is_module and plain(live) is not None

    def _class(self, unit: Unit, node: ast.ClassDef, live: Any, attributes: tuple[str, ...]) -> None:
        """Follow a class: all of it, but of a table only the member that is used."""
        if not is_table(node, live):
            self._put(unit, node.name, node)
            if isinstance(live, type) and live.__qualname__.endswith(node.name):
                self._beside.add_class(live, node)
            return
        self._add_table(live)
        if attributes and isinstance(live, type):
            self._member(self._family(live), attributes[0], 0)

    def _member(self, family: _Family, name: str, start: int, *, only: bool = False) -> None:
        if name.endswith("*"):
            self._members(family, name[:-1])
            return
        for index in range(start, len(family.classes)):
            cls, unit, node = family.classes[index]
            imported = imported_in(node, name, unit.package)
            if imported is not None:
                self._import(imported, ())
                return
            found = [s for s in units.top_level(node.body) if name in units.bound_by(s)]
            if found:
                self._beside.add_member(cls, name, found)
            for statement in found:
                live = vars(cls).get(name)
                if isinstance(statement, ast.ClassDef) and is_table(statement, live):
                    continue
                if self._is_replaced(statement, live, f"{cls.__qualname__}.{name}"):
                    continue
                self._put(unit, f"{cls.__qualname__}.{name}", statement, family, index)
            if found or only:
                return

    def _is_replaced(self, statement: ast.stmt, live: Any, qualified: str) -> bool:
        """Follow a method that was set on the class after it had been defined; return whether it was."""
        function = function_of(live)
        if not isinstance(statement, _Function) or statement.decorator_list or function is None:
            return False
        if function.__code__.co_qualname == qualified:
            return False
        self._function_value(function)
        return True

    def _members(self, family: _Family, beginning: str) -> None:
        """Follow all members that a computed name may mean."""
        for index, (_, _, node) in enumerate(family.classes):
            for statement in units.top_level(node.body):
                for name in units.bound_by(statement):
                    if name.startswith(beginning) and name not in ("definition", "contents"):
                        self._member(family, name, index)

    def _add_table(self, cls: Any) -> None:
        """Take a table, and its parts, among those of which the members that code mentions are followed.

        An object goes by other names than `self`, is passed on, or comes out of an expression such as
        ``(Session & key).scaled()``: what tells is that a member is mentioned somewhere.
        """
        if not isinstance(cls, type) or cls in self._tables or not self.project.has_module(cls.__module__):
            return
        self._tables[cls] = self._family(cls)
        for part in vars(cls).values():
            if isinstance(part, type) and part.__qualname__.startswith(f"{cls.__qualname__}."):
                self._add_table(part)

    def _follow_mentioned(self) -> bool:
        """Follow the members of tables that code mentions; return whether there was something new."""
        before = len(self._seen), len(self.pieces)
        for cls, family in list(self._tables.items()):
            members = members_of(cls)
            for name in sorted((self.names.mentioned.intersection(members) | special_in(cls)) - _OF_TABLES):
                self.guarded(f"`{name}` of `{cls.__qualname__}`", self._mentioned_member, cls, family, name)
        return (len(self._seen), len(self.pieces)) != before

    def _mentioned_member(self, cls: type, family: _Family, name: str) -> None:
        owner, live = next((base, vars(base)[name]) for base in cls.__mro__ if name in vars(base))
        for index, (base, unit, node) in enumerate(family.classes):
            if base is owner and (name in names_in(node) or imported_in(node, name, unit.package)):
                self._member(family, name, index)
                return
        if name in self.names.stored:
            self.unresolved.add(f"`{name}` of `{cls.__qualname__}` is set while makes run")
        elif any(base is owner for base, _, _ in family.classes) and not isinstance(live, type):
            self.value(f"{cls.__qualname__}.{name}", live, ())  # set on the class, not in its text

    # --------------------------------------------------------------------------------------------- modules

    def _unit_of(self, module: str) -> Unit | None:
        unit = self.project.unit(module)
        if unit is None and self.project.holds(module):
            self.unresolved.add(f"module `{module}` has no text that can be read")
        return unit

    def _import(self, imported: Imported, attributes: tuple[str, ...], trail: _Trail = frozenset()) -> None:
        """Follow an imported name.

        Parameters
        ----------
        trail
            Modules and names that led here: a package may import a name from itself, which is then a module
            in it (``from . import one``).
        """
        path = attributes if imported.name is None else (imported.name, *attributes)
        module = imported.module
        if self.project.is_installed(module.partition(".")[0]):
            self._outside(".".join((module, *path)))
            return
        while path and not path[0].endswith("*") and not self._defines(module, path[0], trail):
            inner = f"{module}.{path[0]}"
            if units.file_of_module(inner) is None:
                break
            module, path = inner, path[1:]
        unit = self._unit_of(module)
        if unit is None:
            self._outside(".".join((module, *path)))
        elif not path or path[0].endswith("*"):
            self._put(unit, "", unit.tree)
        elif (module, path[0]) not in trail:
            self._name(unit, path[0], path[1:], set(), trail | {(module, path[0])})
        else:
            self.unresolved.add(f"`{module}.{path[0]}`, which is imported from itself, in `{self._where}`")

    def _outside(self, name: str) -> None:
        """Take a name of an installed package or of Python."""
        self.external.add(name)
        if name in _RUNNING or (self._is_function and name.startswith(_ENVIRONMENT)):
            self.unresolved.add(f"what `{name}` gives in `{self._where}`")

    def _defines(self, module: str, name: str, trail: _Trail) -> bool:
        """Whether a module defines a name, other than by an import that is being followed already."""
        unit = self._unit_of(module)
        return unit is not None and (module, name) not in trail and self._knows(unit, name)

    def _knows(self, unit: Unit, name: str) -> bool:
        return name in unit.symbols or name in unit.imports or (bool(unit.stars) and name in unit.namespace)

    # ------------------------------------------------------------------------------------------ live values

    def _closure(self, name: str) -> Any:
        """Return what a class that stands in a function takes from there."""
        cell = self._cells.get(name)
        try:
            return _MISSING if cell is None else cell.cell_contents
        except ValueError:  # not yet set
            return _MISSING

    def value(self, name: str, value: Any, attributes: tuple[str, ...] = ()) -> None:
        """Follow a name whose definition is not in the text, by what it is now."""
        if isinstance(value, ModuleType):
            if not is_made_by_us(value):
                self._import(Imported(value.__name__), attributes)
            return
        written = plain(value)
        if written is not None:
            self.values.add(f"{name}={written}")
            self.source.setdefault(f"{name} (value)", shown(name, written))
            return
        if id(value) in self._live or is_made_by_us(value):
            return
        self._live.add(id(value))
        for label, held in bound_to(value):
            self.value(f"{name} ({label})", held)
        functions = wrapped_in(value)
        for function in functions:
            self._function_value(function)
        if not functions:
            self._other_value(name, value, attributes)

    def _other_value(self, name: str, value: Any, attributes: tuple[str, ...]) -> None:
        """Follow a class, a container or an object."""
        items = functions_in(value)
        if isinstance(value, type):
            self._class_value(value, attributes)
        elif items:
            for number, item in enumerate(items):
                self.value(f"{name} ({number})", item)
        else:
            self._object_value(name, value)

    def take(self, module: str, name: str, value: Any) -> None:
        """Take the value of a name that is another one than its text says."""
        written = str(plain(value))
        self.values.add(f"{name}={written}")
        self.source[f"{module}.{name} (changed value)"] = shown(name, written)

    def _object_value(self, name: str, value: Any) -> None:
        """Follow an object: its class, and the attributes that code mentions."""
        cls = cast("type[Any]", type(value))
        if self._beside.add_object(name, value, has_text=False):
            self._class_value(cls, ())
        elif not callable(value) or self.project.has_module(cls.__module__):
            self.unresolved.add(f"the value of `{name}` in `{self._where}`")

    def _function_value(self, function: FunctionType) -> None:
        if not self.project.has_module(function.__module__):
            return
        unit = units.unit_of_function(function)
        node = unit.written_in(function.__code__) if unit is not None else None
        if unit is None or node is None:
            self._bytecode(function, function.__qualname__)
        else:
            self._put(unit, function.__qualname__, node)

    def _class_value(self, cls: type, attributes: tuple[str, ...]) -> None:
        if not self.project.has_module(cls.__module__) or is_ours(cls):
            return
        unit = units.unit_of_class(cls)
        node = unit.find(cls.__qualname__) if unit is not None else None
        if unit is None or not isinstance(node, ast.ClassDef):
            self.unresolved.add(f"the text of `{cls.__qualname__}` is not available")
        else:
            self._class(unit, node, cls, attributes)

    def _bytecode(self, function: FunctionType, name: str) -> None:
        self.pieces.add(code_text(function.__code__))
        self.unresolved.add(f"the text of `{name}` is not available")

    # ----------------------------------------------------------------------------------------- what differs

    def _compare(self, unit: Unit, name: str) -> None:
        """See that a function is in memory as it is in its file."""
        live: Any = unit.namespace.get(name.partition(".")[0])
        for part in name.split(".")[1:]:
            live = vars(live).get(part) if isinstance(live, type) else None
        function = function_of(live)
        if function is None or function.__code__.co_filename != unit.file or not may_be_edited(unit.file):
            return
        compiled = unit.compiled(name)
        if compiled is None or code_text(compiled) != code_text(function.__code__):
            self.pieces.add(code_text(function.__code__))
            self.unresolved.add(f"`{name}` was edited after it was imported")

    def _fill_containers(self) -> bool:
        """Follow what fills the containers that were reached: `register` and what it is called with."""
        before = len(self._seen)
        for (file, name), unit in list(self._containers.items()):
            if (file, "", 0) in self._seen:
                continue  # all of the module is
            for function in fillers(unit).get(name, ()):
                self._filled_by(unit, name, function)
        self._containers.clear()
        return len(self._seen) > before

    def _filled_by(self, unit: Unit, name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if (unit.file, function.name, function.lineno) in self._seen:
            if (unit.file, name) in self._filled:
                self.unresolved.add(f"`{name}` is filled wherever `{function.name}` is called")
            return  # a make fills it itself
        self.unresolved.add(f"`{name}` is filled wherever `{function.name}` is called")
        self._fillers.add(id(function))
        self._put(unit, function.name, function)
        for statement in unit.tree.body:
            using = (
                statement.decorator_list if isinstance(statement, (ast.ClassDef, *_Function)) else [statement]
            )
            if statement is not function and any(mentions_name(node, function.name) for node in using):
                self._put(unit, getattr(statement, "name", function.name), statement)

    # ------------------------------------------------------------------------------------------------- tests

    def _family(self, cls: type) -> _Family:
        found: list[tuple[type, Unit, ast.ClassDef]] = []
        for base in cls.__mro__:
            if is_ours(base) or not self.project.has_module(base.__module__):
                continue
            unit = units.unit_of_class(base)
            node = unit.find(base.__qualname__) if unit is not None else None
            if unit is not None and isinstance(node, ast.ClassDef):
                found.append((base, unit, node))
        return _Family(tuple(found))

    def _is_ours(self, unit: Unit, name: str) -> bool:
        live = unit.namespace.get(name, _MISSING)
        if live is _MISSING:
            live = self._closure(name)
        if live is not _MISSING:
            return is_made_by_us(live)
        statements = unit.symbols.get(name, ())
        return any(makes_ours(unit, statement) for statement in statements)
