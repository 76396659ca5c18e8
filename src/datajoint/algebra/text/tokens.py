"""Tokens of the SQL text of a user, and errors that point into it."""

from __future__ import annotations

import re
from typing import NamedTuple

from datajoint.errors import QuerySyntaxError

__all__ = ["Token", "syntax_error", "tokenize"]

_TOKEN = re.compile(
    r"""(?P<space>\s+|--(?=\s|$)[^\n]*|\#[^\n]*|/\*(?!!|\+|M!).*?\*/)
    |(?P<hex>[xX]'[0-9a-fA-F]*')
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<tick>`(?:[^`]|``)+`)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<word>[^\W\d]\w*)
    |(?P<op><=>|<>|!=|==|<=|>=|\|\||&&|::|->>|->|<<|>>|!~\*|~\*|!~|/(?!\*)|[-+*%=<>!(),.&|^~\[\]:])
    """,
    re.VERBOSE | re.DOTALL,
)
_REFUSED = {
    "'": ("the string that begins here has no end", "Write a quote inside a string twice: 'it''s'."),
    '"': ("the string that begins here has no end", None),
    "`": ("the name that begins here has no end", None),
    ";": (
        "only one expression may be given",
        "Statements cannot be given as text; restrict by one condition.",
    ),
    "?": ("placeholders are not known here", "Put the value itself into the text, or restrict by a dict."),
    "@": ("variables are not known here", None),
    "$": ("placeholders are not known here", "Put the value itself into the text, or restrict by a dict."),
    **dict.fromkeys("\u201c\u201d\u2018\u2019", ("typographic quotes have no meaning here", "Write 'text'.")),
    "{": ("`{` has no meaning here", "Is the `f` of an f-string missing?"),
    "}": ("`}` has no meaning here", "Is the `f` of an f-string missing?"),
}


class Token(NamedTuple):
    """A piece of text: hex, string, quoted, tick, number, word, op or end; the `value` is without quotes."""

    kind: str
    value: str
    start: int


def syntax_error(text: str, start: int, problem: str, hint: str | None = None) -> QuerySyntaxError:
    """Return the error that shows a text with a caret under the place where it cannot be read.

    Examples
    --------
    >>> print(syntax_error("a = = 1", 4, "a value is missing before `=`"))
    Cannot read at character 5: a value is missing before `=`.
        a = = 1
            ^
    """
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:].split("\n", 1)[0]
    column = start - begin
    if column > 70:
        line, column = "…" + line[column - 40 :], 41
    message = (
        f"Cannot read at character {start + 1}: {problem}.\n    {line[:110].rstrip()}\n    {' ' * column}^"
    )
    return QuerySyntaxError(message, hint=hint, text=text, position=start)


def _refuse(text: str, start: int) -> QuerySyntaxError:
    if text.startswith("/*", start):
        if text[start + 2 : start + 3] in ("!", "+", "M") and "*/" in text[start:]:
            return syntax_error(text, start, "a comment that a database would execute is refused")
        return syntax_error(text, start, "the comment that begins here has no end")
    if text[start].isdigit():
        word = re.split(r"[^\w.]", text[start:], maxsplit=1)[0]
        return syntax_error(text, start, f"`{word}` is neither number nor name")
    problem, hint = _REFUSED.get(text[start], (f"`{text[start]}` has no meaning here", None))
    return syntax_error(text, start, problem, hint)


def tokenize(text: str) -> list[Token]:
    r"""Split a text into tokens without blanks and comments; the last one is ``end``.

    Raises
    ------
    QuerySyntaxError
        At a character that begins no token.

    Examples
    --------
    >>> [token.value for token in tokenize("a >= 'it''s' -- comment")]
    ['a', '>=', "it's", '']
    """
    tokens: list[Token] = []
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise syntax_error(
            text, error.start, f"{text[error.start]!r} is half of a surrogate pair, which no database stores"
        ) from None
    position, end = 0, len(text)
    match_at = _TOKEN.match
    while position < end:
        match = match_at(text, position)
        if match is None:
            raise _refuse(text, position)
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, _value(kind, match.group()), position))
        position = match.end()
    tokens.append(Token("end", "", len(text.rstrip())))
    return tokens


def _value(kind: str, found: str) -> str:
    if kind in ("string", "quoted", "tick"):
        quote = found[0]
        return found[1:-1].replace(quote * 2, quote)
    return found[2:-1] if kind == "hex" else found
