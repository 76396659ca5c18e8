"""Values beside the text: members, attributes and constants of this process that no text reached explains."""

from __future__ import annotations

import ast
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, Protocol, cast

from datajoint.journal.code import units
from datajoint.journal.code.canonical import plain
from datajoint.journal.code.live import function_of, functions_in, is_descriptor, is_ours, names_in, state_of
from datajoint.journal.code.mentions import Names, literal
from datajoint.journal.code.project import Project
from datajoint.journal.code.units import Unit

__all__ = ["Beside"]

_CODE = (FunctionType, MethodType, ModuleType, partial, type)
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class Walk(Protocol):
    """What follows the code, and knows which names it mentions."""

    project: Project
    names: Names
    unresolved: set[str]

    def value(self, name: str, value: Any, attributes: tuple[str, ...] = ()) -> None:
        """Follow a value, whose text is not known."""
        ...

    def take(self, module: str, name: str, value: Any) -> None:
        """Take the value of a name that is another one than its text says."""
        ...

    def guarded(self, what: str, do: Callable[..., None], *arguments: Any) -> None:
        """Do something that may fail."""
        ...


class Beside:
    """Finds what a program has put in the place of the text, or beside it.

    A value counts where code mentions its name, and no code that was reached stores something there. Values
    that such code stores follow from it, or are the state of a program, which is another in each process.
    """

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._classes: dict[type, ast.ClassDef] = {}
        self._constants: dict[tuple[Any, str], tuple[str, str, Sequence[ast.stmt], Any]] = {}
        self._objects: dict[int, tuple[str, Any, bool]] = {}
        self._done: set[tuple[Any, str]] = set()

    def add_class(self, cls: type, node: ast.ClassDef) -> None:
        """Look at the members of a class that was followed."""
        if not is_ours(cls):
            self._classes.setdefault(cls, node)

    def add_constant(self, unit: Unit, name: str, statements: Sequence[ast.stmt], live: Any) -> None:
        """Look at a name of a module that was followed by its statements."""
        self._constants.setdefault((unit.file, name), (unit.module, name, statements, live))

    def add_member(self, cls: type, name: str, statements: Sequence[ast.stmt]) -> None:
        """Look at a member of a table that was followed by its statements."""
        live = vars(cls).get(name)
        if not isinstance(live, type) and not isinstance(statements[-1], _Function):
            mark = (cls, name)
            self._constants.setdefault(mark, (cls.__module__, f"{cls.__qualname__}.{name}", statements, live))

    def add_object(self, name: str, value: Any, *, has_text: bool) -> bool:
        """Look at the attributes of an object of the project; return whether it is one.

        Parameters
        ----------
        has_text
            Whether the code that made it was followed.
        """
        cls = cast("type[Any]", type(value))
        if cls not in (SimpleNamespace, Namespace) and not self._walk.project.has_module(cls.__module__):
            return False
        if state_of(value) is None:
            return False
        self._objects.setdefault(id(value), (name, value, has_text))
        return True

    def follow(self) -> bool:
        """Follow what was found since; return whether there was something new."""
        before = len(self._done)
        for cls, node in list(self._classes.items()):
            self._walk.guarded(f"`{cls.__qualname__}`", self._members, cls, node)
        for (owner, name), constant in list(self._constants.items()):
            if self._is_new(owner, name):
                keeps = self._walk.names.keeps
                is_state = keeps(name) if isinstance(owner, type) else self._walk.names.changes(owner, name)
                self._walk.guarded(f"`{name}`", self._compare, *constant, is_state)
        for name, value, has_text in list(self._objects.values()):
            self._walk.guarded(f"`{name}`", self._attributes, name, value, has_text)
        return len(self._done) != before

    def _is_new(self, owner: Any, name: str) -> bool:
        mark = (owner, name)
        if mark in self._done:
            return False
        self._done.add(mark)
        return True

    # ---------------------------------------------------------------------------------------------- classes

    def _members(self, cls: type, node: ast.ClassDef) -> None:
        if "__subclasses__" in self._walk.names.mentioned and self._is_new(cls, "__subclasses__"):
            for other in type.__subclasses__(cls):
                self._walk.value(other.__qualname__, other)
        written = names_in(node)
        for name, member in list(vars(cls).items()):
            function = function_of(member)
            if name in written:
                if self._is_new(cls, name):
                    self._written(cls, node, name, member)
            elif function is not None:
                if self._walk.project.has_text_of(function) and self._is_new(cls, name):
                    self._walk.value(f"{cls.__qualname__}.{name}", member)
            elif name in self._walk.names.mentioned and not name.startswith("__") and self._is_new(cls, name):
                self._unwritten(cls, name, member)

    def _unwritten(self, cls: type, name: str, member: Any) -> None:
        """Take a member that was set on a class, and is not in its text."""
        if self._walk.names.keeps(name):
            self._walk.unresolved.add(f"`{name}` of `{cls.__qualname__}` is set while makes run")
        elif plain(member) is not None or not is_descriptor(member):  # else slots, fields, enums
            self._walk.value(f"{cls.__qualname__}.{name}", member)

    def _written(self, cls: type, node: ast.ClassDef, name: str, member: Any) -> None:
        """See whether a member is still that of the text."""
        statements = [s for s in units.top_level(node.body) if name in units.bound_by(s)]
        label, last = f"{cls.__qualname__}.{name}", statements[-1]
        if isinstance(last, _Function):  # decorated ones are others anyway
            if not last.decorator_list and _is_elsewhere(member, label):
                self._walk.value(label, member)
        elif not isinstance(last, ast.ClassDef):
            self._compare(cls.__module__, label, statements, member, self._walk.names.keeps(name))

    # ------------------------------------------------------------------------------------ constants, objects

    def _compare(
        self, module: str, label: str, statements: Sequence[ast.stmt], live: Any, is_state: bool
    ) -> None:
        """Take a value that is another one now than its text says, and the code that it leads to."""
        last = statements[-1]
        if isinstance(last, _Function) and not last.decorator_list and _is_elsewhere(live, label):
            self._walk.value(label, live)
            return
        items = [item for item in functions_in(live) if self._is_code(item)]
        for number, item in enumerate(items):
            self._walk.value(f"{label} ({number})", item)
        given = getattr(statements[0], "value", None) if len(statements) == 1 else None
        text, written = literal(given), plain(live)
        if text is None or text == written or items:
            self.add_object(label, live, has_text=True)
        elif is_state:
            self._walk.unresolved.add(f"`{label}` is set while makes run")
        elif written is not None:
            self._walk.take(module, label, live)
        else:
            self._walk.value(label, live)

    def _is_code(self, item: Any) -> bool:
        return isinstance(item, _CODE) or self._walk.project.has_module(type(item).__module__)

    def _attributes(self, label: str, value: Any, has_text: bool) -> None:
        """Take the attributes of an object that code mentions and that do not follow from code."""
        for name, held in sorted((state_of(value) or {}).items()):
            is_cached = is_descriptor(getattr(cast("type[Any]", type(value)), name, None))
            if not is_cached and name in self._walk.names.mentioned and self._is_new(id(value), name):
                self._attribute(f"{label}.{name}", name, held, has_text)

    def _attribute(self, label: str, name: str, held: Any, has_text: bool) -> None:
        """Take an attribute of an object, unless code that was reached explains it."""
        walk = self._walk
        begun = [text for attribute, text in walk.names.begun if attribute == name]
        is_as_begun = not begun or plain(held) in begun
        if walk.names.keeps(name):
            if not has_text or not is_as_begun:
                walk.unresolved.add(f"`{label}` is set while makes run")
        elif not has_text or not is_as_begun or name not in walk.names.stored | walk.names.given:
            walk.value(label, held)
        else:
            self.add_object(label, held, has_text=True)


def _is_elsewhere(member: Any, qualified: str) -> bool:
    """Whether a function or method is another one than that of a name, or is wrapped in another one."""
    function = getattr(member, "__func__", member)
    return isinstance(function, FunctionType) and function.__code__.co_qualname != qualified
