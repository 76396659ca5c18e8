"""Manual, Lookup, Imported, Computed and Part tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from datajoint._edge import edge
from datajoint.compute.autopopulate import AutoPopulate
from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, LOOKUP, MANUAL, PART
from datajoint.provenance.traceable import Traceable
from datajoint.table.meta import class_level
from datajoint.table.table import Table
from datajoint.tiers import contents as reconciling

if TYPE_CHECKING:
    from datajoint.tiers.contents import ContentsReport

__all__ = ["Computed", "Imported", "Lookup", "Manual", "Part", "UserTable"]


class UserTable(Traceable, Table):
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


@class_level
class _Contents:
    """What a class does with the rows that come with its code."""

    def update_contents(
        self, policy: str = "update", *, dry_run: bool = False, prompt: bool | None = None
    ) -> ContentsReport:
        r"""Bring the stored rows to the `contents` of the class; show which results become stale.

        All is done in one transaction. Rows are changed in place, so that rows that refer to them stay.

        Parameters
        ----------
        policy
            ``add``: insert missing rows only. ``update``: change values that differ, too. ``exact``: also
            delete rows that the contents lack, which is refused where other rows refer to them.
        dry_run
            Change nothing.
        prompt
            Show the differences and ask first; default is the setting ``safemode``.

        Returns
        -------
        ContentsReport
            What differs, and how many rows become stale.

        Raises
        ------
        DataJointError
            When the contents are no valid rows, before anything is changed.
        IntegrityError
            When other rows refer to rows that would be deleted.
        TransactionError
            Inside a transaction.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Method(dj.Lookup):
        ...     definition = "method : varchar(20)\n---\nthreshold : float64"
        ...     contents = [{"method": "fast", "threshold": 0.5}]
        >>> Method.contents = [{"method": "fast", "threshold": 0.7}]
        >>> Method.update_contents(prompt=False)
        `Method` and its contents, policy 'update':
          changed: method='fast': threshold 0.5 -> 0.7
        >>> Method.fetch1("threshold")
        0.7
        """
        return reconciling.update_contents(cast("Table", self), policy, dry_run, prompt)


class Lookup(_Contents, UserTable):
    """Rows come with the code, as `contents` (TAB-6).

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Species(dj.Lookup):
    ...     definition = "species : varchar(20)"
    ...     contents = [{"species": "mouse"}, {"species": "rat"}]
    >>> len(Species)
    2
    """

    tier = LOOKUP

    contents: Any = ()
    """Rows to be there: tuples or dicts."""


class Imported(AutoPopulate, UserTable):
    r"""Rows are made by `make` from data outside the database.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class File(dj.Lookup):
    ...     definition = "path : varchar(200)"
    ...     contents = [{"path": "a.txt"}]
    >>> @schema
    ... class Text(dj.Imported):
    ...     definition = "-> File\n---\nlength : int32"
    ...
    ...     def make(self, key):
    ...         self.insert1({**key, "length": len(key["path"])})
    >>> Text.populate()
    {'success_count': 1, 'error_list': []}
    """

    tier = IMPORTED


class Computed(AutoPopulate, UserTable):
    r"""Rows are made by `make` from other tables.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Number(dj.Lookup):
    ...     definition = "n : int32"
    ...     contents = [{"n": 3}]
    >>> @schema
    ... class Square(dj.Computed):
    ...     definition = "-> Number\n---\nsquare : int32"
    ...
    ...     def make(self, key):
    ...         self.insert1({**key, "square": key["n"] ** 2})
    >>> Square.populate()
    {'success_count': 1, 'error_list': []}
    >>> Square.fetch1()
    {'n': 3, 'square': 9}
    """

    tier = COMPUTED


@class_level
class _Owned:
    """What a part knows of its master."""

    _master: ClassVar[type[UserTable] | None] = None

    @property
    def master(self) -> Any:
        """Class of the master table."""
        return self._master


@edge
class Part(_Owned, UserTable):
    r"""Rows belong to a row of the master table in whose class this class stands (TAB-8).

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Scan(dj.Manual):
    ...     definition = "scan : int32"
    ...
    ...     class Cell(dj.Part):
    ...         definition = "-> master\ncell : int16"
    >>> Scan.Cell.primary_key
    ['scan', 'cell']
    """

    tier = PART

    def drop(
        self, prompt: bool | None = None, part_integrity: str = "enforce", *, force: bool | None = None
    ) -> None:
        """Refuse, unless ``part_integrity='ignore'``: a part is dropped with its master (DEL-9)."""
        if part_integrity != "ignore":
            raise DataJointError(
                "Cannot drop a Part directly. Drop the master instead.",
                hint="Or pass part_integrity='ignore' to drop the part alone.",
            )
        super().drop(prompt, part_integrity, force=force)
