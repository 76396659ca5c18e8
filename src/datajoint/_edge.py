"""The edge of the library: errors that leave it show the frames of the user, not ours.

What users call is wrapped once, when its class is made. An exception on its way to a caller outside the
package loses the frames of the package, and those of drivers below them; a `make`, a codec or a hook that we
call keeps its own. It stays the same object, with its cause and its context (docs/adr/0019-tracebacks.md).
"""

from __future__ import annotations

import sys
from functools import wraps
from opcode import opmap
from types import FunctionType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from datajoint import _lazy
from datajoint.errors import DataJointError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["FullTraceback", "edge", "is_edge", "is_ours", "passing"]

T = TypeVar("T")

_PACKAGE = __name__.partition(".")[0]
_BELOW = frozenset(
    ("concurrent", "contextlib", "functools", "psycopg", "psycopg_pool", "pymysql", "threading")
)
"""What we call to reach the database; their frames go with ours."""

_NAMES = """
    add and bool call contains delitem enter getitem init invert iter len lshift matmul mul radd reversed
    rshift setattr setitem sub xor
"""
_OPERATORS = frozenset(f"__{name}__" for name in _NAMES.split())
_GENERATOR = 0x20


class FullTraceback:
    """The stack of an error, with the frames of the library; ``str()`` gives it as text.

    Attributes
    ----------
    frames
        For a debugger: ``pdb.post_mortem(error.full_traceback.frames)``.

    Examples
    --------
    >>> str(FullTraceback(None, None))
    ''
    """

    def __init__(self, frames: TracebackType | None, shown: TracebackType | None) -> None:
        self.frames = frames
        self._shown = shown

    def __str__(self) -> str:
        import traceback

        return "".join(traceback.format_tb(self.frames))

    def __reduce__(self) -> tuple[Any, ...]:  # frames do not travel
        return str, (str(self),)

    def after(self, trace: TracebackType | None) -> TracebackType | None:
        """Return the whole stack of an error that went on after this, as `trace` has it."""
        above: list[TracebackType] = []
        while trace is not None and trace is not self._shown:
            above.append(trace)
            trace = trace.tb_next
        return _linked(above, self.frames if trace is self._shown else None)


def edge(given: T) -> T:
    """Make a function, or the public methods and operators of a class, an edge of the library.

    Examples
    --------
    >>> @edge
    ... def half(number):
    ...     return number // 2
    >>> half(6)
    3
    """
    if isinstance(given, FunctionType):
        return _wrapped(given)  # type: ignore[return-value]
    members: dict[str, Any] = dict(vars(given))
    for name, member in members.items():
        if name.startswith("_") and name not in _OPERATORS:
            continue
        if isinstance(member, FunctionType):
            setattr(given, name, _wrapped(member))
        elif isinstance(member, classmethod):
            setattr(given, name, classmethod(_wrapped(cast("Any", member).__func__)))
    return given


def _wrapped(function: Any) -> Any:
    if hasattr(function, "__wrapped__"):
        return function
    if function.__code__.co_flags & _GENERATOR:
        return wraps(function)(_generator(function))
    code = function.__code__
    arity = 0 if code.co_flags & 0x0C or code.co_kwonlyargcount else code.co_argcount
    maker = _UNLIKE.get(arity, _call) if function.__name__ in _OPERATORS else _call
    return wraps(function)(maker(function))


def _call(function: Any) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except BaseException as error:
            passing(error, sys._getframe(1))
            raise  # adds no frame, where `raise error` would

    return call


def _unary(function: Any) -> Any:
    def unary(this: Any) -> Any:
        try:
            return function(this)
        except BaseException as error:
            passing(error, sys._getframe(1))
            raise

    return unary


def _binary(function: Any) -> Any:
    def binary(this: Any, other: Any) -> Any:
        try:
            return function(this, other)
        except BaseException as error:
            passing(error, sys._getframe(1))
            raise

    return binary


def _generator(function: Any) -> Any:
    def generate(*arguments: Any, **options: Any) -> Any:
        try:
            yield from function(*arguments, **options)
        except BaseException as error:
            passing(error, sys._getframe(1))
            raise

    return generate


_UNLIKE = {1: _unary, 2: _binary}  # twice as fast
_CODES = frozenset(maker(len).__code__ for maker in (_call, _unary, _binary, _generator))


def is_ours(frame: FrameType) -> bool:
    """Whether the code of a frame is that of the package.

    Examples
    --------
    >>> is_ours(sys._getframe())
    True
    """
    return _package(frame) == _PACKAGE


def is_edge(frame: FrameType) -> bool:
    """Whether a frame is that of an edge, and not of what it calls.

    Examples
    --------
    >>> is_edge(sys._getframe())
    False
    """
    return frame.f_code in _CODES


def passing(error: BaseException, caller: FrameType) -> None:
    """Take our frames out of an error that leaves the library for the code of a frame.

    Examples
    --------
    >>> passing(ValueError("theirs"), sys._getframe())
    """
    if is_ours(caller) or isinstance(error, GeneratorExit):
        return
    if _lazy.load("datajoint.settings.config").shows_full_tracebacks():
        return
    if not _is_meant(error):
        return
    _log(error)
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        _shorten(found)
        found = found.__cause__ or found.__context__


class _Frames:
    """The frames of an error: those that are `shown`, and whether others stand between, and at the end.

    Frames of drivers and of helpers of the standard library count as ours where our code called them.
    """

    def __init__(self, error: BaseException) -> None:
        self.shown: list[TracebackType] = []
        self.last: TracebackType | None = None
        self.ends_inside = self.hides = False
        trace = error.__traceback__
        while trace is not None:
            package = _package(trace.tb_frame)
            self.ends_inside = package == _PACKAGE or (self.ends_inside and package in _BELOW)
            if self.ends_inside:
                self.hides = True
            else:
                self.shown.append(trace)
            self.last, trace = trace, trace.tb_next


def _is_meant(error: BaseException) -> bool:
    """Whether an error tells what is wrong; one that our code did not raise itself is a fault."""
    if isinstance(error, (DataJointError, KeyboardInterrupt, Warning)):
        return True
    frames = _Frames(error)
    if not frames.ends_inside or frames.last is None or is_edge(frames.last.tb_frame):
        return True
    raised = frames.last.tb_frame.f_code.co_code[frames.last.tb_lasti]
    return raised == opmap["RAISE_VARARGS"] and not isinstance(error, AssertionError)


def _shorten(error: BaseException) -> None:
    frames = _Frames(error)
    if not frames.hides:
        return
    whole, before = error.__traceback__, error.__dict__.get("full_traceback")
    if isinstance(before, FullTraceback):
        whole = before.after(whole)
    shown = _linked(frames.shown, None)
    error.__dict__["full_traceback"] = FullTraceback(whole, shown)
    error.with_traceback(shown)


def _line_of(trace: TracebackType) -> int:
    """Return the line of an entry; an instruction at which a signal arrived may belong to none."""
    line: Any = trace.tb_lineno  # None is possible, whatever the stubs say
    return trace.tb_frame.f_code.co_firstlineno if line is None else line


def _linked(traces: list[TracebackType], end: TracebackType | None) -> TracebackType | None:
    for trace in reversed(traces):
        end = TracebackType(end, trace.tb_frame, trace.tb_lasti, _line_of(trace))
    return end


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _log(error: BaseException) -> None:
    logger = _lazy.load("datajoint.logging").logger
    if logger.isEnabledFor(10):
        import traceback

        text = "".join(traceback.format_exception(error))
        logger.debug("%s left the library:\n%s", type(error).__name__, text)
