"""Older import path of the lineage of attributes."""

from datajoint.engine.lineage import rebuild_lineage as rebuild_schema_lineage
