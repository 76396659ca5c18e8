"""What ran in each of the makes of this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache
from types import CodeType, FrameType
from typing import Any

from datajoint.journal.ran import places

__all__ = ["CURRENT", "MOST_CALLS", "Observation", "Watch", "watch"]

MOST_CALLS = 1000
"""A function that is called more often in one make is no longer listened to in it."""

_FUNCTION = 0x0001
"""Flag of the code of functions; modules and the bodies of classes, which run at import, lack it."""

_GENERATED = ("__create_fn__", "__annotate__")


def _nothing(*_: object) -> str:
    return ""


class Observation:
    """The functions that ran in one make.

    Parameters
    ----------
    of
        What is made: functions known to run in its makes are not listened to each time.
    stores
        Gives the folders of stores.
    entering
        Called with `of`, code, module and frame when a function is called that was not known; returns what
        it could not do, in words.

    Attributes
    ----------
    codes
        Their code with the name of the module, by identity: equal codes may stand in different files.
    notes
        Why this may not be all of them, in words.
    files
        What files held that it depends on, by module and name.
    known, stores
        Paths of files that it may read: declared, or written for it; and where stores are.
    is_whole
        Whether it was listened to what ran; otherwise `codes` are those of earlier makes.
    """

    __slots__ = ("_entering", "_times", "codes", "files", "is_whole", "known", "notes", "of", "stores")

    def __init__(
        self, of: Any, stores: Callable[[], Sequence[str]] = tuple, entering: Callable[..., str] = _nothing
    ) -> None:
        self.of = of
        self.stores = stores
        self._entering = entering
        self.files: dict[tuple[str, str], str] = {}
        self.known: set[str] = set()
        self.codes: dict[int, tuple[CodeType, str]] = {}
        self.notes: dict[str, None] = {}
        self.is_whole = True
        self._times: dict[int, int] = {}

    def hear(self, code: CodeType, frame: FrameType) -> int:
        """Take note of a function that is called; return how often it was."""
        mark = id(code)
        times = self._times[mark] = self._times.get(mark, 0) + 1
        if times == 1 and mark not in self.codes:
            module = str(frame.f_globals.get("__name__", "__main__"))
            self.codes[mark] = code, module
            self._enter(code, module, frame)
        return times

    def _enter(self, code: CodeType, module: str, frame: FrameType) -> None:
        """Take down the values that a function is about to read."""
        why = self._entering(self.of, code, module, frame)
        if why:
            self.note(why)

    def note(self, text: str) -> None:
        """Take note of why not all may be known."""
        self.notes[text] = None


CURRENT: ContextVar[Observation | None] = ContextVar("datajoint_ran", default=None)
"""The make that runs in this context."""


class Watch:
    """The makes that run in this process, and the files that functions were called of.

    What runs outside the context of all makes, as in a thread that a make has started, counts for each of
    them. Makes begin and end in several threads: each change of `running` is a single one of a dict.
    """

    def __init__(self) -> None:
        self.running: dict[int, Observation] = {}
        self._kinds: dict[str, int] = {}

    def begin(self, observation: Observation) -> None:
        """Let a make begin."""
        self.running[id(observation)] = observation

    def end(self, observation: Observation) -> None:
        """Let a make end."""
        self.running.pop(id(observation), None)

    @property
    def active(self) -> list[Observation]:
        """The makes that run now."""
        return list(self.running.values())

    def kind(self, file: str) -> int:
        """Return of what kind a file is."""
        found = self._kinds.get(file)
        if found is None:
            found = places.kind_of(file)
            if found != places.TEXTLESS:  # cells get one name after another
                self._kinds[file] = found
        return found

    def called(self, code: CodeType, kind: int, frame: FrameType) -> int:
        """Take note of a function that is called; return how often it was in the make that it belongs to."""
        if kind == places.PROJECT:
            if not code.co_flags & _FUNCTION:
                return 0
            mine = CURRENT.get()
            if mine is not None:
                return mine.hear(code, frame)
            return max([one.hear(code, frame) for one in self.active], default=0)
        if kind == places.STARTING:
            if places.starts_child(code.co_filename, code.co_name):
                self.note("it hands work to other processes")
        elif self._is_of_project(frame) and not _is_generated(code, frame):
            self.note(f"the text of `{code.co_qualname}` is not available")
        return 0

    def _is_of_project(self, frame: FrameType) -> bool:
        """Whether code without a text was written or is called by the project, and not by packages."""
        by = sys.modules.get(str(frame.f_globals.get("__name__", "")))
        file, caller = getattr(by, "__file__", None), frame.f_back
        files = [file] if isinstance(file, str) else []
        files += [caller.f_code.co_filename] if caller is not None else []
        return any(self.kind(one) in (places.PROJECT, places.TEXTLESS) for one in files)

    def note(self, text: str) -> None:
        """Take note of something for the make of this context, or else for all that run."""
        mine = CURRENT.get()
        for one in self.active if mine is None else [mine]:
            one.note(text)


def _is_generated(code: CodeType, frame: FrameType) -> bool:
    """Whether code was generated by Python: methods of dataclasses and named tuples, bodies of modules."""
    by = str(frame.f_globals.get("__name__", ""))
    is_function = code.co_flags & _FUNCTION and not by.startswith("namedtuple_")
    return not is_function or code.co_qualname.startswith(_GENERATED)


@cache
def watch() -> Watch:
    """Return the watch of this process."""
    return Watch()
