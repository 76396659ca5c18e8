"""Checks of a table, on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from datajoint.table.meta import class_level
from datajoint.table.rows import python_checks as checks

if TYPE_CHECKING:
    from datajoint.table.rows.python_checks import CheckOutcome
    from datajoint.table.table import Table

__all__ = ["Checking"]


@class_level
class Checking:
    """Checks of a table, on demand."""

    checks: Any = ()
    """Rules that rows keep: a list of `datajoint.Check`."""

    def run_checks(self) -> list[CheckOutcome]:
        """Run the checks of the definition and of the class on the rows that are stored.

        Returns
        -------
        list of CheckOutcome
            One for each check, true when it passed; they are kept as an event of kind ``check``.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        ...     checks = [
        ...         dj.Check("two", lambda rows: len(rows) == 2 or "there should be two", severity="warn")
        ...     ]
        >>> all(Subject.run_checks())
        False
        >>> Subject.run_checks()[0].message
        '`Subject`: the check `two` fails: there should be two.'
        """
        return checks.run_checks(cast("Table", self))
