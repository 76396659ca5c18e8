"""Tables: expressions with write methods."""

from __future__ import annotations

from typing import Any

from datajoint.algebra.plans import hidden
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression
from datajoint.sql.system import EVENTS
from datajoint.table.alter import alter as altering
from datajoint.table.bound import Binding
from datajoint.table.delete.delete import Deleting
from datajoint.table.family import Family
from datajoint.table.meta import class_level
from datajoint.table.rows import python_checks
from datajoint.table.rows.check import CheckOutcome
from datajoint.table.writes import Writing

__all__ = ["Table"]


@class_level
class Table(Writing, Deleting, Family):
    """A table of the database: a query that can be inserted into, updated, deleted from and dropped.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> issubclass(Subject, dj.Table), Subject.table_name, Subject.database
    (True, 'subject', 'lab')
    """

    def with_metadata(self) -> QueryExpression:
        """Return the rows with the hidden columns as attributes: `event`, the event that wrote the row.

        Columns of older releases come without their underscore, too, such as `job_duration`.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> Subject.with_metadata().heading.names
        ['subject_id', 'event']
        """
        return self._derived(hidden.reveal(self.query, {"_event": f"{self.database}.{EVENTS}.event"}))

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
        return python_checks.run_checks(self)

    def alter(self, prompt: bool | None = None, context: dict[str, Any] | None = None) -> None:
        r"""Bring the table to the definition of its class, with its rows and their history (ALT-1).

        Attributes that are no part of keys or references are added, dropped and converted to other types;
        defaults, comments, checks and indexes change with the definition. An attribute is renamed where its
        comment begins with the former name: ``new : int32 # {old} comment``. What is about to change is shown
        first. Values that would be lost are refused, before anything is changed. An event records it.

        Parameters
        ----------
        prompt
            Ask first; default is the setting ``safemode``.
        context
            Names that the definition may refer to, beside those known when the class was decorated.

        Raises
        ------
        DataJointError
            When rows would lose values, or keys or references differ.
        TransactionError
            Inside a transaction.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> Subject.definition = "subject_id : int32\n---\nspecies='mouse' : varchar(20)"
        >>> Subject.alter(prompt=False)
        >>> Subject.fetch1()
        {'subject_id': 1, 'species': 'mouse'}
        """
        altering.alter(self, prompt, context)

    def _sibling(self, name: TableName) -> Table:
        """Return another table of the connection, without its class."""
        table = Table()
        table._binding = Binding(self.connection, name)
        return table
