"""Older import path of the tiers."""

from datajoint.table.meta import TableMeta
from datajoint.tiers import Computed, Imported, Lookup, Manual, Part, UserTable
