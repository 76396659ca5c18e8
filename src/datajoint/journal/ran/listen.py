"""Listening to the functions that run in a make."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from datajoint.journal.ran.files import READS, note_read
from datajoint.journal.ran.monitor import Monitor
from datajoint.journal.ran.observation import CURRENT, Observation, watch
from datajoint.journal.ran.profile import Profile
from datajoint.journal.ran.values import values_of

__all__ = ["forget", "observe"]

_PROCESSES = frozenset({
    "os.fork", "os.forkpty", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.startfile",
    "subprocess.Popen",
})  # fmt: skip


class observe:  # noqa: N801 - it is used as a function
    """Listen to the functions of the project that run in a context, in its threads too.

    Examples
    --------
    >>> with observe(int) as ran:
    ...     pass  # the user's make
    >>> ran.codes
    {}
    """

    __slots__ = ("_ear", "_observation", "_token")

    def __init__(self, of: Any, stores: Callable[[], Sequence[str]] = tuple) -> None:
        self._observation = Observation(of, stores, values_of().enter)

    def __enter__(self) -> Observation:
        self._ear = _ear()
        self._token = CURRENT.set(self._observation)
        self._ear.begin(self._observation)
        return self._observation

    def __exit__(self, *error: object) -> None:
        self._ear.end(self._observation)
        CURRENT.reset(self._token)


def forget(of: Any) -> None:
    """Listen anew to what is made: its code may have been edited and reloaded.

    Examples
    --------
    >>> forget(int)
    """
    _ear().forget(of)
    values_of().forget(of)


@cache
def _ear() -> Monitor | Profile:
    """Return what hears of functions in this process."""
    sys.addaudithook(_heard)
    return Monitor(watch()) if sys.version_info >= (3, 12) else Profile(watch())


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    """Take note of processes that a make starts, of which nothing is heard, and of files that it reads."""
    if event in READS and watch().running:
        note_read(arguments)
    elif event in _PROCESSES and watch().running:
        watch().note(f"it starts another process (`{event}`)")
