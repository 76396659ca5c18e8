"""Dicts whose names are no attributes: a query takes them, with a warning; nobody may destroy by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from datajoint import logging
from datajoint.errors import nearest
from datajoint.heading.heading import Heading

__all__ = ["describe", "slips", "warn_unshared"]

_LONG_ENOUGH = 5
"""Shorter names differ by a letter without being misspelt."""


def describe(names: Iterable[str], heading: Heading) -> tuple[str, str]:
    """Phrase which names are no attributes, and which attributes may be meant.

    Examples
    --------
    >>> describe(["speces"], Heading([]))
    ('`speces` is no attribute', 'Attributes: none.')
    """
    names = list(names)
    found = [near for name in names if (near := nearest(name, heading.order, limit=1))]
    quoted = " and ".join(f"`{name}`" for name in names)
    what = f"{quoted} is no attribute" if len(names) == 1 else f"{quoted} are no attributes"
    return what, " ".join(dict.fromkeys(found)) or f"Attributes: {', '.join(heading.order) or 'none'}."


def warn_unshared(names: Iterable[str], heading: Heading) -> None:
    """Warn, once a place, that a dict restricts nothing (QRY-12)."""
    what, meant = describe(names, heading)
    logging.warn(f"A dict restricts nothing: {what} of the expression. {meant}")


def slips(names: Collection[str], heading: Heading) -> tuple[str, ...]:
    """Return the names that are no attribute, but one slip away from an attribute that is not named.

    A slip is a letter added, left out, changed or swapped inside a word: names that differ at the ends of
    words (``start_x``, ``start_y``; ``trial``, ``trials``) are names of different things.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading([Attribute("session", parse_type("int32"))])
    >>> slips(["sesion", "sessions", "rig"], heading)
    ('sesion',)
    """
    unknown = [name for name in names if len(name) >= _LONG_ENOUGH and name not in heading]
    open_ones = [name for name in heading.order if name not in names] if unknown else []
    return tuple(name for name in unknown if any(_one_slip(name, other) for other in open_ones))


def _one_slip(name: str, other: str) -> bool:
    if abs(len(name) - len(other)) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), None)
    if start is None or start == 0:
        return False
    rest, remains = name[start:], other[start:]
    ends = [(rest[1:], remains), (rest, remains[1:]), (rest[1:], remains[1:])]
    if rest[:2] == remains[1::-1]:
        ends.append((rest[2:], remains[2:]))
    return any(a == b and a[:1].isalpha() for a, b in ends) and name[start - 1].isalpha()
