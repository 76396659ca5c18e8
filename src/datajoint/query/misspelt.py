"""Names in dicts that are no attributes: refused where no table has them, and never a reason to destroy."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from datajoint import logging
from datajoint.engine.connection import Connection
from datajoint.errors import UnknownAttributeError, nearest
from datajoint.heading.heading import Heading

__all__ = ["check_names", "describe", "refuses", "slips"]

_BASE = re.compile(r"[^.\[]*")

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


def refuses(connection: Connection) -> bool:
    """Whether a name that no table has is an error, by the setting ``query.unknown_names``."""
    return connection.config.query.unknown_names == "error"


def check_names(names: Sequence[str], heading: Heading, connection: Connection, restricts: bool) -> None:
    """Check the names in a dict that are no attributes of an expression (QRY-12).

    Names of other tables are left alone: a key of one table restricts another by what they share.

    Parameters
    ----------
    restricts
        Whether other names of the dict are attributes.

    Raises
    ------
    UnknownAttributeError
        For a name that no table has, unless ``query.unknown_names`` is ``warn`` or ``ignore``.
    """
    mode = connection.config.query.unknown_names
    if mode == "error":
        _refuse_unknown(names, heading, connection)
    elif mode == "warn" and not restricts:
        what, meant = describe(names, heading)
        logging.warn(f"A dict restricts nothing: {what} of the expression. {meant}")


def _refuse_unknown(names: Sequence[str], heading: Heading, connection: Connection) -> None:
    bases = {name: found[0] for name in names if (found := _BASE.match(name))}
    missing = set(connection.catalog.unknown_attributes(bases.values()))
    if not missing:
        return
    what, meant = describe(dict.fromkeys(base for base in bases.values() if base in missing), heading)
    raise UnknownAttributeError(
        f"A dict restricts by a name that no table has: {what} of the expression, nor of another table.",
        hint=f"{meant} To let such names pass, set dj.config['query.unknown_names'] = 'warn' or 'ignore'.",
    )


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
