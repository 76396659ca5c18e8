"""The values that code of the project reads: from the names in its text on, as far as values are plain."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any, cast

from datajoint._value import Value
from datajoint.journal.code import units
from datajoint.journal.code.live import is_descriptor, is_made_by_us, is_ours, wrapped_in
from datajoint.journal.ran import paths
from datajoint.journal.ran.observation import watch
from datajoint.journal.ran.paths import MISSING, Path, is_one
from datajoint.journal.ran.places import PROJECT
from datajoint.journal.ran.roots import EVERYTHING, Roots
from datajoint.journal.ran.weigh import Weight, weigh

__all__ = ["OPAQUE", "Leaf", "Leaves", "weight_of"]

OPAQUE = Weight("", False)
"""Of a value that cannot be digested."""

_MOST = 2000
_DEEP = 20
_CONTAINERS = (dict, list, tuple)
_HARMLESS = frozenset(
    {"logging", "threading", "_thread", "typing", "warnings", "abc", "_abc", "tqdm", "types"}
)
"""Packages whose objects give no values that results depend on."""

_LOOPS = frozenset({"values", "items", "keys"})
_HOLDERS = ("argparse.Namespace", "types.SimpleNamespace")
_OF_TABLES = frozenset({"definition", "contents"})


class Leaf(Value):
    """A value with the module and path that lead to it."""

    module: str
    path: Path
    weight: Weight


class Leaves:
    """Walks from the names that functions read to the values that they stand for.

    Parameters
    ----------
    roots
        Names in the text of the functions.
    mentioned
        Names of attributes that count.
    classes
        Those of the objects that the functions were called with.

    Attributes
    ----------
    found
        Values, by module and path.
    passed
        Identities of the values on the way to each.
    notes
        What could not be looked at.
    """

    def __init__(
        self, roots: Iterable[Roots], mentioned: frozenset[str], classes: Iterable[type] = ()
    ) -> None:
        self.found: dict[tuple[str, Path], Weight] = {}
        self.passed: dict[tuple[str, Path], tuple[int, ...]] = {}
        self.is_cut = False
        self._mentioned = mentioned
        self._all = bool(EVERYTHING & mentioned)
        self._seen: set[int] = set()
        for one in roots:
            self._of_function(one)
        for cls in classes:
            names = tuple(cls.__qualname__.split("."))
            if paths.resolve(cls.__module__, names) is cls:
                self._class(cls.__module__, names, cls)

    def _of_function(self, one: Roots) -> None:
        for module, parts in one.chains:
            if parts:
                self._chain(module, parts)
            elif _is_project(module):
                self._module(module)
        names = tuple(one.name.split("."))
        if "<locals>" in names:
            return
        if one.owner:
            self._class(one.module, names[:-1], paths.resolve(one.module, names[:-1]))
        for step, value in paths.carried(paths.resolve(one.module, names)).items():
            self._take(one.module, (*names, step), value, ())

    def _chain(self, module: str, parts: tuple[str, ...]) -> None:
        """Go through modules to the first name that is none."""
        seen: set[str] = set()
        while parts and module not in seen:
            seen.add(module)
            value = units.namespace_of(sys.modules.get(module)).get(parts[0], MISSING)
            if value is MISSING:
                value = sys.modules.get(f"{module}.{parts[0]}", MISSING)
            if not isinstance(value, ModuleType):
                if value is not MISSING and _is_project(module):
                    self._take(module, parts[:1], value, ())
                return
            module, parts = value.__name__, parts[1:]
            if is_made_by_us(value) or not _is_project(module):
                return
        if not parts:
            self._module(module)

    def _module(self, module: str) -> None:
        """Take the names of a module that is passed on: those that code mentions."""
        for name, value in list(units.namespace_of(sys.modules.get(module)).items()):
            if name in self._mentioned and not isinstance(value, ModuleType):
                self._take(module, (name,), value, ())

    # ------------------------------------------------------------------------------------------------ values

    def _take(self, module: str, path: Path, value: Any, passed: tuple[int, ...]) -> None:
        if (module, path) in self.found:
            return
        if len(self.found) >= _MOST or len(path) > _DEEP:
            self.is_cut = True
            return
        passed = (*passed, id(value))
        if is_one(value, FunctionType, MethodType, partial) or wrapped_in(value):
            self._function(module, path, value, passed)
        elif isinstance(value, type):
            if _is_project(value.__module__):
                self._put(module, path, cast("Weight", weight_of(value)), passed)
            self._class(module, path, value, passed)
        elif not _is_skipped(value):
            self._value(module, path, value, passed)

    def _put(self, module: str, path: Path, weight: Weight, passed: tuple[int, ...]) -> None:
        self.found[module, path] = weight
        self.passed[module, path] = passed

    def _function(self, module: str, path: Path, value: Any, passed: tuple[int, ...]) -> None:
        functions = [one for one in wrapped_in(value) if _is_project(one.__globals__.get("__name__", ""))]
        if functions:
            self._put(module, path, cast("Weight", weight_of(value)), passed)
        if functions or is_one(value, partial):
            if id(value) in self._seen:
                return
            self._seen.add(id(value))
            for step, held in paths.carried(value).items():
                if not is_one(held, FunctionType) or held not in functions:
                    self._take(module, (*path, step), held, passed)

    def _class(self, module: str, path: Path, cls: Any, passed: tuple[int, ...] = ()) -> None:
        if (
            not isinstance(cls, type)
            or is_ours(cls)
            or not _is_project(cls.__module__)
            or id(cls) in self._seen
        ):
            return
        self._seen.add(id(cls))
        is_table = any(is_ours(base) for base in cls.__mro__[:-1])
        for name, member in paths.members(cls).items():
            if name.startswith("__") or name not in self._mentioned:
                continue
            if (is_table and name in _OF_TABLES) or wrapped_in(member) or is_descriptor(member):
                continue
            self._take(module, (*path, name), member, (*passed, id(cls)))

    def _value(self, module: str, path: Path, value: Any, passed: tuple[int, ...]) -> None:
        weight = weigh(value)
        if weight is not None:
            self._put(module, path, weight, passed)
        elif is_one(value, *_CONTAINERS, deque):
            self._container(module, path, value, passed)
        elif _has_attributes(value):
            self._object(module, path, value, passed)
        else:
            self._put(module, path, OPAQUE, passed)

    def _container(self, module: str, path: Path, value: Any, passed: tuple[int, ...]) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if not is_one(value, dict) or _LOOPS & self._mentioned:
            self._put(module, path, cast("Weight", weight_of(value)), passed)
        if not is_one(value, deque):
            for step, item in paths.item_steps(value):
                self._take(module, (*path, step), item, passed)

    def _object(self, module: str, path: Path, value: Any, passed: tuple[int, ...]) -> None:
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        cls = cast("type[Any]", type(value))
        for name, held in paths.held(value).items():
            is_cached = paths.is_computed(getattr(cls, name, None))
            if not is_cached and (self._all or name in self._mentioned):
                self._take(module, (*path, name), held, passed)
        self._take(module, (*path, "__class__"), cls, passed)


def weight_of(value: Any) -> Weight | None:
    """Return the digest of what a path leads to; None where there is nothing that is compared."""
    if is_one(value, type):
        return weigh(("class", value.__qualname__))
    functions = wrapped_in(value)
    if functions:
        return weigh(("function", *(one.__qualname__ for one in functions)))
    weight = weigh(value)
    if weight is not None:
        return weight
    if is_one(value, dict):
        return weigh(("dict", *(repr(key) if type(key) in (str, int) else "" for key in list(value))))
    if is_one(value, list, tuple, deque):
        return weigh((type(value).__name__, len(value)))
    return None


def _is_project(module: Any) -> bool:
    if not isinstance(module, str) or module.partition(".")[0] == "datajoint":
        return False
    file = units.file_of_module(module)
    return module == "__main__" if file is None else watch().kind(file) == PROJECT


def _is_skipped(value: Any) -> bool:
    """Whether a value is code of packages, or an object that results do not depend on."""
    if isinstance(value, (BuiltinFunctionType, MethodWrapperType, ModuleType)) or is_made_by_us(value):
        return True
    cls = cast("type[Any]", type(value))
    package = str(cls.__module__).partition(".")[0]
    return package in _HARMLESS or (package == "numpy" and cls.__name__ == "ufunc")


def _has_attributes(value: Any) -> bool:
    """Whether an object is of a class of the project, or one that only holds attributes."""
    cls = cast("type[Any]", type(value))
    return _is_project(cls.__module__) or f"{cls.__module__}.{cls.__qualname__}" in _HOLDERS
