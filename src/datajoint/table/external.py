"""Names for the tables in which 0.1x counted the objects in its stores; annotations mention them."""

from __future__ import annotations

from typing import Any, NoReturn

from datajoint.errors import DataJointError
from datajoint.table.table import Table

__all__ = ["ExternalMapping", "ExternalTable"]

_REFUSED = "`{}` is of version 0.1x, whose stores were counted in tables `~external_…`; there are none here."
_HINT = (
    "Read the tables as `dj.FreeTable('schema.~external_store')`; object stores come with a later release."
)


class ExternalTable(Table):
    """The objects of one store; cannot be made.

    Examples
    --------
    >>> ExternalTable()
    Traceback (most recent call last):
    datajoint.errors.DataJointError: `ExternalTable` is of version 0.1x, ...
    """

    def __init__(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise DataJointError(_REFUSED.format("ExternalTable"), hint=_HINT)


class ExternalMapping:
    """The tables of all stores; cannot be made.

    Examples
    --------
    >>> ExternalMapping(schema=None)
    Traceback (most recent call last):
    datajoint.errors.DataJointError: `ExternalMapping` is of version 0.1x, ...
    """

    def __init__(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise DataJointError(_REFUSED.format("ExternalMapping"), hint=_HINT)
