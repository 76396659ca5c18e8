"""What a definition was read as, and found to agree with: not looked at again while nothing of it changes."""

from __future__ import annotations

from collections.abc import Callable

from datajoint._value import Value
from datajoint.declare.resolve import SelfReference
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import Definition, Reference
from datajoint.errors import DataJointError

__all__ = ["Reading", "Target"]

Target = TableSpec | SelfReference
"""What a reference leads to."""


class Reading(Value):
    """A definition that describes a table just as the database has it.

    Attributes
    ----------
    targets
        Where its references led.
    """

    definition: Definition
    found: TableSpec
    targets: tuple[tuple[Reference, Target], ...]

    def holds(self, definition: Definition, found: TableSpec, find: Callable[[Reference], Target]) -> bool:
        """Whether definition, table and the tables referred to are the very same ones."""
        if definition is not self.definition or found is not self.found:
            return False
        try:
            return all(find(reference) is target for reference, target in self.targets)
        except DataJointError:  # which reading it again will tell with its place
            return False
