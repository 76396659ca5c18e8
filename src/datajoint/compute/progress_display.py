"""Lines of progress: live on a terminal, as HTML in a notebook, now and then in a log."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from datajoint._printed import escape, printable

if TYPE_CHECKING:
    from datajoint.compute.bar import Bar

__all__ = ["Display", "choose", "duration", "rate_text"]

_WIDTH = 20
_TICK_SECONDS = 0.25
_LIVE_SECONDS = 0.1
_PLAIN_SECONDS = 2.0
"""Between two lines of a log, if a tenth more is done; otherwise _LONGEST_SECONDS."""
_LONGEST_SECONDS = 30.0
_RED, _GREEN, _DIM, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"


class Display(Protocol):
    """Shows bars."""

    lock: threading.RLock
    """Held while bars change."""

    def changed(self) -> None:
        """Show what has changed, if it is time."""
        ...

    def close(self) -> None:
        """Show the end."""
        ...


def choose(bars: Sequence[Bar]) -> Display:
    """Return what shows bars here.

    Examples
    --------
    >>> choose([]).close()
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is not None:
        return _Notebook(bars)
    if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return _Terminal(bars)
    return _Log(bars)


# ---------------------------------------------------------------------------------------------------- texts


def duration(seconds: float) -> str:
    """Return a duration as people read it.

    Examples
    --------
    >>> duration(3.21), duration(75), duration(7500)
    ('3.2 s', '1:15 min', '2:05 h')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"


def rate_text(rate: float) -> str:
    """Return how many keys are made in some time, or how long one takes.

    Examples
    --------
    >>> rate_text(123.4), rate_text(4.21), rate_text(0.5), rate_text(0.005)
    ('123/s', '4.2/s', '30/min', '3:20 min each')
    """
    if rate >= 100:
        return f"{rate:.0f}/s"
    if rate >= 1:
        return f"{rate:.1f}/s"
    return f"{60 * rate:.0f}/min" if rate > 1 / 20 else f"{duration(1 / rate)} each"


def _times(bar: Bar, now: float, last: bool) -> list[str]:
    """Return the rate and what is left, or how long it took."""
    if bar.finished >= bar.total or last:
        return [f"in {duration(bar.seconds(bar.ended or now))}"] if bar.started is not None or last else []
    rate = bar.rate(now)
    return [rate_text(rate), f"about {duration((bar.total - bar.finished) / rate)} left"] if rate else []


def _remarks(bar: Bar) -> list[str]:
    return [
        *([f"{bar.reused} reused"] if bar.reused else []),
        *([f"{bar.failed} failed"] if bar.failed else []),
        *([f"{bar.empty} skipped"] if bar.empty else []),
        *([f"{bar.skipped} made by others"] if bar.skipped else []),
    ]


def _filled(bar: Bar, width: int) -> int:
    """Return how much of a bar is full; all of it only when all is done."""
    if bar.finished >= bar.total:
        return width
    return min(width - 1, width * bar.finished // bar.total)


# ------------------------------------------------------------------------------------------------------ log


class _Log:
    """Writes a line now and then."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self.lock = threading.RLock()
        self._bars = bars
        now = time.monotonic()
        self._written: list[tuple[float, int]] = [(now, 0) for _ in bars]

    def changed(self) -> None:
        now = time.monotonic()
        for n, bar in enumerate(self._bars):
            at, finished = self._written[n]
            tenth = (bar.finished - finished) * 10 >= bar.total
            if bar.finished > finished and now - at >= (_PLAIN_SECONDS if tenth else _LONGEST_SECONDS):
                self._written[n] = (now, bar.finished)
                self._write(bar, now)

    def close(self) -> None:
        active = [bar for bar in self._bars if bar.total or len(self._bars) == 1]
        for bar in active:
            self._write(bar, time.monotonic(), last=True)

    def _write(self, bar: Bar, now: float, last: bool = False) -> None:
        percent = 100 * bar.finished // bar.total if bar.total else 100
        times = _times(bar, now, last)
        after = f" {times[0]}" if last and times else ", ".join(["", *times])
        rest = ", ".join(["", *_remarks(bar)])
        sys.stderr.write(f"{bar.label}: {bar.finished}/{bar.total} ({percent}%){after}{rest}\n")
        sys.stderr.flush()


# ------------------------------------------------------------------------------------------------- terminal


