"""What commands write: aligned tables, JSON, errors."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import click

from datajoint._printed import cell, printable
from datajoint.errors import DataJointError

__all__ = [
    "bar",
    "clip",
    "dim",
    "fitted",
    "folded",
    "json_text",
    "key_text",
    "say",
    "show_error",
    "time_text",
    "write_columns",
    "write_json",
]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ROOMS = "backends|compute|engine|executors|jobs|journal|make|query|table"
_OURS = re.compile(rf'  File "[^"]*[\\/]datajoint[\\/]({_ROOMS})[\\/]')
_GAP = "  "


def dim(text: str) -> str:
    """Return a text for the second glance."""
    return click.style(text, dim=True) if text else ""


def say(text: str = "", err: bool = False, nl: bool = True) -> None:
    """Write a text; of what controls a terminal, only styles are let through."""
    pieces = enumerate(re.split(f"({_ANSI.pattern})", text))
    click.echo("".join(piece if n % 2 else printable(piece) for n, piece in pieces), err=err, nl=nl)


def show_error(error: DataJointError) -> None:
    """Write an error: number, short name, what, what to do."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
    name = "error" if words in ("data joint", "") else words
    head = click.style(f"{error.code} {name}:", fg="red", bold=True)
    say(f"{head} {printable(error.message)}", err=True)
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause) not in str(error.message):
        say(f"{dim('cause:')} {type(cause).__name__}: {printable(str(cause).splitlines()[0])}", err=True)
    for hint in error.hints:
        say(f"{click.style('hint:', fg='cyan')} {printable(hint)}", err=True)


def write_json(value: Any) -> None:
    """Write a value as JSON."""
    say(json_text(value))


def json_text(value: Any) -> str:
    """Return a value as JSON.

    Examples
    --------
    >>> print(json_text({"day": dt.date(2026, 1, 2)}))
    {
      "day": "2026-01-02"
    }
    """
    text = json.dumps(value, default=_plain, indent=2, ensure_ascii=False)
    return text if printable(text) == text else json.dumps(value, default=_plain, indent=2)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


def key_text(key: Mapping[str, Any]) -> str:
    """Return a key as it is written behind ``--key``.

    Examples
    --------
    >>> key_text({"subject_id": 3, "day": dt.date(2026, 1, 2)})
    'subject_id=3 day=2026-01-02'
    """
    return " ".join(f"{name}={_quoted(cell(str(value)))}" for name, value in key.items())


def _quoted(text: str) -> str:
    return f"'{text}'" if " " in text or not text else text


def time_text(time: dt.datetime | None) -> str:
    """Return a time to the second."""
    return "" if time is None else time.replace(microsecond=0).isoformat(" ")


def bar(done: int, total: int, width: int = 12) -> str:
    """Return how much is done as a bar; full only if all is.

    Examples
    --------
    >>> len(bar(1, 3, 6))
    6
    """
    filled = width if done >= total else min(width - 1, width * done // total)
    full, empty = ("█", "░") if (sys.stdout.encoding or "").lower().startswith("utf") else ("#", ".")
    return full * filled + empty * (width - filled)


def width_of(text: str) -> int:
    """Return how many columns a text takes.

    Examples
    --------
    >>> width_of(click.style("ab", fg="red")), width_of("猫")
    (2, 2)
    """
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in _ANSI.sub("", text))


def clip(text: str, width: int) -> str:
    """Return a text of one line that takes no more than so many columns.

    Examples
    --------
    >>> clip("a long story", 7)
    'a long…'
    """
    text = printable(" ".join(text.split()))
    if width_of(text) <= width:
        return text
    while text and width_of(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def fitted(line: str) -> str:
    """Return a line with styles that ends where a terminal does; in a file as it is.

    Examples
    --------
    >>> fitted("a line")
    'a line'
    """
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if not room or width_of(line) <= room:
        return line
    kept, width = "", 0
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        for part in [piece] if _ANSI.fullmatch(piece) else piece:
            width += width_of(part)
            kept += part if width < room or _ANSI.fullmatch(part) else ""
    return f"{kept}…"


def folded(stack: str) -> str:
    """Return a traceback without the frames of this package, which tell a user nothing.

    Examples
    --------
    >>> print(
    ...     folded('''Traceback:
    ...   File "/lib/datajoint/make/make.py", line 82, in make
    ...     run()
    ...   File "/home/lab.py", line 2, in make
    ...     1 / 0
    ... ZeroDivisionError''')
    ... )
    Traceback:
      File "/home/lab.py", line 2, in make
        1 / 0
    ZeroDivisionError
    """
    kept: list[str] = []
    ours = False
    for line in stack.splitlines():
        if line.startswith('  File "'):
            ours = bool(_OURS.match(line))
        elif not line.startswith("    "):
            ours = False
        if not ours:
            kept.append(line)
    return "\n".join(kept)


def write_columns(
    titles: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[int] = (), indent: str = ""
) -> None:
    """Write aligned columns; the last one is cut where a terminal ends, and never in a file.

    Parameters
    ----------
    right
        Columns, by number, that end together: those of numbers.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(width_of(line[n]) for line in ([*map(str, titles)], *cells)) for n in range(len(titles))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    last = room - len(indent) - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    if room and last >= 10:
        widths[-1] = min(widths[-1], last)
        cells = [
            [*line[:-1], clip(line[-1], last) if width_of(line[-1]) > last else line[-1]] for line in cells
        ]
    for line, style in ((titles, dim), *((line, str) for line in cells)):
        texts = [
            _padded(style(text), width, n in right)
            for n, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        say((indent + _GAP.join(texts)).rstrip())


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - width_of(text))
    return space + text if right else text + space
