"""Reads the text of a reference, which is Python in form and never evaluated."""

from __future__ import annotations

import re
from keyword import iskeyword

from datajoint.declare import projection
from datajoint.declare.syntax import Reference
from datajoint.errors import DefinitionSyntaxError

__all__ = ["parse_reference"]

_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


def parse_reference(text: str) -> Reference:
    """Read ``Table``, ``module.Table``, ``Master.Part`` or one of these with ``.proj(new='old')``.

    Empty parentheses after a name, as in ``self().source``, mean nothing.

    Raises
    ------
    DefinitionSyntaxError
        When it cannot be read.
    ForeignKeyTargetError
        When it is an expression other than a table or its rename (FK-3).

    Examples
    --------
    >>> parse_reference("lab.Subject.proj(mouse='subject')")
    Reference(path='lab.Subject', renames=(('mouse', 'subject'),), text="lab.Subject.proj(mouse='subject')")
    """
    if not text:
        raise DefinitionSyntaxError("expected the name of a table after `->`")
    if _PATH.fullmatch(text) and not any(map(iskeyword, text.split("."))):
        return Reference(text, (), text)
    return projection.read(text)
