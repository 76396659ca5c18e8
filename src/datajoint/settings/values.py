"""The values in force: what was assigned, over what the sources say, over the defaults of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, cast

from datajoint._value import Value
from datajoint.settings.convert import canonical
from datajoint.settings.model import GROUPS, PORTS, SETTINGS
from datajoint.settings.secret import Tree, clone, dig, splits

__all__ = ["ABSENT", "ASSIGNED", "DEFAULT", "Found", "Layer", "Snapshot", "Values"]

ABSENT = object()
ASSIGNED = "assigned"
DEFAULT = "default"

_TREES = ("stores", "custom", "provenance.source")
"""Mappings that dotted names reach into even while they are empty."""


class Values:
    """Values by dotted name; the inside of a mapping is reached by further dots."""

    __slots__ = ("assigned", "loaded", "origins")

    def __init__(
        self, loaded: dict[str, Any], origins: dict[str, str], assigned: dict[str, Any] | None = None
    ) -> None:
        self.assigned: dict[str, Any] = {} if assigned is None else assigned
        self.loaded = loaded
        self.origins = origins

    def copy(self) -> Values:
        """Return values that share no mapping with these."""
        return Values(clone_flat(self.loaded), dict(self.origins), clone_flat(self.assigned))

    def names(self) -> list[str]:
        """List the settings, then the unknown names that are kept."""
        return list(dict.fromkeys((*SETTINGS, *self.loaded, *self.assigned)))

    def find(self, name: str) -> Any:
        """Look a name up, or return ABSENT."""
        name = canonical(name)
        if name in self.assigned:
            return self.assigned[name]
        if name in self.loaded:
            return self.loaded[name]
        setting = SETTINGS.get(name)
        if setting is not None:
            return self._default_port() if name == "database.port" else setting.default
        found = dig(self.assigned, name, ABSENT)
        if found is ABSENT:
            found = dig(self.loaded, name, ABSENT)
        return self._section(name) if found is ABSENT else found

    def origin(self, name: str) -> str:
        """Say which source a value comes from."""
        name = canonical(name)
        inside = name not in SETTINGS and any(head in self.assigned for head, _ in splits(name))
        if name in self.assigned or inside:
            return ASSIGNED
        return self.origins.get(name, DEFAULT)

    def put(self, name: str, value: Any) -> None:
        """Assign a converted value; a name inside a mapping changes the mapping."""
        root, tail = self._place(name)
        if not tail:
            self.assigned[name] = value
            return
        tree = self.find(root)
        if not isinstance(tree, MutableMapping):
            tree = Tree()
        _plant(cast(MutableMapping[str, Any], tree), tail, value)
        self.assigned[root] = tree

    def remove(self, name: str) -> bool:
        """Take an assignment back; tell whether there was one."""
        return self.assigned.pop(canonical(name), ABSENT) is not ABSENT

    def snapshot(self, names: Iterable[str]) -> list[Snapshot]:
        """Note what some names hold, to restore it later."""
        roots = dict.fromkeys(self._place(name)[0] for name in names)
        return [Snapshot(root, self.assigned.get(root, ABSENT), self.find(root)) for root in roots]

    def restore(self, snapshots: Iterable[Snapshot]) -> None:
        """Put back what was noted, the same objects with the same content."""
        for snapshot in snapshots:
            if snapshot.assigned is ABSENT:
                self.assigned.pop(snapshot.root, None)
            else:
                self.assigned[snapshot.root] = snapshot.assigned
            snapshot.refill()

    def _place(self, name: str) -> tuple[str, str]:
        """Split a name into the mapping that holds it and the rest; no rest for what stands by itself."""
        if name not in SETTINGS:
            for head, tail in reversed(list(splits(name))):
                held = self.assigned.get(head, self.loaded.get(head))
                if head in _TREES or isinstance(held, MutableMapping):
                    return head, tail
        return name, ""

    def _section(self, name: str) -> Any:
        """Gather unknown dotted names into the section that they name together."""
        if name in GROUPS:
            return ABSENT
        prefix = name + "."
        names = [found for found in self.names() if found.startswith(prefix)]
        return Tree({found.removeprefix(prefix): self.find(found) for found in names}) if names else ABSENT

    def _default_port(self) -> int:
        return PORTS.get(self.find("database.backend") or "mysql", PORTS["mysql"])


class Snapshot:
    """What one name held, the inside of a mapping included."""

    __slots__ = ("_content", "_tree", "assigned", "root")

    def __init__(self, root: str, assigned: Any, value: Any) -> None:
        self.root = root
        self.assigned = assigned
        self._tree = cast(MutableMapping[str, Any], value) if isinstance(value, MutableMapping) else None
        self._content = clone(self._tree)

    def refill(self) -> None:
        """Give the mapping the content it had."""
        if self._tree is not None:
            self._tree.clear()
            self._tree.update(self._content)


def clone_flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a flat mapping and the mappings in it."""
    return {name: clone(value) for name, value in values.items()}


def _plant(tree: MutableMapping[str, Any], path: str, value: Any) -> None:
    """Put a value at a dotted path, into the deepest mapping that is there already."""
    for head, tail in splits(path):
        branch = tree.get(head)
        if isinstance(branch, MutableMapping):
            _plant(cast(MutableMapping[str, Any], branch), tail, value)
            return
    head, _, tail = path.partition(".")
    if tail:
        inner = Tree()
        tree[head] = inner
        _plant(inner, tail, value)
    else:
        tree[head] = value


class Found(Value):
    """A value and the place it was found in."""

    value: Any
    origin: str


Layer = dict[str, Found]
