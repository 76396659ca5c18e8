"""Tables of ours in a schema of the user's, made when they are first needed."""

from __future__ import annotations

from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.define import run
from datajoint.engine.rows import storage_type
from datajoint.errors import AccessError, QueryError
from datajoint.logging import logger
from datajoint.sql.ddl import create_table

__all__ = ["prepare"]


def prepare(connection: Connection, spec: TableSpec) -> bool:
    """Make a table of ours where it is missing and may be made; return whether it is there.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.sql.system_tables.workers import workers_table
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> prepare(schema.connection, workers_table("lab"))
    True
    """
    catalog = connection.catalog
    if catalog.find(spec.name) is not None:
        return True
    if not connection.config.database.create_tables or connection.is_atomic:
        return False
    storage = {a.name: storage_type(a.dtype) for a in spec.columns if a.dtype.kind == "codec"}
    try:
        run(connection, create_table(spec, storage, connection.dialect))
    except AccessError:
        logger.info("no right to make `%s`: what it would keep is not kept", spec.name)
        return False
    except QueryError:  # another process has just made it
        catalog.forget(spec.name.schema)
        return catalog.find(spec.name) is not None
    catalog.add(spec)
    return True
