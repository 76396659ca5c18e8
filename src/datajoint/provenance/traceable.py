"""Methods of every table for the origin, history and freshness of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from datajoint.provenance import export as exporting
from datajoint.provenance.history import as_of_and_restore, events as asking
from datajoint.provenance.staleness import written_rows
from datajoint.provenance.tracing import lineage as tracing, why as reasons
from datajoint.table.meta import class_level

if TYPE_CHECKING:
    from pathlib import Path

    from datajoint.provenance.staleness.report import StaleReport
    from datajoint.provenance.tracing.lineage import Lineage
    from datajoint.provenance.tracing.why import Why
    from datajoint.query.expression import QueryExpression
    from datajoint.table.table import Table

__all__ = ["Traceable"]


@class_level
class Traceable:
    """A table whose rows name the event that wrote them."""

    @property
    def events(self) -> QueryExpression:
        """All events of the table: inserts, updates, deletes and makes. An event can cover many rows.

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
        """Return the rows joined with the events that wrote them: user, time, host and code.

        Rows written by another client have no event and are missing from the result. If the table has an
        attribute ``name`` that events have too, the attribute of the event is called ``event_name``.

        Returns
        -------
        QueryExpression
            The rows with the attributes of their events.

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

    def lineage(self, *, depth: int | None = None, downstream: bool = False) -> Lineage:
        """Return the origin of the rows: the events that wrote them and, step by step, their source rows.

        The sources of a computed row are the rows that its make read, with the attributes that it read and
        whether they have changed since. The sources of any other row are the rows that it references.

        Parameters
        ----------
        depth
            Number of steps; by default all, up to a hundred groups of rows.
        downstream
            Include the rows that were computed from these rows.

        Returns
        -------
        Lineage
            `str` formats it as a tree; its items are the rows, with their `sources`; `as_dict` is for JSON.

        Raises
        ------
        DataJointError
            If the table has more than 20 rows.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     weight : float64
        ...     '''
        >>> @schema
        ... class Dose(dj.Computed):
        ...     definition = '''
        ...     -> Subject
        ...     ---
        ...     dose : float64
        ...     '''
        ...
        ...     def make(self, key):
        ...         self.insert1({**key, "dose": 0.1 * (Subject & key).fetch1("weight")})
        >>> Subject.insert1({"subject_id": 1, "weight": 20})
        >>> Dose.populate()
        {'success_count': 1, 'error_list': []}
        >>> (Dose & {"subject_id": 1}).lineage()
        Dose  subject_id=1
        │ made ... by ...
        │   code ..., Python ...
        └─ Subject  subject_id=1  read: weight
             inserted ... by ...
        """
        return tracing.lineage(cast("Table", self), depth, downstream)

    def stale(self, *restrictions: Any, exact: bool = False) -> StaleReport:
        """Return the rows that were written by makes whose results are stale or possibly stale.

        Makes write parts and the tables that a computed table lists in `writes`. Rows entered in any other
        way cannot be stale.

        Parameters
        ----------
        *restrictions
            Conditions on the rows; all must hold.
        exact
            The same option as in `stale` of computed tables.

        Returns
        -------
        StaleReport
            The rows with their states and the reasons.

        Raises
        ------
        DataJointError
            If no make writes rows of the table.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Session(dj.Manual):
        ...     definition = "session : int32"
        >>> @schema
        ... class File(dj.Manual):
        ...     definition = "file : int32"
        >>> @schema
        ... class Load(dj.Computed):
        ...     definition = "-> File"
        ...     writes = [Session]
        ...
        ...     def make(self, key):
        ...         Session.insert1({"session": key["file"]})
        ...         self.insert1(key)
        >>> Session.stale()
        `Session`: all rows are fresh.
        """
        table = cast("Table", self)
        for restriction in restrictions:
            table = table & restriction
        return written_rows.stale_written(table, exact)

    def why(self, *, exact: bool = False) -> Why:
        """Explain, as text and as data, whether the makes that wrote the rows are stale, and why.

        Parameters
        ----------
        exact
            The same option as in `why` of computed tables.

        Returns
        -------
        Why
            The state of each row and its reasons.

        Raises
        ------
        DataJointError
            If no make writes rows of the table, or if there are more than 20 rows.
        """
        return reasons.why_written(cast("Table", self), exact)

    def as_of(self, time: Any) -> QueryExpression:
        """Return the rows of the whole table as they were at a given time.

        Rows that were changed or deleted later come from the history of the table, which is kept unless the
        setting ``provenance.history`` is ``off``. Writes of other clients are not recorded: their rows are
        assumed to have always existed, and a warning reports this. Transactions that were open at that time
        may be missing from the last minute before it.

        Parameters
        ----------
        time
            A datetime (UTC if it has no time zone) or a string: ``"2026-11-28 14:00"``.

        Returns
        -------
        QueryExpression
            The rows at that time; restrict this result rather than the table.

        Raises
        ------
        DataJointError
            If the table is restricted, or if old versions of rows from that time have been removed.

        Examples
        --------
        >>> import time
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     weight : float64
        ...     '''
        >>> Subject.insert1({"subject_id": 1, "weight": 20.0})
        >>> before = schema.events.fetch1("finished")
        >>> time.sleep(0.002)  # SQLite tells time in milliseconds
        >>> Subject.update1({"subject_id": 1, "weight": 25.0})
        >>> Subject.as_of(before).fetch1("weight"), Subject.fetch1("weight")
        (20.0, 25.0)
        """
        return as_of_and_restore.as_of(cast("Table", self), time)

    def old_versions(self) -> QueryExpression | None:
        """Return the old versions of changed and deleted rows; `written` and `ended` name their events.

        Returns
        -------
        QueryExpression or None
            The old versions; None if no row has been changed or deleted.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> (Subject & {"subject_id": 1}).delete(prompt=False)
        1
        >>> Subject.old_versions().fetch1("subject_id")
        1
        """
        return as_of_and_restore.old_versions(cast("Table", self))

    def export_lineage(self, form: str = "prov", path: str | Path | None = None) -> Any:
        """Return the origin of the rows in a standard format.

        The export contains the rows, all rows that they derive from by references, the events that wrote
        them, and the users and code of these events.

        Parameters
        ----------
        form
            ``prov`` (W3C PROV-JSON), ``ro-crate`` (RO-Crate 1.1 metadata) or ``openlineage`` (run events).
        path
            File to write the export to, in addition.

        Returns
        -------
        dict or list
            The export as values for JSON.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> list((Subject & {"subject_id": 1}).export_lineage()["entity"])
        ['row:lab.subject/subject_id=1']
        """
        return exporting.export(cast("Table", self), form, path)
