"""Independent uses of DataJoint in one process (CFG-14)."""

from __future__ import annotations

from typing import Any

from datajoint._edge import edge
from datajoint.engine.instance import CoreInstance
from datajoint.heading.names import TableName
from datajoint.schemas.module import VirtualModule, virtual_schema
from datajoint.schemas.schema import Schema, list_schemas
from datajoint.settings import load_config
from datajoint.table.free import FreeTable

__all__ = ["Instance"]


@edge
class Instance(CoreInstance):
    """Settings and a connection of their own.

    Parameters
    ----------
    host, user, password, port, use_tls, backend
        Where to connect; what is not given comes from files and environment.
    **settings
        Further settings, ``__`` standing for dots.

    Examples
    --------
    >>> import datajoint as dj
    >>> instance = dj.Instance(backend="sqlite", database__name=":memory:", safemode=False)
    >>> instance.config.safemode
    False
    """

    def __init__(
        self, host: str | None = None, user: str | None = None, password: str | None = None,
        port: int | None = None, use_tls: Any = None, backend: str | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        given = {
            "host": host,
            "user": user,
            "password": password,
            "port": port,
            "use_tls": use_tls,
            "backend": backend,
        }
        config = load_config()
        changes = {f"database__{name}": value for name, value in given.items() if value is not None}
        super().__init__(config.copy(**changes, **settings))

    def Schema(self, schema_name: str | None = None, context: Any = None, **options: Any) -> Schema:  # noqa: N802
        """Return a schema on the connection of this instance; arguments as of `dj.Schema`."""
        return Schema(schema_name, context, connection=self.connection, **options)

    schema = Schema

    def FreeTable(self, full_table_name: str | TableName) -> FreeTable:  # noqa: N802
        """Return a table by its name."""
        return FreeTable(self.connection, full_table_name)

    def virtual_schema(self, schema_name: str, **options: Any) -> VirtualModule:
        """Return a module with a class for each table of a schema."""
        return virtual_schema(schema_name, connection=self.connection, **options)

    def list_schemas(self) -> list[str]:
        """Return the names of the schemas that the user may see."""
        return list_schemas(self.connection)

    def close(self) -> None:
        """Close the connection."""
        self.reset()
