"""Which modules belong to the project of a table, and which to installed packages."""

from __future__ import annotations

import os
from types import FunctionType

from datajoint.journal.code import units
from datajoint.journal.code.units import Unit

__all__ = ["Project"]


class Project:
    """The modules whose code counts for a class: those of its package, and all that are not installed.

    Examples
    --------
    >>> project = Project("__main__")
    >>> project.has_module("__main__"), project.has_module("json"), project.is_installed("json")
    (True, False, True)
    """

    def __init__(self, module: str) -> None:
        self._package = module.partition(".")[0]
        self._installed: dict[str, bool] = {}

    def _has_file(self, module: str, file: str) -> bool:
        own = module.partition(".")[0] == self._package and self._package != "__main__"
        return own or units.is_project(file)

    def has_module(self, module: str) -> bool:
        """Whether a module belongs to the project."""
        if module == "__main__":
            return True
        file = units.file_of_module(module)
        return file is not None and self._has_file(module, file)

    def has_text_of(self, function: FunctionType) -> bool:
        """Whether a function is written in the project, and not generated, as the methods of dataclasses."""
        code, module = function.__code__, function.__module__
        if not isinstance(module, str) or not self.has_module(module):  # type: ignore[unnecessaryIsInstance]
            return False
        if code.co_filename.startswith("<") and not units.unit_of_function(function):
            return False
        return not os.path.exists(code.co_filename) or self._has_file(module, code.co_filename)

    def is_installed(self, package: str) -> bool:
        """Whether a package is certainly none of the project, so that nobody searches in it."""
        if package not in self._installed:
            file = units.file_of_module(package)
            self._installed[package] = file is not None and not self._has_file(package, file)
        return self._installed[package]

    def holds(self, module: str) -> bool:
        """Whether a module has a file, and it is one of the project."""
        if self.is_installed(module.partition(".")[0]):
            return False
        file = units.file_of_module(module)
        return file is not None and self._has_file(module, file)

    def unit(self, module: str) -> Unit | None:
        """Return the text of a module of the project."""
        return units.unit_of_module(module) if self.holds(module) else None