class _Above:
    """A stream whose text goes above the live lines."""

    def __init__(self, terminal: _Terminal, stream: Any) -> None:
        self._terminal, self._stream = terminal, stream

    def write(self, text: str) -> int:
        return self._terminal.above(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Terminal:
    """Keeps a line for each table at the bottom, and what is printed above them."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self.lock = threading.RLock()
        self._bars, self._stream, self._pid = bars, sys.stderr, os.getpid()
        self._lines, self._shown = 0, ""
        self._drawn, self._within_line, self._ended = 0.0, False, threading.Event()
        self._before = sys.stdout, sys.stderr
        self._ours: tuple[Any, Any] = (
            _Above(self, sys.stdout) if sys.stdout is not None and sys.stdout.isatty() else sys.stdout,
            _Above(self, sys.stderr),
        )
        sys.stdout, sys.stderr = self._ours
        self._clock = threading.Thread(target=self._tick, daemon=True)
        self._clock.start()
        self._draw()

    def changed(self) -> None:
        if time.monotonic() - self._drawn >= _LIVE_SECONDS:
            self._draw()

    def close(self) -> None:
        self._ended.set()
        self._clock.join()
        for name, ours, before in zip(("stdout", "stderr"), self._ours, self._before, strict=True):
            if getattr(sys, name) is ours:  # else a make has put something there, and left it
                setattr(sys, name, before)
        with self.lock:
            self._put(("\n" if self._within_line else "") + self._erase() + self._text(last=True) + "\n")

    def above(self, stream: Any, text: str) -> int:
        """Write a text of somebody else."""
        if os.getpid() != self._pid or not text:  # a fork draws nothing, and the lock is not its own
            return int(stream.write(text))
        with self.lock:
            self._put(self._erase())
            count = int(stream.write(text))
            stream.flush()
            self._within_line = not text.endswith("\n")
            self._draw()
        return count

    def _tick(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            self._draw()

    def _draw(self) -> None:
        with self.lock:
            if self._within_line or self._ended.is_set():
                return
            erase, text = self._erase(), self._text()
            if text != self._shown or not erase:
                self._put(erase + text)
                self._shown = text
            self._drawn = time.monotonic()

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _erase(self) -> str:
        lines, self._lines = self._lines, 0
        if not lines:
            return ""
        return "\r" + (f"\x1b[{lines - 1}A" if lines > 1 else "") + "\x1b[J"

    def _text(self, last: bool = False) -> str:
        """Return the lines, as many as there is room for, those of tables at work first."""
        size, now = shutil.get_terminal_size(), time.monotonic()
        bars = [bar for bar in self._bars if bar.total or len(self._bars) == 1]
        if not last and len(bars) >= size.lines:
            bars = [bar for bar in bars if bar.running or 0 < bar.finished < bar.total][: size.lines - 1]
        names = max((len(bar.label) for bar in bars), default=0)
        numbers = max((len(str(bar.total)) for bar in bars), default=0) * 2 + 1
        lines = [self._line(bar, names, numbers, size.columns - 1, now, last) for bar in bars]
        self._lines = len(lines)
        return "\n".join(lines)

    def _line(self, bar: Bar, names: int, numbers: int, room: int, now: float, last: bool) -> str:
        full, empty = ("█", "░") if (self._stream.encoding or "").lower().startswith("utf") else ("#", ".")
        filled = _filled(bar, _WIDTH)
        running = [f"{bar.running} running"] if bar.running and not last else []
        start = f"{bar.label:<{names}}  "
        middle = f"  {f'{bar.finished}/{bar.total}':>{numbers}}  "
        rest = ", ".join([*_times(bar, now, last), *running, *_remarks(bar)])
        rest = printable(rest)[: max(0, room - len(start) - _WIDTH - len(middle))]
        if os.environ.get("NO_COLOR"):
            return start + full * filled + empty * (_WIDTH - filled) + middle + rest
        failed = f"{bar.failed} failed"
        rest = rest.replace(failed, f"{_RED}{failed}{_PLAIN}") if bar.failed else rest
        return (
            f"{start}{_GREEN}{full * filled}{_PLAIN}{_DIM}{empty * (_WIDTH - filled)}{_PLAIN}{middle}{rest}"
        )


# ------------------------------------------------------------------------------------------------- notebook


class _Notebook:
    """Shows a small table that changes in place."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        from importlib import import_module

        shown: Any = import_module("IPython.display")
        self.lock = threading.RLock()
        self._bars, self._html, self._drawn = bars, shown.HTML, time.monotonic()
        self._handle = shown.display(self._html(self._text()), display_id=True)

    def changed(self) -> None:
        if time.monotonic() - self._drawn >= _TICK_SECONDS:
            self._draw()

    def close(self) -> None:
        self._draw(last=True)

    def _draw(self, last: bool = False) -> None:
        self._drawn = time.monotonic()
        if self._handle is not None:
            self._handle.update(self._html(self._text(last)))

    def _text(self, last: bool = False) -> str:
        now, rows = time.monotonic(), ""
        for bar in self._bars:
            if not bar.total and len(self._bars) > 1:
                continue
            rest = escape(", ".join([*_times(bar, now, last), *_remarks(bar)]))
            rows += (
                f'<tr><td style="text-align:left">{escape(bar.label)}</td>'
                f'<td><progress max="{bar.total or 1}" value="{bar.finished if bar.total else 1}" '
                f'style="width:12em"></progress></td>'
                f'<td style="text-align:right">{bar.finished}/{bar.total}</td>'
                f'<td style="text-align:left">{rest}</td></tr>'
            )
        return f'<table class="dj-progress" style="border:none">{rows}</table>'
