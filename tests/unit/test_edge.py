"""Tracebacks are shortened whatever instruction an exception arrived at."""

import sys
from types import TracebackType

from datajoint._edge import _linked


def guarded():
    """Have an instruction without a line, as the end of an `except … as` clause has."""
    try:
        return sys._getframe()
    except ValueError as error:
        return error


def test_an_instruction_without_a_line_has_the_line_of_its_function():
    frame = guarded()
    [start, *_] = [start for start, _, line in frame.f_code.co_lines() if line is None]
    trace = TracebackType(None, frame, start, -1)
    assert trace.tb_lineno is None  # as where a signal interrupts it
    assert _linked([trace], None).tb_lineno == frame.f_code.co_firstlineno
