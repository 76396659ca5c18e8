"""Refusal of deletes, updates and populates restricted by a dict with unknown attribute names."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.algebra.plans.nodes import Query
from datajoint.errors import UnknownAttributeError
from datajoint.graph import restrict
from datajoint.heading.heading import Heading
from datajoint.query import misspelt

__all__ = ["refuse_ignored", "refuse_names"]


def refuse_ignored(query: Query, heading: Heading, label: str, deed: str) -> None:
    """Refuse rows that were chosen by a dict of unknown names: it restricts nothing, or less than was meant.

    Parameters
    ----------
    deed
        What was to happen: ``deleted``, ``updated`` …

    Raises
    ------
    UnknownAttributeError
        Naming the names and the nearest attributes.

    Examples
    --------
    >>> from datajoint.algebra.plans.nodes import Source
    >>> from datajoint.heading.names import TableName
    >>> refuse_ignored(Query(Source(TableName("lab", "rig"), Heading([]))), Heading([]), "Rig", "deleted")
    """
    if names := restrict.ignored(query.plan):
        refuse_names(names, heading, label, deed)


def refuse_names(names: Sequence[str], heading: Heading, label: str, deed: str) -> None:
    """Refuse what a dict of unknown names would do.

    Examples
    --------
    >>> refuse_names(["speces"], Heading([]), "Subject", "deleted")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    datajoint.errors.UnknownAttributeError: `Subject` is restricted by a dict of which `speces` is no ...
    """
    what, meant = misspelt.describe(names, heading)
    raise UnknownAttributeError(
        f"`{label}` is restricted by a dict of which {what}: it does not restrict, and more than was meant "
        f"would be {deed}.",
        hint=f"{meant} Leave names out that are meant for another table.",
    )
