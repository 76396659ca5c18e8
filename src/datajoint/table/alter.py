"""Changing declared tables."""

from __future__ import annotations

from typing import Any

from datajoint.errors import DataJointError
from datajoint.table.meta import class_level

__all__ = ["Altering"]


@class_level
class Altering:
    """Bringing a table to a changed definition."""

    def alter(self, prompt: bool | None = None, context: dict[str, Any] | None = None) -> None:
        """Bring the table to the definition of its class; not in this release yet.

        Raises
        ------
        DataJointError
            Always, for the time being.
        """
        raise DataJointError(
            "Altering tables comes later.",
            hint="Declare a new table and copy the rows with insert(query), or alter it in the database.",
        )
