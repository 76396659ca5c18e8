"""Modules of classes made from a schema of the live database (SCH-7)."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from datajoint._edge import edge
from datajoint.engine.connection import Connection
from datajoint.schemas.schema import Schema

__all__ = ["VirtualModule", "create_virtual_module", "virtual_schema"]


class VirtualModule(types.ModuleType):
    """A module with a class for each table of a schema, and the schema as `schema`.

    Parameters
    ----------
    module_name
        Name of the module.
    schema_name
        Name of the schema in the database.
    create_schema, create_tables
        Whether to make the schema, or tables declared later by its decorator.
    connection
        Where the schema is; the shared connection by default.
    add_objects
        Further names to put into the module.

    Examples
    --------
    >>> import datajoint as dj
    >>> instance = dj.Instance(backend="sqlite", database__name=":memory:")
    >>> schema = instance.Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> dj.VirtualModule("lab", "lab", connection=instance.connection).Subject.primary_key
    ['subject_id']
    """

    def __init__(
        self, module_name: str, schema_name: str, *, create_schema: bool = False, create_tables: bool = False,
        connection: Connection | None = None, add_objects: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=module_name)
        schema = Schema(
            schema_name, create_schema=create_schema, create_tables=create_tables, connection=connection
        )
        self.__dict__["schema"] = schema
        self.__dict__.update(add_objects or {})
        schema._fill(self.__dict__)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"schema `{self.__dict__['schema'].database}` has no table class {name!r}")


create_virtual_module = VirtualModule


@edge
def virtual_schema(
    schema_name: str, *, connection: Connection | None = None, create_schema: bool = False,
    create_tables: bool = False, add_objects: Mapping[str, Any] | None = None,
) -> VirtualModule:  # fmt: skip
    """Return a module with a class for each table of a schema.

    Raises
    ------
    DataJointError
        When the schema does not exist.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> virtual_schema("lab", connection=schema.connection).Subject.primary_key
    ['subject_id']
    """
    return VirtualModule(
        schema_name, schema_name, connection=connection, create_schema=create_schema,
        create_tables=create_tables, add_objects=add_objects,
    )  # fmt: skip
