"""Where attributes were first introduced: filled in where a record of it is missing (LIN-6 … LIN-8)."""

from __future__ import annotations

from collections.abc import Mapping

from datajoint import logging
from datajoint._value import replace
from datajoint.declare.spec import TableSpec
from datajoint.engine.catalog import Catalog
from datajoint.engine.connection import Connection
from datajoint.engine.define import create_table, run
from datajoint.errors import AccessError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.sql import ddl
from datajoint.sql.system import LINEAGE, lineage_table

__all__ = ["complete_lineage", "rebuild_lineage"]


def complete_lineage(connection: Connection, found: TableSpec, missing: Mapping[str, str]) -> None:
    """Record the lineage of key attributes for which the schema has no record; others are never changed.

    A schema without a lineage table is left alone: see `rebuild_lineage`.
    """
    catalog = connection.catalog
    if connection.in_transaction or catalog.find(TableName(found.name.schema, LINEAGE)) is None:
        return
    try:
        run(connection, [ddl.add_lineage(found.name, missing, connection.dialect)])
    except AccessError:
        return
    logging.logger.info("lineage of `%s` was missing and is recorded now: %s", found.name, ", ".join(missing))
    catalog.add(_with_lineage(found, missing))


def _with_lineage(spec: TableSpec, lineage: Mapping[str, str | None]) -> TableSpec:
    def filled(attribute: Attribute) -> Attribute:
        return replace(attribute, lineage=lineage.get(attribute.name, attribute.lineage))

    return replace(
        spec, attributes=tuple(map(filled, spec.attributes)), hidden=tuple(map(filled, spec.hidden))
    )


def rebuild_lineage(connection: Connection, schema: str) -> None:
    """Write the lineage of all tables of a schema again, as their foreign keys tell it."""
    catalog = connection.catalog
    catalog.forget(schema)
    name = TableName(schema, LINEAGE)
    if catalog.find(name) is None:
        create_table(connection, lineage_table(schema))
    specs = [spec for name, spec in catalog.tables(schema).items() if not name.name.startswith("~")]
    tracing = _Tracing(catalog, schema)
    traced = [
        _with_lineage(spec, {a.name: tracing.lineage(spec, a.name) for a in spec.columns}) for spec in specs
    ]
    kept = [spec.name.name for spec in specs]
    run(
        connection,
        [
            ddl.forget_lineage(schema, kept, connection.dialect),
            *(statement for spec in traced for statement in ddl.write_lineage(spec, connection.dialect)),
        ],
    )
    catalog.forget(schema)


class _Tracing:
    """Follows foreign keys to the table where an attribute was introduced."""

    def __init__(self, catalog: Catalog, schema: str) -> None:
        self.catalog, self.schema = catalog, schema

    def lineage(self, spec: TableSpec, name: str) -> str | None:
        """Return the lineage of an attribute; of one in another schema as recorded there, if it is."""
        for key in spec.foreign_keys:
            if name in key.columns:
                origin = key.parent_columns[key.columns.index(name)]
                if (key.parent, origin) == (spec.name, name):
                    continue
                parent = self.catalog.spec(key.parent)
                recorded = parent.attribute(origin).lineage if key.parent.schema != self.schema else None
                return recorded or self.lineage(parent, origin) or f"{key.parent}.{origin}"
        return f"{spec.name}.{name}" if name in spec.primary_key else None
