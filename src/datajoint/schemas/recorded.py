"""What a schema keeps about the writes to it."""

from __future__ import annotations

from datajoint._edge import edge
from datajoint.engine.connection import Connection
from datajoint.provenance.history import as_of_and_restore, events as asking, retention
from datajoint.query.expression import QueryExpression
from datajoint.schemas.base import ActivatedSchema

__all__ = ["Recorded"]


@edge
class Recorded(ActivatedSchema):
    """Events, code and environments as expressions."""

    def _here(self) -> tuple[Connection, str]:
        return self.connection, self.database

    @property
    def events(self) -> QueryExpression:
        """Every write to the schema: who, when, from where, how many rows (PRV-9).

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> schema.events.fetch1("kind", "table_name", "row_count")
        ('insert', 'subject', 1)
        """
        return asking.events_of(*self._here())

    @property
    def code(self) -> QueryExpression:
        """The code that results were computed with: ``schema.events * schema.code`` tells which (PRV-6)."""
        return asking.code_of(*self._here())

    @property
    def environments(self) -> QueryExpression:
        """The environments that results were computed in: packages, repository, commit (PRV-6)."""
        return asking.environments_of(*self._here())

    def restore(self, event: int, *, step: bool = False) -> dict[str, int]:
        """Take back what an event did: rows that it deleted come back, rows that it changed are as before.

        An event that belongs to a block, a cascade or a make is taken back with all of it, in every schema.
        This is itself recorded, and can be taken back.

        Parameters
        ----------
        event
            Number of the event, from `events`.
        step
            Take back this one step only.

        Returns
        -------
        dict
            Number of rows restored in each table.

        Raises
        ------
        DataJointError
            When there is no such event, or nothing that it ended.
        IntegrityError
            When a row was written again since, or what it refers to is gone; nothing is changed then.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
        >>> Subject.delete(prompt=False)
        2
        >>> schema.restore((schema.events & {"kind": "delete"}).fetch1("event"))
        {'lab.subject': 2}
        >>> len(Subject)
        2
        """
        return as_of_and_restore.restore(*self._here(), event, step=step)

    def history_sizes(self) -> list[retention.Kept]:
        """Return of how many rows old versions are kept, what they take, and since when, table by table.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
        >>> Subject.delete(prompt=False)
        2
        >>> [(kept.table, kept.versions, kept.bytes) for kept in schema.history_sizes()]
        [('subject', 2, 88)]
        """
        return retention.kept_versions(*self._here())

    def prune_history(
        self, days: float | None = None, *, bytes: int | None = None, dry_run: bool = False
    ) -> dict[str, int]:
        """Forget old versions of rows that were changed or deleted.

        Parameters
        ----------
        days
            Forget those that ended more than so many days ago.
        bytes
            Keep the newest, as many as take so many bytes, without indexes. Without both the settings
            ``provenance.history_days`` and ``provenance.history_bytes`` hold.
        dry_run
            Return what would be done only.

        Returns
        -------
        dict
            Number of versions forgotten of each table.

        Raises
        ------
        DataJointError
            When neither arguments nor settings say what is to be forgotten.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.prune_history(30)
        {}
        """
        return retention.prune(*self._here(), days, bytes, dry_run)
