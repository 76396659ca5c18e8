"""Paths from modules to values, by names, items, variables of closures; and what they lead to now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, cast

from datajoint.journal.code import units
from datajoint.journal.code.live import is_descriptor, is_ours, state_of, wrapped_in

__all__ = [
    "MISSING", "Path", "Step", "carried", "held", "is_computed", "is_one", "item_steps", "label_of",
    "members", "path_text", "read_path", "resolve",
]  # fmt: skip

Step = str | tuple[Any, ...]
"""An attribute; ``<name>`` of a variable around a function; ``(key,)`` of an item, ``(None, n)`` the nth."""

Path = tuple[Step, ...]

MISSING: Any = object()
_DICT: Any = dict
_SLOT = MemberDescriptorType


def path_text(path: Path) -> str:
    """Return a path as text.

    Examples
    --------
    >>> path_text(("MODELS", ("a",), "factor")), read_path('["MODELS",["a"],"factor"]')
    ('["MODELS",["a"],"factor"]', ('MODELS', ('a',), 'factor'))
    """
    return json.dumps(path, separators=(",", ":"))


def read_path(text: str) -> Path:
    """Return the path of a text."""
    steps: list[Any] = json.loads(text)
    return tuple(tuple(step) if is_one(step, list) else step for step in steps)


def label_of(module: str, path: Path) -> str:
    """Return a path as it would be written.

    Examples
    --------
    >>> label_of("lab.app", ("MODELS", ("a",), "factor"))
    "lab.app.MODELS['a'].factor"
    """
    told = module
    for step in path:
        if isinstance(step, tuple):
            told += f"[{step[0]!r}]" if len(step) == 1 else f"[#{step[1]}]"
        else:
            told += f".{step}"
    return told


def resolve(module: str, path: Path) -> Any:
    """Return what a path leads to in this process, `MISSING` where it leads nowhere.

    Examples
    --------
    >>> resolve("sys", ("version_info", "none")) is MISSING, resolve("sys", ("maxsize",)) == sys.maxsize
    (True, True)
    """
    found: Any = units.namespace_of(sys.modules.get(module)).get(cast("str", path[0]), MISSING)
    for step in path[1:]:
        if found is MISSING:
            break
        found = _item(found, step) if isinstance(step, tuple) else _attribute(found, step)
    return found


def is_one(value: Any, *kinds: type) -> bool:
    """Whether a value is of some kind, whatever it holds.

    Examples
    --------
    >>> is_one([], dict, list)
    True
    """
    return isinstance(value, kinds)


def _item(value: Any, step: tuple[Any, ...]) -> Any:
    if is_one(value, dict):
        if len(step) == 1:
            return _DICT.get(value, step[0], MISSING)
        return _nth(_DICT.values(value), step[1])
    if is_one(value, list, tuple) and isinstance(step[-1], int):
        return _nth(value, step[-1])
    return MISSING


def _nth(items: Iterable[Any], number: int) -> Any:
    return next(islice(items, number, None), MISSING)


def item_steps(value: Any) -> Iterator[tuple[Step, Any]]:
    """Yield the items of a container with the steps that lead to them.

    Examples
    --------
    >>> list(item_steps({"a": 1, 2.5: 2}))
    [(('a',), 1), ((None, 1), 2)]
    """
    if not is_one(value, dict):
        yield from (((number,), item) for number, item in enumerate(list(value)))
        return
    for number, (key, item) in enumerate(list(_DICT.items(value))):
        yield ((key,) if type(key) in (str, int) else (None, number)), item


def _attribute(value: Any, name: str) -> Any:
    if isinstance(value, ModuleType):
        return units.namespace_of(value).get(name, MISSING)
    if name == "__class__":
        return cast("Any", type(value))
    if isinstance(value, type):
        return members(value).get(name, MISSING)
    found = carried(value).get(name, MISSING)
    return found if found is not MISSING else held(value).get(name, MISSING)


def members(cls: type) -> dict[str, Any]:
    """Return the members of a class and its bases, without those of DataJoint and Python."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if not is_ours(base):
            found.update(vars(base))
    return found


def held(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object, those in slots too."""
    state = state_of(value)
    found = dict(state) if state is not None else {}
    for base in cast("type[Any]", type(value)).__mro__:
        for name, member in vars(base).items():
            if type(member) is _SLOT:
                try:
                    found.setdefault(name, member.__get__(value))
                except AttributeError:  # not yet set
                    continue
    return found


def is_computed(member: Any) -> bool:
    """Whether a member of a class computes what an object holds under its name, as a cached property does.

    Examples
    --------
    >>> is_computed(property()), is_computed(1)
    (True, False)
    """
    return is_descriptor(member) and type(member) is not _SLOT


def carried(value: Any) -> dict[str, Any]:
    """Return what a function, method or partial carries along: variables around it, defaults, its object.

    Examples
    --------
    >>> carried((lambda n: lambda m=[2]: n)(3))
    {'<n>': 3, '__defaults__': ([2],)}
    """
    found: dict[str, Any] = {}
    if isinstance(value, partial):
        found = {"args": value.args, "keywords": value.keywords, "func": value.func}  # type: ignore[unknownMemberType]
    elif isinstance(value, MethodType):
        found = {"__self__": value.__self__}
    for function in reversed(wrapped_in(value)):
        found |= _of_function(function)
    return found


def _of_function(function: FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[f"<{name}>"] = cell.cell_contents
        except ValueError:  # not yet set
            continue
    given: Sequence[tuple[str, Any]] = (
        ("__defaults__", function.__defaults__), ("__kwdefaults__", function.__kwdefaults__)
    )  # fmt: skip
    return found | {name: value for name, value in given if value}
