"""The tiers of tables: who writes their rows."""

from datajoint.tiers.tiers import Computed, Imported, Lookup, Manual, Part, UserTable

__all__ = ["Computed", "Imported", "Lookup", "Manual", "Part", "UserTable"]
