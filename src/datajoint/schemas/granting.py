"""The methods by which rights on a schema are given and taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from datajoint._edge import edge
from datajoint.schemas import grants

if TYPE_CHECKING:
    from datajoint.schemas.schema import Schema

__all__ = ["Granting"]


@edge
class Granting:
    """Rights of users on a schema."""

    def grant(self, user: str, level: str) -> None:
        """Give a user or role of the server the rights that a kind of work needs.

        Parameters
        ----------
        user
            Name of a user or role; on MySQL ``"name@host"``, without a host ``name@%``.
        level
            ``"reader"`` reads everything; ``"writer"`` also inserts, updates and deletes in manual tables;
            ``"computer"`` also does so in imported and computed tables, and keeps job queues; ``"admin"``
            does everything, and declares. Each has what it needs of the tables of the platform, such as the
            one of events.

        Raises
        ------
        DataJointError
            When the level is unknown, or the database has no users.
        AccessError
            When you may not give these rights yourself.

        Notes
        -----
        Tables declared later are readable at once (on PostgreSQL: when you declare them); grant again for the
        right to write to them. Rights can be given to several levels one after the other. Tables of other
        schemas that this one refers to have rights of their own. On PostgreSQL a table is altered and dropped
        by its owner alone.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.grant("ann", "reader")
        Traceback (most recent call last):
        ...
        datajoint.errors.DataJointError: SQLite has no users, so that there are no rights to give on `lab`.
        Protect the file by the rights of the operating system, or use PostgreSQL or MySQL.
        """
        grants.grant(cast("Schema", self), user, level)

    def revoke(self, user: str, level: str | None = None) -> None:
        """Take rights away that `grant` has given; reading remains unless ``level`` is ``"reader"`` or None.

        Parameters
        ----------
        user
            Name of a user or role.
        level
            As for `grant`; None takes everything.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.revoke("ann")
        Traceback (most recent call last):
        ...
        datajoint.errors.DataJointError: SQLite has no users, so that there are no rights to give on `lab`.
        Protect the file by the rights of the operating system, or use PostgreSQL or MySQL.
        """
        grants.revoke(cast("Schema", self), user, level)
