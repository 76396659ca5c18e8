"""Text of others on its way to a terminal or a page."""

from __future__ import annotations

import re

__all__ = ["cell", "escape", "printable"]

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Return a text without characters that control a terminal or the direction of writing.

    They are written as Python writes them; line feeds and tabs stay.

    Examples
    --------
    >>> print(printable("a\x1b[31mb\n\u202ec"))
    a\x1b[31mb
    \u202ec
    """
    return text if text.isprintable() else _UNSEEN.sub(_code, text)


def cell(text: str) -> str:
    r"""Return a text as one line.

    Examples
    --------
    >>> cell("a\nb\tc\x07")
    'a b c\\x07'
    """
    return text if text.isprintable() else printable(text.translate(_BLANKS))


def escape(text: str) -> str:
    r"""Return a text for HTML.

    Examples
    --------
    >>> print(escape("<b>\x1b"))
    &lt;b&gt;\x1b
    """
    import html

    return html.escape(printable(text))


_BLANKS = str.maketrans("\n\t", "  ")


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
