"""Tables: what can be written to."""

from datajoint.table.table import Table

__all__ = ["Table"]
