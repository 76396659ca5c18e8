"""Hearing of functions by `sys.setprofile`, in Python 3.11."""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any
from weakref import WeakKeyDictionary

from datajoint._value import Value
from datajoint.journal.ran.observation import Observation, Watch
from datajoint.journal.ran.places import OUTSIDE

__all__ = ["Profile"]

_OFTEN = 64
"""Of the makes of a table one in so many is listened to, beside the first, second, fourth, eighth …"""

_WAITING = (os.path.join("futures", "thread.py"), os.path.join("multiprocessing", "pool.py"))
_HARMLESS = (
    "datajoint", "ipykernel", "IPython", "tornado", "zmq", "tqdm", "execnet", "xdist", "debugpy", "_pytest",
)  # fmt: skip
"""Packages whose threads call no code of the project, unless it is in their stack."""


class _Known:
    """What ran in the makes of a table that were listened to."""

    def __init__(self) -> None:
        self.makes = 0
        self.codes: dict[int, tuple[CodeType, str]] = {}
        self.notes: dict[str, None] = {}

    def is_next(self) -> bool:
        """Whether the next make is to be listened to."""
        number, self.makes = self.makes, self.makes + 1
        return number & (number - 1) == 0 or number % _OFTEN == 0


class Profile:
    """Hears of every function that is called in the thread of a make, and in threads that begin meanwhile.

    It costs a little in each call, so that only some of the makes of a table are listened to; the others are
    taken to run what these have run.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._tables: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
        self._before: dict[int, Any] = {}

    def begin(self, observation: Observation) -> None:
        """Listen for a make, or take what was heard of others."""
        known = self._tables.setdefault(observation.of, _Known())
        self._watch.begin(observation)
        if not known.is_next():
            observation.is_whole = False
            observation.codes.update(known.codes)
            observation.notes.update(known.notes)
            return
        self._before[id(observation)] = _older_threads()
        if sys.getprofile() not in (None, self._called):
            observation.note("another profiler is set")
        threading.setprofile(self._called)
        if sys.getprofile() is None:
            sys.setprofile(self._called)

    def end(self, observation: Observation) -> None:
        """Listen no more."""
        if not observation.is_whole:
            self._watch.end(observation)
            return
        if sys.getprofile() == self._called:
            sys.setprofile(None)
        self._watch.end(observation)
        if any(_may_have_run(one) for one in self._before.pop(id(observation), ())):
            observation.note("threads older than the make may have run code for it")
        if not self._before:
            threading.setprofile(None)  # type: ignore[arg-type]
            if self._before:  # the make of another thread has begun meanwhile
                threading.setprofile(self._called)
        known = self._tables.setdefault(observation.of, _Known())
        known.codes.update(observation.codes)
        known.notes.update(observation.notes)

    def forget(self, of: Any) -> None:
        """Listen anew to what is made: its code may have changed."""
        self._tables.pop(of, None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        code, watch = frame.f_code, self._watch
        kind = watch.kind(code.co_filename)
        if kind != OUTSIDE and watch.running:
            watch.called(code, kind, frame)


class _Thread(Value):
    """Another thread: what it does, and what the system tells of its runs, "" where it tells nothing."""

    thread: int
    frame: FrameType
    at: int
    runs: str


def _older_threads() -> list[_Thread]:
    """Return the other threads."""
    if threading.active_count() == 1:
        return []
    me, names = threading.get_ident(), {one.ident: one.native_id for one in threading.enumerate()}
    frames = sys._current_frames().items()
    return [_Thread(t, frame, frame.f_lasti, _runs(names.get(t))) for t, frame in frames if t != me]


def _runs(thread: int | None) -> str:
    """Return how often and how long a thread has run, as Linux tells."""
    try:
        with open(f"/proc/self/task/{thread}/schedstat", encoding="ascii") as stream:
            return stream.read()
    except OSError:
        return ""


def _may_have_run(before: _Thread) -> bool:
    """Whether a thread may have run code of the project since."""
    names = {one.ident: one.native_id for one in threading.enumerate()}
    if before.runs and before.runs == _runs(names.get(before.thread)):
        return False
    frame = sys._current_frames().get(before.thread)
    if frame is not None and frame is before.frame and frame.f_lasti == before.at:
        return frame.f_code.co_filename.endswith(_WAITING)  # these wait for work, others for an event
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _HARMLESS:
            return False
        frame = frame.f_back
    return True
