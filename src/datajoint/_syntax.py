"""Python text as a tree, parsed the same whatever other threads do."""

from __future__ import annotations

import ast
from typing import Literal, overload

__all__ = ["parse"]

_TRIES = 100


@overload
def parse(text: str, mode: Literal["exec"] = "exec") -> ast.Module: ...
@overload
def parse(text: str, mode: Literal["eval"]) -> ast.Expression: ...
def parse(text: str, mode: str = "exec") -> ast.AST:
    """Return the tree of a text, as `ast.parse`.

    Before Python 3.13 all threads count the depth of their trees in one place. Where the garbage collector
    lets another thread parse in the midst of this one, the count is wrong at the end, and `ast.parse` raises
    an error that has nothing to do with the text.

    Examples
    --------
    >>> type(parse("1 + 1", "eval").body).__name__
    'BinOp'
    """
    for _ in range(_TRIES):
        try:
            return ast.parse(text, mode=mode)
        except SystemError:
            continue
    return ast.parse(text, mode=mode)
