"""What every table of a schema can tell about the origin of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from datajoint.provenance import events as asking
from datajoint.table.meta import class_level

if TYPE_CHECKING:
    from datajoint.query.expression import QueryExpression
    from datajoint.table.table import Table

__all__ = ["Traceable"]


@class_level
class Traceable:
    """Tables whose rows name the event that wrote them."""

    @property
    def events(self) -> QueryExpression:
        """All events of the table: inserts, updates, deletes, makes; one each, however many rows.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
        >>> Subject.events.to_arrays("kind", "row_count")
        (array(['insert'], dtype=object), array([2]))
        """
        return asking.events_of_table(cast("Table", self))

    def event(self) -> QueryExpression:
        """Return the rows, each with the event that wrote it: who, when, where, with which code.

        Rows that another client wrote are not there: nothing is known of them. An attribute of the event
        whose name the table has, too, comes as ``event_name``.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> (Subject & {"subject_id": 1}).event().fetch1("kind", "row_count")
        ('insert', 1)
        """
        return asking.events_of_rows(cast("Table", self))
