"""Manual, Lookup, Imported, Computed and Part tables."""

from __future__ import annotations

from typing import Any, ClassVar

from datajoint.compute.populate import AutoPopulate
from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, LOOKUP, MANUAL, PART
from datajoint.table.meta import class_level
from datajoint.table.table import Table

__all__ = ["Computed", "Imported", "Lookup", "Manual", "Part", "UserTable"]


class UserTable(Table):
    """Base of the tiers."""

    tier: ClassVar[str]


class Manual(UserTable):
    """Rows are entered from outside.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.insert1({"subject_id": 1})
    """

    tier = MANUAL


class Lookup(UserTable):
    """Rows come with the code, as `contents` (TAB-6)."""

    tier = LOOKUP

    contents: Any = ()
    """Rows to be there: tuples or dicts."""


class Imported(AutoPopulate, UserTable):
    """Rows are made by `make` from data outside the database."""

    tier = IMPORTED


class Computed(AutoPopulate, UserTable):
    """Rows are made by `make` from other tables."""

    tier = COMPUTED


@class_level
class _Owned:
    """What a part knows of its master."""

    _master: ClassVar[type[UserTable] | None] = None

    @property
    def master(self) -> Any:
        """Class of the master table."""
        return self._master


class Part(_Owned, UserTable):
    """Rows belong to a row of the master table in whose class this class stands (TAB-8)."""

    tier = PART

    def drop(self, part_integrity: str = "enforce", **options: Any) -> None:
        """Refuse, unless ``part_integrity='ignore'``: a part is dropped with its master (DEL-9)."""
        if part_integrity != "ignore":
            raise DataJointError(
                "Cannot drop a Part directly. Drop the master instead.",
                hint="Or pass part_integrity='ignore' to drop the part alone.",
            )
        super().drop(part_integrity=part_integrity, **options)
