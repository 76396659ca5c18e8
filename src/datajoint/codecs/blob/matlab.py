"""Cell and struct arrays of MATLAB as array classes; made when first asked for, because they need NumPy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

__all__ = ["MatCell", "MatStruct"]

if TYPE_CHECKING:
    import numpy as np

    class MatCell(np.ndarray[Any, np.dtype[np.object_]]):
        """An object array that is stored as a MATLAB cell array."""

    class MatStruct(np.ndarray[Any, np.dtype[np.void]]):  # a np.recarray, whose stub does not allow it
        """A record array that is stored as a MATLAB struct array."""


_CELL = """An object array that is stored as a MATLAB cell array.

Examples
--------
>>> import numpy as np
>>> import datajoint as dj
>>> np.array(["a", 1], dtype=object).view(dj.MatCell).shape
(2,)
"""
_STRUCT = """A record array that is stored as a MATLAB struct array.

Examples
--------
>>> import numpy as np
>>> import datajoint as dj
>>> np.rec.array([(1, 2.0)], dtype=[("a", "O"), ("b", "O")]).view(dj.MatStruct).dtype.names
('a', 'b')
"""


@lru_cache(maxsize=1)
def classes() -> dict[str, type]:
    """Make the two array classes."""
    import numpy as np

    kinds = {
        "MatCell": (np.ndarray, _CELL),
        "MatStruct": (np.recarray, _STRUCT),
    }
    return {
        name: type(name, (base,), {"__doc__": text, "__module__": __name__})
        for name, (base, text) in kinds.items()
    }


def __getattr__(name: str) -> Any:
    if name in ("MatCell", "MatStruct"):
        return classes()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
