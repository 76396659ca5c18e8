"""Values beside code: what functions that ran have read of modules, classes and objects (provenance §7b)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from types import CodeType, FrameType
from typing import Any
from weakref import WeakKeyDictionary

from datajoint._value import Value
from datajoint.journal.ran import paths
from datajoint.journal.ran.bound import Bound, bound_of
from datajoint.journal.ran.leaves import Leaves
from datajoint.journal.ran.paths import MISSING, Path, label_of
from datajoint.journal.ran.pieces import found_of
from datajoint.journal.ran.recorded import RecordedValue, is_ignored
from datajoint.journal.ran.roots import Roots, roots_of

__all__ = ["BesideCode", "values_of"]

_Place = tuple[str, Path]
_Codes = Iterable[tuple[CodeType, str]]

_OFTEN = 64
"""Of the makes of a table the values of one in so many are looked at, beside the first, second, fourth …"""

_MANY = 100_000


class BesideCode(Value):
    """The values that go with a set of functions, and why they may not be all."""

    values: tuple[RecordedValue, ...] = ()
    notes: tuple[str, ...] = ()


class _Epoch:
    """Values that makes of a table have read since its code was looked at.

    Attributes
    ----------
    first
        Digests as they were found first: before the function ran that reads the value.
    """

    def __init__(self) -> None:
        self.makes = 0
        self.entered: set[int] = set()
        self.classes: dict[type, None] = {}
        self.first: dict[_Place, str] = {}
        self.known: dict[Any, BesideCode] = {}
        self.bound: dict[_Place, Bound] = {}

    def is_next(self) -> bool:
        """Whether the values of this make are to be looked at."""
        number, self.makes = self.makes, self.makes + 1
        return number & (number - 1) == 0 or number % _OFTEN == 0

    def bound_of(self, module: str, path: Path) -> Bound:
        place = module, path[:2]
        found = self.bound.get(place)
        if found is None:
            found = self.bound[place] = bound_of(*place)
        return found


class _Values:
    """The values of a process that makes read.

    Attributes
    ----------
    state
        Places whose values have changed while makes ran: what is found there is of their own doing.
    """

    def __init__(self) -> None:
        self.epochs: WeakKeyDictionary[Any, _Epoch] = WeakKeyDictionary()
        self.state: set[_Place] = set()

    def forget(self, of: Any) -> None:
        """Look at all values again: a program may have set them."""
        self.epochs.pop(of, None)

    def _epoch_of(self, of: Any) -> _Epoch:
        found = self.epochs.get(of)
        return self.epochs.setdefault(of, _Epoch()) if found is None else found

    def enter(self, of: Any, code: CodeType, module: str, frame: FrameType) -> str:
        """Take down what a function is about to read, the first time that it is called."""
        epoch = self._epoch_of(of)
        if id(code) in epoch.entered:
            return ""
        epoch.entered.add(id(code))
        return _quietly(self._enter, epoch, code, module, frame)

    def _enter(self, epoch: _Epoch, code: CodeType, module: str, frame: FrameType) -> None:
        found = found_of(code, module)
        if found is not None:
            roots = roots_of(found)
            cls = _class_of_first(code, frame) if roots.owner else None
            if cls is not None:
                epoch.classes[cls] = None
            for place, weight in Leaves([roots], roots.mentioned, epoch.classes).found.items():
                epoch.first.setdefault(place, weight.digest)

    def beside(self, of: Any, mark: Any, codes: _Codes, ignored: Sequence[str]) -> BesideCode:
        """Return the values that go with the functions of a make that has ended."""
        epoch = self._epoch_of(of)
        known = epoch.known.get(mark)
        if not epoch.is_next() and known is not None:
            return known
        looked: list[BesideCode] = []
        why = _quietly(lambda: looked.append(self._look(epoch, codes, tuple(ignored))))
        found = BesideCode((), (why,)) if why else looked[0]
        if known is not None and found == known:
            return known
        epoch.known[mark] = found
        return found

    def _look(self, epoch: _Epoch, codes: _Codes, ignored: Sequence[str]) -> BesideCode:
        found = [found_of(*one) for one in codes]
        roots = list(dict.fromkeys(roots_of(one) for one in found if one is not None))
        mentioned = frozenset[str]().union(*(one.mentioned for one in roots))
        leaves = Leaves(roots, mentioned, list(epoch.classes))
        state = _State(roots)
        values: list[RecordedValue] = []
        notes = ["values that its code reads are too many"] if leaves.is_cut else []
        for place, weight in leaves.found.items():
            module, path = place
            label = label_of(module, path)
            if is_ignored(label, ignored):
                continue
            if epoch.first.setdefault(place, weight.digest) != weight.digest and len(self.state) < _MANY:
                self.state.add(place)
            bound = epoch.bound_of(module, path)
            why = self._why_not(place, leaves.passed[place], state, bound)
            if why:
                notes.append(f"`{label}` {why}")
                continue
            if not weight.is_whole:
                notes.append(f"`{label}` is too large" if weight.digest else f"the value of `{label}`")
            values.append(RecordedValue(module, paths.path_text(path), weight.digest, bound.digest))
        return BesideCode(tuple(sorted(values, key=_place)), tuple(sorted(dict.fromkeys(notes))))

    def _why_not(self, place: _Place, passed: tuple[int, ...], state: _State, bound: Bound) -> str:
        if place in self.state or state.has(place, passed):
            return "changes while makes run"
        return "is another one in each process" if bound.is_chance else ""


class _State:
    """What functions that ran store, by the names in their text."""

    def __init__(self, roots: Sequence[Roots]) -> None:
        self._kept = frozenset[str]().union(*(one.kept for one in roots))
        self._names = {(one.module, name) for one in roots for name in one.changed}
        changed = (paths.resolve(module, (name,)) for module, name in self._names)
        self._ids = {id(value) for value in changed if value is not MISSING and not _is_shared(value)}

    def has(self, place: _Place, passed: tuple[int, ...]) -> bool:
        """Whether a value is one of these, or leads through one."""
        module, path = place
        is_kept = any(isinstance(step, str) and step in self._kept for step in path)
        return is_kept or (module, path[0]) in self._names or not self._ids.isdisjoint(passed)


def _is_shared(value: Any) -> bool:
    """Whether equal values may be one and the same, as small numbers are."""
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, tuple, frozenset, type))


def _place(one: RecordedValue) -> tuple[str, str]:
    return one.module, one.path


def _class_of_first(code: CodeType, frame: FrameType) -> type | None:
    """Return the class of the object that a method is called with, or the class itself."""
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    return first if isinstance(first, type) or first is None else type(first)  # type: ignore[unknownVariableType]


def _quietly(do: Callable[..., object], *arguments: Any) -> str:
    """Look at objects of users, which may fail in any way; return what could not be done."""
    try:
        do(*arguments)
    except Exception as error:  # noqa: BLE001 - see above
        return f"values that its code reads cannot be looked at ({type(error).__name__})"
    return ""


@cache
def values_of() -> _Values:
    """Return the values of this process that makes read."""
    return _Values()
