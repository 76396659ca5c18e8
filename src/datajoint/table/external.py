"""Names of the tables in which 0.1x counted the objects of its stores, for annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from datajoint.errors import DataJointError
from datajoint.table.table import Table

__all__ = ["ExternalMapping", "ExternalTable"]

_REFUSED = "`{}` is of version 0.1x, whose stores were counted in tables `~external_…`; there are none here."
_HINT = "Read the tables as `dj.FreeTable('schema.~external_store')`."


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


class ExternalMapping(Mapping[str, Any]):
    """The tables of all stores of a schema, which is empty; a store that is asked for is refused.

    Code that goes through all stores, to clean them up, finds none. Where 0.1x has left such tables, it is
    refused, too: they hold objects.

    Parameters
    ----------
    schema
        Name of the schema.
    tables
        Names of the tables that 0.1x has left in it.

    Examples
    --------
    >>> stores = ExternalMapping("lab")
    >>> list(stores.values())
    []
    >>> stores["raw"]
    Traceback (most recent call last):
    datajoint.errors.DataJointError: `external['raw']` is of version 0.1x, ...
    """

    def __init__(self, schema: str, tables: Sequence[str] = ()) -> None:
        self._schema = schema
        self._tables = tuple(tables)

    def __getitem__(self, store: str) -> NoReturn:
        raise DataJointError(_REFUSED.format(f"external[{store!r}]"), hint=_HINT)

    def __contains__(self, store: object) -> bool:
        return any(True for _ in self)

    def __iter__(self) -> Iterator[str]:
        if self._tables:
            raise DataJointError(
                f"Version 0.1x has left `{'`, `'.join(self._tables)}` in `{self._schema}`, which count "
                "objects in stores.",
                hint=_HINT,
            )
        return iter(())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return "no stores"
