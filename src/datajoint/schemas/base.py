"""What every schema has: a connection and a name."""

from __future__ import annotations

from datajoint._edge import edge
from datajoint.engine.connection import Connection
from datajoint.engine.instance import default_instance
from datajoint.errors import DataJointError

__all__ = ["ActivatedSchema"]


@edge
class ActivatedSchema:
    """A schema of a connection, once it is activated."""

    _connection: Connection | None
    _name: str | None
    _create_tables: bool | None

    def is_activated(self) -> bool:
        """Whether the schema is attached to one in the database."""
        return self._name is not None

    @property
    def connection(self) -> Connection:
        """Where the schema is."""
        if self._connection is None:
            self._connection = default_instance("dj.Schema").connection
        return self._connection

    @property
    def database(self) -> str:
        """Name of the schema in the database.

        Raises
        ------
        DataJointError
            When the schema is not activated.
        """
        if self._name is None:
            raise DataJointError("The schema must be activated first.", hint="Call schema.activate('name').")
        return self._name

    @property
    def create_tables(self) -> bool:
        """Whether missing tables are made."""
        default = self.connection.config.database.create_tables
        return bool(default if self._create_tables is None else self._create_tables)
