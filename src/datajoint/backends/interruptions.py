"""Interruptions that a driver has taken for failures of its own, and the end of interrupted sessions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic, sleep
from types import FrameType, TracebackType

__all__ = ["interruption", "wait_until"]

_OF_DRIVERS = frozenset({"datajoint", "numpy", "psycopg", "psycopg_binary", "psycopg_c", "pymysql"})


def interruption(error: BaseException) -> BaseException | None:
    """Return the exception that interrupted a driver, None where its error is one of the database.

    A driver that is interrupted may fail on its way out and raise that failure, or take a `TimeoutError` of
    a signal handler for one of its socket. Translated, the interruption would be hidden, the statement sent a
    second time, and the session used although an answer is on its way.

    Parameters
    ----------
    error
        Of the driver, while it is being handled by the session.

    Examples
    --------
    >>> def interrupted():
    ...     try:
    ...         raise KeyboardInterrupt
    ...     finally:
    ...         raise RuntimeError("of the driver")
    >>> try:
    ...     interrupted()
    ... except RuntimeError as error:
    ...     interruption(error)
    KeyboardInterrupt()
    """
    raised: BaseException | None = error
    while raised is not None:
        if not _is_of_driver(raised) and _interrupts(raised):
            return raised
        raised = raised.__context__
        if raised is not None and _is_handled_outside(raised):
            return None
    return None


def _is_of_driver(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in _OF_DRIVERS


def _interrupts(error: BaseException) -> bool:
    if not isinstance(error, Exception):
        return not isinstance(error, GeneratorExit)
    if isinstance(error, OSError) and not error.args:  # one that the system has raised has arguments
        return True
    module = _raised_in(error.__traceback__).partition(".")[0]
    return bool(module) and module not in _OF_DRIVERS and module not in sys.stdlib_module_names


def _raised_in(trace: TracebackType | None) -> str:
    """Return the name of the module that raised."""
    if trace is None:  # removed by the driver
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__") or "")


def _is_handled_outside(error: BaseException) -> bool:
    """Whether an exception was there before the driver was called: a frame that still runs handles it."""
    if error.__traceback__ is None:
        return False
    handler, frame = error.__traceback__.tb_frame, _caller()
    while frame is not None:
        if frame is handler:
            return True
        frame = frame.f_back
    return False


def _caller() -> FrameType | None:
    return sys._getframe(1).f_back


PATIENCE = 10.0
"""Seconds to wait for the end of another session."""


def wait_until(is_over: Callable[[], bool]) -> bool:
    """Poll at growing intervals, for some seconds, until something is over; return whether it is.

    Examples
    --------
    >>> answers = [True, False]
    >>> wait_until(answers.pop)
    True
    >>> answers
    []
    """
    end, pause = monotonic() + PATIENCE, 0.001
    while not is_over():
        if monotonic() > end:
            return False
        sleep(pause)
        pause = min(2 * pause, 0.1)
    return True
