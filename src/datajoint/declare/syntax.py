"""What a definition says, line by line, each part with its place in the text."""

from __future__ import annotations

from datajoint._value import Value
from datajoint.heading.attribute import Default
from datajoint.heading.types import AttributeType

__all__ = [
    "AttributeLine",
    "CheckLine",
    "Definition",
    "ForeignKeyLine",
    "IndexLine",
    "Line",
    "Reference",
    "Span",
]


class Span(Value):
    """A place in a text: number of the line, from 1; first column and the column after the last, from 0."""

    line: int
    start: int
    end: int


class Reference(Value):
    """Text of a reference to a parent table.

    Attributes
    ----------
    path
        Dotted name of the table: ``Subject``, ``lab.Subject``, ``Scan.Cell``, ``master``, ``self.source``.
    renames
        Pairs (name in the child, name in the parent); the latter is empty where an older form leaves it out.
    text
        As written.
    """

    path: str
    renames: tuple[tuple[str, str], ...] = ()
    text: str = ""


class AttributeLine(Value):
    """``name [= default] : type [# comment]``."""

    name: str
    dtype: AttributeType
    default: Default | None
    comment: str
    in_key: bool
    span: Span


class ForeignKeyLine(Value):
    """``-> [options] reference``; the options are ``nullable`` and ``unique``."""

    reference: Reference
    options: frozenset[str]
    in_key: bool
    span: Span


class IndexLine(Value):
    """``[unique] index (columns)``; a column may be an SQL expression in parentheses or a JSON path."""

    columns: tuple[str, ...]
    unique: bool
    span: Span


class CheckLine(Value):
    """``check [name] (condition) [# comment]``; the name is empty when not given."""

    name: str
    condition: str
    comment: str
    span: Span


Line = AttributeLine | ForeignKeyLine | IndexLine | CheckLine


class Definition(Value):
    """A definition that was read.

    Attributes
    ----------
    table
        Name for messages, may be empty.
    comment
        Comment of the table.
    lines
        In order; attributes and references know on which side of the divider they stand.
    text
        As written.
    """

    table: str
    comment: str
    lines: tuple[Line, ...]
    text: str
