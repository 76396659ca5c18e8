"""Difference of two values: its size, the number of elements, and the tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from datajoint._value import Value
from datajoint.make.value_equality import same

__all__ = ["Difference", "difference"]

_NUMBERS = (int, float, complex, Decimal)


class Difference(Value):
    """Difference of two values.

    Attributes
    ----------
    size
        Largest absolute difference of two numbers; None if no numbers differ.
    elements, total
        Number of different elements, and of all elements; both 1 for single values.
    note
        Differences other than values: type, shape, length, names.
    """

    size: float | None = None
    elements: int = 1
    total: int = 1
    note: str = ""

    def __str__(self) -> str:
        parts = [f"{self.elements} of {self.total} elements"] if self.total > 1 else []
        if self.size is not None:
            parts.append(f"{'largest ' if self.elements > 1 else ''}difference {self.size:.3g}")
        return ", ".join([*parts, *([self.note] if self.note else [])])


def difference(old: Any, new: Any, tolerance: float | None = None, whole: bool = False) -> Difference | None:
    """Return the difference of two values; None if they are equal within the tolerance.

    Parameters
    ----------
    tolerance
        Absolute tolerance of numbers, and relative tolerance to the old value, as in ``numpy.isclose``.
    whole
        Apply the tolerance to whole numbers, too.

    Examples
    --------
    >>> difference(1.0, 1.0 + 1e-9, 1e-6) is None, difference(1.0, 1.5)
    (True, Difference(size=0.5, elements=1, total=1, note=''))
    >>> import numpy as np
    >>> print(difference({"x": np.zeros(9)}, {"x": np.arange(9.0)}))
    8 of 9 elements, largest difference 8
    >>> print(difference(np.zeros(3), np.zeros(4)))
    shape (3,) → (4,)
    """
    if same(old, new):
        return None
    found = list(_differences(old, new, _Within(tolerance, whole)))
    if not any(one.elements for one in found):
        return None
    sizes = [one.size for one in found if one.size is not None and one.elements]
    return Difference(
        max(sizes, key=_rank) if sizes else None,
        sum(one.elements for one in found),
        sum(one.total for one in found),
        "; ".join(dict.fromkeys(one.note for one in found if one.note)),
    )


def _rank(size: float) -> float:
    return math.inf if math.isnan(size) else size


class _Within(Value):
    """Tolerance for numbers."""

    tolerance: float | None
    whole: bool

    def near(self, old: Any, new: Any) -> bool:
        if self.tolerance is None or (isinstance(old, int) and isinstance(new, int) and not self.whole):
            return False
        gap = abs(new - old)
        return math.isfinite(gap) and bool(gap <= self.tolerance + self.tolerance * abs(old))


def _differences(old: Any, new: Any, within: _Within) -> Iterator[Difference]:
    """Yield the differences of the parts of two values; equal parts count as elements, too."""
    if _is_number(old) and _is_number(new):
        yield _of_numbers(old, new, within)
    elif type(old) is not type(new):
        yield Difference(note=f"{type(old).__name__} → {type(new).__name__}")
    elif _is_array(old):
        yield from _of_arrays(old, new, within)
    elif isinstance(old, Mapping):
        yield from _of_mappings(cast("Mapping[Any, Any]", old), new, within)
    elif isinstance(old, (list, tuple)):
        yield from _of_sequences(cast("Sequence[Any]", old), new, within)
    else:
        yield Difference(elements=int(not same(old, new)))


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _is_array(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "dtype")


def _of_numbers(old: Any, new: Any, within: _Within) -> Difference:
    if same(old, new):
        return Difference(elements=0)
    if isinstance(old, Decimal) or isinstance(new, Decimal):
        old, new = float(old), float(new)
    gap = float(abs(new - old))
    return Difference(gap, elements=int(not within.near(old, new)))


def _of_mappings(old: Mapping[Any, Any], new: Mapping[Any, Any], within: _Within) -> Iterator[Difference]:
    if old.keys() != new.keys():
        changed = sorted(str(name) for name in old.keys() ^ new.keys())
        yield Difference(note=f"names: {', '.join(changed[:5])}{' …' if len(changed) > 5 else ''}")
    for name in old:
        if name in new:
            yield from _differences(old[name], new[name], within)


def _of_sequences(old: Sequence[Any], new: Sequence[Any], within: _Within) -> Iterator[Difference]:
    if len(old) != len(new):
        yield Difference(note=f"length {len(old)} → {len(new)}")
        return
    for one, other in zip(old, new, strict=True):
        yield from _differences(one, other, within)


def _of_arrays(old: Any, new: Any, within: _Within) -> Iterator[Difference]:
    if old.dtype != new.dtype or old.shape != new.shape:
        what = ("shape", old.shape, new.shape) if old.dtype == new.dtype else ("dtype", old.dtype, new.dtype)
        yield Difference(note="{} {} → {}".format(*what))
    elif old.dtype.names:
        for name in old.dtype.names:
            yield from _of_arrays(old[name], new[name], within)
    elif old.dtype.hasobject:
        yield from _of_sequences(old.ravel().tolist(), new.ravel().tolist(), within)
    else:
        yield _of_plain_arrays(old, new, within)


def _of_plain_arrays(old: Any, new: Any, within: _Within) -> Difference:
    import numpy as np

    old, new = np.asarray(old), np.asarray(new)  # both may be NumPy scalars
    total, kind = int(old.size), old.dtype.kind
    unequal = (old != new) & ~((old != old) & (new != new))  # noqa: PLR0124 - NaN and NaT
    if kind not in "iufc":
        return Difference(None, int(unequal.sum()), total)
    wide = np.complex128 if kind == "c" else np.float64
    with np.errstate(all="ignore"):
        gap = np.abs(new.astype(wide) - old.astype(wide))
        if within.tolerance is not None and (kind in "fc" or within.whole):
            near = gap <= within.tolerance + within.tolerance * np.abs(old.astype(wide))
            unequal &= ~(near & np.isfinite(gap))
    found = gap[unequal]
    return Difference(float(np.max(found)) if found.size else None, int(unequal.sum()), total)
