"""Cuts the text of a definition into logical lines, and a line at characters outside quotes."""

from __future__ import annotations

from collections.abc import Iterator

from datajoint.declare.syntax import Span

__all__ = ["LogicalLine", "UnclosedQuoteError", "find_outside", "logical_lines", "split_outside"]

_OPEN, _CLOSE = "([{", ")]}"


class UnclosedQuoteError(ValueError):
    """A quote is not closed; `position` is where it opens."""

    def __init__(self, position: int) -> None:
        super().__init__("this quote is not closed")
        self.position = position


class LogicalLine:
    """A line with its continuations joined, which still knows where each character stands in the text."""

    __slots__ = ("comment", "pieces", "text")

    def __init__(self) -> None:
        self.text = ""
        self.comment: str | None = None
        self.pieces: list[tuple[int, int, int]] = []  # offset in self.text, line number, column there

    def append(self, piece: str, number: int, column: int) -> None:
        """Add the code of one physical line."""
        self.pieces.append((len(self.text), number, column))
        self.text += piece

    def span(self, start: int = 0, end: int | None = None) -> Span:
        """Place in the definition of a stretch of the line."""
        end = len(self.text) if end is None else end
        end = end if end > start else start + 1
        if len(self.pieces) == 1 and start >= 0:
            _, number, column = self.pieces[0]
            return Span(number, column + start, column + end)
        offset, number, column = next(p for p in reversed(self.pieces) if p[0] <= max(start, 0))
        return Span(number, column + start - offset, column + end - offset)


def logical_lines(text: str) -> Iterator[LogicalLine]:
    r"""Yield the lines that hold something: code without comment, the comment, and the place.

    A backslash at the end of the code continues the line; within a comment it is a character like any other.

    Examples
    --------
    >>> [(line.text, line.comment) for line in logical_lines("a : enum('x', \\\n  'y#') # one\n\n# two")]
    [("a : enum('x', 'y#')", 'one'), ('', 'two')]
    """
    line = LogicalLine()
    for number, raw in enumerate(text.split("\n"), start=1):
        code = raw.strip()
        if not code and not line.pieces:
            continue
        column = len(raw) - len(raw.lstrip())
        position = _comment_start(line.text + code) - len(line.text)
        if position < len(code):
            line.comment = code[position + 1 :].strip()
            code = code[:position].rstrip()
        elif code.endswith("\\"):
            line.append(code[:-1], number, column)
            continue
        line.append(code, number, column)
        line.text = line.text.rstrip()
        if line.text or line.comment is not None:
            yield line
        line = LogicalLine()
    if line.text.strip():
        yield line


def _comment_start(text: str) -> int:
    """Position of the first ``#`` outside quotes; the length of the text when there is none."""
    first = text.find("#")
    if first < 0:
        return len(text)
    if "'" not in text and '"' not in text:
        return first
    quote = ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#":
            return position
    return len(text)


def find_outside(text: str, wanted: str, start: int = 0, nested: bool = True) -> int:
    """Return the position of the first of the `wanted` characters outside quotes, or -1.

    Parameters
    ----------
    nested
        Whether characters inside brackets count.

    Examples
    --------
    >>> find_outside("x = 'a:b' : char", ":")
    10
    """
    position, depth = start, 0
    while position < len(text):
        character = text[position]
        if character in wanted and (nested or depth == 0):
            return position
        if character in "'\"":
            end = text.find(character, position + 1)
            if end < 0:
                raise UnclosedQuoteError(position)
            position = end
        depth += (character in _OPEN) - (character in _CLOSE)
        position += 1
    return -1


def split_outside(text: str, separator: str = ",") -> list[str]:
    """Split at separators outside quotes and brackets; the parts are stripped.

    Examples
    --------
    >>> split_outside("a, (lower(b)), c")
    ['a', '(lower(b))', 'c']
    """
    parts: list[str] = []
    start = 0
    while (end := find_outside(text, separator, start, nested=False)) >= 0:
        parts.append(text[start:end].strip())
        start = end + 1
    return [*parts, text[start:].strip()]
