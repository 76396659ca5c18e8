"""Older import path of names that annotations mention."""

from datajoint.table.external import ExternalMapping, ExternalTable
