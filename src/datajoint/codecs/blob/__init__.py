"""The blob format of DataJoint: Python, NumPy and MATLAB values as bytes, readable by every release.

A blob is one of the headers ``mYm`` (MATLAB-compatible) or ``dj0`` and one element, perhaps compressed.
NumPy is imported when the first array is met, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datajoint.codecs.blob import matlab
from datajoint.codecs.blob.reader import unpack, unpack_narrow
from datajoint.codecs.blob.writer import pack

if TYPE_CHECKING:
    from datajoint.codecs.blob.matlab import MatCell, MatStruct

__all__ = ["MatCell", "MatStruct", "pack", "unpack", "unpack_narrow"]


def __getattr__(name: str) -> Any:
    if name in ("MatCell", "MatStruct"):
        return getattr(matlab, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
