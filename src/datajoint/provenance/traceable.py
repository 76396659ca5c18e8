"""What every table of a schema can tell about the origin of its rows."""

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

    def lineage(self, *, depth: int | None = None, downstream: bool = False) -> Lineage:
        """Return where the rows come from: who made them, from which rows, and so on upwards (PRV-6).

        Of a computed row the rows are told that its make has read, and which attributes of them, and whether
        they have changed since; of others the rows that they refer to.

        Parameters
        ----------
        depth
            So many steps; default is all, up to a hundred groups of rows.
        downstream
            Tell what was made from the rows, too.

        Returns
        -------
        Lineage
            `str` shows it as a tree; its items are the rows, with their `sources`; `as_dict` is for JSON.

        Raises
        ------
        DataJointError
            For more than 20 rows.

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
        """Return which rows were written by makes whose results are not fresh.

        That holds for parts, and for tables that a computed table lists in `writes`; rows that were entered
        otherwise cannot be stale.

        Parameters
        ----------
        *restrictions
            Conditions on the rows; all must hold.
        exact
            As for computed tables.

        Raises
        ------
        DataJointError
            When no make writes rows of the table.

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
        """Return whether the makes that wrote the rows are stale, and why, in words and as data.

        Parameters
        ----------
        exact
            As for computed tables.

        Raises
        ------
        DataJointError
            When no make writes rows of the table, and for more than 20 rows.
        """
        return reasons.why_written(cast("Table", self), exact)

    def as_of(self, time: Any) -> QueryExpression:
        """Return the rows of the whole table as they were at a time.

        Rows that were changed or deleted since are taken from the history of the table, which is kept unless
        the setting ``provenance.history`` is ``off``. What other clients did is not known: their rows are
        taken as having been there always, and a warning says so. Transactions that were open at the time may
        be missing in its last minute.

        Parameters
        ----------
        time
            A datetime, UTC where it has no zone, or a text: ``"2026-11-28 14:00"``.

        Raises
        ------
        DataJointError
            For a restricted table: restrict what comes instead. For a time of which old versions of rows were
            forgotten.

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
        """Return the versions of rows that were changed or deleted: `written` and `ended` name the events.

        None where nothing has been changed or deleted.

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
        """Return where the rows come from, in a form that others read (PRV-8).

        The rows, all rows that they derive from by references, the events that wrote them, who did it, with
        which code.

        Parameters
        ----------
        form
            ``prov`` (W3C PROV-JSON), ``ro-crate`` (RO-Crate 1.1 metadata) or ``openlineage`` (run events).
        path
            File to write it to, too.

        Returns
        -------
        dict or list
            What JSON has of it.

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
