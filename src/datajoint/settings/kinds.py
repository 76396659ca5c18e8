"""The types of settings: a converter returns the value in its type, or raises ValueError saying which."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import isnan
from typing import TYPE_CHECKING, Any, cast

from datajoint.settings.secret import clone

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Converter",
    "backend",
    "boolean",
    "choice",
    "folder",
    "mapping",
    "number",
    "path",
    "stores",
    "text",
    "tls",
    "whole",
]

Converter = Callable[[Any], Any]

_BACKENDS = ("sqlite", "postgresql", "mysql")
_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")


def boolean(value: Any) -> bool:
    """Accept true or false, also as 0, 1 or a word."""
    if isinstance(value, str) and value.strip().lower() in _TRUE + _FALSE:
        return value.strip().lower() in _TRUE
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueError("true or false")


def number(low: float | None = None, high: float | None = None, *, is_whole: bool = False) -> Converter:
    """Accept a number within limits."""
    what = "a whole number" if is_whole else "a number"
    what += f" from {low} to {high}" if high is not None else f" of at least {low}" if low is not None else ""

    def convert_number(value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError(what)  # noqa: TRY004 - one kind of refusal
        try:
            found = float(value)
        except (ValueError, OverflowError):
            raise ValueError(what) from None
        exact = found.is_integer() and abs(found) < 2**53
        if isnan(found) or (is_whole and not exact):
            raise ValueError(what)
        if (low is not None and found < low) or (high is not None and found > high):
            raise ValueError(what)
        return int(found) if exact else found

    return convert_number


def whole(low: int | None = None, high: int | None = None) -> Converter:
    """Accept a whole number within limits."""
    return number(low, high, is_whole=True)


def text(value: Any) -> str:
    """Accept any text."""
    if isinstance(value, str):
        return value
    raise ValueError("text")


def path(value: Any) -> str:
    """Accept a path, as text."""
    if isinstance(value, (str, os.PathLike)):
        return str(cast(object, value))
    raise ValueError("a path")


def names(value: Any) -> tuple[str, ...]:
    """Accept names in a list, or in a text with commas between them."""
    listed: Any = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if isinstance(listed, (list, tuple)) and all(isinstance(name, str) for name in cast("list[Any]", listed)):
        return tuple(name for name in cast("list[str]", listed) if name)
    raise ValueError("a list of names, or a text with commas between them")


def folder(value: Any) -> Path:
    """Accept a path, as an object."""
    from pathlib import Path

    return Path(path(value))


def choice(*names: str) -> Converter:
    """Accept one of some words, in the spelling given."""
    known = {name.lower(): name for name in names}
    what = " or ".join((", ".join(names[:-1]), names[-1]) if len(names) > 1 else names)

    def choose(value: Any) -> str:
        if isinstance(value, str) and value.strip().lower() in known:
            return known[value.strip().lower()]
        raise ValueError(what)

    return choose


def backend(value: Any) -> str:
    """Accept one of our backends, or one that an installed package brings."""
    if isinstance(value, str):
        name = value.strip().lower()
        if name in _BACKENDS:
            return name
        from importlib.metadata import entry_points

        if name and name in entry_points(group="datajoint.backends").names:
            return name
    raise ValueError("sqlite, postgresql or mysql")


def mapping(value: Any) -> Mapping[str, Any]:
    """Accept a mapping, copied."""
    if isinstance(value, Mapping):
        return clone(value)
    raise ValueError("a mapping")


def stores(value: Any) -> Mapping[str, Any]:
    """Accept the mapping of stores."""
    tree = mapping(value)
    for name, store in tree.items():
        if name in ("default", "filepath_default"):
            if store is not None and not isinstance(store, str):
                raise ValueError(f"a mapping in which `{name}` is the name of a store")
        elif not isinstance(store, Mapping):
            raise ValueError(f"a mapping of names to stores, and the store `{name}` itself a mapping")
    return tree


def tls(value: Any) -> bool | Mapping[str, Any]:
    """Accept true, false or options."""
    if isinstance(value, Mapping):
        return clone(value)
    try:
        return boolean(value)
    except ValueError:
        raise ValueError("true, false or a mapping of TLS options") from None
