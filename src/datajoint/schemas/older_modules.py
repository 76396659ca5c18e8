"""Modules of older code that are more than names for other places."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from datajoint.codecs import blob
from datajoint.codecs.blob import MatCell, MatStruct, pack
from datajoint.engine.instance import default_instance
from datajoint.schemas.schema import Schema

__all__ = ["MatCell", "MatStruct", "Schema", "SwitchedModule", "pack", "replace_module", "switch", "unpack"]

_NAME = "dj.blob.use_32bit_dims"


class SwitchedModule(ModuleType):
    """A module whose attribute `use_32bit_dims` is the setting `blob.use_32bit_dims` of ``dj.config``.

    Examples
    --------
    >>> SwitchedModule("blob").use_32bit_dims
    False
    """

    @property
    def use_32bit_dims(self) -> bool:
        """Whether blobs of MATLAB are read as those of its 32-bit library."""
        return default_instance(_NAME).config.blob.use_32bit_dims

    @use_32bit_dims.setter
    def use_32bit_dims(self, on: bool) -> None:
        default_instance(_NAME).config.blob.use_32bit_dims = on


def switch(name: str) -> None:
    """Give a module the attribute `use_32bit_dims`.

    Examples
    --------
    >>> import datajoint.blob
    >>> switch("datajoint.blob")
    """
    sys.modules[name].__class__ = SwitchedModule


def unpack(data: Any, squeeze: bool = False) -> Any:
    r"""Return the value in a blob, read as the setting `blob.use_32bit_dims` says.

    Examples
    --------
    >>> unpack(b"dj0\0\x0b\x01")
    True
    """
    narrow = default_instance(_NAME).config.blob.use_32bit_dims
    return (blob.unpack_narrow if narrow else blob.unpack)(data, squeeze)


def replace_module(name: str, cls: type[Any]) -> None:
    """Let a class stand for the module of its name, so that it remains the attribute of the package.

    Examples
    --------
    >>> import datajoint.schema
    >>> datajoint.schema is datajoint.Schema
    True
    """
    setattr(cls, cls.__name__, cls)  # which `from module import Class` takes
    sys.modules[name] = cls  # type: ignore[assignment]
