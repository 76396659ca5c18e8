"""Stand-ins for heavy packages: any name can be imported from them, and using one says that it is absent."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

VERSION = "0.0.0"


class AbsentPackageError(ImportError):
    """A make needs a package that a stand-in replaces."""


class _Meta(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(name, cls.__module__)

    def __call__(cls, *_args: Any, **_options: Any) -> Any:
        if cls.__dict__.get("_stands_in"):
            raise AbsentPackageError(f"{cls.__module__}.{cls.__name__} is a stand-in")
        return super().__call__()

    def __or__(cls, other: Any) -> Any:  # in annotations
        return Any

    __ror__ = __or__

    def __getitem__(cls, _parameters: Any) -> Any:
        return cls


def _absent(name: str, module: str) -> Any:
    return _Meta(name, (), {"__module__": module, "_stands_in": True})


class StandIns(MetaPathFinder, Loader):
    """Find modules of the packages named, where they are not installed."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Every module below a package that is stood in for."""
        if fullname.partition(".")[0] not in self._packages:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module that has every name."""
        module = ModuleType(spec.name)
        module.__dict__.update(__version__=VERSION, __path__=[], __all__=[])

        def every(name: str) -> Any:
            return _name(name, spec.name)

        module.__dict__["__getattr__"] = every
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""

    def install(self) -> None:
        """Come after all other finders: an installed package wins."""
        sys.meta_path.append(self)


def _name(name: str, module: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _absent(name, module)
