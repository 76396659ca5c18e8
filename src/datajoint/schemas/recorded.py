"""What a schema keeps about the writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from datajoint.engine.connection import Connection
from datajoint.provenance import events as asking
from datajoint.query.expression import QueryExpression

if TYPE_CHECKING:
    from datajoint.schemas.schema import Schema

__all__ = ["Recorded"]


class Recorded:
    """Events, code and environments as expressions."""

    def _here(self) -> tuple[Connection, str]:
        schema = cast("Schema", self)
        return schema.connection, schema.database

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
