"""Attributes that a definition says to have had another name: ``new : type  # {old} comment``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from datajoint._value import replace
from datajoint.declare.spec import Check, Index, TableSpec
from datajoint.errors import DeclarationError
from datajoint.heading.attribute import Attribute

__all__ = ["former_name", "mentioned", "plain_comment", "rename", "renames"]

_FORMER = re.compile(r"(?:\{(?P<braced>\w+)\}|was:\s*(?P<word>\w+)\b[,;.]?)\s*", re.ASCII)
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")


def former_name(comment: str) -> str | None:
    """Return the name that a comment says the attribute had, None where it says none.

    Examples
    --------
    >>> former_name("{weight} in grams"), former_name("was: weight; in grams"), former_name("in grams")
    ('weight', 'weight', None)
    """
    match = _FORMER.match(comment)
    return match and (match["braced"] or match["word"])


def plain_comment(comment: str) -> str:
    """Return a comment without the former name.

    Examples
    --------
    >>> plain_comment("{weight} in grams")
    'in grams'
    """
    match = _FORMER.match(comment)
    return comment[match.end() :] if match else comment


def renames(found: TableSpec, wanted: TableSpec, strict: bool = False) -> dict[str, str]:
    """Return which attributes of a table have a new name in its definition: ``{old: new}``.

    A former name counts only where the table has it and lacks the new one: it may stay in the definition
    after the table was altered.

    Parameters
    ----------
    strict
        Refuse what is not clear; else it counts as no rename.

    Raises
    ------
    DeclarationError
        When two attributes say that they were the same one, or it is not clear which one is meant.

    Examples
    --------
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> old, new = (
    ...     TableSpec(TableName("lab", "a"), (Attribute(name, parse_type("int8"), comment=comment),), ())
    ...     for name, comment in (("x", ""), ("y", "{x} number"))
    ... )
    >>> renames(old, new)
    {'x': 'y'}
    """
    there, defined = {a.name for a in found.attributes}, {a.name for a in wanted.attributes}
    found_names: dict[str, str] = {}
    for attribute in wanted.attributes:
        old, new = former_name(attribute.comment), attribute.name
        if old is None or old == new or old not in there:
            continue
        problem = _problem(old, new, there, defined, found_names)
        if strict and problem is not None:
            raise DeclarationError(
                f"In the definition of `{wanted.name.class_name}` {problem[0]}.", hint=problem[1]
            )
        if new not in there and old not in defined:
            found_names.setdefault(old, new)
    return found_names


def _problem(
    old: str, new: str, there: set[str], defined: set[str], found: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return why it is not clear whether a rename is meant, and what to do."""
    if new in there:
        if old in defined:
            return None
        return (
            f"`{new}` says that it was `{old}`, and the table has both",
            f"Keep `{old}` in the definition, or leave its name out of the comment.",
        )
    if old in defined:
        return (
            f"`{new}` says that it was `{old}`, which the definition has, too",
            f"Rename in two steps, or leave `{old}` out of the comment.",
        )
    if old in found:
        return (
            f"`{found[old]}` and `{new}` both say that they were `{old}`",
            "Only one attribute can take its values.",
        )
    return None


def rename(spec: TableSpec, names: Mapping[str, str]) -> TableSpec:
    """Return a table with other names of some attributes, in its indexes, references and checks, too."""
    if not names:
        return spec

    def renamed(columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(column, column) for column in columns)

    def attribute(a: Attribute) -> Attribute:
        return replace(a, name=names[a.name]) if a.name in names else a

    def check(c: Check) -> Check:
        return replace(c, condition=_WORD.sub(lambda word: names.get(word[0], word[0]), c.condition))

    return replace(
        spec,
        attributes=tuple(map(attribute, spec.attributes)),
        foreign_keys=tuple(replace(key, columns=renamed(key.columns)) for key in spec.foreign_keys),
        indexes=tuple(Index(renamed(i.columns), i.unique, i.sparse) for i in spec.indexes),
        checks=tuple(map(check, spec.checks)),
    )


def mentioned(check: Check) -> set[str]:
    """Return the words of a check, the names of attributes among them.

    Examples
    --------
    >>> sorted(mentioned(Check("adult", "age > 18")))
    ['age']
    """
    return set(_WORD.findall(check.condition))
