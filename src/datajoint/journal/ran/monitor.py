"""Hearing of functions by `sys.monitoring`, from Python 3.12 on."""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

from datajoint.journal.ran.observation import MOST_CALLS, Observation, Watch
from datajoint.journal.ran.places import OUTSIDE

__all__ = ["Monitor"]

_NAME = "datajoint"
_IDS = (4, 3)
"""Numbers of tools that Python does not reserve for a purpose."""


def _tool() -> Any:
    return getattr(sys, "monitoring", None)


class Monitor:
    """Hears of every function of the project that begins or goes on, in all threads.

    It is never switched off: code outside the project is left out for good, and a function that is called
    very often in one make until a make of another table begins. Makes of the same one count it as run.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._hot: dict[int, tuple[CodeType, str]] = {}
        self._hot_in: set[Any] = set()
        self._is_on = self._switch_on()

    def _switch_on(self) -> bool:
        tool = _tool()
        free = [one for one in _IDS if tool.get_tool(one) is None]
        if not free:
            return False
        tool.use_tool_id(free[0], _NAME)
        for event in (tool.events.PY_START, tool.events.PY_RESUME):
            tool.register_callback(free[0], event, self._called)
        tool.set_events(free[0], tool.events.PY_START | tool.events.PY_RESUME)
        self._disable: Any = tool.DISABLE
        self._restart: Any = tool.restart_events
        return True

    def begin(self, observation: Observation) -> None:
        """Listen for a make."""
        if not self._is_on:
            observation.note("other tools use `sys.monitoring`")
        if self._hot and self._hot_in != {observation.of}:
            self._hot, self._hot_in = {}, set()
            self._restart()
        observation.codes.update(self._hot)
        self._watch.begin(observation)

    def end(self, observation: Observation) -> None:
        """Listen no more."""
        self._watch.end(observation)

    def forget(self, of: Any) -> None:
        """Listen anew to what is made: its code may have changed."""
        if of in self._hot_in:
            self._hot, self._hot_in = {}, set()
            self._restart()

    def _called(self, code: CodeType, offset: int) -> Any:
        watch = self._watch
        kind = watch.kind(code.co_filename)
        if kind == OUTSIDE:
            return self._disable
        if watch.running:
            times = watch.called(code, kind, sys._getframe(1))
            if times > MOST_CALLS:
                return self._too_often(code)
        return None

    def _too_often(self, code: CodeType) -> Any:
        """Leave a function out; makes that run beside may call it as well."""
        mark = id(code)
        held = next((one.codes[mark] for one in self._watch.active if mark in one.codes), None)
        if held is None:
            return None
        self._hot[mark] = held
        for one in self._watch.active:
            one.codes.setdefault(mark, held)
            self._hot_in.add(one.of)
        return self._disable
