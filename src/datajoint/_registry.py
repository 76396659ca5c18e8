"""One registry for everything pluggable: first what is registered by hand, then installed packages."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from datajoint._lazy import load
from datajoint.errors import ConfigurationError, DataJointWarning

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of plug-in and the objects that stand for them.

    What comes with DataJoint itself is imported when its name is asked for, an entry point when its name is
    asked for and not registered. If none has that name, all
    are loaded: importing a package may register more names than it announces. A package that cannot be
    loaded is named in a warning, or in the error if it is the one asked for; the others work.

    Parameters
    ----------
    *groups
        Entry-point groups of installed packages, the preferred one first.
    own
        What comes with DataJoint: name → ``module:object``.
    accept
        Makes an item of what an entry point gives, or raises TypeError; returns its name and the item.

    Examples
    --------
    >>> renderers = Registry[type]("datajoint.renderers_of_the_example")
    >>> renderers.register("text", str)
    >>> renderers.find("text"), renderers.find("svg"), renderers.names()
    (<class 'str'>, None, ['text'])
    """

    def __init__(
        self,
        *groups: str,
        own: Mapping[str, str] | None = None,
        accept: Callable[[str, Any], tuple[str, T]] | None = None,
    ) -> None:
        self._groups = groups
        self._own = dict(own or {})
        self._accept = accept or _as_it_is
        self._items: dict[str, T] = {}
        self._waiting: list[EntryPoint] | None = None
        self._broken: dict[str, tuple[str, Exception]] = {}
        self._lock = RLock()

    def register(self, name: str, item: T) -> None:
        """Register `item` under `name`, in place of what was there.

        Examples
        --------
        >>> registry = Registry[int]()
        >>> registry.register("answer", 42)
        """
        with self._lock:
            self._items[name] = item

    def registered(self, name: str) -> T | None:
        """Return what is registered under `name` so far or our own, without loading a package.

        Examples
        --------
        >>> Registry[int]().registered("answer") is None
        True
        """
        if name in self._own:
            with self._lock:
                self._import(name)
        return self._items.get(name)

    def find(self, name: str) -> T | None:
        """Return the item called `name`, from an installed package if need be; None if there is none.

        Raises
        ------
        ConfigurationError
            A package announces the name, but cannot be loaded.

        Examples
        --------
        >>> Registry[int]().find("answer") is None
        True
        """
        if self.registered(name) is None:
            with self._lock:
                self._load([entry for entry in self._pending() if entry.name == name])
                if name not in self._items and name not in self._broken:
                    self._load_others()
            if name not in self._items and name in self._broken:
                message, error = self._broken[name]
                raise ConfigurationError(message, hint="Repair, update or uninstall that package.") from error
        return self._items.get(name)

    def names(self) -> list[str]:
        """Return all names in alphabetical order, those of installed packages too.

        Examples
        --------
        >>> Registry[int]().names()
        []
        """
        with self._lock:
            self._load_others()
        return sorted({*self._items, *self._own})

    def _import(self, name: str) -> None:
        """Import something of our own, which may register itself while it is imported."""
        module, _, attribute = self._own.pop(name, "").partition(":")
        loaded = getattr(load(module), attribute, None) if module else None
        if loaded is not None:
            self._items.setdefault(*self._accept(name, loaded))

    def _load_others(self) -> None:
        """Load all entry points whose names are not taken; warn of those that cannot be loaded."""
        for message in self._load(
            [entry for entry in self._pending() if entry.name not in {*self._items, *self._own}]
        ):
            warnings.warn(message, DataJointWarning, stacklevel=4)

    def _load(self, entries: list[EntryPoint]) -> list[str]:
        """Load entry points; return what is to be said about those that cannot be loaded."""
        messages: list[str] = []
        for entry in entries:
            self._pending().remove(entry)
            try:
                name, item = self._accept(entry.name, entry.load())
            except Exception as error:  # noqa: BLE001 - whatever a package does must not harm the others
                messages.append(f"{_described(entry)} cannot be loaded: {type(error).__name__}: {error}")
                self._broken[entry.name] = messages[-1], error
            else:
                self._items.setdefault(name, item)
        return messages

    def _pending(self) -> list[EntryPoint]:
        """Entry points that were not loaded yet, in order of the groups."""
        if self._waiting is None:
            from importlib.metadata import entry_points

            self._waiting = [entry for group in self._groups for entry in entry_points(group=group)]
        return self._waiting


def _as_it_is(name: str, loaded: Any) -> tuple[str, Any]:
    return name, loaded


def _described(entry: EntryPoint) -> str:
    package = f" of the package {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return f"The plug-in {entry.name!r} ({entry.group}){package}"
